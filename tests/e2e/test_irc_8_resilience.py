# SPDX-License-Identifier: Apache-2.0
"""What becomes of people's connections when servers restart, throttle, ban, hang or refuse: everybody comes back at the
configured rate, what was said meanwhile arrives once and in order, and nobody is put out of a room for it.
"""

import re
import time

from support.inspircd import InspIRCd
from support.irc_client import IrcClient
from support.waiting import eventually, stays
from support.world import StubWorld, numbered


def clients(**settings):
    """A change of the configuration: these settings of ircClients."""

    def change(_, entry):
        entry["parameters"]["ircClients"].update(settings)

    return change


def puppets(world, channel="#a"):
    return {nick for nick in world.ircd.members(channel) if nick.startswith("M-")}


def wait_for_puppets(world, count, timeout=60):
    eventually(lambda: len(puppets(world)) == count, timeout, f"{count} puppets",
               lambda: f"{len(puppets(world))}; {world.bridge.process.output()[-2000:]}")


def kicked(world, channel="#a"):
    """The Matrix users who are not in the room any more (or none, when the room cannot be read)."""
    room = world.rooms[channel]
    joined = next(iter(world.users.values())).joined_members(room)
    return {user.user_id for user in world.users.values()} - set(joined)


def connects(world):
    return len(world.ircd.ledger("CONNECT"))


def crowd(make_stub_world, count, **settings):
    """`count` Matrix users who have all spoken in #a."""
    users = [f"user{number}" for number in range(1, count + 1)]
    limits = {"maxClients": 0, "concurrentReconnectLimit": 50, **settings}
    world = make_stub_world(users=users, change=clients(**limits))
    ids = [world.users[name].user_id for name in users]
    world.stub.inject(world.rooms["#a"], ids, count, prefix="hello ")
    wait_for_puppets(world, count)
    eventually(lambda: len(world.in_irc()) == count, 60, "everybody's first words")
    return world, ids


# What people are told of it


def telling(_, entry):
    entry["parameters"]["sendConnectionMessages"] = True


def rooms_told(world, text):
    return {line["room"] for line in world.stub.ledger("send")
            if line["sender"] == world.bot_user and text in line["content"].get("body", "")}


def test_an_outage_is_told_to_who_it_concerns_and_so_is_its_end(make_stub_world):
    world = make_stub_world(users=["alice", "bob", "carol"], change=telling)
    room = world.chat("alice")
    for user in world.users:
        world.say(f"{user} is here", user=user)
    world.wait_in_irc(3)
    world.ircd.kill()
    world.say("meanwhile", user="bob")
    out = "You are not connected to Test IRC since"
    told = world.told(room, out, timeout=60)
    assert re.search(r"refused|reset|closed", told) and "is kept, and sent when" in told
    eventually(lambda: len(rooms_told(world, out)) == 2, 40, "bob told in a chat made for it")
    world.ircd.start()
    world.told(room, "You are connected to Test IRC again, as M-alice")
    world.wait_in_irc(4)
    eventually(lambda: rooms_told(world, "You are connected to Test IRC again, as M-bob."), 20, "bob told that he is back")
    stays(lambda: not rooms_told(world, "M-carol."), 2, "carol left alone")
    assert world.in_irc()[3:] == ["meanwhile"]


def test_a_nick_not_had_before_is_told_where_there_is_a_chat(make_stub_world):
    world = make_stub_world(users=["alice", "bob"], change=telling)
    room = world.chat("alice")
    world.ircd.control("fake", nick="M-alice")
    world.say("hello")
    world.say("hello", user="bob")
    world.told(room, r"^You are connected to Test IRC, as M-alice1\.$")
    world.kill_and_start()
    world.say("again")
    world.wait_in_irc(3)
    stays(lambda: len(rooms_told(world, "You are connected")) == 1, 3, "one word, to alice")
    assert sum("You are connected" in text for text in world.replies(room)) == 1


