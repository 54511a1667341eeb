# SPDX-License-Identifier: Apache-2.0
"""Who people are on the other side: nicks, user names and real names of Matrix users on IRC, who is connected and who is
away, and what becomes of IRC people's ghosts when they change their nick or leave.
"""

import json
import re
import time

from support.waiting import eventually, stays


def clients(**settings):
    """A change of the configuration: these settings of ircClients."""

    def change(_, entry):
        entry["parameters"]["ircClients"].update(settings)

    return change


def wait_for_nick(world, nick, channel="#a", timeout=20):
    eventually(lambda: nick in world.ircd.members(channel), timeout, f"{nick} in {channel}",
               lambda: f"{world.ircd.members(channel)}\n{world.bridge.process.output()[-3000:]}")


def registered(world):
    """{nick: the parameters of USER} of everybody who has connected, in order."""
    users = {}
    for record in world.ircd.ledger("TAKEN", "REGISTER"):
        if record.kind == "TAKEN" and record.raw.startswith("USER "):
            users[record.conn] = record.raw
        elif record.kind == "REGISTER":
            users[record.nick] = users.pop(record.conn)
    return users


def rename(world, user, name):
    """The Matrix user's display name is another from now on, as a member event says."""
    client = world.users[user]
    world.stub.user(user, name)
    for room in world.rooms.values():
        client.set_state(room, "m.room.member", {"membership": "join", "displayname": name}, client.user_id)


def membership(world, room, user, by="bob"):
    """The content of the user's member event as the one in the room sees it."""
    return world.users[by].state(room, "m.room.member", user)


def empower(world, owner="alice", channel="#a"):
    """The bot may kick in the channel's room, as it may in rooms that it has made."""
    room = world.rooms[channel]
    levels = world.users[owner].state(room, "m.room.power_levels")
    levels.setdefault("users", {})[world.bot_user] = 100
    world.users[owner].set_state(room, "m.room.power_levels", levels)


# Nicks


def test_the_nick_is_made_from_the_display_name_without_what_servers_refuse(make_stub_world):
    world = make_stub_world(users={"alice": "Älice (W.) \u202eWonder", "bob": "Боб", "carol": None})
    for user, nick in (("alice", "M-liceWWonder"), ("bob", "M-bob"), ("carol", "M-carol")):
        world.say(f"I am {user}", user=user)
        eventually(lambda n=nick, u=user: (n, f"I am {u}") in world.ircd.said("#a"), 20, nick,
                   lambda: world.bridge.process.output()[-3000:])


def test_the_template_takes_display_name_localpart_and_user_id(make_stub_world):
    world = make_stub_world(users={"alice": "Al"}, change=clients(nickTemplate="$LOCALPART|$DISPLAY|$USERID"))
    world.say("hello")
    wait_for_nick(world, "alice|Al|alicehstest")


def stranger(world, name=None):
    """A Matrix user in none of the bridge's rooms, who writes to fay on IRC."""
    world.ircd.control("fake", nick="fay")
    world.users["dora"] = world.stub.user("dora", name)
    room = world.chat("dora", "@irc_fay:hs.test")
    world.users["dora"].send_text(room, "psst")


def test_a_display_name_that_no_event_has_told_is_asked_for(stub_world):
    stranger(stub_world, "Dora Profile")
    eventually(lambda: ("M-DoraProfile", "psst") in stub_world.ircd.said("fay"), 20, "the message")


def test_a_profile_that_cannot_be_read_keeps_nobody_from_talking(stub_world):
    stub_world.stub.fail(20, status=500, match="profile/%40dora")
    stranger(stub_world, "Dora Profile")
    eventually(lambda: ("M-dora", "psst") in stub_world.ircd.said("fay"), 20, "the message")


def test_a_nick_is_cut_to_what_the_server_takes(make_stub_world):
    world = make_stub_world(users={"alice": "Alexandrina Victoria"}, ircd={"isupport": ["NICKLEN=12"]})
    world.say("hello")
    wait_for_nick(world, "M-Alexandrin")


