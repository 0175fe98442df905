"""Takes a client's holdings, gives everything that can be read of it now, with the attack that made each hit; never looks at what was served."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.wallarm.simulation import attacks
from connectors.wallarm.simulation.holdings import FOREVER
from connectors.wallarm.simulation.quirks import BROKEN_FAULTS
from connectors.wallarm.simulation.render import Renderer
from connectors.wallarm.simulation.vectors import vectors_of
from wellhead.testing.truth import TruthRecord


def truth_of_vectors(renderer: Renderer, now_ms: int, *, values: bool) -> Iterator[TruthRecord]:
    """Give the hits as the newer API names and tells them; content faults do not show there."""
    holdings, tenant = renderer.holdings, str(renderer.holdings.client)
    for block in holdings.blocks(now_ms, FOREVER):
        hits = holdings.seen(block, now_ms)
        for at, told in enumerate(vectors_of(renderer, hits)):
            attack = {"_attack": f"{tenant}/{int(hits.attacks[at])}"}
            yield TruthRecord("hit", tenant, "record", (told["vector_id"],), told | attack if values else {})


def truth_of_hits(renderer: Renderer, now_ms: int, *, values: bool) -> Iterator[TruthRecord]:
    """Give the hits; the values of each name, as `_attack`, the attack it belongs to by the rule that made it, and what only details tell."""
    holdings, tenant = renderer.holdings, str(renderer.holdings.client)
    for block in holdings.blocks(now_ms, FOREVER):
        hits = holdings.seen(block, now_ms)
        struck = renderer.quirks.struck(hits.numbers)
        texts = renderer.texts(hits) if values else []
        for at, (number, time) in enumerate(zip(hits.numbers.tolist(), hits.times.tolist(), strict=True)):
            fault = struck.get(at, "")
            if fault in BROKEN_FAULTS:
                raw = renderer.texts(hits.pick(slice(at, at + 1)))[0]
                yield TruthRecord("hit", tenant, "broken", raw=raw, quirk=fault)
                continue
            identity = (":".join(holdings.hit_keys.of(number, time)),)
            told = renderer.known(texts[at], hits, at) if values else {}
            yield TruthRecord("hit", tenant, "record", identity, told, quirk=fault)


def truth_of_attacks(renderer: Renderer, now_ms: int, *, values: bool) -> Iterator[TruthRecord]:
    """Give the attacks, each as it stands."""
    holdings, tenant = renderer.holdings, str(renderer.holdings.client)
    for block in holdings.blocks(now_ms, FOREVER):
        for attack in attacks.attacks_of(renderer, block, now_ms, by_last=True):
            identity = (":".join(renderer.attack_id(attack.number)),)
            yield TruthRecord("attack", tenant, "record", identity, attacks.told(renderer, attack) if values else {})
