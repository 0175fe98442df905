"""Takes the models of options and the chart's values.yaml, gives the schema of its values; never renders a template."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel

from wellhead import plugins
from wellhead.config import AttacksSettings, ConnectorSettings, FloodsSettings, WorkerSettings
from wellhead.config.lookup import LookupSettings
from wellhead.config.predicates import PREDICATES
from wellhead.config.transforms import TRANSFORMS
from wellhead.tools.docs.words import OPEN, Leaf, Schema, leaves_of, open_definition, tree

KINDS: Final = ("lookups", "attacks", "attacks-api", "floods")
# What the chart itself depends on: it sets these.
_THE_CHARTS: Final = frozenset(
    {"spool.dir", "probe.listeners", "group.instance.id", "rest.advertised.host.name", "rest.advertised.port"}
)
# Folders that the chart gives a lookup which names none.
_GIVEN: Final = frozenset({"state.dir", "output.dir"})
_FREE: Final = frozenset(
    {"resources", "podSecurityContext", "securityContext", "annotations", "labels", "podLabels", "podAnnotations"}
    | {"nodeSelector", "affinity", "dns"}
)
_CHOICES: Final = {
    "workers.mode": ["group", "alone"],
    "networkPolicy.flavor": ["kubernetes", "cilium"],
    "image.pullPolicy": ["Always", "IfNotPresent", "Never"],
    "defaults.service.type": ["ClusterIP", "NodePort", "LoadBalancer"],
}
_NAME: Final = "^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$"
_ITEMS: Final[dict[str, Schema]] = {
    "secrets": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$"},
            "secret": {"type": "string"},
            "keys": {"type": "array", "items": {"type": "string"}},
            "optional": {"type": "boolean"},
        },
    },
    "defaults.extraEnv": {
        "description": "Without valueFrom: a secret in the environment is seen by whoever may look at the process.",
        "type": "object",
        "required": ["name", "value"],
        "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
    },
    "defaults.ports": {
        "type": "object",
        "required": ["name", "port"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$"},
            "port": {"type": "integer", "minimum": 1024, "maximum": 65535},
            "protocol": {"enum": ["TCP", "UDP"]},
        },
    },
    "networkPolicy.egress": {
        "type": "object",
        "required": ["ports"],
        "additionalProperties": False,
        "properties": {
            "ports": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
            "to": {"type": "array", "items": {"type": "object"}},
            "cidrs": {"type": "array", "items": {"type": "string"}},
            "hosts": {"type": "array", "items": {"type": "string"}},
        },
    },
}


def values_schema(values: dict[str, Any], connectors: Collection[str]) -> Schema:
    """Give the JSON schema of the chart's values: its own by what values.yaml holds, Wellhead's words by their models.

    Args:
        values: What values.yaml holds.
        connectors: The sources whose options are known.
    """
    definitions: dict[str, Schema] = {OPEN: open_definition()}
    schema = _of(values, "")
    own: Schema = schema["properties"]
    worker = [leaf for leaf in leaves_of(WorkerSettings) if leaf.word not in _THE_CHARTS]
    own["worker"] = tree(worker, "worker", definitions)
    own["connectors"] = _connectors(connectors, definitions)
    own["lookups"] = _entries(_lookup_leaves(), "lookup", definitions)
    own["attacks"] = _entries(_without_name(AttacksSettings), "attacks", definitions)
    own["floods"] = _entries(_without_name(FloodsSettings), "floods", definitions)
    own["files"] = {"type": "object", "additionalProperties": {"type": "string"}}
    own["global"] = {"type": "object"}
    workload = own["defaults"]["properties"]
    workload["worker"] = {"$ref": "#/$defs/worker"}
    replicas = {"type": "integer", "minimum": 0}
    own["workers"]["properties"] |= {name: each for name, each in workload.items() if name != "enabled"} | {
        "replicas": replicas
    }
    consumer = {"kind": {"enum": list(KINDS)}, "only": {"type": "array", "items": {"type": "string"}}, "replicas": replicas}
    own["consumers"] = {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": {
            "type": "object",
            "required": ["kind"],
            "additionalProperties": False,
            "properties": {**workload, **consumer},
        },
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of the chart wellhead"}
    return {**head, **schema, "required": ["worker"], "$defs": dict(sorted(definitions.items()))}


def _of(value: Any, path: str) -> Schema:
    """Give what may stand in place of a default of the chart's own."""
    name = path.rpartition(".")[2]
    if path in _CHOICES:
        return {"enum": _CHOICES[path]}
    if isinstance(value, dict):
        if not value or name in _FREE:
            return {"type": "object"}
        inner = {key: _of(each, f"{path}.{key}".lstrip(".")) for key, each in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": inner}
    if isinstance(value, list):
        return {"type": "array", "items": _ITEMS.get(path, {"type": ["object", "string"]})}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    return {"type": ["integer", "null"], "minimum": 0} if value is None else {"type": "string"}


def _entries(leaves: Sequence[Leaf], name: str, definitions: dict[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": tree(leaves, name, definitions)}


def _without_name(model: type[BaseModel], given: Collection[str] = ()) -> list[Leaf]:
    # The name is the key of the entry, never written in it.
    found = [leaf for leaf in leaves_of(model) if leaf.word != "name"]
    return [Leaf(leaf.word, leaf.schema) if leaf.word in given else leaf for leaf in found]


def _lookup_leaves() -> list[Leaf]:
    targets = plugins.installed_targets()
    own = [
        Leaf(leaf.word, leaf.schema) for name in targets.names() for leaf in leaves_of(targets.load(name).config, f"{name}.")
    ]
    return [*_without_name(LookupSettings, _GIVEN), *own]


def _connectors(names: Collection[str], definitions: dict[str, Schema]) -> Schema:
    """Give the schema of the connectors: the words of the class that each names, and of no other."""
    shared = [leaf for leaf in _without_name(ConnectorSettings) if leaf.word not in {"transforms", "predicates"}]
    shared += [*_chain("transforms", TRANSFORMS), *_chain("predicates", PREDICATES)]
    ways: list[Schema] = [tree(shared, "connector", definitions, closed=False)]
    for name in names:
        own = tree(list(leaves_of(plugins.load(name).config)), f"connector-{name}", definitions, closed=False)
        known = _only(definitions["connector"], definitions[f"connector-{name}"])
        ways.append({"if": {"properties": {"connector.class": {"const": name}}}, "then": {"allOf": [own], **known}})
    entry: Schema = {
        "type": "object",
        "required": ["connector.class"],
        "properties": {"connector.class": {"enum": list(names)}},
        "allOf": ways,
    }
    return {"type": "object", "additionalProperties": entry}


def _only(*nodes: Schema) -> Schema:
    """Give a schema that takes the words of some nodes and no others, whatever their values."""
    known: Schema = {
        key: {word: {} for node in nodes for word in node.get(key, ())} for key in ("properties", "patternProperties")
    }
    return {**known, "additionalProperties": False}


def _chain(kind: str, types: dict[str, type[Any]]) -> Iterator[Leaf]:
    """Give the words of transforms or predicates: any that one of their types has."""
    yield Leaf(kind, {"type": ["string", "array"], "items": {"type": "string"}})
    words: dict[str, Schema] = {}
    for model in types.values():
        for leaf in leaves_of(model):
            secret = re.search("file:", str(leaf.schema.get("pattern", ""))) is not None
            words.setdefault(leaf.word, leaf.schema if secret else {})
    words["type"] = {"type": "string"}
    yield from (Leaf(f"{kind}.*.{word}", schema) for word, schema in words.items())
