"""A search server is started alone, on loopback, and without what it would refuse a container for."""

import json
from pathlib import Path

import pytest

from wellhead.stack.java import Java
from wellhead.stack.search_files import PRODUCTS, SearchDistribution, SearchKind, search_command, search_settings

FOLDER = Path("/data/a: folder")


def settings(kind: SearchKind, **overrides: object) -> dict[str, object]:
    text = search_settings(PRODUCTS[kind], [20001, 20002], FOLDER, {k.replace("_", "."): v for k, v in overrides.items()})
    return {name: json.loads(value) for name, value in (line.split(": ", 1) for line in text.splitlines())}


@pytest.mark.parametrize(("kind", "transport"), [("opensearch", "transport.port"), ("elasticsearch", "transport.tcp.port")])
def test_a_lone_node_listens_on_loopback_only(kind: SearchKind, transport: str):
    """It looks for no other node, and both of its ports are its own; a folder's name cannot break the file."""
    found = settings(kind)

    assert (found["discovery.type"], found["network.host"]) == ("single-node", "127.0.0.1")
    assert (found["http.port"], found[transport]) == (20001, 20002)
    assert found["path.data"] == "/data/a: folder/data"


def test_overrides_win():
    """A setting replaces the stack's own, once."""
    assert settings("opensearch", cluster_name="other")["cluster.name"] == "other"


@pytest.mark.parametrize("kind", PRODUCTS)
def test_it_asks_the_machine_for_no_library(kind: SearchKind):
    """Without native code it cannot see that it runs as root, which a container's tests do; heap and folders are its own."""
    distribution = SearchDistribution(kind, Java(Path("/java"), "17"), Path("/home"))

    command = search_command(distribution, FOLDER, 200, ("-XX:+UseSerialGC",))

    assert command[:4] == ["/java", "-Xms200m", "-Xmx200m", "-XX:+UseSerialGC"]
    assert {"-Djna.noclasspath=true", "-Djna.nosys=true", f"-Djava.io.tmpdir={FOLDER}/tmp"} <= set(command)
    assert command[-3:] == ["-cp", "/home/lib/*", PRODUCTS[kind].main]


def test_only_what_is_not_needed_stays_in_the_archive():
    """Modules that no test needs are left out by their whole name, everything else is unpacked."""
    wants = PRODUCTS["elasticsearch"].wants

    assert not wants("elasticsearch-6.8.23/modules/x-pack-ml/platform/linux/bin/controller")
    assert wants("elasticsearch-6.8.23/modules/x-pack-core/x-pack-core-6.8.23.jar")
    assert wants("elasticsearch-6.8.23/lib/lucene-core-7.7.3.jar")
    assert PRODUCTS["opensearch"].wants("opensearch-2.19.6/modules/transport-netty4/a.jar")
