"""What the guides tell a reader to write is written and run here, as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from wellhead.runtime.states import State
from wellhead.telemetry.reference import rows

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?:python|json|toml|yaml) (?P<path>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)[^)]*\)")


def blocks(page: Path) -> dict[str, str]:
    return {found["path"]: found["text"] for found in BLOCK.finditer(page.read_text())}


def test_the_source_of_the_guide_passes_the_conformance_suite(tmp_path):
    """A reader who copies the blocks of write-a-source.md into files has a source that keeps the contract."""
    files = blocks(ROOT / "docs/guide/write-a-source.md")
    assert "connectors/acme/source.py" in files
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    # What an installer would write for the [project.entry-points] block.
    info = tmp_path / "wellhead_acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wellhead-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[wellhead.connectors]\nacme = connectors.acme.source:connector\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "test_acme.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


PAGES = [
    path for path in ROOT.rglob("*.md") if not {".venv", "build", "node_modules", ".git"} & set(path.relative_to(ROOT).parts)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link of a page names a file that is there."""
    targets = [found["target"] for found in LINK.finditer(page.read_text()) if "://" not in found["target"]]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_examples_are_sound():
    """Each example file passes `wellhead config check` with the variables it names."""
    examples = sorted((ROOT / "examples").glob("*.yaml"))
    assert examples
    for example in examples:
        named = dict.fromkeys(re.findall(r"\$\{env:(\w+)\}", example.read_text()), "any-value-of-16-characters-or-more")
        done = subprocess.run(
            [sys.executable, "-m", "wellhead", "config", "check", str(example)],
            env={**named, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{example.name}: {done.stderr}"


def test_transforms_are_shown_as_they_run():
    """What the guide shows of the example stands in it, word for word."""
    ((path, shown),) = blocks(ROOT / "docs/guide/transform.md").items()
    assert shown in (ROOT / path).read_text()


def test_alerts_name_metrics_that_exist():
    """Each metric in the operator's alerts is one that is exported, with the labels it is asked for."""
    exported = {
        f"{row.prometheus}{part}": {label.replace(".", "_") for label in row.attributes}
        | ({"le"} if part == "_bucket" else set())
        for row in rows()
        for part in (("_bucket", "_count", "_sum") if row.kind == "histogram" else ("",))
    }
    page = (ROOT / "docs/guide/operate.md").read_text()
    named = re.findall(r"\b((?:wellhead|kafka_connect)_[a-z_]+)(?:\{(\w+)=)?", page)
    assert named
    for metric, label in named:
        if metric in {label for labels in exported.values() for label in labels}:
            continue
        assert metric in exported, f"{metric} is not exported"
        assert not label or label in exported[metric], f"{metric} has no label {label}"
    assert set(re.findall(r'_state="(\w+)"', page)) <= {state.value.lower() for state in State}, (
        "states are lower case in metrics"
    )
