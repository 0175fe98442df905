import pytest

from wellhead.tools.doctor_finding import Finding, Scrub, lines, worst


@pytest.mark.parametrize(
    ("statuses", "result"),
    [("", "ok"), ("ok skip", "ok"), ("skip", "ok"), ("ok warn skip", "warn"), ("warn fail ok", "fail")],
)
def test_the_worst_counts(statuses, result):
    """One failure fails all; what was skipped is no fault."""
    assert worst(Finding(status, "topic", "t", "m") for status in statuses.split()) == result


def test_lines_tell_what_to_do():
    """A finding is one line, its next step another; where all is well there is none."""
    found = [Finding("ok", "kafka", "h:9092", "answers"), Finding("fail", "disk", "/spool", "is full", "make room")]
    assert list(lines(found)) == [
        "ok    kafka        h:9092: answers",
        "fail  disk         /spool: is full",
        "                   -> make room",
    ]


def test_secrets_are_taken_out():
    """Whatever a server repeats, a finding does not show a secret."""
    found = Finding("fail", "registry", "u:hunter22@h", "said hunter22").scrubbed(Scrub(["hunter22"]))
    assert "hunter22" not in str(found)
