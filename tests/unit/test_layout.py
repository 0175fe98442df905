"""The house keeps its shape: what a reader may rely on without looking."""

import ast
import importlib
import re
import statistics
from pathlib import Path

import grimp
import pytest

import wellhead
from wellhead import plugins

ROOT = Path(__file__).parents[2]
SOURCE = sorted((ROOT / "src/wellhead").rglob("*.py"))
VENDORS = sorted((ROOT / "connectors").rglob("*.py"))
MODULES = [path for path in SOURCE + VENDORS + sorted((ROOT / "benchmarks").rglob("*.py")) if path.stat().st_size]
BANNED = re.compile(r"(^|_)(utils?|helpers?|manager|common|misc)(_|$)")
ORDINARY = {"push", "sockets"}
"""Connectors whose names are words that the house needs, too: only what is theirs counts, such as a topic."""
TAKEN_FOR_GRANTED = {"__init__.py", "__main__.py"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_one_sentence_and_stays_short(path):
    """Each module says in its first paragraph what it takes, gives and never does, and has at most 400 lines."""
    told = ast.get_docstring(parsed(path))
    assert told, "has no docstring"
    first = told.split("\n\n")[0]
    assert "\n" not in first, "the first paragraph is more than one line"
    assert first.count(". ") == 0, "the first paragraph is more than one sentence"
    assert path.read_text().count("\n") <= 400


def test_modules_and_functions_are_short():
    """The median module has at most 150 lines, nine functions in ten at most 30, none more than 60."""
    spans = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert statistics.median(path.read_text().count("\n") for path in MODULES) <= 150
    assert sorted(spans)[int(len(spans) * 0.9)] <= 30
    assert max(spans) <= 60


@pytest.mark.parametrize("path", SOURCE + VENDORS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_says_nothing(path):
    """No file, class or function is called helper, util, manager, common or misc."""
    names = [path.stem] + [
        node.name.lower()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert not [name for name in names if BANNED.search(name)]


def test_the_door_is_small_and_honest():
    """An author needs at most 14 names, and each one is importable."""
    assert len(wellhead.__all__) <= 14
    assert all(hasattr(wellhead, name) for name in wellhead.__all__)
    assert list(wellhead.__all__) == sorted(wellhead.__all__)


def test_the_house_names_no_vendor():
    """No vendor's name stands in src/: what belongs to one stands in its folder."""
    vendors = [path.name for path in (ROOT / "connectors").iterdir() if path.is_dir() and not path.name.startswith("_")]
    named = "|".join(rf"{name}\.\w+" if name in ORDINARY else name for name in vendors)
    word = re.compile(rf"\b({named})\b", re.IGNORECASE)
    told = {str(path.relative_to(ROOT)): found.group() for path in SOURCE if (found := word.search(_code(path)))}
    assert not told


def _code(path: Path) -> str:
    """Give a module without its docstrings and help texts, whose examples may name a connector that exists."""
    tree = parsed(path)
    return " ".join(
        [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
        + [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        + [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        + [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
        ]
    )


@pytest.mark.parametrize("name", plugins.installed().names())
def test_a_simulator_shares_no_module_with_its_source(name):
    """Nothing in a vendor's folder serves both source and simulator: a mistake made once must not be made on both sides."""
    graph = grimp.build_graph("connectors", exclude_type_checking_imports=True)
    package = plugins.installed().load(name).config.__module__.rpartition(".")[0]
    reached = [{module, *graph.find_upstream_modules(module)} for module in (f"{package}.source", f"{package}.simulator")]
    both = {module for module in reached[0] & reached[1] if module.startswith(f"{package}.")}
    assert not both


VENDOR_TARGETS = [name for name in plugins.installed_targets().names() if plugins.installed_targets().has_simulator(name)]


@pytest.mark.parametrize("name", VENDOR_TARGETS)
def test_a_simulator_shares_no_module_with_its_target(name):
    """Nothing in a vendor's folder serves both target and simulator."""
    graph = grimp.build_graph("connectors", exclude_type_checking_imports=True)
    package = plugins.installed_targets().module_of(name).rpartition(".")[0]
    reached = [{module, *graph.find_upstream_modules(module)} for module in (f"{package}.target", f"{package}.simulator")]
    both = {module for module in reached[0] & reached[1] if module.startswith(f"{package}.")}
    assert not both


@pytest.mark.parametrize("name", VENDOR_TARGETS)
def test_target_folders_look_alike(name):
    """Each target's folder has target, options, simulator and README; its options end in Config, its class in Target."""
    folder = ROOT / "connectors" / name
    for expected in ("target.py", "options.py", "simulator.py", "README.md"):
        assert (folder / expected).exists(), expected
    found = plugins.installed_targets().load(name)
    assert (found.__name__, found.config.__name__) == (f"{name.title()}Target", f"{name.title()}Config")


@pytest.mark.parametrize("name", plugins.installed().names())
def test_vendor_folders_look_alike(name):
    """Each vendor's folder has source, simulator, samples and README, and its source defines Config, Cursor, Task, connector in order."""
    folder = ROOT / "connectors" / name
    for expected in ("source.py", "simulator.py", "samples", "README.md"):
        assert (folder / expected).exists(), expected
    order = [node.name for node in parsed(folder / "source.py").body if isinstance(node, ast.ClassDef)]
    kinds = [next((kind for kind in ("Config", "Cursor", "Task") if title.endswith(kind)), "") for title in order]
    assert [kind for kind in kinds if kind] == sorted((kind for kind in kinds if kind), key=("Config", "Cursor", "Task").index)


@pytest.mark.parametrize(
    "room",
    [
        "avro",
        "config",
        "consumers/lookup",
        "http",
        "kafka",
        "rest",
        "runtime",
        "stack",
        "storage",
        "telemetry",
        "testing",
        "tools",
        "transforms",
    ],
)
def test_each_room_has_its_tests(room):
    """A room's tests stand at the same path under tests/unit."""
    assert list((ROOT / "tests/unit" / room).glob("test_*.py"))


def test_every_module_can_be_imported_alone():
    """No module depends on another one having been imported first."""
    for path in SOURCE:
        if path.name not in TAKEN_FOR_GRANTED:
            name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
            assert importlib.import_module(name).__name__ == name


def test_invariants_are_cited_where_they_are_kept():
    """I1, I4 and I6 are named on the lines that keep them."""
    code = "\n".join(path.read_text() for path in SOURCE + VENDORS)
    for invariant in ("I1", "I2", "I3", "I4", "I6"):
        assert re.search(rf"\b{invariant}\b", code), invariant
