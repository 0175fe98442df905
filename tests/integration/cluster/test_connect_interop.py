"""Proves that a real Kafka Connect and a real worker understand what the other keeps in Kafka: offsets, configurations, targets."""

import json

import pytest
import readback
from click.testing import CliRunner
from grouped import NAME, Group, grouped
from real_connect import RealConnect, real_connect

from wellhead.cli import cli
from wellhead.stack import Stack


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path):
    with grouped(stack, unique, tmp_path) as made:
        yield made


def beside(group: Group, **topics: str):
    """Start a Kafka Connect of its own group on the same brokers, with topics of its own where no other is named."""
    own = {f"{store}.storage.topic": f"{group.base.prefix}connect-{store}" for store in ("config", "offset", "status")}
    named = {f"{store}.storage.topic": topic for store, topic in topics.items()}
    properties = {"group.id": f"{group.base.prefix}connect", **own, **named}
    return real_connect(group.base.bootstrap, group.base.folder, properties)


def wellhead(group: Group, *words: str):
    """Run the verb on the group's topics, as an operator would; give what it printed."""
    path = group.base.folder / "operator.json"
    path.write_text(json.dumps({"worker": group.settings()}))
    ended = CliRunner().invoke(cli, ["offsets", *words, "-c", str(path)])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def listed(group: Group, connector: str) -> list:
    """Give the partitions and offsets that the verb lists of a connector."""
    return json.loads(wellhead(group, "export", connector))["offsets"]


def shown(told) -> list:
    """Give partition and offset of each entry: our answers hold more."""
    return [{"partition": each["partition"], "offset": each["offset"]} for each in told]


def pulled_and_stopped(group: Group):
    """Give a worker that has pulled everything and whose connector is stopped."""
    one = group.join()
    group.create(one)
    group.until(group.caught_up)
    assert one.api.put(f"/connectors/{NAME}/stop").status_code == 204
    group.until(lambda: group.status(one)["connector"]["state"] == "STOPPED")
    return one


def ours(member) -> list:
    return shown(member.api.get(f"/connectors/{NAME}/offsets").json()["offsets"])


def test_connect_lists_and_resets_what_we_wrote_and_we_read_what_it_wrote(group: Group):
    """On our offsets topic Connect lists our cursor; what it alters and resets there our worker and our verb read, and we begin anew."""
    one = pulled_and_stopped(group)
    stood = ours(one)
    assert len(stood) == 1
    file = group.base.folder / "in.txt"
    file.write_text("a\n")
    with beside(group, offset=f"{group.base.prefix}offsets") as connect:
        connect.create(NAME, "STOPPED", file=str(file), topic=f"{group.base.prefix}lines")
        assert connect.offsets(NAME) == stood

        theirs = {"partition": {"filename": str(file)}, "offset": {"position": 2}}
        altered = connect.ask("PATCH", f"/connectors/{NAME}/offsets", {"offsets": [theirs]})
        assert altered.status_code == 200, altered.text
        both = sorted([*stood, theirs], key=str)
        assert sorted(connect.offsets(NAME), key=str) == both
        assert sorted(listed(group, NAME), key=str) == both
        group.until(lambda: sorted(ours(one), key=str) == both)

        reset = {"offsets": [{**stood[0], "offset": None}]}
        answer = connect.ask("PATCH", f"/connectors/{NAME}/offsets", reset)
        assert answer.status_code == 200, answer.text
        group.until(lambda: ours(one) == [theirs])
        assert listed(group, NAME) == [theirs]
    assert one.api.put(f"/connectors/{NAME}/resume").status_code == 202
    group.until(lambda: len(group.base.records()) == 2 * group.base.held())
    group.until(lambda: {str(each["partition"]) for each in ours(one)} == {str(each["partition"]) for each in both})


