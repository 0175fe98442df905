"""Takes dead letters of log lines, proves what reading them again gives."""

from dataclasses import replace

import pytest

from connectors.webgateway.reread import read_again
from connectors.webgateway.source import GatewayConfig, connector
from connectors.webgateway.text import decoded
from wellhead import Reject

HEADER = b'#time_stamp src_ip "req_line"'
GOOD = b'[03/Feb/2026:10:00:07 +0100] 198.51.100.24 "GET http://www.example.org/ HTTP/1.1"'


def test_a_line_that_is_whole_by_now_is_a_record_by_its_own_header():
    """A letter is read by the header that was in force, whatever the options say today."""
    config = GatewayConfig(paths=["/var/log/a"], format="squid")
    again = read_again(config, "access_log", Reject(GOOD, "", context=HEADER))
    assert again.rejects == []
    assert again.table.column("client_ip").to_pylist() == ["198.51.100.24"]


def test_a_line_that_was_cut_stays_what_it_is():
    """Of a line whose end is lost no record is made."""
    letter = Reject(GOOD, "too long", context=HEADER, cut=True)
    again = read_again(GatewayConfig(paths=["/var/log/a"]), "access_log", letter)
    assert (list(again.table), again.rejects) == ([], [letter])


def test_what_a_message_told_stands_beside_what_the_line_says():
    """What was told beside a line is in the extensions of its record, and the line's own word counts."""
    lines = HEADER + b" odd\n" + GOOD + b" mine\n" + b"none\n"
    found = decoded(GatewayConfig(paths=["/a"]), [(b"", lines, {"odd": "theirs", "syslog.host": "proxy-a"})])
    assert [dict(each) for each in found.table.column("extensions").to_pylist()] == [{"odd": "mine", "syslog.host": "proxy-a"}]
    assert [reject.raw for reject in found.rejects] == [b"none"]


def test_a_line_that_came_by_syslog_keeps_what_its_message_told():
    """Read again, a line of a message has beside it what was told when it came; one that is still none keeps it for the next time."""
    config = GatewayConfig(syslog_udp_port=5140)
    told = {"syslog.host": "proxy-ä", "syslog.sender": "192.0.2.7"}
    (letter,) = decoded(config, [(HEADER, b"none\n", told)]).rejects
    mended = replace(letter, raw=GOOD)
    again = read_again(config, "access_log_syslog", mended)
    assert again.rejects == []
    assert again.table.column("client_ip").to_pylist() == ["198.51.100.24"]
    assert [dict(each) for each in again.table.column("extensions").to_pylist()] == [told]
    (still,) = read_again(config, "access_log_syslog", letter).rejects
    assert still == letter


def test_options_select_the_streams():
    """Paths give the stream of files, a port that of messages; files that are not followed are no live stream."""
    both = connector.streams_of(GatewayConfig(paths=["/a"], syslog_udp_port=5140, follow=False))
    assert [(stream.name, stream.live) for stream in both] == [("access_log", False), ("access_log_syslog", True)]
    with pytest.raises(ValueError, match="nothing to read"):
        GatewayConfig()
