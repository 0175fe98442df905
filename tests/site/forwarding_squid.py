"""Gives a real squid as a forward proxy on loopback; it keeps nothing and logs nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wellhead.stack.ports import LOOPBACK, PortLease, is_listening

START_SECS = 60.0
CONFIG = """
http_port 127.0.0.1:{port}
acl local src 127.0.0.1/32
http_access allow local
http_access deny all
access_log none
cache_log {folder}/cache.log
pid_filename none
coredump_dir {folder}
netdb_filename none
cache deny all
pinger_enable off
visible_hostname gateway
connect_timeout 2 seconds
forward_max_tries 1
negative_ttl 0 seconds
shutdown_lifetime 1 second
"""


@contextmanager
def forwarding_squid(program: str) -> Iterator[str]:
    """Run one, give its address."""
    lease, folder = PortLease(), Path(tempfile.mkdtemp(prefix="wellhead-squid-"))
    folder.chmod(0o777)  # started by root, squid is another user
    (port,) = lease.take(1)
    (folder / "squid.conf").write_text(CONFIG.format(port=port, folder=folder))
    with (folder / "out.log").open("wb") as log:
        process = subprocess.Popen([program, "-N", "-f", str(folder / "squid.conf")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECS
        while not is_listening(port):
            assert process.poll() is None, f"squid ended: {(folder / 'out.log').read_text()[-2_000:]}"
            assert time.monotonic() < deadline, "squid did not start"
            time.sleep(0.05)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
        lease.release()
