"""Proves how each product and version is spoken to."""

import pytest
from recorded_store import banner

from wellhead.search.dialect import dialect_of, identify


@pytest.mark.parametrize(
    ("said", "typed", "composable", "view", "number"),
    [
        (banner("6.8.23", flavor="default"), True, False, None, True),
        (banner("7.0.1", flavor="default"), False, False, None, False),
        (banner("7.9.3", flavor="default"), False, True, None, False),
        (banner("7.10.2", flavor="default"), False, True, "elasticsearch", False),
        (banner("7.10.2", flavor="oss"), False, True, None, False),
        (banner("8.15.1", flavor="default"), False, True, "elasticsearch", False),
        (banner("9.2.0", flavor="default"), False, True, "elasticsearch", False),
        (banner("1.3.20", distribution="opensearch"), False, True, None, False),
        (banner("2.3.0", distribution="opensearch"), False, True, None, False),
        (banner("2.19.6", distribution="opensearch"), False, True, "opensearch", False),
        (banner("3.6.0", distribution="opensearch"), False, True, "opensearch", False),
        (banner("7.10.2", distribution="opensearch"), False, True, None, False),
    ],
)
def test_each_version_has_its_dialect(said, typed, composable, view, number):
    """Types, templates, frozen views and totals are those of the product and version that the store names."""
    dialect = dialect_of(said)
    assert (dialect.typed, dialect.composable_templates) == (typed, composable)
    assert (dialect.point_in_time, dialect.total_is_a_number) == (view, number)


@pytest.mark.parametrize("said", [banner("5.6.16"), banner("6.7.2", flavor="default"), banner("x")])
def test_what_is_too_old_is_refused(said):
    """Before Elasticsearch 6.8 there is no dialect, and the message says which are the oldest."""
    with pytest.raises(ValueError, match=r"too old.*1\.0.*6\.8"):
        dialect_of(said)


@pytest.mark.parametrize("said", [{}, {"version": "2"}, {"version": {"number": 2}}])
def test_what_is_no_store_is_refused(said):
    """An answer without a version is that of something else."""
    with pytest.raises(ValueError, match="neither OpenSearch nor Elasticsearch"):
        identify(said)
