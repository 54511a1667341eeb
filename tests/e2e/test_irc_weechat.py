# SPDX-License-Identifier: Apache-2.0
"""A person at WeeChat and a person on Matrix, through a real ircd and a real homeserver: what each of them reads."""

import pytest

from support.matrix_client import MatrixError
from support.waiting import eventually
from support.world import spoken


@pytest.fixture
def wanda(world, make_weechat):
    return make_weechat(world.ircd, world.nick("wanda"))


def test_what_is_typed_in_weechat_is_read_in_matrix(world, wanda):
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    wanda.say(channel, "grüße from a client that people use 🙂")
    wanda.say(channel, "/me waves")
    wanda.say(channel, f"/notice {channel} take notice")
    ghost = world.ghost(wanda.nick)
    text = world.alice.wait_for_text(room, "grüße from a client that people use 🙂", sender=ghost)
    assert text["content"]["msgtype"] == "m.text"
    assert world.alice.wait_for_text(room, "waves", sender=ghost)["content"]["msgtype"] == "m.emote"
    assert world.alice.wait_for_text(room, "take notice", sender=ghost)["content"]["msgtype"] == "m.notice"


def test_what_is_sent_in_matrix_is_shown_in_weechat(world, wanda):
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    world.alice.send_text(room, "a line for WeeChat, grüße 🙂")
    world.alice.send_text(room, "waves back", "m.emote")
    nick = world.nick_of(world.alice)
    assert nick in wanda.wait_shown(channel, "a line for WeeChat, grüße 🙂")
    assert " *" in wanda.wait_shown(channel, f"{nick} waves back")


def test_a_query_from_weechat_is_a_direct_chat_and_is_answered(world, wanda):
    puppet = world.nick_of(world.alice)
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    world.alice.send_text(room, "so that my puppet is here")
    wanda.wait_shown(channel, "so that my puppet is here")
    wanda.command(f"/msg {puppet} between us")
    chat = world.alice.wait_for_invitation(world.ghost(wanda.nick))
    world.alice.join(chat)
    world.alice.wait_for_text(chat, "between us", sender=world.ghost(wanda.nick))
    world.alice.send_text(chat, "and back")
    wanda.wait_shown(puppet, "and back")


def html(body, formatted, **more):
    return {"msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": formatted, **more}


def shown_with_styles(wanda, channel, text):
    """The line as WeeChat's logger writes it with colours: as a terminal would get it."""
    line = wanda.wait_shown(channel, text)
    return line.split("\t", 2)[2]


def test_what_is_formatted_in_matrix_is_formatted_in_weechat(world, wanda):
    channel, room = world.mapped(world.alice)
    wanda.command("/set logger.file.color_lines on")
    wanda.join(channel)
    for sent, styles in (
        (html("**bold1**", "<strong>bold1</strong>"), ["\x1b[1m"]),
        (html("*italic1*", "<em>italic1</em>"), ["\x1b[3m"]),
        (html("red1", '<font data-mx-color="#ff0000">red1</font>'), ["\x1b[38;5;196m", "\x1b[91m", "\x1b[31m", "38;5;"]),
    ):
        world.alice.send(room, "m.room.message", sent)
        line = shown_with_styles(wanda, channel, sent["body"].strip("*"))
        assert any(style in line for style in styles), repr(line)
        assert "*" not in line and "<" not in line


def test_what_is_formatted_in_weechat_is_formatted_in_matrix(world, wanda):
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    wanda.say(channel, "\x02bold2\x02 \x1ditalic2\x1d \x0304red2\x03 plain")
    event = world.alice.wait_for_text(room, "bold2 italic2 red2 plain", sender=world.ghost(wanda.nick))
    formatted = event["content"]["formatted_body"]
    for part in ("<strong>bold2</strong>", "<em>italic2</em>", 'data-mx-color="#ff0000"'):
        assert part in formatted, formatted


def test_a_long_line_arrives_whole_in_both_directions(world, wanda):
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    words = " ".join(f"wört{number}" for number in range(130))  # some 1,100 bytes: no IRC line has room for it
    wanda.say(channel, words)
    world.alice.wait_for(room, lambda event: (event["content"].get("body") or "").endswith("wört129"), 20, "the last piece")
    assert " ".join(body.strip() for body in spoken(world.alice, room, world.ghost(wanda.nick))) == words
    back = " ".join(f"zurück{number}" for number in range(100))
    world.alice.send_text(room, back)
    wanda.wait_shown(channel, "zurück99")
    nick = world.nick_of(world.alice)
    lines = [line.split("\t", 2) for line in wanda.shown(f"home.{channel}").splitlines()]
    assert " ".join(text.strip() for _, who, text in lines if who.lstrip("@+") == nick and "zurück" in text) == back


def test_a_nick_change_in_weechat_changes_the_ghost(world, wanda):
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    wanda.say(channel, "before the change")
    world.alice.wait_for_text(room, "before the change", sender=world.ghost(wanda.nick))
    before, after = wanda.nick, world.nick("wilma")
    wanda.command(f"/nick {after}")
    wanda.wait_shown(channel, f"You are now known as {after}")
    wanda.say(channel, "after the change")
    world.alice.wait_for_text(room, "after the change", sender=world.ghost(after))
    eventually(lambda: world.ghost(before) not in world.alice.joined_members(room), 20, "the old ghost out of the room")


def test_a_topic_set_in_weechat_is_the_rooms(world, wanda):
    channel = "#" + world.nick("topics")
    wanda.join(channel)
    wanda.say(channel, "/mode -t")
    world.command(world.alice, world.direct(world.alice), f"!join {channel}", channel)
    room = world.alice.join(world.alias(channel))
    wanda.wait_shown(channel, f"{world.bot_nick} (")
    wanda.say(channel, "/topic grüße aus dem IRC 🙂")
    eventually(lambda: topic_of(world, room) == "grüße aus dem IRC 🙂", 20, "the topic in the room", lambda: topic_of(world, room))


def topic_of(world, room):
    try:
        return world.alice.state(room, "m.room.topic")["topic"]
    except MatrixError:
        return None


def test_ctcp_version_is_answered_by_the_bridge(world, wanda):
    puppet = world.nick_of(world.alice)
    channel, room = world.mapped(world.alice)
    wanda.join(channel)
    world.alice.send_text(room, "so that my puppet is here too")
    wanda.wait_shown(channel, "so that my puppet is here too")
    wanda.command(f"/ctcp {puppet} VERSION")
    eventually(lambda: "VERSION trestle " in wanda.shown("server.home"), 20, "the answer", lambda: wanda.shown("server.home"))
