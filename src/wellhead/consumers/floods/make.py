"""Takes what a part is and its settings, gives the flow or the keeper of a bypass file it becomes, and closes what was opened for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, get_args

from wellhead.config.floods import FloodsSettings
from wellhead.config.model import Settings
from wellhead.consumers.floods.bypass import BypassKeeper
from wellhead.consumers.floods.detector import Detector
from wellhead.consumers.floods.findings import Source
from wellhead.consumers.floods.flow import Flow
from wellhead.consumers.floods.limits import DestinationLimits, FloodLimits, matches
from wellhead.consumers.floods.parts import Surroundings
from wellhead.consumers.supervise import Runs
from wellhead.telemetry.floods import BypassTally, FlowTally

SOURCES: Mapping[str, Source] = dict(zip(("connections", "requests"), get_args(Source), strict=True))
"""What the detector calls the kinds of topics."""


class RealMakers:
    """Makes the parts that talk to Kafka."""

    @contextmanager
    def flow(self, around: Surroundings, topic: str, tally: FlowTally) -> Iterator[Runs]:
        """Make what watches a topic."""
        settings = around.settings
        yield Flow(
            settings,
            around.worker,
            topic,
            source=SOURCES[settings.kind_of(topic)],
            detector_of=detectors(settings),
            clock=around.clock,
            stop=around.stop,
            tally=tally,
        )

    @contextmanager
    def bypass(self, around: Surroundings, tally: BypassTally) -> Iterator[Runs]:
        """Make what keeps the bypass file."""
        with closing(BypassKeeper(around.settings, around.worker, around.clock, around.stop, tally)) as keeper:
            yield keeper


def detectors(settings: FloodsSettings) -> Callable[[str], Detector]:
    """Give what makes the detector of a gateway."""
    return lambda gateway: Detector(gateway, limits_for(settings, gateway))


def limits_for(settings: FloodsSettings, gateway: str) -> FloodLimits:
    """Give what a gateway bears: the limits of the file, those of the first pattern that matches it, those of destinations."""
    destinations = tuple(DestinationLimits(each.match, **_given(each.limits)) for each in settings.destinations)
    limits = FloodLimits(**settings.limits.model_dump(by_alias=False), destinations=destinations)
    own = next((each.limits for each in settings.gateways if matches(each.match, gateway)), None)
    return limits if own is None else limits.changed(_given(own))


def _given(limits: Settings) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in limits.model_fields_set}
