"""Takes what an operator calls a store, gives its settings: a name in the files, a file of its own, or an address; never a login on a command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from wellhead.config.attacks import AttacksSettings
from wellhead.config.files import read
from wellhead.config.flatten import flatten
from wellhead.config.problems import problems_of
from wellhead.config.providers import resolve
from wellhead.config.secrets import literals
from wellhead.config.store import StoreSettings
from wellhead.config.words import all_words, gather, unknown_word
from wellhead.errors import ConfigError, Problem

_FILES = (".yaml", ".yml", ".json")
_SCHEMES = ("http://", "https://")


def named_stores(attacks: Iterable[AttacksSettings]) -> dict[str, StoreSettings]:
    """Give the stores of all entries of the `attacks` section as `<entry>.<store>`, and by the store's name alone where only one has it."""
    full = {f"{entry.name}.{name}": settings for entry in attacks for name, settings in entry.stores.items()}
    plain: dict[str, list[StoreSettings]] = {}
    for name, settings in full.items():
        plain.setdefault(name.rpartition(".")[2], []).append(settings)
    return full | {name: found[0] for name, found in plain.items() if len(found) == 1}


def find_store(wanted: str, stores: Mapping[str, StoreSettings], environ: Mapping[str, str], *, option: str) -> StoreSettings:
    """Give the settings of the store that is called `wanted`.

    Args:
        wanted: `<store>` or `<entry>.<store>` of the files; the path of a YAML file with the words of one store; or an address that needs
            no login.
        stores: What `named_stores` gives.
        environ: The environment that `${env:NAME}` in such a file refers to.
        option: Where `wanted` was written, for messages.

    Raises:
        ConfigError: There is no such store, or something is wrong with it.
    """
    if wanted in stores:
        return stores[wanted]
    if wanted.startswith(_SCHEMES):
        return _validated({"url": wanted}, option, [])
    if wanted.endswith(_FILES):
        return _of_file(Path(wanted), environ, option)
    close = difflib.get_close_matches(wanted, stores, n=1)
    known = f"the files have: {', '.join(sorted(stores))}" if stores else "the files (-c) have no attacks.<name>.stores"
    hint = (
        f"did you mean {close[0]}?" if close else f"{known}; or give the path of a YAML file with a store's url, or its address"
    )
    raise ConfigError(option, [Problem(option, f"there is no store {_printable(wanted)}; {hint}")])


def _of_file(path: Path, environ: Mapping[str, str], option: str) -> StoreSettings:
    content, problems = read(path)
    flat, twice = flatten(content, path=str(path))
    given, unresolved = resolve(flat, str(path), environ)
    gathered, unknown = gather({word: value for word, value in given.items() if value is not None}, StoreSettings)
    known = [word for word, _ in all_words(StoreSettings)]
    otherwise = "a store's file holds the words of one store, such as url"
    problems = [
        *problems,
        *twice,
        *unresolved,
        *(unknown_word(str(path), word, known, otherwise=otherwise) for word in unknown),
    ]
    if problems:
        raise ConfigError(option, problems)
    return _validated(gathered, str(path), list(literals("", given)))


def _validated(words: Mapping[str, Any], path: str, hidden: list[str]) -> StoreSettings:
    try:
        return StoreSettings.model_validate(words)
    except ValidationError as error:
        raise ConfigError(path, problems_of(error, StoreSettings, path, hidden)) from None


def _printable(text: str) -> str:
    # What stands before an @ may be a login that somebody put into an address.
    return "".join(char if char.isprintable() else "?" for char in text.rpartition("@")[2])
