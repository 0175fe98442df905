"""Takes a followed file, gives its next whole lines and moves its place behind them; never past a line that may still grow.

Blocking: every call belongs in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from connectors.webgateway.decode import is_header, without_marks
from connectors.webgateway.files_followed import Followed
from connectors.webgateway.files_place import SHORT_BYTES, TAIL_BYTES, Place, digest, first_lines, reach_of
from connectors.webgateway.files_text import Text, tail_of
from wellhead import Reject

_KEPT_BYTES = 64 * 1024
_STOPPED = "the archive ends in the middle and has not grown for `last_line_secs`"
_HEADER_BYTES = 16 * 1024


class ChangedError(Exception):
    """The file no longer holds what was read of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of one file at a time.

    Attributes:
        name: The file's name, for messages.
        header: The header line in force before it; empty where none is.
        lines: Whole lines.
        rejects: What can be no record.
        nbytes: How much of the file it took.
    """

    name: str
    header: bytes
    lines: bytes
    rejects: list[Reject] = field(default_factory=list)
    nbytes: int = 0


def next_piece(each: Followed, chunk_bytes: int, *, final: bool) -> Piece | None:
    """Give the next lines; None where there are none yet.

    Args:
        each: The file; its place moves.
        chunk_bytes: How much is read of it.
        final: Whether a last line without an end is one.

    Raises:
        ChangedError: It holds something else by now.
        MovedError: It is not where it was found.
        OSError: It cannot be read.
    """
    text, place = each.opened(), each.place
    if place.done:
        return None
    stamp = text.stamp()
    known = place.offset if place.offset < place.reach else place.tail_bytes
    read = text.read(place.offset - known, known + chunk_bytes)
    _still_same(text, place, read, known)
    fresh = read[known:]
    full = len(fresh) == chunk_bytes
    taken, lines, rejects, cut = _cut(fresh, full=full, whole=text.ended() or (final and not text.archive), within=place.cut)
    flaw = text.flaw or (_STOPPED if final and text.archive and not text.ended() else "")
    broken = bool(flaw) and not full
    done = text.archive and not full and (broken or (text.ended() and taken == len(fresh)))
    if broken:
        begun = fresh[taken:]
        rejects.append(Reject(f"{text.path}: ".encode() + begun[:_KEPT_BYTES], f"{flaw}; what stands there is lost", cut=True))
        taken = len(fresh)
    if not taken and not done:
        each.exhausted, each.begun = stamp, bool(fresh)
        return None
    each.exhausted, each.begun = None, False
    moved = replace(place, header=header_behind(lines, place.header), cut=cut, done=done)
    if place.offset < place.reach:
        each.head = read[: reach_of(read)]
    each.place = _moved(moved, taken, read[: known + taken])
    return Piece(str(text.path), place.header, lines, rejects, taken)


def skip_to_end(each: Followed, chunk_bytes: int) -> None:
    """Move the place behind all that the file holds now; an archive counts as read.

    Raises:
        MovedError: It is not where it was found.
        OSError: It cannot be read.
    """
    text = each.opened()
    head = text.head()
    size = len(head) if text.archive else text.stamp().size
    at, header, last, rest = 0, b"", b"", b""
    while at < size and (block := text.read(at, min(chunk_bytes, size - at))):
        lines, _, rest = (rest + block).rpartition(b"\n")
        header = header_behind(lines + b"\n", header)
        rest = rest[:_HEADER_BYTES]
        at, last = at + len(block), (last + block)[-TAIL_BYTES:]
    reach = reach_of(head)
    skipped = Place(each.place.inode, at, digest(head[: min(reach, at)]), digest(last), header, text.archive, reach=reach)
    each.place = replace(skipped, done=text.archive, cut=last[-1:] not in (b"", b"\n"))


def header_behind(lines: bytes, header: bytes) -> bytes:
    r"""Give the header line in force behind some lines.

    >>> header_behind(b"#Fields: date time\n#Date: 2026-02-03\n2026-02-03 10:00:07\n", b"")
    b'#Fields: date time'
    """
    lines = without_marks(lines)
    at = len(lines)
    while at > 0:
        at = lines.rfind(b"\n#", 0, at)
        if at < 0 and not lines.startswith(b"#"):
            break
        line = lines[at + 1 : at + 2 + _HEADER_BYTES].partition(b"\n")[0].rstrip(b"\r")
        if len(line) <= _HEADER_BYTES and is_header(line):
            return line
    return header


def _cut(fresh: bytes, *, full: bool, whole: bool, within: bool) -> tuple[int, bytes, list[Reject], bool]:
    """Give how many bytes are taken, the whole lines in them, what can be no line, and whether a line goes on behind them."""
    begin = 0
    if within:
        begin = fresh.find(b"\n") + 1
        if not begin:
            return len(fresh), b"", [], not (whole and not full)
    elif fresh.startswith(b"\0"):
        begin = len(fresh) - len(fresh.lstrip(b"\0"))  # the hole that a truncated file has, whose writer goes on where it was
    end = fresh.rfind(b"\n") + 1
    if end > begin:
        return end, fresh[begin:end], [], False
    if whole and not full:
        return len(fresh), fresh[begin:] + b"\n" if begin < len(fresh) else b"", [], False
    if full and begin < len(fresh):
        reason = f"the line is longer than {len(fresh):,} bytes (option `chunk_bytes`); only its beginning is kept"
        return len(fresh), b"", [Reject(fresh[begin:][:_KEPT_BYTES], reason, cut=True)], True
    return begin, b"", [], False


def _still_same(text: Text, place: Place, read: bytes, known: int) -> None:
    """Raise where the file was cut or exchanged before all of `read` was read: its head is looked at behind the reading."""
    if tail_of(read[:known]) != place.tail:
        raise ChangedError(place)
    if not text.archive and (not text.begins_as(place) or (place.offset == known and not _alike(read, text.head()))):
        raise ChangedError(place)


def _moved(place: Place, taken: int, read: bytes) -> Place:
    if not taken:
        return place
    offset = place.offset + taken
    if place.offset >= place.reach:
        return replace(place, offset=offset, tail=tail_of(read), first=place.first if offset < SHORT_BYTES else "")
    reach = reach_of(read)
    return replace(
        place,
        offset=offset,
        head=digest(read[: min(reach, offset)]),
        tail=tail_of(read),
        reach=reach,
        first=first_lines(read) if offset < SHORT_BYTES else "",
    )


def _alike(one: bytes, other: bytes) -> bool:
    size = min(len(one), len(other))
    return one[:size] == other[:size]
