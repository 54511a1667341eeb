# SPDX-License-Identifier: Apache-2.0
"""The real servers that the other tests build on start, talk, and come back after a restart."""

import pytest

from support.irc_client import IrcClient
from support.matrix_client import MatrixClient, MatrixError

TAGS = ["message-tags", "server-time", "echo-message", "batch", "labeled-response"]


@pytest.mark.parametrize("room_version", ["11", "12"])
def test_two_users_of_synapse_exchange_messages_in_a_room_of_either_version(make_synapse, room_version):
    synapse = make_synapse(default_room_version=room_version)
    alice = synapse.register("alice")
    bob = synapse.register("bob")
    room = alice.create_room(invite=[bob.user_id])
    assert alice.state(room, "m.room.create")["room_version"] == room_version
    bob.join(room)
    alice.send_text(room, "hello bob")
    bob.wait_for_text(room, "hello bob", sender=alice.user_id)
    bob.send_text(room, "grüß dich, alice")
    alice.wait_for_text(room, "grüß dich, alice", sender=bob.user_id)


def test_synapse_makes_version_12_rooms_unless_told_otherwise(synapse):
    alice = synapse.register("alice")
    assert alice.state(alice.create_room(), "m.room.create")["room_version"] == "12"


def test_synapse_keeps_its_rooms_over_a_restart_and_a_kill(synapse):
    alice = synapse.register("alice", "pass word")
    room = alice.create_room()
    alice.send_text(room, "before")
    synapse.restart()
    alice = synapse.login("alice", "pass word")
    alice.send_text(room, "between")
    synapse.kill()
    synapse.start()
    bodies = [event["content"].get("body") for event in alice.messages(room)]
    assert [body for body in bodies if body] == ["before", "between"]


def test_synapse_refuses_a_wrong_password(synapse):
    synapse.register("alice")
    with pytest.raises(MatrixError, match="M_FORBIDDEN"):
        synapse.login("alice", "wrong")


def test_synapse_loads_a_registration_file(make_synapse, workdir):
    registration = workdir / "registration.yml"
    registration.write_text(
        '{"id": "t", "url": null, "as_token": "as", "hs_token": "hs", "sender_localpart": "thebot",'
        ' "rate_limited": false, "namespaces": {"users": [{"exclusive": true, "regex": "@t_.*"}]}}'
    )
    synapse = make_synapse(registrations=[registration])
    bot = MatrixClient(synapse.url, "@thebot:localhost", "as")
    assert bot.request("GET", "/account/whoami")["user_id"] == "@thebot:localhost"


def test_inspircd_carries_tagged_messages_between_users(inspircd):
    with IrcClient(inspircd.host, inspircd.port, "ann", caps=TAGS) as ann:
        with IrcClient(inspircd.host, inspircd.port, "ben", caps=TAGS) as ben:
            ann.join("#servers")
            ben.join("#servers")
            ann.say("#servers", "hello ben")
            line = ben.wait_for_text("hello ben")
            assert "msgid=" in line.tags and "time=" in line.tags
            # The sender's echo carries the same id.
            assert ann.wait_for_text("hello ben").tags.startswith(line.tags)


def test_inspircd_logs_a_user_in_with_sasl_through_atheme(inspircd, atheme):
    atheme.register("carol", "s3cret")
    with IrcClient(
        inspircd.host, inspircd.port, "carol2", caps=["account-tag"], account="carol", password="s3cret"
    ) as client:
        assert any(line.command == "900" and "carol" in line.params for line in client.lines)


def test_inspircd_takes_a_thousand_lines_without_flood_control(inspircd):
    with IrcClient(inspircd.host, inspircd.port, "dan") as dan:
        with IrcClient(inspircd.host, inspircd.port, "eve") as eve:
            dan.join("#flood")
            eve.join("#flood")
            for number in range(1000):
                dan.say("#flood", f"line {number}")
            eve.wait_for_text("line 999")
            said = [line.params[1] for line in eve.lines if line.command == "PRIVMSG"]
            assert said == [f"line {number}" for number in range(1000)]


def test_ngircd_carries_messages_and_knows_no_sasl(ngircd):
    with IrcClient(ngircd.host, ngircd.port, "fay") as fay:
        with IrcClient(ngircd.host, ngircd.port, "gus") as gus:
            fay.join("#plain")
            gus.join("#plain")
            fay.say("#plain", "hello gus")
            assert gus.wait_for_text("hello gus").tags == ""
            gus.send("CAP LS 302")
            offered = gus.wait_for(lambda line: line.params[1:2] == ["LS"])
            assert "sasl" not in offered.params[-1]


def test_postgresql_answers_and_comes_back_after_a_kill(postgres):
    postgres.create_database("smoke")
    assert postgres.query("SELECT 1", "smoke") == ["1"]
    postgres.kill()
    postgres.start()
    assert postgres.query("SELECT 1 + 1", "smoke") == ["2"]
