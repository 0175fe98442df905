"""Tests of loading mappings: what is refused, and where the message points."""

from pathlib import Path

import pytest

from wellhead.consumers.lookup.mapping import Condition, Mapping, Value
from wellhead.consumers.lookup.mappings import load_mapping, load_mappings
from wellhead.consumers.shipped import shipped
from wellhead.errors import ConfigError

SOUND = """\
file: x.csv
record: threatstream.indicator
key: value
newest.by: update_id
columns:
  value: value
  confidence: confidence
"""
TAIL = ["confidence", "threat_type", "severity", "source", "tags", "expiration_ts"]
KEYS = {
    "ip": "destination.ip",
    "domain": "dns.domain.name",
    "url": "url.original",
    "email": "email.sender.address",
    "hash_md5": "file.hash.md5",
    "hash_sha1": "file.hash.sha1",
    "hash_sha256": "file.hash.sha256",
    "hash_sha512": "file.hash.sha512",
}


def refused(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_mapping(str(path))
    return [str(problem).replace(str(path), "m.yaml") for problem in caught.value.problems]


@pytest.mark.parametrize(("kind", "key"), KEYS.items())
def test_shipped_files_have_the_documented_names_and_columns(kind, key):
    """Eight files, each with its ECS key and the six columns behind it, every field quoted."""
    mapping = load_mapping(f"threatstream/{kind}").mapping
    assert (mapping.file, list(mapping.columns), mapping.key) == (f"anomali_threatstream_{kind}.csv", [key, *TAIL], (key,))
    assert (mapping.quote, mapping.newest_by, mapping.expires_by) == ("all", "update_id", "expiration_ts")
    assert mapping.streams == ("hash" if kind.startswith("hash") else kind,)


def test_all_shipped_mappings_share_one_state():
    """They may stand together in one lookup."""
    names = [f"threatstream/{name}" for name in shipped("threatstream", "lookups")]
    assert len(load_mappings(names)) == 9


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("key: value", "kee: value"), "m.yaml, line 3, kee: unknown option; did you mean key?"),
        (("file: x.csv", "file: ../x.csv"), "m.yaml, line 1, file: must match"),
        (("key: value", "key: valu"), "m.yaml: key names valu, which is none of the file's columns"),
        (("  confidence: confidence", "  confidence: confidense"), "m.yaml, line 7, confidense: is no column of threatstream.indicator; did you mean confidence?"),
        (("  confidence: confidence", "  confidence: {column: tags, joinn: x}"), "m.yaml, line 7, columns.confidence.joinn: unknown option; did you mean join?"),
        (("  confidence: confidence", "  confidence: {column: a, text: b}"), "m.yaml, line 7, columns.confidence: needs exactly one of column, first and text"),
        (("  confidence: confidence", '  confidence: {text: "a\\nb"}'), "m.yaml, line 7, columns.confidence.text: must not hold line breaks"),
        (("  confidence: confidence", '  confidence: {column: tags, join: "\\r\\n"}'), "m.yaml, line 7, columns.confidence.join: must not hold line breaks"),
        (("  confidence: confidence", '  confidence: {column: type, map: {ip: "a\\0"}}'), "m.yaml, line 7, columns.confidence.map.ip: must not hold line breaks"),
        (("record: threatstream.indicator", "record: nobody.knows"), "m.yaml, line 2, record: "),
        (("newest.by: update_id", "expires.by: source"), "m.yaml, line 4, expires.by: source is no time but string"),
        (("newest.by: update_id", "rows: [{column: type, equals: a, in: [b]}]"), "m.yaml, line 4, rows.0: needs exactly one of equals, in, contains and not.null"),
        (("newest.by: update_id", "rows:\n  - column: type\n    equal: a"), "m.yaml, line 6, rows.0.equal: unknown option; did you mean equals?"),
        (("  value: value", "  value: {column: confidence, ranges: [{below: 5, text: a}, {below: 3, text: b}]}"), "m.yaml, line 6, columns.value: ranges must stand in order, lowest below first"),
        (("key: value", "key: value\nkey: value"), "key: given twice (m.yaml, line 4)"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_field(tmp_path, change, problem):
    """The message points at what must be changed."""
    assert change[0] in SOUND
    told = refused(tmp_path, SOUND.replace(*change, 1))
    assert any(text.startswith(problem) for text in told), told


def test_every_mistake_is_told_at_once(tmp_path):
    """A file is mended in one go."""
    assert len(refused(tmp_path, SOUND.replace("file: x.csv", "file: x.txt").replace("key:", "kee:"))) == 3


def test_a_mapping_that_is_not_there_is_told_with_the_closest(tmp_path):
    """A typing mistake in a deployment is answered with the name that exists."""
    with pytest.raises(ConfigError, match="did you mean threatstream/domain"):
        load_mapping("threatstream/domian")
    with pytest.raises(ConfigError, match="no such file or directory; name a mapping as"):
        load_mapping(str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match="name it <connector>/<name>, or by the path"):
        load_mapping("../../etc/passwd")


def test_mappings_that_cannot_share_a_state_are_told(tmp_path):
    """One lookup is one state: two orders, or two files of one name, need two lookups."""
    (tmp_path / "a.yaml").write_text(SOUND)
    (tmp_path / "b.yaml").write_text(SOUND.replace("x.csv", "y.csv").replace("update_id", "id"))
    (tmp_path / "c.yaml").write_text(SOUND)
    with pytest.raises(ConfigError) as caught:
        load_mappings([str(tmp_path / f"{name}.yaml") for name in "abc"])
    told = [problem.message for problem in caught.value.problems]
    assert [text.split(";")[1] for text in told] == [" give it a lookup of its own", " leave one out"]


def test_words_and_python_names_are_one():
    """YAML's own types are taken as an operator means them."""
    assert Condition.model_validate({"column": "a", "in": [1, True, "x"]}).one_of == ("1", "true", "x")
    assert Value.model_validate({"column": "a", "map": {"low": 3}, "else": "b"}).columns() == {"a", "b"}
    made = Mapping.model_validate({"file": "x.csv", "record": "r", "key": "k", "order": ["c"], "columns": {"k": "k", "c": "c"}})
    assert made.sorted_by == ("c", "k")


def test_the_mapping_of_the_guide_is_sound(tmp_path):
    """A reader who copies it has a mapping that works."""
    guide = (Path(__file__).parents[4] / "docs/guide/lookups.md").read_text()
    _, _, rest = guide.partition("```yaml mappings/mail.yaml\n")
    (tmp_path / "mail.yaml").write_text(rest.partition("```")[0])
    assert load_mapping(str(tmp_path / "mail.yaml")).mapping.file == "block_mail.csv"
