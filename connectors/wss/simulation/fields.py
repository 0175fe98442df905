"""Takes a seeded source of chance, gives plausible access-log rows of invented people on documentation addresses, never a real one."""

from __future__ import annotations

import random
from collections.abc import Sequence

DEFAULT_FIELDS: tuple[str, ...] = tuple(
    """x-bluecoat-request-tenant-id date time x-bluecoat-appliance-name time-taken c-ip cs-userdn cs-auth-groups
    x-exception-id sc-filter-result cs-categories cs(Referer) sc-status s-action cs-method rs(Content-Type) cs-uri-scheme
    cs-host cs-uri-port cs-uri-path cs-uri-query cs-uri-extension cs(User-Agent) s-ip sc-bytes cs-bytes
    x-icap-reqmod-header(X-ICAP-Metadata) x-icap-respmod-header(X-ICAP-Metadata) x-data-leak-detected x-virus-id
    x-bluecoat-location-id x-bluecoat-location-name x-bluecoat-access-type x-bluecoat-application-name
    x-bluecoat-application-operation r-ip r-supplier-country x-rs-certificate-validate-status
    x-rs-certificate-observed-errors x-cs-ocsp-error x-rs-ocsp-error x-rs-connection-negotiated-ssl-version
    x-rs-connection-negotiated-cipher x-rs-connection-negotiated-cipher-size x-rs-certificate-hostname
    x-rs-certificate-hostname-categories x-cs-connection-negotiated-ssl-version x-cs-connection-negotiated-cipher
    x-cs-connection-negotiated-cipher-size x-cs-certificate-subject cs-icap-status cs-icap-error-details rs-icap-status
    rs-icap-error-details s-supplier-ip s-supplier-country s-supplier-failures x-cs-client-ip-country cs-threat-risk
    x-rs-certificate-hostname-threat-risk x-client-agent-type x-client-os x-client-agent-sw x-client-device-id
    x-client-device-name x-client-device-type x-client-security-posture-details x-client-security-posture-risk-score
    x-bluecoat-reference-id x-sc-connection-issuer-keyring x-sc-connection-issuer-keyring-alias x-cloud-rs
    x-bluecoat-placeholder cs(X-Requested-With) x-random-ipv6 x-bluecoat-transaction-uuid""".split()  # noqa: SIM905 - as it stands in a header line
)
"""The vendor's default field list, in its order."""

PEOPLE = (
    "r.okafor",
    "m.lindqvist",
    "t.nakamura",
    "zoë.martín",
    "j.østergaard",
    "a.haddad",
    "p.kowalczyk",
    "k.müller",
    "s.ncube",
)
SITES = (
    ("www.example.org", "Technology/Internet", "text/html;%20charset=utf-8", "none"),
    ("cdn.example.net", "Content Delivery Networks", "image/png", "none"),
    ("mail.example.com", "Email;Business/Economy", "application/json", "Example Mail"),
    ("bücher.example", "Shopping;Éducation", "text/html", "none"),
    ("files.example.com", "File Storage/Sharing", "application/octet-stream", "Example Drive"),
    ("bad-updates.example", "Suspicious;Malicious Sources/Malnets", "-", "none"),
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "curl/8.5.0",
    "Example Müller Agent/2.1 (build 77)",
)
COUNTRIES = ("Germany", "United Kingdom", "Côte d'Ivoire", "Japan")
SYSTEMS = (
    "architecture=x86_64%20name=Windows%2011%20version=10.0.22631",
    "architecture=arm64%20name=macOS%20version=14.5",
    "architecture=x86_64%20name=Ubuntu%2024.04",
)
PATHS = ("/docs/index.html", "/img/na%C3%AFve.png", "/api/v2/send", "/", "/a%20b/c%22d%22.js", "/watch")
QUERIES = ("?lang=en", "-", "?q=%E2%82%AC%20100&page=2", "?id=42#top", "-")


def quoted(text: str) -> str:
    """Give a value in double quotes, as the vendor does where a value may hold spaces."""
    return f'"{text}"'


def invent_row(chance: random.Random, tenant_number: int) -> dict[str, str]:
    """Invent one row's values as they stand on the wire, without date, time, appliance and transaction id."""
    host, categories, content_type, application = chance.choice(SITES)
    blocked = host.startswith("bad-")
    country = chance.choice(COUNTRIES)
    person = chance.choice(PEOPLE)
    row = dict.fromkeys(DEFAULT_FIELDS, "-")
    row.update(
        {
            "x-bluecoat-request-tenant-id": str(tenant_number),
            "time-taken": str(chance.randrange(1, 2_000)),
            "c-ip": f"198.51.100.{chance.randrange(1, 255)}",
            "cs-userdn": chance.choice(
                (f"EXAMPLE\\{person}", f"EXAMPLE\\{person}", quoted(f"cn={person},ou=Field Sales,dc=example"), "-")
            ),
            "cs-auth-groups": chance.choice(("-", quoted("EXAMPLE\\Domain Users,EXAMPLE\\Büro Zürich"))),
            "cs-host": host,
            "cs-categories": quoted(categories),
            "x-rs-certificate-hostname": host,
            "x-rs-certificate-hostname-categories": categories.replace(" ", "%20"),
            "rs(Content-Type)": content_type,
            "x-bluecoat-application-name": quoted(application),
            "r-supplier-country": quoted(country),
            "x-cs-client-ip-country": quoted(country),
        }
    )
    row.update(_verdict(chance, blocked=blocked))
    row.update(_request(chance, blocked=blocked))
    row.update(_connection(chance))
    row.update(_device(chance))
    return row


