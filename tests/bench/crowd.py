# SPDX-License-Identifier: Apache-2.0
"""Hundreds and thousands of puppets: a World with a crowd of Matrix users in its rooms, and the loads of the IRC engine.

The server is the scripted one where InspIRCd's own work would be the figure: it lets in one user a second, and writes every
line to each of 500 connections by itself, which takes it longer than the bridge has for the message. The scripted server
gathers for 100 ms what it writes to those who do not say anything themselves, as if it had a processor more. It has the user
mode DEAF, as InspIRCd has.
"""

import json
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

from support.irc_client import IrcClient
from support.scripted_ircd import ScriptedIrcd

from world import DOMAIN, PATIENCE_S, Observer, World, WrongOrder, check_order, pump, wait_for_count, wait_until


class QuietIrcd(ScriptedIrcd):
    """Writes no log of its bytes: a crowd that joins makes gigabytes."""

    def __init__(self, directory, **options):
        super().__init__(directory, **{"profile": "echo", "sendq": 1 << 30, "gather_ms": 100, "isupport": ["DEAF=d"], **options})

    def _argv(self):
        argv = super()._argv()
        at = argv.index("--log-bytes")
        return argv[:at] + argv[at + 2 :]


class TlsIrcd(QuietIrcd):
    """The same over TLS, with a certificate of its own."""

    def __init__(self, directory):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.cert, self.key = directory / "cert.pem", directory / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", str(self.key), "-out", str(self.cert)],
            check=True,
            capture_output=True,
        )
        super().__init__(directory, tls_cert=self.cert, tls_key=self.key)


