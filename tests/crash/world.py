# SPDX-License-Identifier: Apache-2.0
"""The built trestle-irc between the stub homeserver and the scripted ircd, killed and started again under load.

The two peers stay up and write down what they took; `Records` turns their ledgers into what ledger.py judges.
"""

import http.client
import json
import random
import re
import socket
import time
from dataclasses import dataclass

from ledger import COMMIT_NS, Kill, Line, Put, Said, Sent, Shown, Verdict, judge_private, judge_to_irc, judge_to_matrix
from support.bridge import Bridge, homeserver_options, irc_config, registration_fields
from support.matrix_client import MatrixError
from support.scripted_ircd import ScriptedIrcd, parse_record
from support.stub_homeserver import StubHomeserver
from witness import Witnesses

DOMAIN = "hs.test"
CHANNELS = ("#red", "#green", "#blue")
MATRIX_USERS = ("ann", "ben", "cat", "dan")
COMER = "eve"  # of Variant.comings
IRC_USERS = ("xan", "yan", "zan")
WINDOW = 16
PATIENCE_S = 30
KILL_AFTER_MS = (1, 400)
BACKLOG_MAX = 600  # messages; with more under way the load waits


@dataclass(frozen=True)
class Variant:
    """How the peers behave and how the bridge is ended."""

    name: str
    profile: str = "history"
    ircd_delay_ms: int = 0
    homeserver_delay_ms: int = 0
    hard: bool = True
    paced: bool = False
    both: bool = False  # load in the other direction too, and that is judged as well
    deaf: bool = False  # the server has a user mode for it: all but three of ours in a channel are
    mixed: bool = False  # Matrix users also say several lines at once, edit and answer
    comings: bool = False  # one of the Matrix users leaves each room, is kicked or says !part, and comes back
    private: bool = False  # what IRC users say is shown only while all members of the room are in the channel
    siblings: bool = False  # each channel has a second room, in which everything is repeated
    retry: bool = False  # channels refuse what is said for a while, and people say !retry
    rate: float = 60.0  # messages a second in each room

    @property
    def window(self):
        return 1 if self.paced else WINDOW

    @property
    def timed(self):
        """Whether the verdict rests on time: nothing but a commit keeps what was read or confirmed before a kill."""
        return self.hard and self.profile != "history"


VARIANTS = (
    Variant("history"),
    Variant("echo", profile="echo"),
    Variant("rfc", profile="rfc"),
    Variant("mixed", mixed=True, rate=30),
    Variant("retry", retry=True, rate=30),
    Variant("comings", comings=True, rate=30),
    Variant("comings-echo", profile="echo", comings=True, rate=30),
    Variant("siblings", siblings=True, mixed=True, rate=15),
    Variant("private", both=True, private=True, rate=30),
    Variant("both", both=True, rate=30),
    Variant("both-echo", profile="echo", both=True, rate=30),
    Variant("deaf", both=True, deaf=True, rate=30),
    Variant("deaf-echo", profile="echo", both=True, deaf=True, rate=30),
    Variant("paced", profile="echo", paced=True, rate=30),
    Variant("slow-ircd", profile="history", ircd_delay_ms=20, rate=12),
    Variant("slow-ircd-echo", profile="echo", ircd_delay_ms=20, rate=12),
    Variant("slow-homeserver", homeserver_delay_ms=30, rate=15),
    Variant("sigterm", profile="echo", hard=False),
    Variant("sigterm-slow-ircd", profile="echo", hard=False, ircd_delay_ms=20, rate=12),
)

_given_ports = set()


