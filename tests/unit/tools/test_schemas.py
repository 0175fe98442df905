"""`wellhead schemas` lists what is wrong and shows its plan before it acts."""

import json
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner

from wellhead.avro.schema import Schema, load
from wellhead.cli import cli, run
from wellhead.errors import PermanentError
from wellhead.tools.schemas import client_settings, installed_roots, plan_for

FIELD = {"name": "a", "type": "string", "doc": "text, e.g. x"}
MORE = {"name": "b", "type": ["null", "string"], "default": None, "doc": "text, e.g. y"}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "acme.log").mkdir()
    for version, fields in ((1, [FIELD]), (2, [FIELD, MORE])):
        record = {"type": "record", "name": "log", "doc": "One line.", "fields": fields}
        (tmp_path / "acme.log" / f"v{version}.avsc").write_text(json.dumps(record))
    return tmp_path


@dataclass
class FakeRegistry:
    """Knows some texts, refuses everything else if told to."""

    known: dict[str, int] = field(default_factory=dict)
    refuses: bool = False
    checked: list[int] = field(default_factory=list)

    def find(self, _subject: str, schema: Schema) -> int | None:
        return self.known.get(schema.text)

    def check(self, _subject: str, schema: Schema) -> None:
        self.checked.append(schema.version)
        if self.refuses:
            raise PermanentError("incompatible: a")


def test_check_releases_and_then_holds(root, capsys):
    """New versions are added on request; afterwards any change is an error with exit code 1."""
    assert run(["schemas", "check", "--root", str(root)]) == 1
    assert "acme.log/v1.avsc: is not in the lock" in capsys.readouterr().err
    assert run(["schemas", "check", "--root", str(root), "--update-lock"]) == 0
    assert "released acme.log/v2.avsc" in capsys.readouterr().out
    assert run(["schemas", "check", "--root", str(root)]) == 0
    with (root / "acme.log" / "v2.avsc").open("a") as file:
        file.write("\n")
    assert run(["schemas", "check", "--root", str(root), "--update-lock"]) == 1
    assert "acme.log/v2.avsc: is released, but has changed" in capsys.readouterr().err


def test_an_unsound_version_is_not_released(root, capsys):
    """The lock holds only what keeps the promise."""
    (root / "acme.log" / "v3.avsc").write_text("{")
    assert run(["schemas", "check", "--root", str(root), "--update-lock"]) == 1
    assert "not JSON" in capsys.readouterr().err
    assert not (root / "schemas.lock").exists()


def test_the_shipped_schemas_are_among_the_roots():
    """Without --root everything installed is checked."""
    assert any((folder / "wss.access_log").is_dir() for folder in installed_roots())


def test_a_plan_says_what_each_version_needs(root):
    """There, to register, or refused; the registry is asked about the first new version only."""
    one, two = (load("acme.log", version, root) for version in (1, 2))
    registry = FakeRegistry({one.text: 4})
    assert [str(step) for step in plan_for([one, two], "p.acme.log-value", registry)] == [
        "  p.acme.log-value v1: there already, id 4",
        "+ p.acme.log-value v2: to register",
    ]
    assert registry.checked == [2]
    refusing = plan_for([one, two], "t", FakeRegistry(refuses=True))
    assert [str(step) for step in refusing] == ["! t v1: refused", "+ t v2: to register"]
    assert refusing[0].refusal == "incompatible: a"


def test_a_dead_registry_is_one_line(root, capsys):
    """What failed, where, what next."""
    assert run(["schemas", "register", "acme.log", "--root", str(root), "--registry-url", "http://127.0.0.1:9"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: registry 127.0.0.1:9: cannot be reached")
    assert len(error.splitlines()) == 1


def test_an_unknown_subject_is_named_with_the_known(root, capsys):
    """Before the registry is asked."""
    assert run(["schemas", "register", "acme.lgo", "--root", str(root), "--registry-url", "http://127.0.0.1:9"]) == 1
    assert "Subjects installed here: acme.log" in capsys.readouterr().err


def test_client_settings_come_from_the_environment():
    """A password stands in no command line."""
    environ = {"WELLHEAD_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO": "u:p", "WELLHEAD_GROUP_ID": "x"}
    assert client_settings(environ) == {"basic.auth.user.info": "u:p"}


@pytest.mark.parametrize("words", [["schemas"], ["schemas", "check"], ["schemas", "register"]])
def test_help_shows_examples(words):
    """Each verb can be copied and run."""
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0
    assert "Examples:\n  " in result.output
