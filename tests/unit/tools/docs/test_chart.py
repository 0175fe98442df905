"""The generated files of the chart."""

import json
from pathlib import Path

import pytest

from wellhead.errors import PermanentError
from wellhead.tools.docs.chart import chart_pages, described

START, END = "<!-- values:start -->", "<!-- values:end -->"
VALUES = """# About the file.

# How
# many.
replicas: 1
image:
  # Where it is.
  repository: a|b
# Words.
worker: {}
# All of it.
defaults:
  deep:
    # A size.
    memory: null
  # Left as it is.
  context:
    user: 1
"""


def test_each_value_is_told_by_the_comment_above_it():
    """Groups are taken apart where something inside them has a comment of its own; else their default is shown as a whole."""
    assert list(described(VALUES)) == [
        ["`replicas`", "`1`", "How many."],
        ["`image.repository`", "`a|b`", "Where it is."],
        ["`worker`", "", "Words."],
        ["`defaults`", "", "All of it."],
        ["`defaults.deep.memory`", "", "A size."],
        ["`defaults.context`", '`{"user": 1}`', "Left as it is."],
    ]


def test_a_value_without_a_comment_is_refused():
    """The message names it."""
    with pytest.raises(PermanentError, match=r"a\.b has no comment above it"):
        list(described("a:\n  b: 1\n"))


def test_a_checkout_without_the_chart_has_none_of_its_files(tmp_path):
    """Nothing is made where there are no values."""
    assert chart_pages(tmp_path) == {}


def test_a_chart_needs_a_readme(tmp_path):
    """The message says what to write."""
    chart = _chart(tmp_path)
    with pytest.raises(PermanentError, match=r"README\.md is missing"):
        chart_pages(tmp_path)
    (chart / "README.md").write_text(f"# Prose\n\n{START}\nold\n{END}\n\nMore.\n")
    pages = chart_pages(tmp_path)
    assert list(pages) == [chart / "values.schema.json", chart / "README.md"]
    assert "| `workers.mode` | `group` | " in pages[chart / "README.md"]
    assert pages[chart / "README.md"].endswith(f"{END}\n\nMore.\n")


def test_only_connectors_of_the_checkout_are_known(tmp_path):
    """One that is installed beside it does not stand in the schema."""
    chart = _chart(tmp_path)
    (chart / "README.md").write_text(f"{START}\n{END}\n")
    (tmp_path / "connectors" / "wss").mkdir(parents=True)
    schema = json.loads(chart_pages(tmp_path)[chart / "values.schema.json"])
    assert schema["properties"]["connectors"]["additionalProperties"]["properties"]["connector.class"] == {"enum": ["wss"]}


def _chart(root: Path) -> Path:
    chart = root / "helm" / "wellhead"
    chart.mkdir(parents=True)
    (chart / "values.yaml").write_text((Path(__file__).parents[4] / "helm/wellhead/values.yaml").read_text())
    return chart
