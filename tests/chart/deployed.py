"""Takes the objects that the chart makes, gives what of them runs, and Wellhead's files as a pod would see them; never asks a cluster."""

import json
import re

import yaml

EXAMPLES = ("minimal", "ha", "many-tenants", "air-gapped")
WORKLOADS = {"StatefulSet", "Deployment"}
SECRETS = "/run/secrets/wellhead"
OWN_FILES = "/etc/wellhead-files"
_REFERENCE = re.compile(r"\$\{file:(?P<path>" + SECRETS + r"/[^:}]+)(?::(?P<key>\$\{[^}]*\}|[^}]*))?\}")


def of_kind(objects, *kinds):
    return [each for each in objects if each["kind"] in kinds]


def named(objects, kind, name):
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


def pods(objects):
    """Give (name, metadata, spec) of every pod that would run: of workloads, jobs and tests."""
    for each in objects:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] in WORKLOADS | {"Job"}:
            template = each["spec"]["template"]
            yield name, template["metadata"], template["spec"]
        elif each["kind"] == "Pod":
            yield name, each["metadata"], each["spec"]


def main_container(spec):
    return spec["containers"][0]


def config_maps(objects):
    """Give the ConfigMaps that hold Wellhead's own files."""
    return [each for each in of_kind(objects, "ConfigMap") if "worker.yaml" in each["data"]]


def laid_out(config_map, objects, folder):
    """Write a pod's files into a folder, with a Secret's file for each reference; give their paths."""
    written = []
    for name, text in config_map["data"].items():
        for found in _REFERENCE.finditer(text):
            place = folder / found["path"].lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_secret(found["key"]))
        own = folder / "files"
        path = folder / name
        path.write_text(text.replace(SECRETS, f"{folder}{SECRETS}").replace(OWN_FILES, str(own)))
        written.append(path)
    for each in of_kind(objects, "ConfigMap"):
        if each["metadata"]["name"].endswith("-files"):
            own.mkdir(exist_ok=True)
            for name, text in each["data"].items():
                (own / name).write_text(text)
    return written


def _secret(key):
    invented = "http://invented.example:3128"  # fits wherever a secret may be an address, too
    if not key:
        return invented
    tenants = ("north", "south", "east", "west")
    return json.dumps(dict.fromkeys(tenants if key.startswith("$") else [key], invented))


def words(config_map):
    """Yield every word and value of Wellhead's files, nested ones joined by dots."""
    for text in config_map["data"].values():
        yield from _flat("", yaml.safe_load(text))


def _flat(prefix, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(prefix, inner)
    else:
        yield prefix, value
