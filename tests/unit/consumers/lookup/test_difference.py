"""Tests of the changed rows between two files."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wellhead.consumers.lookup.difference import difference

FILES = st.dictionaries(st.text("ab!\"',é0", min_size=1, max_size=3), st.text('x",\\ ', max_size=2), max_size=8)


def written(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["k", "v"])
        writer.writerows(sorted(rows.items()))
    return path


@given(old=FILES, new=FILES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_old_and_changes_give_new_or_there_are_none(tmp_path, old, new):
    """Putting the rows over the old file gives the new one; where a row has gone, or nothing changed, there are none."""
    former, present = written(tmp_path / "old.csv", old), written(tmp_path / "new.csv", new)
    found = difference(former, present, key=["k"], into=tmp_path / "rows.csv", at_most=100)
    if old.keys() - new.keys() or old == new:
        assert found is None
        return
    assert found is not None
    changed = {row["k"]: row["v"] for row in csv.DictReader(io.StringIO(found.path.read_bytes().decode(), newline=""))}
    assert (old | changed, len(changed), found.key_columns) == (new, found.rows, ("k",))
    assert all(old.get(key) != value for key, value in changed.items())


@pytest.mark.parametrize(("at_most", "given"), [(1, False), (2, True)])
def test_too_many_changes_are_none(tmp_path, at_most, given):
    """Above the bound the whole file is the better delivery."""
    former, present = written(tmp_path / "old.csv", {"a": "1"}), written(tmp_path / "new.csv", {"a": "2", "b": "2"})
    assert (difference(former, present, key=["k"], into=tmp_path / "rows.csv", at_most=at_most) is not None) is given


def test_another_header_is_another_file(tmp_path):
    """Columns that changed cannot be told row by row."""
    former, present = written(tmp_path / "old.csv", {"a": "1"}), written(tmp_path / "new.csv", {"a": "2"})
    former.write_text(former.read_text().replace('"v"', '"w"'))
    assert difference(former, present, key=["k"], into=tmp_path / "rows.csv", at_most=9) is None
