# SPDX-License-Identifier: Apache-2.0
"""A room that lets only some people speak: the bot raises a ghost where it may, and says what to do where it may not."""

import re

import pytest

from support.waiting import eventually
from support.world import numbered

# On the stub homeserver, which enforces power levels with Synapse's words


def levels(world):
    return world.alice.state(world.rooms["#a"], "m.room.power_levels")


def muted(make_stub_world, *, bot, room_version=12, speaking=50):
    """A world whose room lets people speak from `speaking` on, with the bot at `bot`."""
    world = make_stub_world(stub_options={"room_version": room_version})
    content = levels(world) | {"events_default": speaking, "ban": 61}
    content["users"] = content.get("users", {}) | {world.bot_user: bot}
    world.alice.set_state(world.rooms["#a"], "m.room.power_levels", content)
    return world


@pytest.mark.parametrize("room_version", [11, 12])
def test_a_ghost_that_may_not_speak_is_raised_by_the_bot_and_nothing_else_is_changed(make_stub_world, room_version):
    world = muted(make_stub_world, bot=100, room_version=room_version)
    before = levels(world)
    world.ircd.say("fay", "#a", "in {n}", count=20, first=1)
    world.ircd.say("gus", "#a", "too", count=1)
    assert sorted(world.wait_in_matrix(21)) == sorted(numbered("in ", 20) + ["too"])
    after = levels(world)
    raised = {user: level for user, level in after.pop("users").items() if user not in before["users"]}
    assert raised == {"@irc_fay:hs.test": 50, "@irc_gus:hs.test": 50}
    assert after == {key: value for key, value in before.items() if key != "users"}
    assert world.bridge.process.output().count("raised ghosts") == 2


def test_where_the_bot_may_not_raise_it_the_message_is_dead_and_the_log_says_what_can_be_done(make_stub_world):
    world = muted(make_stub_world, bot=50, speaking=75)
    before = levels(world)
    world.ircd.say("fay", "#a", "into the void")
    eventually(lambda: "speaking there takes power 100" in world.bridge.process.output(), 20, "a line in the log")
    assert levels(world) == before
    assert world.in_matrix() == []
    told = eventually(lambda: [text for nick, text in world.ircd.said("fay") if nick == "MatrixBot"], 20, "the notice")
    assert re.fullmatch(r"Your message of \d\d:\d\d UTC in #a could not be delivered to Matrix: .*", told[0])
    figures = world.bridge.metrics()
    assert [value for name, value in figures.items() if name.startswith("trestle_messages_dead_total")] == [1]
    # An administrator helps; the next one goes on.
    content = before | {"users": before["users"] | {world.bot_user: 100}}
    world.alice.set_state(world.rooms["#a"], "m.room.power_levels", content)
    world.ircd.say("fay", "#a", "heard")
    assert world.wait_in_matrix(1) == ["heard"]


def test_a_notice_that_is_not_delivered_is_not_answered_and_a_nick_that_is_gone_harms_nothing(make_stub_world):
    world = muted(make_stub_world, bot=50, speaking=75)
    world.ircd.control("say", nick="service", target="#a", format="nobody hears this", notice=True)
    world.ircd.control("say", nick="gus", target="#a", format="nor this")
    world.ircd.control("quit", nick="gus")
    eventually(lambda: world.bridge.process.output().count("is not delivered") == 2, 20, "two dead letters")
    world.ircd.say("fay", "#a", "nor this")
    eventually(lambda: world.ircd.said("fay"), 20, "the notice to the next")
    assert not world.ircd.said("service")
    assert world.bridge.ready()


def test_a_kill_in_the_middle_of_a_repair_loses_nothing(make_stub_world):
    world = muted(make_stub_world, bot=100)
    world.stub.settings(delay_ms=100)
    world.ircd.say("fay", "#a", "in {n}", count=5, first=1)
    eventually(lambda: "@irc_fay:hs.test" in world.alice.joined_members(world.rooms["#a"]), 20, "the ghost")
    world.kill_and_start()
    world.stub.settings(delay_ms=0)
    assert world.wait_in_matrix(5) == numbered("in ", 5)


# On Synapse


@pytest.mark.parametrize("version", ["11", "12"])
def test_a_ghost_is_raised_in_a_real_room_of_each_version(inspircd_world, version):
    world = inspircd_world
    channel, room = world.mapped(version=version)
    content = world.owner.state(room, "m.room.power_levels")
    quiet = content | {"events_default": 40, "users": content.get("users", {}) | {world.bot_user: 100}}
    world.owner.set_state(room, "m.room.power_levels", quiet)
    try:
        with world.irc(channel) as ann:
            ann.say(channel, f"may I speak in {version}?")
            world.owner.wait_for_text(room, f"may I speak in {version}?", sender=world.ghost(ann.nick))
            raised = world.owner.state(room, "m.room.power_levels")
            assert raised["users"] == quiet["users"] | {world.ghost(ann.nick): 40}
    finally:
        # The bot's own level cannot be taken back by an equal.
        now = world.owner.state(room, "m.room.power_levels")
        world.owner.set_state(room, "m.room.power_levels", now | {"events_default": 0})


def test_a_person_on_irc_is_told_that_a_message_could_not_be_delivered(world):
    channel, room = world.mapped()
    content = world.owner.state(room, "m.room.power_levels")
    world.owner.set_state(room, "m.room.power_levels", content | {"events_default": 95})
    try:
        with world.irc(channel) as ann:
            ann.say(channel, "does anybody hear me?")
            words = f" in {channel} could not be delivered to Matrix: "
            notice = ann.wait_for(lambda line: words in (line.params or [""])[-1], 20, "the notice")
            assert (notice.command, notice.params[0]) == ("NOTICE", ann.nick)
            assert notice.source.split("!")[0] == world.bot_nick
    finally:
        now = world.owner.state(room, "m.room.power_levels")
        world.owner.set_state(room, "m.room.power_levels", now | {"events_default": 0})
