"""Takes the Python it runs in, gives what is installed there as CycloneDX JSON; never asks an index."""  # noqa: INP001

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, distributions
from typing import Any


def sbom() -> dict[str, Any]:
    """Give the bill of materials: every distribution with its version and licence, by name."""
    found = {each.metadata["Name"].lower().replace("_", "-"): each for each in distributions()}
    components = [_component(name, found[name]) for name in sorted(found)]
    python = {"type": "platform", "name": "python", "version": sys.version.split()[0]}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [python, *components]}


def _component(name: str, distribution: Distribution) -> dict[str, Any]:
    licence = distribution.metadata.json.get("license_expression")
    told = {"licenses": [{"expression": licence}]} if licence else {}
    version = distribution.version
    return {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}", **told}


if __name__ == "__main__":
    json.dump(sbom(), sys.stdout, indent=1)
