# SPDX-License-Identifier: Apache-2.0
"""Channels and their rooms: opened by command, alias or invitation, once; their names, aliases, directory and topic; several
rooms for one channel; names that the server takes for the same.
"""

import concurrent.futures
import contextlib
import re
from threading import Thread

import pytest

from support.matrix_client import MatrixClient, MatrixError
from support.waiting import eventually, stays


ALIASES = {"namespace_aliases": "#irc_.*:hs.test"}


@pytest.fixture
def alias_world(make_stub_world):
    """A world whose homeserver asks the bridge for unknown aliases."""
    return make_stub_world(stub_options=ALIASES)


def chat(world, user="alice"):
    """The user's room with the bot."""
    if not hasattr(world, "chats"):
        world.chats = {}
    if user not in world.chats:
        world.chats[user] = world.chat(user)
    return world.chats[user]


def ask(world, text, user="alice"):
    return world.ask(user, chat(world, user), text)[-1]


def opened(world, channel, user="alice"):
    """The room that !join opens for this channel; the user is in it."""
    answer = ask(world, f"!join {channel}", user)
    assert "https://matrix.to/#/" in answer, answer
    room = answer.rsplit("https://matrix.to/#/", 1)[1]
    world.users[user].join(room)
    return room


def dynamic(**keys):
    def change(_, entry):
        entry["parameters"]["dynamicChannels"].update(keys)

    return change


# Opening


def test_join_opens_a_room_with_name_alias_and_both_directions(stub_world):
    world = stub_world
    room = opened(world, "#New")
    assert world.alice.state(room, "m.room.name")["name"] == "#New"
    assert world.alice.join("#irc_#New:hs.test") == room
    world.wait_for_bot("#New")
    world.ircd.say("fay", "#New", "hello")
    eventually(lambda: world.in_matrix(room=room) == ["hello"], 20, "the line in the room")
    world.alice.send_text(room, "hello yourself")
    eventually(lambda: ("M-alice", "hello yourself") in world.ircd.said("#New"), 20, "the answer on IRC")


def test_ten_people_at_once_open_one_room(make_stub_world):
    users = tuple(f"user{number}" for number in range(10))
    world = make_stub_world(users=("alice", *users), stub_options=ALIASES)
    for user in users:
        chat(world, user)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        joins = [pool.submit(ask, world, "!join #crowd", user) for user in users]
        aliases = [pool.submit(world.users[user].join, "#irc_#crowd:hs.test") for user in users]
        rooms = {done.result().rsplit("https://matrix.to/#/", 1)[1] for done in joins} | {done.result() for done in aliases}
    assert len(rooms) == 1


def test_an_alias_opens_the_room_and_other_spellings_lead_there_too(alias_world):
    world = alias_world
    room = world.alice.join("#irc_#Alias:hs.test")
    assert world.alice.join("#irc_#aLIAS:hs.test") == room
    assert opened(world, "#ALIAS") == room


@pytest.mark.parametrize(
    "keys", [{"enabled": False}, {"createAlias": False}, {"joinRule": "invite"}, {"exclude": ["#Secret"]}])
def test_aliases_are_refused_where_the_configuration_says_so(make_stub_world, keys):
    world = make_stub_world(change=dynamic(**keys), stub_options=ALIASES)
    with pytest.raises(MatrixError):
        world.alice.join("#irc_#secret:hs.test")


def test_a_template_with_the_networks_name_is_understood(make_stub_world):
    def change(_, entry):
        del entry["alias_prefix"]
        entry["parameters"]["dynamicChannels"]["aliasTemplate"] = "#irc_$SERVER_$CHANNEL"

    world = make_stub_world(change=change, stub_options=ALIASES)
    room = world.alice.join(f"#irc_{world.entry['address']}_#x:hs.test")
    assert world.alice.state(room, "m.room.name")["name"] == "#x"


def test_only_the_whitelist_opens_channels_where_rooms_are_by_invitation(make_stub_world):
    world = make_stub_world(users=("alice", "bob"), change=dynamic(joinRule="invite", whitelist=["@bob:hs.test"]))
    assert "not on the list" in ask(world, "!join #club")
    room = opened(world, "#club", "bob")
    assert world.users["bob"].state(room, "m.room.join_rules")["join_rule"] == "invite"
    with pytest.raises(MatrixError):
        world.alice.join(room)


