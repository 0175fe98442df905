"""Takes an operator's words for one Falcon tenant, gives them checked and frozen, never shows the secret."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, SecretStr

from wellhead import Config

MAX_FILE_BYTES: Final = 209_715_200
SCOPES: Final = {"content": "NGSIEM Lookup Files", "humio": "NGSIEM"}


class NgsiemConfig(Config):
    """Options of the NGSIEM target."""

    client_id: str = Field(min_length=1, description="Id of the API client, made in the Falcon console.")
    client_secret: SecretStr = Field(min_length=1, description="Secret of the API client.")
    member_cid: str | None = Field(default=None, description="CID of the child tenant to deliver to (Flight Control only).")
    cloud: Literal["auto", "us-1", "us-2", "us-3", "eu-1", "us-gov-1", "us-gov-2"] = Field(
        default="auto",
        description="Region of the tenant; `auto` asks us-1 and follows its `X-Cs-Region`, which the gov clouds do not support.",
    )
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+/?$",
        description="Address of the API in place of the region's, such as a proxy's; it is kept whatever the tenant's region is.",
    )
    api: Literal["content", "humio"] = Field(
        default="content",
        description="Generation of the API: `content` (`/ngsiem-content`, scope NGSIEM Lookup Files, takes changed rows) or "
        "`humio` (`/humio/api`, scope NGSIEM, whole files only).",
    )
    search_domain: Literal["all", "falcon", "third-party", "parsers-repository"] = Field(
        default="falcon", description="Where the file is put and looked up with api `content`."
    )
    repository: str = Field(
        default="search-all",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Where the file is put and looked up with api `humio`: search-all, investigate_view, third-party, "
        "falcon_for_it_view, forensics_view or 3pi_parsers.",
    )
    verify: Literal["size", "content", "none"] = Field(
        default="size",
        description="What is compared after an upload: the size the vendor tells, the downloaded bytes, or nothing.",
    )
    verify_secs: float = Field(default=60, ge=0, description="Seconds an upload may take to show at the vendor.")
    patch_max_bytes: int = Field(
        default=10 << 20,
        ge=1 << 10,
        le=MAX_FILE_BYTES,
        description="Bytes of changed rows sent at a time; the vendor recommends at most 10 MB.",
    )
    patch_max_parts: int = Field(
        default=5,
        ge=0,
        description="Parts of changed rows above which the whole file is sent instead; 0 = always the whole file.",
    )
    max_bytes: int = Field(
        default=MAX_FILE_BYTES,
        ge=1,
        description="Largest file the tenant takes, in bytes; the cloud's limit for CSV is 200 MB.",
    )
    connect_timeout_secs: float = Field(default=10, gt=0, description="Seconds to wait for a connection.")
    read_timeout_secs: float = Field(default=300, gt=0, description="Seconds to wait for the next byte of an answer.")
    tls_verify: bool = Field(
        default=True, description="Check the server's certificate; a private authority is named in REQUESTS_CA_BUNDLE."
    )
