"""Names what can go wrong with the embedded stack; takes a message, gives an exception, never a traceback-only failure.

StackError
├── ArtifactError     a locked file could not be had, or is not the locked one
├── PortTakenError    another process took a port between choosing and binding it
└── StartError        a server died or stayed silent while starting
"""

from wellhead.errors import WellheadError


class StackError(WellheadError):
    """The embedded stack cannot do what was asked; the message holds the next step."""


class ArtifactError(StackError):
    """A locked file could not be downloaded or fails its SHA-256."""


class StartError(StackError):
    """A server exited or did not become ready in time; the message quotes its log."""


class PortTakenError(StartError):
    """A server could not bind its port; starting again with other ports may work."""
