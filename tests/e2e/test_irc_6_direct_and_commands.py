# SPDX-License-Identifier: Apache-2.0
"""Talking to the bot and to single people on IRC: every command with good, bad and hostile arguments, direct chats begun by
either side and kept, with people and with services.
"""

import pytest

from support.bridge import registration_fields
from support.irc_client import IrcClient
from support.matrix_client import MatrixClient, MatrixError, call, quote
from support.waiting import eventually, stays

# Commands: what is answered


def speak(world):
    """Alice says her first words, once the bot is in the room: what is said before is pushed to nobody."""
    eventually(lambda: world.membership(world.rooms["#a"], world.bot_user) == "join", 20, "the bot in the room")
    world.say("I am here")
    world.wait_in_irc(1)


@pytest.fixture
def spoken_world(stub_world):
    """Alice has spoken, so she has a connection, and has a chat with the bot."""
    speak(stub_world)
    stub_world.bot_room = stub_world.chat("alice")
    return stub_world


def ask(world, text):
    return world.ask("alice", world.bot_room, text)[-1]


def lines_of(world, nick="M-alice"):
    """What the ircd has taken from the puppet, without what keeps the connection going."""
    return [line for line in world.ircd.taken(nick) if line.split(" ")[0] not in ("PING", "PONG", "CAP")]


def test_help_lists_the_commands_and_unknown_ones_are_said_to_be_so(spoken_world):
    help_text = ask(spoken_world, "!help")
    for name in (
        "help join part whois listrooms reconnect quit cmd storepass removepass username feature active status "
        "bridgeversion"
    ).split():
        assert f"!{name}" in help_text
    assert "not recognised" in ask(spoken_world, "!frobnicate")
    assert "not recognised" in ask(spoken_world, "hello bot")
    assert ask(spoken_world, "!bridgeversion").startswith("BridgeVersion: ")
    assert ask(spoken_world, "!active") == "You are marked as active."


@pytest.mark.parametrize("command", ["join #x", "part #a", "whois fay", "cmd VERSION", "quit bye", "username bob", "help"])
def test_a_control_character_refuses_every_command(spoken_world, command):
    world = spoken_world
    before = lines_of(world)
    for hostile in ("\r", "\x01", "\x1f", "\x7f", "\n\r"):
        assert "control character" in ask(world, f"!{command}{hostile}QUIT :gone")
    assert lines_of(world) == before


@pytest.mark.parametrize("separator", ["\0", "\u2028", "\u2029", "\x85", "\n"])
def test_nothing_that_could_end_a_line_begins_another(spoken_world, separator):
    world = spoken_world
    for command in ("whois fay", "join #x", "part #a", "cmd AWAY :gone", "username bob", "storepass pw", "feature mentions on"):
        world.alice.send_text(world.bot_room, f"!{command}{separator}KICK #a M-alice")
    ask(world, "!active")
    world.say("still here")
    world.wait_in_irc(2)
    assert not any(line.startswith("KICK") for line in world.ircd.taken())


def test_only_the_first_line_is_a_command(spoken_world):
    world = spoken_world
    before = lines_of(world)
    assert "is not bridged" in ask(world, "!part #elsewhere\nQUIT :gone")
    assert "QUIT" not in " ".join(lines_of(world)[len(before):])


def test_very_long_arguments_are_answered_and_harm_nothing(spoken_world):
    world = spoken_world
    long = "x" * 20000
    for command in (f"!join #{long}", f"!part #{long}", f"!whois {long}", f"!cmd WHO {long}", f"!username {long}",
                    f"!storepass {long}", f"!feature {long}", f"!{long}"):
        assert ask(world, command)
    world.say("still here")
    world.wait_in_irc(2)


def test_the_networks_name_may_stand_first_and_another_one_is_not_known(spoken_world):
    world = spoken_world
    address = world.entry["address"]
    assert "M-alice" in ask(world, f"!status {address}")
    assert "https://matrix.to/#/" in ask(world, f"!join {address} #named")
    assert "no network" in ask(world, "!join irc.elsewhere.test #named")


def test_listrooms_names_channels_and_rooms_in_order(make_stub_world):
    world = make_stub_world(channels=("#b", "#a", "#C"))
    for channel in ("#C", "#b", "#a"):
        world.say("here", channel)
        world.wait_in_irc(1, channel)
    world.bot_room = world.chat("alice")
    rows = ask(world, "!listrooms").split("\n")
    assert rows[0] == "You are in 3 channels on Test IRC:"
    assert [row.split(":")[0] for row in rows[1:]] == ["#a", "#b", "#C"]
    assert rows[1].endswith(f"https://matrix.to/#/{world.rooms['#a']}")


