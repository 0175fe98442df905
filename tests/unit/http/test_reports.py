"""What a process writes into a budget's log is read back alike, and foreign bytes harm nobody."""

import pytest

from wellhead.http.reports import Claim, Report, Told, from_bytes, to_bytes


def test_a_report_is_read_as_it_was_written():
    """Every field comes back."""
    claim = Claim(is_live=False, target=3, calls=600, window_ms=60_000, done={7: 2, 9: 1}, back={8: 4})
    report = Report("m", 5, {"feed:acme": claim}, pause_ms=2_000, told=Told(3, 4_000, 9), after=8, state={"rest": [1]})
    assert from_bytes(to_bytes(report)) == report


def test_a_plain_report_is_small():
    """What is written ten times a second holds only what there is to say."""
    report = Report("0" * 24, 123, {"feed:acme": Claim(True, 3, 600, 60_000, {1_000_000: 2})})
    assert len(to_bytes(report)) < 150


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"member":"m","number":"x","claims":{}}',
        b'{"member":"m","number":1,"claims":{"a":[1]}}',
        b"\xff",
    ],
)
def test_foreign_bytes_are_no_report(value):
    """Whoever writes into the topic cannot stop those who share."""
    assert from_bytes(value) is None
