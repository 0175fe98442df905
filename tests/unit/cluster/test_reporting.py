"""Proves that telling how a hundred tasks are never holds the event loop for a hundred of them."""

from types import SimpleNamespace

from wellhead.cluster.place import Report
from wellhead.cluster.reporting import Reporter
from wellhead.runtime.states import State
from wellhead.storage.configs import ConnectorEntry, Target, TaskEntry
from wellhead.testing.clock import FakeClock

COUNT = 100


class Place:
    is_idle = False

    def __init__(self, number, looked):
        self.number, self.looked = number, looked

    def report(self):
        return Report(State.RUNNING)

    def details(self):
        self.looked.append(self.number)
        return ({"stream": "log", "records": len(self.looked)},)


class Out:
    def __init__(self):
        self.tasks, self.details = [], []

    def put_task(self, name, number, status):
        self.tasks.append(number)

    def put_detail(self, name, number, detail):
        self.details.append(number)

    def put_connector(self, name, status):
        pass


def test_details_are_looked_at_in_turns():
    """Every state is told at the first look; the dear details come a few at a look, each task's once within five seconds."""
    tasks = {number: TaskEntry(number, number, "acme", ("log",), {}) for number in range(COUNT)}
    entry = ConnectorEntry("c", {}, 1, Target.STARTED, tasks, 0, 0)
    looked: list[int] = []
    out, clock = Out(), FakeClock(start_ms=1_000_000)
    view = SimpleNamespace(connectors={"c": entry})
    storage = SimpleNamespace(
        statuses=SimpleNamespace(view=SimpleNamespace(connectors={}, tasks={})), configs=SimpleNamespace(view=view), states=out
    )
    places = {("c", number): Place(number, looked) for number in range(COUNT)}
    reconciler = SimpleNamespace(slots=frozenset(range(COUNT)), places=places)
    reporter = Reporter(storage, reconciler, worker_id="w", version="1", generation=lambda: 1, clock=clock)
    before = 0
    for look in range(20):
        reporter.look()
        assert 0 <= len(looked) - before <= COUNT / 10
        assert look or len(out.tasks) == COUNT
        before = len(looked)
        clock.advance(0.25)
    assert sorted(looked) == sorted(out.details) == list(range(COUNT))


class Counted(dict):
    """Tasks by number that count how often somebody goes through them."""

    walks = 0

    def items(self):
        Counted.walks += 1
        return super().items()

    def values(self):
        Counted.walks += 1
        return super().values()


def test_a_look_goes_through_the_tasks_a_few_times_however_many_connectors_there_are():
    """What a look costs grows with the number of connectors, not with its square: it is taken four times a second on the event loop."""
    entries = {
        f"c{number}": ConnectorEntry(
            f"c{number}", {}, 1, Target.STARTED, Counted({0: TaskEntry(0, number, "acme", ("log",), {})}), 0, 0
        )
        for number in range(COUNT)
    }
    storage = SimpleNamespace(
        statuses=SimpleNamespace(view=SimpleNamespace(connectors={}, tasks={})),
        configs=SimpleNamespace(view=SimpleNamespace(connectors=entries)),
        states=Out(),
    )
    reconciler = SimpleNamespace(slots=frozenset(), places={})
    Counted.walks = 0
    Reporter(storage, reconciler, worker_id="w", version="1", generation=lambda: 1, clock=FakeClock()).look()
    assert COUNT <= Counted.walks <= 5 * COUNT