def test_whois_says_who_a_nick_is_and_who_a_matrix_user_is(spoken_world):
    world = spoken_world
    world.ircd.control("fake", nick="fay", channel="#a")
    answer = ask(world, "!whois fay")
    assert "Nick: fay" in answer and "#a" in answer
    assert ask(world, "!whois nobody") == "User not found"
    assert "connected to Test IRC as M-alice" in ask(world, "!whois @alice:hs.test")
    assert "has no connection" in ask(world, "!whois @bob:hs.test")
    assert "is not a nick" in ask(world, "!whois #a")
    assert "is not a nick" in ask(world, "!whois a,b")
    assert "It is written" in ask(world, "!whois")
    assert ask(world, "!whois $&")


def test_cmd_sends_a_line_and_shows_the_answer(spoken_world):
    world = spoken_world
    assert "away" in ask(world, "!cmd AWAY :gone & back $& soon")
    assert "AWAY :gone & back $& soon" in lines_of(world)
    assert "M-alice" in ask(world, "!cmd WHOIS M-alice")
    assert ask(world, "!cmd MODE #a +q nonsense nonsense")


@pytest.mark.parametrize("bad", ["privmsg #a :hi", "PRIVMSG:", "123", "", "É", "WHO\u2028IS", "@tag=x WHOIS"])
def test_malformed_commands_of_the_protocol_are_refused(spoken_world, bad):
    before = lines_of(spoken_world)
    answer = ask(spoken_world, f"!cmd {bad}")
    assert "Malformed command" in answer or "It is written" in answer
    assert lines_of(spoken_world) == before


@pytest.mark.parametrize(
    "verb", ["PROTOCTL NAMESX", "QUIT :x", "NICK x", "JOIN #z", "PART #a", "CAP REQ :x", "AUTHENTICATE PLAIN", "PASS x",
             "USER a b c d", "PRIVMSG #a :x", "NOTICE #a :x", "PING x", "CHATHISTORY LATEST #a * 1"])
def test_what_the_bridge_keeps_account_of_has_commands_of_its_own(spoken_world, verb):
    before = lines_of(spoken_world)
    assert "is not sent" in ask(spoken_world, f"!cmd {verb}")
    assert lines_of(spoken_world) == before


def test_reconnect_quits_and_comes_back_with_everything_in_order(spoken_world):
    world = spoken_world
    assert ask(world, "!reconnect") == "Reconnecting to network..."
    world.say("after it")
    assert world.wait_in_irc(2) == ["I am here", "after it"]
    assert "QUIT Reconnecting" in lines_of(world) or "QUIT :Reconnecting" in lines_of(world)


def test_who_never_spoke_has_nothing_to_reconnect_or_quit(stub_world):
    stub_world.bot_room = stub_world.chat("alice")
    assert ask(stub_world, "!reconnect") == "No clients connected to this network, not reconnecting"
    assert ask(stub_world, "!quit") == "You are not connected to any networks."
    assert ask(stub_world, "!cmd LIST") == "You are not connected to any networks."
    assert ask(stub_world, "!listrooms") == "You are in no channels."


def opened(world, channel):
    """A room that alice has opened with !join and is in, on both sides."""
    answer = ask(world, f"!join {channel}")
    room = answer.rsplit("https://matrix.to/#/", 1)[1]
    world.alice.join(room)
    world.alice.send_text(room, "hello there")
    eventually(lambda: "M-alice" in world.ircd.members(channel), 20, "alice in the channel")
    return room


def test_quit_leaves_irc_with_the_reason_and_the_rooms_and_stays_away(spoken_world):
    world = spoken_world
    room = opened(world, "#quitters")
    assert "disconnected" in ask(world, "!quit bye & $& now")
    eventually(lambda: "QUIT :bye & $& now" in lines_of(world), 20, "the QUIT")
    eventually(lambda: world.membership(room, world.alice.user_id) == "leave", 20, "alice out of the room")
    stays(lambda: "M-alice" not in world.ircd.members("#a"), 1.5, "alice away from IRC")


def test_part_leaves_the_channel_and_its_room(spoken_world):
    world = spoken_world
    room = opened(world, "#parted")
    assert ask(world, "!part #PARTED") == "You have left #parted."
    eventually(lambda: "M-alice" not in world.ircd.members("#parted"), 20, "alice out of the channel")
    eventually(lambda: world.membership(room, world.alice.user_id) == "leave", 20, "alice out of the room")
    assert "is not bridged" in ask(world, "!part #nowhere")
    assert "It is written: !part" in ask(world, "!part")


def test_words_on_their_way_are_said_before_a_part(spoken_world):
    world = spoken_world
    room = opened(world, "#parted")
    world.wait_in_irc(1, "#parted")
    world.ircd.control("delay", nick="M-alice", ms=300)
    for text in ("one", "two", "three"):
        world.alice.send_text(room, text)
    assert ask(world, "!part #parted") == "You have left #parted."
    assert world.wait_in_irc(4, "#parted") == ["hello there", "one", "two", "three"]
    eventually(lambda: "M-alice" not in world.ircd.members("#parted"), 20, "alice out of the channel")
    joins = [line for line in world.ircd.taken("M-alice") if line == "JOIN #parted"]
    stays(lambda: "M-alice" not in world.ircd.members("#parted"), 1, "alice away")
    assert len(joins) == 1 and world.membership(room, world.alice.user_id) == "leave"


