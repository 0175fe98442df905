"""Tests of ReplaceField."""

RICH = {
    "user": "alice",
    "url": "/",
    "tags": ["a"],
    "extensions": [("x", "y")],
    "geo": {"country": "AT"},
    "verdict": "DENY",
    "nbytes": 1,
}


def test_excluded_fields_are_null_whatever_their_type(feed):
    """Lists, maps and records are emptied like text; what is not named stays."""
    names = ["user", "tags", "extensions", "geo", "verdict"]
    (row,) = feed.one({"type": "ReplaceField", "exclude": names}).apply(feed.batch(RICH)).to_pylist()
    assert [name for name in RICH if row[name] is not None] == ["url", "nbytes"]


def test_a_predicate_empties_them_in_its_rows_only(feed):
    """Nested values of the other rows are whole."""
    table = feed.batch(RICH, {**RICH, "user": "bob"})
    rule = {"type": "ReplaceField", "exclude": "tags,extensions,geo"}
    result = feed.one(rule, {"type": "FieldEquals", "field": "user", "values": "bob"}).apply(table).to_pylist()
    assert result[0] == table.to_pylist()[0]
    assert (result[1]["tags"], result[1]["extensions"], result[1]["geo"], result[1]["nbytes"]) == (None, None, None, 1)


def test_include_empties_all_others(feed):
    """What include does not name is null."""
    rule = {"type": "ReplaceField", "include": "time,status,url,nbytes,either"}
    (row,) = feed.one(rule).apply(feed.batch(RICH)).to_pylist()
    assert [name for name, value in row.items() if value is not None] == ["time", "status", "url", "nbytes"]


def test_what_cannot_be_null_is_refused(refused):
    """A required field, a mixed one, and one that names the record cannot be emptied, by exclude or by leaving it out."""
    told = refused({"transforms.it.type": "ReplaceField", "transforms.it.exclude": "url"})
    assert told == {"transforms.it.exclude": "url is required in every record: it cannot be null. MaskField can hide it"}
    told = refused({"transforms.it.type": "ReplaceField", "transforms.it.exclude": "either"})
    assert told == {"transforms.it.exclude": "either may hold values of several types; such a field cannot be changed"}
    told = refused({"transforms.it.type": "ReplaceField", "transforms.it.exclude": "id"})
    assert "is part of the identity" in told["transforms.it.exclude"]
    told = refused({"transforms.it.type": "ReplaceField", "transforms.it.include": "time,user,id,url,either"})
    assert told == {"transforms.it.include": "status is required in every record: it cannot be null. MaskField can hide it"}