def test_two_users_of_one_name_get_two_nicks_without_asking_the_server_for_the_same(make_stub_world):
    world = make_stub_world(users={"alice": "Sam", "bob": "sam", "carol": "SAM"})
    for user in world.users:
        world.say(f"from {user}", user=user)
    eventually(lambda: len(world.in_irc()) == 3, 20, "three messages")
    nicks = [nick for nick in world.ircd.members("#a") if nick != "MatrixBot"]
    assert sorted(nick.lower() for nick in nicks) == ["m-sam", "m-sam1", "m-sam2"]
    asked = [raw.split()[1].lower() for raw in world.ircd.taken() if raw.startswith("NICK ")]
    assert len(asked) == len(set(asked)), asked
    assert not [line for line in world.in_matrix() if line.startswith("from ")], "a clash was echoed"


def test_a_nick_in_use_is_replaced_and_taken_back_when_its_holder_leaves(stub_world):
    stub_world.ircd.control("fake", nick="M-alice", channel="#a")
    stub_world.say("hello")
    wait_for_nick(stub_world, "M-alice1")
    stub_world.ircd.control("quit", nick="M-alice", reason="bye")
    wait_for_nick(stub_world, "M-alice")
    stub_world.say("me again")
    eventually(lambda: ("M-alice", "me again") in stub_world.ircd.said("#a"), 20, "the message")


def test_the_bots_nick_is_taken_back_too(make_stub_world):
    world = make_stub_world(ready=False)
    world.ircd.control("fake", nick="MatrixBot", channel="#a")
    world.bridge.start()
    wait_for_nick(world, "MatrixBot1")
    world.ircd.control("nick", nick="MatrixBot", to="somebody")
    wait_for_nick(world, "MatrixBot")


def test_a_server_with_monitor_is_asked_to_tell_when_the_nick_is_free(make_stub_world):
    world = make_stub_world(ircd={"isupport": ["MONITOR=100"]})
    world.ircd.control("fake", nick="M-alice")
    world.say("hello")
    wait_for_nick(world, "M-alice1")
    eventually(lambda: "MONITOR + M-alice" in world.ircd.taken("M-alice1"), 10, "MONITOR")
    world.ircd.control("quit", nick="M-alice")
    world.ircd.raw(b":irc.scripted.test 731 M-alice1 :M-alice\r\n", nick="M-alice1")
    wait_for_nick(world, "M-alice")
    eventually(lambda: "MONITOR - M-alice" in world.ircd.taken("M-alice"), 10, "the end of it")


def test_a_nick_that_the_server_calls_erroneous_is_made_plain(make_stub_world):
    world = make_stub_world(users={"alice": "Services"})
    world.ircd.set(nick_erroneous=1)
    world.say("hello")
    eventually(lambda: world.ircd.ledger("SAID"), 20, "the message", world.bridge.process.output)
    tried = [raw for raw in world.ircd.taken() if raw.startswith("NICK")]
    assert "NICK M-Services" in tried and world.ircd.said("#a") == [("Malice", "hello")]


def test_no_nick_is_tried_for_ever(stub_world):
    stub_world.ircd.set(nick_in_use=1000)
    stub_world.say("hello")
    time.sleep(2)
    assert len([raw for raw in stub_world.ircd.taken() if raw.startswith("NICK")]) < 100
    stub_world.ircd.set(nick_in_use=0)
    assert stub_world.wait_in_irc(1) == ["hello"]


def test_a_new_display_name_becomes_the_nick(make_stub_world):
    world = make_stub_world(users={"alice": "Alice"})
    world.say("hello")
    wait_for_nick(world, "M-Alice")
    rename(world, "alice", "Alicia")
    wait_for_nick(world, "M-Alicia")
    world.say("still me")
    eventually(lambda: ("M-Alicia", "still me") in world.ircd.said("#a"), 20, "the message")
    assert not world.in_matrix(), "a nick change of ours was shown"


def test_a_new_display_name_changes_no_nick_where_that_is_off(make_stub_world):
    world = make_stub_world(users={"alice": "Alice"}, change=clients(allowNickChanges=False))
    world.say("hello")
    wait_for_nick(world, "M-Alice")
    rename(world, "alice", "Alicia")
    world.say("done")
    world.wait_in_irc(2)
    assert "M-Alicia" not in world.ircd.members("#a")