def test_excluded_channels_are_not_opened_however_they_are_written(make_stub_world):
    world = make_stub_world(change=dynamic(exclude=["#Secret[1]"]))
    for name in ("#Secret[1]", "#secret[1]", "#SECRET{1}"):
        assert "excluded" in ask(world, f"!join {name}")


def test_rooms_get_the_version_and_federation_of_the_configuration(make_stub_world):
    world = make_stub_world(change=dynamic(federate=False, roomVersion="10"))
    room = opened(world, "#old")
    create = world.alice.state(room, "m.room.create")
    assert (create["m.federate"], create["room_version"]) == (False, "10")


@pytest.mark.parametrize("name", ["nochannel", "#", "#a,b", "#a:b", "&", "#" + "x" * 300, "#a\x07b", "#\u00a0"])
def test_names_that_are_no_channels_are_refused(stub_world, name):
    assert "https://matrix.to" not in ask(stub_world, f"!join {name}")
    assert not any(line.startswith("JOIN") and "#a" not in line.split(" ")[1][:3] for line in stub_world.ircd.taken("MatrixBot"))


def test_an_invitation_on_irc_opens_the_room_and_invites_the_user(stub_world):
    world = stub_world
    world.say("I am here")
    world.wait_in_irc(1)
    world.ircd.control("fake", nick="fay", channel="#party")
    world.ircd.raw(b":fay!f@h INVITE M-alice :#party\r\n", nick="M-alice")
    world.wait_for_bot("#party")
    room = eventually(lambda: invited_to(world), 20, "the invitation")[0]
    world.alice.join(room)
    assert world.alice.state(room, "m.room.name")["name"] == "#party"


def invited_to(world):
    bot = MatrixClient(world.stub.url, world.bot_user, world.as_token)
    rooms = bot.request("GET", "/joined_rooms")["joined_rooms"]
    return [room for room in rooms if world.membership(room, world.alice.user_id) == "invite"]


def test_a_channel_that_sends_on_is_told_and_the_other_one_left(stub_world):
    world = stub_world
    world.say("I am here")
    world.wait_in_irc(1)
    world.ircd.raw(b":M-alice!~u@client.scripted.test JOIN ##overflow\r\n", nick="M-alice")
    eventually(lambda: any(line.startswith("PART ##overflow") for line in world.ircd.taken("M-alice")), 20, "the PART")


# Topics


def topic_of(world, room):
    try:
        return world.alice.state(room, "m.room.topic")["topic"]
    except MatrixError:
        return None


def may_set_topics(world, room):
    """The bot lets alice set the topic in the room it has made."""
    bot = MatrixClient(world.stub.url, world.bot_user, world.as_token)
    levels = bot.state(room, "m.room.power_levels")
    levels.setdefault("users", {})[world.alice.user_id] = 50
    bot.set_state(room, "m.room.power_levels", levels)


def test_topics_go_both_ways_and_never_round(stub_world):
    world = stub_world
    room = opened(world, "#topical")
    world.wait_for_bot("#topical")
    world.ircd.say("fay", "#topical", "hello")
    world.ircd.control("topic", nick="fay", channel="#topical", text="from \x02IRC\x02")
    eventually(lambda: topic_of(world, room) == "from IRC", 20, "the topic in the room")
    world.alice.send_text(room, "I am here")
    eventually(lambda: "M-alice" in world.ircd.members("#topical"), 20, "alice in the channel")
    world.ircd.control("mode", nick="fay", channel="#topical", modes="-t")
    may_set_topics(world, room)
    world.alice.set_state(room, "m.room.topic", {"topic": "first\nline & $& second"})
    eventually(lambda: "TOPIC #topical :first line & $& second" in world.ircd.taken("M-alice"), 20, "the topic on IRC")
    stays(lambda: topic_of(world, room) == "first\nline & $& second", 1, "the topic as alice set it")
    world.kill_and_start()
    world.wait_for_bot("#topical")
    stays(lambda: topic_of(world, room) == "first\nline & $& second", 1, "the topic after a restart")
    assert len(topics_set(world)) == 1


FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"  # 18 bytes, one sign


def with_topics(world):
    """A channel with its own room in which alice may set topics, both ways."""
    room = opened(world, "#topical")
    world.wait_for_bot("#topical")
    may_set_topics(world, room)
    world.ircd.control("mode", channel="#topical", modes="-t")
    world.alice.send_text(room, "I am here")
    eventually(lambda: "M-alice" in world.ircd.members("#topical"), 20, "alice in the channel")
    return room


def topics_set(world):
    return [line.removeprefix("TOPIC #topical :") for line in world.ircd.taken("M-alice") if line.startswith("TOPIC #topical :")]