def steady_port():
    """A free port that no outgoing connection can take while the bridge is away."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low = int(file.read().split()[0])
    while True:
        port = random.SystemRandom().randrange(10000 if low > 11000 else low, max(low, 20000))
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given_ports:
            _given_ports.add(port)
            return port


class World:
    """One case: everything running but the bridge, which `start` and `end` work on. Use as a context."""

    def __init__(self, directory, variant, database, *, to_irc, debug=False, witnesses=()):
        self.directory = directory
        self.variant = variant
        self.database = database
        self.to_irc = to_irc
        self.debug = debug
        self.witnesses = witnesses
        self.rooms = {}
        self.siblings = {}  # channel: its second room
        self.kills = []
        self.ircd = self.stub = self.bridge = None
        self._next = dict.fromkeys(CHANNELS, 1)
        self._events = {}  # (channel, user): what was said last
        self._choose = random.Random(directory.name)
        self._bot_rooms = {}  # user id: room with the bot

    def __enter__(self):
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for part in (self.bridge, self.stub):
            if part:
                part.close()
        if self.ircd and self.ircd.process:
            self.ircd.kill()

    def _set_up(self):
        variant = self.variant
        self.directory.mkdir(parents=True)
        self.ircd = ScriptedIrcd(
            self.directory / "ircd",
            profile=variant.profile,
            delay_ms=variant.ircd_delay_ms,
            reader="MatrixBot",
            history_depth=200000,
            isupport=["NICKLEN=30"] + ["DEAF=d"] * variant.deaf,
        )
        self.ircd.start()
        config = irc_config("http://127.0.0.1:1", DOMAIN, self.ircd, database=self.database)
        config["logging"]["level"] = "debug" if self.debug else "info"
        config["appservice"]["listen"] = f"127.0.0.1:{steady_port()}"
        config["metrics"]["listen"] = f"127.0.0.1:{steady_port()}"
        self.bridge = Bridge(self.directory / "bridge", config)
        self.stub = StubHomeserver(
            self.directory / "stub",
            domain=DOMAIN,
            **homeserver_options(self.bridge.generate_registration()),
            backoff_unit_ms=20,
            delay_ms=variant.homeserver_delay_ms,
        )
        self.stub.start()
        self._taken, self._put, self._texts = Tail(self.ircd.ledger_path), Tail(self.stub.ledger_path), set()
        users = [f"@{name}:{DOMAIN}" for name in MATRIX_USERS + (COMER,) * variant.comings]
        for user in users:
            self.stub.control("user", user_id=user)
        for channel in CHANNELS:
            self.rooms[channel] = self.stub.room(users[0], members=users[1:], preset="public_chat")
            if variant.siblings:
                self.siblings[channel] = self.stub.room(users[0], members=[], preset="public_chat")
        parameters = config["bridged_irc_servers"][0]["parameters"]
        parameters["mappings"] = {
            channel: {"roomIds": [room, *filter(None, [self.siblings.get(channel)])]} for channel, room in self.rooms.items()
        }
        pacing = {"enabled": True, "burst": 50, "perSecond": 100} if variant.paced else {"enabled": False}
        parameters["ircClients"] = {"nickTemplate": "$LOCALPART", "floodPacing": pacing}
        if variant.private:
            parameters["membershipLists"] = {"enabled": True, "global": {"ircToMatrix": {"requireMatrixJoined": True}}}
        config["homeserver"]["url"] = self.stub.url
        self.bridge.write_config()

    # The bridge

    def start(self, timeout=PATIENCE_S):
        """Until /ready says so."""
        host, port = self.bridge.config["metrics"]["listen"].split(":")
        deadline = time.monotonic() + timeout
        self.bridge.launch()
        while not self._says_ready(host, int(port)):
            if not self.bridge.process.alive():
                raise AssertionError(f"the bridge ended by itself:\n{self.bridge.process.output()[-3000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the bridge is not ready after {timeout} s:\n{self.bridge.process.output()[-3000:]}")
            time.sleep(0.003)

    @staticmethod
    def _says_ready(host, port):
        try:
            connection = http.client.HTTPConnection(host, port, timeout=5)
            connection.request("GET", "/ready")
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except OSError:
            return False

    def end(self, hard):
        """SIGKILL, or SIGTERM and a wait; the instant is kept."""
        self.kills.append(Kill(time.monotonic_ns(), hard))
        if hard:
            self.bridge.kill()
        else:
            self.bridge.stop()

    def warm_up(self):
        """The first life goes on until the bridge is in all channels and messages arrive; nothing of it is killed."""
        self.start()
        deadline = time.monotonic() + PATIENCE_S
        while not all("MatrixBot" in self.ircd.members(channel) for channel in CHANNELS):
            assert time.monotonic() < deadline, f"the bot is not in {CHANNELS}: {self.ircd.state()['channels']}"
            time.sleep(0.02)
        # What is said before the bot is in the room is pushed to nobody.
        someone = self.stub.user(MATRIX_USERS[0])
        while not all(len(someone.joined_members(room)) > len(MATRIX_USERS) for room in self.rooms.values()):
            assert time.monotonic() < deadline, "the bot is not in the rooms"
            time.sleep(0.02)
        while not all(len(someone.joined_members(room)) > 1 for room in self.siblings.values()):
            assert time.monotonic() < deadline, "the bot is not in the second rooms"
            time.sleep(0.02)
        if self.variant.retry or self.variant.comings:
            self._meet_the_bot(deadline)
        if self.variant.comings:
            self._let_the_bot_kick(someone)
        self.load(0.1)
        while self.arrived() < self.said():
            assert time.monotonic() < deadline, f"{self.arrived()} of the first {self.said()} messages have arrived"
            time.sleep(0.02)

    def _bot(self):
        return f"@{registration_fields(self.bridge.registration)['sender_localpart']}:{DOMAIN}"

    def _meet_the_bot(self, deadline):
        bot = self._bot()
        for name in MATRIX_USERS + (COMER,) * self.variant.comings:
            user = self.stub.user(name)
            room = user.create_room(preset="trusted_private_chat", is_direct=True, invite=[bot])
            self._bot_rooms[user.user_id] = room
            while bot not in user.joined_members(room):
                assert time.monotonic() < deadline, "the bot is in no room with its people"
                time.sleep(0.02)

    def _let_the_bot_kick(self, owner):
        for room in self.rooms.values():
            levels = owner.state(room, "m.room.power_levels")
            levels["users"] = {**levels.get("users", {}), self._bot(): 50}
            owner.set_state(room, "m.room.power_levels", levels)

    # Load

    def come_and_go(self, channel):
        """Somebody comes back where they are not, says two things and goes at once, in one of three ways, or stays. What the bot
        is asked for it may do later: in the middle of this."""
        room, comer, owner = self.rooms[channel], self.stub.user(COMER), self.stub.user(MATRIX_USERS[0])
        try:
            if comer.user_id not in owner.joined_members(room):
                comer.join(room)
            for _ in range(2):
                text = f"m {channel[1:]} {self._next[channel]}"
                self.stub.inject(room, comer.user_id, content={"msgtype": "m.text", "body": text})
                self._next[channel] += 1
            way = self._choose.choice(("leave", "kick", "!part", "stay"))
            if way == "leave":
                comer.leave(room)
            elif way == "kick":
                owner.kick(room, comer.user_id)
            elif way == "!part":
                command = {"msgtype": "m.text", "body": f"!part {channel}"}
                self.stub.inject(self._bot_rooms[comer.user_id], comer.user_id, content=command)
        except MatrixError:
            pass  # the bot was quicker

    def moderate(self):
        """Some channels take nothing for a while, others do so again; then people have sent again what was refused."""
        for channel in CHANNELS:
            self.ircd.control("mode", channel=channel, modes=self._choose.choice(("+m", "-m")))
        if self._choose.random() < 0.7:
            self.send_again()

    def send_again(self):
        for user, room in self._bot_rooms.items():
            self.stub.inject(room, user, content={"msgtype": "m.text", "body": "!retry"})

    def load(self, seconds):
        """Messages in every room for so long, by several senders; returns at once."""
        if self.variant.retry and self.kills:
            self.moderate()
        each = max(1, round(self.variant.rate * seconds / len(IRC_USERS)))
        count = each * len(IRC_USERS)
        for channel in CHANNELS:
            if self.variant.comings and self.kills:
                self.come_and_go(channel)
            first = self._next[channel]
            self._next[channel] += count
            if self.to_irc or self.variant.both:
                users = [f"@{name}:{DOMAIN}" for name in MATRIX_USERS]
                if self.variant.mixed:
                    self._say_mixed(channel, users, first, count)
                else:
                    self.stub.inject(
                        self.rooms[channel], users, count, rate=self.variant.rate, prefix=f"m {channel[1:]} ", first=first
                    )
            if not self.to_irc or self.variant.both:
                for name in IRC_USERS:
                    self.ircd.say(
                        name, channel, f"i {channel[1:]} {name} {{n}}", count=each,
                        rate=self.variant.rate / len(IRC_USERS), first=first, wait=False,
                    )

    def _say_mixed(self, channel, users, first, count):
        """So many texts at once: alone, two or three in a message, as an edit of what the same user said before, as an answer
        to another one."""
        number = first
        while number < first + count:
            user = self._choose.choice(users)
            kind = self._choose.choice(("line", "lines", "edit", "answer"))
            texts = [f"m {channel[1:]} {n}" for n in range(number, min(number + (3 if kind == "lines" else 1), first + count))]
            number += len(texts)
            body = "\n".join(texts)
            content = {"msgtype": "m.text", "body": body, "test.texts": texts}
            own = self._events.get((channel, user))
            other = self._events.get((channel, self._choose.choice(users)))
            if kind == "edit" and own:
                content["m.new_content"] = {"msgtype": "m.text", "body": body}
                content["m.relates_to"] = {"rel_type": "m.replace", "event_id": own}
            elif kind == "answer" and other:
                content["m.relates_to"] = {"m.in_reply_to": {"event_id": other}}
            event = self.stub.inject(self.rooms[channel], user, content=content)["event_id"]
            if kind != "edit":
                self._events[channel, user] = event

    def delivered(self):
        """A number that grows with every message that arrives."""
        return self.ircd.counts()["lines_taken"] if self.to_irc else self.stub.stats()["sends"]

    def arrived(self):
        """How many different messages have arrived; reads the ledger of the far side from where it was left."""
        for line in self._taken.lines():
            if "\tTAKEN\t" in line and (found := _TO_IRC.search(line)):
                self._texts.add(found[0])
        for line in self._put.lines():
            if '"kind":"send"' in line and (found := _TO_MATRIX.search(line)):
                self._texts.add(found[0])
        return len(self._texts)

    def said(self):
        return sum(number - 1 for number in self._next.values()) * (2 if self.variant.both else 1)

    def drain(self):
        """Until everything that is owed has arrived, or nothing more comes for a long time."""
        deadline = time.monotonic() + PATIENCE_S
        last = -1
        for channel in CHANNELS if self.variant.retry else ():
            self.ircd.control("mode", channel=channel, modes="-m")
        while True:
            now = self.arrived()
            if self.variant.retry:
                now = len(taken_on(map(parse_record, Tail(self.ircd.ledger_path).lines())))
                if self._quiet():
                    self.send_again()
                    time.sleep(1)
            if now != last:
                last, deadline = now, time.monotonic() + PATIENCE_S
            if self._quiet() and not self.verdict().lost:
                break
            if time.monotonic() > deadline:
                break
            time.sleep(0.3)
        time.sleep(0.5)  # what is doubled may come last

    def _quiet(self):
        stats = self.stub.stats()
        left = stats["queued"] + stats["stored_txns"] + stats["in_flight"] + stats["inject_left"]
        return left == 0 and not self.ircd.counts()["saying"]

    # The verdict

    def kills_with_commits(self):
        """A commit may wait for the one before it, so it takes up to twice what a bare one took at that moment."""
        witnesses = Witnesses(self.witnesses)
        return [kill._replace(commit_ns=max(COMMIT_NS, 2 * witnesses.longest_ns(kill.time_ns))) for kill in self.kills]

    def slow_moments(self):
        return sum(kill.commit_ns > COMMIT_NS for kill in self.kills_with_commits())

    def verdict(self):
        history = self.variant.profile == "history"
        kills = self.kills_with_commits()
        records = [parse_record(line) for line in Tail(self.ircd.ledger_path).lines()]
        entries = [json.loads(line) for line in Tail(self.stub.ledger_path).lines()]
        channels = {room: channel for channel, room in self.rooms.items()}
        verdict = Verdict()
        if self.to_irc or self.variant.both:
            retry = self.variant.retry
            sent, lines = sent_messages(entries, channels), taken_on(records) if retry else written_lines(records)
            verdict.add(
                judge_to_irc(sent, lines, kills, window=self.variant.window, history=history, ordered=not retry)
            )
        if self.variant.siblings:
            siblings = {room: channel for channel, room in self.siblings.items()}
            verdict.add(judge_to_matrix(repeated(entries, channels), repetitions(entries, siblings), kills, history=False))
        if not self.to_irc or self.variant.both:
            said, puts = said_lines(records), put_messages(entries, channels)
            verdict.add(judge_to_matrix(said, puts, kills, history=history))
            if self.variant.private:
                offset_ns = time.time_ns() - time.monotonic_ns()
                verdict.add(judge_private(shown_messages(entries, channels, offset_ns), joins(records), kills, MATRIX_USERS))
        return verdict


_TO_IRC = re.compile(r"\bm (?:red|green|blue) \d+")
_TO_MATRIX = re.compile(r"\bi (?:red|green|blue) [a-z]+ \d+")


class Tail:
    """The whole lines of a growing file, each once."""

    def __init__(self, path):
        self._path = path
        self._offset = 0

    def lines(self):
        if not self._path.exists():
            return []
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode("utf-8", "surrogateescape").split("\n")[:-1]


def sent_messages(entries, channels):
    """What Matrix users said, in order, and whether the bridge answered 200 for it."""
    taken = {event for entry in entries if entry["kind"] == "push" and entry["ok"] for event in entry["events"]}
    return [
        Sent(channels[entry["room"]], localpart(entry["sender"]), text, entry["event"] in taken)
        for entry in entries
        if entry["kind"] == "inject" and entry["room"] in channels
        for text in entry["content"].get("test.texts", [entry["content"]["body"]])
    ]


def ghosts_messages(entries, channels):
    """The messages that ghosts of IRC users sent, in order. The bot's own notices are none of it."""
    for entry in entries:
        if entry["kind"] == "send" and not entry["cached"] and entry["type"] == "m.room.message":
            if entry["room"] in channels and entry["sender"].startswith("@irc_"):
                yield entry