class Crowd(World):
    """`people` Matrix users, spread over the rooms; none is on IRC before come()."""

    stub_options = {"history": 20000}

    def __init__(self, directory, people, channels=1, ircd=QuietIrcd):
        super().__init__(directory, channels=channels, ircd=ircd, start=False)
        self.people = people
        self.come_s = self.come_cpu_s = 0

    def _start(self):
        super()._start()
        parameters = self.bridge.config["bridged_irc_servers"][0]["parameters"]
        parameters["ircClients"]["maxClients"] = self.people + 1000
        parameters["ircClients"].update(idleTimeout=0, reconnectIntervalMs=0)
        if isinstance(self.ircd, TlsIrcd):
            parameters.update(ssl=True, port=self.ircd.tls_port, ca=self.ircd.cert.read_text())
        share = self.people // len(self.rooms)
        self.crowds = []
        parameters["mappings"] = {}
        for number, channel in enumerate(self.channels):
            for one in range(share if self.people <= 500 else 0):  # their names are in the rooms then
                self.stub.control("user", user_id=f"@crowd{number}x{one + 1}:{DOMAIN}", displayname=f"Crowd {one + 1}")
            room = self.stub.room(
                self.users[number],
                preset="public_chat",
                member_count=share,
                member_prefix=f"crowd{number}x",
                power_level_content_override={"users": {f"@ircbridgebot:{DOMAIN}": 50}},
            )
            self.rooms[number] = room
            parameters["mappings"][channel] = {"roomIds": [room]}
            names = self.stub_members(room, f"@crowd{number}x")
            assert len(names) == share, f"{len(names)} of {share} members"
            self.crowds.append(names)
        self.bridge.config["logging"]["level"] = "warn"
        self.bridge.write_config()
        self.bridge.start()

    def stub_members(self, room, prefix):
        room_creator = self.stub.user(self.users[self.rooms.index(room)][1:].split(":")[0])
        return sorted(user for user in room_creator.joined_members(room) if user.startswith(prefix))

    def wait_to_be_heard(self):
        """Until the bot is in all rooms: what is said before is pushed to nobody."""
        bot = f"@ircbridgebot:{DOMAIN}"
        for room in self.rooms:
            wait_until(lambda room=room: self.stub_members(room, bot), f"the bot in {room}")

    def come(self):
        """Everybody says one message; returns when all are said on IRC and a line from there is in the room."""
        self.wait_to_be_heard()
        before, cpu = self.ircd.counts()["lines_said"], self.cpu_ms()
        start = time.monotonic()
        for room, crowd in zip(self.rooms, self.crowds):
            self.stub.inject(room, crowd, len(crowd), prefix="hello ")
        wanted = before + sum(map(len, self.crowds))
        wait_for_count(lambda: self.ircd.counts()["lines_said"], wanted, "first messages on IRC")
        sends = self.stub.stats()["sends"]
        self.ircd.say("herald", self.channels[0], "all are here")
        wait_for_count(lambda: self.stub.stats()["sends"], sends + 1, "messages in the room")
        self.come_s, self.come_cpu_s = time.monotonic() - start, (self.cpu_ms() - cpu) / 1000

    def speak(self, count, rate=0):
        """`count` messages of the first room, its people taking turns; (messages/s, median ms on the way)."""
        watcher = Observer(self.ircd, self.channels[0], self._load)
        try:
            self._load += 1
            prefix = f"load {self._load} message"
            stamps = self._stamped(watcher, prefix, count)
            offset = self.stub.ledger_path.stat().st_size
            self.stub.inject(self.rooms[0], self.crowds[0], count, rate=rate, prefix=prefix + " ", first=0)
            came = stamps()
            said = self._injected(offset, prefix)
            check_order([number for number, _ in came], count, self.channels[0])
            delays = [(when - said[number]) * 1000 for number, when in came]
            return count / (came[-1][1] - said[0]), statistics.median(delays)
        finally:
            watcher.close()

    def _stamped(self, watcher, prefix, count):
        """Starts reading; the returned call waits and gives (number, time) of each message."""
        pattern = re.compile(re.escape(f"PRIVMSG {watcher.channel} :{prefix} ".encode()) + rb"(\d+)\r\n")
        sock, came, rest = watcher._socket, [], b""
        sock.settimeout(PATIENCE_S)

        def read():
            nonlocal rest
            while len(came) < count:
                data = sock.recv(262144)
                now = time.time()
                whole, _, rest = (rest + data).rpartition(b"\n")
                came.extend((int(number), now) for number in pattern.findall(whole + b"\n"))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()

        def wait():
            thread.join(PATIENCE_S)
            if len(came) < count:
                raise WrongOrder(f"{watcher.channel}: {count - len(came)} of {count} messages did not come")
            return came

        return wait

    def _injected(self, offset, prefix):
        said = {}
        with open(self.stub.ledger_path, encoding="utf-8") as file:
            file.seek(offset)
            for text in file:
                entry = json.loads(text)
                body = entry.get("content", {}).get("body", "") if entry["kind"] == "inject" else ""
                if body.startswith(prefix + " "):
                    said[int(body.rsplit(" ", 1)[1])] = entry["t"] / 1000
        return said

    def talk(self, senders, lines, delay_ms=0):
        """`senders` IRC users say `lines` each in the first channel; (messages/s, ms of CPU each, MB it grew by)."""
        clients = [IrcClient(self.ircd.host, self.ircd.port, f"talker{self._load}x{n}") for n in range(senders)]
        try:
            for client in clients:
                client.join(self.channels[0])
            self._load += 1
            for client in clients:
                client.say(self.channels[0], "warm")
            sends = self.stub.stats()["sends"]
            wait_for_count(lambda: self.stub.stats()["sends"], sends + senders, "messages in the room")
            self.stub.settings(delay_ms=delay_ms)
            prefix = f"load {self._load}"
            texts = [
                b"".join(f"PRIVMSG {self.channels[0]} :{prefix} {n} {i}\r\n".encode() for i in range(lines))
                for n in range(senders)
            ]
            offset, cpu, memory = self.stub.ledger_path.stat().st_size, self.cpu_ms(), self.memory_mb()
            sends = self.stub.stats()["sends"]
            start = time.time()
            pump([client._socket for client in clients], texts)
            grown = self._while_slow(memory) if delay_ms else 0
            wait_for_count(lambda: self.stub.stats()["sends"], sends + senders * lines, "messages in the room")
            used = self.cpu_ms() - cpu
            end = self._check_talk(offset, prefix, senders, lines)
            return senders * lines / (end - start), used / (senders * lines), grown
        finally:
            self.stub.settings(delay_ms=0)
            for client in clients:
                client.close()

    def _while_slow(self, memory):
        time.sleep(6)
        grown = self.memory_mb("VmHWM") - memory
        self.stub.settings(delay_ms=0)
        return max(grown, 0)

    def _check_talk(self, offset, prefix, senders, lines):
        seen, last = {n: [] for n in range(senders)}, 0
        with open(self.stub.ledger_path, encoding="utf-8") as file:
            file.seek(offset)
            for text in file:
                entry = json.loads(text)
                body = entry.get("content", {}).get("body", "") if entry["kind"] == "send" else ""
                if body.startswith(prefix + " ") and not entry["cached"]:
                    _, _, sender, number = body.split(" ")
                    seen[int(sender)].append(int(number))
                    last = max(last, entry["t"])
        for sender, numbers in seen.items():
            check_order(numbers, lines, f"sender {sender}")
        return last / 1000

    def settled_mb(self):
        """Resident memory once what a burst left behind is given back."""
        self.stub.wait_until_pushed()
        time.sleep(11)
        return self.memory_mb()


