"""Takes questions about attacks and hits over HTTP, gives answers from one or two stores; never writes to a store."""