def test_a_part_while_the_channel_is_being_joined_leaves_it(spoken_world):
    world = spoken_world
    world.ircd.control("delay", nick="M-alice", ms=1500)
    ask(world, "!cmd VERSION")
    room = ask(world, "!join #parted").rsplit("https://matrix.to/#/", 1)[1]
    world.alice.join(room)
    eventually(lambda: "#parted (joining)" in ask(world, "!listrooms"), 20, "the join")
    ask(world, "!part #parted")
    eventually(lambda: any(line.startswith("PART #parted") for line in world.ircd.taken("M-alice")), 20, "the PART")
    stays(lambda: "M-alice" not in world.ircd.members("#parted"), 2.5, "alice away")


def test_features_are_shown_set_and_remembered(spoken_world):
    world = spoken_world
    assert "default" in ask(world, "!feature mentions")
    assert ask(world, "!feature mentions off") == "Mentions are off for you."
    assert "It is written" in ask(world, "!feature mentions perhaps")
    assert "It is written" in ask(world, "!feature weather on")
    world.kill_and_start()
    assert ask(world, "!feature mentions") == "Mentions are off for you."
    assert ask(world, "!feature mentions true") == "Mentions are on for you."
    assert "default" in ask(world, "!feature mentions default")


def test_user_names_are_checked_and_used_at_the_next_connection(spoken_world):
    world = spoken_world
    for bad in ("two words", "x" * 65):
        assert "no user name" in ask(world, f"!username {bad}")
    assert "It is written" in ask(world, "!username")
    assert "Successfully stored username" in ask(world, "!username rosa")
    ask(world, "!reconnect")
    eventually(lambda: any(line.startswith("USER rosa ") for line in lines_of(world) + unregistered(world)), 20, "the user name")


def unregistered(world):
    return world.ircd.taken("*")


def test_a_password_is_sealed_and_never_shown(make_stub_world):
    world = make_stub_world()
    speak(world)
    world.bot_room = world.chat("alice")
    secret = "correct horse battery & $& staple"
    answer = ask(world, f"!storepass {secret}")
    assert "Successfully stored password" in answer and "horse" not in answer
    eventually(lambda: world.stub.ledger("redact"), 20, "the command taken out of the room")
    assert "It is written" in ask(world, "!storepass")
    # Neither the sealed password nor the command it came with can be read in the store.
    world.bridge.stop()
    assert "battery" not in world.bridge.process.output()
    stores = [path.read_bytes() for path in world.bridge.directory.glob("trestle.db*")]
    assert stores and not any(b"battery" in data for data in stores)
    world.bridge.start()
    assert ask(world, "!removepass") == "Successfully removed password."


def test_without_a_key_passwords_are_refused(make_stub_world):
    def change(config, entry):
        del config["key_file"]

    world = make_stub_world(change=change)
    world.bot_room = world.chat("alice")
    assert ask(world, "!storepass secret") == "Password encryption is not configured."

def test_retry_says_once_and_in_order_what_the_channel_refused(spoken_world):
    world = spoken_world
    nothing = "Nothing of yours waits to be sent again."
    assert ask(world, "!retry") == nothing
    with IrcClient(world.ircd.host, world.ircd.port, "ora") as op:
        op.join("#m")
        room = opened(world, "#m")
        eventually(lambda: world.ircd.said("#m"), 20, "the first words")
        op.send("MODE #m +m")
        op.wait_for(lambda line: line.command == "MODE" and "+m" in line, 20, "the mode")
        for text in ("one", "two", "three"):
            world.alice.send_text(room, text)
        told = lambda: sum("was not delivered" in body for body in world.replies(room)) == 3
        eventually(told, 20, "three refusals")
        op.send("MODE #m -m")
        op.wait_for(lambda line: line.command == "MODE" and "-m" in line, 20, "the mode")
    world.kill_and_start()
    assert ask(world, "!retry") == "3 messages are sent again."
    eventually(lambda: len(world.ircd.said("#m")) >= 4, 20, "what was refused")
    assert ask(world, "!retry") == nothing
    world.alice.send_text(room, "four")
    eventually(lambda: ("M-alice", "four") in world.ircd.said("#m"), 20, "the next message")
    assert [text for _, text in world.ircd.said("#m")] == ["hello there", "one", "two", "three", "four"]
    assert "It is written" in ask(world, "!retry everything")


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_redacted_while_it_waits_is_never_said(spoken_world, killed):
    world = spoken_world
    room = world.rooms["#a"]
    world.ircd.kill()
    events = [world.alice.send_text(room, text) for text in ("one", "two\nof two lines", "three")]
    world.stub.wait_until_pushed()
    world.alice.redact(room, events[1])
    late = world.alice.send_text(room, "four")
    world.alice.send_text(room, "five")
    world.alice.redact(room, late)
    world.stub.wait_until_pushed()
    if killed:
        world.bridge.kill()
    world.ircd.start()
    if killed:
        world.bridge.start()
    world.wait_for_bot("#a")
    eventually(lambda: "five" in world.in_irc(), 40, "the last message", lambda: str(world.in_irc()))
    assert world.in_irc() == ["I am here", "one", "three", "five"]
    assert not any("not delivered" in body for body in world.replies(room))


