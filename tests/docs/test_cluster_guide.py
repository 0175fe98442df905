"""What the pages about a group of workers tell a reader to send, set and look for is what the code takes and has."""

import json
import re
from pathlib import Path

import pytest

from wellhead.config.load import load_worker
from wellhead.config.single import load_connector
from wellhead.config.worker import WorkerSettings

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/guide/cluster.md"
PAGES = [GUIDE, ROOT / "docs/guide/coming-from-kafka-connect.md", ROOT / "docs/guide/rest.md", ROOT / "README.md"]
BODY = re.compile(r"(?:/connectors/(?P<name>[\w-]+)/config|/connectors) -d '(?P<json>\{.*?\})'", re.DOTALL)
TOPIC = re.compile(r"^\| `(?P<word>[\w.]+\.topic)` \(`(?P<default>[\w-]+)`\) \|", re.MULTILINE)
EVENT = re.compile(r"`(?P<event>[a-z]+_[a-z_]+)`")
WORKER = {"kafka.bootstrap.servers": "127.0.0.1:9092", "schema.registry.url": "http://127.0.0.1:8081"}


def worker():
    return load_worker([], overrides=[f"{word}={value}" for word, value in WORKER.items()], environ={})


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_bodies_are_connectors(page):
    """Each connector that a page tells to send can be loaded, once its references stand for something."""
    found = [(each["name"], json.loads(each["json"])) for each in BODY.finditer(page.read_text())]
    assert found
    for name, body in found:
        words = body.get("config", body)
        if "connector.class" not in words:
            continue  # a patch of one that is there
        plain = {word: re.sub(r"\$\{(env|file):[^}]+\}", "any-value", text) for word, text in words.items()}
        (loaded,) = load_connector(name or body["name"], plain, worker(), {})
        assert loaded.streams


def test_the_worker_of_the_guide(tmp_path):
    """The worker.yaml of the guide is one."""
    (text,) = re.findall(r"^```yaml\n(worker:\n.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    file = tmp_path / "worker.yaml"
    file.write_text(text)
    assert load_worker([file], environ={}).group_id == "wellhead"


def test_every_internal_topic_is_listed_with_its_default():
    """The table of topics names each option that names an internal topic, with the name it has by default."""
    told = {each["word"]: each["default"] for each in TOPIC.finditer(GUIDE.read_text())}
    fields = {name.replace("_", "."): field.default for name, field in WorkerSettings.model_fields.items()}
    assert told == {word: default for word, default in fields.items() if word.endswith(".topic")}


def test_log_events_of_the_guide_are_logged():
    """Each event in the table of log events is one that the code writes."""
    table = GUIDE.read_text().split("| log event |")[1].split("\n\n")[0]
    named = {event for line in table.splitlines() for event in EVENT.findall(line.split("|")[1] if "|" in line else "")}
    code = "".join(path.read_text() for path in (ROOT / "src/wellhead").rglob("*.py"))
    assert named
    assert not {event for event in named if f'"{event}"' not in code}
