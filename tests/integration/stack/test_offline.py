"""A copied cache starts a stack on a machine without network."""

import os
from pathlib import Path

import pytest

from wellhead.stack import Stack
from wellhead.stack.cache import cache_dir
from wellhead.stack.jars import JarCache

UNREACHABLE = "http://127.0.0.1:1/maven"


def test_copied_files_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With only the locked files in the cache, no repository and an empty PATH, the files pass and a broker starts."""
    for file in JarCache(cache_dir()).paths("kafka", "registry"):
        copied = tmp_path / "maven" / file.relative_to((cache_dir() / "maven").resolve())
        copied.parent.mkdir(parents=True)
        os.link(file, copied)
    monkeypatch.setenv("WELLHEAD_MAVEN_BASE", UNREACHABLE)
    monkeypatch.setenv("PATH", "/nowhere")

    assert len(JarCache(tmp_path).paths("kafka", "registry")) == 47
    with Stack.start(cache=tmp_path, registry=False) as stack:
        assert stack.kafka.pid() is not None
