from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.floods.families import UNKNOWN, Family, address_of, family_of, plain


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("p1.example.net", "*.example.net"),
        ("p2.example.net", "*.example.net"),
        ("example.net", "*.example.net"),
        ("a.b.c.example.net.", "*.example.net"),
        ("P3.EXAMPLE.NET", "*.example.net"),
        ("p1.flashsports.co.uk", "*.flashsports.co.uk"),
        ("p1.ergebnisselive.de", "*.ergebnisselive.de"),
        ("co.uk", "co.uk"),
        ("intranet", "intranet"),
        ("push.bücher.example", "*.xn--bcher-kva.example"),
        ("push.xn--bcher-kva.example", "*.xn--bcher-kva.example"),
        ("PUSH.BÜCHER.example.", "*.xn--bcher-kva.example"),
        ("p1.食狮.公司.cn", "*.xn--85x722f.xn--55qx5d.cn"),
        ("p1.example.net:443", "*.example.net"),
        ("_sip.example.net", "*.example.net"),
        ("", UNKNOWN),
        ("-", "-"),
        ("a..b", UNKNOWN),
        ("." * 3, UNKNOWN),
        ("x" * 64 + ".example", UNKNOWN),
    ],
)
def test_names_of_one_registered_domain_are_one_family(host, family):
    """Whatever its case, dot, port and spelling, a name is of the domain that somebody registered, below suffixes of any length."""
    assert family_of(host) == Family(family)


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:443", "198.51.100.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_an_address_is_a_family_in_its_one_spelling(host, family):
    """Addresses are families of their own, IPv4 in IPv6 as IPv4."""
    assert family_of(host) == Family(family, address=True)


LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12).filter(lambda label: not label.isdigit())


@given(st.lists(LABELS, min_size=1, max_size=4), LABELS)
def test_what_is_below_a_registered_domain_is_of_its_family(below, name):
    """However many labels stand before it, and in whatever case."""
    host = ".".join([*below, name, "co.uk"])
    assert family_of(host) == family_of(f"{name}.co.uk") == family_of(host.upper() + ".")


@given(st.text(max_size=300))
def test_any_text_has_a_family(text):
    """Whatever a log holds as host, it has a family, and the family's own name is of it."""
    family = family_of(text)
    assert family.name
    again = family_of(family.name.removeprefix("*."))
    assert again.name in {family.name, UNKNOWN} or family.name == plain(text)


def test_text_that_is_no_address_is_none():
    """Only addresses are taken for one."""
    assert [address_of(text) for text in ("example.net", "1.2.3", "", "1.2.3.4.5")] == [None] * 4
