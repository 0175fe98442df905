"""Gives the words a simulated attack is made of: types, addresses, places in a request, payloads; invented names and documentation addresses only."""

from __future__ import annotations

import ipaddress

DOMAINS = ("shop.example.com", "api.example.com", "www.example.org", "login.example.net")
PATHS = (
    "/api/v1/login", "/api/v1/orders", "/search", "/api/v2/users", "/upload", "/graphql", "/cart", "/export", "/profile", "/status",
    "/api/v1/items", "/report",
)  # fmt: skip
SCANNED = (
    "/.env", "/.git/config", "/wp-login.php", "/phpinfo.php", "/admin", "/server-status", "/actuator/env", "/config.json",
    "/backup.sql", "/etc/passwd", "/cgi-bin/test.cgi", "/manager/html", "/.aws/credentials", "/id_rsa", "/solr/admin", "/console",
)  # fmt: skip
METHODS = ("POST", "GET", "PUT", "DELETE")
POINTS: tuple[tuple[str, ...], ...] = (
    ("post", "json_doc", "hash", "user"),
    ("get", "q"),
    ("post", "form_urlencoded", "comment"),
    ("header", "USER-AGENT"),
    ("get", "next"),
    ("post", "json_doc", "hash", "filter"),
    ("uri",),
    ("header", "COOKIE", "cookie", "session"),
    ("post", "xml", "xml_tag", "id"),
    ("path", "2"),
)
PAYLOADS: dict[str, tuple[str, ...]] = {
    "sqli": ("' OR 1=1 --", "' UNION SELECT 1,2 --", "1; WAITFOR DELAY '0:0:5'"),
    "xss": ('"><svg onload=alert(1)>', "<script>alert(1)</script>", "javascript:alert(document.domain)"),
    "ptrav": ("/etc/passwd", "../../../../windows/win.ini", "..%2f..%2fetc%2fshadow"),
    "rce": (";id", "$(sleep 5)", "|cat /etc/hostname"),
    "nosqli": ('{"$ne":null}', '{"$gt":""}'),
    "ssrf": ("http://192.0.2.80/latest/meta-data/", "gopher://192.0.2.6:6379/_INFO"),
    "xxe": ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',),
    "crlf": ("%0d%0aSet-Cookie: a=b",),
    "redir": ("https://elsewhere.example/",),
    "ssti": ("{{7*7}}", "${7*7}"),
    "scanner": ("",),
    "brute": ("",),
    "dirbust": ("",),
}
TYPES = tuple(PAYLOADS)
SCANNER_TYPES = ("scanner", "ptrav", "sqli", "xss")
COUNTRIES = ("NL", "US", "DE", "FR", "BR", "IN", "SG", "ZA", "JP", None)
_V4 = [network for text in ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24") for network in [ipaddress.ip_network(text)]]
_V4_SIZE = 256
_V6_EVERY = 8
_PARSERS = frozenset(
    ("post", "get", "json_doc", "hash", "form_urlencoded", "header", "uri", "cookie", "xml", "xml_tag", "path", "array")
)


def address(number: int) -> str:
    """Give the address of a sender: one in eight is IPv6, and so are those for which the IPv4 ranges do not suffice.

    >>> address(0), address(1), address(7)
    ('198.51.100.0', '203.0.113.0', '2001:db8::7')
    """
    if number % _V6_EVERY == _V6_EVERY - 1 or number >= len(_V4) * _V4_SIZE:
        return str(ipaddress.IPv6Address(0x20010DB8 << 96 | number))
    return str(_V4[number % len(_V4)][number // len(_V4)])


def parameter_of(point: tuple[str, ...]) -> str:
    """Give the name the vendor has for a place in a request.

    >>> parameter_of(("post", "json_doc", "hash", "user"))
    'POST_JSON_DOC_HASH_user_value'
    """
    return "_".join(part.upper() if part in _PARSERS else part for part in point) + "_value"
