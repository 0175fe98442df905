"""Documents of one layout become those of another, or it is said why not."""

import json

import pytest

from wellhead.errors import ConfigError
from wellhead.migration.copy.mapping import Layout
from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.copy.slices import Slice, in_unit, query_of
from wellhead.migration.copy.translate import Found, Translator, Untranslatable

OLD = """
description: An older layout.
hits:
  index: "hits_*"
  target: "{prefix}-hits-{month}"
  month: time
  client.from.index: "^hits_(\\\\d+)_"
  time: at
  time.unit: s
  tie: _id
  version: 1
  drop: [secret]
  rename: {at: time, statuscode: status_code, owner: vendor_id}
  convert: {time: secs_to_ms, status_code: int, vendor_id: pair, flag: bool}
  constant: {rule: null}
"""


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return load_mapping(str(path)).layout("hits")


def found(content, place="hits_12_202602_v_1", version=3, month=None):
    return Found("hits", place, "k1", version, content, month)


def test_a_document_is_renamed_converted_and_cut(old):
    """Every word of the mapping does what it says, and the month is that of the new time."""
    before = {
        "at": 1770109501,
        "statuscode": "403",
        "owner": ["hits_1", "k"],
        "flag": "true",
        "secret": "x",
        "path": "/ü",
        "none": None,
    }
    action = Translator(old, "new").action(found(before))
    assert json.loads(action.source) == {
        "time": 1770109501000,
        "status_code": 403,
        "vendor_id": "hits_1:k",
        "flag": True,
        "path": "/ü",
        "none": None,
        "rule": None,
    }
    assert (action.index, action.id, action.version) == ("new-hits-2026.02", "k1", 1)


def test_identity_hands_on_the_bytes_as_they_are():
    """What a topic holds is not even parsed."""
    layout = load_mapping("identity").layout("hits")
    raw = b'{"id": 1,  "x":1.50}'
    action = Translator(layout, "p").action(found(raw, "documents, partition 0, offset 7", 9, "2026.03"))
    assert (action.source, action.index, action.version) == (raw, "p-hits-2026.03", 9)


@pytest.mark.parametrize(
    ("place", "month"),
    [("x-hits-2026.02", "2026.02"), ("hits_production_4242_202602_v_1", "2026.02"), ("hits-2025-12", "2025.12")],
)
def test_the_month_can_stand_in_the_name_of_the_index(place, month):
    """However it is written."""
    assert Translator(load_mapping("identity").layout("hits"), "p").action(found({}, place)).index == f"p-hits-{month}"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({"at": "soon"}, "field time is a str that cannot become secs_to_ms"),
        ({"at": 1, "statuscode": 4.5}, "field status_code is a float that cannot become int"),
        ({"at": 1, "flag": "maybe"}, "field flag is a str that cannot become bool"),
        ({}, "field time holds no epoch milliseconds"),
        ({"at": 1, "big": 2**70}, "more than 64 bits"),
    ],
)
def test_what_does_not_fit_is_said_without_its_value(old, before, said):
    """The reason names the field."""
    with pytest.raises(Untranslatable, match=said) as caught:
        Translator(old, "new").action(found(before))
    assert "soon" not in str(caught.value)


def test_id_and_version_can_be_fields():
    """A pair of index and key becomes one id."""
    layout = Layout(index="i", target="t", time="time", id="id", version="revision")
    action = Translator(layout, "p").action(found({"id": ["hits_1", "k"], "revision": 8}))
    assert (action.id, action.version) == ("hits_1:k", 8)
    with pytest.raises(Untranslatable, match="no version in revision"):
        Translator(layout, "p").action(found({"id": "x"}))
    with pytest.raises(Untranslatable, match="holds no id"):
        Translator(layout, "p").action(found({"revision": 1}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("description: x", "needs hits, attacks or both"),
        ("description: x\nhits: {index: a, target: 'x-{moth}', time: t}", "holds {moth}"),
        ("description: x\nhits: {index: a, target: b, time: t, rename: {a: c, b: c}}", "two fields would become c"),
        ("description: x\nhits: {index: a, target: b, time: t, client.from.index: '^x'}", "a group for the client"),
        ("description: x\nhits: {index: a, target: b, time: t, convert: {a: roman}}", "hits.convert.a"),
        ("description: x\nhits: {index: a, target: b, time: t, renam: {}}", "did you mean"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(tmp_path, text, said):
    """With the file, the field and what is wrong."""
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_mapping(str(path))
    assert said in str(caught.value)


def test_a_mapping_that_is_not_there_is_named():
    """With the ways to name one."""
    with pytest.raises(ConfigError, match="there is no such mapping"):
        load_mapping("nobody/nothing")


def test_the_query_of_a_slice_is_in_the_units_of_the_source(old):
    """A second that has begun before the range is no part of it."""
    assert in_unit(old, 1000) == 1
    assert in_unit(old, 1001) == 2
    filters = query_of(Slice(0, "hits", "i", 1, None, None, 1001, 5000), old)["bool"]["filter"]
    assert {"range": {"at": {"gte": 2, "lt": 5}}} in filters


def test_an_odd_slice_holds_what_the_others_leave():
    """Both queries together find every document once."""
    layout = load_mapping("identity").layout("hits")
    even, odd = (
        query_of(Slice(0, "hits", "i", 1, (12,), None, None, None, odd), layout)["bool"]["filter"] for odd in (False, True)
    )
    assert even[:2] == [{"exists": {"field": "time"}}, {"exists": {"field": "id"}}]
    assert odd[0] == {"bool": {"must_not": [{"bool": {"filter": even[:2]}}]}}
    assert even[2:] == odd[1:] == [{"terms": {"client_id": [12]}}]


def test_what_the_index_says_becomes_part_of_the_document(tmp_path):
    """The client in its name, and an id that is one across all indices."""
    path = tmp_path / "old.yaml"
    path.write_text(OLD.replace("  tie: _id", '  tie: _id\n  id: "index:_id"\n  id.to: id\n  client.to: client_id'))
    action = Translator(load_mapping(str(path)).layout("hits"), "new").action(found({"at": 1}))
    content = json.loads(action.source)
    assert (action.id, content["id"], content["client_id"]) == ("hits_12_202602_v_1:k1", "hits_12_202602_v_1:k1", 12)