def test_a_topic_is_cut_between_signs_where_the_server_ends_it_and_does_not_come_back(make_stub_world):
    world = make_stub_world(ircd={"isupport": ["TOPICLEN=23"]})
    room = with_topics(world)
    for text, cut in ((f"Families {FAMILY} meet", "Families"), (f"Meet {FAMILY} today", f"Meet {FAMILY}"), ("short", "short")):
        world.alice.set_state(room, "m.room.topic", {"topic": text})
        eventually(lambda cut=cut: topics_set(world)[-1:] == [cut], 20, "the topic on IRC", lambda: topics_set(world))
        world.ircd.control("close", nick="MatrixBot", how="rst")
        world.wait_for_bot("#topical")
        world.ircd.say("fay", "#topical", f"after {cut}")
        world.room_of(f"after {cut}")
        assert topic_of(world, room) == text
    world.kill_and_start()
    world.wait_for_bot("#topical")
    stays(lambda: topic_of(world, room) == "short", 1, "the topic after a restart")
    assert len(topics_set(world)) == 3


def test_a_topic_that_the_server_cuts_without_a_word_does_not_come_back(make_stub_world):
    """It has not said its TOPICLEN, and the bot, which would have heard what was cut, has just been lost."""
    world = make_stub_world(ircd={"isupport": ["TOPICLEN=25"]})
    room = with_topics(world)
    for nick in ("MatrixBot", "M-alice"):
        world.ircd.control("raw", nick=nick, line=f":irc.scripted.test 005 {nick} -TOPICLEN :are supported by this server")
    world.ircd.control("silent", nick="MatrixBot", on=True)
    text = "This topic is a long one, much longer than this server takes"
    world.alice.set_state(room, "m.room.topic", {"topic": text})
    eventually(lambda: "TOPIC #topical" in world.ircd.taken("M-alice"), 20, "the question what was made of it")
    world.ircd.control("close", nick="MatrixBot", how="rst")
    world.wait_for_bot("#topical")
    world.ircd.say("fay", "#topical", "afterwards")
    world.room_of("afterwards")
    assert topics_set(world) == [text] and topic_of(world, room) == text
    # Whoever else sets its beginning as the topic is heard.
    world.ircd.control("topic", nick="fay", channel="#topical", text="This topic")
    eventually(lambda: topic_of(world, room) == "This topic", 20, "the topic of IRC in the room")


def test_a_topic_that_irc_refuses_is_told_in_the_room(stub_world):
    world = stub_world
    world.alice.send_text(world.rooms["#a"], "I am here")
    world.wait_in_irc(1)
    world.ircd.control("mode", channel="#a", modes="+t")
    world.alice.set_state(world.rooms["#a"], "m.room.topic", {"topic": "not mine to say"})
    eventually(lambda: any("topic was not changed" in body for body in world.replies(world.rooms["#a"])), 20, "the notice")


def test_the_topic_of_a_mapped_room_is_its_own(stub_world):
    world = stub_world
    world.ircd.control("topic", nick="fay", channel="#a", text="from IRC")
    world.ircd.say("fay", "#a", "after it")
    world.wait_in_matrix(1)
    assert topic_of(world, world.rooms["#a"]) is None


def test_a_topic_set_while_the_bridge_was_away_is_shown(stub_world):
    world = stub_world
    room = opened(world, "#away")
    world.wait_for_bot("#away")
    world.ircd.say("fay", "#away", "hello")
    world.bridge.kill()
    world.ircd.control("topic", nick="fay", channel="#away", text="meanwhile")
    world.bridge.start()
    eventually(lambda: topic_of(world, room) == "meanwhile", 20, "the topic in the room")


# Several rooms, and several names


def two_rooms(make_stub_world, **options):
    """A channel with two rooms; alice is in both, bob in the second only."""
    def change(_, entry):
        world_rooms.append(entry)

    world_rooms = []
    world = make_stub_world(users=("alice", "bob"), ready=False, change=change, **options)
    second = world.room()
    world_rooms[0]["parameters"]["mappings"]["#a"]["roomIds"].append(second)
    world.bridge.write_config()
    world.start()
    return world, world.rooms["#a"], second


