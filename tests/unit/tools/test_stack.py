"""`wellhead stack` explains itself and answers without servers."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from wellhead.tools.stack import stack


@pytest.mark.parametrize("verb", sorted(stack.commands))
def test_every_verb_shows_examples(verb: str):
    """Each verb's help holds a line one can copy."""
    shown = CliRunner().invoke(stack, [verb, "--help"])

    assert shown.exit_code == 0
    assert re.search(rf"Examples:\n +wellhead stack {verb}", shown.output)


def test_status_without_a_stack(tmp_path: Path):
    """With nothing up `status` says how to start and exits 1, in JSON too."""
    plain = CliRunner().invoke(stack, ["status", "--cache", str(tmp_path)])
    as_json = CliRunner().invoke(stack, ["status", "--json", "--cache", str(tmp_path)])

    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert "wellhead stack up" in plain.output
    assert json.loads(as_json.output) == {"up": False, "healthy": False}


def test_down_without_a_stack_is_fine(tmp_path: Path):
    """Stopping nothing is no error: scripts may always call it."""
    result = CliRunner().invoke(stack, ["down", "--cache", str(tmp_path)])

    assert (result.exit_code, result.output) == (0, "no stack is up\n")


def test_unreachable_repository_is_one_clear_message(tmp_path: Path):
    """`fetch` from a dead address names the file, the address and the next step, without a traceback."""
    words = ["fetch", "--group", "compiler", "--cache", str(tmp_path), "--maven-base", "http://127.0.0.1:1/mirror"]
    result = CliRunner().invoke(stack, words)

    assert result.exit_code == 1
    assert re.search(
        r"Error: cannot get org\.eclipse\.jdt:ecj:.*http://127\.0\.0\.1:1/mirror/.*WELLHEAD_MAVEN_BASE", result.output
    )
    assert "Traceback" not in result.output


def test_unusable_cache_folder_is_one_clear_message(tmp_path: Path):
    """A cache path that is no folder ends in a message that names it and the way out."""
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(stack, ["fetch", "--cache", str(tmp_path / "file" / "cache")])

    assert result.exit_code == 1
    assert re.search(r"Error: .*file/cache.*--cache", result.output)