def crowd_500(results, directory):
    with Crowd(directory, 500) as crowd:
        crowd.come()
        if results.wants("irc_to_matrix_500_puppets", "irc_to_matrix_500_cpu_ms"):
            rate, cpu, _ = crowd.talk(5, 1000)
            results.add("irc_to_matrix_500_puppets", rate, "scripted ircd with DEAF; 0 lost, 0 reordered")
            results.add("irc_to_matrix_500_cpu_ms", cpu)
        if results.wants("irc_to_matrix_slow_homeserver"):
            _, _, grown = crowd.talk(5, 1000, delay_ms=50)
            results.add("irc_to_matrix_slow_homeserver", grown, "scripted ircd; 0 lost, 0 reordered")
        if results.wants("matrix_to_irc_500_burst"):
            rate, _ = crowd.speak(1000)
            results.add("matrix_to_irc_500_burst", rate, "scripted ircd: see tests/bench/crowd.py; 0 lost, 0 reordered")
        if results.wants("matrix_to_irc_500_paced_ms"):
            crowd.ircd.set(gather_ms=0)  # what it gathers is late
            _, delay = crowd.speak(250, rate=50)
            crowd.ircd.set(gather_ms=100)
            results.add("matrix_to_irc_500_paced_ms", delay, "scripted ircd; 0 lost, 0 reordered")
        if results.wants("restart_500_s", "restart_500_requests"):
            restart(results, crowd)


def plain_500(results, directory):
    with Crowd(directory, 500) as crowd:
        crowd.come()
        plain = crowd.settled_mb()
        results.add("memory_500_mb", plain, crowd.shares())
    if results.wants("memory_tls_kb"):
        with Crowd(directory.with_name("tls_500"), 500, ircd=TlsIrcd) as crowd:
            crowd.come()
            secret = crowd.settled_mb()
        results.add("memory_tls_kb", (secret - plain) * 1024 / 500, f"500 puppets: {secret:.1f} MB instead of {plain:.1f}")


def crowd_2000(results, directory):
    with Crowd(directory, 2000) as crowd:
        crowd.come()
        results.add("join_2000_s", crowd.come_s, "scripted ircd: InspIRCd lets in one user a second")
        results.add("join_2000_cpu_s", crowd.come_cpu_s)
        if results.wants("memory_2000_mb"):
            results.add("memory_2000_mb", crowd.settled_mb(), crowd.shares())


def crowd_5000(results, directory):
    with Crowd(directory, 5000, channels=50) as crowd:
        crowd.come()
        results.add("memory_5000_mb", crowd.settled_mb(), f"{crowd.shares()}; all there after {crowd.come_s:.1f} s")


