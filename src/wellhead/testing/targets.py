"""Takes any lookup target, proves that it keeps the contract of `wellhead.targets`; for our targets and those of others alike.

Subclass it in a test module, and pytest does the rest::

    class TestDrawer(TargetConformance):
        target = "drawer"

A target whose place is no HTTP API overrides `scene`.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError

from wellhead import plugins
from wellhead.config.secrets import looks_secret
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.targets import AnyTarget, LookupFile, RowChanges
from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.server import serve
from wellhead.testing.uploads import TargetSimulator

HEADER = '"ip","note"\n'
FIRST = HEADER + '"192.0.2.1","a"\n"192.0.2.2","b"\n'
SECOND = HEADER + '"192.0.2.1","a"\n"192.0.2.2","b"\n"192.0.2.3","c"\n'
AWKWARD = (
    HEADER + '"192.0.2.9","say ""hi"", twice\nover two lines"\n"2001:db8::1","Größe, 位置, \u2028 and a trailing space "\n'
)
ODD_NAMES = ("../x.csv", "a/b.csv", "/etc/x.csv", ".hidden.csv", "..", "", "a b.csv", "x\n.csv", "x" * 201)
TRIES_MAX = 10


def _none() -> list[str]:
    return []


def _nothing(_fault: str) -> None:
    return None


@dataclass(slots=True)
class TargetScene:
    """A target, and what tells how its place looks from the other side.

    Attributes:
        kept: Gives the bytes of a file as they are kept there, or None.
        sent: Tells how many uploads the place has taken.
        secrets: Give what must appear nowhere.
        arm: Arms a fault in place of those before; an empty text only takes them away.
        known_faults: Faults that can be armed here, with the error that each must cause, or None when it must pass.
    """

    target: AnyTarget
    kept: Callable[[str], bytes | None]
    sent: Callable[[], int]
    folder: Path
    clock: SteppingClock
    secrets: Callable[[], list[str]] = _none
    arm: Callable[[str], None] = _nothing
    known_faults: Mapping[str, type[WellheadError] | None] = field(default_factory=dict)

    def file(self, text: str, name: str = "lookup.csv") -> LookupFile:
        """Write a finished file that the target may deliver."""
        content = text.encode()
        path = self.folder / f"local-{name}"
        path.write_bytes(content)
        rows = len(rows_of(content))
        return LookupFile(name, path, rows, len(content), hashlib.sha256(content).hexdigest(), ("ip",))

    def changes(self, text: str) -> RowChanges:
        """Write a file of changed rows."""
        path = self.folder / "changes.csv"
        path.write_bytes(text.encode())
        return RowChanges(path, len(rows_of(text.encode())), ("ip",))


def rows_of(content: bytes | None) -> list[dict[str, str]]:
    """Read a CSV as people would."""
    return list(csv.DictReader(io.StringIO((content or b"").decode(), newline="")))


class TargetConformance:
    """The contract, one test a clause; `target` is the entry point's name, `options` go over the simulator's own."""

    target: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    @property
    def kind(self) -> type[AnyTarget]:
        return plugins.installed_targets().load(self.target)

    @contextlib.contextmanager
    def scene(self, folder: Path, **options: Any) -> Iterator[TargetScene]:
        """Serve the target's simulator, on a clock that both share and that never really waits."""
        module = plugins.installed_targets().simulator_of(self.target)
        clock = SteppingClock()
        simulator: TargetSimulator = module.create(module.Settings(), clock=clock)

        def arm(fault: str) -> None:
            simulator.faults.disarm()
            if fault:
                simulator.arm(fault)

        with serve(simulator) as url:
            config = self.kind.config.model_validate({**simulator.options(url), **self.options, **options})
            with self.kind(config, clock) as target:
                yield TargetScene(
                    target,
                    lambda name: next((simulator.shelf.get(kept["place"], name) for kept in simulator.shelf.listing()), None),
                    lambda: len(simulator.shelf.uploads),
                    folder,
                    clock,
                    lambda: [*_secrets_of(config), *simulator.secrets()],
                    arm,
                    {**simulator.outcomes, **dict.fromkeys(simulator.passing_faults)},
                )

    # What the target says of itself

    def test_it_says_what_it_is(self, tmp_path: Path) -> None:
        """It has a title, and each of its options is described."""
        with self.scene(tmp_path):
            assert self.kind.title
            silent = [name for name, info in self.kind.config.model_fields.items() if not info.description]
        assert not silent, f"options without a description: {silent}"

    def test_an_unknown_option_is_refused(self, tmp_path: Path) -> None:
        """A mistyped option is an error that names it, not silence."""
        with self.scene(tmp_path) as scene:
            given = scene.target.options.model_dump() | {"optoin": 1}
        with pytest.raises(ValidationError, match="optoin"):
            self.kind.config.model_validate(given)

    def test_secret_options_are_typed_as_secrets(self, tmp_path: Path) -> None:
        """An option whose name says that it holds a secret is a SecretStr, which shows itself as stars (I6)."""
        with self.scene(tmp_path) as scene:
            options = scene.target.options
        plain = [name for name, value in options if looks_secret(name) and value and not isinstance(value, SecretStr)]
        assert not plain, f"make these SecretStr: {plain}"

    # Whole files

    def test_a_file_that_was_never_put_is_missing(self, tmp_path: Path) -> None:
        """Missing is None, never 0 and never an error."""
        with self.scene(tmp_path) as scene:
            assert scene.target.size_of("lookup.csv") is None

    @pytest.mark.parametrize("text", [FIRST, HEADER, AWKWARD], ids=["plain", "no rows", "awkward"])
    def test_what_is_put_is_there_byte_for_byte(self, tmp_path: Path, text: str) -> None:
        """Quotes, line ends inside values, other alphabets and an empty table arrive as they are."""
        with self.scene(tmp_path) as scene:
            file = scene.file(text)
            scene.target.put(file)
            assert scene.kept("lookup.csv") == text.encode()
            assert scene.target.size_of("lookup.csv") == file.nbytes

    def test_a_file_is_replaced_and_stays_when_put_again(self, tmp_path: Path) -> None:
        """The newest file stands alone, however often it is put."""
        with self.scene(tmp_path) as scene:
            for text in (SECOND, FIRST, FIRST):
                scene.target.put(scene.file(text))
                assert scene.kept("lookup.csv") == text.encode()

    def test_files_stand_beside_each_other(self, tmp_path: Path) -> None:
        """A file's own name counts, not the name it has on this machine."""
        with self.scene(tmp_path) as scene:
            scene.target.put(scene.file(FIRST, "a.csv"))
            scene.target.put(scene.file(SECOND, "b.csv"))
            assert (scene.kept("a.csv"), scene.kept("b.csv")) == (FIRST.encode(), SECOND.encode())

    def test_more_files_than_a_target_takes_at_a_time_are_delivered_all(self, tmp_path: Path) -> None:
        """A dozen files in a row arrive: a target with a pace keeps it by itself."""
        with self.scene(tmp_path) as scene:
            for number in range(12):
                scene.target.put(scene.file(FIRST, f"{number}.csv"))
            assert all(scene.kept(f"{number}.csv") == FIRST.encode() for number in range(12))

    def test_a_file_above_the_limit_is_refused_before_a_byte_is_sent(self, tmp_path: Path) -> None:
        """The limit is the target's option, told in the message with the file's size; nothing arrives."""
        with self.scene(tmp_path, max_bytes=len(FIRST)) as scene:
            scene.target.put(scene.file(FIRST))
            before = scene.sent()
            with pytest.raises(PermanentError, match=f"{len(SECOND):,} bytes"):
                scene.target.put(scene.file(SECOND))
            assert scene.sent() == before
            assert scene.kept("lookup.csv") == FIRST.encode()

    def test_a_name_that_could_mean_another_place_is_refused(self, tmp_path: Path) -> None:
        """Names are plain, whether put or asked for."""
        with self.scene(tmp_path) as scene:
            file = scene.file(FIRST)
            for name in ODD_NAMES:
                odd = LookupFile(name, file.path, file.rows, file.nbytes, file.sha256, file.key_columns)
                with pytest.raises(PermanentError, match="cannot be a lookup file's name"):
                    scene.target.put(odd)
                with pytest.raises(PermanentError, match="cannot be a lookup file's name"):
                    scene.target.size_of(name)
            assert scene.sent() == 0

    # Rows

    def test_rows_are_added_and_changed_or_the_target_says_that_it_cannot(self, tmp_path: Path) -> None:
        """`patch` gives the file as if it had been put whole, also when repeated; or False, and nothing has changed."""
        with self.scene(tmp_path) as scene:
            scene.target.put(scene.file(FIRST))
            changes = scene.changes(HEADER + '"192.0.2.2","b, ""changed""\nhere"\n"192.0.2.3","c"\n')
            done = [scene.target.patch("lookup.csv", changes) for _ in range(2)]
            kept = {row["ip"]: row["note"] for row in rows_of(scene.kept("lookup.csv"))}
        merged = {"192.0.2.1": "a", "192.0.2.2": 'b, "changed"\nhere', "192.0.2.3": "c"}
        assert (done, kept) in [([True, True], merged), ([False, False], {"192.0.2.1": "a", "192.0.2.2": "b"})]

    def test_rows_of_a_missing_file_are_not_taken(self, tmp_path: Path) -> None:
        """Then the whole file must be put."""
        with self.scene(tmp_path) as scene:
            assert scene.target.patch("lookup.csv", scene.changes(FIRST)) is False
            assert scene.kept("lookup.csv") is None

    # When it goes wrong

    def test_each_fault_ends_in_the_error_that_names_its_recovery(self, tmp_path: Path) -> None:
        """A fault that lasts raises TemporaryError or PermanentError, as the simulator says; once it is over the file is delivered."""
        with self.scene(tmp_path, **self.patience) as scene:
            for fault, expected in scene.known_faults.items():
                scene.target.put(scene.file(FIRST))
                scene.arm(f"{fault}:*")
                if expected is not None:
                    with pytest.raises(WellheadError) as error:
                        scene.target.put(scene.file(SECOND))
                    assert isinstance(error.value, expected), f"{fault}: {error.value!r}"
                    scene.arm("")
                scene.target.put(scene.file(SECOND))
                assert scene.kept("lookup.csv") == SECOND.encode(), fault

    def test_a_passing_fault_costs_a_try_and_nothing_else(self, tmp_path: Path) -> None:
        """After a fault that strikes once, at whatever call, trying again delivers the file whole."""
        with self.scene(tmp_path, **self.patience) as scene:
            for fault, expected in scene.known_faults.items():
                for after in range(0 if expected is PermanentError else 4):
                    scene.arm("")
                    scene.target.put(scene.file(FIRST))
                    scene.arm(f"{fault}:1@{after}")
                    tries = self._until_delivered(scene, scene.file(SECOND))
                    assert scene.kept("lookup.csv") == SECOND.encode(), f"{fault} at call {after}, {tries} tries"
                    assert tries <= (1 if expected is None else 2), f"{fault} at call {after}"

    def test_no_secret_is_ever_shown(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """I6: not in errors, their causes, reprs, logs at any level, nor on the terminal, whatever goes wrong."""
        caplog.set_level(logging.DEBUG)
        told: list[str] = []
        with self.scene(tmp_path, **self.patience) as scene:
            for fault in ("", *scene.known_faults):
                scene.arm(f"{fault}:*" if fault else "")
                try:
                    scene.target.put(scene.file(SECOND))
                    scene.target.patch("lookup.csv", scene.changes(FIRST))
                except WellheadError as error:
                    told += _all_of(error)
                told += [repr(scene.target), repr(scene.target.options), str(vars(scene.target))]
            secrets = set(scene.secrets())
        out, err = capfd.readouterr()
        everything = "\n".join([*told, caplog.text, out, err])
        shown = [at for at, secret in enumerate(sorted(secrets)) if secret in everything]
        assert not shown, f"{len(shown)} of {len(secrets)} secrets are shown"

    patience: ClassVar[Mapping[str, Any]] = {}
    """Options under which a fault shows soon."""

    def _until_delivered(self, scene: TargetScene, file: LookupFile) -> int:
        for tried in range(1, TRIES_MAX + 1):
            try:
                scene.target.put(file)
            except TemporaryError as error:
                scene.clock.advance(error.after_secs or 60)
            else:
                return tried
        raise AssertionError(f"not delivered in {TRIES_MAX} tries")


def _secrets_of(options: Any) -> list[str]:
    return [value.get_secret_value() for _, value in options if isinstance(value, SecretStr)]


def _all_of(error: BaseException | None) -> list[str]:
    told: list[str] = []
    while error is not None:
        told += [str(error), repr(error)]
        error = error.__cause__
    return told
