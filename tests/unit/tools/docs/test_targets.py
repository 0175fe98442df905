"""The pages of lookup targets."""

from pathlib import Path

import pytest

from wellhead.errors import PermanentError
from wellhead.tools.docs.targets import target_pages

START, END = "<!-- options:start -->", "<!-- options:end -->"


def test_the_page_tells_the_houses_own_target_and_those_of_the_checkout(tmp_path: Path):
    """A target of another package is none of this checkout's."""
    (tmp_path / "connectors").mkdir()
    pages = target_pages(tmp_path)
    assert list(pages) == [tmp_path / "docs/reference/target-options.md"]
    text = pages[tmp_path / "docs/reference/target-options.md"]
    assert "\n## `directory`: A folder on this machine\n" in text
    assert "| `directory.path` | path | **required** | Folder the files are put into" in text
    assert "ngsiem" not in text


def test_a_targets_readme_gets_its_table_and_keeps_its_prose(tmp_path: Path):
    """Secrets show as such, and the options under the words an operator writes."""
    readme = tmp_path / "connectors" / "ngsiem" / "README.md"
    readme.parent.mkdir(parents=True)
    readme.write_text(f"# Prose\n\n{START}\nold\n{END}\n\nMore.\n")
    text = target_pages(tmp_path)[readme]
    assert text.startswith(f"# Prose\n\n{START}\n\n| Option | Type | Default | Description |\n")
    assert "| `ngsiem.client_secret` | secret | **required** | Secret of the API client. |\n" in text
    assert text.endswith(f"{END}\n\nMore.\n")
    assert "\nold\n" not in text


def test_a_target_without_a_readme_is_told(tmp_path: Path):
    """The message says what to write."""
    (tmp_path / "connectors" / "logscale").mkdir(parents=True)
    with pytest.raises(
        PermanentError, match=r"logscale/README.md is missing: write one with the marker <!-- options:start -->"
    ):
        target_pages(tmp_path)
