"""What a job's topic says, folded: the latest owner's word counts, whoever writes late."""

from dataclasses import dataclass

import pytest

from wellhead.migration.copy.job import Caps, Job, decoded, named
from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.copy.records import JOB, PlanEntry, Record, claim_record, forget_record, plan_records, progress_record
from wellhead.migration.copy.slices import Slice
from wellhead.migration.copy.state import JobState
from wellhead.migration.copy.tally import OTHER_REASONS, Progress, Tally

PARTITIONS = 4
SLICES = tuple(Slice(number, "hits", "wellhead-hits-2026.02", 10, (12,), None, number, number + 1) for number in range(3))


@dataclass
class Stored:
    record: Record
    at: int

    def key(self):
        return self.record.key.encode()

    def value(self):
        return self.record.value

    def partition(self):
        return self.record.partition

    def offset(self):
        return self.at


def fold(*records: Record, state: JobState | None = None, first: int = 0) -> JobState:
    state = state or JobState()
    state.fold(Stored(record, first + at) for at, record in enumerate(records))
    return state


def done(number: int, epoch: int, pages: int = 1, *, done: bool = False) -> Record:
    return progress_record(
        Progress(number, epoch, [pages, "id"], Tally(copied=pages * 10, pages=pages), done, f"m{epoch}"), PARTITIONS
    )


PLAN = plan_records(PlanEntry(1, 3, 30), SLICES, PARTITIONS)


def test_a_plan_counts_once_it_is_whole():
    """Slices without the plan's own record, or before all of them are there, are none."""
    assert fold(*PLAN[:-1]).slices() == []
    early = fold(PLAN[-1], *PLAN[:2])
    assert not early.is_planned()
    assert fold(*PLAN).slices() == list(SLICES)
    assert fold(*PLAN).is_planned()


def test_slices_of_a_plan_that_was_not_finished_do_not_count():
    """Its successor's plan may have other slices under the same numbers, and fewer."""
    broken = plan_records(PlanEntry(1, 9, 90), tuple(Slice(n, "hits", "other", 1) for n in range(9)), PARTITIONS)[:-1]
    whole = plan_records(PlanEntry(7, 3, 30), SLICES, PARTITIONS)
    assert not fold(*broken, *whole[:2], whole[-1]).is_planned(), "a slice of the former plan stood in for one not read yet"
    state = fold(*broken, *whole)
    assert state.slices() == list(SLICES)
    assert fold(*broken[:4], *broken[4:], state=state).slices() == list(SLICES)


def test_a_former_owner_changes_nothing_however_late():
    """Progress under an older epoch is passed over, even if it is further."""
    state = fold(*PLAN, done(0, epoch=5, pages=2), done(0, epoch=9, pages=3), done(0, epoch=5, pages=8, done=True))
    assert state.progress(0).after == [3, "id"]
    assert not state.is_complete()


def test_before_the_new_owner_has_written_the_old_ones_progress_counts():
    """A takeover begins at the last checkpoint."""
    state = fold(*PLAN, claim_record(0, "m1"), done(0, epoch=5, pages=2), claim_record(0, "m2"))
    assert state.progress(0).after == [2, "id"]
    assert state.claim(0) == (len(PLAN) + 2, "m2")


def test_what_is_removed_after_a_takeover_stays_known():
    """The tombstone is for those who read the topic later."""
    old = Progress(0, 5, [2, "id"], Tally(pages=2))
    state = fold(*PLAN, done(0, epoch=5, pages=2), done(0, epoch=9, pages=3), forget_record(old, PARTITIONS))
    assert state.progress(0).epoch == 9
    assert fold(*PLAN, done(0, epoch=9, pages=3)).progress(0) == state.progress(0)


def test_it_is_complete_when_every_slice_is():
    """And counts what became of all documents."""
    state = fold(*PLAN, done(0, 1, done=True), done(1, 1, done=True))
    assert not state.is_complete()
    fold(done(2, 1, pages=4, done=True), state=state)
    assert state.is_complete()
    assert state.tally() == Tally(copied=60, pages=6)
    assert state.members() == ["m1"]


def test_an_empty_plan_is_complete():
    """Nothing to copy is done."""
    assert fold(*plan_records(PlanEntry(1, 0, 0), (), PARTITIONS)).is_complete()


@pytest.mark.parametrize("value", [b"{", b"[]", b'{"plan": 1}', b"\xff"])
def test_a_record_of_someone_elses_making_is_passed_over(value):
    """It is told, and the rest counts."""
    odd = [Record("slice/1", value, 1), Record("progress/1/1", value, 1), Record(JOB, value, 0), Record("what", value, 0)]
    assert fold(*odd, *PLAN).slices() == list(SLICES)


def test_a_job_survives_its_topic():
    """What is written of it is what is read, mapping and offsets included."""
    job = named(
        Job(
            name="",
            source="topic:docs",
            target="new",
            mapping=load_mapping("identity"),
            offsets={0: (3, 9)},
            caps=Caps(searches=2),
        )
    )
    assert decoded(job.encode()) == job
    assert fold(Record(JOB, job.encode(), 0)).job == job


def test_the_same_request_has_the_same_name():
    """Caps and page sizes do not matter; clients, dates and stores do."""
    job = Job(name="", source="/a/old.yaml", target="http://x:9200", mapping=load_mapping("identity"))
    assert named(job).name.startswith("old-to-x-9200-")
    assert named(job.model_copy(update={"caps": Caps(searches=1), "page_docs": 5})).name == named(job).name
    assert named(job.model_copy(update={"clients": "12"})).name != named(job).name


def test_reasons_are_counted_and_bounded():
    """Twenty at most, the rest together, and none lost."""
    tally = Tally()
    for number in range(50):
        tally = tally.plus(Tally(refused=2, reasons={f"reason {number}": 2}))
    assert len(tally.reasons) <= 21
    assert sum(tally.reasons.values()) == 100
    assert tally.reasons[OTHER_REASONS] > 0
