"""Names of servers beside the brokers are checked before anything is downloaded."""

import pytest

from wellhead.stack.beside import chosen, groups_of
from wellhead.stack.errors import StackError
from wellhead.stack.lock import load_lock


def test_each_name_once_in_a_fixed_order():
    """However the names come, the same servers start in the same order."""
    assert chosen(["old-search", "redis", "redis", "search"]) == ("redis", "search", "old-search")


def test_unknown_names_are_refused_with_the_known_ones():
    """A typo is answered with what there is."""
    with pytest.raises(StackError, match=r"no server 'redid'.*Choose of: redis, search, old-search"):
        chosen(["redis", "redid"])


def test_only_what_is_asked_for_is_downloaded():
    """OpenSearch alone does not bring Elasticsearch along, and Redis needs no download."""
    assert groups_of(("redis", "search")) == ("opensearch",)
    assert groups_of(("redis",)) == ()
    assert set(groups_of(("search", "old-search"))) <= set(load_lock().groups)
