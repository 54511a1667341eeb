# SPDX-License-Identifier: Apache-2.0
"""A person at WeeChat and a person on Matrix, through a real ircd and a real homeserver: what each of them reads."""

import pytest


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
