# SPDX-License-Identifier: Apache-2.0
"""What Matrix messages read like on IRC: replies, threads, edits, redactions, reactions, stickers, files, long text; who may
be quoted; and that none of it breaks a line, alters one after a kill or says it twice.
"""

import re
import urllib.request

import pytest

from support.waiting import eventually
from support.world import parameters_of

IMAGE = {"msgtype": "m.image", "body": "holiday.png", "url": "mxc://hs.test/AbC_d-1", "info": {"size": 20480}}


def text(body, **more):
    return {"msgtype": "m.text", "body": body, **more}


def html(body, formatted, **more):
    return text(body, format="org.matrix.custom.html", formatted_body=formatted, **more)


def answer(event, body="answer", **more):
    return text(body, **{"m.relates_to": {"m.in_reply_to": {"event_id": event}}}, **more)


def edit(event, body, **more):
    new = text(body, **more)
    return text("* " + body, **{"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": event}})


def action(line):
    """What "/me" says, or None."""
    return line[8:-1] if line.startswith("\x01ACTION ") and line.endswith("\x01") else None


def settings(**changes):
    """A change of the configuration: lineLimit, media_url, and keys of matrixHandler."""

    def change(config, entry):
        parameters_of(config)["ircClients"]["lineLimit"] = changes.pop("lineLimit", 3)
        if "media_url" in changes:
            config["homeserver"]["media_url"] = changes.pop("media_url")
        entry.setdefault("matrixHandler", {}).update(changes)

    return change


