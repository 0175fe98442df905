"""A source whose module cannot be imported."""

raise RuntimeError("its library is missing")
