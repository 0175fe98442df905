from email.utils import formatdate
from types import SimpleNamespace

import httpx
import pytest

from wellhead.testing.clock import FakeClock
from wellhead.tools.doctor_around import check_clock, check_disk, registry_address

ADDRESS = "http://registry:8081"


def told(date):
    (finding,) = check_clock(ADDRESS, FakeClock(), lambda _address: date)
    return finding


@pytest.mark.parametrize(
    ("off_secs", "status"), [(0, "ok"), (-4, "ok"), (30, "warn"), (-30, "warn"), (61, "fail"), (-3_600, "fail")]
)
def test_a_clock_that_is_off_is_told(off_secs, status):
    """A few seconds are what the header cannot tell; more is warned of, a minute is wrong."""
    now_secs = FakeClock().now_ms() / 1000
    finding = told(formatdate(now_secs + off_secs, usegmt=True))
    assert finding.status == status
    assert (finding.advice != "") == (status != "ok")


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_what_tells_no_time_is_skipped(date):
    """Without a Date to read nothing is claimed."""
    assert told(date).status == "skip"


def test_who_does_not_answer_is_skipped():
    """A registry that is away is told by its own check, not as a wrong clock."""

    def refuse(_address):
        raise httpx.ConnectError("refused")

    (finding,) = check_clock(ADDRESS, FakeClock(), refuse)
    assert (finding.status, finding.message) == ("skip", "could not be compared: ConnectError")


def test_a_disk_without_room_is_told(tmp_path):
    """What downloads must leave free decides; the file written to try is gone."""
    wanted = {1: "ok", 1 << 60: "fail"}
    assert {needed: next(iter(check_disk(tmp_path, needed))).status for needed in wanted} == wanted
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """The message names the folder and the option; one that is not there yet is made by the first run."""
    (finding,) = check_disk(tmp_path / "spool" / "later", 1)
    assert (finding.status, finding.where) == ("ok", str(tmp_path / "spool" / "later"))
    (tmp_path / "spool").write_text("in the way")
    (finding,) = check_disk(tmp_path / "spool" / "later", 1)
    assert (finding.status, finding.where) == ("fail", str(tmp_path / "spool" / "later"))
    assert finding.message == "spool.dir cannot be written: Not a directory"


def test_credentials_in_an_address_are_not_shown():
    """What is told of the registry's address is scheme, host and port of the first one."""
    worker = SimpleNamespace(
        schema_registry={"schema.registry.url": "https://me:secret@a.example:8443/apis, https://b.example"}
    )
    assert registry_address(worker) == "https://a.example:8443"
