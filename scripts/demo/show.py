# SPDX-License-Identifier: Apache-2.0
"""The demonstration itself: one sentence from Matrix to IRC and back, shown on both sides as it arrives."""

import collections
import os
import queue
import subprocess
import threading
import time

from progress import Stop, say
from servers import BOT_NICK, CHANNEL

SENTENCE = "A message that was accepted is never lost."
IRC_NICK = "ida"
PATIENCE = 20

Event = collections.namedtuple("Event", "time kind nick target text")


def user_arguments(port):
    """What trestle-irc-user is called with to be in the demo's channel."""
    return ["--host", "127.0.0.1", "--port", str(port), "--nick", IRC_NICK, "--channel", CHANNEL]


class IrcUser:
    """trestle-irc-user: an independent IRC program (libircclient) that says its input and prints what happens."""

    def __init__(self, port):
        program = os.environ["TRESTLE_BUILD"] + "/bin/trestle-irc-user"
        self._child = subprocess.Popen(
            [program, *user_arguments(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._child.stdout:
            fields = line.rstrip("\n").split("\t", 4)
            self._events.put(Event(*fields, *[""] * (5 - len(fields))))
        self._events.put(None)

    def say(self, text):
        self._child.stdin.write(text + "\n")
        self._child.stdin.flush()

    def wait_for(self, matches, what):
        """The first event, not looked at yet, that `matches`."""
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            if event is None:
                raise Stop(f"trestle-irc-user ended while it waited for {what}")
            if matches(event):
                return event
        raise Stop(f"the IRC user did not see {what} within {PATIENCE} s; see the logs")

    def close(self):
        self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


# What is said before the bot is in the channel it could not hear.
def _shows_the_bot(event):
    if event.kind == "353":
        return BOT_NICK in (name.lstrip("~&@%+") for name in event.text.split())
    return event.kind == "join" and event.nick.partition("!")[0] == BOT_NICK


def _matrix_to_irc(state, user, irc):
    say(f"\n  Matrix   {user.user_id} says:  {SENTENCE}")
    start = time.monotonic()
    user.send_text(state["room"], SENTENCE)
    event = irc.wait_for(lambda event: event.kind == "message" and event.text == SENTENCE, "the sentence")
    nick = event.nick.partition("!")[0]
    say(f"  IRC      {CHANNEL} shows:  <{nick}> {event.text}   ({time.monotonic() - start:.2f} s later)")


def _irc_to_matrix(state, user, irc):
    known = {event["event_id"] for event in user.messages(state["room"], 20)}
    say(f"\n  IRC      {IRC_NICK} says in {CHANNEL}:  {SENTENCE}")
    start = time.monotonic()
    irc.say(SENTENCE)
    event = _wait_for_new_message(state["room"], user, known)
    say(f"  Matrix   the room shows:  <{event['sender']}> {SENTENCE}   ({time.monotonic() - start:.2f} s later)")


# Asked for instead of synced: with somebody's homeserver we may be the bridge's bot, which cannot sync.
def _wait_for_new_message(room, user, known):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for event in user.messages(room, 20):
            if event["event_id"] not in known and event["content"].get("body") == SENTENCE:
                return event
        time.sleep(0.05)
    raise Stop(f"the room did not get the sentence within {PATIENCE} s; see the logs")


def demonstrate(state, user, can_speak):
    """Both directions; when the only Matrix user is the bridge's own bot, IRC to Matrix alone."""
    irc = IrcUser(state["irc_port"])
    try:
        irc.wait_for(_shows_the_bot, f"{BOT_NICK} in {CHANNEL}")
        if can_speak:
            _matrix_to_irc(state, user, irc)
        _irc_to_matrix(state, user, irc)
    finally:
        irc.close()
