# SPDX-License-Identifier: Apache-2.0
"""One connection reads a channel; whatever becomes of it, nothing is lost or doubled; and the channel reads as the room did."""

import collections

import pytest

from support.irc_client import IrcClient
from support.waiting import eventually, stays
from support.world import numbered

PEOPLE = ("alice", "bob", "carol")


def puppets_in(world, *names, channel="#a"):
    """Everybody says something, so that their puppets are in the channel."""
    room = world.rooms[channel]
    eventually(lambda: world.membership(room, world.bot_user) == "join", 20, "the bot in the room")
    known = len(world.in_irc(channel))
    for name in names:
        world.say(f"{name} is here", channel=channel, user=name)
    world.wait_in_irc(known + len(names), channel=channel)
    world.ircd.say("speaker", channel, "warm", wait=True)
    eventually(lambda: "warm" in world.in_matrix(channel), 20, "a line from IRC")


def lose_reader(world, how):
    reader = "MatrixBot"
    if how == "kick":
        world.ircd.control("kick", channel="#a", nick=reader, reason="out")
    elif how == "kill":
        world.ircd.control("kill", nick=reader, reason="killed")
    elif how == "silent":
        world.ircd.control("silent", nick=reader, on=True)
    else:
        world.ircd.control("close", nick=reader, how=how)


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
@pytest.mark.parametrize("how", ["kick", "kill", "rst", "fin"])
def test_a_reader_that_is_lost_while_somebody_talks_loses_and_doubles_nothing(make_stub_world, profile, how):
    world = make_stub_world(ircd={"profile": profile})
    puppets_in(world, "alice")
    world.ircd.say("speaker", "#a", "line {n}", count=400, rate=800, wait=False)
    eventually(lambda: "line 100" in world.in_matrix(), 20, "the middle of it")
    lose_reader(world, how)
    world.wait_in_matrix(401)
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(402)
    assert world.in_matrix() == ["warm", *numbered("line ", 400), "the end"]


@pytest.mark.parametrize("profile", ["history", "echo", "rfc"])
def test_a_reader_that_does_not_hear_what_others_hear_is_replaced(make_stub_world, profile):
    world = make_stub_world(ircd={"profile": profile})
    puppets_in(world, "alice")
    lose_reader(world, "silent")
    world.ircd.say("speaker", "#a", "line {n}", count=50, rate=0)
    world.wait_in_matrix(51)
    world.ircd.control("silent", nick="MatrixBot", on=False)
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(52)
    assert world.in_matrix() == ["warm", *numbered("line ", 50), "the end"]
    assert "reads now" in world.bridge.process.output()


@pytest.mark.parametrize("profile", ["history", "rfc"])
def test_readers_that_go_one_after_the_other_lose_and_double_nothing(make_stub_world, profile):
    world = make_stub_world(ircd={"profile": profile}, users=PEOPLE)
    puppets_in(world, *PEOPLE)
    eventually(world.who_hears, 20, "a standby")
    world.ircd.say("speaker", "#a", "line {n}", count=600, rate=300, wait=False)
    eventually(lambda: "line 50" in world.in_matrix(), 20, "the beginning")
    for _ in range(3):
        world.lose_reader(lambda nick: world.ircd.control("close", nick=nick, how="rst"))
    world.wait_in_matrix(601)
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(602)
    assert world.in_matrix() == ["warm", *numbered("line ", 600), "the end"]


def test_a_line_is_bridged_once_however_many_puppets_hear_it(make_stub_world):
    world = make_stub_world(users=PEOPLE)
    puppets_in(world, *PEOPLE)
    world.ircd.say("speaker", "#a", "line {n}", count=100, rate=0)
    world.wait_in_matrix(101)
    assert world.in_matrix() == ["warm", *numbered("line ", 100)]


def test_a_private_message_reaches_a_puppet_that_hears_a_busy_channel(make_stub_world):
    world = make_stub_world(users=PEOPLE)
    puppets_in(world, *PEOPLE)
    nick = next(nick for nick in world.ircd.members("#a") if "carol" in nick)
    world.ircd.say("speaker", "#a", "line {n}", count=200, rate=0, wait=False)
    world.ircd.control("say", nick="speaker", target=nick, format="psst")
    world.room_of("psst")


@pytest.mark.parametrize(("mapping", "same"), [("rfc1459", True), ("ascii", False)])
def test_the_server_says_which_channel_names_are_the_same(make_stub_world, mapping, same):
    world = make_stub_world(ircd={"isupport": [f"CASEMAPPING={mapping}"]}, channels=("#a[x]",))
    world.ircd.raw(b":bob!b@host.test PRIVMSG #A{X} :by another name\r\n", nick="MatrixBot")
    world.ircd.raw(b":bob!b@host.test PRIVMSG #A[X] :in capitals\r\n", nick="MatrixBot")
    world.wait_in_matrix(2 if same else 1, channel="#a[x]")
    expected = ["by another name", "in capitals"] if same else ["in capitals"]
    assert world.in_matrix("#a[x]") == expected


