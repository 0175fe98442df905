"""A migration whose processes are killed goes on elsewhere, without a page copied again that was checkpointed."""

import threading

import pytest
from migrated import Migrations, Store, hits, until
from store_front import StoreFront

CLIENTS = {12: 60, 13: 5, 900: 1}
PARALLEL, PAGE = 3, 100

pytestmark = pytest.mark.timeout(400)


def test_a_killed_process_goes_on_where_it_was(old: Store, new: Store, migrations: Migrations):
    """After kill -9 in the middle the same command copies the rest: no document twice but those of the pages under way."""
    documents = hits(5000, CLIENTS)
    old.put(documents)
    with StoreFront(new.url) as front:
        held = threading.Event()
        front.before_bulk = lambda number: None if number <= 15 else until(held.is_set, "the process is killed")
        words = ["--from", migrations.store("old", old), "--to", migrations.store("new", new, front.url)]
        words += ["--slice-docs", "700", "--page-docs", str(PAGE), "--parallel", str(PARALLEL)]
        process = migrations.start(*words)
        until(lambda: front.bulks > 15, "some pages are written")
        migrations.kill(process)
        held.set()
        code, said, report = migrations.run(*words)
        twice = [id_ for id_, times in front.written.items() if times > 1]
    assert code == 0, said
    assert new.read() == documents
    assert len(twice) <= PARALLEL * PAGE, "pages were copied again that had a checkpoint"
    assert max(front.written.values()) == (2 if twice else 1)
    assert report["tally"]["copied"] + report["tally"]["there"] == len(documents)
    assert len(report["members"]) == 2


def test_two_processes_share_a_job_and_one_is_killed(old: Store, new: Store, migrations: Migrations):
    """Both copy slices of one job; what the killed one had begun, the other ends, and no checkpointed page goes over again."""
    documents = hits(6000, CLIENTS, seed=3)
    old.put(documents)
    with StoreFront(new.url) as one, StoreFront(new.url) as other:
        files = [
            migrations.deployment(name, old=(old, old.url), new=(new, url)) for name, url in (("a", one.url), ("b", other.url))
        ]
        held = threading.Event()
        # Neither writes before the other is there, too.
        one.is_full = lambda _number: not other.bulks
        other.is_full = lambda _number: not one.bulks
        other.before_bulk = lambda number: (
            None if other.bulks - other.refused_bulks <= 8 else until(held.is_set, "it is killed")
        )
        words = ["--from", "old", "--to", "new", "--job", "shared", "--slice-docs", "300", "--page-docs", str(PAGE)]
        code, said, _ = migrations.run(*words, "--detach", file=files[0])
        assert (code, new.read()) == (0, {}), said
        pace = ["--join", "shared", "--parallel", str(PARALLEL)]
        staying, leaving = (migrations.start(*pace, file=file) for file in files)
        until(lambda: other.bulks - other.refused_bulks > 8, "the one to be killed has written pages")
        migrations.kill(leaving)
        held.set()
        code, said, report = migrations.wait(staying)
        written = one.written + other.written
    assert code == 0, said
    assert new.read() == documents
    assert len(report["members"]) == 2, "only one of them took part"
    # Of the one that was killed, and of the one that gave slices away when the other came.
    assert sum(times - 1 for times in written.values()) <= 2 * PARALLEL * PAGE
    assert report["tally"]["copied"] + report["tally"]["there"] == len(documents)
