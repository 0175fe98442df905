"""Class archives are made once, and never stand in the way of a start."""

import io
from pathlib import Path

import pytest

from wellhead.stack.archive import archive_flags
from wellhead.stack.errors import StartError
from wellhead.stack.java import Java
from wellhead.stack.progress import ConsoleReporter


class Site:
    """A cache folder, a Java that does nothing, and a jar."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "archives"
        launcher = root / "java"
        launcher.write_text("#!/bin/sh\n")
        launcher.chmod(0o755)
        self.java = Java(launcher, "17")
        self.jar = root / "a.jar"
        self.jar.write_bytes(b"jar")
        self.trained: list[list[str]] = []

    def train(self, flags: list[str]) -> None:
        self.trained.append(flags)
        [target] = [flag.partition("=")[2] for flag in flags if flag.startswith("-XX:ArchiveClassesAtExit=")]
        Path(target).write_bytes(b"archive")

    def fail(self, flags: list[str]) -> None:
        self.trained.append(flags)
        raise StartError("no memory")

    def flags(self, train: object = None) -> list[str]:
        return archive_flags(
            "kafka",
            folder=self.folder,
            java=self.java,
            jars=[self.jar],
            train=train or self.train,  # type: ignore[arg-type]
            reporter=ConsoleReporter(io.StringIO()),
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_archive_is_made_once(site: Site):
    """Two starts train one archive and use the same flags."""
    assert site.flags() == site.flags()
    assert len(site.trained) == 1
    assert any("base.jsa:" in flag and flag.endswith("kafka.jsa") for flag in site.flags())


def test_changed_jar_makes_another_archive(site: Site):
    """The JVM would refuse the old archive, so a changed class path trains again."""
    before = site.flags()
    site.jar.write_bytes(b"other jar")

    assert site.flags() != before
    assert len(site.trained) == 2


def test_failed_training_only_costs_speed(site: Site):
    """A training that fails gives no flags, leaves the reason, and is not repeated at every start."""
    assert site.flags(site.fail) == []
    assert site.flags(site.fail) == []
    assert len(site.trained) == 1
    assert "no memory" in next(site.folder.glob("kafka-*/failed")).read_text()
