"""The simulator that stands beside the fake source: as much of it as describing it needs."""

from pydantic import Field

from wellhead.testing.simulator import SimulatorSettings

VENDOR = "fake"


class Settings(SimulatorSettings):
    events: int = Field(10, ge=0, description="Events to serve.")


def create(settings, clock=None):
    raise NotImplementedError