# User names and real names


def test_user_names_are_unique_and_stay(make_stub_world, database):
    names = [f"longish.name_{number}" for number in range(1, 13)]
    world = make_stub_world(users=names, database=database)
    for name in names:
        world.say(f"I am {name}", user=name)
    eventually(lambda: len(world.in_irc()) == 12, 30, "everybody")
    first = {line.split(" :")[1]: line.split()[1] for line in registered(world).values() if " :@" in line}
    assert sorted(first.values()) == sorted(["longishnam"] + [f"longishn_{n}" for n in range(1, 10)]
                                            + ["longish_10", "longish_11"])
    world.kill_and_start()
    for name in reversed(names):
        world.say(f"again {name}", user=name)
    eventually(lambda: len(world.in_irc()) == 24, 30, "everybody again")
    again = {line.split(" :")[1]: line.split()[1] for line in registered(world).values() if " :@" in line}
    assert again == first


def test_a_user_name_begins_with_a_letter(make_stub_world):
    world = make_stub_world(users=["42"])
    world.say("hello", user="42")
    world.wait_in_irc(1)
    assert registered(world)["M-42"].split()[1] == "M42hstest"


def test_the_real_name_says_who_it_is(make_stub_world):
    world = make_stub_world()
    world.say("hello")
    world.wait_in_irc(1)
    assert registered(world)["M-alice"].endswith(" :@alice:hs.test")


def test_the_real_name_can_begin_with_the_homeserver(make_stub_world):
    world = make_stub_world(change=clients(realnameFormat="reverse-mxid"))
    world.say("hello")
    world.wait_in_irc(1)
    assert registered(world)["M-alice"].endswith(" :test.hs>:alice")


def test_user_modes_are_set(make_stub_world):
    world = make_stub_world(change=clients(userModes="ix"))
    world.say("hello")
    world.wait_in_irc(1)
    assert "MODE M-alice +ix" in world.ircd.taken("M-alice")


# Who is connected


def test_who_is_idle_is_disconnected_and_comes_back_by_speaking(make_stub_world):
    world = make_stub_world(change=clients(idleTimeout=2))
    world.say("hello")
    world.wait_in_irc(1)
    eventually(lambda: not world.ircd.client("M-alice"), 20, "the end of the connection")
    assert "QUIT :Idle timeout reached: 2s" in world.ircd.taken("M-alice")
    assert world.ircd.client("MatrixBot"), "the bot is never idle"
    world.say("back")
    assert world.wait_in_irc(2) == ["hello", "back"]
    assert "@alice:hs.test" in world.alice.joined_members(world.rooms["#a"])


def test_of_too_many_the_one_silent_longest_is_cycled_out_and_loses_nothing(make_stub_world):
    world = make_stub_world(users=["alice", "bob", "carol"], change=clients(maxClients=3))
    for number, user in enumerate(("alice", "bob", "carol", "alice", "bob", "carol", "carol", "alice"), 1):
        world.say(f"{number} {user}", user=user)
        world.wait_in_irc(number)
        assert len(world.ircd.state()["clients"]) <= 3
    assert "QUIT :Client limit exceeded: 3" in world.ircd.taken("M-alice")
    said = world.ircd.said("#a")
    assert [text for _, text in said] == ["1 alice", "2 bob", "3 carol", "4 alice", "5 bob", "6 carol", "7 carol", "8 alice"]


def test_away_follows_presence(stub_world):
    stub_world.say("hello")
    wait_for_nick(stub_world, "M-alice")

    def presence(state, txn):
        event = {"type": "m.presence", "sender": "@alice:hs.test", "content": {"presence": state}}
        body = {"events": [], "de.sorunome.msc2409.ephemeral": [event], "ephemeral": [event]}
        answer = stub_world.stub.push_raw(json.dumps(body).encode(), txn=txn, token=stub_world.hs_token)
        assert answer["status"] == 200

    def away_lines():
        return [raw for raw in stub_world.ircd.taken("M-alice") if raw.startswith("AWAY")]

    for number, state in enumerate(("unavailable", "unavailable", "online", "online", "offline")):
        presence(state, f"p{number}")
    eventually(lambda: len(away_lines()) == 3, 10, "AWAY", away_lines)
    assert away_lines() == ["AWAY :Away on Matrix", "AWAY", "AWAY :Offline on Matrix"]


