"""Takes the place of a payload in a request, gives the name the vendor has for it in attacks; never guesses where it was told none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_HOLDERS = "get header cookie hash form_urlencoded multipart content_disp json json_obj jwt viewstate_dict"
_DOCUMENTS = "xml_tag xml_attr xml_pi xml_dtd_entity grpc protobuf gql_arg gql_var param"
_NAMED = frozenset(f"{_HOLDERS} {_DOCUMENTS}".split())
"""Parts after which the client's own name of something stands, kept as it is."""


def parameter_of(point: Sequence[str]) -> str | None:
    """Give the vendor's name of a place: its parts in capitals, names of the client's as they are; None for no place.

    >>> parameter_of(["post", "json_doc", "hash", "user"])
    'POST_JSON_DOC_HASH_user_value'
    >>> parameter_of(["header", "User-Agent"]), parameter_of(["uri"]), parameter_of([])
    ('HEADER_User-Agent_value', 'URI_value', None)
    """
    return _named(tuple(point)) if point else None


@lru_cache(maxsize=4096)
def _named(point: tuple[str, ...]) -> str:
    words, own = [], False
    for part in point:
        words.append(part if own else part.upper())
        own = not own and part in _NAMED
    return "_".join([*words, "value"])


def flat(point: object) -> list[str] | None:
    """Give a place as a list of texts: the vendor writes numbers and pairs in it, too; None where it is no such list.

    >>> flat([["header", "HOST"], ["path", 0]])
    ['header', 'HOST', 'path', '0']
    """
    if type(point) is not list:
        return None
    if set(map(type, point)) <= {str}:
        return point
    parts: list[str] = []
    for part in point:
        inner = part if type(part) is list else [part]
        if not set(map(type, inner)) <= {str, int}:
            return None
        parts += map(str, inner)
    return parts
