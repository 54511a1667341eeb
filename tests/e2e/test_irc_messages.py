# SPDX-License-Identifier: Apache-2.0
"""People on Matrix and people on IRC talk to each other through a real homeserver and real ircds."""

import concurrent.futures
import signal

import pytest

from support.irc_client import IrcClient
from support.matrix_client import quote
from support.waiting import eventually, stays
from support.world import numbered, spoken

# Mapped channels


def test_a_line_on_irc_is_a_message_of_its_senders_ghost(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        ann.say(channel, "hello from IRC, grüße & <b>tags</b>")
        event = world.alice.wait_for_text(room, "hello from IRC, grüße & <b>tags</b>", sender=world.ghost(ann.nick))
        assert event["content"]["msgtype"] == "m.text"
        assert world.alice.joined_members(room)[world.ghost(ann.nick)]["display_name"] == ann.nick


def test_a_message_in_matrix_is_said_on_irc_by_its_senders_puppet(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        world.alice.send_text(room, "hello from Matrix, grüße")
        line = ann.wait_for_text("hello from Matrix, grüße")
        assert (line.command, line.params[0]) == ("PRIVMSG", channel)
        assert line.source.split("!")[0] == world.nick_of(world.alice)


def test_emotes_and_notices_keep_their_kind_in_both_directions(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        ann.say(channel, "\x01ACTION waves\x01")
        ann.send(f"NOTICE {channel} :take notice")
        assert world.alice.wait_for_text(room, "waves")["content"]["msgtype"] == "m.emote"
        assert world.alice.wait_for_text(room, "take notice")["content"]["msgtype"] == "m.notice"
        world.alice.send_text(room, "waves back", "m.emote")
        world.alice.send_text(room, "noticed", "m.notice")
        assert ann.wait_for_text("\x01ACTION waves back\x01").command == "PRIVMSG"
        assert ann.wait_for_text("noticed").command == "NOTICE"


def test_two_hundred_lines_of_irc_arrive_once_and_in_order(world):
    channel, room = world.mapped(world.alice)
    lines = numbered("irc line ", 200)
    with world.irc(channel) as ann:
        for line in lines:
            ann.say(channel, line)
        world.alice.wait_for_text(room, lines[-1], 60)
    assert spoken(world.alice, room, world.ghost(ann.nick)) == lines


def test_two_hundred_messages_of_matrix_arrive_once_and_in_order(world):
    channel, room = world.mapped(world.alice)
    messages = numbered("matrix message ", 200)
    with world.irc(channel) as ann:
        for message in messages:
            world.alice.send_text(room, message)
        ann.wait_for_text(messages[-1], 60)
        assert [line.params[1] for line in ann.lines if line.command == "PRIVMSG"] == messages


def test_a_long_message_is_cut_into_lines_and_nothing_of_it_is_lost(world):
    channel, room = world.mapped(world.alice)
    text = " ".join(f"wörd{number}" for number in range(200))
    with world.irc(channel) as ann:
        world.alice.send_text(room, text)
        world.alice.send_text(room, "after it")
        ann.wait_for_text("after it")
        said = [line for line in ann.lines if line.command == "PRIVMSG"][:-1]
    assert len(said) > 2 and all(len(line.encode()) <= 510 for line in said)
    assert " ".join(line.params[1].strip() for line in said) == text


def test_the_lines_of_a_message_are_lines_on_irc(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        world.alice.send_text(room, "first\n\nsecond\r\nthird")
        ann.wait_for_text("third")
        assert [line.params[1] for line in ann.lines if line.command == "PRIVMSG"] == ["first", "second", "third"]


@pytest.mark.parametrize("code", ["\x02", "\x0304,05", "\x16", "\x1d", "\x1e", "\x1f", "\x11", "\x04ff0000", "\x0f"])
def test_formatting_codes_of_irc_do_not_leak_into_matrix(stub_world, code):
    stub_world.ircd.say("fay", "#a", f"plain {code}styled\x0f text")
    assert stub_world.wait_in_matrix(1) == ["plain styled text"]


def test_rooms_of_the_old_version_are_bridged_as_well(inspircd_world):
    world = inspircd_world
    channel, room = world.mapped(world.alice, version="11")
    assert world.alice.state(room, "m.room.create")["room_version"] == "11"
    with world.irc(channel) as ann:
        ann.say(channel, "to the old room")
        world.alice.wait_for_text(room, "to the old room", sender=world.ghost(ann.nick))
        world.alice.send_text(room, "from the old room")
        ann.wait_for_text("from the old room")


def test_what_was_edited_later_is_not_said_in_its_old_form_again(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        event = world.alice.send_text(room, "first form")
        ann.wait_for_text("first form")
        content = {
            "msgtype": "m.text",
            "body": "* second form",
            "m.new_content": {"msgtype": "m.text", "body": "second form"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        }
        world.alice.send(room, "m.room.message", content)
        world.alice.send_text(room, "end")
        ann.wait_for_text("end")
        said = [line.params[1] for line in ann.lines if line.command == "PRIVMSG"]
    assert said.count("first form") == 1 and said[-1] == "end"


def test_bytes_that_are_no_utf8_are_read_as_latin_1(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        ann.send_bytes(b"PRIVMSG " + channel.encode() + b" :gr\xfc\xdfe")
        world.alice.wait_for_text(room, "grüße", sender=world.ghost(ann.nick))


def test_a_file_is_announced_with_its_name(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        content = {"msgtype": "m.image", "body": "holiday.png", "url": "mxc://localhost/abcdefghij", "info": {"size": 20480}}
        world.alice.send(room, "m.room.message", content)
        ann.wait_for(lambda line: line.command == "PRIVMSG" and "holiday.png" in line.params[-1], 20, "the file's name")


def test_whom_the_channel_does_not_let_speak_is_told(world):
    bob = world.new_user("bob")
    with world.operator(bob) as (op, channel, room):
        bob.send_text(room, "here I am")
        mask = op.wait_for_text("here I am").source.split("!")[0] + "!*@*"
        op.send(f"MODE {channel} +b {mask}")
        op.wait_for(lambda line: line.command == "MODE" and "+b" in line, 20, "the mode")
        bob.send_text(room, "may I?")
        told = bob.wait_for(room, lambda event: event["type"] == "m.room.message" and event["sender"] == world.bot_user)
        assert channel in told["content"]["body"] and told["content"]["msgtype"] == "m.notice"
        op.send(f"MODE {channel} -b {mask}")
        bob.send_text(room, "now I may")
        op.wait_for_text("now I may")
        assert not any(line.params[-1:] == ["may I?"] for line in op.lines)


# People


@pytest.mark.parametrize("form", ["[{}]", "{}|away", "{}^`_", "Upper{}"])
def test_any_nick_has_a_ghost(world, form):
    channel, room = world.mapped(world.alice)
    with world.irc(channel, nick=form.format(world.nick("x"))) as ann:
        ann.say(channel, "hello")
        event = world.alice.wait_for(room, lambda event: event["sender"] == world.ghost(ann.nick)
                                     and event["content"].get("body") == "hello", 20, f"a ghost of {ann.nick}")
        assert world.alice.joined_members(room)[event["sender"]]["display_name"] == ann.nick


@pytest.mark.parametrize("name", ["dotted.name=x_y-z/1+2", "0123456789"])
def test_any_user_has_a_puppet(world, name):
    person = world.new_user(name)
    channel, room = world.mapped(person)
    with world.irc(channel) as ann:
        person.send_text(room, f"I am {person.user_id}")
        line = ann.wait_for_text(f"I am {person.user_id}")
        assert line.source.startswith("M-")


def test_people_whose_nicks_would_be_the_same_get_two(world):
    same = "averyverylongnamethatnoservertakesinwhole"
    people = [world.new_user(same), world.new_user(same)]
    channel, room = world.mapped(*people)
    with world.irc(channel) as ann:
        nicks = []
        for number, person in enumerate(people):
            person.send_text(room, f"person {number}")
            nicks.append(ann.wait_for_text(f"person {number}").source.split("!")[0])
        assert len(set(nicks)) == 2 and all(nick.startswith("M-") for nick in nicks)

def test_who_joins_and_parts_on_irc_joins_and_leaves_the_room(world):
    channel, room = world.mapped(world.alice)
    world.alice.sync()
    with world.irc(channel) as ann:
        ghost = world.ghost(ann.nick)
        world.alice.wait_for_member(room, ghost)
        ann.send(f"PART {channel} :goodbye")
        world.alice.wait_for_member(room, ghost, "leave")
    assert ghost not in world.alice.joined_members(room)


def test_who_quits_irc_leaves_the_room(world):
    channel, room = world.mapped(world.alice)
    world.alice.sync()
    with world.irc(channel) as ann:
        world.alice.wait_for_member(room, world.ghost(ann.nick))
    world.alice.wait_for_member(room, world.ghost(ann.nick), "leave")


def test_who_changes_the_nick_leaves_under_the_old_and_joins_under_the_new(world):
    channel, room = world.mapped(world.alice)
    world.alice.sync()
    with world.irc(channel) as ann:
        new = world.nick("new")
        world.alice.wait_for_member(room, world.ghost(ann.nick))
        ann.send(f"NICK {new}")
        world.alice.wait_for_member(room, world.ghost(new))
        world.alice.wait_for_member(room, world.ghost(ann.nick), "leave")


def test_last_words_come_before_the_leave(world):
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        ann.say(channel, "last words")
        ann.send(f"PART {channel}")
        world.alice.wait_for_member(room, world.ghost(ann.nick), "leave")
    assert spoken(world.alice, room, world.ghost(ann.nick)) == ["last words"]


def test_who_leaves_the_room_leaves_the_channel(world):
    bob = world.new_user("bob")
    channel, room = world.mapped(bob)
    with world.irc(channel) as ann:
        bob.send_text(room, "I am here")
        ann.wait_for_text("I am here")
        bob.leave(room)
        ann.wait_for(lambda line: line.command == "PART" and line.source.startswith(world.nick_of(bob)), 20, "the PART")


def test_who_is_kicked_on_irc_is_kicked_from_the_room_by_the_bot(world):
    bob = world.new_user("bob")
    with world.operator(bob) as (op, channel, room):
        world.alice.join(room)
        bob.send_text(room, "I am here")
        op.wait_for_text("I am here")
        op.send(f"KICK {channel} {world.nick_of(bob)} :away with you")
        event = world.alice.wait_for_member(room, bob.user_id, "leave")
        assert event["sender"] == world.bot_user
        assert op.nick in event["content"]["reason"] and "away with you" in event["content"]["reason"]


def test_several_rooms_of_one_channel_hear_the_same(inspircd_world):
    world = inspircd_world
    channel, rooms = world.doubled_channel, world.doubled_rooms
    for room in rooms:
        world.alice.join(room)
    with world.irc(channel) as ann:
        ann.say(channel, "to both")
        for room in rooms:
            world.alice.wait_for_text(room, "to both", sender=world.ghost(ann.nick))
        for number, room in enumerate(rooms):
            world.alice.send_text(room, f"from room {number}")
            ann.wait_for_text(f"from room {number}")
    for room in rooms:
        assert spoken(world.alice, room).count("to both") == 1


# Private messages


def test_a_private_message_of_irc_opens_a_room_and_the_answer_goes_back(world):
    bob = world.new_user("bob")
    channel, room = world.mapped(bob)
    with world.irc(channel) as ann:
        bob.send_text(room, "I am here")
        ann.wait_for_text("I am here")
        ann.say(world.nick_of(bob), "psst, bob")
        direct = bob.wait_for_invitation(world.ghost(ann.nick))
        bob.join(direct)
        bob.wait_for_text(direct, "psst, bob", sender=world.ghost(ann.nick))
        bob.send_text(direct, "yes, ann?")
        line = ann.wait_for_text("yes, ann?")
        assert (line.params[0], line.source.split("!")[0]) == (ann.nick, world.nick_of(bob))
        ann.say(world.nick_of(bob), "nothing, bob")
        bob.wait_for_text(direct, "nothing, bob", sender=world.ghost(ann.nick))
    assert spoken(bob, direct) == ["psst, bob", "yes, ann?", "nothing, bob"]


def test_inviting_a_ghost_opens_a_private_chat(world):
    bob = world.new_user("bob")
    channel, shared = world.mapped(bob)
    with world.irc(channel) as ann:
        bob.wait_for_member(shared, world.ghost(ann.nick))
        room = world.direct(bob, world.ghost(ann.nick))
        bob.send_text(room, "hello in private")
        line = ann.wait_for_text("hello in private")
        assert line.params[0] == ann.nick
        ann.say(line.source.split("!")[0], "hello yourself")
        bob.wait_for_text(room, "hello yourself", sender=world.ghost(ann.nick))


def test_a_burst_of_private_messages_makes_one_room(world):
    bob = world.new_user("bob")
    channel, room = world.mapped(bob)
    texts = numbered("psst ", 20)
    with world.irc(channel) as ann:
        bob.send_text(room, "I am here")
        ann.wait_for_text("I am here")
        for text in texts:
            ann.say(world.nick_of(bob), text)
        direct = bob.wait_for_invitation(world.ghost(ann.nick))
        bob.join(direct)
        bob.wait_for_text(direct, texts[-1], 30)
    assert spoken(bob, direct) == texts
    bob.sync()
    assert {r for r, e in bob.seen if e["type"] == "m.room.member" and e["content"]["membership"] == "invite"} == {direct}


def test_a_private_message_to_somebody_who_has_gone_is_told_to_its_sender(world):
    bob = world.new_user("bob")
    channel, shared = world.mapped(bob)
    with world.irc(channel) as ann:
        bob.wait_for_member(shared, world.ghost(ann.nick))
        room = world.direct(bob, world.ghost(ann.nick))
    bob.wait_for_member(shared, world.ghost(ann.nick), "leave")
    bob.send_text(room, "are you still there?")
    told = bob.wait_for(room, lambda event: event["type"] == "m.room.message" and event["sender"] != bob.user_id, 30, "word of it")
    assert told["content"]["msgtype"] == "m.notice"


# Commands


def test_the_bot_explains_its_commands_in_a_direct_chat(world):
    room = world.direct(world.alice)
    event = world.command(world.alice, room, "!help", r"!join.*!status|!status.*!join")
    assert event["content"]["msgtype"] == "m.notice"
    world.command(world.alice, room, "!frobnicate", r"help")


def test_join_opens_a_room_with_an_alias_that_carries_messages_both_ways(world):
    bob = world.new_user("bob")
    room = world.direct(bob)
    channel = "#" + world.nick("open")
    with IrcClient(world.ircd.host, world.ircd.port, world.nick()) as ann:
        ann.join(channel)
        world.command(bob, room, f"!join {channel}", channel)
        ann.wait_for(lambda line: line.command == "JOIN" and line.source.startswith(world.bot_nick), 20, "the bot")
        alias = world.alias(channel)
        portal = bob.join(alias)
        ann.say(channel, "welcome")
        bob.wait_for_text(portal, "welcome", sender=world.ghost(ann.nick))
        bob.send_text(portal, "thank you")
        ann.wait_for_text("thank you")
        assert bob.state(portal, "m.room.name")["name"] == channel
        shown = [event for event in bob.request("GET", f"/rooms/{quote(portal)}/state") if event["type"].endswith("bridge")]
        assert {event["type"] for event in shown} == {"m.bridge", "uk.half-shot.bridge"}
        assert all(event["content"]["channel"]["id"] == channel for event in shown)


def test_joining_an_alias_opens_the_channel(world):
    bob = world.new_user("bob")
    channel = "#" + world.nick("alias")
    portal = bob.join(world.alias(channel))
    with world.irc(channel) as ann:
        ann.say(channel, "found by its alias")
        bob.wait_for_text(portal, "found by its alias", sender=world.ghost(ann.nick))


def test_ten_people_who_join_at_the_same_time_get_one_room(inspircd_world):
    world = inspircd_world
    people = [world.new_user("crowd") for _ in range(10)]
    rooms = [world.direct(person) for person in people]
    channel = "#" + world.nick("crowd")

    def join(person, room):
        world.command(person, room, f"!join {channel}", channel, timeout=60)
        return person.join(world.alias(channel))

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(join, people, rooms))) == 1
    with world.irc(channel) as ann:
        ann.say(channel, "once for all")
        portal = people[0].join(world.alias(channel))
        people[0].wait_for_text(portal, "once for all")
        assert spoken(people[0], portal).count("once for all") == 1


@pytest.mark.parametrize("name", ["notachannel", "#a,#b", "#with\x07bell", "#" + "x" * 300])
def test_join_refuses_what_is_no_channel(inspircd_world, name):
    room = inspircd_world.direct(inspircd_world.alice)
    inspircd_world.command(inspircd_world.alice, room, f"!join {name}", r"not|control|cannot|!join")


def test_status_tells_how_one_is_connected(world):
    bob = world.new_user("bob")
    channel, mapped = world.mapped(bob)
    room = world.direct(bob)
    world.command(bob, room, "!status", "not connected")
    with world.irc(channel) as ann:
        bob.send_text(mapped, "I am here")
        ann.wait_for_text("I am here")
        answer = world.command(bob, room, "!status", f"connected as {world.nick_of(bob)}")
        assert channel in answer["content"]["body"]


# Real servers that go away


def test_a_real_homeserver_that_is_killed_gets_every_line_once(own_world):
    world = own_world
    channel, room = world.mapped(world.alice)
    lines = numbered("line ", 120)
    with world.irc(channel) as ann:
        ann.say(channel, "warm up")
        world.alice.wait_for_text(room, "warm up")
        for line in lines[:60]:
            ann.say(channel, line)
        world.alice.wait_for_text(room, lines[10])
        world.synapse.kill()
        for line in lines[60:]:
            ann.say(channel, line)
        world.synapse.start()
        world.alice.wait_for_text(room, lines[-1], 60)
        assert spoken(world.alice, room, world.ghost(ann.nick)) == ["warm up"] + lines
        world.alice.send_text(room, "and back")
        ann.wait_for_text("and back", 60)


def test_a_real_ircd_that_is_restarted_gets_what_was_said_meanwhile(own_world):
    world = own_world
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        world.alice.send_text(room, "before")
        ann.wait_for_text("before")
    world.ircd.kill()
    texts = numbered("meanwhile ", 10)
    for text in texts:
        world.alice.send_text(room, text)
    eventually(lambda: world.bridge.get("/ready")[0] == 503, 20, "the loss")
    # Nobody hears what is said before somebody is there: the bridge sleeps until the witness has come.
    world.bridge.process.signal(signal.SIGSTOP)
    world.ircd.start()
    with IrcClient(world.ircd.host, world.ircd.port, "witness") as witness:
        witness.join(channel)
        world.bridge.process.signal(signal.SIGCONT)
        witness.wait_for_text(texts[-1], 60)
        assert [line.params[1] for line in witness.lines if line.command == "PRIVMSG"] == texts
        world.alice.send_text(room, "after")
        witness.wait_for_text("after")
        witness.say(channel, "and back")
        world.alice.wait_for_text(room, "and back", 30)


# Logging in


def test_the_bot_logs_in_with_sasl_and_is_told_apart_by_its_account(make_stub_world, inspircd, atheme):
    def change(_, entry):
        entry["parameters"]["sasl"] = True
        entry["parameters"]["botConfig"].update(nick="SaslBot", username="SaslBot", password="open-sesame")

    atheme.register("SaslBot", "open-sesame")
    world = make_stub_world(ircd=inspircd, change=change, channels=(), ready=False)
    world.bridge.start()
    with IrcClient(inspircd.host, inspircd.port, "whoisbot") as client:
        client.send("WHOIS SaslBot")
        account = client.wait_for(lambda line: line.command in ("330", "318"), what="the account")
        assert account.command == "330" and "SaslBot" in account.params
    assert "open-sesame" not in world.bridge.log.read_text()


def test_a_wrong_sasl_password_is_tried_three_times_and_not_for_ever(make_stub_world):
    def change(_, entry):
        entry["parameters"]["sasl"] = True
        entry["parameters"]["botConfig"].update(password="wrong password")

    world = make_stub_world(ircd={"account": ["matrixbot:right"], "require_sasl": True}, change=change, ready=False)
    world.bridge.launch()
    output = world.bridge.process.output
    eventually(lambda: "does not try again" in output(), 20, "word of the wrong password", output)
    attempts = len(world.ircd.ledger("CONNECT"))
    stays(lambda: len(world.ircd.ledger("CONNECT")) == attempts and world.bridge.process.alive(), 3, "the calm")
    assert attempts == 3
    status, text = world.bridge.get("/ready")
    assert status == 503 and "wrong password" not in text
    assert "wrong password" not in output()
