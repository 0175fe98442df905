"""Takes a mapping and the types of its columns, gives the SELECT that makes its rows from a state; never runs it.

All text leaves clean: no line breaks (they are written as backslash n), no tabs or NULs, no blanks around it, and nothing is ever
null. So a row is a line, and a key that looks alike is alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from wellhead.consumers.lookup.mapping import Condition, Mapping, Range, Value

_TIME = "%Y-%m-%dT%H:%M:%S.%gZ"
# Quick looks find out whether anything must be done to a text, which is hardly ever so.
_UNCLEAN = (
    " OR ".join(f"contains({{0}}, chr({code}))" for code in (0, 9, 10, 13)) + " OR starts_with({0}, ' ') OR suffix({0}, ' ')"
)


@dataclass(frozen=True, slots=True)
class Since:
    """A moment at which a file was right: the state's `seq` then, and when the first of its rows was to expire; None = never."""

    seq: int
    expiry_ms: int | None


class Select:
    """Writes the SQL of one mapping.

    Args:
        mapping: What to write.
        types: The Arrow types of the record columns it needs.
    """

    def __init__(self, mapping: Mapping, types: pa.Schema) -> None:
        self._mapping = mapping
        self._types = types

    def rows(self, now_ms: int, among: str | None = None) -> str:
        """Give the SELECT of the file's rows at a moment, in the file's order; where a table is named, only of the keys it holds."""
        mapping = self._mapping
        keys = ", ".join(quoted(name) for name in mapping.key)
        key_columns = ", ".join(f"{self._value(mapping.columns[name])} AS {quoted(name)}" for name in mapping.key)
        columns = ", ".join(f"{self._value(value)} AS {quoted(name)}" for name, value in mapping.columns.items())
        kept = ", ".join(quoted(name) for name in mapping.columns)
        order = ", ".join(quoted(name) for name in mapping.sorted_by)
        newest = quoted(mapping.newest_by) if mapping.newest_by else "0"
        named = " AND ".join(f"{quoted(name)} <> ''" for name in mapping.key)
        asked, chosen = named, "rows ANTI JOIN beaten USING (_key)"
        if among is not None:
            asked = f"{named} AND ({keys}) IN (SELECT ({keys}) FROM {among})"  # noqa: S608
            chosen = "rows SEMI JOIN keyed USING (_key) ANTI JOIN beaten USING (_key)"
        # To number the rows of every key would cost as much as to sort the file; few keys, or none, have two. Names are quoted
        # and texts are literals; both come from a mapping, which only an operator writes.
        return (
            f"WITH keyed AS (SELECT * FROM (SELECT {key_columns}, {newest} AS _order, _seq, _key FROM rows "  # noqa: S608
            f"WHERE {self.condition(now_ms)}) WHERE {asked}), "
            f"shared AS (SELECT hash({keys}) AS _hash FROM keyed GROUP BY 1 HAVING count(*) > 1), "
            f"beaten AS (SELECT _key FROM keyed WHERE hash({keys}) IN (SELECT _hash FROM shared) QUALIFY row_number() OVER "
            f"(PARTITION BY {keys} ORDER BY _order DESC NULLS LAST, _seq DESC, _key) > 1) "
            f"SELECT {kept} FROM (SELECT {columns} FROM (SELECT * FROM {chosen}) WHERE {self.condition(now_ms)}) "
            f"WHERE {named} ORDER BY {order}"
        )

    def touched(self, since: Since, now_ms: int) -> str:
        """Give the SELECT of the keys whose rows may be others than they were: a record of theirs came, went or expired."""
        mapping, fits = self._mapping, self._all(self._mapping.rows)
        keys = ", ".join(f"{self._value(mapping.columns[name])} AS {quoted(name)}" for name in mapping.key)
        later = f"_seq > {since.seq}"
        if mapping.expires_by is not None and since.expiry_ms is not None:
            later = f"({later} OR epoch_ms({quoted(mapping.expires_by)}) BETWEEN {since.expiry_ms} AND {now_ms})"
        return (
            f"SELECT {keys} FROM rows WHERE {later} AND {fits} UNION "  # noqa: S608 - as above
            f"SELECT {keys} FROM former WHERE _seq <= {since.seq} AND _until > {since.seq} AND {fits}"
        )

    def summary(self, now_ms: int) -> str:
        """Give the SELECT of one row: records that fit, expired ones among them; the next expiry and the newest change, in epoch ms."""
        mapping = self._mapping
        expires, changed = mapping.expires_by, mapping.changed_by
        next_expiry = f"min(epoch_ms({quoted(expires)})) FILTER (epoch_ms({quoted(expires)}) > {now_ms})" if expires else "NULL"
        newest = f"max(epoch_ms({quoted(changed)}))" if changed else "NULL"
        return f"SELECT count(*), {next_expiry}, {newest} FROM rows WHERE {self._all(mapping.rows)}"  # noqa: S608 - as above

    def condition(self, now_ms: int) -> str:
        """Give the condition under which a record counts at a moment."""
        expires = self._mapping.expires_by
        asked = self._all(self._mapping.rows)
        if expires is None:
            return asked
        return f"{asked} AND ({quoted(expires)} IS NULL OR epoch_ms({quoted(expires)}) > {now_ms})"

    def _all(self, conditions: Iterable[Condition]) -> str:
        return " AND ".join(map(self._condition, conditions)) or "true"

    def _condition(self, asked: Condition) -> str:
        if asked.not_null is not None:
            return f"({quoted(asked.column)} IS {'NOT ' if asked.not_null else ''}NULL)"
        text = self._text(asked.column, None)
        if asked.contains is not None:
            return f"coalesce(contains({text}, {literal(asked.contains)}), false)"
        wanted = asked.one_of if asked.one_of is not None else (asked.equals or "",)
        return f"coalesce({text} IN ({', '.join(map(literal, wanted))}), false)"

    def _value(self, value: Value) -> str:
        """Give the SQL of one value: clean text, never null."""
        otherwise = self._value(value.otherwise) if value.otherwise is not None else "''"
        found = self._found(value)
        if value.case is not None:
            found = f"{value.case}({found})"
        whole = f"coalesce(nullif({found}, ''), {otherwise})" if otherwise != "''" else f"coalesce({found}, '')"
        return f"CASE WHEN {self._all(value.when)} THEN {whole} ELSE {otherwise} END" if value.when else whole

    def _found(self, value: Value) -> str:
        if value.text is not None:
            return literal(value.text)
        if value.first is not None:
            texts = [f"nullif({self._clean(name, value.join)}, '')" for name in value.first]
            found = f"coalesce({', '.join(texts)})"
        elif value.ranges is not None and value.column is not None:
            return _ranges(quoted(value.column), value.ranges)
        else:
            found = self._clean(value.column or "", value.join)
        if value.map is None:
            return found
        cases = " ".join(f"WHEN {literal(was)} THEN {literal(becomes)}" for was, becomes in value.map.items())
        return f"CASE {found} {cases} END"

    def _clean(self, column: str, join: str | None) -> str:
        """Give a column as clean text; numbers and times are clean by themselves."""
        text, kind = self._text(column, join), self._types.field(column).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_nested(kind)):
            return text
        broken = rf"regexp_replace({text}, '\r\n|\r|\n', '\\n', 'g')"
        tidy = rf"regexp_replace(regexp_replace({broken}, '[\x00-\x1f\x7f]', ' ', 'g'), '^\s+|\s+$', '', 'g')"
        return f"CASE WHEN {_UNCLEAN.format(text)} THEN {tidy} ELSE {text} END"

    def _text(self, column: str, join: str | None) -> str:
        kind, name = self._types.field(column).type, quoted(column)
        if pa.types.is_timestamp(kind):
            return f"strftime(make_timestamp_ms(epoch_ms({name})), '{_TIME}')"
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return _joined(name, join or ",", is_text=pa.types.is_string(kind.value_type))
        if pa.types.is_map(kind) or pa.types.is_struct(kind):
            return f"to_json({name})::VARCHAR"
        return name if pa.types.is_string(kind) else f"{name}::VARCHAR"


def _joined(name: str, join: str, *, is_text: bool) -> str:
    """Give the items with `join` between them; where it stands inside an item, a backslash before it keeps them apart."""
    if not is_text:
        return f"array_to_string({name}, {literal(join)})"
    together = f"array_to_string({name}, '')"
    apart = literal("\\" + join)
    escaped = f"list_transform({name}, lambda item: replace(replace(item, '\\', '\\\\'), {literal(join)}, {apart}))"
    return (
        f"CASE WHEN contains({together}, {literal(join)}) OR contains({together}, '\\') "
        f"THEN array_to_string({escaped}, {literal(join)}) ELSE array_to_string({name}, {literal(join)}) END"
    )


def _ranges(name: str, steps: Iterable[Range]) -> str:
    cases = [
        f"WHEN {name} < {step.below!r} THEN {literal(step.text)}" if step.below is not None else f"ELSE {literal(step.text)}"
        for step in steps
    ]
    return f"CASE WHEN {name} IS NULL THEN NULL {' '.join(cases)} END"


def quoted(name: str) -> str:
    """Give an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Give a text of SQL."""
    return "'" + text.replace("'", "''") + "'"