def test_presence_is_not_shown_when_that_is_off(make_stub_world):
    def change(_, entry):
        entry["enable_presence"] = False

    world = make_stub_world(change=change)
    world.say("hello")
    wait_for_nick(world, "M-alice")
    event = {"type": "m.presence", "sender": "@alice:hs.test", "content": {"presence": "unavailable"}}
    world.stub.push_raw(json.dumps({"events": [], "ephemeral": [event]}).encode(), txn="p1", token=world.hs_token)
    world.say("done")
    world.wait_in_irc(2)
    assert not [raw for raw in world.ircd.taken("M-alice") if raw.startswith("AWAY")]


def test_excluded_users_are_kicked_and_never_connected(make_stub_world):
    def change(_, entry):
        entry["parameters"]["excludedUsers"] = [{"regex": "@bob:.*", "kickReason": "No bobs here"}]

    world = make_stub_world(users=["alice", "bob"], change=change)
    empower(world)
    world.say("hello", user="bob")
    room = world.rooms["#a"]
    eventually(lambda: "@bob:hs.test" not in world.alice.joined_members(room), 20, "the kick")
    assert world.alice.state(room, "m.room.member", "@bob:hs.test")["reason"] == "No bobs here"
    world.say("hi")
    assert world.wait_in_irc(1) == ["hi"]
    assert not [nick for nick in registered(world) if "bob" in nick]


# Leaving and being put out


def test_who_leaves_or_is_kicked_in_matrix_parts_the_channel(make_stub_world):
    world = make_stub_world(users=["alice", "bob", "carol"])
    room = world.rooms["#a"]
    for user in world.users:
        world.say("hello", user=user)
    world.wait_in_irc(3)
    world.users["bob"].leave(room)
    world.alice.kick(room, "@carol:hs.test", "too loud\r\nQUIT")
    eventually(lambda: set(world.ircd.members("#a")) == {"MatrixBot", "M-alice"}, 20, "two parts")
    assert "PART #a :Left the room" in world.ircd.taken("M-bob")
    assert "PART #a :Kicked by @alice:hs.test : too loud  QUIT" in world.ircd.taken("M-carol")


def test_who_is_kicked_on_irc_is_kicked_in_matrix_with_the_reason(make_stub_world):
    world = make_stub_world(users=["bob", "alice"])
    empower(world, "bob")
    world.say("hello")
    wait_for_nick(world, "M-alice")
    room = world.rooms["#a"]
    world.ircd.control("kick", channel="#a", nick="M-alice", by="fay", reason="no links")
    eventually(lambda: membership(world, room, "@alice:hs.test")["membership"] == "leave", 20, "the kick")
    assert membership(world, room, "@alice:hs.test")["reason"] == "fay has kicked this user from #a (no links)"


def test_an_irc_user_kicked_on_irc_leaves_the_room_with_the_reason(make_stub_world):
    world = make_stub_world(users=["bob"])
    room = world.rooms["#a"]
    world.ircd.say("fay", "#a", "hello")
    world.wait_in_matrix(1)
    world.ircd.control("kick", channel="#a", nick="fay", by="greg", reason="no links")
    eventually(lambda: membership(world, room, "@irc_fay:hs.test")["membership"] == "leave", 20, "the leave")
    assert "no links" in membership(world, room, "@irc_fay:hs.test")["reason"]


def test_a_ghost_kicked_in_matrix_is_kicked_on_irc_by_the_puppet(stub_world):
    room = stub_world.rooms["#a"]
    stub_world.ircd.say("fay", "#a", "hello")
    stub_world.wait_in_matrix(1)
    stub_world.say("hi")
    wait_for_nick(stub_world, "M-alice")
    stub_world.ircd.control("mode", channel="#a", modes="+o M-alice")
    stub_world.alice.kick(room, "@irc_fay:hs.test", "bye bye")
    eventually(lambda: "fay" not in stub_world.ircd.members("#a"), 20, "the kick")
    assert "KICK #a fay :Kicked by @alice:hs.test : bye bye" in stub_world.ircd.taken("M-alice")


