"""Takes an operator's words for one LogScale repository, gives them checked and frozen, never shows the token."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr

from wellhead import Config

CLOUD_MAX_BYTES: Final = 209_715_200


class LogscaleConfig(Config):
    """Options of the LogScale target."""

    url: str = Field(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$", description="Address of the cluster, such as https://cloud.us.humio.com."
    )
    token: SecretStr = Field(min_length=1, description="Token that may change files of the repository, sent as bearer.")
    repository: str = Field(
        pattern=r"^[^\s/\\?#]{1,200}$", description="Repository or view the files are put into and looked up in."
    )
    verify: Literal["size", "content", "none"] = Field(
        default="size",
        description="What is compared after an upload: the size of the file there, the downloaded bytes, or nothing.",
    )
    verify_secs: float = Field(default=60, ge=0, description="Seconds an upload may take to show there.")
    max_bytes: int = Field(
        default=CLOUD_MAX_BYTES,
        ge=1,
        description="Largest file the cluster takes, in bytes; LogScale Cloud's limit for CSV is 200 MB, a self-hosted cluster's "
        "usually 2147483639.",
    )
    connect_timeout_secs: float = Field(default=10, gt=0, description="Seconds to wait for a connection.")
    read_timeout_secs: float = Field(default=300, gt=0, description="Seconds to wait for the next byte of an answer.")
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust in place of the system's, for a private certificate."
    )
