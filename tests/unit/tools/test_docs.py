"""Tests of `wellhead docs`."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest

from wellhead.cli import run
from wellhead.config import ConnectorSettings, WorkerSettings
from wellhead.config.describe import options_of
from wellhead.errors import PermanentError
from wellhead.plugins import load
from wellhead.telemetry.reference import rows
from wellhead.tools import docs

README = """\
# Fake

Prose by hand.

<!-- options:start -->
old
<!-- options:end -->

More prose.

<!-- fields:start --><!-- fields:end -->

The end.
"""


@pytest.fixture
def root(tmp_path: Path, fake_vendor: Path) -> Path:
    readme = tmp_path / "connectors" / "fake" / "README.md"
    readme.parent.mkdir(parents=True)
    readme.write_text(README)
    return tmp_path


def build(root: Path) -> list[Path]:
    pages = docs.generated(root)
    written = docs.stale(pages)
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], encoding="utf-8")
    return written


def test_a_readme_gets_its_tables_and_keeps_its_prose(root, fake_vendor):
    """Only what stands between markers is written."""
    text = docs.readme(root / "connectors" / "fake" / "README.md", load("fake"))
    assert text.startswith(
        "# Fake\n\nProse by hand.\n\n<!-- options:start -->\n\n| Option | Type | Default | Description |\n|---|---|---|---|\n"
    )
    assert "| `token` | secret | **required** | Token of the account. |\n" in text
    assert "| `page_size` | integer, ≥ 1, ≤ 1000 | `100` | Events in a page. |\n" in text
    assert "<!-- options:end -->\n\nMore prose.\n\n<!-- fields:start -->\n\n### Stream `events`\n" in text
    assert "| Schema | `schemas/fake.events/v1.avsc` |\n" in text
    assert "| `id` | `string` | `event.id` | Names the event \\| for good. |\n" in text
    assert text.endswith("<!-- fields:end -->\n\nThe end.\n")
    assert "\nold\n" not in text


def test_tables_are_written_once(root, fake_vendor):
    """A second pass over a README changes nothing."""
    path = root / "connectors" / "fake" / "README.md"
    path.write_text(docs.readme(path, load("fake")))
    assert docs.readme(path, load("fake")) == path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        README.replace("<!-- fields:start -->", ""),
        README.replace("<!-- options:end -->", ""),
        README.replace("<!-- fields:start --><!-- fields:end -->", "<!-- fields:end --><!-- fields:start -->"),
        README + "<!-- options:start -->",
    ],
)
def test_a_readme_without_its_markers_is_refused(root, fake_vendor, text):
    """A connector without tables is not documented."""
    path = root / "connectors" / "fake" / "README.md"
    path.write_text(text)
    with pytest.raises(PermanentError, match=r"each once: the (options|fields) table goes between them"):
        docs.readme(path, load("fake"))


def test_a_connector_without_a_readme_is_refused(root, fake_vendor):
    """Every folder under connectors/ that is installed needs one."""
    with pytest.raises(PermanentError, match=r"README\.md is missing"):
        docs.readme(root / "connectors" / "gone" / "README.md", load("fake"))


def test_build_writes_what_is_stale_and_check_agrees(root):
    """After a build nothing is stale; after any change the file is named."""
    reference = root / "docs" / "reference"
    names = [
        "attack-rules.md",
        "attacks-api.md",
        "attacks-options.md",
        "cli.md",
        "connect-differences.md",
        "connector-options.md",
        "errors.md",
        "floods-options.md",
        "lookup-mappings.md",
        "lookup-options.md",
        "metrics.md",
        "rest.md",
        "target-options.md",
        "transforms.md",
        "worker-options.md",
    ]
    boards = [
        root / "helm/wellhead/dashboards" / name
        for name in ("wellhead-connector.json", "wellhead-consumers.json", "wellhead-fleet.json")
    ]
    assert build(root) == [root / "connectors" / "fake" / "README.md", *(reference / name for name in names), *boards]
    assert build(root) == []
    (reference / "errors.md").unlink()
    (reference / "cli.md").write_text("edited")
    assert docs.stale(docs.generated(root)) == [reference / "cli.md", reference / "errors.md"]


def test_the_verb_builds_and_checks(root, capsys):
    """`docs check` exits with 1 and the next step until `docs build` has run."""
    assert run(["docs", "check", "--root", str(root)]) == 1
    assert capsys.readouterr().err.startswith(f"error: docs are stale: run 'make docs'\n  {root}/connectors/fake/README.md\n")
    assert run(["docs", "build", "--root", str(root)]) == 0
    assert f"wrote {root}/docs/reference/cli.md\n" in capsys.readouterr().out
    assert run(["docs", "check", "--root", str(root)]) == 0
    assert capsys.readouterr().out == "docs are fresh\n"


def test_the_pages_do_not_depend_on_the_machine(root, fake_vendor):
    """Another process, home, time zone, terminal and hash seed write the same bytes."""
    build(root)
    environment = {
        "PYTHONPATH": str(fake_vendor), "PYTHONHASHSEED": "7", "COLUMNS": "40", "HOME": "/nowhere", "TZ": "Asia/Tokyo", "TMPDIR": str(root),
        "WELLHEAD_CACHE": "/elsewhere", "LC_ALL": "C", "PYTHONUTF8": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "from wellhead.cli import main; main()", "docs", "check", "--root", str(root)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("docs are fresh\n", "", 0)


def test_a_folder_that_is_no_checkout_is_refused(tmp_path, capsys):
    """Nothing is written into the wrong place."""
    assert run(["docs", "build", "--root", str(tmp_path)]) == 1
    assert "run this at the root of a checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_option_stands_on_its_page():
    """The reference leaves no option out."""
    assert [option.word for option in options_of(WorkerSettings) if f"| `{option.word}` |" not in docs.worker_page()] == []
    assert [option.word for option in options_of(ConnectorSettings) if f"| `{option.word}` |" not in docs.connector_page()] == [
        "name"
    ]


def test_every_metric_stands_on_its_page():
    """The names to alert on come from the declarations."""
    page = docs.metrics_page()
    assert rows() != []
    assert [row.name for row in rows() if f"| `{row.name}` | `{row.prometheus}` |" not in page] == []


def test_every_error_stands_on_its_page():
    """The recovery of each error can be looked up."""
    page = docs.errors_page()
    assert [
        name
        for name in ("ConfigError", "TemporaryError", "PermanentError", "CursorExpired", "Fenced")
        if f"| `{name}` |" not in page
    ] == []


def test_every_verb_stands_on_its_page():
    """The page shows the help of a verb and of the verbs below it, as the terminal does."""

    @click.group()
    def outer():
        """Do things."""

    @outer.command()
    @click.option("--fast", is_flag=True, help="Hurry.")
    def inner():
        """Do one thing."""

    page = docs.cli_page([("outer", outer)])
    assert "## `wellhead`\n" in page
    assert "### `wellhead outer`\n" in page
    assert "#### `wellhead outer inner`\n\n```text\nUsage: wellhead outer inner [OPTIONS]\n\n  Do one thing.\n" in page
    assert "  --fast" in page


def test_fields_that_several_streams_share_are_told_once_and_defaults_of_a_source_are_shown(root):
    """Streams of one subject point at the first one's fields; framework options a source sets stand below its own."""
    source = load("fake")
    twin = replace(source.streams[0], name="twins")
    shared = replace(source, streams=(*source.streams, twin), defaults={"run.max.batches": 7})
    text = docs.readme(root / "connectors" / "fake" / "README.md", shared)
    assert "### Stream `twins`" in text
    assert text.count("| Field | Type | ECS | Description |") == 1
    assert "Its fields are those of stream `events`." in text
    assert "| `run.max.batches` | `7` |" in text
