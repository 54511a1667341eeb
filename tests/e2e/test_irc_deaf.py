# SPDX-License-Identifier: Apache-2.0
"""On a server with a user mode for it, puppets that nobody listens to are deaf; nothing is lost or doubled by that."""

import collections

import pytest

from support.irc_client import IrcClient
from support.waiting import eventually, stays
from support.world import numbered, parameters_of

PEOPLE = tuple(f"user{number}" for number in range(1, 7))
BOT = "MatrixBot"


def world_of(make_stub_world, *, profile="echo", isupport=("DEAF=d",), users=PEOPLE, change=None, **ircd):
    """Everybody's puppet in #a, and one line from IRC in the room."""
    world = make_stub_world(ircd={"profile": profile, "isupport": list(isupport), **ircd}, users=users, change=change)
    for name in users:
        world.say(f"{name} is here", user=name)
    world.wait_in_irc(len(users))
    world.ircd.say("speaker", "#a", "warm", wait=True)
    world.wait_in_matrix(1)
    return world


def listeners(world):
    """Nicks of ours in #a that the server sends what is said there."""
    members = world.ircd.members("#a")
    return {client["nick"] for client in world.ircd.state()["clients"] if client["nick"] in members and not client["deaf"]}


def deaf(world):
    return set(world.ircd.members("#a")) - listeners(world) - {"speaker"}


def wait_for_listeners(world, count=3):
    eventually(lambda: len(listeners(world)) == count, 20, f"{count} that hear", lambda: f"{listeners(world)}")
    return listeners(world)


def puppet(world, nicks):
    return sorted(nick for nick in nicks if nick != BOT)[0]


def modes_written(world, nick):
    return [line.split()[-1] for line in world.ircd.taken(nick) if line.startswith("MODE M-")]


def test_all_but_three_are_deaf_and_stay_so(make_stub_world):
    world = world_of(make_stub_world)
    hearing = wait_for_listeners(world)
    assert BOT in hearing
    world.ircd.say("speaker", "#a", "line {n}", count=100, rate=0)
    world.wait_in_matrix(101)
    assert world.in_matrix() == ["warm", *numbered("line ", 100)]
    assert listeners(world) == hearing
    assert all(modes_written(world, nick) == ["+d"] for nick in deaf(world))
    assert all(modes_written(world, nick) == [] for nick in hearing)


def test_nobody_is_deaf_where_it_is_switched_off_or_the_server_has_no_such_mode(make_stub_world):
    off = world_of(make_stub_world, change=lambda config, _: parameters_of(config)["ircClients"].update(deaf="off"))
    without = world_of(make_stub_world, isupport=())
    for world in (off, without):
        assert not deaf(world) and not [line for line in world.ircd.taken() if "MODE M-" in line]


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
def test_what_deaf_puppets_say_is_confirmed_and_keeps_its_order(make_stub_world, profile):
    world = world_of(make_stub_world, profile=profile)
    wait_for_listeners(world)
    users = [user.user_id for user in world.users.values()]
    world.stub.inject(world.rooms["#a"], users, 90)
    world.wait_in_irc(96)
    assert world.in_irc()[6:] == numbered("message ", 90)
    assert len(deaf(world)) == 4


def test_a_private_message_and_a_kick_reach_a_deaf_puppet(make_stub_world):
    world = world_of(make_stub_world)
    wait_for_listeners(world)
    nick = puppet(world, deaf(world))
    world.ircd.control("say", nick="speaker", target=nick, format="psst")
    world.room_of("psst")
    world.ircd.control("kick", channel="#a", nick=nick, reason="out")
    world.ircd.control("say", nick="speaker", target=nick, format="psst again")
    world.room_of("psst again")
    world.say("back again", user=nick.removeprefix("M-"))
    assert world.wait_in_irc(7)[-1] == "back again"


