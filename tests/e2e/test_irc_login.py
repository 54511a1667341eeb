# SPDX-License-Identifier: Apache-2.0
"""Logging in to IRC over time: with real services through kills and restarts, and when services go and come back."""

import contextlib
import re

import pytest

from support.atheme import Atheme
from support.inspircd import InspIRCd
from support.irc_client import IrcClient
from support.waiting import eventually, stays
from support.world import parameters_of, with_sasl


# With InspIRCd and Atheme


@pytest.fixture
def make_real_world(make_stub_world, inspircd, atheme):
    """make_real_world(channel) -> a running StubWorld on InspIRCd with Atheme, `sasl: true`, its bot named after the channel."""
    assert atheme

    def make(channel):
        world = make_stub_world(ircd=inspircd, change=with_sasl, channels=(), ready=False)
        world.rooms[channel] = world.room()
        parameters = parameters_of(world.bridge.config)
        parameters["mappings"][channel] = {"roomIds": [world.rooms[channel]]}
        parameters["botConfig"]["nick"] = channel[1:].capitalize() + "Bot"
        parameters["ircClients"]["nickTemplate"] = channel[1:] + "-$LOCALPART"
        world.bridge.write_config()
        world.bridge.start()
        return world

    return make


class Witness(IrcClient):
    """Sees with which account somebody speaks (account-tag), and asks WHOIS of whoever joins."""

    def __init__(self, ircd, channel, bot):
        super().__init__(ircd.host, ircd.port, "w" + channel[1:], caps=("message-tags", "account-tag"))
        self.channel = channel
        self.join(channel)
        self.wait_for(lambda line: bot in line and line.command in ("353", "JOIN"), 30, "the bot")

    def hears(self, nick, text, account):
        """`nick` joins, WHOIS says 330 with the account (None: does not), and then it says this with the same account."""
        self.wait_for(lambda line: line.command == "JOIN" and line.source.startswith(nick + "!"), what=f"{nick}'s JOIN")
        self.send(f"WHOIS {nick}")
        line = self.wait_for(lambda line: line.command in ("330", "318") and line.params[1] == nick, what="WHOIS")
        assert (line.command == "330" and line.params[2]) == (account or False), line
        said = self.wait_for_text(text)
        assert said.source.startswith(nick + "!")
        assert re.search(r"account=([^;]+)", said.tags or "") is None if account is None else f"account={account}" in said.tags
        self.lines.clear()


def test_a_login_outlives_kills_until_its_password_is_removed(make_real_world, inspircd, atheme):
    """!username and !storepass, a password with spaces, SASL PLAIN; kill -9 and again; after !removepass a guest."""
    atheme.register("lifeacc", "three  words here")
    world = make_real_world("#life")
    room = world.chat("alice")
    world.ask("alice", room, "!username lifeacc")
    world.ask("alice", room, "!storepass three  words here")
    with contextlib.closing(Witness(inspircd, "#life", "LifeBot")) as witness:
        world.say("logged in", channel="#life")
        witness.hears("life-alice", "logged in", "lifeacc")
        for run in ("one", "two"):
            world.kill_and_start()
            world.say(f"after kill {run}", channel="#life")
            witness.hears("life-alice", f"after kill {run}", "lifeacc")
        world.ask("alice", room, "!removepass")
        world.ask("alice", room, "!reconnect")
        witness.wait_for(lambda line: line.command == "QUIT" and line.source.startswith("life-alice!"), what="the QUIT")
        world.say("as a guest", channel="#life")
        witness.hears("life-alice", "as a guest", None)
        world.kill_and_start()
        world.say("still a guest", channel="#life")
        witness.hears("life-alice", "still a guest", None)
    assert not re.search("three +words", world.bridge.log.read_text())


# Services that were away


def authentications(world):
    return [line for line in world.ircd.taken() if line.startswith("AUTHENTICATE")]


def requests_of_sasl(world):
    return sum(bool(re.match("CAP REQ.*sasl", line)) for line in world.ircd.taken("M-alice"))


CAPS = "message-tags,server-time,batch,echo-message,cap-notify"


def services_come(world):
    world.ircd.control("caps", list=CAPS + ",sasl=PLAIN", new="sasl=PLAIN")


def services_go(world):
    world.ircd.control("caps", list=CAPS, **{"del": "sasl"})


def guest_world(make_stub_world, password, **options):
    """Alice, with a stored password, is a guest where SASL is not offered."""
    world = make_stub_world(ircd={"caps": CAPS, "account": ["ali:sesame"]}, change=with_sasl, **options)
    room = world.chat("alice")
    world.ask("alice", room, "!username ali")
    world.ask("alice", room, f"!storepass {password}")
    world.say("as a guest")
    world.wait_in_irc(1)
    world.told(room, "not logged in")
    return world, room


