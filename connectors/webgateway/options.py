"""Takes what an operator writes, gives the options of the web-gateway connector, checked; never opens a file or a port."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from wellhead import Config

_DAY_SECS = 86_400
_MIB = 1 << 20


class FilesConfig(Config):
    """Options of reading log files."""

    paths: list[str] = Field(
        default_factory=list,
        description="Log files to read, as glob patterns with absolute paths, such as /var/log/proxy/access.log*; ** stands for folders. "
        "Have them match the rotated files, too.",
    )
    start: Literal["beginning", "end"] = Field(
        default="beginning", description="Where to begin in files that are there at the first run; later ones are read whole."
    )
    follow: bool = Field(
        default=True, description="Wait for what is written next; false reads what is there, then again at the next poll."
    )
    scan_secs: float = Field(
        default=0.5, gt=0, le=3_600, description="Seconds between two looks at the files while nothing is left to read."
    )
    chunk_bytes: int = Field(
        default=4 * _MIB, ge=1 << 12, le=64 * _MIB, description="Bytes of log text decoded at a time, and the longest line."
    )
    max_files: int = Field(
        default=1_000, ge=1, le=10_000, description="Most files whose place is kept; the cursor grows with them."
    )
    forget_secs: float = Field(
        default=7 * _DAY_SECS,
        ge=0,
        description="How long the place in a file is kept once the file is not found any more, in seconds.",
    )
    last_line_secs: float = Field(
        default=3_600,
        ge=1,
        description="A last line without a line end counts as one when its file has not changed for so long, in seconds.",
    )

    @field_validator("paths")
    @classmethod
    def _absolute(cls, paths: list[str]) -> list[str]:
        relative = [path for path in paths if not Path(path).is_absolute()]
        if relative:
            raise ValueError(f"{relative[0]} is relative; a worker is started anywhere, so write it from / on")
        return paths


class SyslogConfig(Config):
    """Options of receiving log lines by syslog."""

    syslog_tcp_port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port for syslog over TCP, or TLS where syslog_cert_file is set. Unset = none.",
    )
    syslog_udp_port: int | None = Field(
        default=None, ge=1, le=65_535, description="Port for syslog over UDP, which loses what comes too fast. Unset = none."
    )
    syslog_host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to receive on; by default only this machine can send."
    )
    syslog_cert_file: Path | None = Field(
        default=None, description="PEM file with the certificate chain; TCP is then TLS alone."
    )
    syslog_key_file: Path | None = Field(default=None, description="PEM file with its key, where that is another one.")
    syslog_key_password: SecretStr | None = Field(default=None, min_length=1, description="Password of that key.")
    syslog_client_ca_file: Path | None = Field(
        default=None, description="PEM file with the authorities whose client certificates may send; unset = senders need none."
    )
    syslog_senders: list[str] = Field(
        default_factory=list, description="Networks that may send, such as 10.1.0.0/16; empty = whoever reaches the port."
    )
    syslog_line_max_bytes: int = Field(
        default=64 * 1024, ge=480, le=4 * _MIB, description="Longest message in bytes; a longer one becomes a dead letter."
    )
    syslog_connections_max: int = Field(default=256, ge=1, description="Most TCP connections at a time.")
    syslog_connections_per_sender: int = Field(default=16, ge=1, description="Most TCP connections of one address.")
    syslog_bytes_per_sender: int = Field(
        default=_MIB,
        ge=1 << 12,
        description="Bytes read of one TCP connection, or address over UDP, that wait for their commit at most.",
    )
    syslog_waiting_max_bytes: int = Field(
        default=32 * _MIB, ge=1 << 16, description="Bytes that wait for their commit at most, of all senders."
    )
    syslog_idle_secs: float = Field(
        default=900, ge=1, description="A TCP connection on which nothing came for so long is closed, in seconds."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.syslog_client_ca_file is not None and self.syslog_cert_file is None:
            raise ValueError("syslog_client_ca_file is set, but syslog_cert_file is not: without TLS no certificate is shown")
        if self.syslog_key_file is not None and self.syslog_cert_file is None:
            raise ValueError("syslog_key_file is set, but syslog_cert_file is not")
        return self


class FormatConfig(Config):
    """Options of what a log line looks like."""

    format: Literal["auto", "mwg", "squid", "combined", "common", "elff"] = Field(
        default="auto",
        description="Format of the lines: mwg is McAfee, Skyhigh or Webwasher by its header; auto tells by the header, or by the lines.",
    )
    header: str | None = Field(
        default=None, min_length=1, max_length=16_384,
        description='Header line in force where the log has none, such as #time_stamp "auth_user" src_ip ... with format mwg.',
    )  # fmt: skip
    fallback_encoding: str = Field(default="iso-8859-15", description="Encoding of the lines that are not UTF-8.")
