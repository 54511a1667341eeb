# SPDX-License-Identifier: Apache-2.0
"""Modes of a channel in its rooms: ranks as power levels, who may speak, enter and know of it; what rooms say of the network."""

import pytest

from support.matrix_client import MatrixError, call
from support.waiting import eventually, stays

GRACE_MS = 50


def quick(**parameters):
    """Ranks are told after a short while."""

    def change(_, entry):
        entry.setdefault("ircHandler", {})["powerLevelGracePeriodMs"] = GRACE_MS
        entry["parameters"].update(parameters)

    return change


def empowered(make_stub_world, *, bot=100, users=("alice", "bob"), room_version=12, ircd=None, **parameters):
    """A world whose bot has this power in the room of #a, which alice has made."""
    world = make_stub_world(users=users, change=quick(**parameters), stub_options={"room_version": room_version}, ircd=ircd)
    set_level(world, world.bot_user, bot)
    return world


def room_of(world):
    return world.rooms["#a"]


def content(world, room=None):
    return world.alice.state(room or room_of(world), "m.room.power_levels")


def set_level(world, user, level):
    levels = content(world)
    users = {**levels.get("users", {}), user: level}
    if level is None:
        del users[user]
    world.alice.set_state(room_of(world), "m.room.power_levels", levels | {"users": users})


def levels(world, room=None):
    """What is not the bot's or the maker's."""
    users = content(world, room).get("users", {})
    return {user: level for user, level in users.items() if user not in (world.bot_user, world.alice.user_id)}


def wait_for_levels(world, expected, room=None, timeout=20):
    eventually(lambda: levels(world, room) == expected, timeout, f"the levels {expected}",
               lambda: f"{levels(world, room)}\n{world.bridge.process.output()[-3000:]}")


def changes(world, room=None):
    """How often the bot has written power levels."""
    events = world.alice.messages(room or room_of(world))
    return len([event for event in events if event["type"] == "m.room.power_levels" and event["sender"] == world.bot_user])


def mode(world, modes, channel="#a", by="services"):
    world.ircd.control("mode", channel=channel, modes=modes, by=by)


def people(world, *nicks, channel="#a"):
    for nick in nicks:
        world.ircd.control("fake", nick=nick, channel=channel)
    eventually(lambda: set(nicks) <= set(world.ircd.members(channel)), 10, "the people")


def puppet(world, user="bob", channel="#a"):
    """The user's nick, in the channel."""
    nick = f"M-{user}"
    world.say(f"hello of {user}", channel, user)
    eventually(lambda: (nick, f"hello of {user}") in world.ircd.said(channel), 20, "the puppet", world.bridge.process.output)
    return nick


def ghost(nick):
    return f"@irc_{nick}:hs.test"


# Ranks


@pytest.mark.parametrize("room_version", [11, 12])
def test_operators_and_voices_have_power_levels_and_lose_them(make_stub_world, room_version):
    world = empowered(make_stub_world, room_version=room_version)
    people(world, "ann", "ben")
    mode(world, "+ov ann ben")
    wait_for_levels(world, {ghost("ann"): 50, ghost("ben"): 1})
    mode(world, "+v ann")
    mode(world, "-o ann")
    wait_for_levels(world, {ghost("ann"): 1, ghost("ben"): 1})
    mode(world, "-v ben")
    wait_for_levels(world, {ghost("ann"): 1})
    world.ircd.control("part", nick="ann", channel="#a")
    wait_for_levels(world, {})


def test_arguments_go_to_the_modes_that_take_them(make_stub_world):
    world = empowered(make_stub_world)
    people(world, "ann", "ben", "cat")
    mode(world, "+bklov ann!*@* key 10 ben cat")
    wait_for_levels(world, {ghost("ben"): 50, ghost("cat"): 1})
    mode(world, "-b+o-kv+b ann!*@* ann key cat x!*@*")
    wait_for_levels(world, {ghost("ann"): 50, ghost("ben"): 50})


def test_many_changes_at_once_are_one_event(make_stub_world):
    nicks = [f"op{number}" for number in range(30)]
    world = make_stub_world(users=("alice",), change=lambda config, entry: entry.update(
        ircHandler={"powerLevelGracePeriodMs": 1000}))
    set_level(world, world.bot_user, 100)
    people(world, *nicks)
    for nick in nicks:
        mode(world, f"+v {nick}")
        mode(world, f"+o {nick}")
    wait_for_levels(world, {ghost(nick): 50 for nick in nicks})
    assert changes(world) <= 2


