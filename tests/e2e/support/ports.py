# SPDX-License-Identifier: Apache-2.0
"""Free TCP ports on loopback. A port handed out once is not handed out again by this process."""

import socket

_given = set()


def free_port():
    """A port of 127.0.0.1 that nothing listens on now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def is_listening(port, host="127.0.0.1"):
    """Whether a TCP connection to the port is taken."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