def test_what_is_said_in_one_room_is_said_in_the_other_by_the_nicks_ghost(make_stub_world):
    world, first, second = two_rooms(make_stub_world)
    for number in range(1, 21):
        world.say(f"message {number}")
    expected = [f"message {number}" for number in range(1, 21)]
    assert world.wait_in_irc(20) == expected
    eventually(lambda: world.in_matrix(room=second, sender="@irc_M-alice") == expected, 20, "the copies",
               lambda: world.in_matrix(room=second, sender="@"))
    world.stub.inject(second, world.users["bob"].user_id, content={"msgtype": "m.emote", "body": "waves"})
    eventually(lambda: "waves" in world.in_matrix(room=first, sender="@irc_M-bob"), 20, "the copy in the first room")
    assert world.in_matrix(room=second, sender="@irc_M-bob") == []
    world.ircd.say("fay", "#a", "to both")
    for room in (first, second):
        eventually(lambda room=room: world.in_matrix(room=room, sender="@irc_fay") == ["to both"], 20, "the line of IRC")


def test_copies_survive_kills_once(make_stub_world):
    world, _, second = two_rooms(make_stub_world)
    world.inject(100, rate=100, prefix="out ")
    for mark in (20, 60):
        world.wait_in_irc(mark)
        world.kill_and_start()
    world.wait_in_irc(100, timeout=40)
    eventually(lambda: len(set(world.in_matrix(room=second, sender="@irc_M-alice"))) == 100, 30, "all copies",
               lambda: world.in_matrix(room=second, sender="@irc_M-alice"))
    copies = world.in_matrix(room=second, sender="@irc_M-alice")
    assert copies == [f"out {number}" for number in range(1, 101)]


def copies(world, room, nick):
    """(event id, content) of what the ghost has said in the room."""
    return [(line["event"], line["content"]) for line in world.stub.ledger("send")
            if line["room"] == room and line["sender"] == f"@irc_{nick}:hs.test" and not line["cached"]]


def copy_of(world, room, nick, *bodies):
    """The ghost's message with one of these bodies, as soon as it is there."""
    found = lambda: [copy for copy in copies(world, room, nick) if copy[1].get("body") in bodies]
    return eventually(found, 30, f"a copy of {bodies}", lambda: str(copies(world, room, nick)))[0]


def answer_to(event, text):
    return {"msgtype": "m.text", "body": text, "m.relates_to": {"m.in_reply_to": {"event_id": event}}}


def edit_of(event, text):
    return {"msgtype": "m.text", "body": f"* {text}", "m.new_content": {"msgtype": "m.text", "body": text},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event}}


def related_world(make_stub_world, **options):
    """Two rooms of one channel in which the bot is, and everybody has spoken."""
    world, first, second = two_rooms(make_stub_world, **options)
    eventually(lambda: world.membership(second, world.bot_user) == "join", 20, "the bot in the second room")
    world.say("hello")
    copy_of(world, second, "M-alice", "hello")
    world.users["bob"].send_text(second, "hi")
    copy_of(world, first, "M-bob", "hi")
    return world, first, second


def test_answers_and_edits_in_copies_are_about_what_stands_in_their_room(make_stub_world):
    world, first, second = related_world(make_stub_world)
    alice, bob = world.alice, world.users["bob"]
    asked = alice.send_text(first, "tea or coffe?")
    copy, _ = copy_of(world, second, "M-alice", "tea or coffe?")
    bob.send(second, "m.room.message", answer_to(copy, "tea"))  # of a copy: the original stands in the other room
    _, content = copy_of(world, first, "M-bob", "tea")
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}
    alice.send(first, "m.room.message", edit_of(asked, "tea or coffee?"))
    _, content = copy_of(world, second, "M-alice", "* tea or coffee?")
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": copy}
    assert content["m.new_content"]["body"] == "tea or coffee?"
    world.ircd.say("fay", "#a", "milk?")
    here, _ = copy_of(world, first, "fay", "milk?")
    there, _ = copy_of(world, second, "fay", "milk?")
    alice.send(first, "m.room.message", answer_to(here, "please"))
    _, content = copy_of(world, second, "M-alice", "please")
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": there}}
    assert not [key for _, content in copies(world, second, "M-alice") for key in content if key in ("io.trestle.relation", "io.trestle.reply_to")]


