"""Delivering to a tenant through the vendor's own SDK."""

from __future__ import annotations

import pytest

from wellhead.errors import PermanentError, TemporaryError

SAME_SIZE = '"192.0.2.2","b"\n'


def test_a_new_file_is_created_and_an_old_one_replaced(tenant, file):
    """The newer API has a verb for each; which one is told by looking first."""
    place = tenant()
    place.target.put(file())
    place.target.put(file('"192.0.2.1","a"\n"192.0.2.2","b"\n'))
    assert [upload.how for upload in place.simulator.shelf.uploads] == ["POST lookupfiles", "PATCH lookupfiles"]
    assert place.kept() == b'"ip","note"\n"192.0.2.1","a"\n"192.0.2.2","b"\n'


def test_a_file_that_vanishes_between_two_calls_is_created(tenant, file):
    """The answer that there is nothing to replace is no failure."""
    place = tenant()
    place.target._client.upload(file(), replace=True)
    assert place.calls() == ["PATCH lookupfiles 404", "POST lookupfiles 201"]


def test_the_older_api_is_given_the_files_name_not_the_paths(tenant, file):
    """Its answer is a plain-text id, and the name is the upload's own."""
    place = tenant(api="humio", repository="investigate_view")
    place.target.put(file())
    assert place.kept(place="investigate_view") == file().path.read_bytes()
    assert place.calls() == ["POST investigate_view 200", "GET files 200"]


def test_presence_is_asked_for_by_get(tenant, file):
    """HEAD is answered 405, so it is never asked."""
    place = tenant()
    assert place.target.size_of("ip.csv") is None
    place.target.put(file())
    assert place.target.size_of("ip.csv") == file().nbytes
    assert place.calls("HEAD") == []


def test_a_size_is_told_without_reading_the_file(tenant):
    """Asking for the size of 40 MB does not download them."""
    place = tenant()
    place.simulator.shelf.put("falcon", "ip.csv", b'"ip"\n' + b"x" * 40_000_000, how="test")
    assert place.target.size_of("ip.csv") == 40_000_005
    assert place.target._client._session.answer.raw.tell() == 0


# Tokens


def test_one_token_serves_many_calls(tenant, file):
    """A login per call would eat the quota."""
    place = tenant()
    for name in ("a.csv", "b.csv"):
        place.target.put(file(name=name))
    assert place.tokens == 1


@pytest.mark.parametrize("api", ["content", "humio"])
@pytest.mark.parametrize("call", range(3))
def test_a_token_that_expires_in_the_middle_is_renewed_unseen(tenant, file, api, call):
    """At whatever call the vendor stops honouring it: one more token, the same result."""
    place = tenant(api=api)
    place.simulator.arm(f"expire_token:1@{call}")
    place.target.put(file())
    place.target.put(file())
    assert place.simulator.faults.struck["expire_token"] == 1
    assert place.tokens == 2


def test_a_token_past_its_time_is_renewed(tenant, file):
    """The vendor's half hour passes between two runs."""
    place = tenant()
    place.target.put(file())
    place.clock.advance(1_801)
    place.target.put(file())
    assert place.tokens == 2


def test_a_wrong_secret_is_told_with_the_options_to_check(tenant):
    """And not asked about again and again."""
    place = tenant(client_secret="mistyped-secret")
    with pytest.raises(
        PermanentError, match=r"403 from 127.0.0.1:\d+: the API client is refused. Check ngsiem.client_id"
    ) as error:
        place.target.size_of("ip.csv")
    assert "mistyped-secret" not in str(error.value)
    assert len(place.simulator.requests) == 1


@pytest.mark.parametrize(
    ("api", "scopes", "wanted"),
    [("content", ["NGSIEM"], "NGSIEM Lookup Files"), ("humio", ["NGSIEM Lookup Files"], "NGSIEM")],
)
def test_a_missing_scope_is_named(tenant, file, api, scopes, wanted):
    """Each generation of the API wants its own."""
    place = tenant(api=api, settings={"scopes": scopes})
    with pytest.raises(PermanentError, match=f"403 from .*Give it the scope '{wanted}' "):
        place.target.put(file())