def test_what_is_redacted_while_its_puppet_is_on_the_way_is_never_said(make_stub_world):
    world = make_stub_world()
    world.ircd.set(refuse="close")  # alice has no connection yet
    room = world.rooms["#a"]
    event = world.alice.send_text(room, "one")
    world.alice.send_text(room, "two")
    world.stub.wait_until_pushed()
    eventually(lambda: len(world.ircd.ledger("CONNECT")) >= 2, 20, "a try to connect")
    world.alice.redact(room, event)
    world.stub.wait_until_pushed()
    world.ircd.set(refuse="none")
    world.bot_room = world.chat("alice")
    ask(world, "!reconnect")
    assert world.wait_in_irc(1) == ["two"]


def test_retry_does_not_say_what_was_redacted(spoken_world):
    world = spoken_world
    room = world.rooms["#a"]
    world.ircd.control("mode", channel="#a", modes="+b M-alice!*@*")
    events = [world.alice.send_text(room, text) for text in ("one", "two", "three")]
    told = lambda: sum("was not delivered" in body for body in world.replies(room)) == 3
    eventually(told, 20, "three refusals")
    world.alice.redact(room, events[1])
    world.stub.wait_until_pushed()
    world.ircd.control("mode", channel="#a", modes="-b M-alice!*@*")
    assert ask(world, "!retry") == "2 messages are sent again."
    assert world.wait_in_irc(3) == ["I am here", "one", "three"]


def test_nick_changes_confirms_and_lasts(spoken_world):
    world = spoken_world
    assert ask(world, "!nick rosa") == "Nick changed from 'M-alice' to 'rosa'."
    world.alice.send_text(world.rooms["#a"], "!irc nick flora")
    eventually(lambda: any("'rosa' to 'flora'" in body for body in world.replies(world.rooms["#a"])), 20, "the answer in the room")
    world.kill_and_start()
    world.say("me again")
    eventually(lambda: ("flora", "me again") in world.ircd.said("#a"), 20, "the nick after a restart")
    world.alice.send_text(world.bot_room, "!nick")
    world.told(world.bot_room, "Your nick is flora.")
    world.told(world.bot_room, "It is written: !nick")  # an answer of its own, and not that to what is asked next
    for bad in ("#a", "1x", "a:b", "x,y", "a!b@c"):
        assert "is not a nick" in ask(world, f"!nick {bad}")
    world.alice.send_text(world.rooms["#a"], "!irc join #x")
    eventually(lambda: "Command not known" in world.replies(world.rooms["#a"]), 20, "the refusal")


def test_a_nick_that_is_taken_is_told(spoken_world):
    world = spoken_world
    world.ircd.control("fake", nick="rosa", channel="#a")
    assert "Nick changed" not in ask(world, "!nick rosa")


def test_nicks_stay_where_the_configuration_says_so(make_stub_world):
    def change(_, entry):
        entry["parameters"]["ircClients"]["allowNickChanges"] = False

    world = make_stub_world(change=change)
    world.bot_room = world.chat("alice")
    assert "cannot be changed" in ask(world, "!nick rosa")


# Direct chats


def ghost(nick):
    return f"@irc_{nick}:hs.test"


def pm(world, nick, text, target="M-alice"):
    """A private line of somebody on IRC to the puppet."""
    world.ircd.control("say", nick=nick, target=target, format=text)


def private_lines(world, nick):
    """What puppets have said to this nick alone."""
    return [text for _, text in world.ircd.said(nick)]


def test_a_chat_begun_in_matrix_reaches_the_person_and_the_answer_comes_back(spoken_world):
    world = spoken_world
    world.ircd.control("fake", nick="Fay", channel="#a")
    world.ircd.say("Fay", "#a", "hello")
    world.wait_in_matrix(1)
    room = world.chat("alice", ghost("Fay"))
    world.alice.send_text(room, "psst")
    eventually(lambda: private_lines(world, "Fay") + private_lines(world, "fay") == ["psst"], 20, "the line")
    pm(world, "Fay", "yes?")
    assert world.room_of("yes?") == room


def test_a_burst_of_private_lines_makes_one_room_and_keeps_its_order(spoken_world):
    world = spoken_world
    world.ircd.control("say", nick="fay", target="M-alice", format="burst {n}", count=50, first=1)
    room = world.room_of("burst 50")
    assert world.in_matrix(room=room, sender=ghost("fay")) == [f"burst {number}" for number in range(1, 51)]
    assert {line["room"] for line in world.stub.ledger("send") if line["content"].get("body", "").startswith("burst")} == {room}
    assert world.membership(room, world.alice.user_id, ghost("fay")) == "invite"