def _verdict(chance: random.Random, *, blocked: bool) -> dict[str, str]:
    risk = str(chance.randrange(8, 11) if blocked else chance.randrange(1, 6))
    return {
        "x-exception-id": "silent_denied" if blocked else "-",
        "sc-filter-result": "DENIED" if blocked else "OBSERVED",
        "sc-status": "403" if blocked else chance.choice(("200", "200", "204", "301", "404", "503")),
        "s-action": "DENIED" if blocked else chance.choice(("TCP_NC_MISS", "TCP_HIT", "TCP_TUNNELED")),
        "cs-threat-risk": risk,
        "x-rs-certificate-hostname-threat-risk": risk,
        "cs-icap-status": "ICAP_NOT_SCANNED",
        "rs-icap-status": "ICAP_NOT_SCANNED" if blocked else "ICAP_NO_MODIFICATION",
        "sc-bytes": "0" if blocked else str(chance.choice((512, 18_432, 90_211, 5_368_709_120))),
        "cs-bytes": str(chance.randrange(200, 4_000)),
    }


def _request(chance: random.Random, *, blocked: bool) -> dict[str, str]:
    path = "/" if blocked else chance.choice(PATHS)
    extension = path.rpartition(".")[2] if "." in path else "-"
    return {
        "cs(Referer)": chance.choice(("-", "https://intranet.example.org/start")),
        "cs-method": "CONNECT" if blocked else chance.choice(("GET", "GET", "POST", "HEAD")),
        "cs-uri-scheme": chance.choice(("https", "https", "http", "ssl")),
        "cs-uri-port": chance.choice(("443", "443", "80", "8443")),
        "cs-uri-path": path,
        "cs-uri-query": "-" if blocked else chance.choice(QUERIES),
        "cs-uri-extension": extension,
        "cs(User-Agent)": quoted(chance.choice(AGENTS)),
        "s-ip": f"203.0.113.{chance.randrange(1, 255)}",
        "r-ip": f"192.0.2.{chance.randrange(1, 255)}",
    }


def _connection(chance: random.Random) -> dict[str, str]:
    cipher, size = chance.choice((("TLS_AES_256_GCM_SHA384", "256"), ("ECDHE-RSA-AES128-GCM-SHA256", "128")))
    version = "TLSv1.3" if size == "256" else "TLSv1.2"
    return {
        "x-rs-certificate-validate-status": chance.choice(("CERT_VALID", "CERT_VALID", "CERT_UNTRUSTED_ISSUER")),
        "x-rs-certificate-observed-errors": "none",
        "x-rs-connection-negotiated-ssl-version": version,
        "x-rs-connection-negotiated-cipher": cipher,
        "x-rs-connection-negotiated-cipher-size": size,
        "x-cs-connection-negotiated-ssl-version": version,
        "x-cs-connection-negotiated-cipher": cipher,
        "x-cs-connection-negotiated-cipher-size": size,
        "x-sc-connection-issuer-keyring": "SSL_Intercept_1",
        "x-bluecoat-location-id": "0",
        "x-bluecoat-location-name": quoted("client"),
        "x-bluecoat-access-type": "client_connector",
        "x-bluecoat-application-operation": quoted(chance.choice(("none", "Upload Files"))),
    }


def _device(chance: random.Random) -> dict[str, str]:
    if not chance.randrange(5):
        return {}
    return {
        "x-client-agent-type": "wss-agent",
        "x-client-os": chance.choice(SYSTEMS),
        "x-client-agent-sw": "9.8.1.21180",
        "x-client-device-id": "5b1f0a52-3c1e-4f7e-9c67-" + f"{chance.getrandbits(48):012x}",
        "x-client-device-name": f"WS-{chance.randrange(10_000):04d}",
        "x-random-ipv6": chance.choice(("-", f"2001:db8::{chance.randrange(1, 65_536):x}")),
    }


def value_of(wire: str) -> str | None:
    """Give what a careful reader takes a value on the wire for: quotes off, `-` is nothing, percent-escapes as they are."""
    if wire == "-":
        return None
    return wire[1:-1] if wire.startswith('"') else wire


def line_of(wires: Sequence[str]) -> bytes:
    """Join values into one line, without its end."""
    return " ".join(wires).encode()
