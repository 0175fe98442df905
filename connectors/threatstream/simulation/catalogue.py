"""Takes a seed, gives the invented details that indicators of a type are made of, odd ones included; never what names an indicator."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from wellhead.testing.dice import salt_of

FACES = 160
_ADDRESS = """actor apt bot brute c2 comm_proxy compromised crypto ddos exfil exploit fraud geolocated i2p infrastructure mal p2p parked phish
    proxy scan sinkhole spam ssh suspicious tor vpn vps""".split()  # noqa: SIM905 - a table of words
_NAME = """adware apt bot c2 compromised crypto ddos disposable_email dyn_dns exfil exploit fraud free_email mal parked phish ransomware
    sinkhole spam suspicious vpn whois_privacy""".split()  # noqa: SIM905
_PAGE = """adware apt bot c2 compromised crypto ddos exfil exploit fraud infostealer ipcheck mal parked phish pastesite ransomware
    social_media spam suspicious""".split()  # noqa: SIM905
_MAIL = "actor apt c2 compromised fraud mal phish ransomware spam suspicious whois_privacy".split()  # noqa: SIM905
_HASH = """actor_md5 adware_md5 apt_md5 apt_sha1 apt_sha256 bot_md5 c2_md5 crypto_hash exploit_md5 mal_md5 mal_sha1 mal_sha256 mal_sha512
    phish_md5 ransomware_hash suspicious_md5 trojan_hash""".split()  # noqa: SIM905
_THREATS = {"mal": "malware", "actor": "apt", "brute": "brute", "tor": "tor", "suspicious": "suspicious", "scan": "scan"}


@dataclass(frozen=True, slots=True)
class Family:
    """What indicators of one form have in common.

    Attributes:
        form: How the value is written, a key of `values.FORMS`.
        type: The vendor's type.
        subtype: The kind of hash, None for what is none.
        itypes: The indicator types they may have.
        share: Of how many in a hundred of the group.
    """

    form: str
    type: str
    subtype: str | None
    itypes: Sequence[str]
    share: int


FAMILIES: Mapping[str, Sequence[Family]] = {
    "ip": (
        Family("ipv4", "ip", None, [f"{word}_ip" for word in _ADDRESS], 80),
        Family("ipv6", "ipv6", None, [f"{word}_ipv6" for word in _ADDRESS], 12),
        Family("ipv6", "ip", None, [f"{word}_ip" for word in _ADDRESS], 8),
    ),
    "domain": (Family("domain", "domain", None, [f"{word}_domain" for word in _NAME], 100),),
    "hash": (
        Family("md5", "md5", "MD5", _HASH, 35),
        Family("sha1", "md5", "SHA1", _HASH, 20),
        Family("sha256", "md5", "SHA256", _HASH, 40),
        Family("sha512", "md5", "SHA512", _HASH, 5),
    ),
    "url": (Family("url", "url", None, [f"{word}_url" for word in _PAGE], 100),),
    "email": (Family("email", "email", None, [f"{word}_email" for word in _MAIL], 100),),
}

_TAGS: Sequence[Sequence[Mapping[str, Any]] | None] = (
    None,
    [],
    [{"id": "7ta", "name": "botnet", "tlp": "green"}, {"id": "9qk", "name": "c2"}],
    [{"id": "z01", "name": 'loader, "stage 2"'}],
    [{"id": "u77", "name": "https://reports.example/2026/01?a=1,b=2", "tlp": "amber"}],
    [{"id": "m12", "name": "Käfer, groß"}, {"id": "m13", "name": "标签"}],
    [{"id": "a1", "name": "apt-example"}, {"id": "a2", "name": "phishing"}, {"id": "a3", "name": "O'Neil; drop"}],
)
_TLPS = (None, "red", "amber", "amber+strict", "green", "clear", "white")
_SOURCES = ("Example Research Feed", "Analyst", "Example Abuse Desk, Ltd.", 'The "Example" List', "Exämple CERT")
_SEVERITIES = ("low", "medium", "high", "very-high")
_PLACES: Sequence[Mapping[str, Any]] = (
    {},
    {"country": None, "latitude": None, "longitude": None},
    {"country": "DE", "latitude": 50.1109, "longitude": 8.6821},
    {"country": "US"},
    {"country": "BR", "latitude": -23.5475},
    {"country": "AU", "latitude": -33.8688, "longitude": 151.2093},
    {"country": ""},
)


@dataclass(frozen=True, slots=True)
class Face:
    """Details of an indicator: JSON text of what stands before and after its own place, and what it resolved to."""

    before: bytes
    after: bytes
    resolved: bytes


def itype_pieces(family: Family) -> list[bytes]:
    """Give the JSON text of type, subtype, itype and threat type for each itype of a family."""
    pieces = []
    for itype in family.itypes:
        word = itype.rpartition("_")[0]
        told = {"type": family.type, "subtype": family.subtype, "itype": itype, "threat_type": _THREATS.get(word, word)}
        pieces.append(_inner(told))
    return pieces


def invent_faces(seed: int, group: str) -> list[Face]:
    """Invent the details that a group's indicators are given."""
    chance = random.Random(salt_of(seed, group, "faces"))  # noqa: S311 - data that must repeat
    return [_face(chance, group, number) for number in range(FACES)]


