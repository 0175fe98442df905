"""Takes a list as an operator writes it, gives its texts; never decides which texts are right."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def listed(value: Any) -> Any:
    """Read a comma list, or YAML's own with its numbers and booleans."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, (list, tuple)):
        return tuple(str(part).lower() if isinstance(part, bool) else part for part in value)
    return value


def _some(value: Any) -> Any:
    found = listed(value)
    if found == ():
        raise PydanticCustomError("empty", "must name at least one")
    return found


Aliases = Annotated[tuple[str, ...], BeforeValidator(listed)]
"""Any number of texts."""

Texts = Annotated[tuple[str, ...], BeforeValidator(_some)]
"""At least one text."""
