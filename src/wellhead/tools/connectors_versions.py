"""Takes a connector's name, gives the versions of its configuration that are kept, and makes an old one the newest; never shows a secret."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from wellhead.tools.explain import at
from wellhead.tools.offsets_open import DEFAULT_URL, EXIT_REFUSED, output_option, url_option, yes_option

_WIDTH = 24


@click.command()
@click.argument("name")
@url_option
@output_option
def history(name: str, *, url: str | None, output: str) -> None:
    r"""List the versions of NAME's configuration: when, by whom, and which options changed. Asks a running worker.

    \b
    Examples:
      wellhead connectors history wss-acme
      wellhead connectors history wss-acme --url http://wellhead-0:8083 --output json
    """
    versions = _versions(name, url)
    if output == "json":
        click.echo(json.dumps(versions, indent=2, ensure_ascii=False))
        return
    for version, before in zip(versions, [*versions[1:], {"config": {}}], strict=True):
        click.echo(f"{version['version']:>4}  {at(version['changed_ms'])}  {version['by']:<{_WIDTH}} {version['what']}")
        click.echo("".join(f"        {line}\n" for line in changed(before["config"], version["config"])), nl=False)


@click.command()
@click.argument("name")
@click.argument("version", type=int)
@url_option
@yes_option
def rollback(name: str, version: int, *, url: str | None, yes: bool) -> None:
    r"""Make an old VERSION of NAME's configuration the newest; without --yes it only shows what would change.

    \b
    Examples:
      wellhead connectors rollback wss-acme 3
      wellhead connectors rollback wss-acme 3 --yes
    """
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415 - the verb is listed without loading what it needs

    versions = {each["version"]: each for each in _versions(name, url)}
    if version not in versions:
        raise click.UsageError(f"connector {name} has no version {version}; kept are {', '.join(map(str, sorted(versions)))}")
    told = list(changed(versions[max(versions)]["config"], versions[version]["config"]))
    click.echo("\n".join(told or ["nothing: the options are the same"]))
    if not yes:
        click.echo("nothing was changed; add --yes to do it", err=True)
        sys.exit(EXIT_REFUSED)
    with open_rest(url or DEFAULT_URL) as rest:
        rest.ask("PUT", f"/connectors/{quote(name, safe='')}/rollback?version={version}")
    click.echo(f"connector {name} has the configuration of version {version} again")


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Give a line for each option that differs; secrets are masked already, so of two only their places are told."""
    for word in sorted({*before, *after}):
        if before.get(word) != after.get(word):
            if word not in before:
                yield f"+ {word} = {after[word]}"
            elif word not in after:
                yield f"- {word} = {before[word]}"
            else:
                yield f"~ {word} = {before[word]} -> {after[word]}"


def _versions(name: str, url: str | None) -> Sequence[Mapping[str, Any]]:
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

    with open_rest(url or DEFAULT_URL) as rest:
        found: list[Mapping[str, Any]] = rest.ask("GET", f"/connectors/{quote(name, safe='')}/versions")
    return found
