"""Tests of reading the `lookups` section."""

import pytest

WORKER = """\
worker:
  kafka.bootstrap.servers: 127.0.0.1:9092
  schema.registry.url: http://127.0.0.1:8081
"""
SOUND = f"""{WORKER}lookups:
  ti:
    topic: threatstream.indicator
    files: threatstream/ip, threatstream/domain
    state.dir: /s
    output.dir: /o
    directory.path: /d
"""


def test_a_lookup_has_settings_a_target_and_its_options(loaded):
    """The builder's words and the target's, which stand under its name, are told apart; a folder is the default."""
    (lookup,) = loaded(SOUND).lookups
    assert (lookup.name, lookup.settings.topic, lookup.settings.files) == (
        "ti",
        "threatstream.indicator",
        ("threatstream/ip", "threatstream/domain"),
    )
    assert (lookup.target.name, str(lookup.options.path)) == ("directory", "/d")
    assert (lookup.settings.guard_min_size_ratio, lookup.settings.alert_missing_runs, lookup.settings.schedule()) == (
        0.5,
        2,
        "every 900 s",
    )


def test_nested_words_and_lists_are_the_same(loaded):
    """YAML nesting is sugar, as for connectors."""
    text = SOUND.replace("    directory.path: /d\n", "    directory: {path: /d, mode: '0600'}\n    run: {cron: '10 * * * *'}\n")
    (lookup,) = loaded(text.replace("threatstream/ip, threatstream/domain", "[threatstream/ip]")).lookups
    assert (lookup.options.mode, lookup.settings.files, lookup.settings.schedule()) == (
        "0600",
        ("threatstream/ip",),
        "cron 10 * * * * UTC",
    )


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (("output.dir", "ouput.dir"), "lookups.ti.ouput.dir", "unknown option; did you mean output.dir?"),
        (("directory.path", "directory.pth"), "lookups.ti.directory.pth", "unknown option; did you mean path?"),
        (("directory.path", "drectory.path"), "lookups.ti.drectory.path", "unknown option; did you mean directory.path?"),
        (("    directory.path: /d\n", "    target: folder\n"), "lookups.ti.target", "no target is called 'folder'"),
        (("    directory.path: /d\n", ""), "lookups.ti.directory.path", "required: Folder the files are put into"),
        (("    files: threatstream/ip, threatstream/domain\n", ""), "lookups.ti.files", "required: Mappings"),
        (("state.dir: /s", "state.dir: /o"), "lookups.ti.output.dir", "is also lookups.ti.state.dir"),
        (("directory.path: /d", "directory.path: /o/../o"), "lookups.ti.directory.path", "is also lookups.ti.output.dir"),
        (("state.dir: /s", "state.dir: /s\n    run.cron: x"), "lookups.ti.run.cron", "must be a cron expression"),
        (("state.dir: /s", "state.dir: /s\n    run.cron: '* * 30 2 *'"), "lookups.ti.run.cron", "names a time that never comes"),
        (("state.dir: /s", "state.dir: /s\n    run.cron: '* * * * *'\n    run.interval.secs: 5"), "lookups.ti.run.cron", "cannot stand together"),
        (("state.dir: /s", "state.dir: /s\n    state.memory.max: lots"), "lookups.ti.state.memory.max", "must be a size such as 256MB"),
        (("state.dir: /s", "state.dir: /s\n    guard.min.size.ratio: 2"), "lookups.ti.guard.min.size.ratio", "must be at most 1"),
        (("  ti:", "  t/i:"), "lookups.t/i.name", "must be 1 to 128 characters"),
        (("directory.path: /d", "directory.path: /d\n    logscale.url: http://x"), "lookups.ti.logscale.url", "is an option of the target logscale, but target is directory"),
        (("state.dir: /s", "state.dir: ${env:NOPE}"), "lookups.ti.state.dir", "${env:NOPE} is not set"),
        (("  ti:", "  ti: 5\n  other:"), "lookups.ti", "must be a mapping with at least topic and files"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(refused, change, path, message):
    """Unknown words, wrong values and missing ones name the option and the way on."""
    assert change[0] in SOUND
    told = refused(SOUND.replace(*change, 1))
    if path not in told:
        path = next((known for known in told if known.startswith(path)), path)
    assert path in told, told
    assert message in told[path]


def test_two_lookups_never_share_a_folder(refused):
    """A state has one writer, a file one maker."""
    twin = SOUND.partition("lookups:\n")[2].replace("ti:", "other:")
    assert "lookups.other.state.dir" in refused(SOUND + twin)


def test_a_flag_sets_a_lookups_option(loaded, refused):
    """`--set lookups.<name>.<option>=<value>` wins over the file; a name that is none is told with the closest."""
    (lookup,) = loaded(SOUND, overrides=("lookups.ti.oversize=split", "lookups.ti.directory.mode=0600")).lookups
    assert (lookup.settings.oversize, lookup.options.mode) == ("split", "0600")
    told = refused(SOUND, overrides=("lookups.tii.oversize=split",))
    assert told == {"--set lookups.tii": "no such lookup; did you mean ti?"}


def test_a_targets_secret_is_one_of_the_deployments(loaded):
    """What must never be logged is known to whoever logs."""
    text = SOUND.replace(
        "directory.path: /d",
        "target: logscale\n    logscale.url: http://h\n    logscale.repository: r\n    logscale.token: t0p-s3cret",
    )
    deployment = loaded(text)
    assert "t0p-s3cret" in deployment.secrets()
    assert "t0p-s3cret" not in repr(deployment)


def test_lookups_need_no_connectors(loaded):
    """A deployment may be of one kind only."""
    assert loaded(SOUND).connectors == ()
