"""Takes what was found, gives what a person can do about it now; changes no gateway."""

from __future__ import annotations

from collections.abc import Sequence

from wellhead.consumers.floods.families import ALL, address_of, family_of
from wellhead.consumers.floods.findings import Suggestion
from wellhead.consumers.floods.measures import Measure


def advise(measure: Measure, members: Sequence[str]) -> Suggestion:
    """Give the suggestion for a measure that is too large.

    Args:
        measure: It.
        members: Names and addresses that were counted. A family is let past only where all names are its own: what shares addresses with
            it may be a stranger at the same host, and who lets one past must not let the other.
    """
    family, count = measure.family, measure.count
    if family == ALL:
        return _of_gateway(measure)
    if measure.detector == "growth":
        rate = f"{measure.growth_per_min or 0:.0f} connections a minute"
        return Suggestion(
            "watch",
            None,
            f"{family} grows by {rate}. Look again in some minutes; if it goes on, limit {family} at the gateway.",
        )
    if address_of(family) is not None:
        text = f"Limit connections to {family} at the gateway, that address alone and not all traffic; its names do not tell whose it is."
        return Suggestion("limit_destination", family, text)
    if measure.detector == "established":
        return Suggestion(
            "limit_destination",
            family,
            f"Limit connections to {family} at the gateway (there are {count}), that destination alone.",
        )
    strangers = [name for name in members if address_of(name) is None and family_of(name).name != family]
    if strangers:
        text = f"{family} and {strangers[0]} stand behind the same addresses, and connections do not tell whose they are. Find out which it is (the gateway's access log names it), then limit that one alone; let neither past before."
        return Suggestion("limit_destination", None, text)
    what = {
        "share": f"holds {measure.share:.0%} of the connections to destinations",
        "idle": f"holds {count} connections on which nothing moves",
        "orphaned": f"is held open by {count} connections without a client",
    }[measure.detector]
    text = f"{family} {what}. Let the gateway's content filter pass {family} by (bypass), then end the connections that are left, or restart the filter."
    return Suggestion("bypass", family, text)


def _of_gateway(measure: Measure) -> Suggestion:
    if measure.detector == "orphaned":
        text = f"{measure.count} upstream connections have no client and no destination stands out: the gateway does not close what its clients left."
        return Suggestion("watch", None, f"{text} Restart its filter in a quiet minute, and watch whether they come again.")
    text = f"{measure.count} connections are established. If no destination stands out (see the other findings), this is its usual load: raise total.max."
    return Suggestion("raise_limit", None, text)