def put_messages(entries, channels):
    """What ghosts sent."""
    return [
        Put(channels[entry["room"]], localpart(entry["sender"])[len("irc_") :], entry["content"]["body"])
        for entry in ghosts_messages(entries, channels)
    ]


def told(entries):
    """{event: what it says, and of which other event's words it says so as an edit or an answer}"""
    words, whole = {}, {}
    for entry in entries:
        if entry["kind"] in ("inject", "send") and entry["type"] == "m.room.message":
            content = entry["content"]
            relation = content.get("m.relates_to", {})
            answered = relation.get("m.in_reply_to", {}).get("event_id")
            body = content.get("m.new_content", content)["body"] if "rel_type" in relation else content["body"]
            words[entry["event"]] = body
            about = f" answers {words.get(answered)!r}" if answered else ""
            about += f" replaces {words.get(relation['event_id'])!r}" if "rel_type" in relation else ""
            whole[entry["event"]] = body + about
    return whole


def repeated(entries, channels):
    """What Matrix users said in the first rooms and was accepted, as what is owed to the second ones."""
    taken = {event for entry in entries if entry["kind"] == "push" and entry["ok"] for event in entry["events"]}
    whole = told(entries)
    never = 1 << 62  # later than all kills: whatever they took, this is owed
    return [
        Said(channels[entry["room"]], localpart(entry["sender"]), whole[entry["event"]], 0, never if entry["event"] in taken else None)
        for entry in entries
        if entry["kind"] == "inject" and entry["room"] in channels
    ]


