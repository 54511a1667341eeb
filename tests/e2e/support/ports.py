# SPDX-License-Identifier: Apache-2.0
"""Free TCP ports on loopback. A port handed out once is not handed out again by this process, nor, while it runs, by another.

They are taken from below those that the system gives to outgoing connections: a server that is stopped and started again
must find its port free. So that no other test run takes it meanwhile, each process takes its ports out of blocks that it
has claimed, by a socket of that name that ends with it.
"""

import os
import random
import socket

FIRST, LAST = 10240, 32767
BLOCK = 64

_claims = []
_ports = []
os.register_at_fork(after_in_child=_ports.clear)  # those are its parent's


def _claim_block():
    """The ports of a block that no other process has."""
    blocks = list(range(FIRST, LAST + 1, BLOCK))
    random.shuffle(blocks)
    for first in blocks:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0trestle-test-ports-{first}")  # abstract: gone with its process
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return list(range(first, first + BLOCK))
    raise AssertionError("all ports are claimed by other processes")


def free_port():
    """A port of 127.0.0.1 that nothing listens on now."""
    while True:
        if not _ports:
            _ports.extend(_claim_block())
        port = _ports.pop()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def is_listening(port, host="127.0.0.1"):
    """Whether a TCP connection to the port is taken."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
