"""Takes where the groups stand and what a health page says, gives the state of every part to people and machines; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.deployment import Deployment
from wellhead.consumers.asking import UntilSilence
from wellhead.consumers.attacks.parts import Reader, readers_of
from wellhead.consumers.watch import Probe
from wellhead.errors import PermanentError, TemporaryError

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def status_of(deployment: Deployment, probe: Probe, health: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Give the state of all parts as a JSON object; `wrong` is empty when all is well.

    Args:
        deployment: Which parts there are, in all processes together.
        probe: Looks up where their groups stand.
        health: What the health page of one process says; empty where none answered.
        clock: The time that waiting is counted by.
    """
    kafka = UntilSilence(probe)
    return {
        "attacks": [
            {
                "attacks": settings.name,
                "parts": [_part(settings, reader, kafka, health, clock) for reader in readers_of(settings, deployment.worker)],
            }
            for settings in deployment.attacks
        ]
    }


def _part(
    settings: AttacksSettings, reader: Reader, kafka: UntilSilence, health: Mapping[str, Any], clock: Clock
) -> dict[str, Any]:
    told = _told(reader, health)
    shown: dict[str, Any] = {
        "part": reader.name,
        "reads": reader.topic,
        "consumer_group": reader.group,
        "state": told.get("state", "unknown"),
        "lag_records": None,
        "lag_secs": None,
        "open_attacks": told.get("open_attacks"),
        "last_error": (told.get("last_error") or {}).get("message"),
        "wrong": [],
    }
    wrong: list[str] = shown["wrong"]
    if shown["state"] in {"waiting", "failed", "rebuilding"}:
        wrong.append(f"{reader.name} is {shown['state']}: {told.get('message') or 'see its log'}")
    try:
        places = kafka.places(reader.group, reader.topic, start=reader.start)
    except (TemporaryError, PermanentError) as error:
        wrong.append(str(error))
        return shown
    if places is None:
        wrong.append(f"{reader.name}: topic {reader.topic!r} does not exist (yet)")
        return shown
    lags = [place.lag(clock.now_ms()) for place in places.values()]
    shown["lag_records"] = sum(records for records, _ in lags)
    shown["lag_secs"] = max((secs for _, secs in lags), default=0.0)
    if shown["lag_secs"] > settings.alert_lag_secs:
        wrong.append(f"{reader.name} is {_age(shown['lag_secs'])} behind, more than alert.lag.secs: see docs/guide/attacks.md")
    return shown


def _told(reader: Reader, health: Mapping[str, Any]) -> Mapping[str, Any]:
    entry = health.get("attacks", {}).get(reader.attacks, {})
    told: Mapping[str, Any] = entry.get("stores", {}).get(reader.store, {}) if reader.store else entry.get("group", {})
    return told


def table_of(state: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of the table, and what is wrong below it."""
    head = ("part", "state", "behind", "waiting for", "open attacks", "last error")
    parts: Sequence[Mapping[str, Any]] = [part for entry in state["attacks"] for part in entry["parts"]]
    rows = [
        (
            str(part["part"]),
            str(part["state"]),
            "-" if part["lag_records"] is None else f"{part['lag_records']:,}",
            "-" if part["lag_secs"] is None else _age(part["lag_secs"]),
            "-" if part["open_attacks"] is None else f"{part['open_attacks']:,}",
            part["last_error"] or "-",
        )
        for part in parts
    ]
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        cells = (
            cell.rjust(width) if at in {2, 3, 4} else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
    yield from dict.fromkeys(f"! {text}" for part in parts for text in part["wrong"])


def _age(secs: float) -> str:
    size, unit = next(((size, unit) for size, unit in _UNITS if secs >= size), (1, "s"))
    return f"{secs / size:.1f} {unit}"
