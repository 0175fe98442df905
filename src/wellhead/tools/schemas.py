"""Takes `wellhead schemas`, gives what is wrong with the schema files or registers them; never changes a released version."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.errors import PermanentError, WellheadError

if TYPE_CHECKING:
    from wellhead.avro.registry import Registry
    from wellhead.avro.schema import Schema

ENVIRONMENT = "WELLHEAD_SCHEMA_REGISTRY_"


class SchemasBroken(WellheadError):  # noqa: N818 - the name says the finding
    """Schema files break their promise; the message lists how."""


@click.group()
def schemas() -> None:
    r"""Check the record schemas and register them.

    \b
    Examples:
      wellhead schemas check
      wellhead schemas check --root schemas --update-lock
      wellhead schemas register --registry-url http://127.0.0.1:8081 --dry-run
    """


@schemas.command()
@click.option(
    "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of subjects. [default: all installed]"
)
@click.option("--update-lock", is_flag=True, help="Release the new versions: add them to schemas.lock. Old lines never change.")
def check(root: Path | None, *, update_lock: bool) -> None:
    r"""List everything wrong with the schema files; exit with 1 if there is anything.

    Every version parses, holds types Wellhead can encode, has snake_case names and a doc on every field; versions count
    from v1 without a gap; each reads what the one before it wrote; and what is released (schemas.lock) is unchanged.

    \b
    Examples:
      wellhead schemas check
      wellhead schemas check --root schemas --update-lock
    """
    from wellhead.avro.audit import audit  # noqa: PLC0415 - pyarrow and avro load only for this verb
    from wellhead.avro.lock import broken, release  # noqa: PLC0415

    problems = []
    for folder in [root] if root else installed_roots():
        found = audit(folder)
        if update_lock and not found:
            for name in release(folder):
                click.echo(f"released {name}")
        problems += [*found, *broken(folder)]
    if problems:
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        raise SchemasBroken("\n".join([f"schemas: {count}", *(f"  {problem}" for problem in problems)]))
    click.echo("schemas: all versions are sound, compatible and as released")


@schemas.command()
@click.argument("subjects", nargs=-1, metavar="[SUBJECT]...")
@click.option("--registry-url", envvar=f"{ENVIRONMENT}URL", required=True, show_envvar=True, help="The registry's API root.")
@click.option("--topic-prefix", default="", help="The deployment's topic.prefix; stands before every subject.")
@click.option(
    "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of subjects. [default: all installed]"
)
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def register(subjects: tuple[str, ...], registry_url: str, topic_prefix: str, root: Path | None, *, dry_run: bool) -> None:
    r"""Register every version of SUBJECTs (default: all) as <prefix><subject>-value, oldest first.

    Shows the plan before it acts; where one version would be refused, nothing is registered. What is there already
    stays. Other settings of the registry's client come from the environment, such as
    WELLHEAD_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO.

    \b
    Examples:
      wellhead schemas register --registry-url http://127.0.0.1:8081 --dry-run
      wellhead schemas register wss.access_log --registry-url http://registry:8081 --topic-prefix prod.
    """
    from wellhead.avro import schema  # noqa: PLC0415 - pyarrow loads only for this verb
    from wellhead.avro.registry import Registry  # noqa: PLC0415

    loaded = {
        subject: [schema.load(subject, n, root) for n in _versions(subject, root)]
        for subject in subjects or schema.subjects(root)
    }
    with Registry({**client_settings(os.environ), "url": registry_url}) as registry:
        plan = [
            step for subject, found in loaded.items() for step in plan_for(found, f"{topic_prefix}{subject}-value", registry)
        ]
        for step in plan:
            click.echo(str(step))
        if refused := [step.refusal for step in plan if step.refusal]:
            raise PermanentError("nothing was registered:\n" + "\n".join(f"  {reason}" for reason in refused))
        if dry_run:
            click.echo("dry run: nothing was registered")
            return
        for step in (step for step in plan if step.known_id is None):
            click.echo(f"registered {step.target} v{step.schema.version} with id {registry.register(step.target, step.schema)}")


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done for one version: nothing where `known_id` says it is there, or `refusal` why it cannot be."""

    schema: Schema
    target: str
    known_id: int | None
    refusal: str = ""

    def __str__(self) -> str:
        name = f"{self.target} v{self.schema.version}"
        if self.known_id is not None:
            return f"  {name}: there already, id {self.known_id}"
        return f"! {name}: refused" if self.refusal else f"+ {name}: to register"


def plan_for(versions: Iterable[Schema], target: str, registry: Registry) -> list[Step]:
    """Say what each version needs; the registry judges the first one it lacks, `check` has judged the ones after it."""
    plan: list[Step] = []
    for schema in versions:
        known = registry.find(target, schema)
        refusal = ""
        if known is None and all(step.known_id is not None for step in plan):
            refusal = _refusal(registry, target, schema)
        plan.append(Step(schema, target, known, refusal))
    return plan


def _refusal(registry: Registry, target: str, schema: Schema) -> str:
    try:
        registry.check(target, schema)
    except PermanentError as error:
        return str(error)
    return ""


def client_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Read the registry client's settings from the environment, under the names the worker reads them by."""
    named = {name.removeprefix(ENVIRONMENT): value for name, value in environ.items() if name.startswith(ENVIRONMENT)}
    return {name.lower().replace("_", "."): value for name, value in named.items()}


def installed_roots() -> list[Path]:
    """Give the folders of schemas installed here: ours, and those of other distributions."""
    try:
        package = importlib.import_module("schemas")
    except ModuleNotFoundError as error:
        raise PermanentError(
            "no schemas are installed: the package `schemas` is missing. Install wellhead's wheel again."
        ) from error
    return [Path(folder) for folder in package.__path__]


def _versions(subject: str, root: Path | None) -> list[int]:
    from wellhead.avro import schema  # noqa: PLC0415 - as in the verbs

    return schema.versions(subject, root) or [schema.load(subject, None, root).version]
