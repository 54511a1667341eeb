# SPDX-License-Identifier: Apache-2.0
"""Who is shown on the other side: at start and as people come and go, as membershipLists says; nothing is asked twice."""

import pytest

from support.matrix_client import MatrixError
from support.waiting import eventually, stays
from support.world import numbered, parameters_of


def lists(**settings):
    """A change of the configuration: membershipLists with these settings, and no limits that get in the way."""

    def change(_config, entry):
        parameters = entry["parameters"]
        parameters["membershipLists"] = {"enabled": True, **settings}
        parameters["ircClients"].update(maxClients=0, reconnectIntervalMs=0)

    return change


BOTH = {
    "global": {
        "ircToMatrix": {"initial": True, "incremental": True},
        "matrixToIrc": {"initial": True, "incremental": True},
    }
}


def ghosts(world, channel="#a"):
    """The nicks of the ghosts in the channel's room."""
    members = world.alice.joined_members(world.rooms[channel])
    return {user[len("@irc_"):].split(":")[0] for user in members if user.startswith("@irc_")}


def wait_for_ghosts(world, expected, channel="#a"):
    eventually(lambda: ghosts(world, channel) == set(expected), 20, f"the ghosts {sorted(expected)}",
               lambda: sorted(ghosts(world, channel)))


def puppets(world, channel="#a"):
    return {nick for nick in world.ircd.members(channel) if nick.startswith("M-")}


def wait_for_puppets(world, expected, channel="#a"):
    eventually(lambda: puppets(world, channel) == set(expected), 20, f"the puppets {sorted(expected)}",
               lambda: sorted(world.ircd.members(channel)))


# From IRC to Matrix


def test_everybody_in_the_channel_is_in_the_room_after_the_start(make_stub_world):
    world = make_stub_world(change=lists(**BOTH), ready=False)
    world.ircd.control("fake", prefix="f", count=30, channel="#a")
    world.start()
    wait_for_ghosts(world, {f"f{n}" for n in range(1, 31)})


def test_without_initial_nobody_joins_before_he_speaks_or_comes(make_stub_world):
    world = make_stub_world(change=lists(**{"global": {"ircToMatrix": {"incremental": True}}}), ready=False)
    world.ircd.control("fake", nick="old", channel="#a")
    world.start()
    world.ircd.control("fake", nick="new", channel="#a")
    wait_for_ghosts(world, {"new"})
    world.ircd.say("old", "#a", "I was here before")
    wait_for_ghosts(world, {"new", "old"})


def test_without_incremental_a_ghost_comes_when_it_speaks_and_goes_when_it_leaves(make_stub_world):
    world = make_stub_world(change=lists(**{"global": {"ircToMatrix": {"initial": False}}}))
    world.ircd.control("fake", nick="ann", channel="#a")
    world.ircd.control("fake", nick="bob", channel="#a")
    world.ircd.say("bob", "#a", "hello")
    wait_for_ghosts(world, {"bob"})
    world.ircd.control("part", nick="bob", channel="#a", reason="gone")
    wait_for_ghosts(world, set())


def test_a_channel_can_differ_from_the_rest(make_stub_world):
    settings = {**BOTH, "channels": [{"channel": "#B", "ircToMatrix": {"initial": False}}]}
    world = make_stub_world(channels=("#a", "#b"), change=lists(**settings), ready=False)
    world.ircd.control("fake", nick="ann", channel="#a")
    world.ircd.control("fake", nick="bob", channel="#b")
    world.start()
    wait_for_ghosts(world, {"ann"}, "#a")
    world.ircd.control("fake", nick="new", channel="#b")
    wait_for_ghosts(world, {"new"}, "#b")


def test_who_left_while_the_bridge_was_away_is_no_longer_in_the_room(make_stub_world, database):
    world = make_stub_world(change=lists(**BOTH), database=database)
    world.ircd.control("fake", nick="ann", channel="#a")
    world.ircd.control("fake", nick="bob", channel="#a")
    wait_for_ghosts(world, {"ann", "bob"})
    world.bridge.kill()
    world.ircd.control("part", nick="ann", channel="#a")
    world.ircd.control("fake", nick="cleo", channel="#a")
    world.bridge.start()
    wait_for_ghosts(world, {"bob", "cleo"})


def test_who_left_while_the_server_was_away_is_no_longer_in_the_room(make_stub_world):
    world = make_stub_world(change=lists(**BOTH))
    world.ircd.control("fake", nick="ann", channel="#a")
    wait_for_ghosts(world, {"ann"})
    world.ircd.restart()
    world.ircd.control("fake", nick="bob", channel="#a")
    wait_for_ghosts(world, {"bob"})


