"""Tests of the settings base: words, masking, secrets."""

import json

import pytest
from pydantic import Field, SecretStr, ValidationError

from wellhead.config.model import MaskedDict, PassThrough, Settings, dotted, word_of
from wellhead.config.secrets import MASK, Hidden


class Inner(Settings):
    api_key: str = "inner-k3y"


class Sample(Settings):
    user_name: str = "u"
    old_password: str = "old-p4ss"
    typed: SecretStr | None = None
    address: str = "http://u:url-p4ss@h/"
    client: PassThrough = Field(default_factory=dict)
    inner: Inner = Field(default_factory=Inner)


def test_words_are_dotted_names():
    """`group_id` is written `group.id`, and both build the model."""
    assert dotted("group_id") == "group.id"
    assert word_of("user_name", Sample.model_fields["user_name"]) == "user.name"
    assert Sample.model_validate({"user.name": "x"}) == Sample(user_name="x")


def test_settings_are_frozen_and_closed():
    """Nothing changes after the start, nothing unknown slips in."""
    with pytest.raises(ValidationError):
        Sample().user_name = "y"
    with pytest.raises(ValidationError):
        Sample.model_validate({"nope": 1})


def test_pass_through_takes_what_kafka_takes():
    """Numbers, booleans and lists become the text a client wants; null is as if not written."""
    made = Sample(client={"a": 1, "b": True, "c": ["h:1", "h:2"], "d": 0.5, "e": None, "f": "x"})
    assert made.client == {"a": "1", "b": "true", "c": "h:1,h:2", "d": "0.5", "f": "x"}


def test_a_dump_shows_no_secret():
    """repr, str, model_dump and JSON mask by name, type, provider and inside addresses; the attributes hold the values."""
    made = Sample(
        typed=SecretStr("typed-s3cret"),
        client={"sasl.password": "cl-p4ss", "host": Hidden("given-h0st", "${env:H}"), "url": "http://a:cl-url-p4ss@h"},
        user_name=Hidden("given-us3r", "${env:U}"),
    )
    values = ["old-p4ss", "typed-s3cret", "url-p4ss", "cl-p4ss", "given-h0st", "cl-url-p4ss", "given-us3r", "inner-k3y"]
    shown = " ".join(
        [
            repr(made),
            str(made),
            str(made.model_dump()),
            made.model_dump_json(),
            made.model_dump_json(by_alias=True),
            repr(made.client),
        ]
    )
    assert [value for value in values if value in shown] == []
    assert made.user_name == "given-us3r"
    assert made.client["sasl.password"] == "cl-p4ss"
    dumped = json.loads(made.model_dump_json(by_alias=True))
    assert dumped["user.name"] == "${env:U}"
    assert dumped["client"] == {"sasl.password": MASK, "host": "${env:H}", "url": f"http://{MASK}@h"}


def test_secrets_are_the_literals_to_redact():
    """Every secret value is listed; what names topics is not one, wherever it came from."""
    made = Sample(
        user_name=Hidden("given-us3r", "${env:U}"),
        client={"sasl.password": "cl-p4ss", "opaque": Hidden("given-v4lue", "${env:V}")},
    )
    assert made.secrets() == ["given-v4lue", "inner-k3y", "old-p4ss", "url-p4ss", "cl-p4ss"]


def test_addresses_from_a_provider_are_not_redacted():
    """An error that hides which broker is away helps nobody."""
    made = Sample(
        client={"bootstrap.servers": Hidden("broker:9092", "${env:B}"), "url": Hidden("http://u:reg-p4ss@r", "${env:R}")}
    )
    assert made.secrets() == sorted(["inner-k3y", "old-p4ss", "url-p4ss", "reg-p4ss"], key=lambda text: (-len(text), text))


def test_a_masked_dict_is_a_dict():
    """Clients take it as it is."""
    values = MaskedDict({"password": "p4ssword", "n": 1})
    assert dict(values) == {"password": "p4ssword", "n": 1}
    assert str(values) == f"{{'password': '{MASK}', 'n': 1}}"


def test_errors_do_not_hold_the_value():
    """pydantic's own message is silent about what was written."""
    with pytest.raises(ValidationError) as error:
        Sample.model_validate({"client": {"a": {"b": "s3cr3t"}}, "s3cr3t-free": "s3cr3t"})
    assert "s3cr3t'" not in str(error.value)
