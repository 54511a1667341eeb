# SPDX-License-Identifier: Apache-2.0
"""Connections to IRC: capabilities, logins in every way, what a server says of itself, TLS, addresses, silence."""

import contextlib
import re
import sqlite3
import subprocess

import pytest

from support.atheme import Atheme
from support.inspircd import InspIRCd
from support.irc_client import IrcClient
from support.waiting import eventually, stays
from support.world import parameters_of, with_sasl

PASSWORD = "correct horse"


def account_of(world, nick):
    client = world.ircd.client(nick)
    return client and client.get("account")


# Capabilities


@pytest.mark.parametrize(
    "options",
    [
        {"cap_line_bytes": 20},
        {"caps": "echo-message,labeled-response,batch,message-tags,server-time"},
        {"caps": "unknown/cap=value,message-tags"},
        {"profile": "plain"},
        {"profile": "rfc"},
    ],
    ids=["a list of many lines", "some", "unknown ones", "an empty list", "no CAP at all"],
)
def test_whatever_a_server_can_messages_go_both_ways(make_stub_world, options):
    world = make_stub_world(ircd=options)
    world.say("to IRC")
    assert world.wait_in_irc(1) == ["to IRC"]
    world.ircd.say("ann", "#a", "to Matrix")
    assert world.wait_in_matrix(1) == ["to Matrix"]


def test_capabilities_are_asked_for_in_one_line(stub_world):
    stub_world.say("hello")
    stub_world.wait_in_irc(1)
    requests = [line for line in stub_world.ircd.taken() if line.startswith("CAP REQ")]
    assert len(requests) == len(stub_world.ircd.ledger("REGISTER")) == 2, requests


def test_what_a_server_takes_back_is_not_relied_on_and_what_comes_is_used(stub_world):
    """Without echoes messages are confirmed by PONGs; with them again by themselves."""
    world = stub_world
    world.say("one")
    world.wait_in_irc(1)
    world.ircd.control("caps", **{"del": "echo-message labeled-response batch"})
    for number in ("two", "three"):
        world.say(number)
    assert world.wait_in_irc(3) == ["one", "two", "three"]
    eventually(lambda: any(line.startswith("PING tr") for line in world.ircd.taken("M-alice")), 20, "the question instead")
    world.ircd.control("caps", new="echo-message labeled-response batch")
    eventually(
        lambda: any("echo-message" in line for line in world.ircd.taken("M-alice")[5:] if line.startswith("CAP REQ")), 20,
        "the new request", lambda: str(world.ircd.taken("M-alice")),
    )
    world.say("four")
    world.say("five")
    assert world.wait_in_irc(5) == ["one", "two", "three", "four", "five"]
    assert world.bridge.metrics()
    world.bridge.stop()


# Logins


def test_a_stored_password_logs_in_with_sasl(make_stub_world):
    world = make_stub_world(ircd={"account": [f"ali:{PASSWORD}"]}, change=with_sasl)
    room = world.chat("alice")
    world.ask("alice", room, "!username ali")
    world.ask("alice", room, f"!storepass {PASSWORD}")
    world.say("as myself")
    world.wait_in_irc(1)
    assert account_of(world, "M-alice") == "ali"
    assert account_of(world, "MatrixBot") is None
    assert PASSWORD not in world.bridge.log.read_text()
    with contextlib.closing(sqlite3.connect(world.bridge.directory / "trestle.db")) as store:
        rows = store.execute("SELECT username, password FROM irc_account").fetchall()
    assert rows[0][0] == "ali" and rows[0][1].startswith("tr1:") and PASSWORD not in rows[0][1]
    world.kill_and_start()
    world.say("after a restart")
    world.wait_in_irc(2)
    assert account_of(world, "M-alice") == "ali"


def test_without_sasl_the_stored_password_is_the_servers(make_stub_world):
    world = make_stub_world(ircd={"password": PASSWORD}, change=lambda _, entry: entry["parameters"].update(password=PASSWORD))
    room = world.chat("alice")
    world.ask("alice", room, "!storepass my own words")
    world.say("x")
    world.told(room, "does not accept the password")
    world.ask("alice", room, f"!storepass {PASSWORD}")
    world.ask("alice", room, "!reconnect")
    world.say("now it is right")
    eventually(lambda: "now it is right" in world.in_irc(), 20, "the message")


