# SPDX-License-Identifier: Apache-2.0
"""What somebody who wants a message lost, doubled or refused might try on IRC: nothing comes of it."""

import pytest

from support.waiting import eventually
from support.world import numbered


@pytest.mark.parametrize("text", ["\x01VERSION {n}\x01", "\x02\x0f"], ids=["CTCP", "nothing to read"])
def test_a_flood_of_lines_that_say_nothing_hides_nothing_said_after_it_while_the_bridge_was_away(stub_world, text):
    stub_world.ircd.say("fay", "#a", "before")
    stub_world.wait_in_matrix(1)
    stub_world.bridge.kill()
    stub_world.ircd.say("mallory", "#a", text, count=250)
    stub_world.ircd.say("fay", "#a", "away {n}", count=3, first=1)
    stub_world.bridge.start()
    stub_world.wait_for_bot("#a")
    stub_world.ircd.say("fay", "#a", "after")
    eventually(lambda: "after" in stub_world.in_matrix(), 20, "the line after it")
    assert stub_world.in_matrix() == ["before", *numbered("away ", 3), "after"]


def test_a_history_that_cannot_be_read_for_a_moment_is_asked_again(stub_world):
    stub_world.ircd.say("fay", "#a", "before")
    stub_world.wait_in_matrix(1)
    stub_world.bridge.kill()
    stub_world.ircd.say("fay", "#a", "away {n}", count=3, first=1)
    stub_world.ircd.set(history_errors=2)
    stub_world.bridge.start()
    stub_world.wait_for_bot("#a")
    stub_world.ircd.say("fay", "#a", "after")
    assert stub_world.wait_in_matrix(5) == ["before", *numbered("away ", 3), "after"]


def test_who_left_while_too_much_was_said_to_be_held_is_known_to_have_left(make_stub_world):
    """Lines beyond what is held while the history is read are fetched again; a PART among them is not."""
    world = make_stub_world()
    world.ircd.say("fay", "#a", "before")
    world.wait_in_matrix(1)
    world.bridge.kill()
    world.ircd.set(history_errors=1)  # a second in which all that comes has to be held
    world.bridge.start()
    world.wait_for_bot("#a")
    world.ircd.control("part", nick="fay", channel="#a")
    world.ircd.say("ann", "#a", "line {n}", count=2500, first=1)
    assert world.wait_in_matrix(2501, timeout=60)[1:] == numbered("line ", 2500)
    fay = "@irc_fay:hs.test"
    eventually(lambda: world.membership(world.rooms["#a"], fay) != "join", 20, "fay out of the room")


def test_a_history_that_is_broken_for_good_does_not_silence_the_channel(stub_world):
    stub_world.ircd.say("fay", "#a", "before")
    stub_world.wait_in_matrix(1)
    stub_world.bridge.kill()
    stub_world.ircd.set(history_errors=1000)
    stub_world.bridge.start()
    stub_world.wait_for_bot("#a")
    stub_world.ircd.say("fay", "#a", "after")
    eventually(lambda: stub_world.in_matrix() == ["before", "after"], 120, "the live line", stub_world.in_matrix)


@pytest.mark.parametrize("line", [b":M-alice!u@h NICK :\xff\xfe", b":irc.test 396 M-alice u@\xff\xfe :is your host",
                                  b":M-alice!u@h CHGHOST \xff \xfe"], ids=["nick", "cloak", "host"])
def test_a_name_that_cannot_be_stored_stops_nothing(stub_world, line):
    stub_world.say("one")
    stub_world.wait_in_irc(1)
    stub_world.ircd.raw(line + b"\r\nPING :over\r\n", nick="M-alice")
    eventually(lambda: any("PONG over" in taken for taken in stub_world.ircd.taken("M-alice")), 20, "the answer behind it")
    stub_world.say("two")
    stub_world.ircd.say("fay", "#a", "three")
    assert stub_world.wait_in_irc(2) == ["one", "two"]
    assert stub_world.wait_in_matrix(1) == ["three"]
    assert "UTF-8" not in stub_world.bridge.process.output()


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
@pytest.mark.parametrize("command", ["MODE #a +m", "TOPIC #a :mine", "KICK #a fay"])
def test_a_command_that_irc_refuses_does_not_refuse_the_message_behind_it(make_stub_world, profile, command):
    world = talking(make_stub_world, profile)
    chat = world.chat("alice")
    world.alice.send_text(chat, f"!cmd {command}")
    assert_the_next_message_is_not_refused(world, command)


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
def test_a_kick_that_irc_refuses_does_not_refuse_the_message_behind_it(make_stub_world, profile):
    world = talking(make_stub_world, profile)
    world.alice.kick(world.rooms["#a"], "@irc_fay:hs.test", "out")
    assert_the_next_message_is_not_refused(world, "KICK #a fay :Kicked by")


def talking(make_stub_world, profile):
    """fay and alice have spoken; what alice's puppet sends is worked off slowly from now on."""
    world = make_stub_world(ircd={"profile": profile})
    world.ircd.say("fay", "#a", "here")
    world.wait_in_matrix(1)
    world.say("first")
    world.wait_in_irc(1)
    world.ircd.control("delay", nick="M-alice", ms=600)
    return world


def assert_the_next_message_is_not_refused(world, command):
    eventually(lambda: command in world.ircd.bytes_path.read_text(errors="replace"), 20, "the command at the server")
    world.say("second")
    world.wait_in_irc(2)
    world.ircd.control("delay", nick="M-alice", ms=0)
    world.say("third")
    world.wait_in_irc(3)
    assert world.in_irc() == ["first", "second", "third"]
    assert world.replies(world.rooms["#a"]) == []