def test_the_map_of_the_configuration_counts(make_stub_world):
    world = empowered(make_stub_world, ircd={"isupport": ["PREFIX=(qaohv)~&@%+"]},
                      modePowerMap={"q": 90, "o": 40, "h": 20})
    people(world, "ann", "ben", "cat", "dan", "eve")
    mode(world, "+qo ann ann")
    mode(world, "+oh ben ben")
    mode(world, "+h cat")
    mode(world, "+v dan")
    mode(world, "+a eve")
    wait_for_levels(world, {ghost("ann"): 90, ghost("ben"): 40, ghost("cat"): 20})


def test_a_matrix_user_whose_puppet_is_an_operator_has_the_level(make_stub_world):
    world = empowered(make_stub_world)
    nick = puppet(world)
    mode(world, f"+o {nick}")
    wait_for_levels(world, {"@bob:hs.test": 50})
    world.users["bob"].leave(room_of(world))
    wait_for_levels(world, {})


def test_a_rank_moves_with_the_nick_and_goes_with_the_quit(make_stub_world):
    world = empowered(make_stub_world)
    people(world, "ann", "ben")
    mode(world, "+oo ann ben")
    wait_for_levels(world, {ghost("ann"): 50, ghost("ben"): 50})
    world.ircd.control("nick", nick="ann", to="anna")
    wait_for_levels(world, {ghost("anna"): 50, ghost("ben"): 50})
    world.ircd.control("quit", nick="ben")
    wait_for_levels(world, {ghost("anna"): 50})
    world.ircd.control("kick", nick="anna", channel="#a", by="services")
    wait_for_levels(world, {})


def test_a_stranger_with_the_nick_of_a_puppet_that_is_gone_gets_nothing_of_its_user(make_stub_world):
    world = empowered(make_stub_world)
    nick = puppet(world)
    mode(world, f"+o {nick}")
    wait_for_levels(world, {"@bob:hs.test": 50})
    chat = world.chat("bob")
    world.users["bob"].send_text(chat, "!quit")
    eventually(lambda: nick not in world.ircd.members("#a"), 20, "the puppet gone")
    people(world, nick)
    mode(world, f"+o {nick}")
    wait_for_levels(world, {ghost(nick): 50})
    assert "@bob:hs.test" not in levels(world)


def test_levels_of_people_in_matrix_are_theirs(make_stub_world):
    world = empowered(make_stub_world)
    people(world, "ann", "ben", "cat")
    set_level(world, ghost("ann"), 75)
    set_level(world, ghost("ben"), -1)
    mode(world, "+ovv ann ben cat")
    wait_for_levels(world, {ghost("ann"): 75, ghost("ben"): -1, ghost("cat"): 1})
    set_level(world, ghost("cat"), 60)
    mode(world, "-ovv ann ben cat")
    mode(world, "+o ben")
    stays(lambda: levels(world) == {ghost("ann"): 75, ghost("ben"): -1, ghost("cat"): 60}, 1, "what people have set")


def test_what_the_network_has_given_is_known_after_a_kill_and_costs_nothing(make_stub_world):
    world = empowered(make_stub_world)
    people(world, "ann", "ben")
    mode(world, "+ov ann ben")
    wait_for_levels(world, {ghost("ann"): 50, ghost("ben"): 1})
    written = changes(world)
    world.kill_and_start()
    world.wait_for_bot("#a")
    world.ircd.say("ann", "#a", "after the kill")
    world.wait_in_matrix(1)
    stays(lambda: changes(world) == written, 1, "the calm")
    world.bridge.kill()
    mode(world, "-o ann")
    world.bridge.start()
    wait_for_levels(world, {ghost("ben"): 1})