def repetitions(entries, channels):
    """The same by ghosts in the second rooms."""
    whole = told(entries)
    return [
        Put(channels[entry["room"]], localpart(entry["sender"])[len("irc_") :].rstrip("0123456789"), whole[entry["event"]])
        for entry in ghosts_messages(entries, channels)
    ]


def shown_messages(entries, channels, offset_ns):
    """What ghosts of IRC users sent, and when; offset_ns: from the monotonic clock to that of the homeserver."""
    return [
        Shown(channels[entry["room"]], entry["content"]["body"], entry["t"] * 1_000_000 - offset_ns)
        for entry in ghosts_messages(entries, channels)
    ]


def joins(records):
    """{(channel, nick): when the server took a JOIN}."""
    times = {}
    for record in records:
        if record.kind == "TAKEN" and record.raw.startswith("JOIN "):
            for channel in record.raw.split()[1].split(","):
                times.setdefault((channel, record.nick.rstrip("0123456789")), []).append(record.time_ns)
    return times


def localpart(user_id):
    return user_id[1:].split(":", 1)[0]


# Before the text: that it is a correction, or whom it answers. After a restart the bridge may not know any more what was
# answered; said once it may be either, said twice it is doubled.
_FRONT = re.compile(r"\* |[a-z]+\d*: ")
_PRIVMSG = re.compile(r"(?:@\S+ +)?PRIVMSG (#\S+) :?(.*)", re.DOTALL)


