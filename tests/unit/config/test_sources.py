"""Tests of gathering what operators wrote."""

from pathlib import Path

from wellhead.config.sources import Written, collect


def collected(tmp_path: Path, *texts: str, flags: tuple[str, ...] = ()) -> Written:
    paths = []
    for name, text in zip("abc", texts, strict=False):
        paths.append(tmp_path / f"{name}.yaml")
        paths[-1].write_text(text)
    return collect(paths, flags)


def test_files_merge_and_the_last_worker_word_wins(tmp_path):
    """One file for the worker and one for each connector, or any other split."""
    written = collected(
        tmp_path,
        "worker: {group.id: a, log: {level: INFO}}\nconnectors: {x: {a: 1}}\n",
        "worker: {group: {id: b}}\nconnectors: {y: {b: 2}}\n",
    )
    assert written == Written(worker={"group.id": "b", "log.level": "INFO"}, connectors={"x": {"a": 1}, "y": {"b": 2}})


def test_a_connector_stands_in_one_file(tmp_path):
    """Two files that define the same name are a mistake, both are named; spaces around a name do not make another."""
    written = collected(tmp_path, "connectors: {x: {a: 1}}\n", "connectors: {' x ': {a: 2}}\n")
    assert [str(problem) for problem in written.problems] == [
        f"connectors.x: given in {tmp_path}/a.yaml and again in {tmp_path}/b.yaml; rename or remove one"
    ]


def test_flags_find_their_connector_by_its_whole_name(tmp_path):
    """Names may hold dots; the longest that fits is meant."""
    written = collected(
        tmp_path,
        "connectors: {wss: {a: 1}, wss.acme: {a: 1}}\n",
        flags=("connectors.wss.acme.poll.cron=x", "connectors.wss.tenant=t=u", "worker.group.id=g", "log.level=DEBUG"),
    )
    assert written.connector_flags == {"wss.acme": {"poll.cron": "x"}, "wss": {"tenant": "t=u"}}
    assert written.worker_flags == {"group.id": "g", "log.level": "DEBUG"}
    assert written.problems == []


def test_flags_that_mean_nothing_are_told_without_their_text(tmp_path):
    """A flag that is no assignment may be a bare secret."""
    written = collected(
        tmp_path,
        "connectors: {wss: {a: 1}}\n",
        flags=("s3cr3t", "=s3cr3t", "connectors.wsss.x=s3cr3t", "connectors.wss.=s3cr3t", "connectors.=s3cr3t"),
    )
    assert len(written.problems) == 5
    assert "s3cr3t" not in str(written.problems)
    assert written.problems[2].message == "no such connector; did you mean wss?"


def test_sections_have_four_names(tmp_path):
    """Anything else is a typing mistake or another tool's file."""
    written = collected(tmp_path, "workers: {}\nzzz: 1\nworker: 5\nconnectors: [a]\n", "connectors: {x: 5, y: }\nworker:\n")
    assert [str(problem) for problem in written.problems] == [
        f"workers: unknown section in {tmp_path}/a.yaml; did you mean worker?",
        f"zzz: unknown section in {tmp_path}/a.yaml; a file holds 'worker', 'connectors', 'lookups', 'attacks' and 'floods'",
        f"worker: must be a mapping ({tmp_path}/a.yaml)",
        f"connectors: must be a mapping ({tmp_path}/a.yaml)",
        "connectors.x: must be a mapping with at least connector.class",
        "connectors.y: must be a mapping with at least connector.class",
    ]


def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path):
    """A name cannot paint the operator's screen."""
    written = collected(tmp_path, 'connectors: {"a\\e[31m": 5}\n')
    assert [problem.path for problem in written.problems] == ["connectors.a?[31m"]