def test_a_kill_in_the_middle_of_a_change_forgets_nothing(make_stub_world):
    world = empowered(make_stub_world)
    people(world, "ann", "ben", "cat")
    for delay in (60, 110, 160, 210):
        world.stub.settings(delay_ms=50)
        mode(world, "+ov ann ben")
        stays(lambda: True, (GRACE_MS + delay) / 1000, "some time")
        world.bridge.kill()
        mode(world, "-ov ann ben")
        world.bridge.start()
        world.stub.settings(delay_ms=0)
        world.wait_for_bot("#a")
        mode(world, "+v cat")
        wait_for_levels(world, {ghost("cat"): 1})
        mode(world, "-v cat")
        wait_for_levels(world, {})


def test_a_bot_without_the_power_says_so_once_and_goes_on(make_stub_world):
    world = empowered(make_stub_world, bot=50)
    people(world, "ann", "ben")
    mode(world, "+v ann")
    eventually(lambda: "would need power level 100" in world.bridge.process.output(), 20, "a line in the log")
    mode(world, "+v ben")
    world.ircd.say("ann", "#a", "all the same")
    assert world.wait_in_matrix(1) == ["all the same"]
    assert world.bridge.process.output().count("cannot all be shown") == 1
    assert levels(world) == {}
    set_level(world, world.bot_user, 100)
    wait_for_levels(world, {ghost("ann"): 1, ghost("ben"): 1})


def test_nobody_gets_a_level_that_the_bot_could_not_take_back(make_stub_world):
    world = empowered(make_stub_world, modePowerMap={"o": 100, "v": 1})
    people(world, "ann")
    mode(world, "+o ann")
    wait_for_levels(world, {ghost("ann"): 99})
    mode(world, "-o ann")
    wait_for_levels(world, {})


def test_very_many_operators_that_come_and_go_hold_nothing_up(make_stub_world):
    world = empowered(make_stub_world)
    world.ircd.control("fake", prefix="a-very-long-name-of-an-operator-", count=2500, channel="#a")
    for first in range(1, 2500, 20):
        names = [f"a-very-long-name-of-an-operator-{number}" for number in range(first, min(first + 20, 2501))]
        mode(world, "+" + "o" * len(names) + " " + " ".join(names))
    people(world, "ann")
    mode(world, "+o ann")
    for _ in range(500):
        mode(world, "+v ann")
        mode(world, "-v ann")
    world.ircd.say("ann", "#a", "in {n}", count=100, first=1)
    assert len(world.wait_in_matrix(100)) == 100
    eventually(lambda: levels(world), 60, "levels of some", lambda: world.bridge.process.output()[-3000:])
    assert len(str(content(world))) < 65000
    assert changes(world) < 20


# Rooms that the bridge has made


def opened(world, channel="#made"):
    answer = world.ask("alice", world.chat("alice"), f"!join {channel}")[-1]
    room = answer.rsplit("https://matrix.to/#/", 1)[1]
    world.alice.join(room)
    world.wait_for_bot(channel)
    return room


def test_a_moderated_channel_lets_those_with_ranks_speak(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=quick(modePowerMap={"o": 50}))
    room = opened(world)
    people(world, "ann", "ben", channel="#made")
    mode(world, "+mo-t+v ann ben", "#made")
    wait_for_levels(world, {ghost("ann"): 50, ghost("ben"): 1}, room)
    assert content(world, room)["events_default"] == 1
    world.kill_and_start()
    world.wait_for_bot("#made")
    mode(world, "-m", "#made")
    wait_for_levels(world, {ghost("ann"): 50}, room)
    assert content(world, room)["events_default"] == 0


def join_rule(world, room):
    return world.alice.state(room, "m.room.join_rules")["join_rule"]


def wait_for_rule(world, room, rule):
    eventually(lambda: join_rule(world, room) == rule, 20, f"the rule {rule}", lambda: world.bridge.process.output()[-3000:])


def test_a_closed_channel_is_entered_by_invitation(make_stub_world):
    world = make_stub_world(change=quick())
    room = opened(world)
    people(world, "ann", channel="#made")
    mode(world, "+i", "#made")
    wait_for_rule(world, room, "invite")
    mode(world, "+k key", "#made")
    mode(world, "-i", "#made")
    stays(lambda: join_rule(world, room) == "invite", 0.5, "the rule")
    world.bridge.kill()
    mode(world, "-k key", "#made")
    world.bridge.start()
    wait_for_rule(world, room, "public")


