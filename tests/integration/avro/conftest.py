"""A real schema registry, and subjects no other test uses."""

from wellhead.testing.stack import stack, unique

__all__ = ["stack", "unique"]