def test_relations_of_copies_that_wait_survive_a_kill(make_stub_world):
    world, first, second = related_world(make_stub_world)
    sending = f"{second[1:]}/send/"
    world.stub.fail(100000, match=sending)
    asked = world.alice.send_text(first, "tea or coffe?")
    world.alice.send(first, "m.room.message", edit_of(asked, "tea or coffee?"))
    world.alice.send(first, "m.room.message", answer_to(asked, "anybody?"))
    world.wait_in_irc(5)  # so they are copied, and wait for the homeserver
    world.bridge.kill()
    world.stub.fail(0, match=sending)
    world.bridge.start()
    copy, _ = copy_of(world, second, "M-alice", "tea or coffe?")
    _, content = copy_of(world, second, "M-alice", "* tea or coffee?")
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": copy}
    _, content = copy_of(world, second, "M-alice", "anybody?")
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": copy}}
    assert len(copies(world, second, "M-alice")) == 4


@contextlib.contextmanager
def answering_nothing(postgres, database):
    """Nobody else can read what became of which message."""
    def lock():
        with contextlib.suppress(AssertionError):  # it is ended
            postgres.query("LOCK TABLE message; SELECT pg_sleep(120)", database)

    holder = ("SELECT pid FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
              " WHERE relname = 'message' AND mode = 'AccessExclusiveLock' AND granted")
    thread = Thread(target=lock)
    thread.start()
    try:
        eventually(lambda: postgres.query(holder, database), 20, "the lock")
        yield
    finally:
        postgres.query(f"SELECT pg_terminate_backend(pid) FROM ({holder}) AS holder", database)
        thread.join()


@pytest.fixture
def forgetful_world(make_stub_world, postgres):
    """(world, rooms, Matrix id of alice's "tea or coffe?", that of its copy); the store waits for no lock."""
    store = postgres.create_database("forgetful")
    postgres.query("ALTER DATABASE forgetful SET lock_timeout = '300ms'")
    world, first, second = related_world(make_stub_world, database=store)
    asked = world.alice.send_text(first, "tea or coffe?")
    copy, _ = copy_of(world, second, "M-alice", "tea or coffe?")
    yield world, (first, second), asked, copy
    postgres.query("DROP DATABASE forgetful WITH (FORCE)")


def until_asked(world, question):
    eventually(lambda: re.search(f"lock timeout.*{question}", world.bridge.log.read_text()), 60, "the question")


def test_a_store_that_cannot_say_what_is_edited_makes_no_new_message_of_an_edit(forgetful_world, postgres):
    world, (first, second), asked, copy = forgetful_world
    sending = f"{second[1:]}/send/"
    world.stub.fail(100000, match=sending)
    world.alice.send_text(first, "in front")
    world.alice.send(first, "m.room.message", edit_of(asked, "tea or coffee?"))
    world.wait_in_irc(5)  # so both are copied, and wait for the homeserver
    with answering_nothing(postgres, "forgetful"):
        world.stub.fail(0, match=sending)
        until_asked(world, "SELECT event_id, sender FROM message")
    _, content = copy_of(world, second, "M-alice", "* tea or coffee?", "tea or coffee?")
    assert content.get("m.relates_to") == {"rel_type": "m.replace", "event_id": copy}


def test_a_store_that_cannot_say_what_is_answered_takes_no_answer_apart(forgetful_world, postgres):
    world, (first, second), _, _ = forgetful_world
    world.ircd.say("fay", "#a", "milk?")
    here, _ = copy_of(world, first, "fay", "milk?")
    there, _ = copy_of(world, second, "fay", "milk?")
    with answering_nothing(postgres, "forgetful"):
        world.alice.send(first, "m.room.message", answer_to(here, "please"))
        until_asked(world, "SELECT remote_id FROM message")
    _, content = copy_of(world, second, "M-alice", "please")
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": there}}


def test_an_edit_by_another_nick_is_a_message_of_its_own_in_the_copy(make_stub_world):
    world, first, second = related_world(make_stub_world)
    asked = world.alice.send_text(first, "tea or coffe?")
    copy_of(world, second, "M-alice", "tea or coffe?")
    world.alice.send_text(chat(world), "!nick rosa")
    eventually(lambda: "rosa" in world.ircd.members("#a"), 20, "the new nick")
    world.alice.send(first, "m.room.message", edit_of(asked, "tea or coffee?"))
    _, content = copy_of(world, second, "rosa", "* tea or coffee?")
    assert "m.relates_to" not in content and "m.new_content" not in content


def test_what_a_sender_invents_decides_nothing_in_a_copy(make_stub_world):
    world, first, second = related_world(make_stub_world)
    (other, _), = [copy for copy in copies(world, second, "M-alice")]
    invented = {"keys": ["x"], "event": other, "replaces": False}
    world.alice.send(first, "m.room.message", {"msgtype": "m.text", "body": "honest", "io.trestle.relation": invented,
                                               "io.trestle.reply_to": "x", "m.new_content": {"body": "no"}})
    _, content = copy_of(world, second, "M-alice", "honest")
    assert set(content) <= {"msgtype", "body", "io.trestle.id", "io.trestle.origin", "m.mentions"}


