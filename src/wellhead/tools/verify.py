"""Takes two stores, tells whether they hold the same and where not; exits 0 equal, 1 different, 2 could not be compared."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wellhead.signals import STOPPED, stopped_by_signals
from wellhead.tools.offsets_open import kafka_options
from wellhead.tools.verify_words import pace_options, rule_options, scope_options, watch_options

if TYPE_CHECKING:
    from wellhead.clock import Clock
    from wellhead.migration.verify.asking import Asking
    from wellhead.migration.verify.continuous import Round
    from wellhead.migration.verify.report import Report
    from wellhead.migration.verify.spans import Span
    from wellhead.migration.verify.verifying import Verifying, Wanted

_INCOMPARABLE = 2


@click.command()
@scope_options
@rule_options
@pace_options
@watch_options
@kafka_options
def verify(**given: Any) -> None:
    r"""Compare two stores: counts, digests over every client's day, rankings, whole documents, and what the read API says.

    A store is a name under attacks.<name>.stores, the path of a YAML file with the words of one store, or an address that needs no login.
    What differs is narrowed down from client and day to hours, documents and fields, and looked at again after --settle seconds, so that
    neither refresh nor documents that change meanwhile are taken for differences. Nothing is written to either store.
    Exit 0: equal; 1: different; 2: they could not be compared, or only in part.

    \b
    Examples:
      wellhead verify --from old --to new -c attacks.yaml
      wellhead verify --from old --to new --clients 12,100-199 --from-date 2026-01-01 --to-date 2026-02-01 -c attacks.yaml
      wellhead verify --from old --to new --mapping legacy.yaml --method read --max-docs-per-sec 5000 -c attacks.yaml
      wellhead verify --from old --to new --continuous --window 60 --settle 10 -c attacks.yaml
    """
    stop = threading.Event()
    with stopped_by_signals(stop):
        code = _run(given, stop)
    if code:
        raise SystemExit(code)


def _run(given: dict[str, Any], stop: threading.Event) -> int:
    from wellhead.clock import SystemClock  # noqa: PLC0415 - the verb is listed without loading what it runs

    clock = SystemClock()
    left, right = _opened(given, clock, stop)
    try:
        verifying = _verifying(given, left, right, clock, stop)
        return _watch(given, verifying, clock, stop) if given["continuous"] else _once(given, verifying, clock)
    finally:
        left.store.close()
        right.store.close()


def _opened(given: dict[str, Any], clock: Clock, stop: threading.Event) -> tuple[Asking, Asking]:
    from wellhead.migration.copy.job import Caps  # noqa: PLC0415
    from wellhead.migration.stores import find_store, named_stores  # noqa: PLC0415
    from wellhead.migration.verify.asking import Asking  # noqa: PLC0415
    from wellhead.search.store import SearchStore  # noqa: PLC0415

    stores = {}
    if given["files"]:
        from wellhead.config.load import load  # noqa: PLC0415
        from wellhead.telemetry.logs import configure  # noqa: PLC0415

        deployment = load(given["files"], overrides=given["overrides"], environ=os.environ)
        configure(deployment.worker.log_level, "console", deployment.secrets())
        stores = named_stores(deployment.attacks)
    caps = Caps(docs_per_sec=given["max_docs_per_sec"], searches=given["parallel"])

    def opened(option: str, name: str) -> Asking:
        settings = find_store(name, stores, os.environ, option=option)
        return Asking(SearchStore(settings, name=name, clock=clock), caps, clock, stop.wait)

    return opened("--from", given["source"]), opened("--to", given["target"])


def _verifying(given: dict[str, Any], left: Asking, right: Asking, clock: Clock, stop: threading.Event) -> Verifying:
    from random import Random  # noqa: PLC0415

    from wellhead.errors import ConfigError, Problem  # noqa: PLC0415
    from wellhead.migration.copy.mappings import load_mapping  # noqa: PLC0415
    from wellhead.migration.verify.rules import rules_of  # noqa: PLC0415
    from wellhead.migration.verify.verifying import Verifying  # noqa: PLC0415

    mapping = load_mapping(given["mapping"])
    left_out = {kind: None for kind, _ in mapping.layouts() if given["kinds"] and kind not in given["kinds"]}
    if len(left_out) == len(dict(mapping.layouts())):
        raise ConfigError(
            "verify", [Problem("--kind", f"the mapping {given['mapping']} says nothing of {', '.join(given['kinds'])}")]
        )
    return Verifying(
        left,
        right,
        mapping=mapping.model_copy(update=left_out),
        rules=rules_of(given["ignored"], given["unordered"], given["times"]),
        clock=clock,
        pause=stop.wait,
        random=Random(given["seed"]),  # noqa: S311 - samples, no secrets
    )


def _wanted(given: dict[str, Any], span: Span) -> Wanted:
    from wellhead.migration.copy.clients import parse_clients  # noqa: PLC0415
    from wellhead.migration.verify.comparing import Sizes  # noqa: PLC0415
    from wellhead.migration.verify.verifying import Wanted  # noqa: PLC0415

    same = ("method", "settle_secs", "looks", "sampled", "top", "api_clients", "shown")
    return Wanted(parse_clients(given["clients"]), span, sizes=Sizes(given["parallel"]), **{name: given[name] for name in same})


def _span(given: dict[str, Any], verifying: Verifying) -> Span | None:
    """Give the span that is asked for, its open ends filled in by what the stores hold."""
    from wellhead.errors import ConfigError, Problem  # noqa: PLC0415
    from wellhead.migration.verify.spans import Span  # noqa: PLC0415

    first_ms, end_ms = given["from_ms"], given["to_ms"]
    if first_ms is None or end_ms is None:
        held = verifying.extent()
        if held is None:
            return None
        first_ms = held.first_ms if first_ms is None else first_ms
        end_ms = max(held.end_ms, first_ms + 1) if end_ms is None else end_ms
        first_ms = min(first_ms, end_ms - 1) if given["from_ms"] is None else first_ms
    if first_ms >= end_ms:
        raise ConfigError("verify", [Problem("--to-date", "must be after --from-date; it is not included itself")])
    return Span(first_ms, end_ms)


def _once(given: dict[str, Any], verifying: Verifying, clock: Clock) -> int:
    from wellhead.errors import ConfigError, WellheadError  # noqa: PLC0415
    from wellhead.migration.verify.asking import Stopped  # noqa: PLC0415
    from wellhead.migration.verify.show import shown  # noqa: PLC0415
    from wellhead.migration.verify.table import lines_of  # noqa: PLC0415

    try:
        span = _span(given, verifying)
        if span is None:
            click.echo("NOT COMPARED: neither store holds any document. Look at --from, --to and index.prefix")
            return _INCOMPARABLE
        with shown(clock, live=sys.stderr.isatty()) as (progress, expect):
            report = verifying.run(_wanted(given, span), progress, expect)
    except Stopped:
        click.echo("stopped before there was a result", err=True)
        return STOPPED
    except ConfigError:
        raise
    except WellheadError as error:
        click.echo(f"NOT COMPARED: {error}")
        return _INCOMPARABLE
    click.echo("\n".join(lines_of(report)))
    _store(report, given["report_path"])
    return report.exit_code


def _watch(given: dict[str, Any], verifying: Verifying, clock: Clock, stop: threading.Event) -> int:
    from wellhead.migration.verify.continuous import Pace, watch  # noqa: PLC0415

    pace = Pace(given["window_secs"], given["lookback_secs"], given["settle_secs"], given["rounds"])

    def tell(found: Round) -> None:
        click.echo(json.dumps(found.fields()))
        _store(found.report, given["report_path"], quiet=True)

    last = watch(verifying, _wanted(given, pace.span(clock.now_ms())), pace, clock=clock, pause=stop.wait, tell=tell)
    return STOPPED if last is None else last.exit_code


def _store(report: Report, path: Path, *, quiet: bool = False) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(report.fields(), indent=1) + "\n")
        part.replace(path)
    except OSError as error:
        click.echo(f"the report cannot be written to {path}: {(error.strerror or 'unknown error').lower()}", err=True)
    else:
        if not quiet:
            click.echo(f"report: {path}", err=True)
