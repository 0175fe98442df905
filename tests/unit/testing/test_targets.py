"""The targets' contract sees a target that breaks it."""

from __future__ import annotations

import contextlib

import pytest

from wellhead import Config
from wellhead.errors import PermanentError, TemporaryError
from wellhead.targets import LookupTarget
from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.targets import FIRST, SECOND, TargetConformance, TargetScene


class Honest(LookupTarget[Config]):
    """A target in memory that keeps the contract."""

    name = "honest"
    title = "A drawer"
    config = Config
    fault = ""

    def __init__(self):
        super().__init__(Config(), SteppingClock())
        self.files: dict[str, bytes] = {}

    def size_of(self, name):
        self.require_plain(name)
        return len(self.files[name]) if name in self.files else None

    def put(self, file):
        self.require_plain(file.name)
        self.require_fit(file)
        if self.fault:
            raise TemporaryError("busy")
        self.files[file.name] = file.path.read_bytes()


class Forgetful(Honest):
    def size_of(self, name):
        return len(self.files.get(name, b""))


class Trimming(Honest):
    def put(self, file):
        super().put(file)
        self.files[file.name] = self.files[file.name].strip()


class ByPath(Honest):
    def put(self, file):
        super().put(file)
        self.files[file.path.name] = self.files.pop(file.name)


class Greedy(Honest):
    def put(self, file):
        self.files[file.name] = file.path.read_bytes()
        super().put(file)


class Boasting(Honest):
    def patch(self, name, changes):
        return True


class Hasty(Honest):
    def put(self, file):
        with contextlib.suppress(TemporaryError):
            super().put(file)


class Mistaken(Honest):
    def put(self, file):
        if self.fault:
            raise PermanentError("give up")
        super().put(file)


class Talkative(Honest):
    def put(self, file):
        if self.fault:
            raise TemporaryError("the password is swordfish")
        super().put(file)


def suite(kind: type[Honest]) -> TargetConformance:
    """Give the contract for a target that is not installed."""

    class Suite(TargetConformance):
        target = "honest"

        @property
        def kind(self):
            return kind

        @contextlib.contextmanager
        def scene(self, folder, **options):
            target = kind()
            target.max_bytes = options.get("max_bytes")

            def arm(fault):
                target.fault = fault if fault.endswith(":*") else ""

            yield TargetScene(
                target, target.files.get, lambda: len(target.files), folder, target.clock,
                lambda: ["swordfish"], arm, {"busy": TemporaryError},
            )  # fmt: skip

    return Suite()


def clauses(checked: TargetConformance, folder, caplog, capfd):
    """Give every clause, ready to be called."""
    return {
        "what it is": lambda: checked.test_it_says_what_it_is(folder),
        "unknown option": lambda: checked.test_an_unknown_option_is_refused(folder),
        "secret options": lambda: checked.test_secret_options_are_typed_as_secrets(folder),
        "missing": lambda: checked.test_a_file_that_was_never_put_is_missing(folder),
        "bytes": lambda: checked.test_what_is_put_is_there_byte_for_byte(folder, FIRST),
        "replaced": lambda: checked.test_a_file_is_replaced_and_stays_when_put_again(folder),
        "names": lambda: checked.test_files_stand_beside_each_other(folder),
        "many": lambda: checked.test_more_files_than_a_target_takes_at_a_time_are_delivered_all(folder),
        "limit": lambda: checked.test_a_file_above_the_limit_is_refused_before_a_byte_is_sent(folder),
        "odd name": lambda: checked.test_a_name_that_could_mean_another_place_is_refused(folder),
        "rows": lambda: checked.test_rows_are_added_and_changed_or_the_target_says_that_it_cannot(folder),
        "rows of nothing": lambda: checked.test_rows_of_a_missing_file_are_not_taken(folder),
        "faults": lambda: checked.test_each_fault_ends_in_the_error_that_names_its_recovery(folder),
        "passing": lambda: checked.test_a_passing_fault_costs_a_try_and_nothing_else(folder),
        "secrets": lambda: checked.test_no_secret_is_ever_shown(folder, caplog, capfd),
    }


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (Honest, set()),
        (Forgetful, {"missing", "odd name"}),
        (Trimming, {"bytes", "replaced", "names", "many", "limit", "faults", "passing"}),
        (ByPath, {"bytes", "replaced", "names", "many", "limit", "rows", "faults", "passing"}),
        (Greedy, {"limit", "odd name"}),
        (Boasting, {"rows", "rows of nothing"}),
        (Hasty, {"faults"}),
        (Mistaken, {"faults"}),
        (Talkative, {"secrets"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_each_clause_is_broken_by_the_target_that_breaks_it(kind, broken, tmp_path, caplog, capfd):
    """An honest target passes them all; a cheating one fails where it cheats, and nowhere else."""
    failed = set()
    for clause, check in clauses(suite(kind), tmp_path, caplog, capfd).items():
        try:
            check()
        except (AssertionError, pytest.fail.Exception):
            failed.add(clause)
    assert failed == broken
    assert FIRST != SECOND
