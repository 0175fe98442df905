"""Gives a real helm, built once from its locked sources, and what it makes of the chart; never asks a cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from go_built import go_built

from wellhead.stack.cache import cache_dir

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/wellhead"
LOCK = Path(__file__).parent / "helm_lock"
MODULE = "helm.sh/helm/v3/cmd/helm"
VERSION = "3.22.0"
# As helm's own releases have it: the Kubernetes they are for, where no cluster says.
_FOR = [
    f"-X helm.sh/helm/v3/pkg/{where}.k8sVersion{part}"
    for where in ("chartutil", "lint/rules")
    for part in ("Major=1", "Minor=36")
]
LINK = " ".join(["-s -w", *_FOR])


class _KubernetesLoader(yaml.SafeLoader):
    """Reads YAML as Kubernetes does, for which y and n are truths, too."""


_KubernetesLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))


@cache
def binary() -> Path:
    """Give the program."""
    return go_built("helm", VERSION, LOCK, MODULE, link=LINK)


def helm(*words: str | Path, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm with a home of its own; `values` come on standard input."""
    home = cache_dir() / "go" / "helm-home"
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": "/dev/null"}
    told = [] if values is None else ["-f", "-"]
    given = None if values is None else json.dumps(values, default=str)
    command = [str(binary()), *map(str, words), *told]
    return subprocess.run(command, env=environ, input=given, capture_output=True, text=True, check=False, timeout=120)


def rendered(*words: str | Path, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Give the objects that the chart makes."""
    done = helm("template", "wh", CHART, "--namespace", "soc", *words, values=values)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.load_all(done.stdout, _KubernetesLoader) if each]


def refusal(values: dict[str, Any], *words: str | Path) -> str:
    """Give what helm says against values that it must not take."""
    done = helm("template", "wh", CHART, *words, values=values)
    assert done.returncode != 0, "the chart took it"
    return done.stderr