def _face(chance: random.Random, group: str, number: int) -> Face:
    confidence = -1 if number % 10 == 0 else chance.randint(0, 100)
    place = dict(chance.choice(_PLACES)) if group == "ip" or number % 3 == 0 else {}
    resolved = (
        {} if group in ("hash", "email") else chance.choice(({}, {"ip": None}, {"ip": f"198.51.100.{chance.randrange(256)}"}))
    )
    before = {
        "confidence": confidence,
        "retina_confidence": chance.choice((-1, -1, confidence)),
        "source_reported_confidence": confidence,
        "threatscore": max(0, confidence - chance.randint(0, 10)),
        "meta": _meta(chance, number),
        "source": chance.choice(_SOURCES),
        "feed_id": chance.choice((0, 0, 368, 1390)),
        "import_session_id": chance.choice((None, 120_045)),
        "owner_organization_id": 2024,
    }
    return Face(_inner(before), _inner(_rest(chance, number, group)) + _added(place), _added(resolved))


def _meta(chance: random.Random, number: int) -> dict[str, Any]:
    meta: dict[str, Any] = {} if number % 40 == 1 else {"severity": chance.choice(_SEVERITIES)}
    meta["detail2"] = chance.choice(("imported by user 4711", "bifocals_deactivated_on_2026-01-30_08:41:10"))
    if number % 4 == 1:
        meta["detail"] = "dynamic-dns"
    if number % 5 == 1:
        meta["maltype"] = "ExampleLoader"
    if number % 6 == 1:
        meta |= {"registrant_name": "A. Example", "registrant_email": "a@registrant.example", "registrant_phone": None}
    return meta


def _rest(chance: random.Random, number: int, group: str) -> dict[str, Any]:
    is_public = chance.random() < 0.5  # noqa: PLR2004 - a coin
    return {
        "source_created": chance.choice((None, None, "2025-11-02T00:00:00.000Z")),
        "source_modified": chance.choice((None, None, "2025-12-24T18:30:00.250Z")),
        "tags": _TAGS[number % len(_TAGS)],
        "tlp": chance.choice(_TLPS),
        "is_public": is_public,
        "is_anonymous": chance.random() < 0.2,  # noqa: PLR2004 - a share
        "is_editable": False,
        "can_add_public_tags": True,
        "trusted_circle_ids": None if is_public else chance.choice((None, [], [10_015], [10_015, 10_901])),
        "workgroups": chance.choice(([], [], [12])),
        "target_industry": chance.choice(([], [], ["Financial Services", "Health, Care"])),
        "locations": chance.choice(([], [], [{"name": "Example Town", "country": "DE"}])),
        "source_locations": [],
        "description": chance.choice((None, None, "Seen in a campaign,\nsee the report.")),
        "created_by": chance.choice((None, "r.okafor@example.org")),
        "rdns": "host77.example.net" if group == "ip" and number % 3 == 1 else None,
        "asn": chance.choice(("", "64500", "65551")),
        "org": chance.choice(("", "Example Hosting GmbH", "Example, Inc.")),
    }


def _inner(fields: Mapping[str, Any]) -> bytes:
    """Give an object's JSON text without its braces."""
    return orjson.dumps(fields)[1:-1]


def _added(fields: Mapping[str, Any]) -> bytes:
    return b"," + _inner(fields) if fields else b""
