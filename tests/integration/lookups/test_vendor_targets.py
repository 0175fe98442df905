"""The whole way from a real topic to the vendors' places, each simulated, the SDK and the HTTP between them real."""

from __future__ import annotations

import csv
import io

import pytest

from connectors.logscale import simulator as logscale
from connectors.ngsiem import simulator as ngsiem
from wellhead.testing.server import serve

NAME = "anomali_threatstream_ip.csv"
PLACES = {"ngsiem": (ngsiem, "falcon"), "logscale": (logscale, "threat-intel")}


@pytest.fixture(params=PLACES)
def vendor(request, lookup):
    """A vendor's place, and the lookup pointed at it."""
    module, where = PLACES[request.param]
    simulator = module.create(module.Settings())
    with serve(simulator) as url:
        del lookup.words["directory.path"]
        lookup.words |= {"target": request.param, "files": "threatstream/ip"}
        lookup.words |= {f"{request.param}.{word}": value for word, value in simulator.options(url).items()}
        yield simulator, where


def rows(vendor) -> list[list[str]]:
    """Give the rows there, header first, the rest by key: a place that took single rows keeps an order of its own."""
    simulator, where = vendor
    head, *found = csv.reader(io.StringIO((simulator.shelf.get(where, NAME) or b"").decode(), newline=""))
    return [head, *sorted(found)]


def test_a_vendors_place_holds_the_topic_run_after_run(lookup, truth, made, vendor):
    """Whole at first, single rows where the vendor takes them, whole again when a row is gone or the file is; never what is not so."""
    simulator, where = vendor
    hows = []

    def run() -> None:
        lookup.once()
        assert rows(vendor) == [truth.rows("ip")[0], *sorted(truth.rows("ip")[1:])]
        hows.append([upload.how for upload in simulator.shelf.uploads[sum(map(len, hows)) :]])

    truth.write(*(made(at, f"192.0.2.{at}", ip=f"192.0.2.{at}") for at in range(1, 200)))
    run()
    truth.write(
        made(7, "192.0.2.7", update_id=1_007, confidence=99, tags=["a,b", 'say "hi"']), made(300, "198.51.100.1", confidence=1)
    )
    run()
    run()
    truth.write(gone=(9,))
    run()
    simulator.shelf.remove(where, NAME)
    run()
    if simulator.name == "ngsiem":
        assert hows == [["POST lookupfiles"], ["PATCH entries update"], [], ["PATCH lookupfiles"], ["POST lookupfiles"]]
    else:
        assert hows == [["POST files"], ["POST files"], [], ["POST files"], ["POST files"]]


def test_a_refused_client_fails_the_run_and_shows_no_secret(lookup, truth, made, vendor):
    """The message names the option; the file is delivered once the client is let in (I6)."""
    simulator, _ = vendor
    truth.write(made(1, "192.0.2.1", ip="192.0.2.1"))
    simulator.arm("forbidden:*")
    told = lookup.once(code=1)
    assert "403 from 127.0.0.1" in told
    assert not [word for word in ("simulated-client-secret", "simulated-logscale-token", *simulator.secrets()) if word in told]
    simulator.faults.disarm()
    lookup.once()
    assert rows(vendor) == truth.rows("ip")