# The server restarts


def test_a_thousand_puppets_return_after_a_restart_at_the_configured_rate(make_stub_world):
    channels = [f"#c{number}" for number in range(20)]  # 50 puppets in each
    users = [f"user{number}" for number in range(1000)]
    limits = {"maxClients": 0, "concurrentReconnectLimit": 50, "reconnectIntervalMs": 3}
    world = make_stub_world(users=users, channels=channels, change=clients(**limits))
    of_channel = {channel: [world.users[name].user_id for name in users[number::20]]
                  for number, channel in enumerate(channels)}

    def everybody():
        return sum(len([nick for nick in entry["members"] if nick.startswith("M-")])
                   for entry in world.ircd.state()["channels"]) == 1000

    owner = world.users["user0"]
    for channel, ids in of_channel.items():
        eventually(lambda room=world.rooms[channel]: world.bot_user in owner.joined_members(room), 20, "the bot")
        world.stub.inject(world.rooms[channel], ids, 50, prefix="hello ")
    for channel in channels:
        world.wait_in_irc(50, channel)
    eventually(everybody, 10, "a thousand puppets", lambda: {
        entry["name"]: len(entry["members"]) for entry in world.ircd.state()["channels"]})
    world.ircd.kill()
    for channel, ids in of_channel.items():
        world.stub.inject(world.rooms[channel], ids[-3:], 6, prefix="meanwhile ")
    world.stub.wait_until_pushed()
    started = time.monotonic_ns()
    world.ircd.start()
    for channel in channels:
        assert world.wait_in_irc(56, channel)[50:] == numbered("meanwhile ", 6)
    eventually(everybody, 40, "everybody back", lambda: world.bridge.process.output()[-2000:])
    assert all(len(world.in_irc(channel)) == 56 for channel in channels), "something was said twice"
    back = [record for record in world.ircd.ledger("REGISTER", "CONNECT") if record.time_ns > started]
    times = sorted(record.time_ns for record in back if record.kind == "CONNECT")
    assert (times[-1] - times[0]) / 1e9 >= 999 * 0.003 * 0.9, "faster than configured"
    speakers = {nick for nick, text in world.ircd.said() if text.startswith("meanwhile ")}
    order = [record.nick for record in back if record.kind == "REGISTER" and record.nick.startswith("M-")]
    assert max(order.index(nick) for nick in speakers) < 500, "those with something to say did not go first"
    assert not kicked(world, "#c0")


def test_puppets_return_after_a_restart_of_a_real_server(make_stub_world, make_bridge, make_stub_homeserver, workdir):
    ircd = InspIRCd(workdir / "ircd")
    ircd.start()
    try:
        users = [f"user{number}" for number in range(1, 51)]
        world = StubWorld(make_bridge, make_stub_homeserver, ircd, users=users, ready=False,
                          change=clients(maxClients=0, reconnectIntervalMs=20))
        world.bridge.start()
        world.wait_to_be_heard()
        ids = [world.users[name].user_id for name in users]

        def everybody(first):
            """A witness who sees what is said in #a until the last of 50 lines is there."""
            with IrcClient(ircd.host, ircd.port, "witness") as witness:
                witness.join("#a")
                first()
                def said():
                    return [line.params[-1] for line in witness.lines if line.command == "PRIVMSG"]

                witness.wait_for(lambda line: len(said()) >= 50, 60, "50 lines")
                return said()

        room = world.rooms["#a"]
        assert everybody(lambda: world.stub.inject(room, ids, 50, prefix="hello ")) == numbered("hello ", 50)
        ircd.kill()
        ircd.start()
        assert everybody(lambda: world.stub.inject(room, ids, 50, prefix="again ")) == numbered("again ", 50)
        assert not kicked(world)
    finally:
        world.bridge.close()
        ircd.close()