def test_who_comes_and_goes_at_once_costs_no_request(make_stub_world):
    world = make_stub_world(change=lists(**BOTH))
    world.ircd.control("fake", nick="ann", channel="#a")
    wait_for_ghosts(world, {"ann"})
    world.stub.settings(delay_ms=200)
    world.ircd.control("fake", nick="slow", channel="#a")
    before = world.stub.stats()["requests"]
    for _ in range(50):
        world.ircd.control("part", nick="ann", channel="#a")
        world.ircd.control("join", nick="ann", channel="#a")
    world.stub.settings(delay_ms=0)
    wait_for_ghosts(world, {"ann", "slow"})
    stays(lambda: ghosts(world) == {"ann", "slow"}, 0.5, "ann in the room")
    assert world.stub.stats()["requests"] - before < 40  # each coming and going alone would be 100


def with_join_attempts(attempts):
    def change(config, entry):
        # without `initial`, whose complete lists would bring the ghost in at a moment of their own
        lists(**{"global": {"ircToMatrix": {"incremental": True}}})(config, entry)
        entry["parameters"]["matrixClients"] = {"joinAttempts": attempts}

    return change


@pytest.mark.parametrize("attempts", [3, 0])
def test_a_join_that_the_room_refuses_is_tried_again_as_often_as_configured(make_stub_world, attempts):
    world = make_stub_world(change=with_join_attempts(attempts))
    world.stub.fail(count=5, status=403, match="/join/")
    world.ircd.control("fake", nick="ann", channel="#a")
    eventually(lambda: "to be tried again" in world.bridge.process.output(), 10, "a refusal")
    wait_for_ghosts(world, {"ann"})


def test_a_refused_join_is_not_tried_again_without_the_setting_but_who_speaks_comes_in(make_stub_world):
    world = make_stub_world(change=with_join_attempts(-1))
    world.stub.fail(count=2, status=403, match="/join/")
    world.ircd.control("fake", nick="ann", channel="#a")
    eventually(lambda: "@irc_ann:hs.test in room" in world.bridge.process.output(), 10, "a refusal")
    stays(lambda: ghosts(world) == set(), 2, "no ghost")
    world.ircd.say("ann", "#a", "hello")
    assert world.wait_in_matrix(1) == ["hello"]
    assert ghosts(world) == {"ann"}


def test_a_homeserver_that_fails_for_a_while_is_always_asked_again(make_stub_world):
    world = make_stub_world(change=with_join_attempts(-1))
    world.stub.fail(count=2, status=502, match="/join/")
    world.ircd.control("fake", nick="ann", channel="#a")
    wait_for_ghosts(world, {"ann"})


# From Matrix to IRC


def test_everybody_in_the_room_is_in_the_channel_after_the_start(make_stub_world):
    names = [f"u{n}" for n in range(1, 21)]
    world = make_stub_world(users=["alice", *names], change=lists(**BOTH))
    wait_for_puppets(world, {"M-alice", *(f"M-{name}" for name in names)})


