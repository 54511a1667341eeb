# SPDX-License-Identifier: Apache-2.0
"""Real vulnerabilities of other bridges, each tried on this one. Every test names the advisory it comes from. Some are
tried where their subject is: S4 in tests/unit/irc/isupport_test.c, S10 in tests/unit/bridge/about_test.c and, as here, in
test_irc_5_text.py.
"""

import json
import os
import re
import signal
import subprocess

import pytest

from support.bridge import irc_config, program
from support.matrix_client import MatrixError, call_raw, quote
from support.waiting import eventually, stays
from support.world import parameters_of

BREAKERS = ["\r\n", "\n", "\r", "\0", "\x01", "\u2028", "\x85", "\r\n\r\n", "\0\r\n"]
REGISTERING = {"CAP", "PASS", "NICK", "USER", "AUTHENTICATE", "PONG", "PING", "JOIN", "MODE", "QUIT", "CHATHISTORY"}


def commands_of(ircd, nick):
    """The command words that the ircd took from this nick, with tags taken off."""
    lines = (re.sub(r"^@\S+ ", "", line) for line in ircd.taken(nick))
    return {line.split(" ")[0].upper() for line in lines}


def texts_of(ircd, nick):
    return [text for who, text in ircd.said() if who == nick]


def settle(world, text="the end", channel="#a"):
    """Waits until a last message has crossed, so that everything before it has too."""
    world.say(text, channel)
    eventually(lambda: text in world.in_irc(channel), 20, "the last message", lambda: world.bridge.process.output()[-3000:])


def content(body, **more):
    return {"msgtype": "m.text", "body": body, **more}


# S1: framing


@pytest.mark.parametrize("msgtype", ["m.text", "m.emote", "m.notice"])
def test_s1_cve_2010_3438_no_body_breaks_the_framing(make_stub_world, msgtype):
    world = make_stub_world()
    for number, breaker in enumerate(BREAKERS):
        body = f"before {number}{breaker}QUIT :injected{breaker}"
        world.say({"msgtype": msgtype, "body": body})
    settle(world)
    assert commands_of(world.ircd, "M-alice") <= REGISTERING - {"QUIT"} | {"PRIVMSG", "NOTICE"}
    for line in world.ircd.taken("M-alice"):
        assert not set(line.strip("\r\n")) & {"\r", "\n", "\0"}
        inner = line.split(" :", 1)[-1]
        assert "\x01" not in inner.removeprefix("\x01ACTION ").removesuffix("\x01")
    said = texts_of(world.ircd, "M-alice")
    assert sum("before" in text for text in said) == len(BREAKERS)


