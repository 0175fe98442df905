"""Stores for unit tests of the read API: they answer what they are told to, remember what they were asked, and may fail."""

import random
from collections.abc import Mapping
from typing import Any, Self

from wellhead.config.attacks import AttacksSettings
from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.api.answering import Answering
from wellhead.consumers.attacks.api.backend import Backend
from wellhead.consumers.attacks.api.mirror import Mirror
from wellhead.consumers.attacks.api.queries import Reader
from wellhead.consumers.attacks.api.switches import Switches
from wellhead.telemetry.attackreads import ReadTally

FOUND = {
    "id": "202602:9f86d081884c7d659a2feaa0",
    "client_id": 4242,
    "last_time": 1_769_905_200_000,
    "time": 1_769_905_200_000,
    "attack_id": "202602:9f86d081884c7d659a2feaa0",
    "version": 3,
}


class ScriptedStore:
    """Answers every search with `documents`, every count with them by `buckets`."""

    def __init__(self, *documents: Mapping[str, Any], error: Exception | None = None) -> None:
        self.settings = StoreSettings(url="http://127.0.0.1:1")
        self.documents = list(documents)
        self.buckets: list[dict[str, Any]] = []
        self.error = error
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.more: dict[str, Any] = {}

    def search(self, index: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((index, dict(body)))
        if self.error is not None:
            raise self.error
        keys = [next(iter(each)) for each in body.get("sort", ())]
        hits = [{"_source": dict(each), "sort": [each.get(key) for key in keys]} for each in self.documents]
        return {
            "hits": {"total": {"value": len(hits)}, "hits": hits[: body["size"]]},
            **({"aggregations": {"by": {"buckets": self.buckets}}} if "aggs" in body else {}),
            **self.more,
        }


def attacks_settings(**serve: Any) -> AttacksSettings:
    return AttacksSettings.model_validate(
        {
            "name": "wallarm",
            "topic": "wallarm.hit",
            "rules": "wallarm/basic",
            "redis": {"url": "redis://127.0.0.1:1/0"},
            "stores": {"primary": {"url": "http://127.0.0.1:1"}, "second": {"url": "http://127.0.0.1:2"}},
            "serve": {"reads.from": "primary", "mirror.to": "second", **serve},
        }
    )


class Rig:
    """An API's inside over scripted stores; made and used on one event loop."""

    def __init__(self, clock, stores: Mapping[str, ScriptedStore], **serve: Any) -> None:
        self.tally = ReadTally("wallarm", lambda secs, labels: None)
        self.settings = attacks_settings(**serve)
        self.switches = Switches(self.settings, lambda: self.settings, (), clock, self.tally)
        self.mirror = Mirror(self.tally, clock)
        self.backends = {name: Backend(name, Reader(store), clock) for name, store in stores.items()}
        self.answering = Answering(
            backends=self.backends,
            switches=self.switches,
            mirror=self.mirror,
            tally=self.tally,
            clock=clock,
            random=random.Random(7),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.mirror.close()
        for backend in self.backends.values():
            backend.close()
