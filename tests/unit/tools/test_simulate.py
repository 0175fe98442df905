"""`wellhead simulate` makes its options from a simulator's settings, serves until told to stop, and writes the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import types
from typing import Literal

import httpx
import pytest
from click.testing import CliRunner
from pydantic import Field

from wellhead.errors import ConfigError, PermanentError
from wellhead.testing.simulator import SimulatorSettings
from wellhead.tools import simulate as verb
from wellhead.tools.simulate import option_of, settings_from, simulate


class Settings(SimulatorSettings):
    """One setting of each kind."""

    rows: int = Field(default=3, ge=0, description="How many.")
    ratio: float | None = Field(default=0.5, description="How much.")
    form: Literal["a", "b"] = Field(default="a", description="Which.")
    strict: bool = Field(default=False, description="Whether.")
    tenants: dict[str, str] = Field(default={"u": "p"}, description="Who.")


@pytest.fixture
def wss(tmp_path):
    """Start `wellhead simulate wss` as a process, give it and its address, and end it."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", "from wellhead.cli import main; main()"]
        process = subprocess.Popen([*command, "simulate", "wss", *options], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().split()[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop(wss, tmp_path, number):
    """The printed address answers; the truth stands in the file before and after; a signal ends it with exit code 0."""
    process, url = wss("--rows", "50", "--hours", "2", "--seed", "7", "--fault", "bad_date:2", "--truth", "truth.jsonl")
    state = httpx.get(f"{url}/_sim/state", trust_env=False).json()
    assert state["state"]["tenants"]["wss-user"]["rows"] == 50
    os.kill(process.pid, number)
    told = process.stdout.read()
    assert process.wait(20) == 0
    assert "48 records, 2 broken" in told
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["kind"] for line in lines].count("record") == 48


def test_the_hint_shows_no_given_password(wss):
    """A password from the command line may be a real one: it is not printed."""
    process, _ = wss("--tenant", "someone=hunter2")
    os.kill(process.pid, signal.SIGTERM)
    told = process.stdout.read()
    assert "someone" in told
    assert "hunter2" not in told


def test_help_and_faults_come_from_the_simulator():
    """Each setting is an option with its description, and the faults are listed with what they do."""
    told = CliRunner().invoke(simulate, ["wss", "--help"]).output
    assert "--quiet-secs NUMBER" in told
    assert "--tenant KEY=VALUE" in told
    assert "[header|trailer|both]" in told
    faults = CliRunner().invoke(simulate, ["wss", "--list-faults"]).output
    assert "abort " in faults
    assert "cut_body " in faults


def test_the_group_lists_the_connectors():
    """`wellhead simulate --help` names what can be simulated."""
    assert "wss" in CliRunner().invoke(simulate, ["--help"]).output


def test_options_are_read_as_the_settings_have_them():
    """Text becomes what the model says, lists and mappings are given entry by entry, and empty text is nothing."""
    given = {
        "rows": "9",
        "ratio": "",
        "form": "b",
        "strict": True,
        "tenants": ("a=b=c", "d="),
        "faults": ("abort:2", "slow"),
        "seed": None,
    }
    settings = settings_from("toy", Settings, given)
    assert settings == Settings(
        rows=9, ratio=None, form="b", strict=True, tenants={"a": "b=c", "d": ""}, faults=("abort:2", "slow")
    )


def test_wrong_options_are_all_told():
    """Every problem stands in one error, with the name of its option."""
    with pytest.raises(ConfigError) as caught:
        settings_from("toy", Settings, {"rows": "-1", "ratio": "much"})
    assert [problem.path for problem in caught.value.problems] == ["rows", "ratio"]


@pytest.mark.parametrize(
    ("name", "flags"),
    [("rows", ["--rows"]), ("strict", ["--strict"]), ("tenants", ["--tenant"]), ("faults", ["--fault"]), ("form", ["--form"])],
)
def test_each_setting_makes_an_option(name, flags):
    """The option is the setting's name, in the singular where it repeats, with its description as help."""
    option = option_of(name, Settings.model_fields[name])
    assert option.opts == flags
    assert Settings.model_fields[name].description in (option.help or "")


def test_an_unknown_connector_is_told():
    """A mistyped name is an error that names the closest."""
    error = CliRunner().invoke(simulate, ["wsss"]).exception
    assert isinstance(error, PermanentError)
    assert "did you mean wss" in str(error)


def test_a_module_that_is_no_simulator_is_told():
    """A simulator module without Settings and create is an error that says what is missing."""
    with pytest.raises(PermanentError, match="exports Settings and create"):
        verb.contract_of(types.ModuleType("nothing"))
