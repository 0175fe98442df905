"""The contract, for every installed source."""

from pathlib import Path

import pytest

from wellhead import plugins
from wellhead.testing.conformance import SourceConformance
from wellhead.tools import docs

for _name in plugins.installed().names():
    _title = f"Test{_name.title().replace('_', '')}"
    globals()[_title] = type(_title, (SourceConformance,), {"connector": _name, "__doc__": f"The source {_name}."})


@pytest.mark.parametrize("name", plugins.installed().names())
def test_the_readme_of_a_source_is_fresh(name):
    """The tables in each connector's README are what its code says today."""
    path = Path(__file__).parents[2] / "connectors" / name / "README.md"
    assert docs.readme(path, plugins.installed().load(name)) == path.read_text(), "docs are stale: run 'make docs'"


@pytest.mark.parametrize("name", plugins.installed().names())
def test_golden_samples_stand_in_pairs(name):
    """Each vendor payload in a source's samples has the records expected of it beside it."""
    folder = Path(__file__).parents[2] / "connectors" / name / "samples"
    payloads = {path.stem for path in folder.glob("*.log")} | {path.stem for path in folder.glob("*.page.json")}
    assert payloads
    assert payloads == {path.name.removesuffix(".expected.json") for path in folder.glob("*.expected.json")}
