"""Takes two stores that should hold the same, gives where they differ down to documents and fields; never writes to either."""
