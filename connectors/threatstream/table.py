"""Takes vendor objects that are indicators, gives them as one Arrow batch; never loses a field: what has no column is an extension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import pyarrow as pa

from connectors.threatstream.fields import AS_JSON, COLUMNS, META, NAMES, TEXT, as_text, column

HASHES = {"MD5": "hash_md5", "SHA1": "hash_sha1", "SHA256": "hash_sha256", "SHA512": "hash_sha512"}
HASH_CHARS = {32: "hash_md5", 40: "hash_sha1", 64: "hash_sha256", 128: "hash_sha512"}
PLAIN = {"ip": "ip", "ipv6": "ip", "domain": "domain", "url": "url", "email": "email"}
_PICKED = (*COLUMNS, *AS_JSON, "meta", "tags")
_PICK = itemgetter(*_PICKED)
_NOTHING: dict[str, Any] = dict.fromkeys(_PICKED)
EXTENSIONS: Any = pa.map_(pa.string(), pa.string())


def table_of(things: Sequence[dict[str, Any]], stream: str) -> pa.RecordBatch:
    """Lay indicators out in columns, as records of `stream`."""
    extras: dict[int, dict[str, str]] = {}

    def stray(name: str) -> Any:
        return lambda row, value: extras.setdefault(row, {}).__setitem__(name, as_text(value))

    values = _by_name(things)
    columns = {name: column(values[name], kind, stray(name)) for name, kind in COLUMNS.items()}
    columns["stream"] = pa.repeat(pa.scalar(stream), len(things))
    columns["ioc_type"] = _ioc_types(things, values["type"])
    columns |= _meta(values["meta"], stray)
    columns |= _tags(values["tags"], stray("tags"))
    for name in AS_JSON:
        columns[name] = pa.array([as_text(value) if value else None for value in values[name]], pa.string())
    for name in sorted(set().union(*things) - NAMES):
        for row, thing in enumerate(things):
            if thing.get(name) is not None:
                stray(name)(row, thing[name])
    rows = [list(extras[row].items()) if row in extras else None for row in range(len(things))]
    columns["extensions"] = pa.array(rows, EXTENSIONS)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _by_name(things: Sequence[dict[str, Any]]) -> dict[str, Sequence[Any]]:
    """Give of each field the values it has in all indicators, None where it is absent."""
    try:
        picked = list(map(_PICK, things))
    except KeyError:
        picked = [_PICK(_NOTHING | thing) for thing in things]
    return dict(zip(_PICKED, zip(*picked, strict=True) if things else [()] * len(_PICKED), strict=True))


def _ioc_types(things: Sequence[Mapping[str, Any]], kinds: Sequence[Any]) -> Any:
    """Say what each indicator is; on most pages all are the same."""
    if set(map(type, kinds)) == {str} and len(same := set(kinds)) == 1 and (named := PLAIN.get(same.pop())) is not None:
        return pa.repeat(pa.scalar(named), len(kinds))
    return pa.array([_ioc_type(thing) for thing in things], pa.string())


def _ioc_type(thing: Mapping[str, Any]) -> str:
    """Say what an indicator is: for hashes the vendor's type is always md5, the subtype tells, and else the length."""
    kind, subtype = thing.get("type"), thing.get("subtype")
    if type(kind) is str and kind in PLAIN:
        return PLAIN[kind]
    if type(subtype) is str and (named := HASHES.get(subtype.upper().replace("-", ""))):
        return named
    if kind in ("md5", "hash") and not subtype:
        return HASH_CHARS.get(len(thing["value"]), "other")
    return "other"


def _meta(given: Sequence[Any], stray: Any) -> dict[str, Any]:
    """Give the columns that stand inside the vendor's `meta`, and the rest of it as JSON."""
    metas: list[dict[str, Any]] = []
    for row, meta in enumerate(given):
        metas.append(meta if type(meta) is dict else {})
        if meta is not None and type(meta) is not dict:
            stray("meta")(row, meta)
    columns = {name: column([meta.get(name) for meta in metas], TEXT, stray(f"meta.{name}")) for name in META}
    known = frozenset(META)
    rests = [
        None if known.issuperset(meta) else {k: v for k, v in meta.items() if k not in known and v is not None}
        for meta in metas
    ]
    columns["meta"] = pa.array([as_text(rest) if rest else None for rest in rests], pa.string())
    return columns


def _tags(given: Sequence[Any], stray: Any) -> dict[str, Any]:
    """Give the names of each indicator's tags, and the tags whole where there is more to them."""
    names: list[list[str] | None] = []
    wholes: list[str | None] = []
    for row, tags in enumerate(given):
        known = _names(tags) if tags else None
        names.append(known)
        wholes.append(as_text(tags) if known and any(type(tag) is dict and len(tag) > 1 for tag in tags) else None)
        if tags and known is None:
            stray(row, tags)
    return {"tags": pa.array(names, pa.list_(pa.string())), "tag_objects": pa.array(wholes, pa.string())}


def _names(tags: Any) -> list[str] | None:
    if type(tags) is not list:
        return None
    names: list[Any] = [tag.get("name") if type(tag) is dict else tag for tag in tags]
    return names if set(map(type, names)) == {str} else None
