"""Takes where Kafka is, says soon when it does not answer, and asks it until then; never waits twice for the same silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from wellhead.consumers.lag import Place
from wellhead.consumers.watch import Probe
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.admin import Admin
from wellhead.kafka.errors import recovery, refused, where

Silence = TemporaryError | PermanentError
"""Why Kafka says nothing."""


def silence_of(config: Mapping[str, Any], secs: float) -> Silence | None:
    """Give why Kafka does not answer within so many seconds; None where it does.

    For whoever asks by hand: what a service asks in the background may wait longer, and for each of several things.

    Args:
        config: What `settings.consumer_config` gives.
        secs: The longest wait.
    """
    admin = Admin(config)
    try:
        admin.client.list_topics(timeout=secs)
    except KafkaException:
        # What the call itself says is only that nobody answered; the connection knows why.
        cause, what = admin.cause(KafkaException(KafkaError(KafkaError._TIMED_OUT))), f"{where(config)} does not answer"  # noqa: SLF001
        if refused(cause) is not None:
            return recovery(cause, what)
        return TemporaryError(
            f"{what} ({cause.str()}). See that it runs, that this machine reaches it, and that kafka.bootstrap.servers names it; "
            f"then ask again, or wait longer than {secs:g} s with --timeout"
        )
    finally:
        admin.close()
    return None


class UntilSilence:
    """A probe that asks another one until Kafka does not answer: the next question would only wait for the same.

    Args:
        probe: Who is asked.
        silence: Why Kafka does not answer, where that is known already.
    """

    def __init__(self, probe: Probe, silence: Silence | None = None) -> None:
        self._probe = probe
        self._silence = silence

    def places(self, group: str, topic: str, *, start: str = "earliest") -> dict[int, Place] | None:
        """Give where a group stands in each partition; None where there is no such topic.

        Raises:
            TemporaryError: Kafka does not answer, or did not before.
            PermanentError: Likewise, and it will not by itself.
        """
        if self._silence is not None:
            raise self._silence
        try:
            return self._probe.places(group, topic, start=start)
        except (TemporaryError, PermanentError) as error:
            self._silence = error
            raise

    def close(self) -> None:
        """Close the connections."""
        self._probe.close()