def test_copies_keep_their_relations_on_real_servers(inspircd_world):
    world = inspircd_world
    channel, (first, second) = world.doubled_channel, world.doubled_rooms
    bob = world.new_user("bob")
    for room in (first, second):
        bob.join(room)
    ghost_of_bob = world.ghost(world.nick_of(bob))
    with world.irc(channel) as ann:
        asked = bob.send_text(first, "tea or coffe?")
        ann.wait_for_text("tea or coffe?")
        copy = bob.wait_for_text(second, "tea or coffe?", sender=ghost_of_bob)
        bob.send(first, "m.room.message", answer_to(asked, "anybody?"))
        answer = bob.wait_for_text(second, "anybody?", sender=ghost_of_bob)
        assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == copy["event_id"]
        bob.send(first, "m.room.message", edit_of(asked, "tea or coffee?"))
        edit = bob.wait_for_text(second, "* tea or coffee?", sender=ghost_of_bob)
        assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": copy["event_id"]}


@pytest.mark.parametrize("mapping, same", [("ascii", False), ("rfc1459", True)])
def test_names_are_the_same_by_the_servers_own_rule(make_stub_world, mapping, same):
    world = make_stub_world(ircd={"isupport": [f"CASEMAPPING={mapping}"]})
    first = opened(world, "#Cafe[x]")
    assert opened(world, "#cafe[X]") == first
    assert (opened(world, "#cafe{x}") == first) == same


def test_two_channels_that_a_server_begins_to_take_for_one_do_not_mix(make_stub_world):
    world = make_stub_world(ircd={"isupport": ["CASEMAPPING=ascii"]})
    rooms = [opened(world, channel) for channel in ("#b[c]", "#b{c}")]
    for room in rooms:
        world.alice.send_text(room, "first")
    eventually(lambda: [text for _, text in world.ircd.said()].count("first") == 2, 20, "both on IRC")
    world.bridge.stop()
    world.ircd.stop()
    world.ircd.options["isupport"] = ["CASEMAPPING=rfc1459"]
    world.ircd.start()
    world.bridge.start()
    world.wait_for_bot("#a")
    for room in rooms:
        world.alice.send_text(room, "second")
    eventually(lambda: sum(any("another channel" in body for body in world.replies(room)) for room in rooms) == 1, 20,
               "one of the rooms told")
    eventually(lambda: [text for _, text in world.ircd.said()].count("second") == 1, 20, "the other one's message")


# The directory, and other bridges


@pytest.mark.parametrize("modes, own_directory, listed", [("nt", False, True), ("nts", False, False), ("nt", True, True),
                                                          ("nts", True, False)])
def test_a_room_is_listed_unless_its_channel_is_secret(make_stub_world, modes, own_directory, listed):
    world = make_stub_world(ircd={"channel_modes": modes}, change=dynamic(useHomeserverDirectory=own_directory))
    path = "directory/list/room" if own_directory else "directory/list/appservice"
    world.stub.fail(1000, status=400, match=path)  # so that it is counted
    opened(world, "#list")
    world.wait_for_bot("#list")
    if listed:
        eventually(lambda: world.stub.stats()["errors"] == 1, 20, "the listing")
    else:
        stays(lambda: world.stub.stats()["errors"] == 0, 1, "the room unlisted")


def test_what_another_bridge_brings_from_the_same_channel_is_not_sent_back(stub_world):
    world = stub_world
    origin = f"org.matrix.appservice-irc:/{world.entry['address']}/#a"
    world.say({"msgtype": "m.text", "body": "brought by another bridge", "io.trestle.origin": origin})
    world.say({"msgtype": "m.text", "body": "from elsewhere", "io.trestle.origin": "org.matrix.appservice-irc:/other.net/#a"})
    assert world.wait_in_irc(1) == ["from elsewhere"]
    eventually(lambda: any("Another bridge" in body for body in world.replies(world.rooms["#a"])), 20, "the notice")
    world.ircd.say("fay", "#a", "marked")
    world.wait_in_matrix(1)
    said = [line for line in world.stub.ledger("send") if line["content"].get("body") == "marked"]
    assert said[0]["content"]["io.trestle.origin"] == origin