def test_who_has_something_to_say_does_not_wait_for_the_others(make_stub_world):
    world, ids = crowd(make_stub_world, 20, reconnectIntervalMs=1500)
    world.ircd.kill()
    world.ircd.start()
    eventually(lambda: world.ircd.client("MatrixBot"), 20, "the bot")
    said = len(world.in_irc())
    world.stub.inject(world.rooms["#a"], ids[-1], 1, prefix="urgent ")
    eventually(lambda: len(world.in_irc()) > said, 15, "the message", lambda: world.bridge.process.output()[-3000:])
    assert len(puppets(world)) < 15, "everybody was back by then: this shows nothing"


# The server does not want us


def known_to_refuse(world):
    """Closes all connections of a server that refuses; returns when the bridge has heard so and nobody is on the way."""
    world.ircd.control("close", all=True, how="rst")
    eventually(lambda: "nobody connects for" in world.bridge.process.output(), 20, "the first refusal heard")
    time.sleep(0.3)


def test_a_throttle_holds_everybody_back(make_stub_world):
    world, ids = crowd(make_stub_world, 20)
    world.ircd.set(refuse="error", refuse_text="Closing Link: [127.0.0.1] (Throttled: Reconnecting too fast)")
    before = connects(world)
    known_to_refuse(world)
    tried = connects(world)
    stays(lambda: connects(world) == tried, 4, "the number of tries")
    assert 1 <= tried - before < 20
    assert not kicked(world)


def test_a_server_that_cannot_be_reached_is_tried_by_one_for_all(make_stub_world):
    world, ids = crowd(make_stub_world, 20)
    world.ircd.set(refuse="close")
    known_to_refuse(world)
    tried = connects(world)
    stays(lambda: connects(world) - tried <= 5, 5, "few tries of 20 people")  # after half a second, 1, 2, ..
    world.ircd.set(refuse="none")
    wait_for_puppets(world, 20)
    assert not kicked(world)


def empower(world, channel="#a"):
    owner = next(iter(world.users.values()))
    room = world.rooms[channel]
    levels = owner.state(room, "m.room.power_levels")
    levels.setdefault("users", {})[world.bot_user] = 100
    owner.set_state(room, "m.room.power_levels", levels)


def test_a_ban_by_the_server_is_told_kicks_that_user_alone_and_is_not_tried_again(make_stub_world):
    world = make_stub_world(users=["alice", "bob"])
    empower(world)
    for user in world.users:
        world.say("hello", user=user)
    world.wait_in_irc(2)
    world.ircd.control("kill", nick="M-bob", kline="spamming")
    room = world.rooms["#a"]
    eventually(lambda: "@bob:hs.test" not in world.alice.joined_members(room), 30, "bob's kick",
               lambda: world.bridge.process.output()[-3000:])
    reason = world.alice.state(room, "m.room.member", "@bob:hs.test")["reason"]
    assert reason == "IRC connection failure."
    told = [line for line in world.stub.ledger("send") if "cannot be connected" in (line["content"].get("body") or "")]
    assert told and "!reconnect" in told[0]["content"]["body"]
    tried = connects(world)
    stays(lambda: connects(world) == tried, 3, "the number of tries")
    assert "@alice:hs.test" in world.alice.joined_members(room)


def test_a_ban_of_the_whole_bridge_kicks_nobody(make_stub_world):
    world = make_stub_world(users=["alice", "bob"])
    empower(world)
    for user in world.users:
        world.say("hello", user=user)
    world.wait_in_irc(2)
    world.ircd.set(kline="no bridges")
    world.ircd.control("close", all=True, how="rst")
    output = world.bridge.process.output
    eventually(lambda: output().count("does not try again") >= 2, 30, "two refusals", lambda: output()[-3000:])
    eventually(lambda: re.search(r"the bot cannot connect and tries again in [23]\d minutes", output()), 30, "the bot's")
    stays(lambda: not kicked(world), 1, "no kick")
    _, ready = world.bridge.get("/ready")
    assert re.search(r"next try in some [23]\d minutes", ready), ready


