# SPDX-License-Identifier: Apache-2.0
"""What servers refuse in ways of their own: nicks to wait for (ISON, WATCH, 437), channels (437, 489), and no room (ERROR)."""

import pytest

from support.waiting import eventually, stays


def nick_held(make_stub_world, isupport):
    """Alice has another nick than she wants, which somebody has who is in no channel of ours."""
    world = make_stub_world(ircd={"isupport": isupport})
    world.ircd.control("fake", nick="M-alice")
    world.say("hello")
    world.wait_in_irc(1)
    assert world.ircd.client("M-alice1")
    return world


def test_a_nick_is_asked_for_by_ison_where_the_server_tells_nothing(make_stub_world):
    world = nick_held(make_stub_world, ["-MONITOR", "-WATCH"])
    eventually(lambda: "ISON M-alice" in world.ircd.taken("M-alice1"), 60, "the question")
    assert "NICK M-alice" not in world.ircd.taken("M-alice1")
    world.ircd.control("quit", nick="M-alice")
    eventually(lambda: world.ircd.client("M-alice"), 60, "the nick taken back")
    world.say("by my name")
    world.wait_in_irc(2)


def test_a_server_with_watch_is_asked_to_tell_when_the_nick_is_free(make_stub_world):
    world = nick_held(make_stub_world, ["-MONITOR", "WATCH=128"])
    eventually(lambda: "WATCH +M-alice" in world.ircd.taken("M-alice1"), 20, "WATCH")
    world.ircd.control("raw", nick="M-alice1", line=":irc.scripted.test 604 M-alice1 M-alice u h 1 :is online")
    world.ircd.control("quit", nick="M-alice")
    world.ircd.control("raw", nick="M-alice1", line=":irc.scripted.test 601 M-alice1 M-alice u h 2 :logged offline")
    eventually(lambda: world.ircd.client("M-alice"), 20, "the nick taken back")
    eventually(lambda: "WATCH -M-alice" in world.ircd.taken("M-alice"), 20, "the end of WATCH")


def test_a_nick_that_cannot_be_had_for_a_while_is_told(make_stub_world):
    """437 with a nick is none about a channel, and the old one stays."""
    world = make_stub_world()
    room = world.chat("alice")
    world.say("hello")
    world.wait_in_irc(1)
    world.ircd.control("delay", nick="M-alice", ms=60000)
    world.alice.send_text(room, "!nick late")
    eventually(lambda: b"NICK late" in world.ircd.bytes_path.read_bytes(), 20, "the question")
    world.ircd.control("raw", nick="M-alice", line=":irc.scripted.test 437 M-alice late :Nick/channel is temporarily unavailable")
    assert "437" in world.told(room, "late cannot be yours: it cannot be had for a while")


@pytest.mark.parametrize(
    "numeric, words", [(489, "encrypted connections only.*489"), (437, None)], ids=["only with TLS", "for a while"]
)
def test_a_channel_that_cannot_be_had(make_stub_world, numeric, words):
    """489: what helps is told, and it is not tried again by itself. 437: tried again in a moment."""
    world = make_stub_world(channels=("#a", "#b"))
    world.say("let me in", channel="#b")
    world.wait_in_irc(1, channel="#b")
    world.ircd.control("delay", nick="M-alice", ms=60000)
    world.say("and here")
    eventually(lambda: joins(world) == 1, 20, "the JOIN")
    world.ircd.control("raw", nick="M-alice", line=f":irc.scripted.test {numeric} M-alice #a :Cannot join channel")
    if words:
        world.told(world.rooms["#a"], words)
        assert joins(world) == 1
    else:
        eventually(lambda: joins(world) == 2, 20, "the second JOIN")


def joins(world):
    """How often the puppet has asked for #a; the server has not taken it up."""
    conn = str(world.ircd.client("M-alice")["conn"])
    lines = [line.split(maxsplit=3) for line in world.ircd.bytes_path.read_text("utf-8", "replace").splitlines()]
    return sum(line[3].count("JOIN #a") for line in lines if len(line) == 4 and line[1:3] == [conn, "<"])


FULL = ["Closing Link: [127.0.0.1] (Too many host connections (local))", "This server is full", "No more connections allowed"]


@pytest.mark.parametrize("text", FULL)
def test_no_room_is_told_with_what_helps_and_stops_nobody_else(make_stub_world, text):
    """Some tries in some seconds, then minutes between them; the room goes on without that user, who is not put out of it."""
    world = make_stub_world(users=("alice", "bob"))
    room = world.chat("alice")
    world.ircd.set(refuse="error", refuse_text=text)
    connects = len(world.ircd.ledger("CONNECT"))
    world.say("no room for me")
    told = world.told(room, "cannot be connected to Test IRC for now", timeout=40)
    assert text in told and "minutes" in told and "!reconnect" in told and "administrator" in told
    tried = len(world.ircd.ledger("CONNECT"))
    assert 3 <= tried - connects <= 8
    world.ircd.set(refuse="none")
    world.say("there is room for me", user="bob")
    assert world.wait_in_irc(1) == ["there is room for me"]
    stays(lambda: len(world.ircd.ledger("CONNECT")) == tried + 1, 2, "the long wait")
    assert world.membership(world.rooms["#a"], world.alice.user_id) == "join"
    world.ask("alice", room, "!reconnect")
    world.say("here I am")
    assert world.wait_in_irc(2)[1] == "here I am"
    world.ask("alice", room, "!retry")
    assert world.wait_in_irc(3)[2] == "no room for me"


def test_room_that_is_there_again_in_a_moment_is_waited_for(make_stub_world):
    world = make_stub_world()
    world.ircd.set(refuse="error", refuse_text=FULL[0])
    connects = len(world.ircd.ledger("CONNECT"))
    world.say("one moment")
    eventually(lambda: len(world.ircd.ledger("CONNECT")) == connects + 1, 20, "the first try")
    world.ircd.set(refuse="none")
    assert world.wait_in_irc(1) == ["one moment"]
