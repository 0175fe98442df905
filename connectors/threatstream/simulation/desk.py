"""Takes a test's wishes for single indicators, gives them a life by hand: added, updated, deactivated, expired, visible late, gone.

Every change but a removal is one the vendor's clients can see: the id stays, the update_id is new and the highest of its type. An indicator
changed by hand is left alone by the rule from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.threatstream.simulation.byhand import GONE, Version
from connectors.threatstream.simulation.holdings import Holdings
from connectors.threatstream.simulation.pattern import ACTIVE, NEVER_MS, STATUSES
from connectors.threatstream.simulation.population import Population
from connectors.threatstream.simulation.render import id_of, number_of
from connectors.threatstream.simulation.rule import BYHAND_FIRST, Moment

Status = Literal["active", "inactive", "falsepos"]
_MS_PER_SEC = 1_000
_HASHES = {32: "MD5", 40: "SHA1", 64: "SHA256", 128: "SHA512"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Desk:
    """Changes single indicators.

    Args:
        holdings: What the vendor holds.
        at: Gives the moment it is.
    """

    def __init__(self, holdings: Holdings, at: Callable[[], Moment]) -> None:
        self._holdings = holdings
        self._at = at
        self._added = 0

    def add(
        self, group: str, value: str | None = None, *, expires_secs: float | None = None, late_secs: float = 0, **fields: Any
    ) -> int:
        """Add an indicator and give its id.

        Args:
            group: One of ip, domain, hash, url and email.
            value: Its value, which others may have too; by default one of its own.
            expires_secs: Seconds until it expires; None for never.
            late_secs: Seconds until it becomes visible; its update_id is that of now all the same.
            fields: The vendor's fields that are to be other than the rule has them, such as `confidence=5`.
        """
        population = self._holdings.populations[group]
        now_ms = self._at().now_ms
        self._added += 1
        number = BYHAND_FIRST + self._added
        given = {"created_ts": moment_text(now_ms), **_fields_of(group, value), **fields}
        end_ms = NEVER_MS if expires_secs is None else now_ms + round(expires_secs * _MS_PER_SEC)
        version = Version(population.next_uid(now_ms), self._visible_ms(late_secs), ACTIVE, end_ms, given)
        population.change(number, version)
        return id_of(number, group)

    def update(
        self, identifier: int, *, status: Status | None = None, ends_ms: int | None = None, late_secs: float = 0, **fields: Any
    ) -> int:
        """Change an indicator and give its new update_id; what is not named stays as it is.

        Raises:
            LookupError: There is no such indicator.
        """
        population, number = self._found(identifier)
        standing = population.one(number, self._at())
        if not len(standing):
            raise LookupError(f"there is no indicator {identifier}")
        newest = population.by_hand.newest(number)
        before = newest or Version(int(standing.uids[0]), 0, int(standing.statuses[0]), int(standing.ends_ms[0]), {})
        if newest is None:
            # Held as it stands from now on, so that the rule does not move it before a late change is visible.
            population.change(number, before)
        given = {**before.fields, **fields}
        place = before.status if status is None else STATUSES.index(status)
        end_ms = before.end_ms if ends_ms is None else ends_ms
        uid = population.next_uid(self._at().now_ms)
        population.change(number, Version(uid, self._visible_ms(late_secs), place, end_ms, given))
        return uid

    def deactivate(self, identifier: int, status: Status = "inactive", *, late_secs: float = 0) -> int:
        """Make an indicator inactive, or a false positive, and give its new update_id."""
        return self.update(identifier, status=status, late_secs=late_secs)

    def reactivate(self, identifier: int, *, late_secs: float = 0) -> int:
        """Make an indicator active again and give its new update_id."""
        return self.update(identifier, status="active", late_secs=late_secs)

    def expire(self, identifier: int, *, at_ms: int | None = None) -> int:
        """Set an indicator's end, to now unless told, and give its new update_id; its status stays as it is."""
        return self.update(identifier, ends_ms=self._at().now_ms if at_ms is None else at_ms)

    def remove(self, identifier: int) -> None:
        """Remove an indicator without a trace: no status, no update_id."""
        population, number = self._found(identifier)
        population.change(number, Version(population.next_uid(self._at().now_ms), self._visible_ms(0), GONE, 0, {}))

    def _found(self, identifier: int) -> tuple[Population, int]:
        found = number_of(identifier)
        if found is None:
            raise LookupError(f"there is no indicator {identifier}")
        return self._holdings.populations[found[0]], found[1]

    def _visible_ms(self, late_secs: float) -> int:
        return self._at().now_ms + round(late_secs * _MS_PER_SEC)


def moment_text(at_ms: int) -> str:
    """Write a moment as the vendor does."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields_of(group: str, value: str | None) -> dict[str, Any]:
    """Give the fields that follow from a value."""
    if value is None:
        return {}
    if group == "ip":
        kind = "ipv6" if ":" in value else "ip"
        return {"value": value, "ip": value, "type": kind, "itype": f"mal_{kind}"}
    if group == "hash":
        return {"value": value, "subtype": _HASHES.get(len(value))}
    return {"value": value}
