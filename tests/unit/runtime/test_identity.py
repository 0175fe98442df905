"""Proves that no two stream tasks write under one transactional id."""

import string

import keyed_source
from hypothesis import given
from hypothesis import strategies as st

from wellhead.runtime.identity import TaskIdentity

STREAM = keyed_source.connector.streams[0]
TENANTS = st.text(string.ascii_lowercase[:2] + "-.:0", min_size=1, max_size=5).filter(lambda name: ":" not in name)
NAMES = st.text(string.ascii_lowercase[:2] + "-.:0", min_size=1, max_size=7)
IDENTITIES = st.builds(TaskIdentity, NAMES, st.integers(0, 2), st.just(STREAM), TENANTS, st.booleans())


@given(IDENTITIES, IDENTITIES)
def test_a_transactional_id_names_one_task(one, two):
    """Whatever connectors and tenants are called, only the same stream of the same tenant has the same id, so that it fences nobody else."""
    same = (one.connector, one.task, one.fanned_out) == (two.connector, two.task, two.fanned_out)
    same = same and (not one.fanned_out or one.tenant == two.tenant)
    assert (one.transactional_id("g") == two.transactional_id("g")) == same


def test_alone_it_is_connects():
    """Without fan-out the id is group, connector and number, as everybody expects it."""
    assert TaskIdentity("wss-acme", 0, STREAM, "acme").transactional_id("g") == "g-wss-acme-0"
