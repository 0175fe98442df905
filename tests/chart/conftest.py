"""Gives helm to all tests of the chart; the first of them builds it, which takes minutes."""

import pytest

BUILD_SECS = 1500


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/chart/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(BUILD_SECS))
