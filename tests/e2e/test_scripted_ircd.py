# SPDX-License-Identifier: Apache-2.0
"""The scripted IRC server is a server like others where it is to be one, and keeps its word in its faults and ledger."""

import socket
import ssl
import time

import pytest

from support.irc_client import IrcClient
from support.waiting import eventually

TAGS = ["message-tags", "server-time", "echo-message", "batch", "labeled-response"]
HISTORY = TAGS + ["draft/chathistory", "account-tag"]


def tag(line, key):
    for item in line.tags.split(";"):
        name, _, value = item.partition("=")
        if name == key:
            return value
    return None


def numeric(number):
    return lambda line: line.command == number


def sync(client, token):
    """Returns when the server has processed all that was sent."""
    client.send(f"PING {token}")
    client.wait_for(lambda line: line.command == "PONG" and line.params[-1] == token)


def history(client, request, label):
    """Sends CHATHISTORY with a label; the messages of the labeled batch."""
    client.send(f"@label={label} CHATHISTORY {request}")
    start = client.wait_for(lambda line: line.command == "BATCH" and tag(line, "label") == label)
    reference = start.params[0][1:]
    assert start.params[1] == "chathistory"
    client.wait_for(lambda line: line.command == "BATCH" and line.params[0] == "-" + reference)
    return [line for line in client.lines if tag(line, "batch") == reference]


# What every server does: the same test on the real ones and on the scripted one.


