"""Takes an object that was rejected, gives the record it is by now or the reject anew; asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from connectors.wallarm.answer import Page
from connectors.wallarm.decode import Decoded, decode
from connectors.wallarm.grouped import decode_attacks
from connectors.wallarm.vectors import decode_vectors
from wellhead import Reject


def decoded(clients: Sequence[int], stream: str, reject: Reject) -> Decoded:
    """Decode one object; whose it is and which API gave it stand in its context.

    A reject without a context is taken for the legacy API's, of the first client.
    """
    name, _, client = reject.context.decode("utf-8", "replace").partition(" ")
    name = name or "body"
    whose = int(client) if client.isdecimal() else clients[0]
    content = b'{"' + name.encode() + b'":[' + reject.raw + b"]}"
    read = decode_attacks if stream == "attack" else decode_vectors if name == "data" else decode
    try:
        objects = orjson.loads(content)[name]
    except (ValueError, KeyError, TypeError):
        nothing = read(Page([], name, None, b""), whose)
        return replace(nothing, rejects=[replace(reject, reason="it is no JSON value", field=None)])
    return read(Page(objects, name, None, content), whose)
