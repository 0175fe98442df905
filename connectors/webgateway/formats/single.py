"""Takes one line, gives its fields, or says why it has none; never lets what a field holds decide where it ends but by its quotes."""

from __future__ import annotations

from connectors.webgateway.formats.layout import CLF_TIME, Dialect, Layout


def fields(line: str, dialect: Dialect) -> tuple[Layout, list[str | None]]:
    """Cut a line.

    Raises:
        ValueError: It is not as its header, or its format, says.
    """
    if dialect.quoting == "none":
        values = line.split(" ")
        if dialect.padded:
            values = [value for value in values if value]
        return _fitting(values, dialect)
    try:
        return _fitting([_unquoted(token, dialect) for token in _tokens(line, dialect)], dialect)
    except ValueError:
        if dialect.quoting != "backslash" or len(dialect.layouts) > 1:
            raise
        recut = _by_header(line, dialect.widest)
        if recut is None:
            raise
        return dialect.widest, [_or_none(value) for value in recut]


def _fitting(values: list[str], dialect: Dialect) -> tuple[Layout, list[str | None]]:
    if len(values) not in dialect.by_width and values and values[-1] == "":
        values = values[:-1]  # a space behind the last field is forgiven
    layout = dialect.by_width.get(len(values))
    if layout is None:
        wanted = " or ".join(str(width) for width in sorted(dialect.by_width))
        raise ValueError(f"the line has {len(values)} fields, not {wanted}")
    return layout, [_or_none(value) for value in values]


def _or_none(value: str) -> str | None:
    return None if value in {"", "-"} else value


def _tokens(line: str, dialect: Dialect) -> list[str]:
    """Cut at spaces that stand neither in quotes nor in the brackets of a time."""
    tokens: list[str] = []
    at = 0
    while True:
        if line.startswith('"', at):
            end = _closing(line, at, dialect.quoting, len(tokens))
        elif line.startswith("[", at) and len(tokens) in dialect.bracketed:
            end = line.find("]", at) + 1
            if not end or line[end : end + 1] not in {"", " "}:
                raise ValueError(f"field {len(tokens) + 1} is no time in brackets")
        else:
            end = line.find(" ", at)
            end = len(line) if end < 0 else end
        tokens.append(line[at:end])
        if end == len(line):
            return tokens
        at = end + 1


def _closing(line: str, at: int, quoting: str, index: int) -> int:
    """Give the place behind the quote that closes the one at `at`."""
    end = at + 1
    while True:
        end = line.find('"', end)
        if end < 0:
            raise ValueError(f"the quote of field {index + 1} is not closed")
        behind = line[end + 1 : end + 2]
        if quoting == "backslash" and _escaped(line, end, at):
            end += 1
        elif quoting == "doubled" and behind == '"':
            end += 2
        elif behind in {"", " "}:
            return end + 1
        else:
            raise ValueError(f"field {index + 1} goes on behind its closing quote")


def _escaped(line: str, place: int, opened: int) -> bool:
    before = line[opened + 1 : place]
    return bool((len(before) - len(before.rstrip("\\"))) & 1)


def _unquoted(token: str, dialect: Dialect) -> str:
    quoted = token.startswith('"')
    value = token[1:-1] if quoted else token
    if dialect.quoting == "doubled":
        return value.replace('""', '"') if quoted else value
    if "\\" not in value:
        return value
    # Backslashes pair up from the left, so that the one before a quote is its own, or the second of a pair.
    pairs = value.split("\\\\")
    return ("\\" if dialect.folds_backslashes else "\\\\").join(part.replace('\\"', '"') for part in pairs)


def _by_header(line: str, layout: Layout) -> list[str] | None:
    """Cut a line whose quotes are not escaped: one closes its field if the next field begins behind it as the header says."""
    values: list[str] = []
    at = 0
    for index, slot in enumerate(layout.slots):
        last = index == layout.width - 1
        if not slot.quoted and index in _brackets(layout):
            end = line.find("]", at) + 1 if line.startswith("[", at) else line.find(" ", at)
        elif not slot.quoted:
            end = len(line) if last else line.find(" ", at)
        elif last:
            end = len(line)
        else:
            end = _quote_before(line, at, opens=layout.slots[index + 1].quoted)
        if end < at or (slot.quoted and not (line.startswith('"', at) and line.endswith('"', at + 1, end))):
            return None
        values.append(line[at + 1 : end - 1] if slot.quoted else line[at:end])
        if not last and not line.startswith(" ", end):
            return None
        at = end + 1
    return None if ('" ' if layout.slots[-1].quoted else " ") in values[-1] else values


def _brackets(layout: Layout) -> set[int]:
    return {at for at, slot in enumerate(layout.slots) if slot.target == CLF_TIME}


def _quote_before(line: str, at: int, *, opens: bool) -> int:
    end = at + 1
    while (end := line.find('" ', end)) >= 0:
        if line.startswith('"', end + 2) == opens:
            return end + 1
        end += 1
    return -1
