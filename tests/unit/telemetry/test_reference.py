from prometheus_client.parser import text_string_to_metric_families

from wellhead.telemetry import Stage
from wellhead.telemetry.attacks import GrouperTally, StoreTally
from wellhead.telemetry.floods import BypassTally, FlowTally
from wellhead.telemetry.lookups import FileTally, LookupTally
from wellhead.telemetry.reference import rows
from wellhead.telemetry.tally import GroupQuota, Quota


def use_everything(task):
    """Make every metric of a task have a value."""
    with task.stage(Stage.POLL):
        task.polled(10, 1_000, 1)
    task.active(1, 1)
    task.caught_up()
    task.rejected(1, Stage.ENCODE, "overflow")
    task.filtered(1, "replayed")
    task.drift(1)
    task.retried(Stage.COMMIT)
    task.committed(8, 800, 0.1)
    task.api_call("api.example.com", 200, 0.1, 10)
    task.quota(lambda: Quota(5, 10, 1, 60.0, 600.0, group=GroupQuota("key", 600, 20, 3)))
    task.cursor_moved(1)
    task.awaits(lambda: 1, 900)
    task.state("RUNNING")
    task.noticed("event")
    task.run_ended("caught_up")
    task.upstream("push.example:443", open_by=1, waiting_by=1)
    task.upstream("push.example:443", open_by=-1, ended="cut", breaker="closed")


def use_a_lookup(telemetry):
    """Make every metric of a lookup have a value."""
    tally = LookupTally("ti", born_ms=0, files={"a.csv": FileTally(1, 10, 1.0, 1, 1)})
    tally.runs["ok"] += 1
    tally.deliveries["whole"] += 1
    telemetry.add_lookup(tally)


def use_attacks(telemetry, clock):
    """Make every metric of attack grouping have a value."""
    grouper, store = GrouperTally("wallarm", clock), StoreTally("wallarm", clock, store="primary")
    grouper.events("opened", 1)
    grouper.open_attacks(1)
    grouper.rebuilt("emptied")
    for tally in (grouper, store):
        tally.lag({0: (1, 1.0)})
        telemetry.add_part(tally)
    store.written("hit", 1, [clock.now_ms()])


def use_floods(telemetry, clock):
    """Make every metric of flood detection have a value."""
    flow, bypass = FlowTally("office", clock, topic="sockets.connection"), BypassTally("office", clock)
    flow.watched(1)
    flow.rejected(1)
    flow.committed([("share", "opened")], 10)
    flow.open_findings({"proxy-1": ["share"]})
    flow.rebuilt("gained")
    flow.lag({0: (1, 1.0)})
    bypass.written(1, 1, changed=True)
    for tally in (flow, bypass):
        telemetry.add_part(tally)


def use_a_read_api(telemetry):
    """Make every metric of a read API have a value."""
    tally = telemetry.add_reads("wallarm")
    tally.answered("attacks", "primary", 200, 0.1)
    tally.fell_back("attacks", "primary")
    tally.mirrored("attacks", "different")
    tally.disagreed("attacks", "missing")
    tally.reread("taken")
    tally.stores = lambda: {"primary": True}
    tally.shares = lambda: {"shift": 1}


def scraped(telemetry):
    families = text_string_to_metric_families(telemetry.render()[0].decode())
    return {
        family.name + ("_total" if family.type == "counter" else ""): family for family in families if family.name != "target"
    }


def test_every_metric_is_in_the_table_and_vice_versa(task, clock, telemetry):
    """The metrics page shows exactly the names, kinds and descriptions of the reference."""
    use_everything(task)
    use_a_lookup(telemetry)
    use_attacks(telemetry, clock)
    use_a_read_api(telemetry)
    use_floods(telemetry, clock)
    telemetry.own().changed("gained", 1)
    clock.advance(1)
    families = scraped(telemetry)
    families.pop("target_info", None)
    kinds = {"updowncounter": "gauge"}
    assert {name: (family.type, family.documentation) for name, family in families.items()} == {
        row.prometheus: (kinds.get(row.kind, row.kind), row.description) for row in rows()
    }


def test_every_label_is_in_the_table(task, clock, telemetry):
    """A metric carries the labels its row lists, no others."""
    use_everything(task)
    use_a_lookup(telemetry)
    use_attacks(telemetry, clock)
    use_a_read_api(telemetry)
    use_floods(telemetry, clock)
    telemetry.own().changed("gained", 1)
    clock.advance(1)
    families = scraped(telemetry)
    for row in rows():
        allowed = {label.replace(".", "_") for label in row.attributes}
        seen = {label for sample in families[row.prometheus].samples for label in sample.labels} - {"le"}
        assert seen <= allowed, row.name
        assert allowed - seen <= {"error_type"}, row.name


def test_rows_read_well():
    """Names are unique and dotted, descriptions are sentences, units are UCUM."""
    table = rows()
    assert len({row.name for row in table}) == len(table)
    for row in table:
        assert row.name.startswith(("kafka.connect.", "wellhead.")), row.name
        assert row.description.endswith("."), row.name
        assert row.unit in {"s", "By", "1"} or row.unit.startswith("{"), row.name