def test_16_a_wrong_password_is_tried_three_times_then_its_user_is_told_what_to_do(make_stub_world):
    world = make_stub_world(ircd={"account": [f"ali:{PASSWORD}"]}, change=with_sasl, users=("alice", "bob"))
    room = world.chat("alice")
    world.ask("alice", room, "!username ali")
    world.ask("alice", room, "!storepass wrong")
    before = len(world.ircd.ledger("CONNECT"))
    world.say("lost?")
    told = world.told(room, "cannot be connected")
    assert "SASL authentication failed" in told and "!storepass" in told and "!reconnect" in told
    connects = len(world.ircd.ledger("CONNECT")) - before
    assert connects == 3
    world.say("nobody waits for alice", user="bob")
    world.wait_in_irc(1)
    after = len(world.ircd.ledger("CONNECT"))
    stays(lambda: len(world.ircd.ledger("CONNECT")) == after, 2, "the calm")
    world.ask("alice", room, f"!storepass {PASSWORD}")
    world.ask("alice", room, "!reconnect")
    world.say("here I am")
    eventually(lambda: "here I am" in world.in_irc(), 20, "the message")
    assert account_of(world, "M-alice") == "ali"


def test_while_services_are_away_people_are_guests_and_no_impostor_gets_the_password(make_stub_world):
    """The server offers no SASL, and somebody has taken NickServ's name."""
    world = make_stub_world(ircd={"caps": "message-tags,server-time,batch,echo-message"}, change=with_sasl)
    room = world.chat("alice")
    world.ask("alice", room, f"!storepass {PASSWORD}")
    world.ircd.control("fake", nick="NickServ")
    world.say("as a guest")
    assert world.wait_in_irc(1) == ["as a guest"]
    assert "not logged in" in world.told(room, "no operator|no NickServ")
    assert not [line for line in world.ircd.taken() if PASSWORD in line]


def test_nickserv_is_told_the_password_where_there_is_no_sasl(make_stub_world, workdir):
    """Real services behind a server without SASL."""
    ircd = InspIRCd(workdir / "inspircd", services=True, sasl=False)
    ircd.start()
    services = Atheme(workdir / "atheme", ircd)
    try:
        services.start()
        services.register("alisvc", "sesame-open")
        world = make_stub_world(ircd=ircd, change=with_sasl, channels=(), ready=False)
        world.rooms["#a"] = world.room()
        parameters_of(world.bridge.config)["mappings"]["#a"] = {"roomIds": [world.rooms["#a"]]}
        world.bridge.write_config()
        world.bridge.start()
        room = world.chat("alice")
        world.ask("alice", room, "!username alisvc")
        world.ask("alice", room, "!storepass sesame-open")
        with IrcClient(ircd.host, ircd.port, "witness") as witness:
            witness.join("#a")
            world.say("logged in by NickServ")
            witness.wait_for_text("logged in by NickServ")
            witness.send("WHOIS M-alice")
            account = witness.wait_for(lambda line: line.command in ("330", "318"), what="the account")
            assert account.command == "330" and "alisvc" in account.params
            world.ask("alice", room, "!storepass something-else")
            world.ask("alice", room, "!reconnect")
            assert "!storepass" in world.told(room, "(?i)invalid password")
            world.say("as a guest")
            witness.wait_for_text("as a guest")
    finally:
        services.close()
        ircd.close()