@pytest.mark.parametrize("status", [500, 503])
def test_a_token_that_cannot_be_had_now_is_no_wrong_secret(tenant, status):
    """The token service may be down."""
    place = tenant()
    place.simulator.arm(f"http_{status}:*")
    with pytest.raises(TemporaryError, match="asking for a token"):
        place.target.size_of("ip.csv")


# Verification


def test_an_upload_that_was_taken_but_answered_500_is_not_sent_again(tenant, file):
    """The bytes there are the proof; an unreadable error is not."""
    place = tenant()
    place.simulator.arm("taken_but_500:*")
    place.target.put(file())
    assert len(place.simulator.shelf.uploads) == 1
    assert place.kept() == file().path.read_bytes()


@pytest.mark.parametrize("api", ["content", "humio"])
def test_a_500_is_no_success_even_where_an_old_file_has_the_same_size(tenant, file, api):
    """A size alone would take the old file for the new one."""
    place = tenant(api=api)
    place.target.put(file())
    place.simulator.arm("lost_with_500:*")
    with pytest.raises(TemporaryError, match="500 from"):
        place.target.put(file(SAME_SIZE))
    place.simulator.faults.disarm()
    place.target.put(file(SAME_SIZE))
    assert SAME_SIZE.encode() in place.kept(place="falcon" if api == "content" else "search-all")


def test_a_file_that_arrived_by_half_is_seen(tenant, file):
    """A good answer is not believed when the size is wrong."""
    place = tenant()
    place.simulator.arm("half_taken:*")
    with pytest.raises(TemporaryError, match=r"after 4 s 14 of its 28 bytes are there. .* raise ngsiem.verify_secs"):
        place.target.put(file())


def test_other_bytes_of_the_same_size_are_seen_when_the_content_is_compared(tenant, file):
    """`verify: content` downloads what was uploaded."""
    place = tenant(verify="content", settings={"show_secs": 100})
    place.simulator.shelf.put("falcon", "ip.csv", file(SAME_SIZE).path.read_bytes(), how="test")
    place.clock.advance(100)
    with pytest.raises(TemporaryError, match="other bytes are there"):
        place.target.put(file())


def test_an_upload_may_take_a_while_to_show(tenant, file):
    """It is looked for at growing intervals, and not sent again."""
    place = tenant(verify_secs=30, settings={"show_secs": 6})
    place.target.put(file())
    assert place.clock.waits == [1, 2, 4]
    assert len(place.simulator.shelf.uploads) == 1


def test_a_failure_to_look_is_no_failure_to_deliver(tenant, file):
    """A 503 in the middle of the verification is waited out."""
    place = tenant(verify_secs=30)
    place.simulator.arm("http_503:2@3")
    place.target.put(file())
    assert len(place.simulator.shelf.uploads) == 1


def test_a_download_that_is_cut_is_never_taken_for_the_file(tenant, file):
    """Content-Length says where it should have ended."""
    place = tenant(verify="content")
    place.target.put(file())
    place.simulator.arm("cut_body:*")
    with pytest.raises(TemporaryError, match=r"downloading ip.csv: .* the connection was lost"):
        place.target.digest_of("ip.csv")
    assert not place.target.holds(file())


def test_no_verification_makes_no_call_more(tenant, file):
    """`verify: none` believes the answer."""
    place = tenant(verify="none")
    place.target.put(file())
    assert place.calls() == ["GET lookupfiles 404", "POST lookupfiles 201"]


# Pace


def test_uploads_keep_the_vendors_pace(tenant, file):
    """Twelve files, five in any thirty seconds, and the vendor never has to say 429."""
    place = tenant()
    for number in range(12):
        place.target.put(file(name=f"{number}.csv"))
    began = [upload.at_ms / 1_000 for upload in place.simulator.shelf.uploads]
    assert all(later - sooner >= 30 for sooner, later in zip(began, began[5:], strict=False))
    assert sum(place.clock.waits) == 60
    assert not [call for call in place.calls() if call.endswith("429")]


def test_someone_elses_uploads_are_waited_for(tenant, file):
    """The vendor names the second at which a call is free again; the caller is told how long that is."""
    place = tenant(settings={"uploads_max": 1})
    place.target.put(file())
    place.clock.advance(10)
    with pytest.raises(TemporaryError, match="too many calls") as error:
        place.target.put(file(SAME_SIZE))
    assert error.value.after_secs == pytest.approx(20, abs=1)


