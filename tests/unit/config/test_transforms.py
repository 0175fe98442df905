"""Tests of transforms as part of a deployment."""

import pytest

from wellhead.config.describe import options_of
from wellhead.config.predicates import PREDICATES
from wellhead.config.transforms import TRANSFORMS

NESTED = """\
    transforms:
      hide: {type: MaskField, fields: [name], hash: {key: "${env:KEY}"}, streams: events}
      drop: {type: Filter, predicate: noise}
    predicates.noise: {type: FieldIsNull, field: name}
"""
FLAT = """\
    transforms: hide,drop
    transforms.hide.type: MaskField
    transforms.hide.fields: name
    transforms.hide.hash.key: ${env:KEY}
    transforms.hide.streams: events
    transforms.drop: {type: Filter, predicate: noise}
    predicates: noise
    predicates.noise.type: FieldIsNull
    predicates.noise.field: name
"""
KEY = {"KEY": "k3y-of-sixteen-characters"}


@pytest.mark.parametrize("written", [NESTED, FLAT])
def test_nested_and_flat_say_the_same(loaded, sound, written):
    """YAML's nesting is sugar; references are resolved, secrets known for redaction, shown as what was written."""
    (one,) = loaded(sound + written, environ=KEY).connectors
    assert one.settings.transforms == ("hide", "drop")
    assert [step.alias for step in one.transforms] == ["hide", "drop"]
    assert one.transforms[0].options.hash_key.get_secret_value() == KEY["KEY"]
    assert KEY["KEY"] in one.secrets()
    assert KEY["KEY"] not in repr(one) + str(one.settings.model_dump()) + str(one.settings.transform_words)


def test_a_flag_may_change_an_option_or_the_list(loaded, sound):
    """What stands in the file may be overridden word by word."""
    flags = ("connectors.one.transforms.hide.fields=id,name", "connectors.one.transforms=drop,hide")
    (one,) = loaded(sound + FLAT, environ=KEY, overrides=flags).connectors
    assert [step.alias for step in one.transforms] == ["drop", "hide"]
    assert one.transforms[1].options.fields == ("id", "name")


@pytest.mark.parametrize(
    ("more", "path", "message"),
    [
        ("    transfroms: a\n", "transfroms", "unknown option; did you mean transforms?"),
        ("    transforms: [a, a]\n    transforms.a: {type: MaskField, fields: name}\n", "transforms", "must list each alias once"),
        ("    transforms: a b\n    transforms.a b: {type: MaskField, fields: name}\n", "transforms", "must list aliases of 1 to 64 letters, digits, _ and -"),
        ("    transforms: {a: {type: MaskField, fields: name, streams: event}}\n", "transforms.a.streams", "no stream is called 'event'; did you mean events?"),
        ("    transforms: {a: {type: MaskField, fields: id, hash.key: '${env:NO}'}}\n", "transforms.a.hash.key", "${env:NO} is not set in the environment"),
        ("    transforms: 5\n", "transforms", "must be a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_rest(refused, sound, more, path, message):
    """Problems of transforms come in the one list, under the connector's path."""
    assert refused(sound + more)[f"connectors.one.{path}"] == message


@pytest.mark.parametrize("model", [*TRANSFORMS.values(), *PREDICATES.values()])
def test_every_option_is_described(model):
    """The reference page is made of these."""
    assert model.__doc__
    assert all(option.description for option in options_of(model))