def test_72_certificates_log_the_bot_and_a_user_in(make_stub_world, workdir, certificate):
    """SASL EXTERNAL with InspIRCd and Atheme over TLS: the bot's own file, the user's made by the bridge."""
    cert, key = certificate("irc.example.test", 30)
    bot_cert, bot_key = certificate("bot", 30)
    with open(workdir / "bot.pem", "w", encoding="ascii") as pem:
        pem.write(open(bot_cert, encoding="ascii").read() + open(bot_key, encoding="ascii").read())
    ircd = InspIRCd(workdir / "inspircd", services=True, tls=(cert, key))
    ircd.start()
    services = Atheme(workdir / "atheme", ircd)
    try:
        services.start()
        services.register("certbot", "bot-sesame")
        services.register("certali", "ali-sesame")

        def change(_, entry):
            entry["parameters"].update(
                port=ircd.tls_port, ssl=True, sasl=True, tlsOptions={"ca": cert, "servername": "irc.example.test"}
            )
            entry["parameters"]["botConfig"].update(nick="CertBot", username="certbot", certificate=str(workdir / "bot.pem"))

        world = make_stub_world(ircd=ircd, change=change, channels=(), ready=False)
        add_certificate(ircd, "certbot", "bot-sesame", fingerprint(bot_cert))
        world.rooms["#a"] = world.room()
        parameters_of(world.bridge.config)["mappings"]["#a"] = {"roomIds": [world.rooms["#a"]]}
        world.bridge.write_config()
        assert "lets the bot in over TLS with SASL" in world.bridge.run("--doctor", status=None)
        world.bridge.start()
        room = world.chat("alice")
        world.ask("alice", room, "!username certali")
        made = world.ask("alice", room, "!certificate new")[0]
        add_certificate(ircd, "certali", "ali-sesame", re.search(r"SHA-256 (\w{64})", made)[1])
        assert re.search(r"SHA-256 (\w{64})", made)[1] in world.ask("alice", room, "!certificate")[0]
        with IrcClient(ircd.host, ircd.port, "witness") as witness:
            witness.join("#a")
            world.say("by certificate")
            witness.wait_for_text("by certificate")
            for nick, account in (("CertBot", "certbot"), ("M-alice", "certali")):
                witness.send(f"WHOIS {nick}")
                line = witness.wait_for(lambda line, nick=nick: line.command in ("330", "318") and nick in line.params)
                assert line.command == "330" and account in line.params
        # A certificate that nobody knows is a refused login, and its user is told.
        world.ask("alice", room, "!certificate new")
        world.ask("alice", room, "!reconnect")
        assert "fingerprint" in world.told(room, "cannot be connected")
    finally:
        services.close()
        ircd.close()


def fingerprint(cert):
    text = subprocess.run(
        ["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"], check=True, capture_output=True, text=True
    ).stdout
    return text.split("=")[1].strip().replace(":", "").lower()


def add_certificate(ircd, account, password, sha256):
    with IrcClient(ircd.host, ircd.port, account) as client:
        client.send(f"PRIVMSG NickServ :IDENTIFY {account} {password}")
        client.wait_for(lambda line: "now identified" in line or "logged in" in line, what="NickServ's welcome")
        client.send(f"PRIVMSG NickServ :CERT ADD {sha256}")
        client.wait_for(lambda line: "Added fingerprint" in line, what="the fingerprint's confirmation")


# TLS, addresses, silence


def test_73_an_expired_certificate_is_taken_only_where_told(make_stub_world, make_scripted_ircd, certificate):
    cert, key = certificate("localhost", -1)

    def world(**parameters):
        ircd = make_scripted_ircd(tls_cert=cert, tls_key=key)

        def change(_, entry):
            entry["address"] = "localhost"
            entry["parameters"].update(port=ircd.tls_port, ssl=True, tlsOptions={"ca": cert}, **parameters)

        return make_stub_world(ircd=ircd, change=change, ready=False)

    strict, lax = world(), world(allowExpiredCerts=True)
    strict.bridge.launch()
    eventually(lambda: "has expired" in strict.bridge.process.output(), 20, "word of the date", strict.bridge.process.output)
    assert not strict.ircd.ledger("TAKEN")
    lax.start()
    assert any("sni=localhost" in record.fields for record in lax.ircd.ledger("TLS"))


