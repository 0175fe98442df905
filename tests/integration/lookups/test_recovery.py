"""What happens when a run is killed, a topic is lost, or the process is told to stop."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import duckdb
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

CRASHING = Path(__file__).parent / "crashing.py"


def killed_at(lookup, number: int) -> list[str]:
    """Run once, to be killed at a step; give the steps that were reached."""
    lookup.write()
    done = subprocess.run(
        [sys.executable, str(CRASHING), str(number), str(lookup.file)], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == (-signal.SIGKILL if number else 0), done.stderr
    return done.stdout.split()


def test_a_kill_between_any_two_steps_loses_nothing(lookup, truth, made):
    """After SIGKILL at every step of a run, seen from outside the target is never torn, and the next run makes it exactly right."""
    lookup.words["files"] = "threatstream/ip"
    truth.write(*(made(at, f"192.0.2.{at}", ip=f"192.0.2.{at}") for at in range(1, 50)))
    lookup.once()
    steps = [""]
    for number in range(1, 30):
        former = truth.rows("ip")
        truth.write(made(number, f"192.0.2.{number}", update_id=1_000 + number, confidence=number), gone=(50 - number,))
        steps = killed_at(lookup, number)
        assert lookup.rows("ip") in (former, truth.rows("ip")), steps[-1]
        if steps[-1] == "delivered":
            break
        lookup.once()
        assert lookup.rows("ip") == truth.rows("ip"), steps[-1]
    told = {"state_opened", "caught_up", "rows_written", "file_named", "manifest_written", "target_said_yes", "delivered"}
    assert told <= set(steps)
    lookup.once()
    assert lookup.rows("ip") == truth.rows("ip")
    assert not [path.name for folder in (lookup.out, lookup.there) for path in folder.iterdir() if path.name.startswith(".")]


def cursors(lookup) -> dict[str, str | None]:
    """Give the newest value of each key of the offsets topic, read by a plain client."""
    consumer = Consumer(
        {
            "bootstrap.servers": lookup.worker["kafka"]["bootstrap.servers"],
            "group.id": "look",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(lookup.worker["offset.storage.topic"], 0, 0)])
    found: dict[str, str | None] = {}
    while True:
        message = consumer.poll(20)
        assert message is not None
        if message.error():
            consumer.close()
            return found
        found[message.key().decode()] = message.value().decode() if message.value() is not None else None


@pytest.fixture
def connector(lookup, truth):
    """Cursors as a connector would have left them."""
    topic = lookup.worker["offset.storage.topic"]
    truth.admin.create_topics([NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})])[topic].result(20)
    producer = Producer({"bootstrap.servers": lookup.worker["kafka"]["bootstrap.servers"]})
    for stream in ("ip", "domain"):
        producer.produce(topic, b'{"update_id":77}', f'["ts-acme",{{"stream":"{stream}","tenant":"acme"}}]'.encode())
    producer.produce(topic, b'{"update_id":5}', b'["ts-acme", {"tenant": "acme"}]')
    producer.produce(topic, b'{"update_id":5}', b'["ts-acme",{"stream":"ip","tenant":"other"}]')
    assert producer.flush(20) == 0


def test_a_deleted_topic_resets_the_cursor_of_the_lost_type_once(lookup, truth, made, connector):
    """The file at the target stays, its stream's cursor and the one without a stream become null, once; then everything comes back."""
    lookup.words |= {"files": "threatstream/ip", "source.connector": "ts-acme", "source.tenant": "acme"}
    truth.write(*(made(at, f"192.0.2.{at}") for at in range(1, 10)))
    lookup.once()
    whole = lookup.rows("ip")
    truth.delete()
    time.sleep(1)
    truth.make()
    told = lookup.once(code=1)
    assert "cursor_reset" in told
    assert cursors(lookup) == {
        '["ts-acme",{"stream":"ip","tenant":"acme"}]': None,
        '["ts-acme", {"tenant": "acme"}]': None,
        '["ts-acme",{"tenant":"acme"}]': None,
        '["ts-acme",{"stream":"domain","tenant":"acme"}]': '{"update_id":77}',
        '["ts-acme",{"stream":"ip","tenant":"other"}]': '{"update_id":5}',
    }
    assert lookup.rows("ip") == whole
    assert "cursor_reset" not in lookup.once(code=1)
    assert "was reset, once" in lookup.status()["wrong"][0]
    truth.write(*(made(at, f"192.0.2.{at}", update_id=at + 100, confidence=1) for at in range(1, 10)))
    lookup.once()
    assert lookup.rows("ip") == truth.rows("ip")


def test_without_a_topic_the_state_still_serves(lookup, truth, made):
    """While the topic cannot be read a deleted file comes back from the state, and the trouble is told."""
    lookup.words["files"] = "threatstream/ip"
    truth.write(*(made(at, f"192.0.2.{at}") for at in range(1, 10)))
    lookup.once()
    whole = lookup.rows("ip")
    (lookup.there / "anomali_threatstream_ip.csv").unlink()
    truth.delete()
    time.sleep(1)
    assert "could not be read" in lookup.once(code=1)
    assert lookup.rows("ip") == whole


def answer(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def until(condition, secs=30.0):
    deadline = time.monotonic() + secs
    while not (found := condition()):
        assert time.monotonic() < deadline, "never came"
        time.sleep(0.1)
    return found


def test_the_service_keeps_files_current_and_stops_at_once(lookup, truth, made, free_port):
    """It runs by its interval, tells health and metrics, turns unhealthy while a file is held back, and ends within 5 s of SIGTERM."""
    lookup.worker["listeners"] = f"http://127.0.0.1:{free_port}"
    lookup.words |= {"files": "threatstream/ip", "run.interval.secs": 1}
    truth.write(*(made(at, f"192.0.2.{at}") for at in range(1, 10)))
    process = lookup.start("lookup", "run")
    try:
        until(lambda: answer(f"http://127.0.0.1:{free_port}/health")[0] == 200)
        assert lookup.rows("ip") == truth.rows("ip")
        truth.write(made(50, "192.0.2.50"))
        until(lambda: lookup.rows("ip") == truth.rows("ip"))
        truth.write(gone=tuple(range(1, 10)))
        code, text = until(lambda: (found := answer(f"http://127.0.0.1:{free_port}/health"))[0] == 500 and found)
        assert (code, json.loads(text)["lookups"]["ti"]["alerts"]) == (500, ["shrunk"])
        page = answer(f"http://127.0.0.1:{free_port}/metrics")[1]
        assert 'wellhead_lookup_alert{wellhead_alert="shrunk",wellhead_lookup="ti"} 1.0' in page
        assert 'wellhead_lookup_file_rows{wellhead_lookup="ti",wellhead_lookup_file="anomali_threatstream_ip.csv"} 1.0' in page
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.communicate()


def test_a_second_service_on_one_state_is_told(lookup, truth, made):
    """Two writers of one state are refused with the reason, not mixed."""
    lookup.words |= {"files": "threatstream/ip", "run.interval.secs": 3600}
    truth.write(made(1, "192.0.2.1"))
    lookup.once()
    holder = duckdb.connect(str(lookup.folder / "state" / "state.duckdb"))
    try:
        told = lookup.once(code=1)
    finally:
        holder.close()
    assert "another process" in told.lower()
