"""Proves on a real worker and broker that of streams which die in every way nothing is left: counted in the worker, and asked of the server."""

import pytest

from benchmarks.soak import soak, write_curves

STREAMS = 40
ENOUGH = 8
"""More than a worker's own coming and going, such as a connection to the broker; far less than the streams that died."""
POOL = 40
"""More than asyncio's pool of threads may have; fewer than the connections that are made."""

pytestmark = pytest.mark.timeout(900)


def test_nothing_is_left_of_streams_that_died(stack, unique, tmp_path):
    """A minute of streams that end, break, fall silent or never answer leaves no socket, file, task or thread; all events are there once, and nobody listens on."""
    figures, samples = soak(stack, tmp_path, 1.0, STREAMS, unique.rstrip("."))
    deaths = {name: count for name, count in figures.items() if name.startswith("died_")}
    assert figures["reconnections"] > 4 * ENOUGH, deaths
    assert len(deaths) == 7
    assert len([name for name, count in deaths.items() if count]) >= 5, deaths  # by chance, each of the seven as likely
    leaked = {name: count for name, count in figures.items() if name.startswith("leaked_")}
    assert len(leaked) == 4
    assert leaked.pop("leaked_threads") < POOL, "a pool grows to its size, not with the streams"
    assert max(leaked.values()) < ENOUGH, leaked
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert (figures["exit_code"], figures["left_after_stop"]) == (0, 0)
    write_curves(samples, tmp_path / "curves")
    picture = (tmp_path / "curves/soak.svg").read_text()
    assert picture.count("<polyline") == 4
    assert len((tmp_path / "curves/soak.csv").read_text().splitlines()) == len(samples) + 1
