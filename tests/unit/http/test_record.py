"""A traced attempt is one line, without secrets or bodies."""

import logging

import httpx

from wellhead.http import CallRecord
from wellhead.http.record import trace
from wellhead.http.redact import Redactor


def test_a_trace_is_one_redacted_event(caplog):
    """The event holds method, redacted URL and headers, status, seconds and bytes, and nothing else."""
    call = CallRecord("v.example", "GET", 200, 0.12345, 7, retried=True, quota_remaining=3)
    request = httpx.Request("GET", "https://v.example/a?token=s3same", headers={"X-API-Key": "s3same", "Accept": "a/b"})
    response = httpx.Response(200, headers={"Set-Cookie": "s3same", "Server": "x"}, content=b"s3same")
    caplog.set_level(logging.INFO, "wellhead.http")
    trace(call, request, response, Redactor())
    trace(call, request, None, Redactor())
    first, second = (record.msg for record in caplog.records)
    assert {name: first[name] for name in first if name != "timestamp"} == {
        "event": "http call",
        "level": "info",
        "logger": "wellhead.http",
        "method": "GET",
        "url": "https://v.example/a?token=***",
        "status": 200,
        "secs": 0.123,
        "bytes": 7,
        "retried": True,
        "request_headers": {"host": "v.example", "x-api-key": "***", "accept": "a/b"},
        "response_headers": {"set-cookie": "***", "server": "x", "content-length": "6"},
    }
    assert second["response_headers"] is None