@pytest.mark.parametrize("kill_at", ["answer", "row"])
def test_a_kill_between_making_the_room_and_writing_it_down_leaves_no_second_room(spoken_world, kill_at):
    world = spoken_world
    if kill_at == "answer":
        world.stub.drop_answers(1000, match="createRoom")
    else:
        world.stub.drop_answers(1, match="createRoom")
        world.stub.fail(1000, match="joined_rooms")
    pm(world, "fay", "psst")
    eventually(lambda: world.stub.stats()["dropped"] >= 1, 20, "the room made")
    world.bridge.kill()
    world.stub.drop_answers(0, match="createRoom")
    world.stub.fail(0, match="joined_rooms")
    world.bridge.start()
    room = world.room_of("psst")
    rooms = [joined for joined in joined_rooms(world, ghost("fay")) if joined not in world.rooms.values()]
    assert rooms == [room]


def joined_rooms(world, user_id):
    bridge = MatrixClient(world.stub.url, user_id, world.as_token)
    return bridge.request("GET", "/joined_rooms", query={"user_id": user_id})["joined_rooms"]


def test_who_left_a_chat_is_invited_again_also_after_a_restart(spoken_world):
    world = spoken_world
    pm(world, "fay", "one")
    room = world.room_of("one")
    world.alice.join(room)
    for restart in (False, True):
        world.alice.leave(room)
        world.stub.wait_until_pushed()
        if restart:
            world.kill_and_start()
            world.say("I am back")
            world.wait_in_irc(2)
        pm(world, "fay", f"again {restart}")
        assert world.room_of(f"again {restart}") == room
        eventually(lambda: world.membership(room, world.alice.user_id, ghost("fay")) == "invite", 20, "the invitation")
        world.alice.join(room)


def test_an_invitation_that_is_no_direct_chat_is_refused_by_the_ghost(spoken_world):
    world = spoken_world
    world.ircd.say("fay", "#a", "hello")
    world.wait_in_matrix(1)
    room = world.alice.create_room(preset="private_chat", invite=[ghost("fay")])
    eventually(lambda: "Group chat not supported." in world.in_matrix(room=room), 20, "the refusal")
    eventually(lambda: member(world, room, ghost("fay")) == "leave", 20, "the ghost out of the room")


