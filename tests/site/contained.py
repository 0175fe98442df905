"""Takes places of this machine, gives the lines of a script that make a root of its own of them, read-only but where told; runs nothing."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

# What an image would bring beside its Python.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/dev", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/ssl")
SYSTEM += ("/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/localtime", "/etc/ld.so.cache")


def unshared() -> list[str]:
    """Give the words that run a command in a mount namespace of its own; who is not root here is root there, and there is no other user."""
    unshare = shutil.which("unshare")
    assert unshare, "unshare is missing: a container's files need a mount namespace"
    return [unshare, *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "--propagation", "private"]


def may_contain() -> bool:
    """Whether this machine lets us have mount namespaces."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*unshared(), "true"], capture_output=True, check=False).returncode == 0


def brought(place: Path, root: Path) -> list[str]:
    """Give what makes a file or folder of this machine one of the root's, under its own name and read-only."""
    if place.is_symlink():
        return [shlex.join(["ln", "-s", str(place.readlink()), str(root / place.relative_to("/"))])]
    if not place.exists():
        return []
    kernels = place in {Path("/proc"), Path("/dev")}
    return mounted(place, root, str(place), is_read_only=not kernels)


def mounted(source: Path, root: Path, place: str, *, is_read_only: bool) -> list[str]:
    """Give what makes `source` stand at `place` in the root."""
    target = root / place.lstrip("/")
    made = ["mkdir", "-p", str(target)] if source.is_dir() else ["touch", str(target)]
    lines = [["mkdir", "-p", str(target.parent)], made, ["mount", "--rbind", str(source), str(target)]]
    if is_read_only:
        lines.append(["mount", "-o", "remount,ro,bind", str(target)])
    return [shlex.join(line) for line in lines]


def rights(user: int, groups: int) -> list[str]:
    """Give the words that run a command without any right, and as `user` where we may become one."""
    words = ["setpriv", "--pdeathsig", "KILL", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return words if os.geteuid() != 0 else [*words, "--reuid", str(user), "--regid", str(user), "--groups", str(groups)]