def test_rooms_of_the_configuration_keep_their_rules(make_stub_world):
    world = empowered(make_stub_world)
    people(world, "ann")
    before = content(world)
    mode(world, "+mikov key ann ann")
    wait_for_levels(world, {ghost("ann"): 50})
    assert content(world)["events_default"] == before["events_default"]
    assert join_rule(world, room_of(world)) == "public"


def test_a_channel_that_becomes_secret_leaves_the_directory(make_stub_world):
    def change(config, entry):
        quick()(config, entry)
        entry["parameters"]["dynamicChannels"]["useHomeserverDirectory"] = True

    world = make_stub_world(change=change)
    room = opened(world)
    people(world, "ann", channel="#made")

    def listed():
        return world.alice.request("GET", f"/directory/list/room/{room}")["visibility"] == "public"

    eventually(listed, 20, "the listing")
    mode(world, "+s", "#made")
    eventually(lambda: not listed(), 20, "the end of it")
    mode(world, "-s", "#made")
    eventually(listed, 20, "the listing again")
    world.bridge.kill()
    mode(world, "+s", "#made")
    world.bridge.start()
    eventually(lambda: not listed(), 20, "the end of it once more")


# What rooms and the bridge say of the network


def state(world, room, kind, key):
    try:
        return world.alice.state(room, kind, key)
    except MatrixError:
        return None


def test_icon_and_network_id_are_shown_to_clients(make_stub_world):
    world = empowered(make_stub_world, users=("alice",), icon="mxc://hs.test/icon", networkId="testnet")
    world.kill_and_start()  # now the bot may say it in the room of the configuration too
    room = opened(world)
    for where, channel in ((room_of(world), "#a"), (room, "#made")):
        key = f"org.matrix.appservice-irc:/testnet/{channel}"
        for kind in ("m.bridge", "uk.half-shot.bridge"):
            network = eventually(lambda: state(world, where, kind, key), 20, f"the state {kind} of {channel}")["network"]
            assert (network["id"], network["avatar_url"]) == ("testnet", "mxc://hs.test/icon")
    listen = "http://" + world.bridge.config["appservice"]["listen"]
    answer = call(listen, "GET", "/_matrix/app/v1/thirdparty/protocol/irc", token=world.hs_token)
    assert answer["icon"] == answer["instances"][0]["icon"] == "mxc://hs.test/icon"
    assert answer["instances"][0]["network_id"] == "testnet"


def test_rooms_say_nothing_where_the_configuration_forbids_it(make_stub_world):
    world = make_stub_world(change=lambda config, entry: entry.update(bridgeInfoState={"enabled": False}))
    room = opened(world)
    for where, channel in ((room_of(world), "#a"), (room, "#made")):
        assert state(world, where, "m.bridge", f"org.matrix.appservice-irc:/{world.entry['address']}/{channel}") is None


# Real servers


def test_an_operator_of_a_real_channel_has_power_level_50(inspircd_world):
    world = inspircd_world
    user = world.new_user("mode")
    with world.operator(user) as (operator, channel, room):
        user.send_text(room, "hello")
        operator.wait_for(lambda line: line.command == "PRIVMSG" and line.params[-1] == "hello", 20, "the puppet")
        nick = world.nick_of(user)

        def users():
            return user.state(room, "m.room.power_levels")["users"]

        eventually(lambda: users().get(world.ghost(operator.nick)) == 50, 20, "the operator's level", users)
        operator.send(f"MODE {channel} +ov {nick} {nick}")
        eventually(lambda: users().get(user.user_id) == 50, 20, "the level", users)
        operator.send(f"MODE {channel} -o+im {nick}")
        eventually(lambda: users().get(user.user_id) == 1, 20, "the voice", users)
        eventually(lambda: user.state(room, "m.room.join_rules")["join_rule"] == "invite", 20, "the closed room")
        assert user.state(room, "m.room.power_levels")["events_default"] == 1
        user.send_text(room, "a voice")
        operator.wait_for(lambda line: line.command == "PRIVMSG" and line.params[-1] == "a voice", 20, "what a voice says")
        operator.send(f"MODE {channel} -vim {nick}")
        eventually(lambda: user.user_id not in users(), 20, "the end of it", users)
        eventually(lambda: user.state(room, "m.room.join_rules")["join_rule"] == "public", 20, "the open room")
