"""Gives what the outside may ask a worker over HTTP; importing it loads no server."""
