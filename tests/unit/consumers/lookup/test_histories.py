"""Random lives of indicators, random kills and errors: after each whole run the target holds exactly what is active."""

import csv
from contextlib import suppress

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.deliver import Delivery
from wellhead.consumers.lookup.turn import Circumstances, Turn
from wellhead.consumers.lookup.write import FileWriter

NAME = "anomali_threatstream_ip.csv"
STEPS = ("rows_written", "file_named", "manifest_written", "delivery_begun", "target_said_yes", "copy_kept", "delivery_noted")

CHANGE = st.tuples(
    st.sampled_from(["put", "gone", "other kind"]),
    st.integers(1, 6),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(-2, 5)),
)
RUN = st.tuples(st.lists(CHANGE, max_size=4), st.sampled_from(["", *STEPS, "away", "deleted"]), st.integers(0, 2))


class DiedError(Exception):
    """The process is killed here."""


def run_once(rig, ip, target, at):
    def step(name):
        if name == at:
            raise DiedError

    words = {"name": "t", "topic": "t", "files": "a", "state.dir": rig.folder, "output.dir": rig.folder / "out"}
    lookup = LookupSettings.model_validate(words | {"guard.min.size.ratio": "0"})
    delivery = Delivery(target, rig.state, rig.folder / "sent", clock=rig.clock, delta_ratio=0.5, step=step)
    turn = Turn(
        lookup, FileWriter(rig.state.connection, rig.folder / "out", step, memory=rig.state), delivery, rig.state, lambda _: []
    )
    return turn.take(ip, Circumstances(rig.moment(), None, force=False, lost=None, trust=False))


def active(live, now_ms):
    """Give value and update_id of what must be looked up: the newest of each value that has not expired."""
    found = {}
    for record in sorted(live.values(), key=lambda record: record["update_id"]):
        if record["ioc_type"] == "ip" and record["expiration_ts"] > now_ms:
            found[record["value"]] = record["source"]
    return found


@given(history=st.lists(RUN, min_size=2, max_size=6))
# A failing history is told as it was drawn: to shrink one takes minutes.
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_after_each_whole_run_the_target_holds_what_is_active(tmp_path_factory, known, ip, history):
    """Updates, late ones, shared values, ends, expiry, kills between any two steps and a target that fails or forgets."""
    folder = tmp_path_factory.mktemp("history")
    for name in ("out", "sent"):
        (folder / name).mkdir()
    rig, target, live, number = known.Rig(folder, ip), known.PatchingTarget(), {}, 0
    rig.put(known.indicator(99, "elsewhere.example", ioc_type="domain"))
    try:
        for changes, trouble, minutes in history:
            for kind, key, value, life in changes:
                number += 1
                if kind == "gone":
                    rig.put(gone=(key,))
                    live.pop(key, None)
                    continue
                record = known.indicator(
                    key,
                    f"192.0.2.{value}",
                    update_id=number,
                    source=f"s{number}",
                    ioc_type="ip" if kind == "put" else "domain",
                    expiration_ts=known.FAR_MS if life is None else rig.clock.now_ms() + life * 60_000,
                )
                rig.put(record)
                live[key] = record
            rig.clock.advance(minutes * 60)
            target.failing = known.away() if trouble == "away" else None
            if trouble == "deleted":
                target.files.clear()
            elif trouble:
                with suppress(DiedError):
                    run_once(rig, ip, target, trouble)
            target.failing = None
            assert run_once(rig, ip, target, "").problem is None
            rows = list(csv.DictReader(target.files[NAME].decode().splitlines()))
            assert {row["destination.ip"]: row["source"] for row in rows} == active(live, rig.clock.now_ms())
            assert len(rows) == len({row["destination.ip"] for row in rows})
    finally:
        rig.state.close()
