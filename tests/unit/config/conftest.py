"""Writes configuration files and loads them against the fake vendor."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wellhead.config import Deployment, load
from wellhead.errors import ConfigError

SOUND = """\
worker:
  kafka.bootstrap.servers: 127.0.0.1:9092
  schema.registry.url: http://127.0.0.1:8081
connectors:
  one:
    connector.class: fake
    tenant: acme
    token: t0ken-of-acme
"""

Loader = Callable[..., Deployment]


@pytest.fixture
def sound() -> str:
    """A deployment with nothing wrong and no option that could be left out."""
    return SOUND


@pytest.fixture
def loaded(tmp_path: Path, fake_vendor: Path) -> Loader:
    """Load texts as files a.yaml, b.yaml, ... of one deployment."""

    def loaded(
        *texts: str, overrides: tuple[str, ...] = (), environ: dict[str, str] | None = None, suffix: str = "yaml"
    ) -> Deployment:
        paths = []
        for name, text in zip("abcdef", texts, strict=False):
            path = tmp_path / f"{name}.{suffix}"
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return load(paths, overrides=overrides, environ=environ or {})

    return loaded


@pytest.fixture
def refused(loaded: Loader) -> Callable[..., dict[str, str]]:
    """Load texts that must be refused; gives the messages by path."""

    def refused(*texts: str, **how: object) -> dict[str, str]:
        with pytest.raises(ConfigError) as error:
            loaded(*texts, **how)
        return {problem.path: problem.message for problem in error.value.problems}

    return refused