def test_a_guest_is_logged_in_when_sasl_comes_back(make_stub_world):
    """On the same connection; who has no password is not asked for one, and what is said meanwhile arrives."""
    world, room = guest_world(make_stub_world, "sesame", users=("alice", "bob"))
    world.say("no account", user="bob")
    world.wait_in_irc(2)
    connects = len(world.ircd.ledger("CONNECT"))
    services_come(world)
    world.say("meanwhile")
    world.told(room, "logged in to Test IRC now")
    assert world.ircd.client("M-alice")["account"] == "ali"
    world.say("as myself")
    assert world.wait_in_irc(4)[2:] == ["meanwhile", "as myself"]
    assert len(authentications(world)) == 2 and len(world.ircd.ledger("CONNECT")) == connects
    # They go and come: she is logged in already.
    services_go(world)
    services_come(world)
    world.say("still myself")
    world.wait_in_irc(5)
    assert len(authentications(world)) == 2
    assert "sesame" not in world.bridge.log.read_text()


def test_a_wrong_password_is_not_said_again_and_again_when_sasl_comes_back(make_stub_world):
    world, room = guest_world(make_stub_world, "wrong")
    services_come(world)
    told = world.told(room, "connected to Test IRC, but not logged in:.*does not accept", timeout=40)
    assert "!storepass" in told and "!reconnect" in told
    assert authentications(world).count("AUTHENTICATE PLAIN") == 3
    for _ in range(3):
        services_go(world)
        services_come(world)
    stays(lambda: authentications(world).count("AUTHENTICATE PLAIN") == 3, 2, "the calm")
    world.say("a guest all the same")
    world.wait_in_irc(2)
    world.ask("alice", room, "!storepass sesame")
    world.ask("alice", room, "!reconnect")
    world.say("here I am")
    world.wait_in_irc(3)
    assert world.ircd.client("M-alice")["account"] == "ali"


def test_a_server_that_names_sasl_and_refuses_it_keeps_its_guest(make_stub_world):
    world, _ = guest_world(make_stub_world, "sesame")
    for number in range(2, 5):
        world.ircd.control("caps", new="sasl=PLAIN")
        eventually(lambda number=number: requests_of_sasl(world) == number - 1, 20, "the request")
        world.say(f"guest {number}")
        assert world.wait_in_irc(number)[-1] == f"guest {number}"
    assert not authentications(world)


@pytest.mark.parametrize("sasl", [True, False], ids=["by SASL", "by NickServ"])
def test_services_that_come_late_log_guests_in(make_stub_world, workdir, sasl):
    """InspIRCd without services, and then Atheme links: 330 in WHOIS on the same connection."""
    ircd = InspIRCd(workdir / "inspircd", services=True, sasl=sasl)
    services = Atheme(workdir / "atheme", ircd)
    with contextlib.ExitStack() as stack:
        stack.callback(ircd.close)
        stack.callback(services.close)
        ircd.start()
        services.start()
        services.register("lateacc", "late sesame")
        services.process.stop()
        world = make_stub_world(ircd=ircd, change=with_sasl, channels=(), ready=False)
        world.rooms["#a"] = world.room()
        parameters_of(world.bridge.config)["mappings"]["#a"] = {"roomIds": [world.rooms["#a"]]}
        world.bridge.write_config()
        world.bridge.start()
        room = world.chat("alice")
        world.ask("alice", room, "!username lateacc")
        world.ask("alice", room, "!storepass late sesame")
        with Witness(ircd, "#a", "MatrixBot") as witness:
            world.say("as a guest")
            witness.hears("M-alice", "as a guest", None)
            world.told(room, "not logged in")
            services.start()
            world.told(room, "logged in to Test IRC now", timeout=60)
            world.say("as myself")
            assert "account=lateacc" in witness.wait_for_text("as myself").tags
            assert not [line for line in witness.lines if line.command in ("JOIN", "QUIT") and line.source.startswith("M-alice!")]


# What others see of us


def test_lines_fit_to_the_byte_whatever_the_server_puts_before_them(make_stub_world):
    """A text without spaces is cut where the server's line ends: by our JOIN, after 396 and after CHGHOST."""
    world = make_stub_world(ircd={"profile": "plain", "reject_long": True, "user_host": "~%u@a-long-name.client.scripted.test"})
    world.say("hello")
    world.wait_in_irc(1)

    def cut_with(mask, letter):
        before = len(world.in_irc())
        world.say(letter * 1000)
        said = world.wait_in_irc(before + 3)[before:]
        line = len(f":M-alice!{mask} PRIVMSG #a :\r\n")
        assert [len(text) + line for text in said[:2]] == [512, 512] and sum(map(len, said)) == 1000, [len(text) for text in said]

    username = re.search(r"M-alice!(\S+?)@", str(world.ircd.ledger("REGISTER")))[1]
    cut_with(f"{username}@a-long-name.client.scripted.test", "a")
    world.ircd.control("raw", nick="M-alice", line=":irc.scripted.test 396 M-alice user/short :is now your displayed host")
    cut_with(f"{username}@user/short", "b")
    long = "cloak." + "x" * 50 + ".example"
    world.ircd.control("raw", nick="M-alice", line=f":M-alice!{username}@user/short CHGHOST ali {long}")
    cut_with(f"ali@{long}", "c")
