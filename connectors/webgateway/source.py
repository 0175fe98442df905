"""Takes the options, gives the streams they select: log files, syslog or both; reads nothing itself."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from connectors.webgateway.files import FilesCursor, FilesTask
from connectors.webgateway.options import FilesConfig, FormatConfig, SyslogConfig
from connectors.webgateway.reread import read_again
from connectors.webgateway.syslog import SyslogCursor, SyslogTask
from wellhead import SourceConnector, Stream

_SUBJECT = "webgateway.access_log"


class GatewayConfig(FilesConfig, SyslogConfig, FormatConfig):
    """All options of the connector."""

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.paths and self.syslog_tcp_port is None and self.syslog_udp_port is None:
            raise ValueError("there is nothing to read: set paths, syslog_tcp_port or syslog_udp_port")
        return self


def streams(config: GatewayConfig) -> tuple[Stream, ...]:
    """Give the streams that options select."""
    files = Stream(
        name="access_log",
        task=FilesTask,
        cursor=FilesCursor,
        subject=_SUBJECT,
        description="One record per line of a gateway's access log, read from files.",
        time="time",
        interval_secs=1.0,
        live=config.follow,
        redrive=read_again,
    )
    syslog = Stream(
        name="access_log_syslog",
        task=SyslogTask,
        cursor=SyslogCursor,
        subject=_SUBJECT,
        description="One record per line of a gateway's access log, received by syslog.",
        time="time",
        interval_secs=1.0,
        live=True,
        redrive=read_again,
    )
    listens = config.syslog_tcp_port is not None or config.syslog_udp_port is not None
    return (*((files,) if config.paths else ()), *((syslog,) if listens else ()))


connector = SourceConnector(
    name="webgateway",
    title="Access logs of web gateways and proxies, from files or by syslog",
    config=GatewayConfig,
    streams=streams,
    defaults={"freshness.target.secs": 120},
)