def written_lines(records):
    """The PRIVMSGs to channels that were processed, each with the time of what confirmed it: its echo, or the first PONG
    after it."""
    connected = {}
    lines, confirmed = [], []
    waiting = {}  # connection: indexes of lines nothing has confirmed
    for record in records:
        if record.kind == "CONNECT":
            connected[record.conn] = record.time_ns
        elif record.kind == "TAKEN" and (found := _PRIVMSG.fullmatch(record.raw)):
            waiting.setdefault(record.conn, []).append(len(lines))
            sender = record.nick.rstrip("0123456789")
            text = found[2][front.end():] if (front := _FRONT.match(found[2])) else found[2]
            lines.append((found[1], sender, text, record.conn, connected[record.conn], record.time_ns))
            confirmed.append(None)
        elif record.kind == "ECHO":
            for index in waiting.get(record.conn, []):
                if lines[index][0] == record.fields[0] and record.raw.endswith(lines[index][2]):
                    confirmed[index] = record.time_ns
                    waiting[record.conn].remove(index)
                    break
        elif record.kind == "PONG":
            for index in waiting.pop(record.conn, []):
                confirmed[index] = record.time_ns
    return [Line(*line, time) for line, time in zip(lines, confirmed)]


def taken_on(records):
    """The lines of the bridge's people that the server gave to a channel: others it refused."""
    connected = {}
    lines = []
    for record in records:
        if record.kind == "CONNECT":
            connected[record.conn] = record.time_ns
        elif record.kind == "SAID" and record.fields[0] in CHANNELS and record.conn in connected:
            sender = record.nick.rstrip("0123456789")
            lines.append(
                Line(record.fields[0], sender, record.raw, record.conn, connected[record.conn], record.time_ns, None)
            )
    return lines


def said_lines(records):
    """What IRC users said in channels, and since when the bot's connection was there that heard it."""
    since = None
    connected = {}
    said = []
    for record in records:
        if record.kind == "CONNECT":
            connected[record.conn] = record.time_ns
        elif record.kind == "REGISTER" and record.nick.startswith("MatrixBot"):
            since = connected[record.conn]
        elif record.kind == "SAID" and record.conn == 0:
            heard = since if record.fields[2] == "reader=1" else None
            said.append(Said(record.fields[0], record.nick, record.raw, record.time_ns, heard))
    return said


def database_url(store, postgres, name):
    if store == "sqlite":
        return "sqlite:trestle.db"
    return postgres.create_database(re.sub(r"\W", "_", name))
