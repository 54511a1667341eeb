# SPDX-License-Identifier: Apache-2.0
"""A small IRC user for tests: registers (SASL PLAIN and capabilities when asked), sends lines, waits for lines.

Every line that came is kept in `lines`. It answers PING and nothing else by itself.
"""

import base64
import socket
import time

from .waiting import Deadline


class Line(str):
    """A line as it came, with its parts: tags (raw), source, command, params (the last one without its colon)."""

    def __new__(cls, text):
        self = super().__new__(cls, text)
        rest = text
        self.tags, self.source = "", ""
        if rest.startswith("@"):
            self.tags, _, rest = rest[1:].partition(" ")
        if rest.startswith(":"):
            self.source, _, rest = rest[1:].partition(" ")
        middle, colon, trailing = rest.partition(" :")
        self.command, *self.params = middle.split()
        if colon:
            self.params.append(trailing)
        return self


class IrcClient:
    def __init__(self, host, port, nick, *, caps=(), account=None, password=None, timeout=20):
        self.nick = nick
        self.lines = []
        self._pending = b""
        self._socket = socket.create_connection((host, port), timeout=timeout)
        wanted = list(caps) + (["sasl"] if account else [])
        if wanted:
            self.send("CAP LS 302")
        self.send(f"NICK {nick}")
        user = "".join(character for character in nick if character.isalnum())
        self.send(f"USER {user} 0 * :{nick}")
        if wanted:
            self._negotiate(wanted, account, password)
        self.wait_for(lambda line: line.command == "001", timeout, "the welcome")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.send("QUIT :bye")
        except OSError:
            pass
        self._socket.close()

    def send(self, line):
        self.send_bytes(line.encode())

    def send_bytes(self, line):
        self._socket.sendall(line + b"\r\n")

    def join(self, channel):
        self.send(f"JOIN {channel}")
        self.wait_for(lambda line: line.command == "366" and line.params[1] == channel, what=f"the end of names of {channel}")

    def say(self, target, text):
        self.send(f"PRIVMSG {target} :{text}")

    def wait_for(self, matches, timeout=20, what="the line"):
        """The first line, of those that came or are to come, that `matches`; AssertionError after the deadline."""
        deadline = Deadline(timeout)
        looked_at = 0
        while True:
            while looked_at < len(self.lines):
                line = self.lines[looked_at]
                looked_at += 1
                if matches(line):
                    return line
            left = deadline.left()
            if not left or not self._receive(left):
                end = "the connection ended" if left else f"it did not come within {deadline.seconds} s"
                last = "\n  ".join(self.lines[-15:])
                raise AssertionError(f"{self.nick} waited for {what}, but {end}; last lines:\n  {last}")

    def wait_for_text(self, text, timeout=20):
        """The line whose last parameter is exactly this text."""
        return self.wait_for(lambda line: line.params[-1:] == [text], timeout, f"the text {text!r}")

    def drain(self, seconds):
        """Reads for so long; for showing that something does not come."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._receive(left):
            pass

    def _receive(self, timeout):
        """Takes what arrives within the timeout. False once the peer has closed."""
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return True
        if not data:
            return False
        *complete, self._pending = (self._pending + data).split(b"\n")
        for raw in complete:
            line = Line(raw.rstrip(b"\r").decode("utf-8", "replace"))
            self.lines.append(line)
            if line.command == "PING":
                self.send("PONG :" + line.params[-1])
        return True

    def _negotiate(self, wanted, account, password):
        self.wait_for(lambda line: line.params[1:2] == ["LS"] and len(line.params) == 3, what="the list of capabilities")
        self.send("CAP REQ :" + " ".join(wanted))
        self.wait_for(lambda line: line.params[1:2] == ["ACK"], what="the capabilities")
        if account:
            self.send("AUTHENTICATE PLAIN")
            self.wait_for(lambda line: line.command == "AUTHENTICATE", what="SASL")
            secret = f"{account}\0{account}\0{password}".encode()
            self.send("AUTHENTICATE " + base64.b64encode(secret).decode())
            self.wait_for(lambda line: line.command == "903", what="the SASL login")
        self.send("CAP END")
