# SPDX-License-Identifier: Apache-2.0
"""The release build of trestle-irc between the stub homeserver and InspIRCd, and the loads that are put on it.

Loads are counted and their order is checked on the far side: on IRC by a client in the channel, at the homeserver by its
ledger. What is lost, doubled or reordered raises WrongOrder. Times are those of the far side too.
"""

import json
import os
import re
import select
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from support.bridge import Bridge, homeserver_options, irc_config
from support.inspircd import InspIRCd
from support.irc_client import IrcClient
from support.stub_homeserver import StubHomeserver

DOMAIN = "bench.test"
PATIENCE_S = 60  # without any progress
PIECE = 4000  # bytes


class WrongOrder(AssertionError):
    """Messages were lost, doubled or exchanged."""


class World:
    """Everything running, `channels` mapped channels, one Matrix user in each room. Use as a context."""

    stub_options = {}

    def __init__(self, directory, channels=1, start=True, ircd=InspIRCd):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.channels = [f"#bench{number}" for number in range(channels)]
        self.users = [f"@user{number}:{DOMAIN}" for number in range(channels)]
        self.rooms = []
        self.ircd = ircd(self.directory / "ircd")
        self.stub = self.bridge = None
        self.starts_bridge = start
        self._load = 0

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.bridge.process and self.bridge.process.alive():
                self.bridge.stop()
        finally:
            self._close()

    def _start(self):
        self.ircd.start()
        config = irc_config("http://127.0.0.1:1", DOMAIN, self.ircd)
        config["logging"]["level"] = "info"
        self.bridge = Bridge(self.directory / "bridge", config)
        options = homeserver_options(self.bridge.generate_registration())
        self.stub = StubHomeserver(self.directory / "stub", domain=DOMAIN, **options, **self.stub_options)
        self.stub.start()
        self.hs_token = options["hs_token"]
        for user in self.users:
            self.stub.control("user", user_id=user)
            self.rooms.append(self.stub.room(user, preset="public_chat"))
        parameters = config["bridged_irc_servers"][0]["parameters"]
        parameters["mappings"] = {channel: {"roomIds": [room]} for channel, room in zip(self.channels, self.rooms)}
        parameters["sendConnectionMessages"] = True  # as by default: figures are of the whole bridge
        parameters["ircClients"]["floodPacing"] = {"enabled": False}
        config["homeserver"]["url"] = self.stub.url
        self.bridge.write_config()
        if self.starts_bridge:
            self.bridge.start()

    def _close(self):
        for part in (self.bridge, self.stub, self.ircd):
            if part:
                part.close()

    # What the bridge has used

    def cpu_ms(self):
        """CPU of all its threads so far."""
        total = 0
        for task in Path(f"/proc/{self.bridge.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e6

    def memory_mb(self, field="VmRSS"):
        """Resident memory now, or with VmHWM the most there was."""
        text = Path(f"/proc/{self.bridge.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) / 1024

    def shares(self):
        """What the resident memory is made of, in words."""
        text = Path(f"/proc/{self.bridge.process.pid}/smaps_rollup").read_text()
        own, shared = (
            int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) / 1024 for field in ("Private_Dirty", "Shared_Clean")
        )
        return f"its own {own:.1f} MB; pages of libraries that others use too {shared:.1f} MB"

    # IRC to Matrix

    @contextmanager
    def senders(self, count=1):
        """An IRC user in each of the first channels, known to the rooms already."""
        clients = [IrcClient(self.ircd.host, self.ircd.port, f"sender{number}") for number in range(count)]
        try:
            for client, channel in zip(clients, self.channels):
                client.join(channel)
                wait_until(lambda c=client, ch=channel: bot_in(c, ch), f"the bot in {channel}")
            self._to_matrix(clients, 1)
            yield clients
        finally:
            for client in clients:
                client.close()

    def irc_to_matrix(self, clients, lines):
        """So many lines of each client at once. Returns messages a second, until the last one is in its room."""
        start, end = self._to_matrix(clients, lines)
        return len(clients) * lines / (end - start)

    def _to_matrix(self, clients, lines):
        self._load += 1
        prefix = f"load {self._load} line"
        before = self.stub.stats()["sends"]
        ledger_start = self.stub.ledger_path.stat().st_size if self.stub.ledger_path.exists() else 0
        texts = [
            b"".join(f"PRIVMSG {channel} :{prefix} {number}\r\n".encode() for number in range(lines))
            for channel in self.channels[: len(clients)]
        ]
        start = time.time()
        pump([client._socket for client in clients], texts)
        wanted = before + lines * len(clients)
        wait_for_count(lambda: self.stub.stats()["sends"], wanted, "messages in the rooms")
        return start, self._check_ledger(ledger_start, prefix, lines, len(clients))

    def _check_ledger(self, offset, prefix, lines, senders):
        """Every line once and in order in its room; the time of the last one in seconds."""
        seen = {room: [] for room in self.rooms[:senders]}
        last = 0
        with open(self.stub.ledger_path, encoding="utf-8") as file:
            file.seek(offset)
            for text in file:
                entry = json.loads(text)
                body = entry.get("content", {}).get("body", "") if entry["kind"] == "send" else ""
                if body.startswith(prefix + " ") and not entry["cached"]:
                    seen[entry["room"]].append(int(body.rsplit(" ", 1)[1]))
                    last = max(last, entry["t"])
        for room, numbers in seen.items():
            check_order(numbers, lines, room)
        return last / 1000

    # Matrix to IRC

    @contextmanager
    def observers(self, count=1):
        """An IRC user in each of the first channels; each room's user is on IRC already."""
        watchers = [Observer(self.ircd, channel, number) for number, channel in enumerate(self.channels[:count])]
        try:
            self._to_irc(watchers, 1)
            yield watchers
        finally:
            for watcher in watchers:
                watcher.close()

    def matrix_to_irc(self, watchers, messages):
        """So many messages of each room's user at once; messages a second, until the last one is in its channel."""
        start, end = self._to_irc(watchers, messages)
        return len(watchers) * messages / (end - start)

    def _to_irc(self, watchers, messages):
        self._load += 1
        prefix = f"load {self._load} message"
        for watcher in watchers:
            watcher.expect(prefix, messages)
        start = time.time()
        for room, user, _ in zip(self.rooms, self.users, watchers):
            self.stub.inject(room, user, messages, prefix=prefix + " ", first=0)
        return start, max(watcher.wait() for watcher in watchers)


class Observer:
    """An IRC client that reads in bulk on a thread of its own and looks at the lines only afterwards."""

    def __init__(self, ircd, channel, number):
        self.channel = channel
        client = IrcClient(ircd.host, ircd.port, f"observer{number}")
        client.join(channel)
        wait_until(lambda: bot_in(client, channel), f"the bot in {channel}")
        self._client = client
        self._socket = client._socket
        self._thread = None

    def close(self):
        self._client.close()

    def expect(self, prefix, count):
        self._prefix = f"PRIVMSG {self.channel} :{prefix} ".encode()
        self._count = count
        self._chunks = []
        self._end = 0.0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self):
        """The time of the last message, once all are here; WrongOrder if they are not as they should be."""
        self._thread.join()
        found = re.findall(re.escape(self._prefix) + rb"(\d+)\r\n", b"".join(self._chunks))
        check_order([int(number) for number in found], self._count, self.channel)
        return self._end

    def _read(self):
        seen = 0
        rest = b""
        self._socket.settimeout(PATIENCE_S)
        while seen < self._count:
            try:
                data = self._socket.recv(262144)
            except TimeoutError:
                return
            if not data:
                return
            self._end = time.time()
            self._chunks.append(data)
            whole, newline, rest = (rest + data).rpartition(b"\n")
            seen += (whole + newline).count(self._prefix)
            if b"\nPING " in whole or whole.startswith(b"PING "):
                token = re.search(rb"(?:^|\n)PING :?(\S+)", whole)[1]
                self._socket.sendall(b"PONG " + token + b"\r\n")