def lose(world, nick, how):
    if how == "rst":
        world.ircd.control("close", nick=nick, how="rst")
    else:
        world.ircd.control(how, nick=nick, channel="#a", reason="out")


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
@pytest.mark.parametrize("how", ["kick", "kill", "rst"])
def test_readers_that_go_one_after_the_other_are_followed_by_deaf_ones(make_stub_world, profile, how):
    world = world_of(make_stub_world, profile=profile)
    wait_for_listeners(world)
    eventually(world.who_hears, 20, "a standby")
    world.ircd.say("speaker", "#a", "line {n}", count=1000, rate=400, wait=False)
    world.wait_in_matrix(50)
    for _ in range(4):
        world.lose_reader(lambda nick: lose(world, nick, how))
        wait_for_listeners(world)
    world.wait_in_matrix(1001)
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(1002)
    assert world.in_matrix() == ["warm", *numbered("line ", 1000), "the end"]


def test_all_who_hear_may_go_at_once_where_there_is_a_history(make_stub_world):
    world = world_of(make_stub_world, profile="history")
    hearing = wait_for_listeners(world)
    world.ircd.say("speaker", "#a", "line {n}", count=600, rate=400, wait=False)
    world.wait_in_matrix(50)
    for nick in hearing:
        lose(world, nick, "rst")
    world.wait_in_matrix(601)
    assert world.in_matrix() == ["warm", *numbered("line ", 600)]


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
def test_a_reader_that_is_silent_is_replaced_by_one_that_hears(make_stub_world, profile):
    world = world_of(make_stub_world, profile=profile)
    hearing = wait_for_listeners(world)
    world.ircd.control("silent", nick=BOT, on=True)
    world.ircd.say("speaker", "#a", "line {n}", count=50, rate=0)
    world.wait_in_matrix(51)
    world.ircd.control("close", nick=BOT, how="rst")
    wait_for_listeners(world)
    world.ircd.control("close", nick=puppet(world, hearing), how="rst")
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(52)
    assert world.in_matrix() == ["warm", *numbered("line ", 50), "the end"]


def test_the_first_of_all_to_come_back_hear(make_stub_world):
    world = world_of(make_stub_world)
    wait_for_listeners(world)
    world.ircd.restart()
    world.wait_for_bot("#a", 60)
    for name in PEOPLE:
        world.say(f"{name} again", user=name)
    world.wait_in_irc(12, timeout=60)
    wait_for_listeners(world)
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(2)


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
def test_a_reader_that_an_operator_makes_deaf_loses_nothing(make_stub_world, profile):
    world = world_of(make_stub_world, profile=profile)
    wait_for_listeners(world)
    world.ircd.say("speaker", "#a", "line {n}", count=300, rate=300, wait=False)
    world.wait_in_matrix(50)
    world.ircd.control("umode", nick=BOT, modes="+d")
    world.wait_in_matrix(301)
    assert world.in_matrix() == ["warm", *numbered("line ", 300)]
    wait_for_listeners(world)


def test_a_single_reader_that_is_made_deaf_takes_the_mode_off_and_fetches_what_it_missed(make_stub_world):
    world = make_stub_world(ircd={"profile": "history", "isupport": ["DEAF=d"]})
    world.ircd.control("delay", nick=BOT, ms=300)
    world.ircd.control("umode", nick=BOT, modes="+d")
    world.ircd.say("speaker", "#a", "line {n}", count=20, rate=0)
    world.wait_in_matrix(20)
    assert world.in_matrix() == numbered("line ", 20)


def test_an_operator_who_makes_it_deaf_again_and_again_is_not_fought_for_ever(make_stub_world):
    world = world_of(make_stub_world, users=PEOPLE[:1])
    nick = puppet(world, listeners(world))
    for _ in range(3):
        world.ircd.control("umode", nick=nick, modes="+d")
        eventually(lambda: nick in listeners(world), 20, "it to hear again")
    world.ircd.control("umode", nick=nick, modes="+d")
    eventually(lambda: "is kept from hearing" in world.bridge.process.output(), 20, "the warning")
    stays(lambda: modes_written(world, nick) == ["-d", "-d", "-d"], 0.5, "peace")
    world.ircd.say("speaker", "#a", "after that", wait=True)
    world.wait_in_matrix(2)