@pytest.fixture(params=["inspircd", "ngircd", "scripted_ircd"])
def any_ircd(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def connect(any_ircd):
    clients = []

    def make(nick, **options):
        clients.append(IrcClient(any_ircd.host, any_ircd.port, nick, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_registration_ends_in_the_five_numerics_and_the_motd(connect):
    ann = connect("rann")
    ann.wait_for(lambda line: line.command in ("376", "422"))
    commands = [line.command for line in ann.lines if line.command.isdigit()]
    assert commands[:4] == ["001", "002", "003", "004"] and "005" in commands
    tokens = [word for line in ann.lines if line.command == "005" for word in line.params[1:-1]]
    names = {token.partition("=")[0] for token in tokens}
    assert {"CASEMAPPING", "CHANTYPES", "PREFIX", "NETWORK", "NICKLEN", "CHANMODES"} <= names
    assert all(line.params[0] == "rann" for line in ann.lines if line.command.isdigit())


def test_a_join_shows_itself_the_names_and_their_end_and_others_see_it(connect):
    ann, ben = connect("jann"), connect("jben")
    ann.join("#join")
    ben.join("#join")
    assert [line.command for line in ben.lines if "#join" in line.params][:3] == ["JOIN", "353", "366"]
    names = next(line for line in ben.lines if line.command == "353")
    assert names.params[1:3] == ["=", "#join"] and set(names.params[3].split()) == {"@jann", "jben"}
    seen = ann.wait_for(lambda line: line.command == "JOIN" and line.source.startswith("jben!"))
    assert seen.params == ["#join"]


def test_a_line_reaches_the_others_with_the_senders_mask_and_not_the_sender(connect):
    ann, ben = connect("pann"), connect("pben")
    ann.join("#talk")
    ben.join("#talk")
    ann.say("#talk", "grüß dich: {} \x02bold\x02")
    line = ben.wait_for_text("grüß dich: {} \x02bold\x02")
    assert (line.command, line.params[0]) == ("PRIVMSG", "#talk") and line.source.startswith("pann!")
    ben.say("pann", "in private")
    line = ann.wait_for_text("in private")
    assert line.params[0] == "pann" and line.source.startswith("pben!")
    sync(ann, "end")
    assert not [line for line in ann.lines if line.source.startswith("pann!") and line.command == "PRIVMSG"]


def test_refusals_have_the_numbers_of_the_rfc(connect):
    ann, ben = connect("eann"), connect("eben")
    ann.join("#closed")
    ann.send("MODE #closed +n")
    sync(ann, "moded")
    ben.send("NICK eann")
    assert ben.wait_for(numeric("433")).params[:2] == ["eben", "eann"]
    ben.say("nobodyhere", "hello")
    assert ben.wait_for(numeric("401")).params[1] == "nobodyhere"
    ben.say("#closed", "from outside")
    assert ben.wait_for(numeric("404")).params[1] == "#closed"
    ben.send("PART #closed")
    assert ben.wait_for(numeric("442")).params[1] == "#closed"
    ben.send("NOSUCHCOMMAND x")
    assert ben.wait_for(numeric("421")).params[1] == "NOSUCHCOMMAND"
    ben.send("JOIN")
    assert ben.wait_for(numeric("461")).params[1] == "JOIN"
    ben.send("USER again 0 * :again")
    ben.wait_for(numeric("462"))
    ben.send("KICK #closed eann")
    ben.wait_for(lambda line: line.command in ("442", "482"))
    ben.send("JOIN #nosuch" + "x" * 300)
    ben.wait_for(lambda line: line.command in ("403", "476", "479"))


def test_a_ping_is_answered_with_its_token(connect):
    ann = connect("iann")
    ann.send("PING :a token")
    assert ann.wait_for(lambda line: line.command == "PONG").params[-1] == "a token"


def test_nick_topic_mode_kick_part_and_quit_are_seen_by_the_channel(connect):
    ann, ben, cat = connect("cann"), connect("cben"), connect("ccat")
    for client in (ann, ben, cat):
        client.join("#life")
    ann.send("TOPIC #life :the topic")
    assert ben.wait_for(lambda line: line.command == "TOPIC").params == ["#life", "the topic"]
    ann.send("MODE #life +v cben")
    assert ben.wait_for(lambda line: line.command == "MODE" and line.params[0] == "#life" and "cben" in line.params)
    ben.send("NICK cbenny")
    assert ann.wait_for(lambda line: line.command == "NICK").params == ["cbenny"]
    ann.send("KICK #life cbenny :out")
    assert cat.wait_for(lambda line: line.command == "KICK").params == ["#life", "cbenny", "out"]
    ben.send("JOIN #life")
    ben.send("PART #life :away")
    assert ann.wait_for(lambda line: line.command == "PART").params[0] == "#life"
    cat.send("QUIT :bye")
    assert ann.wait_for(lambda line: line.command == "QUIT" and line.source.startswith("ccat!"))
    ann.send("MODE #life")
    assert ann.wait_for(numeric("324")).params[1] == "#life"
    ann.send("TOPIC #life")
    assert ann.wait_for(numeric("332")).params[1:] == ["#life", "the topic"]


@pytest.fixture(params=["inspircd", "scripted_ircd"])
def tagged_ircd(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["inspircd", "scripted"])
def ircd_with_deaf(request):
    if request.param == "inspircd":
        return request.getfixturevalue("deaf_inspircd")
    return request.getfixturevalue("make_scripted_ircd")(isupport=["DEAF=d"])


def test_who_is_deaf_is_not_sent_what_is_said_in_channels_and_everything_else(ircd_with_deaf):
    ircd = ircd_with_deaf
    with IrcClient(ircd.host, ircd.port, "dann", caps=TAGS) as ann, IrcClient(ircd.host, ircd.port, "dben") as ben:
        assert "d" in next(line for line in ann.lines if line.command == "004").params[3]
        ann.join("#deaf")
        ben.join("#deaf")
        ann.send("MODE dann +d")
        assert ann.wait_for(lambda line: line.command == "MODE").params == ["dann", "+d"]
        ann.send("MODE dann +d")  # a second time says nothing
        ann.send("MODE dann")
        assert ann.wait_for(numeric("221")).params[-1] == "+d"
        ann.send("@label=own PRIVMSG #deaf :of my own")
        assert tag(ann.wait_for_text("of my own"), "label") == "own"
        for line in ("PRIVMSG #deaf :talk", "NOTICE #deaf :note", "PRIVMSG dann :in private", "PART #deaf", "JOIN #deaf"):
            ben.send(line)
        ann.send("MODE #deaf +o dben")
        ann.wait_for(lambda line: line.command == "JOIN" and line.source.startswith("dben!"))
        sync(ben, "ben")
        ann.send("TOPIC #deaf :topic")
        ann.send("MODE dann -d")
        sync(ann, "ann")
        ben.say("#deaf", "heard again")
        ann.wait_for_text("heard again")
        seen = [line.params[-1] for line in ann.lines if line.command in ("PRIVMSG", "TOPIC", "PART")]
        assert seen == ["of my own", "in private", "#deaf", "topic", "heard again"]
        assert [line.params[1] for line in ann.lines if line.command == "MODE" and line.params[0] == "dann"] == ["+d", "-d"]
        assert not [line for line in ann.lines if line.command == "NOTICE" and line.params[0] == "#deaf"]
        ben.send("MODE dben +Z")
        assert ben.wait_for(numeric("501")).params[1] == "Z"


def test_echo_carries_label_time_and_the_id_that_others_see(tagged_ircd):
    with IrcClient(tagged_ircd.host, tagged_ircd.port, "lann", caps=TAGS) as ann:
        with IrcClient(tagged_ircd.host, tagged_ircd.port, "lben", caps=TAGS) as ben:
            ann.join("#label")
            ben.join("#label")
            ann.send("@label=abc;+draft/reply=1;other=2 PRIVMSG #label :labeled")
            echo = ann.wait_for_text("labeled")
            seen = ben.wait_for_text("labeled")
            assert tag(echo, "label") == "abc" and tag(seen, "label") is None
            assert tag(echo, "msgid") and tag(echo, "msgid") == tag(seen, "msgid")
            assert tag(echo, "time") == tag(seen, "time")
            assert tag(seen, "+draft/reply") == "1" and tag(seen, "other") is None
            assert echo.source == seen.source and echo.params == seen.params


def test_a_labeled_command_without_answer_is_acked_and_a_long_answer_is_one_batch(tagged_ircd):
    with IrcClient(tagged_ircd.host, tagged_ircd.port, "bann", caps=TAGS) as ann:
        ann.send("@label=one PONG x")
        assert ann.wait_for(lambda line: tag(line, "label") == "one").command == "ACK"
        ann.send("@label=two WHOIS bann")
        start = ann.wait_for(lambda line: tag(line, "label") == "two")
        assert (start.command, start.params[1]) == ("BATCH", "labeled-response")
        ann.wait_for(lambda line: line.command == "BATCH" and line.params[0] == "-" + start.params[0][1:])
        inside = [line.command for line in ann.lines if tag(line, "batch") == start.params[0][1:]]
        assert inside[0] == "311" and inside[-1] == "318"
        ann.send("@label=three PING token")
        assert ann.wait_for(lambda line: tag(line, "label") == "three").command == "PONG"


def test_an_over_long_line_is_cut_at_512_bytes_with_the_mask(tagged_ircd):
    with IrcClient(tagged_ircd.host, tagged_ircd.port, "oann") as ann:
        with IrcClient(tagged_ircd.host, tagged_ircd.port, "oben") as ben:
            ann.join("#long")
            ben.join("#long")
            ann.say("#long", "x" * 480)
            line = ben.wait_for(lambda line: line.command == "PRIVMSG")
            assert len(line) == 510 and line.endswith("x" * 400)


# Capabilities and registration


def test_capabilities_come_in_several_lines_and_may_be_none(make_scripted_ircd):
    many = make_scripted_ircd(cap_line_bytes=60, caps="sasl=PLAIN,server-time,batch,vendor.example/one=a,vendor.example/two")
    with IrcClient(many.host, many.port, "ann", caps=["batch", "vendor.example/one"]) as ann:
        lists = [line for line in ann.lines if line.params[1:2] == ["LS"]]
        assert [line.params[2] for line in lists[:-1]] == ["*"] * (len(lists) - 1) and len(lists) > 1
        assert "sasl=PLAIN" in lists[0].params[-1]
        ann.send("CAP REQ :batch nosuchcap")
        assert ann.wait_for(lambda line: line.params[1:2] == ["NAK"]).params[-1] == "batch nosuchcap"
    none = make_scripted_ircd(profile="plain")
    with socket.create_connection((none.host, none.port)) as raw:
        raw.sendall(b"CAP LS 302\r\n")
        assert raw.recv(4096) == b":irc.scripted.test CAP * LS :\r\n"


def test_an_rfc_server_knows_no_cap_and_sends_no_tags(make_scripted_ircd):
    ircd = make_scripted_ircd(profile="rfc")
    with IrcClient(ircd.host, ircd.port, "ann") as ann:
        ann.send("CAP LS 302")
        assert ann.wait_for(numeric("421")).params[1] == "CAP"
        ann.join("#a")
        ircd.say("fay", "#a", "hello")
        assert ann.wait_for_text("hello").tags == ""


@pytest.mark.parametrize("colon", [False, True])
def test_sasl_plain_logs_in_or_fails_and_both_spellings_of_plus_exist(make_scripted_ircd, colon):
    ircd = make_scripted_ircd(account=["bob:a secret:with colon"], authenticate_colon=colon)
    with IrcClient(ircd.host, ircd.port, "bob", account="bob", password="a secret:with colon") as bob:
        assert ("AUTHENTICATE :+" if colon else "AUTHENTICATE +") in bob.lines
        assert bob.wait_for(numeric("900")).params[2] == "bob"
        assert ircd.client("bob")["account"] == "bob"
    with socket.create_connection((ircd.host, ircd.port)) as raw, raw.makefile("r") as lines:
        raw.sendall(b"CAP REQ :sasl\r\nNICK eve\r\nUSER e 0 * :e\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE AGJvYgB4\r\nCAP END\r\n")
        numbers = [next(lines).split()[1] for _ in range(4)]
        assert numbers[2:] == ["904", "001"]  # a failed login does not stop registration


def test_isupport_and_the_servers_own_limits_follow_the_command_line(make_scripted_ircd):
    ircd = make_scripted_ircd(isupport=["NICKLEN=5", "CASEMAPPING=ascii", "PREFIX=(qov)~@+", "-TOPICLEN", "EXTRA"])
    with IrcClient(ircd.host, ircd.port, "ann") as ann:
        tokens = [word for line in ann.lines if line.command == "005" for word in line.params[1:-1]]
        assert {"NICKLEN=5", "CASEMAPPING=ascii", "PREFIX=(qov)~@+", "EXTRA"} <= set(tokens)
        assert not [token for token in tokens if token.startswith("TOPICLEN")]
        ann.send("NICK toolong")
        ann.wait_for(numeric("432"))
        ann.join("#[x]")
        ircd.control("fake", nick="fay", channel="#{x}")
        assert set(ircd.members("#[x]")) == {"ann"}  # ascii: other channels


def test_nicks_are_refused_as_often_as_told_and_a_long_line_gets_417_when_told(make_scripted_ircd):
    ircd = make_scripted_ircd(reject_long=True)
    with IrcClient(ircd.host, ircd.port, "ann") as ann:
        ircd.set(nick_in_use=2)
        for nick in ("one", "two", "three"):
            ann.send(f"NICK {nick}")
        ann.wait_for(lambda line: line.command == "NICK" and line.params == ["three"])
        assert [line.params[1] for line in ann.lines if line.command == "433"] == ["one", "two"]
        ircd.set(nick_erroneous=1)
        for nick in ("four", "five"):
            ann.send(f"NICK {nick}")
        ann.wait_for(lambda line: line.command == "NICK" and line.params == ["five"])
        assert [line.params[1] for line in ann.lines if line.command == "432"] == ["four"]
        ann.join("#a")
        ann.say("#a", "x" * 600)
        ann.wait_for(numeric("417"))
        assert ircd.said("#a") == []


def test_a_kline_a_password_and_a_ping_cookie_guard_registration(make_scripted_ircd):
    ircd = make_scripted_ircd(password="door", ping_cookie=True)
    with socket.create_connection((ircd.host, ircd.port)) as raw, raw.makefile("r") as lines:
        raw.sendall(b"NICK ann\r\nUSER a 0 * :a\r\n")
        cookie = next(lines).split(":")[1].strip()
        raw.sendall(f"PONG :{cookie}\r\n".encode())
        assert " 464 " in next(lines) and next(lines).startswith("ERROR :Closing Link")
        assert lines.readline() == ""
    ircd.set(kline="go away", ping_cookie=False)
    with socket.create_connection((ircd.host, ircd.port)) as raw, raw.makefile("r") as lines:
        raw.sendall(b"PASS door\r\nNICK ann\r\nUSER a 0 * :a\r\n")
        assert " 465 ann :You are banned from this server- go away" in next(lines)
        assert "K-Lined: go away" in next(lines)


# History


def test_chathistory_pages_forward_by_msgid_without_loss_or_overlap(make_scripted_ircd):
    ircd = make_scripted_ircd(history_limit=10)
    ircd.control("fake", nick="fay", channel="#h")
    ircd.say("fay", "#h", "line {n}", count=35)
    with IrcClient(ircd.host, ircd.port, "ann", caps=HISTORY) as ann:
        assert "CHATHISTORY=10" in [word for line in ann.lines if line.command == "005" for word in line.params]
        ann.join("#h")
        first = history(ann, "AFTER #h timestamp=2020-01-01T00:00:00.000Z 1", "0")[0]
        texts, reference = [first.params[1]], tag(first, "msgid")
        for page in range(10):
            lines = history(ann, f"AFTER #h msgid={reference} 50", f"p{page}")
            assert len(lines) <= 10
            if not lines:
                break
            texts += [line.params[1] for line in lines]
            reference = tag(lines[-1], "msgid")
        assert texts == [f"line {n}" for n in range(1, 36)]
        ann.say("#h", "my own")
        own = history(ann, f"AFTER #h msgid={reference} 50", "own")
        assert [(line.source.split("!")[0], line.params[1]) for line in own] == [("ann", "my own")]
        assert tag(own[0], "msgid") == tag(ann.wait_for_text("my own"), "msgid")
        assert tag(own[0], "time") == tag(ann.wait_for_text("my own"), "time")


def test_chathistory_knows_latest_before_between_around_and_its_failures(scripted_ircd):
    ircd = scripted_ircd
    ircd.control("fake", nick="fay", channel="#h")
    ircd.say("fay", "#h", "{n}", count=20)
    ids = [None] + [line["msgid"] for line in ircd.history("#h")]
    with IrcClient(ircd.host, ircd.port, "ann", caps=HISTORY) as ann:
        ann.join("#h")

        def texts(request, label):
            return [int(line.params[1]) for line in history(ann, request, label)]

        assert texts("LATEST #h * 3", "a") == [18, 19, 20]
        assert texts(f"LATEST #h msgid={ids[15]} 50", "b") == [16, 17, 18, 19, 20]
        assert texts(f"BEFORE #h msgid={ids[5]} 3", "c") == [2, 3, 4]
        assert texts(f"BETWEEN #h msgid={ids[5]} msgid={ids[9]} 2", "d") == [6, 7]
        assert texts(f"BETWEEN #h msgid={ids[9]} msgid={ids[5]} 2", "e") == [7, 8]
        assert texts(f"AROUND #h msgid={ids[10]} 4", "f") == [8, 9, 10, 11]
        assert texts("AFTER #h msgid=nosuch 4", "g") == []
        assert texts("AFTER #h timestamp=2099-01-01T00:00:00.000Z 4", "h") == []
        for request, code in [
            ("AFTER #elsewhere msgid=x 5", "INVALID_TARGET"),
            ("AFTER #h nonsense 5", "INVALID_PARAMS"),
            ("AFTER #h msgid=x", "NEED_MORE_PARAMS"),
            ("SIDEWAYS #h msgid=x 5", "UNKNOWN_COMMAND"),
        ]:
            ann.send("CHATHISTORY " + request)
            assert ann.wait_for(lambda line: line.command == "FAIL" and line.params[1] == code)
        ircd.set(history_errors=1)
        ann.send("CHATHISTORY AFTER #h timestamp=2099-01-01T00:00:00.000Z 4")
        assert ann.wait_for(lambda line: line.command == "FAIL" and line.params[1] == "MESSAGE_ERROR")
        assert texts("AFTER #h timestamp=2099-01-01T00:00:00.000Z 4", "i") == []


def test_history_survives_an_empty_channel_and_has_a_depth(make_scripted_ircd):
    ircd = make_scripted_ircd(history_depth=50)
    with IrcClient(ircd.host, ircd.port, "ann", caps=HISTORY) as ann:
        ann.join("#h")
        for n in range(120):
            ann.say("#h", f"{n}")
        ann.send("PART #h")
        sync(ann, "parted")
        assert ircd.members("#h") == {}
        ann.send("JOIN #h")
        assert [line.params[1] for line in history(ann, "LATEST #h * 100", "x")] == [str(n) for n in range(70, 120)]


def test_a_private_conversation_has_history_too(scripted_ircd):
    with IrcClient(scripted_ircd.host, scripted_ircd.port, "ann", caps=HISTORY) as ann:
        scripted_ircd.say("fay", "ann", "hello")
        ann.wait_for_text("hello")
        ann.say("fay", "hello yourself")
        lines = history(ann, "LATEST fay * 10", "x")
        assert [line.params for line in lines] == [["ann", "hello"], ["fay", "hello yourself"]]


# The ledger and the queue


def test_the_ledger_has_lines_taken_said_echoed_and_confirmed_in_order(make_scripted_ircd):
    ircd = make_scripted_ircd(reader="reader")
    with IrcClient(ircd.host, ircd.port, "ann", caps=TAGS) as ann:
        ann.join("#l")
        ann.say("#l", "nobody listens\tback\\slash")
        sync(ann, "one")
        with IrcClient(ircd.host, ircd.port, "reader") as reader:
            reader.join("#l")
            ann.send("@label=7 PRIVMSG #l :somebody does")
            reader.wait_for_text("somebody does")
        sync(ann, "two")
    eventually(lambda: len(ircd.ledger("DISCONNECT")) == 2)
    records = [r for r in ircd.ledger() if r.nick == "ann" and r.kind not in ("REGISTER", "DISCONNECT")]
    kinds = [(r.kind, r.raw) for r in records][-12:]
    text = "nobody listens\tback\\slash"
    assert kinds == [
        ("TAKEN", "JOIN #l"),
        ("TAKEN", f"PRIVMSG #l :{text}"),
        ("SAID", text),
        ("ECHO", text),
        ("TAKEN", "PING one"),
        ("PONG", "one"),
        ("TAKEN", "@label=7 PRIVMSG #l :somebody does"),
        ("SAID", "somebody does"),
        ("ECHO", "somebody does"),
        ("TAKEN", "PING two"),
        ("PONG", "two"),
        ("TAKEN", "QUIT :bye"),
    ]
    said = ircd.ledger("SAID")
    echoes = ircd.ledger("ECHO")
    assert [r.fields[2] for r in said] == ["reader=0", "reader=1"]
    assert [r.fields[2] for r in echoes] == ["label=-", "label=7"]
    assert [r.fields[1] for r in said] == [r.fields[1] for r in echoes] and said[0].fields[1] != said[1].fields[1]
    sequence = [r.sequence for r in ircd.ledger()]
    assert sequence == list(range(1, len(sequence) + 1))


def test_a_delayed_queue_is_worked_off_in_order_and_dies_with_its_connection(make_scripted_ircd):
    ircd = make_scripted_ircd(delay_ms=20)
    ann = IrcClient(ircd.host, ircd.port, "ann")
    started = time.monotonic()
    ann.join("#q")
    for n in range(50):
        ann.say("#q", f"{n}")
    eventually(lambda: len(ircd.said("#q")) >= 5)
    elapsed = time.monotonic() - started
    assert elapsed >= 6 * 0.02
    ann._socket.close()
    eventually(lambda: ircd.ledger("DISCONNECT"))
    said = [text for _, text in ircd.said("#q")]
    dropped = [r.raw for r in ircd.ledger("DROPPED")]
    assert said == [str(n) for n in range(len(said))] and 5 <= len(said) < 50
    assert dropped == [f"PRIVMSG #q :{n}" for n in range(len(said), 50)]
    assert ircd.ledger("DISCONNECT")[0].fields == [f"dropped={len(dropped)}"]
    time.sleep(0.1)
    assert len(ircd.said("#q")) == len(said)


def test_a_pong_comes_after_the_queue_before_it(make_scripted_ircd):
    ircd = make_scripted_ircd()
    ircd.control("delay", ms=10)
    with IrcClient(ircd.host, ircd.port, "ann") as ann:
        ann.send("\r\n".join(["JOIN #q"] + [f"PRIVMSG #q :{n}" for n in range(10)] + ["PING x"]))
        sync(ann, "x")
        kinds = [r.kind for r in ircd.ledger("SAID", "PONG")]
        assert kinds == ["SAID"] * 10 + ["PONG"]
        ircd.control("delay", ms=0, nick="ann")
        sync(ann, "fast")


def test_a_flood_ends_the_client(make_scripted_ircd):
    ircd = make_scripted_ircd(delay_ms=100, flood_lines=20)
    ann = IrcClient(ircd.host, ircd.port, "ann")
    ann.send("\r\n".join(f"PRIVMSG nobody :{n}" for n in range(40)))
    assert "Excess Flood" in ann.wait_for(lambda line: line.command == "ERROR").params[-1]


# Faults


def test_raw_bytes_arrive_as_given_and_in_the_pieces_told(scripted_ircd):
    with IrcClient(scripted_ircd.host, scripted_ircd.port, "ann") as ann:
        ann.wait_for(numeric("376"))
        received = []
        scripted_ircd.raw(b":x!y@z PRIVMSG ann :half\xff\x00line\r\n", nick="ann", split=[3, 10], gap_ms=50)
        scripted_ircd.say("fay", "ann", "after the rest")
        while b"after the rest\r\n" not in b"".join(received):
            received.append(ann._socket.recv(4096))
        assert received[:2] == [b":x!", b"y@z PRI"]
        assert b"".join(received).startswith(b":x!y@z PRIVMSG ann :half\xff\x00line\r\n:fay!")


def test_connections_are_reset_closed_and_half_closed_on_command(scripted_ircd):
    ircd = scripted_ircd
    ann, ben, cat = (IrcClient(ircd.host, ircd.port, nick) for nick in ("ann", "ben", "cat"))
    for client in (ann, ben, cat):
        client.join("#c")
        sync(client, "in")
    ircd.control("close", nick="ann", how="rst")
    with pytest.raises(ConnectionResetError):
        while ann._socket.recv(4096):
            pass
    ircd.control("close", nick="ben", how="fin", reason="gone")
    while ben._socket.recv(4096):
        pass
    assert cat.wait_for(lambda line: line.command == "QUIT" and line.source.startswith("ben!")).params == ["gone"]
    ircd.control("close", nick="cat", how="half")
    while cat._socket.recv(4096):
        pass
    cat.say("#c", "still heard")
    eventually(lambda: ("cat", "still heard") in ircd.said("#c"))
    for client in (ann, ben, cat):
        client.close()


def test_a_silent_connection_takes_nothing_and_goes_on_where_it_was(scripted_ircd):
    with IrcClient(scripted_ircd.host, scripted_ircd.port, "ann") as ann:
        ann.join("#s")
        scripted_ircd.control("silent", nick="ann")
        ann.say("#s", "unheard")
        scripted_ircd.say("fay", "#s", "unseen")
        seen = len(ann.lines)
        ann.drain(0.3)
        assert len(ann.lines) == seen and scripted_ircd.said("#s") == [("fay", "unseen")]
        scripted_ircd.control("silent", nick="ann", on=False)
        ann.wait_for_text("unseen")
        eventually(lambda: ("ann", "unheard") in scripted_ircd.said("#s"))


def test_connecting_is_refused_in_every_way_and_again_allowed(scripted_ircd):
    address = (scripted_ircd.host, scripted_ircd.port)
    scripted_ircd.set(refuse="off")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    scripted_ircd.set(refuse="reset")
    with pytest.raises(ConnectionResetError):
        with socket.create_connection(address) as raw:
            raw.recv(1)
    scripted_ircd.set(refuse="close")
    with socket.create_connection(address) as raw:
        assert raw.recv(100) == b""
    scripted_ircd.set(refuse="error", refuse_text="Trying to reconnect too fast.")
    with socket.create_connection(address) as raw:
        assert raw.recv(100) == b"ERROR :Trying to reconnect too fast.\r\n"
    scripted_ircd.set(refuse="stall")
    with socket.create_connection(address, timeout=0.3) as raw:
        raw.sendall(b"NICK a\r\nUSER a 0 * :a\r\n")
        with pytest.raises(TimeoutError):
            raw.recv(100)
    scripted_ircd.set(refuse="none")
    IrcClient(*address, "ann").close()


def test_kill_kick_and_ban_are_carried_out_by_the_script(scripted_ircd):
    ircd = scripted_ircd
    with IrcClient(ircd.host, ircd.port, "ann") as ann, IrcClient(ircd.host, ircd.port, "ben") as ben:
        ircd.control("fake", nick="owner", channel="#k")
        ann.join("#k")
        ben.join("#k")
        ircd.control("kick", channel="#k", nick="ann", by="owner", reason="off you go")
        kick = ann.wait_for(lambda line: line.command == "KICK")
        assert kick.source.startswith("owner!") and kick.params == ["#k", "ann", "off you go"]
        ircd.control("mode", channel="#k", modes="+b ann!*@*")
        ben.wait_for(lambda line: line.command == "MODE" and line.params == ["#k", "+b", "ann!*@*"])
        ann.send("JOIN #k")
        ann.wait_for(numeric("474"))
        ircd.control("kill", nick="ann", reason="enough")
        ann.wait_for(lambda line: line.command == "KILL")
        assert "enough" in ann.wait_for(lambda line: line.command == "ERROR").params[0]
        assert ann._socket.recv(100) == b""
        ircd.control("kill", nick="ben", error="Closing Link: exactly this")
        assert ben.wait_for(lambda line: line.command == "ERROR").params == ["Closing Link: exactly this"]


def test_a_netsplit_comes_in_one_batch_where_negotiated_and_goes_back(scripted_ircd):
    ircd = scripted_ircd
    with IrcClient(ircd.host, ircd.port, "ann", caps=TAGS) as ann, IrcClient(ircd.host, ircd.port, "ben") as ben:
        ann.join("#n")
        ben.join("#n")
        ircd.control("fake", count=50, prefix="far", channel="#n")
        assert ircd.control("split", prefix="far", servers="a.net b.split")["users"] == 50
        start = ann.wait_for(lambda line: line.command == "BATCH")
        assert start.params[1:] == ["netsplit", "a.net", "b.split"]
        ann.wait_for(lambda line: line.command == "BATCH" and line.params[0] == "-" + start.params[0][1:])
        quits = [line for line in ann.lines if line.command == "QUIT"]
        assert len(quits) == 50 and all(tag(line, "batch") == start.params[0][1:] for line in quits)
        assert {line.params[0] for line in quits} == {"a.net b.split"}
        sync(ben, "split")
        assert len([line for line in ben.lines if line.command == "QUIT" and not line.tags]) == 50
        assert set(ircd.members("#n")) == {"ann", "ben"}
        assert ircd.control("rejoin")["users"] == 50
        ann.wait_for(lambda line: line.command == "BATCH" and line.params[1:2] == ["netjoin"])
        assert len(ircd.members("#n")) == 52


def test_fake_users_speak_at_a_rate(scripted_ircd):
    with IrcClient(scripted_ircd.host, scripted_ircd.port, "ann") as ann:
        ann.join("#r")
        started = time.monotonic()
        scripted_ircd.say("fay", "#r", "n{n}", count=20, rate=100, first=5)
        assert time.monotonic() - started > 0.15
        sync(ann, "said")
        assert [line.params[1] for line in ann.lines if line.command == "PRIVMSG"] == [f"n{n}" for n in range(5, 25)]


def test_pings_go_to_the_quiet_and_the_dead_time_out(make_scripted_ircd):
    ircd = make_scripted_ircd(ping_every_ms=100, ping_timeout_ms=200)
    with IrcClient(ircd.host, ircd.port, "ann") as ann:
        dead = IrcClient(ircd.host, ircd.port, "dead")
        ann.drain(1)
        assert [r.raw for r in ircd.ledger("DISCONNECT")] == ["Ping timeout"]
        assert ircd.client("ann") and not ircd.client("dead")
        dead.close()


# TLS


def tls_connect(ircd, ca, name):
    raw = socket.create_connection((ircd.host, ircd.tls_port), timeout=3)
    context = ssl.create_default_context(cafile=ca)
    try:
        return context.wrap_socket(raw, server_hostname=name)
    except Exception:
        raw.close()
        raise


def test_tls_serves_with_the_certificate_given_and_notes_the_name_asked_for(make_scripted_ircd, certificate):
    cert, key = certificate("irc.example.test", 10)
    ircd = make_scripted_ircd(tls_cert=cert, tls_key=key)
    with tls_connect(ircd, cert, "irc.example.test") as tls:
        tls.sendall(b"NICK ann\r\nUSER a 0 * :a\r\nPING end\r\n")
        received = b""
        while b"PONG" not in received:
            received += tls.recv(4096)
        assert b" 001 ann " in received
        client = ircd.client("ann")
        assert client["tls"] and client["sni"] == "irc.example.test"
    with pytest.raises(ssl.SSLCertVerificationError, match="[Hh]ostname mismatch"):
        tls_connect(ircd, cert, "other.example.test")
    other, other_key = certificate("other.example.test", 10)
    ircd.control("tls", cert=other, key=other_key)
    with pytest.raises(ssl.SSLCertVerificationError, match="self.signed"):
        tls_connect(ircd, cert, "irc.example.test")


def test_tls_handshakes_stall_close_reset_and_turn_out_plain(make_scripted_ircd, certificate):
    cert, key = certificate("irc.example.test", 10)
    ircd = make_scripted_ircd(tls_cert=cert, tls_key=key)
    for mode, expected in [
        ("stall", TimeoutError),
        ("close", (ssl.SSLError, ConnectionError)),
        ("reset", ConnectionResetError),
        ("plain", ssl.SSLError),
    ]:
        ircd.control("tls", mode=mode)
        with pytest.raises(expected):
            tls_connect(ircd, cert, "irc.example.test")
    ircd.control("tls", mode="ok")
    tls_connect(ircd, cert, "irc.example.test").close()


# Size and speed


def test_it_holds_a_thousand_connections_and_a_burst(scripted_ircd):
    address = (scripted_ircd.host, scripted_ircd.port)
    sockets = []
    for n in range(1000):
        sockets.append(socket.create_connection(address))
        sockets[-1].sendall(f"NICK u{n}\r\nUSER u 0 * :u\r\n".encode())
    eventually(lambda: len(scripted_ircd.state()["nicks"]) == 1000, 30)
    with IrcClient(*address, "ann") as ann:
        ann.join("#b")
        scripted_ircd.say("fay", "#b", "{n}", count=20000, wait=False)
        ann.wait_for_text("20000", 60)
        assert [line.params[1] for line in ann.lines if line.command == "PRIVMSG"] == [str(n) for n in range(1, 20001)]
    for raw in sockets:
        raw.close()
