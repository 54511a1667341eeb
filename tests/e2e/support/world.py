# SPDX-License-Identifier: Apache-2.0
"""A bridge between two peers, put together: SynapseWorld with real servers, StubWorld with the stub homeserver and a
scripted ircd whose ledgers say what arrived.
"""

import collections
import contextlib
import itertools
import re
import time

from .bridge import Bridge, homeserver_options, irc_config
from .irc_client import IrcClient
from .matrix_client import MatrixClient, MatrixError, quote
from .waiting import eventually


def parameters_of(config, index=0):
    """The IRC settings of a bridge.yml made by irc_config()."""
    return config["bridged_irc_servers"][index]["parameters"]


def with_sasl(_, entry):
    """`change` of a world whose users log in."""
    entry["parameters"]["sasl"] = True


def unpaced(config):
    """Switches pacing of lines and reconnects off, as for a server that trusts us."""
    for entry in config["bridged_irc_servers"]:
        entry["parameters"]["ircClients"].update(floodPacing={"enabled": False}, reconnectIntervalMs=0)
    return config


class SynapseWorld:
    """A bridge of a shared Synapse to one real ircd. Its mapped channels go round among the tests: nicks are a test's own."""

    def __init__(self, directory, synapse, ircd, prefix, *, rooms):
        self.synapse = synapse
        self.ircd = ircd
        self.prefix = prefix
        self.bot_user = f"@{prefix}bot:{synapse.domain}"
        self.bot_nick = f"{prefix.capitalize()}Bot"
        self.rooms = rooms  # {room version: how many mapped channels}
        self._mapped = {version: collections.deque() for version in rooms}
        self._nicks = itertools.count(1)
        self._users = itertools.count(1)
        config = unpaced(irc_config(synapse.url, synapse.domain, ircd))
        entry = config["bridged_irc_servers"][0]
        entry.update(bot_username=f"{prefix}bot", users_prefix=f"{prefix}_", alias_prefix=f"{prefix}_")
        entry["parameters"]["botConfig"]["nick"] = self.bot_nick
        entry["matrixHandler"] = {"showReactions": True, "showRedactions": True, "shortReplyTresholdSeconds": 0}
        self.bridge = Bridge(directory, config)
        self.bridge.generate_registration()

    def start(self):
        """Makes the rooms and starts the bridge; Synapse runs with its registration by now."""
        self.owner = self.synapse.register(f"{self.prefix}owner")
        self.alice = self.new_user("alice")
        mappings = parameters_of(self.bridge.config)["mappings"]
        for version, count in self.rooms.items():
            for _ in range(count):
                channel, room = f"#mapped{len(mappings)}", self._public_room(version)
                mappings[channel] = {"roomIds": [room]}
                self._mapped[version].append((channel, room))
        self.doubled_channel = "#doubled"
        self.doubled_rooms = [self._public_room("12"), self._public_room("12")]
        mappings[self.doubled_channel] = {"roomIds": self.doubled_rooms}
        self.bridge.write_config()
        self.bridge.start()
        self.wait_to_be_heard(mappings)

    def wait_to_be_heard(self, mappings):
        """Until the bot is in the rooms and their channels: what is said before is heard by nobody."""
        for mapping in mappings.values():
            for room in mapping["roomIds"]:
                eventually(lambda room=room: self.bot_user in self.owner.joined_members(room), 60, f"the bot in {room}")
        with self.irc(*mappings):
            pass

    def close(self):
        self.bridge.close()

    def _public_room(self, version):
        return self.owner.create_room(preset="public_chat", room_version=version)

    def new_user(self, name="user"):
        """A Matrix user of nobody else's; its puppet's nick is nick_of()."""
        return self.synapse.register(f"{self.prefix}{name}{next(self._users)}")

    def nick_of(self, client):
        """The nick that a user without a display name gets."""
        return "M-" + client.user_id[1:].split(":")[0]

    def ghost(self, nick):
        return f"@{self.prefix}_{nick}:{self.synapse.domain}"

    def mapped(self, *users, version="12"):
        """A channel and its room, with these Matrix users in the room."""
        channel, room = self._mapped[version][0]
        self._mapped[version].rotate(-1)
        for user in users:
            user.join(room)
        return channel, room

    def nick(self, word="ann"):
        """A nick that no other test has."""
        return f"{word}{self.prefix}{next(self._nicks)}"

    @contextlib.contextmanager
    def irc(self, *channels, nick=None, caps=()):
        """An IRC user in these channels, beside the bot."""
        with IrcClient(self.ircd.host, self.ircd.port, nick or self.nick(), caps=caps) as client:
            for channel in channels:
                self.enter(client, channel)
            yield client

    def enter(self, client, channel):
        """Joins, and waits until the bot is there."""
        client.join(channel)
        client.wait_for(
            lambda line: self.bot_nick in line and channel in line and line.command in ("353", "JOIN"), 30, "the bot"
        )

    @contextlib.contextmanager
    def operator(self, user):
        """An operator of a channel, the channel, and its room, which the Matrix user has opened and joined."""
        channel = "#" + self.nick("ops")
        with IrcClient(self.ircd.host, self.ircd.port, self.nick("op")) as client:
            client.join(channel)
            self.command(user, self.direct(user), f"!join {channel}", channel)
            room = user.join(self.alias(channel))
            self.enter(client, channel)
            yield client, channel, room

    def alias(self, channel):
        return f"#{self.prefix}_{channel}:{self.synapse.domain}"

    def direct(self, client, target=None):
        """A direct room of the Matrix user with the bot, which has said hello, or with a ghost, which has joined."""
        target = target or self.bot_user
        room = client.create_room(preset="trusted_private_chat", is_direct=True, invite=[target])
        client.wait_for_member(room, target)
        if target == self.bot_user:
            client.wait_for(room, lambda event: event["type"] == "m.room.message", 20, "the bot's greeting")
        return room

    def command(self, client, room, text, answer, timeout=20):
        """Says it to the bot and returns the first reply that matches the expression."""
        start = len(client.seen)
        client.send_text(room, text)

        def matches(event):
            body = event["content"].get("body") or ""
            return event["sender"] == self.bot_user and re.search(answer, body, re.IGNORECASE | re.DOTALL)

        client.seen, earlier = client.seen[start:], client.seen[:start]
        try:
            return client.wait_for(room, matches, timeout, f"an answer like {answer!r} to {text!r}")
        finally:
            client.seen = earlier + client.seen