def test_without_the_setting_nobody_is_on_irc_before_he_speaks(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    world.say("hello", user="bob")
    world.wait_in_irc(1)
    assert puppets(world) == {"M-bob"}


def test_a_join_and_a_leave_in_matrix_are_followed(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=lists(**{"global": {"matrixToIrc": {"incremental": True}}}))
    dora = world.stub.user("dora")
    dora.join(world.rooms["#a"])
    wait_for_puppets(world, {"M-dora"})
    dora.leave(world.rooms["#a"])
    wait_for_puppets(world, set())


def test_a_room_can_differ_from_the_rest(make_stub_world):
    def change(config, entry):
        lists(**BOTH)(config, entry)

    world = make_stub_world(channels=("#a", "#b"), users=("alice", "bob"), change=change, ready=False)
    settings = parameters_of(world.bridge.config)["membershipLists"]
    settings["rooms"] = [{"room": world.rooms["#b"], "matrixToIrc": {"initial": False}}]
    world.bridge.write_config()
    world.start()
    wait_for_puppets(world, {"M-alice", "M-bob"}, "#a")
    dora = world.stub.user("dora")
    dora.join(world.rooms["#b"])
    wait_for_puppets(world, {"M-dora"}, "#b")


def test_no_more_are_brought_than_the_limit_allows(make_stub_world):
    def change(config, entry):
        lists(**BOTH)(config, entry)
        entry["parameters"]["ircClients"]["maxClients"] = 6

    names = [f"u{n}" for n in range(1, 11)]
    world = make_stub_world(users=["alice", *names], change=change)
    eventually(lambda: len(puppets(world)) == 5, 20, "five puppets beside the bot", lambda: puppets(world))
    stays(lambda: len(puppets(world)) == 5, 0.5, "five puppets")
    eventually(lambda: "maxClients is 6" in world.bridge.process.output(), 5, "a word about it")


def test_who_was_idle_for_long_is_not_brought_at_start(make_stub_world):
    idle = {"enabled": True, "idleForHours": 24, "exclude": "^@eve:"}
    world = make_stub_world(users=("alice", "bob", "eve"), change=lists(ignoreIdleUsersOnStartup=idle, **BOTH))
    wait_for_puppets(world, {"M-alice", "M-bob", "M-eve"})
    world.say("I am awake", user="bob")
    world.wait_in_irc(1)
    world.bridge.stop()
    world.bridge.age_activity("@alice:hs.test", 25)
    world.bridge.age_activity("@eve:hs.test", 25)
    world.bridge.start()
    wait_for_puppets(world, {"M-bob", "M-eve"})
    world.say("awake too", user="alice")
    wait_for_puppets(world, {"M-alice", "M-bob", "M-eve"})


# requireMatrixJoined: nothing is shown before all are there; bounded, and never in silence


def required(wait_ms=20000, **more):
    """A change of the configuration: what is said on IRC is shown only while all members of the room are in the channel."""

    def change(config, entry):
        lists(**{"global": {"ircToMatrix": {"requireMatrixJoined": True}}})(config, entry)
        parameters = entry["parameters"]
        parameters["membershipLists"]["requireMatrixJoinedWaitMs"] = wait_ms
        parameters.update(more)

    return change


def say_lines(world, texts, channel="#a"):
    for text in texts:
        world.ircd.say("ann", channel, text)


def blocked(world, channel="#a"):
    """What the room's state says of withheld messages; None when it says nothing."""
    try:
        return world.alice.state(world.rooms[channel], "org.matrix.appservice-irc.connection", f"127.0.0.1 {channel}")
    except MatrixError:
        return None


def empower(world, channel="#a"):
    """The bot may kick, and set state."""
    levels = world.alice.state(world.rooms[channel], "m.room.power_levels")
    levels["users"] = {**levels.get("users", {}), world.bot_user: 50}
    world.alice.set_state(world.rooms[channel], "m.room.power_levels", levels)


def told(world, word, channel="#a"):
    return [text for text in world.replies(world.rooms[channel]) if word in text]


def wait_until_told(world, word, channel="#a"):
    return eventually(lambda: told(world, word, channel), 20, f"a word about {word!r}",
                      lambda: (world.replies(world.rooms[channel]), world.bridge.process.output()[-3000:]))[0]


def test_what_is_said_while_members_are_missing_waits_for_them_and_comes_in_order(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=required())
    world.ircd.set(refuse="close")  # the bot is connected, nobody else gets in
    say_lines(world, numbered("line ", 5))
    stays(lambda: world.in_matrix() == [], 1, "nothing shown")
    world.ircd.set(refuse="none")
    assert world.wait_in_matrix(5) == numbered("line ", 5)
    assert puppets(world) == {"M-alice", "M-bob"}
    say_lines(world, ["line 6"])
    assert world.wait_in_matrix(6) == numbered("line ", 6)
    assert world.replies(world.rooms["#a"]) == [] and blocked(world) is None


def test_a_missing_member_does_not_silence_a_room_in_silence(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=required(wait_ms=500))
    empower(world)
    world.say("I am in", user="alice")
    world.wait_in_irc(1)
    world.ircd.control("mode", channel="#a", modes="+i")
    say_lines(world, ["held"])
    text = wait_until_told(world, "not shown here now")
    assert "@bob:hs.test (not let into the channel)" in text and "@alice" not in text
    say_lines(world, ["withheld 1", "withheld 2"])
    state = eventually(lambda: blocked(world), 10, "the state event")
    assert state["blocked"] is True and "@bob:hs.test" in state["missing"]
    assert world.in_matrix() == []
    world.users["bob"].leave(world.rooms["#a"])
    text = wait_until_told(world, "shown here again")
    assert "3 messages were not shown" in text
    eventually(lambda: blocked(world) == {"blocked": False}, 10, "the state event taken back")
    say_lines(world, ["all are here"])
    assert world.wait_in_matrix(1) == ["all are here"]
    assert len(told(world, "not shown here now")) == 1
    assert "withheld: not all members" in world.bridge.process.output()


def test_what_waits_for_members_survives_a_kill_once(make_stub_world, database):
    world = make_stub_world(users=("alice", "bob"), change=required(), database=database)
    world.ircd.control("mode", channel="#a", modes="+i")
    say_lines(world, numbered("line ", 5))
    eventually(lambda: "still missing in #a" in world.bridge.process.output(), 10, "lines that wait")
    world.bridge.kill()
    world.ircd.control("mode", channel="#a", modes="-i")
    world.bridge.start()
    assert world.wait_in_matrix(5) == numbered("line ", 5)
    stays(lambda: len(world.in_matrix()) == 5, 0.5, "five lines")


def test_a_room_that_an_earlier_life_left_blocked_says_so_no_longer(make_stub_world):
    world = make_stub_world(users=("alice",), change=required(wait_ms=300))
    empower(world)
    world.ircd.control("mode", channel="#a", modes="+i")
    say_lines(world, ["held"])
    wait_until_told(world, "not shown here now")
    eventually(lambda: blocked(world), 10, "the state event")
    world.bridge.kill()
    world.ircd.control("mode", channel="#a", modes="-i")
    world.bridge.start()
    say_lines(world, ["hello"])
    eventually(lambda: world.in_matrix()[-1:] == ["hello"], 20, "what is said afterwards", world.in_matrix)
    assert world.in_matrix() in (["hello"], ["held", "hello"])  # the kill came after, or before, the end of "held" was stored
    eventually(lambda: blocked(world) == {"blocked": False}, 10, "the state event taken back")
    assert len(told(world, "not shown here now")) == 1


def test_excluded_users_silence_nobody(make_stub_world):
    world = make_stub_world(users=("alice", "spammer"), change=required(excludedUsers=[{"regex": "@spam.*"}]))
    say_lines(world, ["hello"])
    assert world.wait_in_matrix(1) == ["hello"]
    assert puppets(world) == {"M-alice"}


def test_who_is_banned_by_the_server_is_kicked_and_silences_nobody(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=required())
    world.say("I am in", user="alice")
    world.wait_in_irc(1)
    empower(world)
    world.ircd.set(kline="You are banned")
    say_lines(world, ["hello"])
    assert world.wait_in_matrix(1) == ["hello"]
    assert world.membership(world.rooms["#a"], "@bob:hs.test") == "leave"


def test_who_is_banned_and_cannot_be_kicked_sees_nothing_and_is_named(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=required(wait_ms=1000))
    world.say("I am in", user="alice")
    world.wait_in_irc(1)
    world.ircd.set(kline="You are banned")
    say_lines(world, ["hello"])
    assert "@bob:hs.test (the server has banned us" in wait_until_told(world, "not shown here now")
    assert world.in_matrix() == []


# Restarts


def test_a_restart_with_nothing_changed_asks_nothing_of_the_homeserver_twice(make_stub_world, database):
    names = [f"u{n}" for n in range(1, 21)]
    world = make_stub_world(users=["alice", *names], change=lists(**BOTH), database=database)
    world.ircd.control("fake", prefix="f", count=20, channel="#a")
    wait_for_ghosts(world, {f"f{n}" for n in range(1, 21)})
    wait_for_puppets(world, {f"M-{name}" for name in ["alice", *names]})
    world.bridge.stop()
    before = world.stub.stats()["requests"]
    world.bridge.start()
    wait_for_puppets(world, {f"M-{name}" for name in ["alice", *names]})
    asked = world.stub.stats()["requests"] - before
    # versions, whoami, register and name of the bot, ping, and the members of the one room
    assert asked <= 8, asked
    assert ghosts(world) == {f"f{n}" for n in range(1, 21)}


# Real servers


def test_both_member_lists_agree_on_real_servers(synapse_lists_world):
    world = synapse_lists_world
    channel, room = world.mapped(world.alice)
    dora = world.new_user("dora")
    with world.irc(channel) as ann:
        world.alice.wait_for_member(room, world.ghost(ann.nick))
        dora.join(room)
        ann.wait_for(lambda line: line.command == "JOIN" and line.source.startswith(world.nick_of(dora)), 20, "dora")
        dora.leave(room)
        ann.wait_for(lambda line: line.command == "PART" and line.source.startswith(world.nick_of(dora)), 20, "her part")
    world.alice.wait_for_member(room, world.ghost(ann.nick), "leave")


def test_nothing_is_shown_before_all_are_there_on_real_servers(synapse_lists_world):
    world = synapse_lists_world
    channel = "#mapped2"  # with requireMatrixJoined
    room = parameters_of(world.bridge.config)["mappings"][channel]["roomIds"][0]
    world.alice.join(room)
    with world.irc(channel) as ann:
        dora = world.new_user("dora")
        dora.join(room)
        heard = f"{dora.user_id}: offline -> queued"  # the bridge knows that she is there
        eventually(lambda: heard in world.bridge.process.output(), 20, heard)
        ann.say(channel, "is everybody here?")
        world.alice.wait_for(room, lambda event: event["content"].get("body") == "is everybody here?", 30, "the message")
        ann.send(f"ISON {world.nick_of(dora)} {world.nick_of(world.alice)}")
        here = ann.wait_for(lambda line: line.command == "303", 20, "who is online").params[-1].split()
        assert set(here) == {world.nick_of(dora), world.nick_of(world.alice)}