# Places


def test_a_repository_that_is_not_there_is_named(tenant, file):
    """A person must mend the option."""
    place = tenant(api="humio", repository="no-such-view")
    with pytest.raises(PermanentError, match="there is no repository no-such-view that the API client can see"):
        place.target.put(file())


def test_a_search_domain_that_is_not_there_is_named(tenant, file):
    """The same for the newer API."""
    place = tenant(settings={"search_domains": ["all"]})
    with pytest.raises(PermanentError, match="there is no search_domain falcon"):
        place.target.put(file())


def test_a_file_larger_than_the_tenant_takes_is_refused_for_good(tenant, file):
    """The vendor's own limit may be lower than the option says."""
    place = tenant(settings={"max_file_bytes": 20})
    with pytest.raises(PermanentError, match=r"413 from .*Set ngsiem.max_bytes \(now 209,715,200\)"):
        place.target.put(file())


@pytest.mark.parametrize("api", ["content", "humio"])
def test_a_local_file_that_is_gone_is_no_delivery(tenant, file, api):
    """The SDK answers that with a result of its own, which must not be mixed up with the last call's."""
    place = tenant(api=api)
    gone = file()
    gone.path.unlink()
    with pytest.raises(TemporaryError, match=r"built-ip.csv is gone; nothing was sent"):
        place.target.put(gone)
    assert place.calls("P") == []


def test_a_call_that_asked_nobody_anything_is_no_success(tenant, file):
    """Where the SDK gives up before it asks, the answer to the call before must not be read for this one's."""
    place = tenant()
    place.target.put(file())
    with pytest.raises(TemporaryError, match="the SDK gave up before it asked"):
        place.target._client._call("uploading", lambda: None)


# Rows


def test_rows_are_sent_in_parts_of_a_bounded_size(tenant, file, changes):
    """Each part has the header and whole rows, and all of them arrive."""
    place = tenant(patch_max_bytes=1_024, patch_max_parts=99)
    place.target.put(file())
    rows = "".join(f'"198.51.100.{n}","line one\nline ""two"", {n}"\n' for n in range(100))
    assert place.target.patch("ip.csv", changes(rows)) is True
    parts = [upload for upload in place.simulator.shelf.uploads if upload.how == "PATCH entries update"]
    assert len(parts) > 4
    assert place.kept() == b'"ip","note"\n"192.0.2.1","a"\n' + rows.encode()


def test_too_many_parts_are_left_to_a_whole_file(tenant, file, changes):
    """No call is made for them: at five uploads in half a minute the whole file is there sooner."""
    place = tenant(patch_max_bytes=1_024, patch_max_parts=2)
    place.target.put(file())
    before = len(place.simulator.requests)
    assert place.target.patch("ip.csv", changes('"192.0.2.9","' + "x" * 3_000 + '"\n')) is False
    assert len(place.simulator.requests) == before


@pytest.mark.parametrize("options", [{"api": "humio"}, {"patch_max_parts": 0}])
def test_where_rows_cannot_be_sent_the_answer_is_no(tenant, changes, options):
    """The older API has no such call, and an operator may switch it off."""
    place = tenant(**options)
    assert place.target.patch("ip.csv", changes('"192.0.2.9","x"\n')) is False
    assert place.simulator.requests == []


def test_a_key_that_the_vendor_cannot_be_told_is_left_to_a_whole_file(tenant, file, changes):
    """Key columns go as a comma list, so a comma in a name would make two of it."""
    place = tenant()
    place.target.put(file())
    assert place.target.patch("ip.csv", changes('"192.0.2.9","x"\n', ("ip,address",))) is False


def test_a_row_that_fits_into_no_part_is_named(tenant, file, changes):
    """Rather than cut."""
    place = tenant(patch_max_bytes=1_024)
    place.target.put(file())
    with pytest.raises(PermanentError, match=r"does not fit into ngsiem.patch_max_bytes \(1,024\)"):
        place.target.patch("ip.csv", changes('"192.0.2.9","' + "x" * 1_100 + '"\n'))
