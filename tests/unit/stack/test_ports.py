"""Ports are free, ours alone, and out of the kernel's way."""

import random
import socket
from contextlib import closing
from pathlib import Path

import pytest

from wellhead.stack.errors import StackError
from wellhead.stack.ports import LOOPBACK, PortLease, is_free, is_listening


def lease(folder: Path) -> PortLease:
    return PortLease(folder, random.Random(7))


def test_two_leases_never_share_a_port(tmp_path: Path):
    """The same random choices in two stacks give different ports, though nothing listens yet."""
    first, second = lease(tmp_path), lease(tmp_path)

    ports = first.take(20) + second.take(20)

    assert len(set(ports)) == 40
    first.release()
    second.release()


def test_released_ports_can_be_taken_again(tmp_path: Path):
    """A stopped stack's ports go to whoever asks for them next."""
    first = lease(tmp_path)
    ports = first.take(3)
    first.release()
    first.release()
    second = lease(tmp_path)

    assert second.take(3, preferred=ports) == ports
    second.release()


def test_ports_are_outside_the_kernels_own_range(tmp_path: Path):
    """No port can be taken by an outgoing connection between a broker's kill and restart."""
    ports = lease(tmp_path)
    numbers = ports.take(50)
    ports.release()

    assert all(20_000 <= number < 32_000 for number in numbers)


def test_busy_preferred_port_is_replaced(tmp_path: Path):
    """A port something listens on is not handed out, even when preferred."""
    with closing(socket.create_server((LOOPBACK, 0))) as server:
        busy = server.getsockname()[1]
        ports = lease(tmp_path)

        assert is_listening(busy)
        assert not is_free(busy)
        assert ports.take(1, preferred=[busy]) != [busy]
        ports.release()
    assert not is_listening(busy)


def test_no_free_port_is_explained(tmp_path: Path):
    """When everything is taken the error says where it looked and how to find out who has the ports."""

    class Stubborn(random.Random):
        def randrange(self, *args: int) -> int:
            return 20_001

    hog, late = PortLease(tmp_path, Stubborn()), PortLease(tmp_path, Stubborn())
    hog.take(1, preferred=[20_001])

    with pytest.raises(StackError, match=r"only 0 of 1 free ports on 127\.0\.0\.1 .*wellhead stack status"):
        late.take(1)
    hog.release()
