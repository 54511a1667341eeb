# SPDX-License-Identifier: Apache-2.0
"""Free TCP ports on loopback. A port handed out once is not handed out again by this process.

They are taken from below those that the system gives to outgoing connections: a server that is stopped and started again
must find its port free.
"""

import random
import socket

FIRST, LAST = 10240, 32767

_given = set()


def free_port():
    """A port of 127.0.0.1 that nothing listens on now."""
    while True:
        port = random.randint(FIRST, LAST)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def is_listening(port, host="127.0.0.1"):
    """Whether a TCP connection to the port is taken."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
