import json

import readback
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic


def written(worker, topic):
    """Give what stands under each key of a topic, by its bytes."""
    return {message.key(): message.value() for message in readback.messages(worker.bootstrap, topic)}


def connect_topic(worker, topic, messages):
    """Make an offsets topic as a Kafka Connect leaves it."""
    admin = AdminClient({"bootstrap.servers": worker.bootstrap})
    admin.create_topics([NewTopic(topic, 3, 1, config={"cleanup.policy": "compact"})])[topic].result(30)
    producer = Producer({"bootstrap.servers": worker.bootstrap})
    for key, value in messages:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def test_cursors_of_a_kafka_connect_keep_the_bytes_of_their_keys(offsets):
    """Exported from a Connect's topic, changed and imported again: the same keys to the byte, in whatever order Connect had spelled them."""
    worker, topic = offsets.worker, f"{offsets.worker.prefix}connect-offsets"
    keys = [b'["fs",{"filename":"/data/in.txt"}]', b'["cdc",{"server":"b","database":"a"}]']
    connect_topic(
        worker, topic, [(keys[0], b'{"position":18}'), (keys[1], b'{"lsn":4,"snapshot":true}'), (b"session-key", b"x")]
    )
    before = written(worker, topic)
    exported = offsets("export", "--topic", topic).json
    assert exported["connectors"]["fs"] == {
        "offsets": [{"partition": {"filename": "/data/in.txt"}, "offset": {"position": 18}}]
    }

    exported["connectors"]["cdc"]["offsets"][0]["offset"]["lsn"] = 2
    exported["connectors"]["fs"]["offsets"].append({"partition": {"z": 1, "a": 2}, "offset": {"position": 0}})
    file = worker.folder / "cursors.json"
    file.write_text(json.dumps(exported))
    shown = offsets("import", str(file), "--topic", topic, "--output", "json")
    assert (shown.code, shown.json["written"], len(shown.json["changes"])) == (0, False, 2)
    assert written(worker, topic) == before, "a dry run writes nothing"
    assert offsets("import", str(file), "--topic", topic, "--yes").code == 0
    assert written(worker, topic) == before | {
        keys[1]: b'{"lsn":2,"snapshot":true}',
        b'["fs",{"z":1,"a":2}]': b'{"position":0}',
    }


def test_what_was_exported_comes_back_as_a_plan(offsets):
    """Exported, reset, imported: the cursor stands where it stood, under the same key, with an entry in the history to undo it by."""
    worker = offsets.worker
    assert worker.run() == 0
    stood = offsets.cursor()
    keys = set(written(worker, f"{worker.prefix}offsets"))
    exported = offsets("export", "wss-acme")
    assert exported.json == {"offsets": [{"partition": {"stream": "access_log", "tenant": "acme"}, "offset": stood}]}
    file = worker.folder / "cursors.json"
    file.write_text(exported.out)
    _, reset = offsets.plan("--to-earliest")
    assert offsets("apply", str(reset), "--yes").code == 0

    shown = offsets("import", str(file), "wss-acme", "--output", "json")
    assert (shown.json["changes"][0]["why"], shown.json["changes"][0]["forecast"]["direction"]) == ("import", "forward")
    assert offsets.cursor() is None, "a dry run moves nothing"
    assert offsets("import", str(file), "wss-acme", "--yes").code == 0
    assert offsets.cursor() == stood
    assert set(written(worker, f"{worker.prefix}offsets")) == keys
    assert offsets("undo", "wss-acme", "--yes").code == 0
    assert offsets.cursor() is None


def test_an_import_that_no_stream_reads_is_refused(offsets):
    """A cursor that is none of the stream's is refused with exit code 2 and the field, before anything is written."""
    worker = offsets.worker
    assert worker.run() == 0
    stood = offsets.cursor()
    file = worker.folder / "cursors.json"
    file.write_text(
        json.dumps({"offsets": [{"partition": {"stream": "access_log", "tenant": "acme"}, "offset": {"nonsense": 1}}]})
    )
    ended = offsets("import", str(file), "wss-acme", "--yes")
    assert (ended.code, offsets.cursor()) == (2, stood)
    assert "nonsense" in ended.err
