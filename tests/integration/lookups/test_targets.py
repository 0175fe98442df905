"""From a real topic to simulated SIEMs: the real clients deliver, what the vendor holds equals what was written."""

import contextlib
import csv
import io

import pytest

from connectors.logscale import simulator as logscale
from connectors.ngsiem import simulator as ngsiem
from wellhead.testing.server import serve

NAME = "anomali_threatstream_ip.csv"


@pytest.fixture(params=["ngsiem", "logscale"])
def siem(request, lookup):
    """A simulated SIEM, the lookup pointed at it."""
    module = {"ngsiem": ngsiem, "logscale": logscale}[request.param]
    simulator = module.create(module.Settings())
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serve(simulator))
        del lookup.words["directory.path"]
        options = {f"{request.param}.{word}": value for word, value in simulator.options(url).items()}
        lookup.words |= {"files": "threatstream/ip", "target": request.param, **options}
        yield simulator


def place(siem) -> str:
    return "falcon" if isinstance(siem, ngsiem.NgsiemSimulator) else siem.settings.repositories[0]


def rows(siem) -> list[list[str]]:
    """Give the rows the SIEM holds, whatever their order; the header first."""
    content = siem.shelf.get(place(siem), NAME)
    assert content is not None
    head, *found = csv.reader(io.StringIO(content.decode(), newline=""))
    return [head, *sorted(found)]


def test_a_siem_holds_the_topic(siem, lookup, truth, made):
    """Whole at first, changed rows where the SIEM takes them, whole again when a row has gone or the file was deleted; nothing when nothing changed."""
    truth.write(*(made(at, f"192.0.2.{at}", tags=["a,b", 'say "hi"']) for at in range(1, 40)))
    lookup.once()
    assert rows(siem) == truth.rows("ip")
    before = len(siem.shelf.uploads)
    lookup.once()
    assert len(siem.shelf.uploads) == before
    truth.write(made(1, "192.0.2.1", update_id=900, confidence=1), made(41, "192.0.2.41"))
    lookup.once()
    assert rows(siem) == truth.rows("ip")
    truth.write(gone=(2, 3))
    lookup.once()
    assert rows(siem) == truth.rows("ip")
    assert siem.shelf.remove(place(siem), NAME)
    lookup.once()
    assert rows(siem) == truth.rows("ip")
    assert len(siem.shelf.uploads) == before + 3
    took_rows = "entries" in siem.shelf.uploads[before].how
    assert took_rows is isinstance(siem, ngsiem.NgsiemSimulator)
