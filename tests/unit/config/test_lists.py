"""Tests of reading lists."""

import pytest
from pydantic import TypeAdapter, ValidationError

from wellhead.config.lists import Aliases, Texts


@pytest.mark.parametrize(
    ("written", "texts"), [("a, b,,c", ("a", "b", "c")), (["a,b", False], ("a,b", "false")), ((), ()), ("", ())]
)
def test_a_list_is_read_as_written(written, texts):
    """A comma list, a YAML list, or none at all."""
    assert TypeAdapter(Aliases).validate_python(written) == texts


@pytest.mark.parametrize("written", ["", " , ", [], 5, {"a": 1}, [None]])
def test_what_is_no_list_is_refused(written):
    """Nothing, a number or a mapping names nothing."""
    with pytest.raises(ValidationError):
        TypeAdapter(Texts).validate_python(written)