def spoken(client, room, sender=None):
    """The texts of a room as its members can read them, in order."""
    return [
        event["content"].get("body")
        for event in client.messages(room)
        if event["type"] == "m.room.message" and sender in (None, event["sender"])
    ]


class StubWorld:
    """A bridge between the stub homeserver and a scripted ircd. `rooms` is {channel: number of rooms} or a list."""

    def __init__(self, make_bridge, make_stub, ircd, *, channels=("#a",), database=None, users=("alice",),
                 change=None, ready=True, stub_options=None, wrapper=()):
        config = unpaced(irc_config("http://127.0.0.1:1", "hs.test", ircd))
        if database:
            config["database"] = database
        entry = config["bridged_irc_servers"][0]
        if change:
            change(config, entry)
        self.ircd = ircd
        self.entry = entry
        self.bridge = make_bridge(config, wrapper=wrapper)
        options = homeserver_options(self.bridge.registration)
        self.stub = make_stub(**{**options, "backoff_unit_ms": 100, **(stub_options or {})})
        self.hs_token = options["hs_token"]
        self.as_token = options["as_token"]
        self.bot_user = f"@{options['sender_localpart']}:hs.test"
        config["homeserver"]["url"] = self.stub.url
        names = users if isinstance(users, dict) else dict.fromkeys(users)  # or {user: display name}
        self.users = {user: self.stub.user(user, name) for user, name in names.items()}
        self.rooms = {}
        self._heard = False
        for channel in channels:
            self.rooms[channel] = self.room()
            entry["parameters"]["mappings"][channel] = {"roomIds": [self.rooms[channel]]}
        self.bridge.write_config()
        if ready:
            self.start()

    def room(self, **options):
        """A room with all users that the bot may join."""
        ids = [user.user_id for user in self.users.values()]
        return self.stub.room(ids[0], preset="public_chat", members=ids[1:], **options)

    @property
    def alice(self):
        return self.users["alice"]

    def start(self):
        self.bridge.start()
        for channel in self.rooms:
            self.wait_for_bot(channel)
        self.wait_to_be_heard()

    def wait_to_be_heard(self):
        """Once, until the bot is in the rooms: what is said before is pushed to nobody. Some worlds have rooms or homeservers
        that do not let it in; they are not waited for longer than that."""
        if self._heard:
            return
        self._heard = True
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            try:
                if all(self.membership(room, self.bot_user) == "join" for room in self.rooms.values()):
                    return
            except OSError:
                pass
            time.sleep(0.02)

    def wait_for_bot(self, channel, timeout=20):
        eventually(lambda: "MatrixBot" in self.ircd.members(channel), timeout, f"the bot in {channel}",
                   lambda: self.bridge.process.output()[-3000:])

    def kill_and_start(self):
        self.bridge.kill()
        self.bridge.start()

    def in_irc(self, channel="#a"):
        """Texts that puppets have said in the channel, as the ircd took them."""
        return [text for nick, text in self.ircd.said(channel) if nick.startswith("M-")]

    def in_matrix(self, channel="#a", room=None, sender="@irc_"):
        """Texts that ghosts have said in the room, as the homeserver took them."""
        room = room or self.rooms[channel]
        return [
            line["content"].get("body")
            for line in self.stub.ledger("send")
            if line["room"] == room and not line["cached"] and line["sender"].startswith(sender)
            and line["type"] == "m.room.message"
        ]

    def wait_in_irc(self, count, channel="#a", timeout=30):
        return eventually(lambda: (said := self.in_irc(channel))[count - 1:] and said, timeout,
                          f"{count} lines on IRC", lambda: self._state(self.in_irc(channel)))

    def wait_in_matrix(self, count, channel="#a", timeout=30):
        return eventually(lambda: (said := self.in_matrix(channel))[count - 1:] and said, timeout,
                          f"{count} messages in Matrix", lambda: self._state(self.in_matrix(channel)))

    def who_hears(self, channel="#a"):
        """[(reader, standby), ..] of the channel, as nicks: each time that somebody had begun to stand by."""
        said = rf"{re.escape(channel)}: (\S+|the bot) reads, (\S+|the bot) stands by$"
        found = re.findall(said, self.bridge.process.output(), re.MULTILINE)
        return [tuple("MatrixBot" if who == "the bot" else f"M-{who[1:].partition(':')[0]}" for who in pair) for pair in found]

    def lose_reader(self, lose, channel="#a"):
        """Calls `lose(nick)` of who reads the channel, and waits until another reads and another stands by: only then may one be
        lost again on a server without a history."""
        before = self.who_hears(channel)
        lose(before[-1][0])
        eventually(lambda: len(self.who_hears(channel)) > len(before), 20, f"somebody who stands by after {before[-1]}",
                   lambda: self.who_hears(channel))

    def inject(self, count, channel="#a", user=None, **options):
        """Messages of alice "message 1" .. in the channel's room."""
        self.wait_to_be_heard()
        self.stub.inject(self.rooms[channel], (user or self.alice).user_id, count, **options)

    def say(self, text, channel="#a", user="alice"):
        """One message with this text (or content)."""
        content = text if isinstance(text, dict) else {"msgtype": "m.text", "body": text}
        self.wait_to_be_heard()
        self.stub.inject(self.rooms[channel], self.users[user].user_id, content=content)

    def room_of(self, text, timeout=20):
        """The room in which a ghost says this, as soon as it does."""

        def found():
            return [line["room"] for line in self.stub.ledger("send") if line["content"].get("body") == text]

        return eventually(found, timeout, f"the message {text!r}", lambda: self._state([]))[0]

    def chat(self, user, target=None):
        """A direct room of the user with the bot, which has said hello, or with a ghost, which is in it."""
        target = target or self.bot_user
        client = self.users[user]
        room = client.create_room(preset="trusted_private_chat", is_direct=True, invite=[target])
        eventually(lambda: target in client.joined_members(room), 20, f"{target} in the room", lambda: self._state([]))
        if target == self.bot_user:
            eventually(lambda: self.replies(room), 20, "the bot's greeting", lambda: self._state([]))
        return room

    def replies(self, room):
        return self.in_matrix(room=room, sender=self.bot_user)

    def told(self, room, pattern, timeout=20):
        """The bot's last word in the room that matches."""

        def found():
            return [text for text in self.replies(room) if re.search(pattern, text, re.DOTALL)]

        return eventually(found, timeout, f"word of {pattern!r}", lambda: self._state(self.replies(room)))[-1]

    def ask(self, user, room, text):
        """Says it to the bot; all its answers so far, as soon as there is one."""
        known = len(self.replies(room))
        self.users[user].send_text(room, text)
        return eventually(lambda: self.replies(room)[known:], 20, f"an answer to {text!r}", lambda: self._state([]))

    def membership(self, room, user_id, seen_by=None):
        """The user's membership in the room as the bot (or another of the bridge's users) sees it; None = never in it."""
        path = f"/rooms/{quote(room)}/state/m.room.member/{quote(user_id)}"
        bridge = MatrixClient(self.stub.url, self.bot_user, self.as_token)
        try:
            return bridge.request("GET", path, query={"user_id": seen_by or self.bot_user})["membership"]
        except MatrixError:
            return None

    def _state(self, said):
        return f"{len(said)}: {said[-3:]}; bridge:\n{self.bridge.process.output()[-3000:]}"


def numbered(prefix, count, first=1):
    return [f"{prefix}{number}" for number in range(first, first + count)]

