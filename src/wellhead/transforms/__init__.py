"""Changes or leaves out records of a batch, column by column, as the operator configured it; never adds one and never changes the schema."""

from wellhead.transforms.bind import bind
from wellhead.transforms.transform import Transform

__all__ = ["Transform", "bind"]
