"""Takes log lines from wherever they came, each text with the header in force before it, gives one batch of records; reads no file or socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import orjson
import pyarrow as pa

from connectors.webgateway.decode import FormatSpec, open_format
from connectors.webgateway.formats.records import joined
from connectors.webgateway.options import FormatConfig
from wellhead import Reject

EXTENSIONS = "extensions"
_MAP = pa.map_(pa.string(), pa.string())

Text = tuple[bytes, bytes, Mapping[str, str]]
"""The header line in force, lines, and what was told beside them."""


@dataclass(frozen=True, slots=True)
class DecodedTexts:
    """What texts held.

    Attributes:
        table: One record batch, in the order of the texts and their lines.
        rejects: The lines that could not be read.
        filtered: Lines left out on purpose, by reason.
    """

    table: pa.RecordBatch
    rejects: list[Reject] = field(default_factory=list)
    filtered: Mapping[str, int] = field(default_factory=dict)


def decoded(config: FormatConfig, texts: Iterable[Text]) -> DecodedTexts:
    """Decode texts; what was told beside the lines of one goes into the extensions of each of its records."""
    batches: list[pa.RecordBatch] = []
    rejects: list[Reject] = []
    filtered: Counter[str] = Counter()
    for header, lines, told in texts:
        found = open_format(FormatSpec(config.format, header, config.fallback_encoding)).decode(lines)
        batches.append(_with(found.table, told))
        rejects += [replace(reject, context=context_of(told, reject.context)) for reject in found.rejects]
        filtered.update(found.filtered)
    return DecodedTexts(joined(batches), rejects, filtered)


def read_again(config: FormatConfig, reject: Reject) -> DecodedTexts:
    """Decode the line of a dead letter by what it holds beside it: the header in force, or its format, and what was told."""
    told, context = told_of(reject.context)
    spec = context or FormatSpec(config.format, (config.header or "").encode(), config.fallback_encoding)
    found = open_format(spec, fallback=config.fallback_encoding).decode(reject.raw)
    rejects = [replace(again, context=context_of(told, again.context)) for again in found.rejects]
    return DecodedTexts(_with(found.table, told), rejects, found.filtered)


def context_of(told: Mapping[str, str], context: bytes) -> bytes:
    r"""Give what a dead letter keeps: what was told as a line of JSON, where something was, then what reads the line again.

    >>> context_of({"syslog.host": "gw-1"}, b"#time_stamp src_ip")
    b'{"syslog.host":"gw-1"}\n#time_stamp src_ip'
    """
    return orjson.dumps(dict(told)) + b"\n" + context if told else context


def told_of(context: bytes) -> tuple[dict[str, str], bytes]:
    """Undo `context_of`."""
    if not context.startswith(b"{"):  # as no header line does, nor the name of a format
        return {}, context
    told, _, rest = context.partition(b"\n")
    return orjson.loads(told), rest


def _with(batch: pa.RecordBatch, told: Mapping[str, str]) -> pa.RecordBatch:
    if not told or not batch.num_rows:
        return batch
    has = EXTENSIONS in batch.schema.names
    held = batch.column(EXTENSIONS).to_pylist() if has else [None] * batch.num_rows
    # What the line itself says counts.
    maps = pa.array([list({**told, **dict(each or ())}.items()) for each in held], _MAP)
    if has:
        return batch.set_column(batch.schema.get_field_index(EXTENSIONS), EXTENSIONS, maps)
    return batch.append_column(EXTENSIONS, maps)
