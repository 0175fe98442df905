"""Takes pages as the vendor may give them, proves that reading goes on in order, loses nothing and ends."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.threatstream.paging import MAX_ID, TOKENS, Step, step, token_of

PATH = "/api/v2/intelligence/"
ids = st.integers(0, MAX_ID)


def link(**params: object) -> str:
    return f"{PATH}?{urlencode(params)}"


@given(ids, ids, ids)
def test_the_most_exact_token_wins(search_after: int, greater: int, origin: int) -> None:
    """search_after comes before update_id__gt, and that before from_update_id, wherever they stand in the link."""
    assert token_of(link(from_update_id=origin, update_id__gt=greater, search_after=search_after)) == search_after
    assert token_of(link(from_update_id=origin, update_id__gt=greater)) == greater
    assert token_of(link(from_update_id=origin, limit=1000)) == origin


@given(ids, st.sampled_from(["", "https://api.example", "https://elsewhere.example:8443", "//other"]), st.sampled_from(TOKENS))
def test_relative_and_absolute_links_give_their_token_alone(token: int, host: str, name: str) -> None:
    """Whatever host a link names, only its token counts; the request goes to the configured address."""
    assert token_of(host + link(order_by="update_id", **{name: token})) == token


@pytest.mark.parametrize(
    "given_link",
    [
        *(None, "", "0", PATH, "https://[broken"),
        *(link(limit=1), link(update_id__gt="-5"), link(search_after="1e9"), link(search_after="1767225600000,58")),
        *(link(update_id__gt=MAX_ID + 1), link(update_id__gt="1" * 400), link(update_id__gt="\N{FULLWIDTH DIGIT NINE}")),
    ],
)
def test_a_link_without_a_number_has_no_token(given_link: str | None) -> None:
    """Signs, exponents, pairs, foreign digits and numbers beyond 2^63 - 1 are no positions."""
    assert token_of(given_link) is None


def test_search_after_counts_only_in_the_order_of_update_id() -> None:
    """In another order search_after is a time, which must never become a position."""
    foreign = {"order_by": "modified_ts", "search_after": 1_767_225_600_000}
    assert token_of(link(**foreign)) is None
    assert token_of(link(**foreign, update_id__gt=7)) == 7
    assert token_of(link(order_by="update_id", search_after=9, update_id__gt=7)) == 9


@pytest.mark.parametrize(
    ("asked", "newest"), [(998, 999), (999, 1000), (9_999_999_999, 10_000_000_000), (58_666_078_226, 2**40)]
)
def test_ids_are_compared_as_numbers(asked: int, newest: int) -> None:
    """A position with more digits is higher, however it would sort as text, and beyond 2^32."""
    assert step(asked, newest, 5, link(update_id__gt=newest)).position == newest


@given(ids, st.none() | ids, st.integers(0, 1000), st.none() | st.sampled_from(TOKENS), ids)
def test_every_step_leads_on_or_ends(asked: int, newest: int | None, objects: int, name: str | None, token: int) -> None:
    """A position never goes back; as long as there is more it rises; it never passes what the page and its link both allow."""
    newest = newest if objects else None
    then = step(asked, newest, objects, None if name is None else link(**{name: token}))
    assert then.position >= asked
    if then.more:
        assert then.position > asked
        assert then.position <= min(token, token if newest is None else newest)
        assert not then.stuck
    if newest is not None and newest > asked:
        assert asked < then.position <= newest


def test_the_last_page_ends_without_a_word() -> None:
    """No link means no more; no objects mean no more; neither is reported."""
    assert step(5, 9, 3, None) == step(5, 9, 3, "")
    assert (step(5, 9, 3, None).position, step(5, 9, 3, None).more, step(5, 9, 3, None).stuck) == (9, False, "")
    assert (step(5, None, 0, link(update_id__gt=8)).position, step(5, None, 0, link(update_id__gt=8)).more) == (5, False)


def test_a_link_without_a_token_goes_on_from_the_highest_id() -> None:
    """The highest update_id of the page is the last resort."""
    then = step(5, 9, 3, link(limit=1000))
    assert (then.position, then.more) == (9, True)


def test_a_link_that_does_not_lead_on_ends_the_run_behind_the_page() -> None:
    """What the page held is kept, and the run ends with a reason."""
    then = step(5, 9, 3, link(update_id__gt=5), limit=3)
    assert (then.position, then.more) == (9, False)
    assert "5" in then.stuck


@pytest.mark.parametrize("to", [0, 3, 5])
def test_a_short_page_whose_link_leads_back_is_followed_by_one_more(to: int) -> None:
    """Where a last page links to itself the end shows by asking from behind it, and nobody is told of anything."""
    then = step(5, 9, 3, link(update_id__gt=to), limit=1000)
    assert (then.position, then.more, then.stuck) == (9, True, "")
    assert step(9, None, 0, link(update_id__gt=9), limit=1000).more is False


def test_what_is_far_beyond_everything_is_not_gone_on_from() -> None:
    """A link to the far place is none, also where nothing else is on the page; one that leads elsewhere is followed."""
    wild = 9 * 10**18
    end = Step(9, more=False)
    assert step(5, 9, 3, link(search_after=wild), far=wild) == end
    assert step(9, None, 1, link(search_after=wild), far=wild) == end
    assert step(9, None, 1, link(limit=1), far=wild) == end
    assert step(9, None, 1, None, far=wild) == end
    assert step(5, 9, 3, link(search_after=8), far=wild) == Step(8, more=True)
    assert step(5, 9, 3, link(limit=3), far=wild) == Step(9, more=True)


@pytest.mark.parametrize("to", [3, 5, 6, 100])
def test_a_page_of_nothing_new_ends_the_run_where_it_stood(to: int) -> None:
    """Nothing on it lies behind the position, so nothing proves that the link skips nothing."""
    then = step(5, 5, 3, link(update_id__gt=to))
    assert (then.position, then.more) == (5, False)
    assert then.stuck


def test_a_page_of_objects_without_ids_is_passed_by_its_link() -> None:
    """Where no id can be read the link alone leads on, so that broken objects do not block the rest."""
    assert step(5, None, 3, link(update_id__gt=9)).more
    assert step(5, None, 3, link(update_id__gt=9)).position == 9
    assert not step(5, None, 3, None).stuck
