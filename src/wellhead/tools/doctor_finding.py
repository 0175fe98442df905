"""Gives what a check of `wellhead doctor` found as a value, and findings as lines; never checks anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

Status = Literal["ok", "warn", "fail", "skip"]

ORDER: Final[tuple[Status, ...]] = ("fail", "warn", "skip", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        status: ok, warn (works, but not as it should), fail (will not work), skip (nobody can tell from here).
        check: What was looked at: config, kafka, rights, topic, registry, clock, disk, redis, store, credentials.
        where: Which of them: an address, a topic, a folder, a connector.
        message: What was found.
        advice: The next step; empty where all is well.
    """

    status: Status
    check: str
    where: str
    message: str
    advice: str = ""

    def scrubbed(self, scrub: Scrub) -> Finding:
        """Give it without secrets."""
        return replace(self, message=scrub(self.message), where=scrub(self.where))

    def told(self) -> dict[str, str]:
        """Give it for machines."""
        return asdict(self)


class Scrub:
    """Takes secrets out of a text.

    Args:
        secrets: What must not be shown.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = list(secrets)

    def __call__(self, text: str) -> str:
        from wellhead.config.secrets import scrub  # noqa: PLC0415 - the verb is listed without loading what it does

        return scrub(text, self._secrets)


def worst(findings: Iterable[Finding]) -> Status:
    """Give the status that counts for all of them; what was skipped counts as ok."""
    found = {finding.status for finding in findings}
    return next((status for status in ORDER if status in found and status != "skip"), "ok")


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Give findings for people, each with its next step below."""
    for finding in findings:
        yield f"{finding.status:<5} {finding.check:<12} {finding.where}: {finding.message}"
        if finding.advice:
            yield f"{'':<19}-> {finding.advice}"
