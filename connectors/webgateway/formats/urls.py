"""Takes request lines or URLs, gives their parts as columns; what is no URL keeps its text and has no parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.webgateway.formats.cuts import Cuts, Flags, Ints

_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_SCHEME = _LETTERS + _DIGITS + b"+-."
_NO_HOST = bytes(range(0x21)) + b'"*<>[\\]^`{|}@\x7f'
_VERSION = b"HTTP/"
_PLAIN, _SECURE = b"http", b"https"
_PORT_MAX, _PORT_DIGITS = 65_535, 5


def of_requests(texts: Any) -> dict[str, Any]:
    """Split request lines like `GET http://www.example.org/ HTTP/1.1`; one without a space is taken for a URL."""
    cuts = Cuts.of(texts)
    blank, last = cuts.first(b" "), cuts.last(b" ")
    split = blank < cuts.ends
    versioned = (last > blank) & cuts.holds(last + 1, _VERSION)
    url = cuts.within(np.where(split, blank + 1, cuts.starts), np.where(versioned, last, cuts.ends))
    return {
        "method": cuts.within(cuts.starts, blank).column(split),
        "http_version": cuts.within(last + 1 + len(_VERSION), cuts.ends).column(versioned),
        "url": url.column(),
        **_parts(url),
    }


def of_urls(texts: Any) -> dict[str, Any]:
    """Give the parts of URLs: absolute ones, `host:port` of tunnels, paths."""
    return _parts(Cuts.of(texts))


def _parts(url: Cuts) -> dict[str, Any]:
    colon = url.first(b":")
    absolute = _absolute(url, colon)
    origin = url.holds(url.starts, b"/")
    after = url.within(np.where(absolute, colon + 3, url.starts), url.ends)
    path = after.first(b"/?#")
    place = _Places(after.within(after.starts, path).column(absolute | (~origin & (path == url.ends))))
    named = place.good & (absolute | place.ported)
    good = named | (origin & ~absolute)
    question = after.within(path, url.ends).first(b"?#")
    asked = after.holds(question, b"?")
    end = after.within(question, url.ends).first(b"#")
    return {
        "url_scheme": pc.ascii_lower(url.within(url.starts, colon).column(absolute & named)),
        "url_domain": place.of(place.host, named),
        "url_port": place.of(place.port, named),
        "url_path": url.within(path, question).column(good),
        "url_query": url.within(question + 1, np.maximum(end, question + 1)).column(good & asked),
    }


def _absolute(url: Cuts, colon: Ints) -> Flags:
    """Tell which begin with a scheme and `://`; most by a look at the two usual ones."""
    marked = url.holds(colon, b"://")
    size = colon - url.starts
    secure = (size == len(_SECURE)) & url.holds(url.starts + len(_PLAIN), _SECURE[len(_PLAIN) :])
    usual: Flags = marked & ((size == len(_PLAIN)) | secure) & url.holds(url.starts, _PLAIN)
    if not (usual == marked).all():
        usual = marked & (url.first(_SCHEME, but=True) == colon) & np.isin(url.data[url.starts], list(_LETTERS))
    return usual


class _Places:
    """Hosts and ports of texts like `www.example.org:443`, each different one looked at once.

    Attributes:
        good: Which of the texts are so, or nothing.
        ported: Which of them have both a host and a port.
        host: The hosts of the different ones, in lower case.
        port: Their ports.
    """

    def __init__(self, texts: Any) -> None:
        encoded = texts.dictionary_encode()
        self._which = encoded.indices
        host, port, bare = _authority(Cuts.of(encoded.dictionary))
        number, fits = _ports(port)
        good = fits & bare & (host.first(_NO_HOST) == host.ends)
        has_port = port.ends > port.starts
        row = np.asarray(self._which.fill_null(len(good)))
        self.good: Flags = np.append(good, True)[row]
        self.ported: Flags = np.append(good & has_port & (host.ends > host.starts), False)[row]
        self.host = pc.ascii_lower(host.column(good))
        self.port = pa.array(number, pa.int32(), mask=~(good & has_port))

    def of(self, column: Any, rows: Flags) -> Any:
        """Give a value of each text, where `rows` says so."""
        return column.take(self._which if rows.all() else pc.if_else(pa.array(rows), self._which, None))


def _authority(whole: Cuts) -> tuple[Cuts, Cuts, Flags]:
    """Split what stands before the path into host and port; tell where nothing else is in it."""
    begin = whole.last(b"@") + 1
    rest = whole.within(begin, whole.ends)
    bracketed = rest.holds(begin, b"[")
    closing = rest.first(b"]")
    colon = rest.within(np.where(bracketed, np.minimum(closing + 1, rest.ends), begin), rest.ends).first(b":")
    behind: Ints = np.where(bracketed, np.minimum(closing + 1, rest.ends), colon)
    host = rest.within(np.where(bracketed, begin + 1, begin), np.where(bracketed, closing, colon))
    bare = (behind == colon) & (~bracketed | (closing < rest.ends))
    return host, rest.within(np.minimum(colon + 1, rest.ends), rest.ends), bare


def _ports(port: Cuts) -> tuple[Ints, Flags]:
    """Give numbers, and which of the texts are one that a port can be, or empty."""
    lengths = port.ends - port.starts
    fits = (port.first(_DIGITS, but=True) == port.ends) & (lengths <= _PORT_DIGITS)
    number = np.zeros(len(lengths), np.int64)
    for at in range(_PORT_DIGITS):
        place = port.starts + at
        here = fits & (at < lengths)
        number = np.where(here, number * 10 + port.data[np.where(here, place, 0)] - _DIGITS[0], number)
    return number, fits & (number <= _PORT_MAX)