def bot_in(client, channel):
    client.send(f"NAMES {channel}")
    client.drain(0.05)
    return any("MatrixBot" in line and channel in line for line in client.lines if line.command in ("353", "JOIN"))


def pump(sockets, texts):
    """Writes every text to its socket, all at the same time, reading and dropping what comes back.

    In pieces of some 100 lines every 5 ms: InspIRCd takes at most 10 KiB at once, and what lies there beyond that only when
    something else happens, or a second later.
    """
    left = {sock: memoryview(text) for sock, text in zip(sockets, texts)}
    for sock in sockets:
        sock.setblocking(False)
    while left:
        readable, writable, _ = select.select(sockets, list(left), [], 1)
        for sock in readable:
            sock.recv(65536)
        for sock in writable:
            left[sock] = left[sock][sock.send(left[sock][:PIECE]) :]
            if not left[sock]:
                del left[sock]
        time.sleep(0.005)
    for sock in sockets:
        sock.settimeout(20)


def check_order(numbers, count, where):
    if numbers == list(range(count)):
        return
    missing = len(set(range(count)) - set(numbers))
    doubled = len(numbers) - len(set(numbers))
    backward = sum(1 for a, b in zip(numbers, numbers[1:]) if b < a)
    raise WrongOrder(f"{where}: of {count} messages {missing} lost, {doubled} doubled, {backward} out of order")


def wait_until(true, what, timeout=30):
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {timeout} s")
        time.sleep(0.02)


def wait_for_count(count, wanted, what):
    """Until count() >= wanted, as long as it grows."""
    last, since = -1, time.monotonic()
    while (now := count()) < wanted:
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > PATIENCE_S:
            raise WrongOrder(f"{what}: {wanted - now} of {wanted} are missing, and nothing comes any more")
        time.sleep(0.02)


def program(name):
    path = Path(os.environ["TRESTLE_BUILD"]) / "bench" / name
    assert path.exists(), f"{path} has not been built"
    return path
