"""Takes uvicorn's HTTP connection, gives each request the common name of its client's certificate; never believes an unverified one."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """One connection of a client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who the client is; TLS has verified the certificate, or there is none."""
        super().connection_made(transport)
        certificate = transport.get_extra_info("peercert") or {}
        subject = [pair for name in certificate.get("subject", ()) for pair in name]
        names = [value for kind, value in subject if kind == "commonName"]
        if len(names) == 1:  # of two it could be either
            self.app_state = {**self.app_state, "peer": names[0]}
