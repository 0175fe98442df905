"""Takes where the groups stand, what is known of gateways and a health page, gives the state of every watch; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellhead.clock import Clock
from wellhead.config.deployment import Deployment
from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.asking import UntilSilence
from wellhead.consumers.floods.explain import age, aligned, headline
from wellhead.consumers.floods.known import GatewayView
from wellhead.consumers.floods.parts import readers_of
from wellhead.consumers.parts import Reading
from wellhead.consumers.watch import Probe
from wellhead.errors import PermanentError, TemporaryError

Looked = Sequence[GatewayView] | TemporaryError | PermanentError
"""What is known of the gateways of a watch, or why it could not be read."""


def status_of(
    deployment: Deployment, probe: Probe, looked: Mapping[str, Looked], health: Mapping[str, Any], clock: Clock
) -> dict[str, Any]:
    """Give the state of all watches as a JSON object; every `wrong` is empty when the watching itself is well.

    Args:
        deployment: Which watches there are, in all processes together.
        probe: Looks up where their groups stand.
        looked: What is known of the gateways, by watch.
        health: What the health page of one process says; empty where none answered.
        clock: The time that waiting is counted by.
    """
    looking = _Looking(probe, health, clock)
    return {
        "floods": [looking.watch(settings, deployment.worker, looked[settings.name]) for settings in deployment.floods],
    }


class _Looking:
    """Asks Kafka and the health page about one watch after the other."""

    def __init__(self, probe: Probe, health: Mapping[str, Any], clock: Clock) -> None:
        self._probe = UntilSilence(probe)
        self._health = health
        self._clock = clock

    def watch(self, settings: FloodsSettings, worker: WorkerSettings, looked: Looked) -> dict[str, Any]:
        """Give the state of a watch."""
        told = self._health.get(settings.name, {})
        shown = [self._topic(reader, settings, told) for reader in readers_of(settings, worker)]
        wrong = [text for _, found in shown for text in found]
        bypass = told.get("bypass") or {}
        if bypass.get("state") in {"waiting", "failed"}:
            wrong.append(f"{settings.name}/bypass is {bypass['state']}: {bypass.get('message') or 'see its log'}")
        gateways: Sequence[GatewayView] = ()
        if isinstance(looked, (TemporaryError, PermanentError)):
            wrong.append(str(looked))
        else:
            gateways = looked
        file = settings.bypass.file
        return {
            "watch": settings.name,
            "topics": [topic for topic, _ in shown],
            "bypass": None if file is None else {"file": str(file), "entries": bypass.get("entries")},
            "gateways": [_gateway(each, self._clock.now_ms()) for each in gateways],
            "wrong": list(dict.fromkeys(wrong)),
        }

    def _topic(
        self, reader: Reading, settings: FloodsSettings, health: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Sequence[str]]:
        """Give the state of a topic, and what is wrong with watching it."""
        told: Mapping[str, Any] = health.get("topics", {}).get(reader.topic, {})
        shown: dict[str, Any] = {
            "reads": reader.topic,
            "consumer_group": reader.group,
            "state": told.get("state", "unknown"),
            "lag_records": None,
            "lag_secs": None,
            "last_error": (told.get("last_error") or {}).get("message"),
        }
        wrong: list[str] = []
        if shown["state"] in {"waiting", "failed"}:
            wrong.append(f"{reader.name} is {shown['state']}: {told.get('message') or 'see its log'}")
        try:
            places = self._probe.places(reader.group, reader.topic, start=reader.start)
        except (TemporaryError, PermanentError) as error:
            return shown, [*wrong, str(error)]
        if places is None:
            return shown, [*wrong, f"{reader.name}: topic {reader.topic!r} does not exist (yet)"]
        lags = [place.lag(self._clock.now_ms()) for place in places.values()]
        shown["lag_records"] = sum(records for records, _ in lags)
        shown["lag_secs"] = max((secs for _, secs in lags), default=0.0)
        if shown["lag_secs"] > settings.alert_lag_secs:
            behind = age(shown["lag_secs"])
            wrong.append(f"{reader.name} is {behind} behind, more than alert.lag.secs: see docs/guide/floods.md")
        return shown, wrong


def _gateway(view: GatewayView, now_ms: int) -> dict[str, Any]:
    return {
        "gateway": view.gateway,
        "topic": view.topic,
        "heard_secs": max(0, now_ms - view.last_ms) / 1000,
        "totals": dict(view.totals),
        "findings": [
            {
                "id": each.id,
                "headline": headline(each),
                "detector": each.detector,
                "family": each.family,
                "count": each.count,
                "share": each.share,
                "since": each.since_ms,
                "for_secs": max(0, now_ms - each.since_ms) / 1000,
                "suggestion": each.suggestion.action,
                "entry": each.suggestion.entry,
            }
            for each in view.open
        ],
    }


def table_of(state: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of the tables, and what is wrong below them."""
    watches: Sequence[Mapping[str, Any]] = state["floods"]
    yield from aligned(
        ("watch", "topic", "state", "behind", "waiting for", "last error"),
        [_topic_row(watch["watch"], topic) for watch in watches for topic in watch["topics"]],
    )
    gateways = [gateway for watch in watches for gateway in watch["gateways"]]
    if gateways:
        yield ""
        yield from aligned(
            ("gateway", "topic", "heard", "established", "to destinations", "open findings"), [_row(each) for each in gateways]
        )
    findings = [finding for gateway in gateways for finding in gateway["findings"]]
    if findings:
        yield ""
        yield from aligned(
            ("finding", "for", "what", "advice"),
            [
                (
                    each["id"],
                    age(each["for_secs"]),
                    each["headline"],
                    " ".join(filter(None, (each["suggestion"], each["entry"]))),
                )
                for each in findings
            ],
        )
        yield "more of each, and what to do: wellhead floods explain FINDING FILES"
    yield from dict.fromkeys(f"! {text}" for watch in watches for text in watch["wrong"])


def _topic_row(watch: str, topic: Mapping[str, Any]) -> tuple[str, ...]:
    records, secs = topic["lag_records"], topic["lag_secs"]
    behind = "-" if records is None else f"{records:,}"
    waiting = "-" if secs is None else age(secs)
    return (watch, str(topic["reads"]), str(topic["state"]), behind, waiting, topic["last_error"] or "-")


def _row(gateway: Mapping[str, Any]) -> tuple[str, ...]:
    totals = gateway["totals"]
    numbers = (f"{totals[name]:,}" if name in totals else "-" for name in ("established", "upstream"))
    name = gateway["gateway"] or "(no name)"
    return (name, gateway["topic"], f"{age(gateway['heard_secs'])} ago", *numbers, str(len(gateway["findings"])))
