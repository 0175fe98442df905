"""Takes files and flags, gives what was written for the worker and for each entry of the other sections; never says what a word means."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wellhead.config.files import read
from wellhead.config.flatten import flatten
from wellhead.errors import Problem

SECTIONS = ("worker", "connectors", "lookups", "attacks", "floods")

_ENTRY = {"connectors": "connector", "lookups": "lookup", "attacks": "entry of attacks", "floods": "entry of floods"}
_LEAST = {
    "connectors": "connector.class",
    "lookups": "topic and files",
    "attacks": "topic, rules and redis.url",
    "floods": "topics",
}


@dataclass(slots=True)
class Written:
    """What operators wrote, before it means anything.

    Attributes:
        worker: Flat words of the worker from all files, the last file winning.
        connectors: The entry of each connector as it stands in its file.
        lookups: The entry of each lookup, likewise.
        attacks: The entry of each grouping of attacks, likewise.
        floods: The entry of each watch for floods, likewise.
        worker_flags: Flat words of the worker from flags.
        connector_flags: Flat words from flags, by connector.
        lookup_flags: Flat words from flags, by lookup.
        attacks_flags: Flat words from flags, by grouping of attacks.
        floods_flags: Flat words from flags, by watch for floods.
        problems: What could not be read.
        unreadable: Whether a whole file could not be read, so that nothing can be said about what seems to be missing.
    """

    worker: dict[str, Any] = field(default_factory=dict)
    connectors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    lookups: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    attacks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    floods: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    worker_flags: dict[str, Any] = field(default_factory=dict)
    connector_flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    lookup_flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    attacks_flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    floods_flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: bool = False

    def entries(self, section: str) -> tuple[dict[str, Mapping[str, Any]], dict[str, dict[str, Any]]]:
        """Give the entries of a section other than `worker`, and the flags for them, to be filled."""
        by_section = {
            "connectors": (self.connectors, self.connector_flags),
            "lookups": (self.lookups, self.lookup_flags),
            "attacks": (self.attacks, self.attacks_flags),
            "floods": (self.floods, self.floods_flags),
        }
        return by_section[section]


def collect(paths: Sequence[Path], overrides: Sequence[str]) -> Written:
    """Read every file and every `word=value` flag; nothing stops at the first problem."""
    written = Written()
    origins: dict[tuple[str, str], Path] = {}
    for path in paths:
        content, problems = read(path)
        written.problems += problems
        written.unreadable |= bool(problems) and not content
        for section, value in content.items():
            _take_section(written, origins, path, section, value)
    for override in overrides:
        _take_override(written, override)
    return written


def _take_section(written: Written, origins: dict[tuple[str, str], Path], path: Path, section: str, value: Any) -> None:
    if section not in SECTIONS:
        close = difflib.get_close_matches(section, SECTIONS, n=1)
        hint = (
            f"did you mean {close[0]}?" if close else "a file holds 'worker', 'connectors', 'lookups', 'attacks' and 'floods'"
        )
        written.problems.append(Problem(section, f"unknown section in {path}; {hint}"))
    elif value is None:
        return
    elif not isinstance(value, Mapping):
        written.problems.append(Problem(section, f"must be a mapping ({path})"))
    elif section == "worker":
        flat, problems = flatten(value, path="worker")
        written.problems += problems
        written.worker |= flat
    else:
        for name, entry in value.items():
            _take_entry(written, origins, path, (section, name.strip()), entry)


def _take_entry(written: Written, origins: dict[tuple[str, str], Path], path: Path, place: tuple[str, str], entry: Any) -> None:
    section, name = place
    where = f"{section}.{_printable(name)}"
    entries, _ = written.entries(section)
    if place in origins:
        written.problems.append(Problem(where, f"given in {origins[place]} and again in {path}; rename or remove one"))
    elif not isinstance(entry, Mapping):
        written.problems.append(Problem(where, f"must be a mapping with at least {_LEAST[section]}"))
    else:
        entries[name] = entry
    origins.setdefault(place, path)


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)


def _take_override(written: Written, override: str) -> None:
    word, equals, value = override.partition("=")
    word = word.strip()
    if not equals or not word:
        # The text is not repeated: without its '=' it may be a bare secret.
        written.problems.append(Problem("--set", "must look like word=value, such as --set group.id=wellhead"))
    elif (section := word.partition(".")[0]) in _LEAST and section != word:
        _take_entry_flag(written, section, word, value)
    else:
        written.worker_flags[word.removeprefix("worker.")] = value


def _take_entry_flag(written: Written, section: str, word: str, value: str) -> None:
    entries, flags = written.entries(section)
    rest = word.removeprefix(f"{section}.")
    fitting = [name for name in entries if rest.startswith(f"{name}.")]
    name = max(fitting, key=len, default="")
    option = rest.removeprefix(f"{name}.")
    if name and option:
        flags.setdefault(name, {})[option] = value
        return
    wanted = rest.partition(".")[0]
    close = difflib.get_close_matches(wanted, entries, n=1)
    hint = f"did you mean {close[0]}?" if close else f"the files have: {', '.join(entries) or 'none'}"
    written.problems.append(Problem(f"--set {section}.{_printable(wanted)}", f"no such {_ENTRY[section]}; {hint}"))