def test_reasons_are_cut_where_the_server_ends_them(make_stub_world):
    """KICKLEN and AWAYLEN, between signs: the last one here is a letter and its accent."""
    world = make_stub_world(ircd={"isupport": ["KICKLEN=40", "AWAYLEN=10"]})
    world.ircd.say("fay", "#a", "hello")
    world.wait_in_matrix(1)
    world.say("hi")
    wait_for_nick(world, "M-alice")
    world.ircd.control("mode", channel="#a", modes="+o M-alice")
    world.alice.kick(world.rooms["#a"], "@irc_fay:hs.test", "this is cut \u1e0d\u0307" + "x" * 300)
    kick = "Kicked by @alice:hs.test : this is cut "
    eventually(lambda: [line for line in world.ircd.taken("M-alice") if line.startswith("KICK")], 20, "the kick")
    assert "KICK #a fay :" + kick in world.ircd.taken("M-alice") and len(kick) == 39
    event = {"type": "m.presence", "sender": "@alice:hs.test", "content": {"presence": "unavailable"}}
    body = {"events": [], "de.sorunome.msc2409.ephemeral": [event], "ephemeral": [event]}
    world.stub.push_raw(json.dumps(body).encode(), txn="p", token=world.hs_token)
    eventually(lambda: "AWAY :Away on Ma" in world.ircd.taken("M-alice"), 20, "AWAY")


# Ghosts


def test_a_nick_change_on_irc_moves_the_ghost_in_every_room(make_stub_world):
    world = make_stub_world(channels=("#a", "#b"))
    for channel in world.rooms:
        world.ircd.say("fay", channel, f"hello {channel}")
        world.wait_in_matrix(1, channel)
    world.ircd.control("nick", nick="fay", to="faye")
    for channel, room in world.rooms.items():
        eventually(lambda r=room: {"@irc_faye:hs.test"} == {
            user for user in world.alice.joined_members(r) if user.startswith("@irc_")}, 20, "the new ghost alone")


def ghosts_in(world, channel="#a"):
    return {user for user in world.alice.joined_members(world.rooms[channel]) if user.startswith("@irc_")}


def splitters(world, count):
    """IRC people split1 .. whose ghosts are in the room."""
    world.ircd.control("fake", prefix="split", count=count, channel="#a")
    for number in range(1, count + 1):
        world.ircd.say(f"split{number}", "#a", "here")
    ghosts = {f"@irc_split{number}:hs.test" for number in range(1, count + 1)}
    eventually(lambda: ghosts <= ghosts_in(world), 20, "the ghosts", lambda: ghosts_in(world))
    return ghosts


def test_a_netsplit_that_ends_is_not_seen_in_the_room(stub_world):
    ghosts = splitters(stub_world, 5)
    stub_world.ircd.control("split", prefix="split", servers="hub.test leaf.test")
    stays(lambda: ghosts <= ghosts_in(stub_world), 1, "the ghosts in the room")
    stub_world.ircd.control("rejoin", prefix="split", servers="hub.test leaf.test")
    stub_world.ircd.say("split1", "#a", "here again")
    eventually(lambda: "here again" in stub_world.in_matrix(), 20, "the message")
    left = [event for event in stub_world.alice.messages(stub_world.rooms["#a"])
            if event["type"] == "m.room.member" and event["content"]["membership"] == "leave"]
    assert not left


def test_who_does_not_come_back_from_a_netsplit_leaves_whoever_else_does(make_stub_world):
    def change(_, entry):
        entry["parameters"]["quitDebounce"] = {
            "enabled": True, "quitsPerSecond": 1, "delayMinMs": 2000, "delayMaxMs": 2000}

    world = make_stub_world(change=change)
    ghosts = splitters(world, 4)
    split = time.monotonic()
    world.ircd.control("split", prefix="split", servers="hub.test leaf.test")
    world.ircd.control("rejoin", prefix="split1", servers="hub.test leaf.test")
    eventually(lambda: not ghosts <= ghosts_in(world), 20, "the first leave", lambda: ghosts_in(world))
    assert time.monotonic() - split >= 2, "the leaves were not held back"
    eventually(lambda: ghosts_in(world) & ghosts == {"@irc_split1:hs.test"}, 20, "three leaves",
               lambda: ghosts_in(world))


