"""Proves that a real Kafka Connect on our config, status and offsets topics reads what we write there, and we what it writes."""

from real_connect import FILE_SOURCE, real_connect

from wellhead.storage.configs import (
    Target,
    TaskEntry,
    commit_message,
    connector_message,
    target_message,
    task_message,
)
from wellhead.storage.group import Storage


def entry(storage, topic, name, target, words):
    """Write one connector, with one task unless it is stopped."""
    task = TaskEntry(0, 3, "acme", ("a",), {"task.class": "org.apache.kafka.connect.file.FileStreamSourceTask", **words})
    numbers = [] if target is Target.STOPPED else [0]
    messages = [
        connector_message(topic, name, {"name": name, **words}, 1),
        *(task_message(topic, name, task) for _ in numbers),
        commit_message(topic, name, numbers),
        target_message(topic, name, target),
    ]
    storage.writer.change(lambda _view: messages)


def test_targets_configurations_and_cursors_mean_the_same_to_both(lab, tmp_path):
    """Connect keeps ours stopped and paused as we said; of what it makes, stops and deletes, our view says the same."""
    worker = lab.worker.model_copy(update={"offset_storage_partitions": 1, "status_storage_partitions": 1})
    storage = Storage(worker)
    storage.start()
    lab.at_end(storage.close)
    file = tmp_path / "in.txt"
    file.write_text("a\nb\n")
    words = {"connector.class": FILE_SOURCE, "tasks.max": "1", "file": str(file), "topic": f"{lab.prefix}lines"}
    lab.topic("lines")
    entry(storage, worker.config_storage_topic, "stopped", Target.STOPPED, words)
    entry(storage, worker.config_storage_topic, "paused", Target.PAUSED, words)
    topics = {store: getattr(worker, f"{store}_storage_topic") for store in ("config", "status", "offset")}
    properties = {"group.id": f"{lab.prefix}connect"} | {f"{store}.storage.topic": topic for store, topic in topics.items()}
    with real_connect(lab.bootstrap_servers, tmp_path, properties) as connect:
        connect.until("stopped", "STOPPED")
        connect.until("paused", "PAUSED")
        assert connect.get("/connectors/paused/config") == {"name": "paused", **words}

        connect.create("theirs", **{word: value for word, value in words.items() if word != "connector.class"})
        lab.until(lambda: bool(storage.cursors.of("theirs")))
        assert storage.cursors.of("theirs")[0].cursor == {"position": 4}
        connect.stop_connector("theirs")
        lab.until(lambda: storage.configs.view.connectors["theirs"].target is Target.STOPPED)
        assert storage.configs.view.connectors["theirs"].config["file"] == str(file)
        lab.until(lambda: storage.statuses.view.connectors["theirs"].state == "STOPPED")
        assert connect.ask("DELETE", "/connectors/theirs").status_code == 204
        lab.until(lambda: "theirs" not in storage.configs.view.connectors)
        assert sorted(storage.configs.view.connectors) == ["paused", "stopped"]
