import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.config.attacks import ServeSettings
from wellhead.consumers.attacks.api.choice import is_shifted, key_of, stores_for

KEYS = [key_of([client], "soc", "attacks") for client in range(10_000)]


@given(st.integers(0, 2**63 - 1), st.floats(0, 100), st.floats(0, 100))
def test_a_growing_share_moves_clients_one_way(client, one, other):
    """Whoever a share takes along, every larger share does too."""
    smaller, larger = sorted((one, other))
    key = key_of([client], "soc", "attacks")
    assert is_shifted(key, larger) or not is_shifted(key, smaller)


@pytest.mark.parametrize("percent", [0, 1, 10, 33.3, 50, 90, 99, 100])
def test_a_share_is_that_share_of_the_clients(percent):
    """Of 10,000 clients the share that is taken along is right within one percentage point; 0 takes none, 100 all."""
    taken = sum(is_shifted(key, percent) for key in KEYS) / 100
    assert abs(taken - percent) <= 1
    assert percent not in {0, 100} or taken == percent


def test_a_client_stays_whoever_asks_for_what():
    """A question for one client is sticky by it alone; one for several, or none, by who asks for what."""
    assert key_of([7, 7], "soc", "attacks") == key_of([7], "siem", "hits")
    assert (
        len(
            {key_of([], "soc", "attacks"), key_of([], "siem", "attacks"), key_of([], "soc", "hits"), key_of([1, 2], "soc", "x")}
        )
        == 4
    )


def test_the_place_of_a_client_is_fixed_for_ever():
    """The same client is in the same place on every machine and in every release, or shares would shuffle at an upgrade."""
    assert [client for client in range(300) if is_shifted(KEYS[client], 1)] == [141, 255, 280]


def test_who_answers_and_who_is_asked_too():
    """The share's clients are answered by the other store, and the first is then the other one; without another store all stay."""
    two = ServeSettings.model_validate({"mirror.to": "second", "shift.percent": 100})
    assert stores_for("k", two, "primary") == ("second", "primary")
    none = ServeSettings.model_validate({"mirror.to": "second"})
    assert stores_for("k", none, "primary") == ("primary", "second")
    assert stores_for("k", ServeSettings(), "primary") == ("primary", None)
