import pytest
from pydantic import ValidationError
from scripted_stores import attacks_settings

from wellhead.config.attacks import ServeSettings
from wellhead.config.deployment import Deployment
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.api.service import AttacksApi
from wellhead.errors import ConfigError


def deployment():
    worker = WorkerSettings.layered(
        flags={}, environment={}, files={"kafka": {"bootstrap.servers": "h:1"}, "schema.registry": {"url": "http://h:1"}}
    )
    return Deployment(worker, ())


@pytest.mark.parametrize("listeners", ["http://0.0.0.0:8086", "https://0.0.0.0:8086", "http://127.0.0.1:1,http://:2"])
def test_beyond_this_machine_nobody_reads_unasked(listeners):
    """An API that other machines reach is not made without TLS and a way to know who asks; the refusal names its own option."""
    attacks = attacks_settings(listeners=listeners)
    with pytest.raises(ConfigError, match=r"attacks\.wallarm\.serve\.listeners"):
        AttacksApi(deployment(), attacks, lambda: attacks)


def test_without_a_store_there_is_nothing_to_read():
    """An entry whose process only groups has no store to read from, and says what is missing."""
    attacks = attacks_settings().model_copy(update={"stores": {}, "serve": ServeSettings()})
    with pytest.raises(ConfigError, match=r"attacks\.wallarm\.stores"):
        AttacksApi(deployment(), attacks, lambda: attacks)


@pytest.mark.parametrize(
    "wrong",
    [
        {"listeners": "8086"},
        {"listeners": ""},
        {"shift.percent": 100.1},
        {"mirror.percent": -1},
        {"page.max": 5001},
        {"timeout.secs": 0},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    """Shares beyond 0 to 100, pages longer than a store gives, and addresses that are none cannot be configured."""
    with pytest.raises(ValidationError):
        ServeSettings.model_validate(wrong)
