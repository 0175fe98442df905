"""Gives one stream's task with everything that ends with it, and what `/health` says of it; never runs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wellhead.http import HttpClient
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.ledger import Ledger
from wellhead.runtime.quota import ConnectorQuota
from wellhead.runtime.supervise import TaskSupervisor
from wellhead.telemetry.metrics import TaskTelemetry


@dataclass(frozen=True, slots=True)
class AssembledTask:
    """A task and what must be closed with it."""

    identity: TaskIdentity
    topic: str
    supervisor: TaskSupervisor
    telemetry: TaskTelemetry
    ledger: Ledger
    http: HttpClient
    quota: ConnectorQuota

    async def aclose(self) -> None:
        """Let go of sockets, threads and metrics; the task has ended."""
        await self.http.aclose()
        self.ledger.shutdown()
        self.quota.leave()
        self.telemetry.close()

    def health(self, now_ms: int, worker_id: str) -> dict[str, Any]:
        """Give what `/health` says of this task; ages are seconds, None where there is nothing yet."""
        state, counts, quota = self.supervisor.state(), self.telemetry.snapshot(), self.quota.now()
        due_ms = state.next_poll_ms
        return {
            "id": self.identity.task,
            "stream": self.identity.stream.name,
            "tenant": self.identity.tenant,
            "topic": self.topic,
            "state": state.state.value,
            "message": state.message,
            "worker_id": worker_id,
            "cursor_age_secs": counts.age_secs(counts.cursor_moved_ms),
            "newest_event_age_secs": counts.age_secs(counts.newest_event_ms),
            "last_poll_age_secs": counts.age_secs(counts.last_poll_ms),
            "next_poll_in_secs": None if due_ms is None else max(0, due_ms - now_ms) / 1000,
            "records": counts.written_records,
            "rejects": counts.rejects,
            "filtered": counts.filtered,
            "api_calls": counts.api_calls,
            "quota_remaining": quota.remaining,
            "budget_ends_in_secs": None if quota.ends_in_secs is None else round(quota.ends_in_secs),
            "budget_group": None if quota.group is None else asdict(quota.group),
        }