# Sockets


def test_a_connection_that_hangs_is_given_up_and_its_message_arrives_once(make_stub_world):
    world = make_stub_world(change=clients(pingRateMs=1000, pingTimeoutMs=2500))
    world.say("hello")
    world.wait_in_irc(1)
    world.ircd.control("silent", nick="M-alice", on=True)
    world.say("into the void")
    eventually(lambda: ("M-alice1", "into the void") in world.ircd.said("#a"), 30, "the message by another connection",
               lambda: world.bridge.process.output()[-3000:])
    world.ircd.control("silent", nick="M-alice", on=False)
    eventually(lambda: "M-alice" in puppets(world) and "M-alice1" not in puppets(world), 20, "the nick back",
               lambda: puppets(world))
    assert [text for _, text in world.ircd.said("#a") if text == "into the void"].count("into the void") <= 2


def test_a_killed_connection_comes_back_and_says_what_it_was_saying(make_stub_world):
    world = make_stub_world(ircd={"delay_ms": 30})
    world.inject(40, prefix="out ")
    for mark, how in ((5, "rst"), (20, "fin")):
        world.wait_in_irc(mark)
        alice = max(client["conn"] for client in world.ircd.state()["clients"] if client["nick"].startswith("M-alice"))
        world.ircd.control("close", conn=alice, how=how)
    eventually(lambda: "out 40" in world.in_irc(), 40, "the last line")
    assert world.in_irc() == numbered("out ", 40)


# Channels that let nobody in


def refused(world, text="does not matter"):
    """What the user is told after the puppet was not let in."""
    world.say(text)
    told = eventually(lambda: world.in_matrix(sender=world.bot_user), 20, "word in the room",
                      lambda: world.bridge.process.output()[-3000:])
    return told[0]


def test_what_a_refused_join_means_is_told_with_the_next_step(make_stub_world):
    for mode, words in (("+k secret", "needs a key"), ("+i", "invited people only"), ("+l 1", "is full"),
                        ("+b *!*@client.scripted.test", "You are banned there")):
        world = make_stub_world()
        world.ircd.control("mode", channel="#a", modes=mode)
        told = refused(world)
        assert "Your message was not delivered: #a could not be joined on IRC." in told and words in told, told
        world.ircd.control("mode", channel="#a", modes=re.sub(r"^\+(.).*", r"-\1", mode)
                           + (mode[2:] if mode[1] in "kb" else ""))
        world.say("now I am in")
        eventually(lambda: "now I am in" in world.in_irc(), 20, "the message after the mode was taken back")
        assert not kicked(world), "who may not kick in the room, kicks nobody"


def test_a_ban_in_the_channel_kicks_from_the_room(make_stub_world):
    world = make_stub_world(users=["alice", "bob"])
    empower(world)
    world.ircd.control("mode", channel="#a", modes="+b M-bob!*@*")
    world.say("hello", user="bob")
    room = world.rooms["#a"]
    eventually(lambda: "@bob:hs.test" not in world.alice.joined_members(room), 20, "the kick",
               lambda: world.bridge.process.output()[-3000:])
    assert world.alice.state(room, "m.room.member", "@bob:hs.test")["reason"] == "IRC error on #a: err_bannedfromchan"


def test_nobody_is_kicked_where_that_is_off(make_stub_world):
    world = make_stub_world(users=["alice", "bob"], change=clients(kickOn={"channelJoinFailure": False}))
    empower(world)
    world.ircd.control("mode", channel="#a", modes="+b M-bob!*@*")
    world.say("hello", user="bob")
    eventually(lambda: world.in_matrix(sender=world.bot_user), 20, "word in the room")
    stays(lambda: "@bob:hs.test" in world.alice.joined_members(world.rooms["#a"]), 1, "bob in the room")
