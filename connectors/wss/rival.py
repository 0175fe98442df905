"""Takes what the vendor answers, gives a report when only a second client on the tenant explains it; never fails the reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.wss.trailer import Trailer

if TYPE_CHECKING:
    from wellhead.api import Reporter
    from wellhead.clock import Clock

NO_TOKEN = "none"  # noqa: S105 - the vendor's word for having none
TOO_MANY_REQUESTS = 429
ADVICE = (
    "Another client pulls this tenant: find and stop it. WSS serves one client per tenant, "
    "so records may have gone to it that will not come here; let it read the topic instead."
)


class Rival:
    """Watches one tenant for the traces a second client leaves.

    Its only memory is when this task asked last, so that it takes neither its own earlier request for a rival's, nor the last one of whoever
    ran the task before: that one may have been told `done` and have died, or had to let go, before the cursor could say so.
    """

    def __init__(self, report: Reporter, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._asked_ms: int | None = None

    def watch_status(self, status: int, said: str, quiet_until_ms: int | None, quiet_secs: float) -> None:
        """Look at an answer's status, knowing what the vendor `said` before and how long it was to be left alone."""
        now_ms = self._clock.now_ms()
        silent = self._asked_ms is not None and now_ms - self._asked_ms >= quiet_secs * 1000
        self._asked_ms = now_ms
        if status == TOO_MANY_REQUESTS and said == "done" and quiet_until_ms is not None and silent:
            self._tell("The vendor says too many requests although this client kept its quiet period.", evidence="429")

    def watch_trailer(self, trailer: Trailer, token: str, said: str) -> None:
        """Look at an answer without an archive."""
        if trailer.archive_bytes or token == NO_TOKEN:
            return
        if trailer.token != token:
            self._tell("The vendor moved on to another token without sending data.", evidence="token")
        elif trailer.status == "done" and said == "more":
            self._tell("The vendor had promised more data and now has none.", evidence="done after more")

    def _tell(self, what: str, *, evidence: str) -> None:
        self._report("second_client", f"{what} {ADVICE}", evidence=evidence)
