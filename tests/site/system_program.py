"""Gives programs that only the system's packages have; where one is missing, that is told with how to install it, and in CI it fails."""

import os
import shutil
import sys

_PLACES = (os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")


def install_line(program: str, package: str) -> str:
    """Say how to get a program."""
    return f"{program} is not installed: run 'make system' as root, or 'sudo apt-get install {package}'"


def system_program(program: str, package: str) -> str | None:
    """Give the path of a program of a Debian package; None where it is missing, outside CI."""
    found = shutil.which(program, path=os.pathsep.join(_PLACES))
    if found is None:
        assert not os.environ.get("CI"), install_line(program, package)
        assert sys.__stderr__ is not None
        sys.__stderr__.write(f"\n{install_line(program, package)}\n")
    return found