def test_a_mode_that_an_operator_takes_off_stays_off(make_stub_world):
    world = world_of(make_stub_world)
    wait_for_listeners(world)
    nick = puppet(world, deaf(world))
    world.ircd.control("umode", nick=nick, modes="-d")
    user = nick.removeprefix("M-")
    world.say("once more", user=user)
    world.wait_in_irc(7)
    stays(lambda: nick in listeners(world) and modes_written(world, nick) == ["+d"], 0.5, "no second attempt")


@pytest.mark.parametrize("profile", ["history", "echo"])
def test_who_cannot_take_the_mode_off_does_not_read(make_stub_world, profile):
    world = world_of(make_stub_world, profile=profile)
    wait_for_listeners(world)
    world.ircd.set(deaf_locked=True)
    for nick in wait_for_listeners(world) - {BOT}:
        world.ircd.control("close", nick=nick, how="rst")
    eventually(lambda: "is kept from hearing" in world.bridge.process.output(), 20, "the warning")
    world.ircd.say("speaker", "#a", "line {n}", count=50, rate=0)
    world.wait_in_matrix(51)
    assert world.in_matrix() == ["warm", *numbered("line ", 50)]
    written = collections.Counter(line for line in world.ircd.taken() if line.startswith("MODE M-") and line.endswith("-d"))
    assert max(written.values()) <= 4


@pytest.mark.parametrize("profile", ["history", "echo"])
def test_a_server_that_takes_the_echo_away_too_is_found_out_and_nothing_is_refused(make_stub_world, profile):
    world = world_of(make_stub_world, profile=profile, deaf_no_echo=True)
    users = [user.user_id for user in world.users.values()]
    world.stub.inject(world.rooms["#a"], users, 60)
    world.wait_in_irc(66, timeout=60)
    assert world.in_irc()[6:] == numbered("message ", 60)
    eventually(lambda: not deaf(world), 20, "all to hear again")
    assert "takes away the echo" in world.bridge.process.output()
    assert "is dead" not in world.bridge.process.output()


def test_puppets_with_a_user_mode_that_makes_them_deaf_can_read(make_stub_world):
    def change(config, _):
        parameters_of(config)["botConfig"]["enabled"] = False
        parameters_of(config)["ircClients"]["userModes"] = "id"

    world = make_stub_world(
        ircd={"profile": "echo", "isupport": ["DEAF=d"]}, users=PEOPLE[:2], change=change, ready=False
    )
    world.bridge.start()
    for name in PEOPLE[:2]:
        world.say(f"{name} is here", user=name)
    world.wait_in_irc(2)
    eventually(lambda: len(listeners(world)) == 2, 20, "both to hear")
    world.ircd.say("speaker", "#a", "line {n}", count=20, rate=0)
    world.wait_in_matrix(20)


def test_deaf_puppets_on_inspircd_hand_over_after_the_reader_was_killed(make_stub_world, deaf_inspircd):
    world = make_stub_world(ircd=deaf_inspircd, users=PEOPLE, ready=False, channels=("#a",))
    with IrcClient(deaf_inspircd.host, deaf_inspircd.port, "speaker") as speaker:
        speaker.join("#a")
        world.bridge.start()
        eventually(lambda: world.membership(world.rooms["#a"], world.bot_user) == "join", 20, "the bot in the room")
        for name in PEOPLE:
            world.say(f"{name} is here", user=name)
        for name in PEOPLE:
            speaker.wait_for_text(f"{name} is here")
        speaker.send("OPER root secret")
        speaker.wait_for(lambda line: line.command == "381")
        assert {modes_of(speaker, f"M-{name}") for name in PEOPLE} == {"+", "+d"}
        for number in range(1, 101):
            speaker.say("#a", f"line {number}")
            if number in (30, 60):
                speaker.send(f"KILL {BOT if number == 30 else 'M-user1'} :out")
        world.wait_in_matrix(100)
        assert world.in_matrix() == numbered("line ", 100)
        assert modes_of(speaker, "M-user3") == "+"


def modes_of(client, nick):
    """What an operator sees of somebody's modes."""
    client.lines.clear()
    client.send(f"WHOIS {nick}")
    line = client.wait_for(lambda line: line.command == "379")
    return line.params[-1].removeprefix("is using modes ").strip()
