"""Gives workers that listen, and ends them with the test."""

import pytest
from listening import Listening


@pytest.fixture
def listening(stack, unique, tmp_path):
    """Give what makes a listening worker of a connector's options and the worker's own."""
    made: list[Listening] = []

    def make(options, **worker):
        made.append(Listening(stack, unique, tmp_path, options, worker))
        return made[-1]

    yield make
    for each in made:
        each.end()
