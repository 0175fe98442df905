"""Gives a real kube-score, built once from its locked sources, and what it finds in objects of Kubernetes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from go_built import go_built

LOCK = Path(__file__).parent / "kube_score_lock"
MODULE = "github.com/zegl/kube-score/cmd/kube-score"
VERSION = "1.20.0"
_FINE = 10
"""The grade of a check that finds nothing: 1 is critical, 5 and 7 are warnings."""


@cache
def binary() -> Path:
    """Give the program."""
    return go_built("kube-score", VERSION, LOCK, MODULE)


def found_by_kube_score(objects: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Give what it finds wrong: the check's id, and the kind and name of the object."""
    text = "\n---\n".join(json.dumps(each) for each in objects)
    # No limit of CPU, on purpose: a throttled worker proves its membership late and loses its tasks.
    told = ["--kubernetes-version", "v1.36", "--ignore-container-cpu-limit", "--output-format", "json"]
    command = [str(binary()), "score", *told, "--exit-one-on-warning", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    scored = json.loads(done.stdout)
    assert len(scored) >= len({each["metadata"]["name"] for each in objects if each["kind"] in _PODS}), done.stderr
    return set(_wrong(scored))


_PODS = ("Deployment", "StatefulSet", "Job", "Pod")


def _wrong(scored: Iterable[dict[str, Any]]) -> Iterable[tuple[str, str]]:
    for each in scored:
        for check in each["checks"]:
            if not check["skipped"] and check["grade"] < _FINE:
                yield check["check"]["id"], each["object_name"]