@pytest.mark.parametrize("options", [{"profile": "history"}, {"profile": "echo", "delay_ms": 10}, {"profile": "rfc", "delay_ms": 10}])
def test_the_channel_reads_as_the_room_did(make_stub_world, options):
    world = make_stub_world(ircd=options, users=PEOPLE)
    puppets_in(world, *PEOPLE)
    users = [user.user_id for user in world.users.values()]
    world.stub.inject(world.rooms["#a"], users, 90)
    world.wait_in_irc(93)
    assert world.in_irc()[3:] == numbered("message ", 90)


def test_the_channel_reads_as_the_room_did_on_inspircd(make_stub_world, inspircd):
    world = make_stub_world(ircd=inspircd, users=PEOPLE, ready=False, channels=("#turns",))
    with IrcClient(inspircd.host, inspircd.port, "watcher") as watcher:
        watcher.join("#turns")
        world.bridge.start()
        room = world.rooms["#turns"]
        eventually(lambda: world.membership(room, world.bot_user) == "join", 20, "the bot in the room")
        users = [user.user_id for user in world.users.values()]
        world.stub.inject(room, users, 90)
        watcher.wait_for(lambda line: line.command == "PRIVMSG" and line.params[-1] == "message 90")
        said = [line.params[-1] for line in watcher.lines if line.command == "PRIVMSG"]
        assert said == numbered("message ", 90)


def test_a_server_that_is_late_with_one_sender_does_not_stop_the_others(make_stub_world):
    world = make_stub_world(ircd={"profile": "echo"}, users=("alice", "bob"))
    puppets_in(world, "alice", "bob")
    nick = next(nick for nick in world.ircd.members("#a") if "alice" in nick)
    world.ircd.control("delay", nick=nick, ms=6000)
    world.say("late", user="alice")
    world.say("in time", user="bob")
    world.wait_in_irc(4)
    assert world.in_irc()[2:] == ["in time", "late"]
    stays(lambda: len(world.in_irc()) == 4, 0.5, "two messages")


def test_a_sender_whose_connection_is_lost_is_not_overtaken(make_stub_world):
    world = make_stub_world(users=PEOPLE)
    puppets_in(world, *PEOPLE)
    nick = next(nick for nick in world.ircd.members("#a") if "alice" in nick)
    users = [user.user_id for user in world.users.values()]
    world.stub.inject(world.rooms["#a"], users, 60, rate=200)
    world.ircd.control("close", nick=nick, how="rst")
    world.wait_in_irc(63)
    assert world.in_irc()[3:] == numbered("message ", 60)


def test_a_thousand_messages_of_one_sender_keep_their_order_both_ways(make_stub_world):
    world = make_stub_world()
    puppets_in(world, "alice")
    world.inject(1000)
    world.ircd.say("speaker", "#a", "line {n}", count=1000, rate=0, wait=False)
    world.wait_in_irc(1001)
    world.wait_in_matrix(1001)
    assert world.in_irc()[1:] == numbered("message ", 1000)
    assert world.in_matrix()[1:] == numbered("line ", 1000)


@pytest.mark.parametrize("profile", ["history", "rfc"])
def test_a_netsplit_and_its_end_cost_each_user_one_leave_and_one_join_at_most(make_stub_world, profile):
    world = make_stub_world(ircd={"profile": profile})
    puppets_in(world, "alice")
    names = [f"split{number}" for number in range(1, 31)]
    for name in names:
        world.ircd.say(name, "#a", "here")
    world.wait_in_matrix(31)
    room = world.rooms["#a"]
    before = member_events(world, room)
    world.ircd.control("split", prefix="split", servers="hub.test leaf.test")
    world.ircd.control("rejoin", prefix="split", servers="hub.test leaf.test")
    world.ircd.say("split30", "#a", "again")
    world.wait_in_matrix(32)
    eventually(lambda: all(world.membership(room, f"@irc_{name}:hs.test") == "join" for name in names), 20, "all of them")
    after = member_events(world, room)
    assert max(after[user] - count for user, count in before.items()) <= 2


def test_a_netsplit_is_known_by_its_batch_whatever_the_quits_say(stub_world):
    world = stub_world
    puppets_in(world, "alice")
    for name in ("split", "quitter"):
        world.ircd.say(name, "#a", "here")
    world.wait_in_matrix(3)
    for line in (
        "BATCH +s1 netsplit hub.test leaf.test",
        "@batch=s1 :split!split@fake.test QUIT :connection reset",
        "BATCH -s1",
        "@batch=s1 :quitter!quitter@fake.test QUIT :connection reset",
    ):
        world.ircd.control("raw", nick="MatrixBot", line=line)
    room = world.rooms["#a"]
    eventually(lambda: world.membership(room, "@irc_quitter:hs.test") == "leave", 20, "the leave outside of the batch")
    assert world.membership(room, "@irc_split:hs.test") == "join"


def member_events(world, room):
    events = [event for event in world.alice.messages(room) if event["type"] == "m.room.member"]
    return collections.Counter(event["state_key"] for event in events)