def test_s1_cve_2022_29166_no_reply_file_name_or_formatted_body_breaks_the_framing(stub_world):
    evil = "x\r\nQUIT :injected"
    stub_world.say(content(evil, format="org.matrix.custom.html", formatted_body=f"<b>{evil}</b>"))
    stub_world.say(content(f"> <@bob:hs.test> {evil}\n\nanswer {evil}", **{"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}))
    stub_world.say({"msgtype": "m.file", "body": evil, "filename": evil, "url": "mxc://hs.test/" + evil})
    stub_world.say({"msgtype": "m.image", "body": evil, "url": evil})
    settle(stub_world)
    assert commands_of(stub_world.ircd, "M-alice") <= REGISTERING - {"QUIT"} | {"PRIVMSG", "NOTICE"}


def test_s1_cve_2025_27146_no_kick_reason_topic_or_display_name_breaks_the_framing(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    evil = "x\r\nQUIT :injected\0\x01"
    for name in ("alice", "bob"):
        world.say(f"{name} is here", user=name)
    eventually(lambda: len(world.in_irc()) == 2, 20, "both puppets")
    world.ircd.say("fay", "#a", "ghost")
    world.wait_in_matrix(1)
    room = world.rooms["#a"]
    world.alice.set_state(room, "m.room.topic", {"topic": evil})
    world.alice.set_state(room, "m.room.name", {"name": evil})
    world.alice.set_state(room, "m.room.member", {"membership": "join", "displayname": evil}, world.alice.user_id)
    world.alice.kick(room, "@irc_fay:hs.test", evil)
    world.alice.kick(room, world.users["bob"].user_id, evil)
    eventually(lambda: any(re.search(r"\bPART #a", line) for line in world.ircd.taken("M-bob")), 20, "bob's PART")
    settle(world)
    allowed = REGISTERING - {"QUIT"} | {"PRIVMSG", "KICK", "PART", "TOPIC"}
    assert commands_of(world.ircd, "M-alice") <= allowed and commands_of(world.ircd, "M-bob") <= allowed
    assert not any(character in line for line in world.ircd.taken() for character in "\r\n\0\x01")


# S2: command and name parsing


def test_s2_cve_2023_38690_a_newline_in_a_command_is_no_second_command(stub_world):
    room = stub_world.chat("alice")
    for evil in ("!join #x\nQUIT", "!join #x\r\nQUIT :injected", "!join #x\0QUIT", "!join #x key\nJOIN #y", "!join\n#x"):
        stub_world.ask("alice", room, evil)
    settle(stub_world)
    taken = stub_world.ircd.taken("MatrixBot")
    assert "QUIT" not in commands_of(stub_world.ircd, "MatrixBot")
    assert not any("injected" in line or "#y" in line for line in taken)


@pytest.mark.parametrize("name", ["#a,#b", "#a b", "#a\x07b", "#a:b\r\nQUIT", "0", "a", "", "#" + "a" * 600])
def test_s2_cve_2024_52505_no_channel_name_by_alias_carries_a_command(stub_world, name):
    alias = quote(f"#irc_{name}:hs.test")
    url = "http://" + stub_world.bridge.config["appservice"]["listen"]
    with pytest.raises(MatrixError) as refusal:
        call_raw(url, "GET", f"/_matrix/app/v1/rooms/{alias}", None, token=stub_world.hs_token)
    assert refusal.value.status == 404
    joins = [line for line in stub_world.ircd.taken("MatrixBot") if "JOIN" in line]
    assert joins == ["JOIN #a"] and "QUIT" not in commands_of(stub_world.ircd, "MatrixBot")


@pytest.mark.parametrize("name", ["#a,#b", "#a b", "#a\x07b", "#a\r\nQUIT", "a", ""])
def test_s2_cve_2024_52505_no_channel_name_of_the_configuration_carries_a_command(workdir, name):
    config = irc_config("http://127.0.0.1:1", "hs.test", Nowhere(), mappings={name: ["!room:hs.test"]})
    (workdir / "bridge.yml").write_text(json.dumps(config))
    argv = [program(), "--config", workdir / "bridge.yml", "--check-config"]
    assert subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 78


class Nowhere:
    host = "127.0.0.1"
    port = 6667


# S3: which channel is which


@pytest.mark.parametrize("casemapping, same", [("rfc1459", True), ("ascii", False)])
def test_s3_cve_2022_39203_a_crafted_name_never_reaches_another_channels_room(make_stub_world, casemapping, same):
    world = make_stub_world(ircd={"isupport": [f"CASEMAPPING={casemapping}"]}, channels=("#a[",))
    room = world.chat("alice")
    answers = world.ask("alice", room, "!join #A{")
    joined = world.rooms["#a["] in answers[0]
    assert joined == same, answers
    world.ircd.say("fay", "#a[", "for the first only")
    eventually(lambda: world.in_matrix("#a["), 20, "the line")
    assert len([line for line in world.stub.ledger("send") if line["content"].get("body") == "for the first only"]) == 1


def test_s3_upper_and_lower_case_are_one_channel(stub_world):
    room = stub_world.chat("alice")
    assert stub_world.rooms["#a"] in stub_world.ask("alice", room, "!join #A")[0]


# S5: the database


def test_s5_ghsa_ffwf_47x2_jpr8_no_id_is_taken_for_sql(make_stub_world, database):
    world = make_stub_world(database=database)
    evil = "'; DROP TABLE from_matrix; --"
    for number, field in enumerate(("event_id", "room_id", "sender", "type", "state_key")):
        event = {
            "event_id": f"$evil{number}", "room_id": world.rooms["#a"], "sender": world.alice.user_id,
            "type": "m.room.message", "origin_server_ts": 1, "content": content(f"evil {evil}"),
        }
        event[field] = event.get(field, "") + evil
        answer = world.stub.push_raw(json.dumps({"events": [event]}).encode(), txn=evil + field)
        assert answer["status"] == 200, answer
    world.ircd.say("fay", "#a", evil)
    assert world.wait_in_matrix(1) == [evil]
    settle(world)
    world.bridge.stop()
    world.bridge.start()
    settle(world, "after the restart")


# S8: surfaces


def test_s8_debug_api_on_all_interfaces_it_listens_only_where_it_was_told(stub_world):
    pid = stub_world.bridge.process.pid
    sockets = {os.readlink(f"/proc/{pid}/fd/{name}")[8:-1] for name in os.listdir(f"/proc/{pid}/fd")
               if os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")}
    listening = set()
    for family in ("tcp", "tcp6", "udp", "udp6"):
        for line in open(f"/proc/{pid}/net/{family}", encoding="ascii").readlines()[1:]:
            field = line.split()
            if field[9] in sockets and (field[3] == "0A" or family.startswith("udp")):
                listening.add(field[1])
    told = [stub_world.bridge.config["appservice"]["listen"], stub_world.bridge.config["metrics"]["listen"]]
    assert listening == {f"0100007F:{int(address.split(':')[1]):04X}" for address in told}


# S9: quotes


def test_s9_cve_2023_38700_a_reply_shows_nothing_of_another_room(make_stub_world):
    world = make_stub_world(channels=("#a", "#b"))
    world.stub.inject(world.rooms["#b"], world.alice.user_id, content=content("the secret of b"))
    eventually(lambda: world.in_irc("#b"), 20, "the secret in its own channel")
    secret = [line["event"] for line in world.stub.ledger("inject")][-1]
    world.say(content("what was it?", **{"m.relates_to": {"m.in_reply_to": {"event_id": secret}}}))
    settle(world)
    assert not any("secret" in text for text in world.in_irc("#a"))


# S14: who is banned in Matrix


def test_s14_mautrix_telegram_990_who_is_banned_in_matrix_is_silent_on_irc(make_stub_world):
    world = make_stub_world(users=["alice", "bob"])
    room = world.rooms["#a"]
    world.say("mine", user="bob")
    world.wait_in_irc(1)
    world.say("hello")
    world.wait_in_irc(2)
    world.alice.request("POST", f"/rooms/{quote(room)}/ban", {"user_id": world.users["bob"].user_id, "reason": "spam\r\nQUIT"})
    eventually(lambda: set(world.ircd.members("#a")) == {"MatrixBot", "M-alice"}, 20, "the puppet out of the channel")
    assert "QUIT" not in commands_of(world.ircd, "M-bob")


# S19: bytes that are no text


def test_s19_profanity_189050f_no_byte_of_irc_breaks_what_the_homeserver_is_sent(stub_world):
    hostile = [b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xef\xbf\xbf", b"\x0b\x0c\x1b"]
    for number, data in enumerate(hostile):
        line = b":fay!u@h PRIVMSG #a :%d<" % number + data + b">\r\n"
        stub_world.ircd.raw(line, nick="MatrixBot")
        stub_world.ircd.raw(b":" + data + line[1:], nick="MatrixBot")
    # The homeserver takes UTF-8 and JSON only, and what it took is what was said, in order.
    stub_world.ircd.say("fay", "#a", "over")
    eventually(lambda: "over" in stub_world.in_matrix(), 20, "the last line", lambda: str(stub_world.in_matrix()))
    said = [text for text in stub_world.in_matrix() if "<" in text]
    assert {text.split("<")[0] for text in said} == {str(number) for number in range(len(hostile))}
    assert not any(re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", text) for text in said)


# S11: state is what has a state key


def test_s11_events_without_a_state_key_are_no_state(make_stub_world):
    """mautrix-telegram 0.6.0: membership by a message; CVE-2021-32659: tombstones followed unchecked."""
    world = make_stub_world()
    world.say("I am here")
    world.wait_in_irc(1)
    room = world.rooms["#a"]
    for event_type, body in (
        ("m.room.member", {"membership": "leave"}),
        ("m.room.member", {"membership": "ban", "displayname": "x"}),
        ("m.room.tombstone", {"body": "moved", "replacement_room": "!elsewhere:hs.test"}),
        ("m.room.power_levels", {"users": {}}),
    ):
        world.stub.inject(room, world.alice.user_id, type=event_type, content=body)
    settle(world)
    assert "PART" not in commands_of(world.ircd, "M-alice")
    world.ircd.say("fay", "#a", "still the same room")
    assert world.wait_in_matrix(1) == ["still the same room"]


def test_s11_membership_is_that_of_the_state_key_and_not_of_the_sender(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    world.say("I am here")
    world.say("me too", user="bob")
    eventually(lambda: len(world.in_irc()) == 2, 20, "both")
    world.alice.kick(world.rooms["#a"], world.users["bob"].user_id, "out")
    eventually(lambda: "PART" in commands_of(world.ircd, "M-bob"), 20, "bob's PART")
    settle(world)
    assert "PART" not in commands_of(world.ircd, "M-alice")


# S12: who may command


def test_s12_commands_said_in_a_bridged_room_are_only_text(stub_world):
    stub_world.say("!join #elsewhere")
    stub_world.say("!status")
    settle(stub_world)
    assert stub_world.in_irc()[:2] == ["!join #elsewhere", "!status"]
    assert not stub_world.ircd.members("#elsewhere")
    assert stub_world.replies(stub_world.rooms["#a"]) == []


def test_s12_permission_is_looked_at_before_the_arguments(make_stub_world):
    def change(_, entry):
        entry["permissions"] = {"*": "user", "@mallory:hs.test": "relay"}

    world = make_stub_world(users=("alice", "mallory"), change=change)
    eventually(lambda: world.bridge.ready(), 10, "/ready")
    invited = world.users["mallory"].create_room(is_direct=True, invite=[world.bot_user])
    eventually(lambda: membership(world, "mallory", invited, world.bot_user) == "leave", 20, "the bot's refusal")
    room = world.chat("alice")
    world.entry["permissions"]["@alice:hs.test"] = "relay"
    world.bridge.write_config()
    world.bridge.process.signal(signal.SIGHUP)
    eventually(lambda: "permissions" in world.bridge.process.output(), 10, "the reload")
    refusals = {world.ask("alice", room, text)[0] for text in ("!join #x", "!join", "!join notachannel", "!status", "!reconnect")}
    assert len(refusals) == 1, refusals
    assert not world.ircd.members("#x")


def membership(world, user, room, target):
    return world.users[user].state(room, "m.room.member", target)["membership"]


# S13: who reads what


def test_s13_mautrix_whatsapp_506_private_messages_reach_nobody_else(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    world.say("I am here")
    world.say("me too", user="bob")
    eventually(lambda: len(world.in_irc()) == 2, 20, "both")
    world.ircd.control("say", nick="fay", target="M-alice", format="for alice")
    world.ircd.control("say", nick="fay", target="M-bob", format="for bob")

    def direct(text):
        return [line["room"] for line in world.stub.ledger("send") if line["content"].get("body") == text]

    eventually(lambda: direct("for alice") and direct("for bob"), 20, "both messages")
    assert len(direct("for alice")) == len(direct("for bob")) == 1 and direct("for alice") != direct("for bob")
    for text in ("for alice", "for bob"):
        assert world.in_matrix(room=direct(text)[0]) == [text]


# S18: TLS


@pytest.fixture
def make_tls_world(make_stub_world, make_scripted_ircd, certificate):
    """make_tls_world(name of the certificate, days, **parameters) -> a world whose network is reached by TLS."""

    def make(name="localhost", days=10, trust=True, mode="ok", **parameters):
        cert, key = certificate(name, days)
        ircd = make_scripted_ircd(tls_cert=cert, tls_key=key, tls_mode=mode)

        def change(_, entry):
            entry["address"] = "localhost"
            entry["parameters"].update(port=ircd.tls_port, ssl=True, **parameters)
            if trust:
                entry["parameters"]["tlsOptions"] = {"ca": cert}

        world = make_stub_world(ircd=ircd, change=change, ready=False)
        world.bridge.launch()
        return world

    return make


def test_s18_a_good_certificate_and_the_servers_name_are_shown(make_tls_world):
    world = make_tls_world()
    world.wait_for_bot("#a")
    assert world.ircd.client("MatrixBot")["sni"] == "localhost"
    world.say("over TLS")
    assert world.wait_in_irc(1) == ["over TLS"]


@pytest.mark.parametrize(
    "options",
    [{"name": "other.example.test"}, {"days": -1}, {"trust": False}],
    ids=["wrong name", "expired", "not trusted"],
)
def test_s18_cve_2022_45197_a_bad_certificate_gets_no_word_of_ours(make_tls_world, options):
    world = make_tls_world(**options)
    eventually(lambda: "certificate" in world.bridge.get("/ready")[1], 20, "the reason", world.bridge.process.output)
    assert not world.ircd.taken() and not world.ircd.ledger("REGISTER")


@pytest.mark.parametrize("mode", ["plain", "close", "reset", "stall"])
def test_s18_a_server_that_talks_no_tls_gets_no_word_in_the_clear(make_tls_world, mode):
    world = make_tls_world(mode=mode)
    eventually(lambda: world.ircd.ledger("CONNECT"), 20, "a try")
    stays(lambda: not world.ircd.taken() and not world.ircd.ledger("REGISTER"), 1, "the silence")
    read = (world.ircd.directory / "bytes").read_bytes()
    assert b"NICK" not in read and b"USER" not in read


def test_s18_a_self_signed_certificate_is_taken_only_where_told(make_tls_world):
    world = make_tls_world(trust=False, sslselfsign=True)
    world.wait_for_bot("#a")


# S21: tokens, relaying


def test_s21_cve_2021_32921_no_part_of_a_token_opens_anything(stub_world):
    url = "http://" + stub_world.bridge.config["appservice"]["listen"]
    for token in (stub_world.hs_token[:-1], stub_world.hs_token + "x", stub_world.hs_token.swapcase(), "\x7f", "a" * 5000):
        with pytest.raises(MatrixError) as refusal:
            call_raw(url, "PUT", "/_matrix/app/v1/transactions/1", b'{"events":[]}', token=token)
        assert refusal.value.status in (403, 400, 431)


def test_s21_cve_2021_32917_nothing_is_relayed_that_was_not_mapped(make_stub_world):
    world = make_stub_world(users=("alice", "mallory"))
    room = world.stub.room("@mallory:hs.test", preset="public_chat", members=[world.bot_user])
    world.stub.inject(room, "@mallory:hs.test", content=content("relay me"))
    settle(world)
    assert all(text != "relay me" for _, text in world.ircd.said())
    assert world.ircd.client("M-mallory") is None


# S23: from people and rooms nobody knows


def test_s23_bitlbee_1281_events_of_unknown_people_rooms_and_types_do_no_harm(stub_world):
    events = []
    for number, (event_type, state_key, body) in enumerate((
        ("m.room.member", "@nobody:elsewhere.test", {"membership": "leave"}),
        ("m.room.member", "@irc_nobody:hs.test", {"membership": "invite"}),
        ("m.room.member", "", {"membership": "join"}),
        ("m.room.member", "not an id", {}),
        ("m.room.message", None, {}),
        ("m.room.message", None, {"msgtype": "m.unknown", "body": 7}),
        ("m.room.redaction", None, {"redacts": "$nothing"}),
        ("m.reaction", None, {"m.relates_to": {"rel_type": "m.annotation"}}),
        ("m.room.create", "", {"room_version": ["12"]}),
        ("m.room.encrypted", None, {"ciphertext": "x"}),
        ("org.example.unknown", "x", {"a": None}),
    )):
        for room in ("!nowhere:hs.test", stub_world.rooms["#a"]):
            event = {"event_id": f"$unknown{number}{room}", "room_id": room, "sender": "@nobody:elsewhere.test",
                     "type": event_type, "origin_server_ts": 1, "content": body}
            if state_key is not None:
                event["state_key"] = state_key
            events.append(event)
    assert stub_world.stub.push_raw(json.dumps({"events": events}).encode())["status"] == 200
    stub_world.ircd.control("say", nick="stranger", target="MatrixBot", format="!join #x")
    stub_world.ircd.raw(b":ghost!u@h PRIVMSG #nowhere :x\r\n:ghost!u@h KICK #a nobody :x\r\n:ghost!u@h PART #a\r\n"
                        b":ghost!u@h QUIT\r\n:ghost!u@h NICK other\r\n", nick="MatrixBot")
    settle(stub_world)
    assert not stub_world.ircd.members("#x")


# S24: lines no server should send


def hostile_lines():
    parameters = ["", "x", "#a", "MatrixBot", ":", "-1", "99999999999999999999", "@", "!", ",", "#a,#b", "+ov-b", "=", "*", "\xff"]
    words = [f"{number:03d}" for number in range(0, 1000, 7)]
    words += "353 366 324 367 005 332 333 341 352 311 318 730 900".split()
    words += "KICK JOIN PART QUIT NICK MODE TOPIC INVITE PRIVMSG NOTICE BATCH TAGMSG ACCOUNT CHGHOST AWAY SETNAME FAIL".split()
    for word in words:
        for count in (0, 1, 2, 3, 5, 15):
            rest = " ".join(parameters[index % len(parameters)] or "y" for index in range(count))
            for source in (":irc.scripted.test ", ":ann!a@h ", ":MatrixBot!m@h ", ""):
                if source.startswith(":MatrixBot") and word in ("QUIT", "NICK"):
                    continue
                yield f"{source}{word} {rest}".rstrip().encode("latin-1")
    yield b"@" + b"a=" * 4000 + b" :x PRIVMSG #a :tags"
    yield b":" + b"x" * 8191
    yield b"@batch=none :ann!a@h PRIVMSG #a :of no batch"
    yield b"\0\0\0"
    yield b" : : :"
    yield b":\xff\xfe!\xff@\xff PRIVMSG #a :\xff\xfe bad"


def test_s24_ngircd_cve_2013_5580_no_line_of_a_server_stops_the_bridge(stub_world):
    lines = list(hostile_lines())
    for start in range(0, len(lines), 500):
        stub_world.wait_for_bot("#a", 60)
        blob = b"".join(line + b"\r\n" for line in lines[start:start + 500])
        stub_world.ircd.raw(blob, nick="MatrixBot")
    assert stub_world.bridge.process.alive()
    # Whatever it was talked into (a refused nick, a kick), it comes back and carries on.
    eventually(stub_world.bridge.ready, 60, "/ready", stub_world.bridge.process.output)
    settle(stub_world)
    stub_world.wait_for_bot("#a", 60)
    stub_world.ircd.say("fay", "#a", "over")
    eventually(lambda: "over" in stub_world.in_matrix(), 30, "the last line")
    assert "ERROR: AddressSanitizer" not in stub_world.bridge.log.read_text(errors="replace")


# S29: secrets


def test_s29_secrets_stand_in_no_log_page_or_command_line(make_stub_world, postgres):
    canaries = {name: f"canary-{name}-8d1f" for name in ("server", "bot", "key", "database", "services")}
    postgres.create_database("secrets")

    def change(config, entry):
        config["logging"]["level"] = "trace"
        del config["database"]
        entry.update(postgres_fqdn="127.0.0.1", postgres_port=postgres.port, postgres_user="trestle",
                     postgres_db="secrets", postgres_password=canaries["database"], postgres_sslmode="disable")
        entry["parameters"].update(sasl=True, password=canaries["server"])
        entry["parameters"]["botConfig"]["password"] = canaries["bot"]

    world = make_stub_world(ircd={"account": [f"matrixbot:{canaries['bot']}"], "password": canaries["server"]},
                            change=change, channels=("#a", "#keyed"), ready=False)
    world.entry["parameters"]["mappings"]["#keyed"]["key"] = canaries["key"]
    world.bridge.write_config()
    world.start()
    world.say("hello")
    world.wait_in_irc(1)
    world.ircd.say("NickServ", "#a", "services are here")
    chat = world.chat("alice", "@irc_NickServ:hs.test")
    world.alice.send_text(chat, f"IDENTIFY {canaries['services']}")
    eventually(lambda: world.ircd.said("NickServ"), 20, "the words to the services")
    world.ircd.say("fay", "#a", "hello")
    world.wait_in_matrix(2)
    assert world.stub.push_raw(b'{"events":[]}', token="canary-wrong-8d1f")["status"] == 403
    world.stub.fail(1)
    world.ircd.control("close", all=True, how="rst")
    world.ircd.say("fay", "#a", "again")
    world.wait_in_matrix(3)
    pid = world.bridge.process.pid
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        shown = file.read()
    pages = "".join(world.bridge.get(path)[1] for path in ("/metrics", "/ready", "/live"))
    world.bridge.stop()
    # A start that fails tells as much as one that goes well.
    world.entry["postgres_port"] = 1
    world.bridge.write_config()
    world.bridge.launch()
    eventually(lambda: len(world.bridge.process.output()) > 500, 10, "its complaints")
    world.bridge.kill()
    world.bridge.run("--check-config")
    text = world.bridge.log.read_text(errors="replace") + pages + shown.decode("utf-8", "replace")
    assert len(text) > 3000
    # The lines themselves are there, without what is secret in them.
    assert all(words in text for words in (" -> PASS ***", " -> AUTHENTICATE ***", " -> JOIN #keyed ***", " <- :"))
    assert "NickServ :IDENTIFY***" in text
    secrets = [*canaries.values(), world.as_token, world.hs_token, "canary-wrong-8d1f"]
    assert [secret for secret in secrets if secret in text] == []
    dump = subprocess.run(["pg_dump", "-d", postgres.url("secrets")], capture_output=True, text=True, check=True).stdout
    assert [secret for secret in secrets if secret in dump] == []


# S30 to S36: no advisory yet


def test_s30_a_nick_makes_a_ghost_of_our_own_namespace_only(make_stub_world):
    world = make_stub_world()
    nicks = ["ann", "\u0430nn", "[x]", "{x}", "a\\b", "eve:evil.test", "eve/../x", "e%00", "..", "e\u202eve"]
    for nick in nicks:
        line = f":{nick}!u@h PRIVMSG #a :I am {nick}\r\n".encode()
        world.ircd.raw(line, nick="MatrixBot")
    eventually(lambda: len(world.in_matrix()) >= len(nicks) - 2, 20, "their messages", lambda: str(world.in_matrix())+world.bridge.process.output()[-6000:])
    settle(world)
    senders = {line["content"]["body"]: line["sender"] for line in world.stub.ledger("send") if line["sender"].startswith("@irc_")}
    for sender in senders.values():
        assert re.fullmatch(r"@irc_[^:\x00-\x1f]+:hs\.test", sender), sender
    assert senders["I am ann"] != senders["I am \u0430nn"]


def test_s30_a_nick_never_becomes_the_bot(make_stub_world):
    def change(_, entry):
        entry.update(users_prefix="irc", bot_username="ircbridgebot")

    world = make_stub_world(change=change, stub_options={"user_prefix": "irc"})
    world.ircd.say("bridgebot", "#a", "I am the bot")
    sender = eventually(
        lambda: next((line["sender"] for line in world.stub.ledger("send") if line["content"].get("body") == "I am the bot"), None),
        20, "the message")
    assert sender != world.bot_user and sender.startswith("@irc")


def test_s31_a_line_of_irc_mentions_nobody_by_itself(stub_world):
    stub_world.ircd.say("fay", "#a", "@room alice alice alice @alice:hs.test")
    stub_world.wait_in_matrix(1)
    sent = [line["content"] for line in stub_world.stub.ledger("send")][-1]
    assert sent.get("m.mentions") == {}, "without it homeservers look for names and @room in the text"


def test_s32_nothing_that_we_said_ourselves_comes_back(stub_world):
    stub_world.ircd.say("fay", "#a", "from irc")
    stub_world.wait_in_matrix(1)
    stub_world.say("from matrix")
    stub_world.wait_in_irc(1)
    settle(stub_world)
    stub_world.stub.wait_until_pushed()
    stub_world.bridge.stop()
    stub_world.bridge.start()
    settle(stub_world, "after the restart")
    assert stub_world.in_matrix() == ["from irc"]
    assert stub_world.in_irc() == ["from matrix", "the end", "after the restart"]


def test_s32_rooms_of_one_channel_do_not_answer_each_other(make_stub_world):
    world = make_stub_world(ready=False)
    second = world.room()
    parameters_of(world.bridge.config)["mappings"]["#a"]["roomIds"].append(second)
    world.bridge.write_config()
    world.start()
    world.ircd.say("fay", "#a", "to both")
    eventually(lambda: world.in_matrix(room=second), 20, "the second room")
    world.say("from one")
    world.wait_in_irc(1)
    settle(world)
    stays(lambda: world.in_irc() == ["from one", "the end"], 1, "the quiet")
    assert world.in_matrix().count("to both") == world.in_matrix(room=second).count("to both") == 1


def test_s33_colours_and_direction_marks_of_irc_make_no_false_sender(stub_world):
    stub_world.ircd.say("fay", "#a", "\x031,1hidden\x03 \x02<admin>\x02 \x1bescape\x07bell")
    assert stub_world.wait_in_matrix(1) == ["hidden <admin> escapebell"]


def test_s33_no_control_character_of_matrix_reaches_irc(stub_world):
    stub_world.say("a\x02b\x03" + "04c\x1bd\x07e\x7ff")
    settle(stub_world)
    assert not re.search(r"[\x00\x01\x07\x0a\x0d\x1b\x7f]", stub_world.in_irc()[0])


@pytest.mark.parametrize(
    "body",
    [
        b'{"events":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"events":[' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"]}",
        b'{"events":[],"events":[{"type":"m.room.message"}]}',
        b'{"events":[{"origin_server_ts":1e999}]}',
        b'{"events":[{"origin_server_ts":99999999999999999999999999,"event_id":"$a","room_id":"!a","sender":"@a:b","type":"t","content":{}}]}',
        b'{"events":[{"event_id":"\\u0000","room_id":"\\ud800","sender":"\\udfff"}]}',
        b'{"events":[{"event_id":"\xff\xfe"}]}',
        b'{"events":[]} trailing',
        b'{"events":{}}',
        b'{"events":[null,1,"x",[],{}]}',
        b"[]",
        b"",
        b"{",
        b'{"events":[{"content":' + b'"' + b"x" * 1000000 + b'"' + b"}]}",
    ],
    ids=["deep list", "deep object", "duplicate", "infinite", "huge integer", "surrogates", "no utf-8", "trailing",
         "events no list", "events no objects", "a list", "empty", "cut off", "large"],
)
def test_s35_no_json_stops_the_bridge(stub_world, body):
    answer = stub_world.stub.push_raw(body)
    assert answer["status"] in (200, 400), answer
    settle(stub_world)


def test_s35_a_malformed_event_does_not_hold_up_the_good_ones_beside_it(stub_world):
    good = {"event_id": "$good", "room_id": stub_world.rooms["#a"], "sender": stub_world.alice.user_id,
            "type": "m.room.message", "origin_server_ts": 1, "content": content("good")}
    events = [None, {"event_id": "$bad"}, {**good, "event_id": 7}, {**good, "event_id": "$big", "content": {"body": 2 ** 70}}, good]
    assert stub_world.stub.push_raw(json.dumps({"events": events}).encode())["status"] == 200
    assert stub_world.wait_in_irc(1) == ["good"]


@pytest.mark.timeout(120)
def test_s36_a_netsplit_of_thousands_does_not_hold_up_what_people_say(stub_world):
    stub_world.ircd.control("fake", count=3000, prefix="crowd", channel="#a")
    for _ in range(2):
        stub_world.ircd.control("split", prefix="crowd", servers="hub.net leaf.split")
        stub_world.ircd.control("rejoin", prefix="crowd")
    stub_world.ircd.say("fay", "#a", "heard")
    eventually(lambda: "heard" in stub_world.in_matrix(), 15, "the line")
    settle(stub_world)
    with open(f"/proc/{stub_world.bridge.process.pid}/status", encoding="ascii") as status:
        resident = int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])
    assert resident < 512 * 1024