def test_73_the_certificates_name_may_be_another_than_the_address(make_stub_world, make_scripted_ircd, certificate):
    cert, key = certificate("irc.example.test", 30)
    ircd = make_scripted_ircd(tls_cert=cert, tls_key=key)

    def change(_, entry):
        entry["parameters"].update(
            port=ircd.tls_port, ssl=True, tlsOptions={"ca": open(cert, encoding="ascii").read(), "servername": "irc.example.test"}
        )

    world = make_stub_world(ircd=ircd, change=change)
    assert any("sni=irc.example.test" in record.fields for record in ircd.ledger("TLS"))
    assert "over TLS" in world.bridge.run("--doctor", status=None)
    world.say("hello")
    world.wait_in_irc(1)


@pytest.mark.parametrize(
    "name, days, mode, word, mend",
    [
        ("other.test", 30, "ok", "not for", "servername"),
        ("localhost", -1, "ok", "expired", "allowExpiredCerts"),
        ("localhost", 30, "plain", "not TLS", "ssl to false"),
        ("localhost", 30, "close", "during the TLS handshake", "correct"),
    ],
)
def test_73_the_doctor_says_what_is_wrong_with_tls(make_stub_world, make_scripted_ircd, certificate, name, days, mode, word, mend):
    cert, key = certificate(name, days)
    ircd = make_scripted_ircd(tls_cert=cert, tls_key=key, tls_mode=mode)

    def change(_, entry):
        entry["address"] = "localhost"
        entry["parameters"].update(port=ircd.tls_port, ssl=True, tlsOptions={"ca": cert})

    found = make_stub_world(ircd=ircd, change=change, ready=False).bridge.run("--doctor", status=None)
    assert re.search(rf"cannot log in to localhost[^\n]*{word}[^\n]*\n *mend: [^\n]*{mend}", found), found


