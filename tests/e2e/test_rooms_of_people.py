# SPDX-License-Identifier: Apache-2.0
"""Rooms as people make and run them: who is put out and asked in again, and homeservers with the limits they have by default."""

import signal

import pytest

from support.waiting import eventually


def put_out(world, user, room, how):
    """Kicks or bans the user, and waits until the bridge has heard of it; a ban is lifted again."""
    alice = world.alice
    alice.kick(room, user) if how == "kick" else alice.request("POST", f"/rooms/{room}/ban", {"user_id": user})
    eventually(lambda: "put the bot out" in world.bridge.process.output(), 20, "word of it")
    if how == "ban":
        alice.request("POST", f"/rooms/{room}/unban", {"user_id": user})


@pytest.mark.parametrize("how", ["kick", "ban"])
def test_a_bot_that_was_put_out_comes_back_when_it_is_invited_though_ghosts_are_in_the_room(stub_world, how):
    world, room = stub_world, stub_world.rooms["#a"]
    world.ircd.say("ann", "#a", "first")
    world.wait_in_matrix(1)
    put_out(world, world.bot_user, room, how)
    assert world.membership(room, world.bot_user, "@irc_ann:hs.test") != "join"
    world.alice.invite(room, world.bot_user)
    eventually(lambda: world.membership(room, world.bot_user) == "join", 20, "the bot in the room")


@pytest.mark.parametrize("kept_out", ["banned", "invite power"])
def test_who_is_not_let_into_a_room_is_told_who_can_change_that_and_is_heard_when_it_was(make_stub_world, kept_out):
    world = make_stub_world(stub_options={"room_version": 11})
    room, ghost = world.rooms["#a"], "@irc_ann:hs.test"
    alice = world.alice
    open_levels = alice.state(room, "m.room.power_levels")
    if kept_out == "banned":
        alice.request("POST", f"/rooms/{room}/ban", {"user_id": ghost})
    else:
        alice.set_state(room, "m.room.join_rules", {"join_rule": "invite"})
        alice.set_state(room, "m.room.power_levels", {**open_levels, "invite": 50})
    world.ircd.say("ann", "#a", "unheard")
    told = eventually(lambda: [text for nick, text in world.ircd.said("ann") if nick == "MatrixBot"], 20, "the notice")
    assert "an administrator of the room has to let the bot invite people, or to lift a ban" in told[0]
    if kept_out == "banned":
        alice.request("POST", f"/rooms/{room}/unban", {"user_id": ghost})
    else:
        alice.set_state(room, "m.room.power_levels", {**open_levels, "invite": 0})
    world.ircd.say("ann", "#a", "heard")
    assert world.wait_in_matrix(1) == ["heard"]


def with_lists(_config, entry):
    shown = {"initial": True, "incremental": True}
    entry["parameters"]["membershipLists"] = {"enabled": True, "global": {"ircToMatrix": shown}}


def test_who_is_put_off_by_the_homeservers_limits_comes_in_however_long_that_takes(make_stub_world):
    world = make_stub_world(change=with_lists)
    world.stub.limit(count=10, retry_after_ms=30, match="/join/")
    world.ircd.control("fake", nick="ann", channel="#a")
    eventually(lambda: "@irc_ann:hs.test" in world.alice.joined_members(world.rooms["#a"]), 30, "the ghost",
               lambda: world.bridge.process.output()[-2000:])


def test_ready_says_that_the_homeserver_limits_us_and_for_how_long(stub_world):
    stub_world.stub.limit(1, retry_after_ms=5000)
    stub_world.ircd.say("ann", "#a", "late")
    eventually(lambda: "limits how much" in stub_world.bridge.get("/ready")[1], 4, "the reason")
    assert stub_world.wait_in_matrix(1) == ["late"]
    status, sentences = stub_world.bridge.get("/ready")
    assert (status, sentences.splitlines()) == (200, ["127.0.0.1: the bot is connected", "ready"])


def test_ready_says_that_the_homeserver_is_silent(stub_world):
    stub_world.stub.process.signal(signal.SIGSTOP)
    stub_world.ircd.say("ann", "#a", "late", wait=False)
    eventually(lambda: "silent for" in stub_world.bridge.get("/ready")[1], 20, "the reason")
    stub_world.stub.process.signal(signal.SIGCONT)
    assert stub_world.wait_in_matrix(1) == ["late"]
    eventually(lambda: "silent" not in stub_world.bridge.get("/ready")[1], 20, "an end of it")
