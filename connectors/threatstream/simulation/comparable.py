"""Takes an indicator as the vendor sends it, gives the record it must become, column by column; shares nothing with the decoder.

Only the columns are given in which there is one right answer: what a decoder keeps as JSON text of its own is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_AS_THEY_ARE: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "update_id", "confidence", "source_reported_confidence", "retina_confidence", "threatscore"), int),
    **dict.fromkeys(("feed_id", "import_session_id", "owner_organization_id"), int),
    **dict.fromkeys(
        ("value", "uuid", "resource_uri", "type", "subtype", "itype", "ip", "status", "threat_type", "source"), str
    ),
    **dict.fromkeys(("tlp", "asn", "org", "country", "rdns", "description", "created_by"), str),
    **dict.fromkeys(("latitude", "longitude"), (float, int)),
    **dict.fromkeys(("is_public", "is_anonymous", "is_editable", "can_add_public_tags"), bool),
}
_TIMES = ("created_ts", "modified_ts", "expiration_ts", "source_created", "source_modified")
_KINDS = {"ip": "ip", "ipv6": "ip", "domain": "domain", "url": "url", "email": "email"}


def comparable(told: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns of the record; a value of an unusual type is None, as it can be no column's."""
    row = {name: _typed(told.get(name), kind) for name, kind in _AS_THEY_ARE.items()}
    row |= {name: datetime.fromisoformat(told[name]) if told.get(name) else None for name in _TIMES}
    meta = told.get("meta") or {}
    row |= {name: meta.get(name) for name in ("severity", "detail", "detail2", "maltype")}
    row["ioc_type"] = _ioc_type(told)
    tags = told.get("tags") or []
    row["tags"] = [tag["name"] for tag in tags if isinstance(tag, dict)] or None
    return row


def _typed(value: Any, kind: type | tuple[type, ...]) -> Any:
    is_flag = isinstance(value, bool) and kind is not bool
    return value if isinstance(value, kind) and not is_flag else None


def _ioc_type(told: Mapping[str, Any]) -> str:
    if told.get("type") == "md5":
        subtype = str(told.get("subtype")).lower()
        return f"hash_{subtype}" if subtype in {"md5", "sha1", "sha256", "sha512"} else "other"
    return _KINDS.get(str(told.get("type")), "other")