@pytest.mark.parametrize(
    "ircd, bot, word, mend",
    [
        ({"account": ["matrixbot:right"]}, {"password": "wrong"}, "SASL authentication failed", "botConfig.password"),
        ({"caps": "message-tags"}, {"password": "any"}, "offers no SASL", "sasl"),
        ({"caps": "sasl=ECDSA-NIST256P-CHALLENGE"}, {"password": "any"}, "no mechanism", "sasl"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_login(make_stub_world, ircd, bot, word, mend):
    def change(_, entry):
        entry["parameters"]["sasl"] = True
        entry["parameters"]["botConfig"].update(bot)

    found = make_stub_world(ircd=ircd, change=change, ready=False).bridge.run("--doctor", status=None)
    assert re.search(rf"cannot log in[^\n]*{word}[^\n]*\n *mend: [^\n]*{mend}", found), found
    assert f" {bot['password']} " not in found


def test_an_address_that_does_not_answer_is_followed_by_the_next(make_stub_world):
    def change(_, entry):
        entry["address"] = "irc.example.test"
        entry["parameters"].update(additionalAddresses=["127.0.0.2", "127.0.0.1"], onlyAdditionalAddresses=True)

    world = make_stub_world(change=change, users=("alice", "bob", "carol"))
    for user in world.users:
        world.say(f"of {user}", user=user)
    assert sorted(world.wait_in_irc(3)) == ["of alice", "of bob", "of carol"]


def test_a_server_that_falls_silent_is_left_and_what_was_said_comes_once(make_stub_world):
    """Half open: the socket stays, but nothing is read, written or confirmed."""

    def change(_, entry):
        entry["parameters"]["ircClients"].update(pingRateMs=1000, pingTimeoutMs=2000)

    world = make_stub_world(change=change)
    world.say("before")
    world.wait_in_irc(1)
    world.ircd.control("silent", nick="M-alice", on=True)
    world.say("into the void")
    eventually(lambda: "has been silent" in world.bridge.process.output(), 20, "the timeout")
    assert eventually(lambda: world.in_irc()[1:], 20, "the message") == ["into the void"]
    assert len(world.in_irc()) == 2


def test_ngircd_and_its_way_of_saying_no(make_stub_world, ngircd):
    """Another family: no SASL there; people are guests and told so, and the password stays with us."""
    world = make_stub_world(ircd=ngircd, change=with_sasl, channels=(), ready=False)
    world.rooms["#conn"] = world.room()
    parameters_of(world.bridge.config)["mappings"]["#conn"] = {"roomIds": [world.rooms["#conn"]]}
    parameters_of(world.bridge.config)["botConfig"]["nick"] = "ConnBot"
    world.bridge.write_config()
    world.bridge.start()
    room = world.chat("alice")
    world.ask("alice", room, f"!storepass {PASSWORD}")
    with IrcClient(ngircd.host, ngircd.port, "connwit") as witness:
        witness.join("#conn")
        world.say("as a guest", channel="#conn")
        witness.wait_for_text("as a guest")
    assert "no NickServ" in world.told(room, "not logged in")


# Hostile servers


def numerics():
    """Every numeric in every shape: 0 to 15 parameters, empty ones, 8,191 bytes, no UTF-8."""
    for number in range(1000):
        yield f":irc.scripted.test {number:03}\r\n"
        for count in range(1, 16):
            words = " ".join(["M-alice", "#a", "x", "3", "@ann", "5", "y", "z"][: count - 1] + ["w"] * max(0, count - 9))
            yield f":irc.scripted.test {number:03} {words} :\r\n"
        yield f":irc.scripted.test {number:03} M-alice #a :" + "x" * 8191 + "\r\n"
        yield f":irc.scripted.test {number:03} " + "y" * 8191 + " #a\r\n"
        yield f":irc.scripted.test {number:03} * \udcff\udcfe #a \udc80 :\udcc3(\r\n"


# These end a connection by what they say, and rightly.
ENDINGS = (463, 465, 466)


def test_s24_every_numeric_in_every_shape_leaves_the_bridge_well(make_stub_world):
    world = make_stub_world()
    world.say("before")
    world.wait_in_irc(1)
    everything = "".join(line for line in numerics() if int(line.split()[1]) not in ENDINGS)
    data = everything.encode("utf-8", "surrogateescape")
    before = resident_kb(world)
    for start in range(0, len(data), 1 << 20):
        world.ircd.raw(data[start : start + (1 << 20)], nick="M-alice")
    world.ircd.raw(data[: 1 << 20], nick="MatrixBot")
    world.ircd.raw(b"\r\nPING :over\r\n", nick="M-alice")
    eventually(lambda: any("PONG over" in line for line in world.ircd.taken("M-alice")), 60, "the last answer",
               lambda: world.bridge.process.output()[-2000:])
    world.say("after")
    assert eventually(lambda: "after" in world.in_irc(), 30, "the message")
    world.ircd.say("ann", "#a", "and back")
    eventually(lambda: "and back" in world.in_matrix(), 30, "the line")
    assert resident_kb(world) - before < 64 * 1024
    world.bridge.stop()


def resident_kb(world):
    with open(f"/proc/{world.bridge.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


# Pacing


def test_text_that_waits_for_the_pace_is_told_once_and_arrives_in_order(make_stub_world):
    def change(_, entry):
        entry["parameters"]["ircClients"].update(lineLimit=1000, floodPacing={"enabled": True, "burst": 2, "perSecond": 5})

    world = make_stub_world(change=change)
    room = world.chat("alice")
    world.say("\n".join(f"line {number}" for number in range(60)))
    world.told(room, "messages go to Test IRC slowly.*None is lost")
    assert world.wait_in_irc(60, timeout=40) == [f"line {number}" for number in range(60)]
    said = [record.time_ns for record in world.ircd.ledger("SAID") if record.nick == "M-alice"]
    assert said[-1] - said[0] > 57 / 5 * 0.9e9, "paced"
    assert len([text for text in world.replies(room) if "slowly" in text]) == 1


def paced(_, entry):
    entry["parameters"]["ircClients"]["floodPacing"] = {"enabled": True, "burst": 5, "perSecond": 20}


def joins(world):
    return [line.split(" ")[1].split(",") for line in world.ircd.taken("MatrixBot") if line.startswith("JOIN ")]


@pytest.mark.parametrize(("isupport", "most"), [([], 20), (["TARGMAX=PRIVMSG:4,JOIN:3"], 3)], ids=["", "TARGMAX"])
def test_a_bot_with_many_channels_does_not_flood_its_server(make_stub_world, isupport, most):
    channels = [f"#c{number}" for number in range(60)]
    flood = {"delay_ms": 20, "flood_lines": 20}  # 50 lines a second, and Excess Flood when more than 20 wait
    world = make_stub_world(change=paced, channels=channels, ircd={**flood, "isupport": isupport})
    assert len(world.ircd.ledger("CONNECT")) == 1, "it was ended"
    assert sorted(name for line in joins(world) for name in line) == sorted(channels)
    assert max(map(len, joins(world))) == most
    world.say("hello", channel="#c59")
    assert world.wait_in_irc(1, "#c59") == ["hello"]


def wait_for_bot_in_all(world, channels):
    eventually(lambda: all("MatrixBot" in world.ircd.members(channel) for channel in channels), 30, "the bot in all")


def come_back_to_all(world, channels):
    """The bot opens the channels one by one as it is asked to, loses its server and comes back to all at a time. Of such a
    channel it asks for the modes."""
    room = world.chat("alice")
    for channel in channels:
        assert "is this room" in world.ask("alice", room, f"!join {channel}")[0]
    world.ircd.kill()
    world.ircd.start()
    wait_for_bot_in_all(world, channels)
    asked = lambda: {line.split(" ")[1] for line in world.ircd.taken("MatrixBot") if line.startswith("MODE #")}
    eventually(lambda: asked() >= set(channels), 20, "its questions for the modes", lambda: str(asked()))


def ended_for_flood(world):
    return [record for record in world.ircd.ledger("QUIT") if "Flood" in str(record)]


def test_questions_about_many_channels_do_not_flood_the_server(make_stub_world):
    world = make_stub_world(change=paced, ircd={"delay_ms": 20, "flood_lines": 20})
    come_back_to_all(world, [f"#o{number}" for number in range(40)])
    assert not ended_for_flood(world)


def as_it_comes(*_):
    """Without pacing: what the server can take is known only from its answers."""


@pytest.mark.parametrize("opened", [False, True], ids=["joins", "questions"])
def test_a_slow_server_is_not_sent_more_than_it_has_worked_off(make_stub_world, opened):
    channels = [f"#c{number}" for number in range(40)]
    ircd = {"delay_ms": 20, "flood_lines": 20, "isupport": ["TARGMAX=PRIVMSG:4,JOIN:1"]}
    world = make_stub_world(change=as_it_comes, channels=() if opened else channels, ircd=ircd)
    if opened:
        come_back_to_all(world, channels)
    else:
        wait_for_bot_in_all(world, channels)
    assert not ended_for_flood(world)


def test_who_stands_by_in_many_channels_asks_once_for_all(make_stub_world):
    channels = [f"#c{number}" for number in range(30)]
    world = make_stub_world(channels=channels, ircd={"delay_ms": 5, "profile": "echo"})
    for channel in channels:
        world.say("hello", channel=channel)
    world.wait_in_irc(1, channels[-1])
    world.ircd.kill()
    world.ircd.start()
    before = len(world.ircd.taken())
    everybody = {"MatrixBot", "M-alice"}
    eventually(lambda: all(everybody <= set(world.ircd.members(channel)) for channel in channels), 30, "all in all")
    world.say("again", channel=channels[-1])
    world.wait_in_irc(2, channels[-1])
    asked = [line for line in world.ircd.taken()[before:] if line.startswith("PING") and "sb" in line]
    assert 0 < len(asked) < len(channels) / 2, asked


def test_a_channel_of_a_list_that_the_server_left_out_is_joined_alone(make_stub_world):
    world = make_stub_world(channels=["#a", "#b", "#c"], ircd={"join_list": 2}, ready=False)
    world.bridge.start()
    world.wait_for_bot("#c", timeout=60)
    assert joins(world) == [["#a", "#b", "#c"], ["#c"]]


# Certificates by command


def test_certificate_explains_itself_where_it_cannot_help(stub_world):
    room = stub_world.chat("alice")
    assert "no certificate" in stub_world.ask("alice", room, "!certificate")[0]
    assert "without TLS" in stub_world.ask("alice", room, "!certificate new")[0]
    assert "removed" in stub_world.ask("alice", room, "!certificate remove")[0]
    assert "certificate" in stub_world.ask("alice", room, "!certificate old")[0]