def test_a_third_person_ends_a_direct_chat_and_the_next_line_makes_another(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    speak(world)
    pm(world, "fay", "one")
    room = world.room_of("one")
    world.alice.join(room)
    world.alice.invite(room, world.users["bob"].user_id)
    eventually(lambda: any("disconnected" in body for body in world.in_matrix(room=room)), 20, "the notice")
    eventually(lambda: member(world, room, ghost("fay")) == "leave", 20, "the ghost out of the room")
    pm(world, "fay", "two")
    assert world.room_of("two") != room


def member(world, room, user_id):
    return world.alice.state(room, "m.room.member", user_id)["membership"]


def test_private_messages_that_are_switched_off_are_told_to_be(make_stub_world):
    def change(_, entry):
        entry["parameters"]["privateMessages"] = {"enabled": False}

    world = make_stub_world(change=change)
    speak(world)
    world.ircd.say("fay", "#a", "hello")
    world.wait_in_matrix(1)
    room = world.alice.create_room(preset="trusted_private_chat", is_direct=True, invite=[ghost("fay")])
    eventually(lambda: any("switched off" in body for body in world.in_matrix(room=room)), 20, "the notice")
    eventually(lambda: member(world, room, ghost("fay")) == "leave", 20, "the ghost out of the room")
    pm(world, "fay", "psst")
    eventually(lambda: any("switched off" in text for text in private_lines(world, "fay")), 20, "the notice on IRC")
    assert not world.in_matrix(room=room, sender=ghost("fay"))[1:]


def test_chats_that_do_not_federate_are_made_so_and_refuse_other_homeservers(make_stub_world):
    def change(_, entry):
        entry["parameters"]["privateMessages"] = {"federate": False}

    world = make_stub_world(change=change)
    speak(world)
    pm(world, "fay", "psst")
    room = world.room_of("psst")
    world.alice.join(room)
    assert world.alice.state(room, "m.room.create")["m.federate"] is False
    assert world.alice.state(room, "m.room.name")["name"] == "fay (PM on Test IRC)"


def test_a_nick_that_is_gone_is_told_by_the_ghost(spoken_world):
    world = spoken_world
    pm(world, "fay", "psst")
    room = world.room_of("psst")
    world.alice.join(room)
    world.ircd.control("quit", nick="fay")
    world.alice.send_text(room, "are you there?")
    eventually(lambda: any("not delivered" in body for body in world.in_matrix(room=room, sender=ghost("fay"))), 20, "the notice")


def test_the_bot_leaves_a_management_room_that_gets_crowded(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    world.bot_room = world.chat("alice")
    assert ask(world, "!active")
    world.alice.invite(world.bot_room, world.users["bob"].user_id)
    world.users["bob"].join(world.bot_room)
    eventually(lambda: any("more than two" in body for body in world.replies(world.bot_room)), 20, "the notice")
    eventually(lambda: member(world, world.bot_room, world.bot_user) == "leave", 20, "the bot out of the room")
    world.bot_room = world.chat("alice")
    assert ask(world, "!active") == "You are marked as active."


def test_an_invitation_without_is_direct_makes_no_management_room(stub_world):
    world = stub_world
    room = world.alice.create_room(preset="private_chat", invite=[world.bot_user])
    eventually(lambda: world.replies(room), 20, "the bot's word")
    assert "direct chats only" in world.replies(room)[0]
    world.alice.send_text(room, "!active")
    world.bot_room = world.chat("alice")
    assert ask(world, "!active") == "You are marked as active."
    assert len(world.replies(room)) == 1


def test_the_bot_does_not_answer_itself_or_notices(stub_world):
    world = stub_world
    world.bot_room = world.chat("alice")
    world.alice.send_text(world.bot_room, "!help", "m.notice")
    assert ask(world, "!active") == "You are marked as active."
    assert len(world.replies(world.bot_room)) == 2


# Encryption, which the bridge does not speak (82)

ENCRYPTED = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnAC", "session_id": "s"}


def cannot_read(world, room, sender=None):
    said = world.in_matrix(room=room, sender=sender or world.bot_user)
    return [text for text in said if "cannot read encrypted messages" in text]


def test_82_an_encrypted_chat_with_the_bot_is_told_so_once(stub_world):
    world = stub_world
    room = world.chat("alice")
    for _ in range(3):
        world.alice.send(room, "m.room.encrypted", ENCRYPTED)
    eventually(lambda: cannot_read(world, room), 20, "a word about it")
    world.bot_room = room
    assert ask(world, "!active") == "You are marked as active."
    assert len(cannot_read(world, room)) == 1
    assert "switch encryption off" in cannot_read(world, room)[0]


def test_82_an_encrypted_chat_with_somebody_is_told_so_by_the_ghost(stub_world):
    world = stub_world
    world.ircd.control("fake", nick="ann")
    ghost = "@irc_ann:hs.test"
    room = world.chat("alice", ghost)
    world.alice.send(room, "m.room.encrypted", ENCRYPTED)
    eventually(lambda: cannot_read(world, room, ghost), 20, "a word about it")
    assert "yours do not reach ann" in cannot_read(world, room, ghost)[0]
    world.alice.send_text(room, "in the clear")
    eventually(lambda: ("M-alice", "in the clear") in world.ircd.said(), 20, "what can be read")
    world.alice.send(room, "m.room.encrypted", ENCRYPTED)
    world.alice.send_text(room, "again")
    eventually(lambda: ("M-alice", "again") in world.ircd.said(), 20, "what can be read")
    assert len(cannot_read(world, room, ghost)) == 1


def test_82_a_room_that_becomes_encrypted_is_told_so_before_anything_is_lost(stub_world):
    world = stub_world
    room = world.rooms["#a"]
    world.alice.set_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    eventually(lambda: cannot_read(world, room), 20, "a word about it")
    assert "do not reach #a" in cannot_read(world, room)[0]
    for _ in range(2):
        world.alice.send(room, "m.room.encrypted", ENCRYPTED)
    world.say("in the clear")
    assert world.wait_in_irc(1) == ["in the clear"]
    assert len(cannot_read(world, room)) == 1
    assert world.bridge.process.output().count("cannot read encrypted messages") >= 2


def test_82_encrypted_chats_are_told_so_on_real_servers(inspircd_world):
    world = inspircd_world
    erin = world.new_user("erin")
    encrypted = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]

    def says_so(sender):
        return lambda event: event["sender"] == sender and "cannot read encrypted" in event["content"].get("body", "")

    with world.irc() as ann:
        for target in (world.bot_user, world.ghost(ann.nick)):
            room = erin.create_room(
                preset="trusted_private_chat", is_direct=True, invite=[target], initial_state=encrypted)
            erin.wait_for(room, says_so(target), 20, f"a word of {target}")


# Ghosts of people whom nobody has seen (21)


def test_21_whoever_is_asked_for_exists_on_real_servers(inspircd_world):
    world = inspircd_world
    erin = world.new_user("erin")
    with world.irc() as ann:
        ghost = world.ghost(ann.nick)
        with pytest.raises(MatrixError):
            erin.request("GET", f"/profile/{quote(ghost)}")
        token = registration_fields(world.bridge.registration)["hs_token"]
        listen = "http://" + world.bridge.config["appservice"]["listen"]
        assert call(listen, "GET", f"/_matrix/app/v1/users/{quote(ghost)}", token=token) == {}
        assert erin.request("GET", f"/profile/{quote(ghost)}")["displayname"] == ann.nick
        with pytest.raises(MatrixError):
            call(listen, "GET", "/_matrix/app/v1/users/" + quote("@stranger:elsewhere.test"), token=token)
    unseen = world.nick("unseen")
    room = erin.create_room(preset="trusted_private_chat", is_direct=True, invite=[world.ghost(unseen)])
    erin.wait_for_member(room, world.ghost(unseen))


def test_nickserv_can_be_talked_to(atheme, inspircd_world):
    world = inspircd_world
    carol = world.new_user("carol")
    channel, room = world.mapped(carol)
    carol.send_text(room, "I am here")
    chat = world.direct(carol, world.ghost("NickServ"))
    carol.send_text(chat, "help")
    carol.wait_for(chat, lambda event: event["sender"] == world.ghost("NickServ") and
                   event["content"].get("msgtype") == "m.notice", 30, "the answer of NickServ")


# Direct chats with somebody who changes nick


@pytest.fixture
def chat_world(spoken_world):
    """Alice is in a chat with fay, whom she shares a channel with."""
    begin_chat(spoken_world)
    return spoken_world


def begin_chat(world):
    world.ircd.control("fake", nick="fay", channel="#a")
    pm(world, "fay", "psst")
    world.chat_room = world.room_of("psst")
    world.alice.join(world.chat_room)


def renamed(world, nick, to):
    world.ircd.control("nick", nick=nick, to=to)


def moved(world, nick, former="fay"):
    """Waits until the ghost of the new nick has taken the place of the former one."""
    room = world.chat_room
    eventually(lambda: member_or_none(world, room, ghost(nick)) == "join", 20, "the new ghost in the room")
    eventually(lambda: member(world, room, ghost(former)) == "leave", 20, "the old ghost out of it")


def member_or_none(world, room, user_id):
    try:
        return member(world, room, user_id)
    except MatrixError:
        return None


def test_a_chat_goes_on_when_the_person_changes_nick(chat_world):
    world = chat_world
    renamed(world, "fay", "Faye")
    moved(world, "Faye")
    assert world.alice.state(world.chat_room, "m.room.name")["name"] == "Faye (PM on Test IRC)"
    world.alice.send_text(world.chat_room, "still there?")
    eventually(lambda: private_lines(world, "Faye") == ["still there?"], 20, "the line to the new nick")
    pm(world, "Faye", "sure")
    assert world.room_of("sure") == world.chat_room
    # Whoever takes the nick now has a chat of his own.
    world.ircd.control("fake", nick="fay", channel="#a")
    pm(world, "fay", "who are you?")
    other = world.room_of("who are you?")
    assert other != world.chat_room
    world.kill_and_start()
    world.alice.send_text(world.chat_room, "and now?")
    eventually(lambda: private_lines(world, "Faye")[1:] == ["and now?"], 20, "the line after a restart")
    assert private_lines(world, "fay") == []


def test_what_is_said_at_once_under_the_new_nick_makes_no_second_room(chat_world):
    world = chat_world
    for number in range(5):
        old, new = ("fay", "fay_") if number % 2 == 0 else ("fay_", "fay")
        renamed(world, old, new)
        pm(world, new, f"line {number}")
    eventually(lambda: len(lines_in(world, world.chat_room)) >= 6, 20, "all lines", lambda: str(lines_in(world, world.chat_room)))
    assert lines_in(world, world.chat_room) == ["psst"] + [f"line {number}" for number in range(5)]
    moved(world, "fay_")


def lines_in(world, room):
    return world.in_matrix(room=room, sender="@irc_fay")


def test_what_waits_goes_to_the_person_and_not_to_a_stranger_with_the_old_nick(chat_world):
    world = chat_world
    world.ircd.control("silent", nick="M-alice", on=True)
    for number in range(20):
        world.alice.send_text(world.chat_room, f"secret {number}")
    # What the server takes up only now was written before anybody could know.
    eventually(lambda: not world.stub.stats()["queued"], 20, "the messages with the bridge")
    renamed(world, "fay", "faye")
    moved_by_bot = lambda: member_or_none(world, world.chat_room, ghost("faye")) == "join"
    stays(lambda: not moved_by_bot(), 0.5, "the chat unmoved: her own connection has not heard of it")
    world.ircd.control("silent", nick="M-alice", on=False)
    eventually(lambda: private_lines(world, "faye")[19:], 30, "what waited",
               lambda: str((private_lines(world, "fay"), private_lines(world, "faye"))))
    assert private_lines(world, "faye") == [f"secret {number}" for number in range(20)]
    assert private_lines(world, "fay") == []
    assert not any("not delivered" in body for body in world.in_matrix(room=world.chat_room))


def test_a_puppet_that_is_offline_finds_the_person_under_the_new_nick(chat_world):
    world = chat_world
    world.bot_room = world.chat("alice")
    ask(world, "!quit")
    eventually(lambda: world.ircd.client("M-alice") is None, 20, "alice off IRC")
    renamed(world, "fay", "faye")
    moved(world, "faye")
    world.alice.send_text(world.chat_room, "I am back")
    eventually(lambda: private_lines(world, "faye") == ["I am back"], 20, "the line")


def test_a_nick_given_by_services_takes_no_chat_along(chat_world):
    world = chat_world
    renamed(world, "fay", "Guest12345")
    world.alice.send_text(world.chat_room, "hello?")
    eventually(lambda: any("not delivered" in body for body in world.in_matrix(room=world.chat_room, sender=ghost("fay"))), 20,
               "the notice")
    assert private_lines(world, "Guest12345") + private_lines(world, "guest12345") == []
    assert member(world, world.chat_room, ghost("fay")) == "join"
    # Under a nick of his own choice again he is somebody: the chat that he has begun as a guest follows.
    pm(world, "Guest12345", "it is me")
    guest_room = world.room_of("it is me")
    renamed(world, "Guest12345", "faye")
    pm(world, "faye", "under a name")
    assert world.room_of("under a name") == guest_room


def test_a_rename_that_nobody_of_ours_sees_changes_nothing(spoken_world):
    world = spoken_world
    pm(world, "fay", "psst")  # she is in no channel of ours
    world.chat_room = world.room_of("psst")
    world.alice.join(world.chat_room)
    renamed(world, "fay", "faye")
    world.alice.send_text(world.chat_room, "hello?")
    told = lambda: any("not delivered" in body for body in world.in_matrix(room=world.chat_room, sender=ghost("fay")))
    eventually(told, 20, "the notice")
    assert private_lines(world, "faye") == []


def test_a_chat_with_the_new_nick_becomes_one_with_the_old(chat_world):
    world = chat_world
    pm(world, "faye", "from another time")
    earlier = world.room_of("from another time")
    world.ircd.control("quit", nick="faye")
    renamed(world, "fay", "faye")
    moved(world, "faye")
    for room, text in ((world.chat_room, "one"), (earlier, "two")):
        world.alice.join(room)
        world.alice.send_text(room, text)
        eventually(lambda: text in private_lines(world, "faye"), 20, "the line")
    pm(world, "faye", "here")
    assert world.room_of("here") == world.chat_room
    world.kill_and_start()
    speak_again(world, "I am back")
    pm(world, "faye", "still here")
    assert world.room_of("still here") == world.chat_room


def speak_again(world, text):
    world.say(text)
    eventually(lambda: text in world.in_irc(), 20, "alice on IRC")


def test_a_puppets_own_new_nick_keeps_its_chats(chat_world):
    world = chat_world
    world.bot_room = world.chat("alice")
    assert "Nick changed" in ask(world, "!nick rosa")
    pm(world, "fay", "nice name", target="rosa")
    assert world.room_of("nice name") == world.chat_room
    world.alice.send_text(world.chat_room, "thanks")
    eventually(lambda: private_lines(world, "fay") == ["thanks"], 20, "the answer")
    assert ("rosa", "thanks") in world.ircd.said("fay")


@pytest.mark.parametrize("step", ["/invite", "/join/", "power_levels", "m.room.name", "/leave"])
def test_a_kill_in_the_middle_of_a_move_leaves_one_room_with_the_right_ghost(chat_world, step):
    world = chat_world
    world.stub.drop_answers(100000, match=step)
    renamed(world, "fay", "faye")
    eventually(lambda: world.stub.stats()["dropped"], 20, "the step", lambda: world.bridge.process.output()[-3000:])
    world.bridge.kill()
    world.stub.drop_answers(0, match=step)
    world.bridge.start()
    moved(world, "faye")
    assert world.alice.state(world.chat_room, "m.room.name")["name"] == "faye (PM on Test IRC)"
    speak_again(world, "I am back")
    pm(world, "faye", "still here")
    assert world.room_of("still here") == world.chat_room


def test_a_chat_follows_a_rename_on_real_servers(inspircd_world):
    world = inspircd_world
    carol = world.new_user("carol")
    channel, room = world.mapped(carol)
    with world.irc(channel) as fay:
        carol.send_text(room, "I am here")
        fay.wait_for_text("I am here")
        fay.say(world.nick_of(carol), "psst")
        chat = carol.wait_for_invitation(world.ghost(fay.nick), 30)
        carol.join(chat)
        new = world.nick("faye")
        fay.send(f"NICK {new}")
        carol.wait_for_member(chat, world.ghost(new))
        eventually(lambda: carol.state(chat, "m.room.member", world.ghost(fay.nick))["membership"] == "leave", 30, "the old ghost gone")
        assert carol.state(chat, "m.room.name")["name"].startswith(f"{new} (PM on")
        carol.send_text(chat, "still there?")
        fay.wait_for_text("still there?")
        fay.say(world.nick_of(carol), "sure")
        carol.wait_for(chat, lambda event: event["content"].get("body") == "sure" and event["sender"] == world.ghost(new), 30, "the answer")
        third = world.nick("fayette")  # and once more: power is passed on
        fay.send(f"NICK {third}")
        carol.wait_for_member(chat, world.ghost(third))
        eventually(lambda: carol.state(chat, "m.room.name")["name"].startswith(f"{third} (PM on"), 30, "the name")
