"""Takes texts and cuts of any size, proves that chunks lose, double and tear nothing."""

from __future__ import annotations

import io
import zlib

from hypothesis import given
from hypothesis import strategies as st

from connectors.wss.lines import Lines

texts = st.lists(
    st.sampled_from([b"\n", b"a\n", b"bc\n", b"d" * 9 + b"\n", b"e" * 40 + b"\n", b"f" * 17, b"\r\n", b"g"]), max_size=40
).map(b"".join)


@given(texts, st.integers(4, 30))
def test_chunks_are_whole_lines_and_together_the_text(text: bytes, chunk_bytes: int) -> None:
    """Whatever the chunk size, lines come whole and in order; one that does not fit in a chunk comes as its beginning."""
    lines = Lines(io.BytesIO(text), chunk_bytes=chunk_bytes, long_line_bytes=3)
    at = 0
    while (found := lines.next_chunk()) is not None:
        chunk, long_line = found
        if long_line is None:
            assert text[at : at + len(chunk)] == chunk
            assert len(chunk) <= 2 * chunk_bytes
            at += len(chunk)
        else:
            end = text.find(b"\n", at) + 1 or len(text)
            assert end - at >= chunk_bytes
            assert long_line == text[at : at + 3]
            at = end
        assert text[at - 1 : at] == b"\n" or at == len(text)
        assert (lines.offset, lines.crc) == (at, zlib.crc32(text[:at]))
    assert at == len(text)
