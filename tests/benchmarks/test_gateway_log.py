"""The benchmark of gateway logs compares like with like."""

import pytest

from benchmarks.gatewaylog import FORMATS, write
from benchmarks.gatewayrows import records
from connectors.webgateway.decode import FormatSpec, open_format


@pytest.mark.parametrize("kind", FORMATS)
def test_both_sides_read_the_same(kind, tmp_path):
    """The product and the plain row path give the same records for the same lines, none of them odd to either."""
    write(50, tmp_path, now_secs=1_770_109_207)
    log = (tmp_path / f"{kind}.log").read_bytes()
    decoded = open_format(FormatSpec()).decode(log)
    ours = [{name: held for name, held in row.items() if held is not None} for row in decoded.table.to_pylist()]
    theirs = [
        {name: held for name, held in row.items() if held is not None} for row in records(kind, log.decode().splitlines())
    ]
    assert ours == theirs
    assert len(ours) == 50
    assert not decoded.rejects