# With real servers


def test_display_names_and_nick_changes_on_real_servers(world):
    alice = world.new_user("disp")
    alice.request("PUT", f"/profile/{alice.user_id}/displayname", {"displayname": "Dîsp Name"})
    channel, room = world.mapped(alice)
    with world.irc(channel) as client:
        alice.send_text(room, "hello from a name")
        line = client.wait_for(lambda line: line.command == "PRIVMSG" and "hello from a name" in line, 30, "the message")
        first = str(line)
        assert re.search(r":M-DspName", first) or re.search(r":M-DspNam", first), first


# Who people on IRC are


def test_account_and_host_of_people_are_kept_as_the_server_tells_them(stub_world):
    world = stub_world
    world.ircd.control("fake", nick="fay", channel="#a")
    world.say("hello")
    wait_for_nick(world, "M-alice")
    asked = [raw for raw in world.ircd.taken() if raw.startswith("CAP REQ")]
    assert sorted("extended-join" in raw and "account-tag" in raw for raw in asked) == [False, True], asked
    room = world.chat("alice")

    def whois():
        return world.ask("alice", room, "!whois fay")[-1]

    assert "Account" not in whois()
    for line, account in (
        (":fay!fay@fake.test ACCOUNT feline", "feline"),
        (":fay!fay@fake.test CHGHOST fay cloak.test", "feline"),
        (":fay!fay@cloak.test ACCOUNT *", None),
        (":fay!fay@cloak.test JOIN #a kitten :Fay", "kitten"),
        ("@account=cat :fay!fay@cloak.test NOTICE #a :purr", "cat"),
    ):
        world.ircd.control("raw", nick="MatrixBot", line=line)
        eventually(lambda a=account: (f"\nAccount: {a}" in whois()) if a else ("Account" not in whois()), 20, line,
                   lambda: world.bridge.process.output()[-3000:])


# Users who leave Matrix (28)


def test_28_an_account_that_is_closed_is_disconnected_when_all_is_said(make_stub_world):
    world = make_stub_world(channels=("#a", "#b"), users=("alice", "bob"))
    world.say("one", user="bob")
    world.say("two", channel="#b", user="bob")
    world.wait_in_irc(1, "#a")
    world.wait_in_irc(1, "#b")
    world.stub.fail(count=100, status=404, match="/profile/%40bob")
    world.users["bob"].leave(world.rooms["#a"])
    eventually(lambda: "M-bob" not in world.ircd.members("#a"), 10, "bob out of #a")
    stays(lambda: world.ircd.client("M-bob") is not None, 1.5, "bob connected, since he is in #b")
    world.say("last words", channel="#b", user="bob")
    world.users["bob"].leave(world.rooms["#b"])
    eventually(lambda: world.ircd.client("M-bob") is None, 10, "bob disconnected", lambda: world.bridge.process.output()[-2000:])
    assert world.in_irc("#b") == ["two", "last words"]
    world.ircd.say("ann", "#a", "who is here?")
    world.wait_in_matrix(1)
    stays(lambda: world.ircd.client("M-bob") is None, 1, "bob away")


def test_28_a_closed_account_leaves_irc_on_real_servers(inspircd_world):
    world = inspircd_world
    bob = world.new_user("bob")
    nick = world.nick_of(bob)
    channel, room = world.mapped(bob)
    with world.irc(channel) as ann:
        bob.send_text(room, "hello")
        ann.wait_for_text("hello")
        auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": bob.user_id}, "password": "secret"}
        bob.request("POST", "/account/deactivate", {"auth": auth, "erase": True})
        said = f"{bob.user_id} has left Matrix and is disconnected"
        eventually(lambda: said in world.bridge.process.output(), 30, said, lambda: world.bridge.process.output()[-2000:])
        ann.send(f"ISON {nick}")
        assert nick not in ann.wait_for(lambda line: line.command == "303", 20, "the answer").params[-1]
