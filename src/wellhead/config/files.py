"""Takes a YAML or JSON file, gives its mapping with text keys; refuses keys given twice and never quotes the file in a message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from wellhead.errors import Problem

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_OF_THE_PARSER = re.compile(r".?|<[a-z ]+>")  # a single character or a token's name, such as <block end>


def read(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """Read one configuration file; a file that cannot be used gives an empty mapping and the reason."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return {}, [Problem(str(path), f"cannot be read: {(error.strerror or 'unknown error').lower()}")]
    except UnicodeDecodeError as error:
        return {}, [Problem(str(path), f"is not UTF-8 text (byte {error.start})")]
    return parse(text, str(path))


def parse(text: str, name: str) -> tuple[dict[str, Any], list[Problem]]:
    """Parse the text of the file `name`, JSON when it ends so, else YAML."""
    builder = _Builder(name)
    try:
        content = builder.from_json(text) if name.endswith(".json") else builder.from_yaml(text)
    except json.JSONDecodeError as error:
        return {}, [Problem(name, f"line {error.lineno}, column {error.colno}: {_unquoted(error.msg).lower()}")]
    except yaml.YAMLError as error:
        return {}, [Problem(name, _explain(error))]
    except (ValueError, RecursionError):
        return {}, [Problem(name, "holds a value that cannot be read; put it in quotes")]
    if content is None:
        return {}, []
    if not isinstance(content, dict):
        return {}, [Problem(name, "must hold a mapping with 'worker' and 'connectors', 'lookups', 'attacks' or 'floods'")]
    return content, builder.problems


class _Builder:
    """Builds plain values, keys as they are written (`on` stays `on`), and notes keys given twice."""

    def __init__(self, name: str) -> None:
        self.problems: list[Problem] = []
        self._name = name

    def from_json(self, text: str) -> Any:
        return self._plain(json.loads(text, object_pairs_hook=_Pairs), "") if text.strip() else None

    def from_yaml(self, text: str) -> Any:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else self._built(node, "", loader, frozenset())
        finally:
            loader.dispose()

    def _plain(self, value: Any, path: str) -> Any:
        if isinstance(value, _Pairs):
            self._note_twice(((key, "") for key, _ in value), path)
            return {key: self._plain(inner, f"{path}.{key}") for key, inner in value}
        if isinstance(value, list):
            return [self._plain(inner, f"{path}.{index}") for index, inner in enumerate(value)]
        return value

    def _built(self, node: yaml.Node, path: str, loader: yaml.SafeLoader, parents: frozenset[int]) -> Any:
        if id(node) in parents:
            raise yaml.MarkedYAMLError(problem="an anchor holds itself", problem_mark=node.start_mark)
        parents |= {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self._built(item, f"{path}.{index}", loader, parents) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return loader.construct_object(node)
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be plain text", problem_mark=key.start_mark)
        self._note_twice(((key.value, f", line {key.start_mark.line + 1}") for key, _ in node.value), path)
        loader.flatten_mapping(node)
        return {key.value: self._built(value, f"{path}.{key.value}", loader, parents) for key, value in node.value}

    def _note_twice(self, keys: Iterable[tuple[str, str]], path: str) -> None:
        seen: set[str] = set()
        for key, where in keys:
            if key in seen:
                self.problems.append(Problem(f"{path}.{key}".lstrip("."), f"given twice ({self._name}{where})"))
            seen.add(key)


class _Pairs(list[tuple[str, Any]]):
    """The pairs of one JSON object in order, twins included."""


def _explain(error: yaml.YAMLError) -> str:
    """Tell where and what, without the text that stands there."""
    mark = getattr(error, "problem_mark", None)
    what = _unquoted(str(getattr(error, "problem", None) or "it holds a character that is not allowed"))
    if what.endswith("cannot start any token"):
        what += "; if it is a tab, indent with spaces"
    if what.endswith("'{'"):
        what += "; between braces, put ${...} in quotes"
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}" if mark else what


def _unquoted(text: str) -> str:
    """Leave out what a parser quotes from the file."""
    return _QUOTED.sub(lambda found: found[0] if _OF_THE_PARSER.fullmatch(found[1] or found[2] or "") else "…", text)