class Room:
    """The room of #a: says things and returns their event ids, and waits for them on IRC."""

    def __init__(self, world):
        self.world = world
        self.id = world.rooms["#a"]
        self.lines = 0
        for room in world.rooms.values():  # only what is said after the bot came is heard
            eventually(lambda room=room: world.membership(room, world.bot_user) == "join", 20, "the bot in the room")

    def send(self, content, user="alice", event_type="m.room.message"):
        content = text(content) if isinstance(content, str) else content
        return self.world.users[user].send(self.id, event_type, content)

    def react(self, event, key="\N{THUMBS UP SIGN}", user="alice"):
        return self.send({"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}}, user, "m.reaction")

    def on_irc(self, count=1):
        """The next lines that puppets say."""
        said = self.world.wait_in_irc(self.lines + count)
        self.lines += count
        return said[self.lines - count:self.lines]

    def says(self, content, user="alice"):
        """Sends it; what IRC reads, and the event id."""
        event = self.send(content, user)
        return self.on_irc()[0], event

    def reads(self, content, user="alice"):
        return self.says(content, user)[0]


@pytest.fixture
def make_room(make_stub_world):
    def make(*, change=None, users=("alice", "bob"), **options):
        return Room(make_stub_world(users=users, change=change or settings(), **options))

    return make


@pytest.fixture
def room(make_room):
    return make_room()


# Replies and threads


def test_a_reply_to_something_recent_addresses_who_said_it(room):
    _, hello = room.says("I am here", "bob")
    _, question = room.says("who is there?")
    assert room.reads(answer(question, "me"), "bob") == "M-alice: me"
    assert room.reads(answer(hello, "> <@bob:hs.test> I am here\n\nhi")) == "M-bob: hi"
    assert room.reads(answer(hello, "M-bob: hi again")) == "M-bob: hi again"
    assert room.reads(answer(question, "and I say more")) == "and I say more"
    assert room.reads(answer(hello, "one\ntwo")) == "M-bob: one"
    assert room.on_irc() == ["two"]
    assert room.reads({**answer(hello, "waves"), "msgtype": "m.notice"}) == "M-bob: waves"


def test_a_reply_to_something_old_quotes_it(make_room):
    room = make_room(change=settings(shortReplyTresholdSeconds=0, replySourceMaxLength=12))
    room.says("I am here", "bob")
    question = room.send("a question of\nseveral lines")
    room.on_irc(2)
    assert room.reads(answer(question, "yes"), "bob") == '<M-alice> "a question o..." <- yes'
    assert room.reads(html("an *answer*", "an <b>answer</b>", **{"m.relates_to": answer(question)["m.relates_to"]}), "bob") == (
        '<M-alice> "a question o..." <- an \x02answer'
    )


def test_a_homeserver_that_fails_for_a_moment_costs_no_correction(room):
    _, event = room.says("tea or coffe and cake")
    room.world.kill_and_start()  # so that only the homeserver knows it
    room.world.stub.fail(2, status=503, match="/event/")
    assert room.reads(edit(event, "tea or coffee and cake")) == "s/coffe/coffee/"
    room.world.kill_and_start()
    room.world.stub.fail(100000, status=503, match="/event/")
    assert room.reads(edit(event, "tea or coffee and cakes")) == "* tea or coffee and cakes"


def test_a_reply_to_a_ghost_says_its_nick(room):
    room.says("I am here")
    room.world.ircd.say("Fay", "#a", "from IRC")
    room.world.wait_in_matrix(1)
    ghosts = [line["event"] for line in room.world.stub.ledger("send") if line["sender"] == "@irc_Fay:hs.test"]
    assert room.reads(answer(ghosts[0], "hello")) == "Fay: hello"


def test_templates_put_in_text_as_it_is(make_room):
    room = make_room(change=settings(shortReplyTresholdSeconds=0, replySourceMaxLength=40))
    room.says("I am here", "bob")
    for tricky in ("cost is $& or $$5", "$REPLY $NICK $ORIGINAL", "\\1 %s {0} $`"):
        _, event = room.says(tricky)
        assert room.reads(answer(event, tricky), "bob") == f'<M-alice> "{tricky}" <- {tricky}'


def test_a_thread_reads_as_replies_to_the_message_before(room):
    room.says("I am here", "bob")
    _, root = room.says("the root")
    thread = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True, "m.in_reply_to": {"event_id": root}}
    assert room.reads(text("in the thread", **{"m.relates_to": thread}), "bob") == "M-alice: in the thread"


def test_a_reply_to_what_nobody_knows_is_the_text_alone(room):
    assert room.reads(answer("$nothing", "alone")) == "alone"
    assert room.reads(answer("", "empty")) == "empty"


def test_s10_cve_2024_32000_what_was_said_before_one_came_is_not_quoted_through_him(make_room):
    room = make_room(change=settings(shortReplyTresholdSeconds=0))
    eve = room.world.stub.user("eve")
    room.world.users["eve"] = eve
    _, secret = room.says("the secret of the room")
    eve.join(room.id)
    assert "secret" not in room.reads(answer(secret, "tell me"), "eve")
    _, open_word = room.says("for all to see")
    assert room.reads(answer(open_word, "thanks"), "eve") == '<M-alice> "for all to see" <- thanks'


def test_s9_ghsa_c7hh_nothing_is_quoted_from_another_room(make_room):
    room = make_room(channels=("#a", "#b"), change=settings(shortReplyTresholdSeconds=0))
    room.says("I am here", "bob")
    elsewhere = room.world.alice.send(room.world.rooms["#b"], "m.room.message", text("said elsewhere"))
    room.world.wait_in_irc(1, "#b")
    assert room.reads(answer(elsewhere, "what?"), "bob") == "what?"


# Edits


def test_edits_read_as_corrections(room):
    _, event = room.says("I have teh best of all cats")
    assert room.reads(edit(event, "I have the best of all cats")) == "s/teh/the/"
    assert room.reads(edit(event, "I have never had the best of all cats")) == "* I have never had the best"
    assert room.reads(edit(event, "short now")) == "* short now"
    _, event = room.says("you should ever do that with a fork")
    assert room.reads(edit(event, "you should never ever do that with a fork")) == "* you should never ever do"
    _, event = room.says("all of this is about to change now")
    assert room.reads(edit(event, "nothing remains of what was there before")) == "* nothing remains of what was there before"
    _, event = room.says({**text("waves a littel flag at all"), "msgtype": "m.emote"})
    assert room.reads({**edit(event, "waves a little flag at all"), "msgtype": "m.emote"}) == "s/littel/little/"


def test_an_edit_of_several_lines_corrects_the_line_that_changed(room):
    event = room.send("first line\nthis line has teh mistake")
    room.on_irc(2)
    assert room.reads(edit(event, "first line\nthis line has the mistake")) == "s/teh/the/"
    room.send(edit(event, "now everything\nis different"))
    assert room.on_irc(2) == ["* now everything", "is different"]


def test_an_edit_that_changes_nothing_says_nothing(room):
    _, event = room.says("the same as before")
    room.send(edit(event, "the same as before"))
    assert room.reads("next") == "next"


def test_an_edit_of_another_persons_message_is_none(room):
    _, event = room.says("mine alone, not yours")
    room.send(edit(event, "yours alone, not mine"), "bob")
    assert room.reads("next", "bob") == "next"


# Redactions, reactions, stickers


def test_redactions_and_reactions_are_silent_unless_the_settings_say_otherwise(room):
    _, event = room.says("hello")
    reaction = room.react(event)
    room.world.alice.redact(room.id, reaction)
    room.world.alice.redact(room.id, event)
    assert room.reads("next") == "next"


def test_redactions_and_reactions_are_told_by_setting(make_room):
    room = make_room(change=settings(showReactions=True, showRedactions=True))
    room.says("I am here", "bob")
    _, event = room.says("good news for everybody")
    reaction = room.react(event, user="bob")
    told = action(room.on_irc()[0])
    assert told == 'reacted with \N{THUMBS UP SIGN} to a message of M-alice: "good news for everybody"'
    room.react(event, "mxc://hs.test/party")
    assert action(room.on_irc()[0]) == 'reacted with a picture to a message: "good news for everybody"'
    room.world.users["bob"].redact(room.id, reaction)  # taken back: nothing is said
    room.world.alice.redact(room.id, event)
    assert action(room.on_irc()[0]) == "removed a message"


def test_a_sticker_is_a_line_or_nothing(make_room):
    sticker = {"body": "a cat\nthat waves", "url": "mxc://hs.test/cat", "info": {"size": 1}}
    room = make_room(change=settings(media_url="https://media.test/"))
    room.send(sticker, event_type="m.sticker")
    expected = "sent a sticker: a catthat waves < https://media.test/_matrix/media/v3/download/hs.test/cat >"
    assert action(room.on_irc()[0]) == expected


def test_a_sticker_is_left_out_by_setting(make_room):
    room = make_room(change=settings(showStickers=False))
    room.send({"body": "a cat", "url": "mxc://hs.test/cat"}, event_type="m.sticker")
    assert room.reads("next") == "next"


# Files


def test_a_file_is_its_name_size_address_and_caption(make_room):
    room = make_room(change=settings(media_url="https://media.test"))
    base = "https://media.test/_matrix/media/v3/download/hs.test/AbC_d-1"
    assert action(room.reads(IMAGE)) == f"uploaded an image: holiday.png (20KiB) < {base}/holiday.png >"
    captioned = {**IMAGE, "msgtype": "m.video", "filename": "beach.mp4", "body": "the beach at noon"}
    assert action(room.reads(captioned)) == f"uploaded a video: beach.mp4 (20KiB) < {base}/beach.mp4 > the beach at noon"
    assert action(room.reads({"msgtype": "m.file", "body": "a.pdf", "file": {"url": "mxc://hs.test/x"}})) == (
        "uploaded a file: a.pdf"
    )
    assert room.reads({"msgtype": "m.location", "body": "here", "geo_uri": "geo:1,2"}) == "here (geo:1,2)"


# What has no text of its own on IRC


def test_locations_polls_and_unknown_kinds_are_their_text(make_room):
    room = make_room()
    assert room.reads({"msgtype": "m.location", "body": "here", "geo_uri": "geo:1,2"}) == "here (geo:1,2)"
    assert room.reads({"msgtype": "m.location", "body": "", "geo_uri": "geo:3,4;u=5"}) == "geo:3,4;u=5"
    assert room.reads({"msgtype": "org.example.new", "body": "clients show this"}) == "clients show this"
    text = "org.matrix.msc1767.text"
    answers = [{"id": "1", text: "Soup"}, {"id": "2", text: "Cake"}]
    poll = {"org.matrix.msc3381.poll.start": {"question": {text: "Lunch?"}, "answers": answers}, text: "Lunch? Soup Cake"}
    room.send(poll, event_type="org.matrix.msc3381.poll.start")
    room.send({"m.text": [{"body": "Soup it is"}]}, event_type="m.poll.end")
    assert room.on_irc(2) == ["Poll: Lunch? 1) Soup, 2) Cake", "Soup it is"]


def test_calls_and_live_locations_are_told_not_to_arrive(make_room):
    room = make_room()
    world = room.world
    room.send({"call_id": "1", "lifetime": 60000, "offer": {}}, event_type="m.call.invite")
    eventually(lambda: "Calls do not reach #a" in " ".join(world.replies(world.rooms["#a"])), 20, "a word about calls")
    beacon = {"live": True, "timeout": 60000}
    world.alice.set_state(world.rooms["#a"], "org.matrix.msc3672.beacon_info", beacon, world.alice.user_id)
    eventually(lambda: "Live locations do not reach #a" in " ".join(world.replies(world.rooms["#a"])), 20, "a word about it")
    assert room.reads("behind it") == "behind it"


# Long text


def fetch(room, url):
    """What stands at a link: the stub serves media to users only, as homeservers do by now."""
    path = url.split("/_matrix/media/v3/")[1]
    request = urllib.request.Request(f"{room.world.stub.url}/_matrix/client/v1/media/{path}")
    request.add_header("Authorization", f"Bearer {room.world.alice.token}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode()


LONG = "\n".join(f"line {number} of a long message" for number in range(1, 11))


def test_text_beyond_the_limit_is_one_line_and_a_link_to_the_whole(room):
    line = room.reads(LONG)
    match = re.fullmatch(r"line 1 of a long message\.\.\. \(full message at <(\S+)>\)", line)
    assert match, line
    room.says("next")
    assert room.world.in_irc() == [line, "next"]
    path = match[1].split("/_matrix/")[1]
    assert path.startswith("media/v3/download/hs.test/") and re.search(r"/M-alice_[-0-9TZ.]+\.txt$", path)
    assert fetch(room, match[1]) == LONG + "\n"


def test_a_limit_of_lines_counts_them_as_they_are_cut(make_room):
    room = make_room(change=settings(lineLimit=2))
    room.send("one\ntwo")
    assert room.on_irc(2) == ["one", "two"]
    room.send("word " * 150)
    assert len(room.on_irc(2)) == 2
    line = room.reads("word " * 400)
    assert re.search(r"word\.\.\. \(full message at <http\S+>\)$", line) and 300 < len(line) < 480
    room.send("one\n\n \ntwo")
    assert room.on_irc(2) == ["one", "two"]


def test_without_the_file_the_first_lines_remain(room):
    room.world.stub.fail(count=1, status=500, match="/media/v3/upload")
    room.send(LONG)
    assert room.on_irc(3) == ["line 1 of a long message", "line 2 of a long message", "...(truncated)"]
    assert room.reads("next") == "next"


def test_a_long_code_block_is_a_link(room):
    code = "\n".join(f"print({number})" for number in range(9))
    line = room.reads(html(f"```python\n{code}\n```", f'<pre><code class="language-python">{code}</code></pre>'))
    match = re.fullmatch(r"sent a python code block: (\S+)", action(line))
    assert match, line
    assert fetch(room, match[1]) == code + "\n"


def test_formatted_text_is_no_way_around_the_limit(room):
    line = room.reads(html(LONG, "<p>" + LONG.replace("\n", "<br>") + "</p>"))
    assert "(full message at <" in line
    room.says("next")
    assert len(room.world.in_irc()) == 2


# Framing


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\0", "\x01", "\r\n\x01", "\u2028"])
def test_s1_no_field_breaks_a_line_or_makes_a_ctcp(make_room, breaker):
    room = make_room(change=settings(showReactions=True, showRedactions=True, shortReplyTresholdSeconds=0))
    evil = f"x{breaker}QUIT :injected{breaker}\x01VERSION\x01"
    room.says("I am here", "bob")
    event = room.send(evil)
    link = f"mxc://hs.test/{evil}"
    for content in (
        answer(event, evil), edit(event, evil + " and more"), html(evil, f"<b>{evil}</b>"), html(evil, f"<pre>{evil}</pre>"),
        {"msgtype": "m.image", "body": evil, "filename": evil, "url": link, "info": {"size": 5}},
        {"msgtype": "m.file", "body": "caption " + evil, "filename": evil, "url": "mxc://hs.test/x"},
        {"msgtype": "m.emote", "body": evil},
    ):
        room.send(content, "alice")
    room.send({"body": evil, "url": link}, event_type="m.sticker")
    room.react(event, evil, "bob")
    room.world.alice.request("PUT", f"/rooms/{room.id}/redact/{event}/1", {"reason": evil})
    room.send("the end", "bob")
    eventually(lambda: "the end" in room.world.in_irc(), 20, "the end", lambda: room.world.in_irc())
    allowed = {"CAP", "NICK", "USER", "JOIN", "PING", "PONG", "PRIVMSG", "NOTICE", "MODE", "WHO", "CHATHISTORY", "AUTHENTICATE"}
    for nick in ("M-alice", "M-bob"):
        taken = [re.sub(r"^@\S+ ", "", line) for line in room.world.ircd.taken(nick)]
        assert {line.split(" ")[0] for line in taken} <= allowed
        for line in taken:
            inner = line.split(" :", 1)[-1].removeprefix("\x01ACTION ").removesuffix("\x01")
            assert not set(inner) & {"\r", "\n", "\0", "\x01"}
    assert not any("\x01VERSION" in line for line in room.world.in_irc())


# On a real Synapse and a real InspIRCd


def test_replies_edits_redactions_reactions_and_files_between_real_servers(inspircd_world):
    world = inspircd_world
    bob = world.new_user("bob")
    channel, room = world.mapped(world.alice, bob)
    alice_nick = world.nick_of(world.alice)
    with world.irc(channel) as ann:

        def reads(user, content, expected, event_type="m.room.message"):
            event = user.send(room, event_type, content)
            ann.wait_for(lambda line: line.command == "PRIVMSG" and re.search(expected, line.params[-1]), 20, expected)
            return event

        reads(bob, text("bob is here"), "^bob is here$")
        question = reads(world.alice, text("shall we have teh best of cats?"), "^shall we")
        reads(bob, answer(question, "yes"), f'^<{alice_nick}> "shall we have teh best of cats\\?" <- yes$')
        reads(world.alice, edit(question, "shall we have the best of cats?"), "^s/teh/the/$")
        ann.say(channel, "said on IRC")
        said = world.alice.wait_for_text(room, "said on IRC", sender=world.ghost(ann.nick))
        reads(bob, answer(said["event_id"], "and answered"), f'^<{ann.nick}> "said on IRC" <- and answered$')
        reads(bob, {**IMAGE, "body": "the beach", "filename": "beach.png"}, r"uploaded an image: beach.png \(20KiB\) < http\S+ > the beach")
        reads(bob, {"m.relates_to": {"rel_type": "m.annotation", "event_id": question, "key": "+1"}},
              rf"reacted with \+1 to a message of {alice_nick}: \"shall we have the best of cats\?\"", "m.reaction")
        world.alice.redact(room, question)
        ann.wait_for(lambda line: "removed a message" in line.params[-1], 20, "the redaction")
        # What the bridge has forgotten, Synapse knows: who was there when it was said, and what it was.
        late = world.new_user("late")
        secret = reads(world.alice, text("before late came"), "^before late came$")
        late.join(room)
        later = reads(world.alice, text("after late came"), "^after late came$")
        world.bridge.stop()
        world.bridge.start()
        reads(late, answer(secret, "what was it?"), f"^({alice_nick}: )?what was it\\?$")
        reads(late, answer(later, "I heard that"), f'^<{alice_nick}> "after late came" <- I heard that$')


# Once, and as it was


@pytest.mark.parametrize("history", [True, False])
def test_what_was_looked_up_is_said_the_same_after_a_kill(make_room, history):
    """The answer's quotation is no longer to be had when it is said again: it is the stored one that is said."""
    room = make_room(ircd={"profile": "history" if history else "echo"}, change=settings(shortReplyTresholdSeconds=0))
    room.says("I am here", "bob")
    _, event = room.says("what was asked before")
    room.send(answer(event, "one\ntwo"), "bob")
    expected = ['<M-alice> "what was asked before" <- one', "two"]
    assert room.on_irc(2) == expected
    room.world.kill_and_start()
    room.says("after the kill", "bob")
    said = room.world.in_irc()
    assert said[2:4] == expected and said[-1] == "after the kill" and len(said) <= 6