def restart(results, crowd):
    """Nothing has changed: what the bridge asks of the homeserver beyond finding it and its rooms is needless."""
    crowd.stub.wait_until_pushed()
    asked = -1
    while asked != (asked := crowd.stub.stats()["requests"]):  # who has left is shown as gone, one by one
        time.sleep(1)
    crowd.bridge.stop()
    wait_until(lambda: crowd.ircd.counts()["connections"] <= 1, "the end of all connections")
    said, requests = crowd.ircd.counts()["lines_said"], crowd.stub.stats()["requests"]
    crowd.stub.pause()
    crowd.stub.inject(crowd.rooms[0], crowd.crowds[0], 500, prefix="again ")
    start = time.monotonic()
    crowd.bridge.launch()
    wait_until(crowd.bridge.ready, "the bridge")
    crowd.stub.resume()
    wait_for_count(lambda: crowd.ircd.counts()["lines_said"], said + 500, "messages on IRC")
    took = time.monotonic() - start
    asked = crowd.stub.stats()["requests"] - requests
    results.add("restart_500_s", took, f"its own CPU {crowd.cpu_ms() / 1000:.2f} s; scripted ircd")
    note = f"{asked} in all; needed: versions, whoami, ping, registering and naming the bot, members of the room"
    results.add("restart_500_requests", max(asked - 6, 0), note)


def netsplit(results, directory):
    """A thousand IRC users whose ghosts are in the room leave at once and come back, with 100 puppets in the channel."""
    with Crowd(directory, 100) as crowd:
        crowd.come()
        channel = crowd.channels[0]
        crowd.ircd.control("fake", prefix="split", count=1000, channel=channel)
        sends = crowd.stub.stats()["sends"]
        for number in range(1, 1001):
            crowd.ircd.say(f"split{number}", channel, "here")
        wait_for_count(lambda: crowd.stub.stats()["sends"], sends + 1000, "messages in the room")
        before = room_changes(crowd)
        crowd.bridge.metrics()
        crowd.ircd.control("split", prefix="split", servers="hub.test leaf.test")
        time.sleep(2)
        crowd.ircd.control("rejoin", prefix="split", servers="hub.test leaf.test")
        time.sleep(1)
        stall = crowd.bridge.metrics()["trestle_loop_stall_seconds"] * 1000
        crowd.ircd.say("split1000", channel, "here again")
        wait_for_count(lambda: crowd.stub.stats()["sends"], sends + 1001, "messages in the room")
        changes = [after - before.get(user, 0) for user, after in room_changes(crowd).items()]
        results.add("netsplit_1000_stall_ms", stall, "scripted ircd; 100 puppets in the channel")
        results.add("netsplit_1000_changes", max(changes, default=0), f"{sum(changes)} changes of 1,000 users")


def room_changes(crowd):
    """How often each user's membership stands in the room's past, of those that it keeps."""
    creator = crowd.stub.user(crowd.users[0][1:].split(":")[0])
    changes = {}
    for event in creator.messages(crowd.rooms[0], limit=20000):
        if event["type"] == "m.room.member":
            changes[event["state_key"]] = changes.get(event["state_key"], 0) + 1
    return changes


PARTS = [
    (
        crowd_500,
        "irc_to_matrix_500_puppets",
        "irc_to_matrix_500_cpu_ms",
        "irc_to_matrix_slow_homeserver",
        "matrix_to_irc_500_burst",
        "matrix_to_irc_500_paced_ms",
        "restart_500_s",
        "restart_500_requests",
    ),
    (plain_500, "memory_500_mb", "memory_tls_kb"),
    (crowd_2000, "memory_2000_mb", "join_2000_s", "join_2000_cpu_s"),
    (crowd_5000, "memory_5000_mb"),
    (netsplit, "netsplit_1000_stall_ms", "netsplit_1000_changes"),
]