def test_a_change_through_us_is_what_connect_finds(group: Group):
    """A cursor altered and one reset through our REST API are so for Connect too."""
    one = pulled_and_stopped(group)
    stood = ours(one)
    with beside(group, offset=f"{group.base.prefix}offsets") as connect:
        connect.create(NAME, "STOPPED", file=str(group.base.folder / "in.txt"), topic=f"{group.base.prefix}lines")
        assert one.api.delete(f"/connectors/{NAME}/offsets").status_code == 200
        assert connect.offsets(NAME) == ours(one) == []
        answer = one.api.patch(f"/connectors/{NAME}/offsets", json={"offsets": stood})
        assert answer.status_code == 200, answer.text
        assert connect.offsets(NAME) == ours(one) == stood


def lines(group: Group) -> list[str]:
    return [message.value().decode() for message in readback.messages(group.base.bootstrap, f"{group.base.prefix}lines")]


def test_our_verb_moves_the_offsets_of_a_real_connect(group: Group):
    """Exported from Connect's own topic, set back and imported there with our verb, Connect goes on from where we said."""
    file = group.base.folder / "in.txt"
    file.write_text("one\ntwo\nthree\n")
    theirs = f"{group.base.prefix}connect-offset"
    with beside(group) as connect:
        connect.create("fs", file=str(file), topic=f"{group.base.prefix}lines")
        group.until(lambda: lines(group) == ["one", "two", "three"])
        connect.stop_connector("fs")
        at_end = [{"partition": {"filename": str(file)}, "offset": {"position": 14}}]
        assert connect.offsets("fs") == at_end
        exported = json.loads(wellhead(group, "export", "fs", "--topic", theirs))
        assert exported == {"offsets": at_end}
        assert json.loads(wellhead(group, "list", "fs", "--set", f"offset.storage.topic={theirs}", "--output", "json"))

        exported["offsets"][0]["offset"]["position"] = 4
        moved = group.base.folder / "moved.json"
        moved.write_text(json.dumps(exported))
        wellhead(group, "import", str(moved), "fs", "--topic", theirs, "--yes")
        assert connect.offsets("fs") == exported["offsets"]
        assert connect.ask("PUT", "/connectors/fs/resume").status_code == 202
        group.until(lambda: lines(group) == ["one", "two", "three", "two", "three"])


def test_connect_lists_our_connectors(group: Group):
    """On our config topic Connect lists our connectors with words and tasks; that it has no class for them does us no harm."""
    one = pulled_and_stopped(group)
    group.create(one, "other", tenant="beta", **{"topic.prefix": f"{group.base.prefix}beta."})
    assert one.api.put("/connectors/other/pause").status_code == 202
    group.until(lambda: [task["state"] for task in group.status(one, "other")["tasks"]] == ["PAUSED"])
    assert one.stop() == 0

    topics = {store: str(group.settings()[f"{store}.storage.topic"]) for store in ("config", "offset", "status")}
    with beside(group, **topics) as connect:
        assert sorted(connect.get("/connectors")) == ["other", NAME]
        config = connect.get(f"/connectors/{NAME}/config")
        assert config == {**group.config(), "name": NAME}
        group.until(lambda: "class that implements Connector and which name matches wss" in connect.log())
        # Connect says so in its status too, unless our worker's generation, which it respects, was a later one than its own.
        assert connect.get(f"/connectors/{NAME}/status")["connector"]["state"] in {"FAILED", "STOPPED"}
        assert [each["id"] for each in connect.get("/connectors/other/tasks")] == [{"connector": "other", "task": 0}]
        _still_ours(group, connect)


def _still_ours(group: Group, connect: RealConnect) -> None:
    """What Connect changes there our worker follows, and the state is ours to tell again."""
    assert connect.ask("DELETE", "/connectors/other").status_code == 204
    two = group.join()
    group.until(lambda: two.api.get("/connectors").json() == [NAME])
    group.until(lambda: group.status(two)["connector"]["state"] == "STOPPED")
