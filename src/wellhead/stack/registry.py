"""Takes a prepared Apicurio and a folder, gives a schema registry that speaks Confluent's API, never one without BACKWARD checks."""

from dataclasses import dataclass
from pathlib import Path

from wellhead.stack.errors import StartError
from wellhead.stack.java import Java
from wellhead.stack.ports import LOOPBACK
from wellhead.stack.process import ServerProcess

START_SECS = 120.0
STOP_SECS = 10.0
ANSWER_SECS = 10.0
QUICK_START_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class RegistryDistribution:
    """An Apicurio that is ready to run: its Java, its unpacked runner jar and archive flags."""

    java: Java
    runner: Path
    archive_flags: tuple[str, ...] = ()


class SchemaRegistry:
    """An Apicurio registry that keeps its schemas in `folder` over restarts.

    Args:
        distribution: What to run.
        port: Where it listens on the loopback interface.
        folder: Where its log and database live.
        heap_mb: Its maximum heap in MiB.
    """

    def __init__(self, distribution: RegistryDistribution, port: int, folder: Path, heap_mb: int = 256) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}/apis/ccompat/v7"
        # The database file is written through: ids handed out must survive a SIGKILL, records refer to them.
        database = f"jdbc:h2:file:{folder / 'schemas'};WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE"
        argv = [
            str(distribution.java.path),
            f"-Xmx{heap_mb}m",
            *QUICK_START_FLAGS,
            *distribution.archive_flags,
            f"-Dquarkus.http.host={LOOPBACK}",
            f"-Dquarkus.http.port={port}",
            f"-DREGISTRY_DATASOURCE_URL={database}",
            # Its default opens 20 database connections before it serves.
            "-Dquarkus.datasource.jdbc.initial-size=1",
            "-Dquarkus.datasource.jdbc.min-size=1",
            "-jar",
            str(distribution.runner),
        ]
        self.process = ServerProcess("registry", argv, folder, _is_started)

    @property
    def pid(self) -> int | None:
        """The registry's pid; None while it is down."""
        return self.process.pid

    def spawn(self) -> None:
        """Start without waiting."""
        self.process.start()

    def wait_ready(self, timeout_secs: float = START_SECS) -> None:
        """Return once it serves and its global compatibility is BACKWARD (Apicurio's own default is NONE).

        Raises:
            StartError: it exited, was not ready in time, or refuses the setting.
        """
        import httpx  # noqa: PLC0415 - the command line imports this module for every verb

        self.process.wait_ready(timeout_secs)
        try:
            with httpx.Client(trust_env=False, timeout=ANSWER_SECS) as client:
                answer = client.put(f"{self.url}/config", json={"compatibility": "BACKWARD"})
                answer.raise_for_status()
        except httpx.HTTPError as error:
            raise StartError(
                f"registry at {self.url} started but did not accept BACKWARD compatibility ({error}). See {self.process.log_path}"
            ) from error

    def stop(self, timeout_secs: float = STOP_SECS) -> None:
        """Stop cleanly, by SIGKILL after `timeout_secs`."""
        self.process.stop(timeout_secs)

    def kill(self) -> None:
        """SIGKILL; returns once it is gone."""
        self.process.kill()

    def restart(self, timeout_secs: float = START_SECS) -> None:
        """Start again on the same port with the same schemas (a running one is stopped first); returns once ready."""
        self.stop()
        self.spawn()
        self.wait_ready(timeout_secs)

    def pause(self) -> None:
        """Freeze it (SIGSTOP)."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.process.resume()


def _is_started(log: str) -> bool:
    return "Listening on: http" in log
