"""Takes a store's settings, gives the names, settings and mappings of its monthly indices and puts the templates; never touches an index."""

from __future__ import annotations

from typing import Any, Final, Literal

from wellhead.config.store import StoreSettings
from wellhead.search.store import SearchStore

Kind = Literal["hit", "attack"]
KINDS: Final[tuple[Kind, ...]] = ("attack", "hit")

# Lucene refuses a term of more than 32,766 bytes, and so the whole document; a character has at most four of them.
_LONGEST_TERM_CHARS: Final = 8191
_WORD: Final = {"type": "keyword", "ignore_above": _LONGEST_TERM_CHARS}
_NUMBER: Final = {"type": "long"}
_MOMENT: Final = {"type": "date", "format": "epoch_millis"}
# What a proxy wrote instead of an address stays in the document; only a search by address does not find it.
_ADDRESS: Final = {"type": "ip", "ignore_malformed": True}


def _objects(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


_FIELDS: Final[dict[Kind, dict[str, Any]]] = {
    "attack": {
        "id": _WORD,
        "client_id": _NUMBER,
        "rule": _WORD,
        "rule_version": _NUMBER,
        "type": _WORD,
        "domain": _WORD,
        "path": _WORD,
        "parameter": _WORD,
        "method": _WORD,
        "multiple": _WORD,
        "first_time": _MOMENT,
        "last_time": _MOMENT,
        "hits": _NUMBER,
        "ip_count": _NUMBER,
        "ip_top": _objects(ip=_ADDRESS, count=_NUMBER, country=_WORD),
        "country_top": _objects(country=_WORD, count=_NUMBER),
        "status_codes": _objects(code=_NUMBER, count=_NUMBER),
        "block_statuses": _objects(status=_WORD, count=_NUMBER),
        "state": _WORD,
        "merged_into": _WORD,
        "merged": _WORD,
        "version": _NUMBER,
    },
    "hit": {
        "id": _WORD,
        "client_id": _NUMBER,
        "attack_id": _WORD,
        "vendor_attack_id": _WORD,
        "rule": _WORD,
        "type": _WORD,
        "ip": _ADDRESS,
        "remote_country": _WORD,
        "time": _MOMENT,
        "domain": _WORD,
        "path": _WORD,
        "point": _WORD,
        "parameter": _WORD,
        "method": _WORD,
        "value": _WORD,
        "status_code": _NUMBER,
        "block_status": _WORD,
        "request_id": _WORD,
        "pool_id": _NUMBER,
        "extensions": {"type": "object", "dynamic": False},
    },
}


def index_of(prefix: str, kind: Kind, month: str) -> str:
    """Give the index of a month: `wellhead-hits-2026.02`."""
    return f"{prefix}-{kind}s-{month}"


def pattern_of(prefix: str, kind: Kind) -> str:
    """Give the pattern of all months: `wellhead-hits-*`."""
    return index_of(prefix, kind, "*")


def mappings_of(kind: Kind) -> dict[str, Any]:
    """Give what the fields are; columns that are not named here become words, whole numbers, fractions or truth values."""
    return {
        "dynamic": True,
        "date_detection": False,
        "numeric_detection": False,
        "dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": _WORD}}],
        "properties": _FIELDS[kind],
    }


def index_settings(settings: StoreSettings) -> dict[str, Any]:
    """Give what each index is made with."""
    return {
        "index": {
            "number_of_shards": settings.shards,
            "number_of_replicas": settings.replicas,
            # Named, it also holds where nobody has searched for a while: a store would let such an index wait by itself.
            "refresh_interval": f"{settings.refresh_interval_ms}ms",
        }
    }


def put_templates(store: SearchStore) -> None:
    """Say how the months' indices are made from now on.

    Raises:
        TemporaryError: The store is away.
        PermanentError: It refuses.
    """
    prefix = store.settings.index_prefix
    for kind in KINDS:
        name = f"{prefix}-{kind}s"
        store.put_template(name, [pattern_of(prefix, kind)], index_settings(store.settings), mappings_of(kind))
