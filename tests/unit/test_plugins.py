"""Tests of finding sources and targets."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from wellhead import Config, plugins
from wellhead.errors import PermanentError
from wellhead.plugins import GROUP, TARGET_GROUP, Plugins, Targets
from wellhead.targets import LookupFile, LookupTarget, ThreadClock


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


FAKE = entry("fake", "fakevendor.source:connector")


def test_an_installed_package_is_found(fake_vendor):
    """Installing a package is all it takes; beside it stand Wellhead's own sources."""
    assert {"fake", "broken", "wss"} <= set(plugins.names())
    assert plugins.names() == sorted(plugins.names())
    assert plugins.load("fake").title == "Fake vendor"
    assert plugins.simulator_of("fake").VENDOR == "fake"


def test_all_are_loaded_by_name(fake_vendor):
    """Tools that need every source get a mapping."""
    found = Plugins([FAKE]).connectors()
    assert {name: source.name for name, source in found.items()} == {"fake": "fake"}


def test_names_import_nothing(fake_vendor):
    """Listing what there is must not run a vendor's code."""
    code = "import sys; from wellhead import plugins; assert 'fake' in plugins.names(); assert not any('fakevendor' in m for m in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(fake_vendor)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_name_is_answered_with_the_closest():
    """A typing mistake costs one look."""
    with pytest.raises(PermanentError, match=r"^no connector is called 'fak'; did you mean fake\?$"):
        Plugins([FAKE]).load("fak")
    with pytest.raises(PermanentError, match=r"^no connector is called 'okta'; installed: fake$"):
        Plugins([FAKE]).simulator_of("okta")
    with pytest.raises(PermanentError, match=r"installed: none$"):
        Plugins([]).load("fake")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "broken",
            "fakevendor.broken:connector",
            "entry point fakevendor.broken:connector cannot be loaded: RuntimeError: its library is missing",
        ),
        ("gone", "fakevendor.gone:connector", "cannot be loaded: ModuleNotFoundError: No module named 'fakevendor.gone'"),
        (
            "gone",
            "fakevendor.source:nothing",
            "cannot be loaded: AttributeError: module 'fakevendor.source' has no attribute 'nothing'",
        ),
        ("task", "fakevendor.source:FakeTask", "entry point fakevendor.source:FakeTask must be a SourceConnector, not ABCMeta"),
        ("other", "fakevendor.source:connector", "entry point fakevendor.source:connector calls itself fake; name both alike"),
    ],
)
def test_an_entry_point_that_does_not_hold_is_named(fake_vendor, name, value, message):
    """The message says which entry point, and why, on one line."""
    with pytest.raises(PermanentError) as error:
        Plugins([entry(name, value)]).load(name)
    assert message in str(error.value)
    assert str(error.value).startswith(f"connector {name}: ")
    assert "\n" not in str(error.value)


def test_two_packages_with_one_name_are_refused_only_when_asked_for():
    """Which of them runs must not depend on the order of folders; the others still work."""
    found = Plugins([FAKE, entry("fake", "othervendor:connector"), entry("x", "x:y")])
    assert found.names() == ["fake", "x"]
    with pytest.raises(
        PermanentError, match=r"offered twice: fakevendor.source:connector and othervendor:connector; uninstall one"
    ):
        found.load("fake")


def test_one_package_seen_twice_counts_once(fake_vendor):
    """A checkout installed for editing may show up on the path twice."""
    assert Plugins([FAKE, FAKE]).load("fake").name == "fake"


def test_a_source_without_a_simulator(fake_vendor):
    """The message says which module was looked for."""
    with pytest.raises(PermanentError, match=r"connector x has no simulator: there is no module json.simulator"):
        Plugins([entry("x", "json.source:connector")]).simulator_of("x")


def test_a_simulator_that_cannot_be_imported_is_named():
    """A package that is half there is told like one that is not."""
    with pytest.raises(
        PermanentError, match=r"connector x: its simulator gonevendor.simulator cannot be loaded: ModuleNotFoundError"
    ):
        Plugins([entry("x", "gonevendor.source:connector")]).simulator_of("x")


class Drawer(LookupTarget[Config]):
    """A target that takes everything and keeps nothing."""

    name = "drawer"
    title = "A drawer"
    config = Config

    def size_of(self, name: str) -> int | None:
        return None

    def put(self, file: LookupFile) -> None:
        return None


def target(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, TARGET_GROUP)


def test_a_targets_class_is_found_by_its_name(monkeypatch):
    """A target is a class in an entry point of its own group."""
    monkeypatch.setitem(sys.modules, "drawervendor", SimpleNamespace(Drawer=Drawer))
    found = Targets([target("drawer", "drawervendor:Drawer")])
    assert found.names() == ["drawer"]
    assert found.load("drawer") is Drawer


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "drawer",
            "drawervendor:thing",
            "target drawer: entry point drawervendor:thing must be a LookupTarget class, not Drawer",
        ),
        (
            "drawer",
            "drawervendor:Config",
            "target drawer: entry point drawervendor:Config must be a LookupTarget class, not Config",
        ),
        ("box", "drawervendor:Drawer", "target box: entry point drawervendor:Drawer calls itself drawer; name both alike"),
        ("gone", "drawervendor:Gone", "target gone: entry point drawervendor:Gone cannot be loaded: AttributeError: "),
    ],
)
def test_a_target_that_does_not_hold_is_named(monkeypatch, name, value, message):
    """A target's mistake is told as clearly as a source's."""
    thing = Drawer(Config(), ThreadClock())
    monkeypatch.setitem(sys.modules, "drawervendor", SimpleNamespace(Drawer=Drawer, thing=thing, Config=Config))
    with pytest.raises(PermanentError) as error:
        Targets([target(name, value)]).load(name)
    assert str(error.value).startswith(message)


def test_an_unknown_target_is_answered_with_the_closest():
    """A mistyped target costs one look, and is not looked for among the sources."""
    with pytest.raises(PermanentError, match=r"^no target is called 'drawr'; did you mean drawer\?$"):
        Targets([target("drawer", "drawervendor:Drawer")]).load("drawr")
    with pytest.raises(PermanentError, match=r"^no target is called 'wss'; installed: "):
        plugins.installed_targets().load("wss")


def test_simulators_of_sources_and_targets_are_told_together():
    """A source may lack one until it is asked for; a folder has none and is not listed."""
    assert {"wss", "ngsiem", "logscale"} <= set(plugins.simulated())
    assert "directory" not in plugins.simulated()
    assert plugins.simulator_of("ngsiem").create.__module__ == "connectors.ngsiem.simulator"
    with pytest.raises(PermanentError, match=r"^target directory has no simulator"):
        plugins.simulator_of("directory")


def test_a_target_whose_package_is_gone_has_no_simulator():
    """Listing must not fail for what is half there."""
    found = Targets([target("gone", "gonevendor.target:Gone")])
    assert found.module_of("gone") == "gonevendor.target"
    assert not found.has_simulator("gone")
