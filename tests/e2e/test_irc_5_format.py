# SPDX-License-Identifier: Apache-2.0
"""Formatting in both directions, mentions, encodings and CTCP: what a line of IRC looks like in Matrix, and back."""

import re
import subprocess
import time
import unicodedata

import pytest

from support.bridge import program
from support.waiting import eventually

BOLD, COLOUR, HEX, RESET, MONO, REVERSE, ITALIC, STRIKE, UNDERLINE = "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f"


def contents(world, channel="#a"):
    """What ghosts have sent into the room, whole."""
    return [
        line["content"]
        for line in world.stub.ledger("send")
        if line["room"] == world.rooms[channel] and not line["cached"] and line["sender"].startswith("@irc_")
        and line["type"] == "m.room.message"
    ]


def hears(world, text, nick="fay", channel="#a"):
    """The content that a line of IRC becomes."""
    known = len(contents(world, channel))
    world.ircd.say(nick, channel, text)
    return eventually(lambda: contents(world, channel)[known:], 20, f"{text!r} in Matrix")[0]


def says(world, html, body="plain *body*", channel="#a", msgtype="m.text"):
    """The lines on IRC that a formatted message becomes."""
    known = len(world.in_irc(channel))
    world.say({"msgtype": msgtype, "body": body, "format": "org.matrix.custom.html", "formatted_body": html}, channel)
    world.say("--", channel)
    eventually(lambda: "--" in world.in_irc(channel)[known:], 20, f"{html!r} on IRC", lambda: str(world.in_irc(channel)))
    return world.in_irc(channel)[known:-1]


def with_puppet(world, user="alice", channel="#a"):
    """The user's puppet is in the channel; its nick."""
    known = len(world.ircd.said(channel))
    world.say("here", channel, user)

    def spoke():
        return next((nick for nick, text in world.ircd.said(channel)[known:] if text == "here"), None)

    return eventually(spoke, 20, f"the puppet of {user} in {channel}")


def globals_of(**changes):
    """A change of the configuration: what the incumbent's ircService says for all servers."""
    return lambda config, entry: entry.update(changes)


# 33: from IRC


def coloured(text, fg=None, bg=None):
    """The HTML of coloured text as a pattern: which tag it is is left open."""
    said = (rf'(?=[^>]*data-mx-color="{fg}")' if fg else "") + (rf'(?=[^>]*data-mx-bg-color="{bg}")' if bg else "")
    return rf"<(font|span){said}[^>]*>(<font[^>]*>)?{text}(</font>)?</\1>"


def test_33_styles_of_irc_are_html(stub_world):
    vectors = [
        ("\x02bold\x02 plain", "bold plain", "<strong>bold</strong> plain"),
        ("\x1dit\x1d \x1fun\x1f \x1est\x1e \x11mo\x11", "it un st mo", "<em>it</em> <u>un</u> <del>st</del> <code>mo</code>"),
        ("\x02a\x1db\x02c", "abc", "<strong>a</strong><strong><em>b</em></strong><em>c</em>"),
        ("\x02all\x0fnone", "allnone", "<strong>all</strong>none"),
        ("\x02<b>&'\"\x02", "<b>&'\"", "<strong>&lt;b&gt;&amp;&#39;&quot;</strong>"),
        ("$& \x02$1\x02 \\1", "$& $1 \\1", "$&amp; <strong>$1</strong> \\1"),
        ("\x034red\x03 5", "red 5", coloured("red", "#ff0000") + " 5"),
        ("\x0304,12both\x0f", "both", coloured("both", "#ff0000", "#0000fc")),
        ("\x0352x\x0398y\x0399z", "xyz", coloured("x", "#ff0000") + coloured("y", "#ffffff") + "z"),
        ("\x04ff8800hex", "hex", coloured("hex", "#ff8800")),
        ("\x031,1hidden\x03", "hidden", "<span data-mx-spoiler>hidden</span>"),
        ("\x16reversed", "reversed", coloured("reversed", "#[0-9a-f]{6}", "#[0-9a-f]{6}")),
    ]
    for line, body, html in vectors:
        content = hears(stub_world, line)
        assert content["body"] == body
        assert content["format"] == "org.matrix.custom.html"
        pattern = html if "(?=" in html or "[0-9" in html else re.escape(html)
        assert re.fullmatch(pattern, content["formatted_body"]), (line, content)


def test_33_a_line_without_formatting_has_no_html(stub_world):
    for line in ["plain", "it's <b>&amp; https://e.x/?a=1&b=2", "\x02\x02x", "x\x0f", "\x03x", "\x0399x"]:
        content = hears(stub_world, line)
        assert "formatted_body" not in content and "format" not in content, content
        assert not re.search("[\x00-\x1f\x7f-\x9f]", content["body"])


def test_33_emotes_and_notices_have_styles_too(stub_world):
    content = hears(stub_world, "\x01ACTION \x02waves\x02 back\x01")
    assert {key: value for key, value in content.items() if not key.startswith("io.trestle.")} == {
        "msgtype": "m.emote", "body": "waves back", "format": "org.matrix.custom.html",
        "formatted_body": "<strong>waves</strong> back", "m.mentions": {},
    }


def test_33_bad_nesting_and_bad_colours_never_leak(stub_world):
    lines = ["\x02\x1d\x02\x1f\x1dx", "\x03999999x", "\x03,5x", "\x03", "\x04zzz", "\x0312345,6", "\x16\x16\x16x\x16",
             "\x030,x", "\x02\x03\x02\x034\x02x", "\x1e\x11\x1ex\x11"]
    for line in lines:
        stub_world.ircd.say("fay", "#a", line)
    stub_world.ircd.say("fay", "#a", "the end")
    eventually(lambda: "the end" in stub_world.in_matrix(), 20, "the last one")
    for content in contents(stub_world):
        text = content["body"] + content.get("formatted_body", "")
        assert not re.search("[\x00-\x1f\x7f-\x9f]", text), content
        opened = re.findall(r"<(\w+)", content.get("formatted_body", ""))
        assert sorted(opened) == sorted(re.findall(r"</(\w+)", content.get("formatted_body", ""))), content


# 39: from Matrix


def test_39_html_becomes_codes_and_lines_as_people_write_them(stub_world):
    with_puppet(stub_world)
    vectors = [
        ("<b>bold</b> and <em>it</em>", ["\x02bold\x0f and \x1dit"]),
        ("<strong>a<i>b</i></strong>c", ["\x02a\x1db\x0fc"]),
        ("<u>u</u><del>d</del><code>c</code>", ["\x1fu\x1f\x1ed\x1e\x11c"]),
        ('<font color="red">1</font>2', ["\x03041\x0f2"]),
        ('<span data-mx-color="#0000ff" data-mx-bg-color="#ffff00">x</span>', ["\x0312,08x"]),
        ('<a href="http://e.x/1">foo</a> <a href="https://e.x">https://e.x</a>', ["foo (http://e.x/1) https://e.x"]),
        ("<ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>", ["- a", "- b", "1. c"]),
        ("<blockquote>q</blockquote>answer", ["> q", "answer"]),
        ("<h3>Title</h3><p>one</p><p>two</p>", ["\x02Title", "one", "two"]),
        ('<pre><code class="language-c">int a;\n  b();\n</code></pre>', ["int a;", "  b();"]),
        ("<custom>unknown</custom> <sub>tags</sub>", ["unknown tags"]),
        ("a &lt; b &amp; c", ["a < b & c"]),
        ("say <span data-mx-spoiler>what</span>", ["say \x0301,01what"]),
    ]
    for html, lines in vectors:
        assert says(stub_world, html) == lines


def test_39_what_is_not_html_is_said_as_it_is(stub_world):
    with_puppet(stub_world)
    assert says(stub_world, "", body="**not html**") == ["**not html**"]
    known = len(stub_world.in_irc())
    stub_world.say({"msgtype": "m.text", "body": "<b>x</b>", "format": "org.example", "formatted_body": "<b>y</b>"})
    assert stub_world.wait_in_irc(known + 1)[known:] == ["<b>x</b>"]


def test_39_emotes_have_styles_too(stub_world):
    with_puppet(stub_world)
    assert says(stub_world, "<b>waves</b>", msgtype="m.emote") == ["\x01ACTION \x02waves\x01"]


def test_39_a_pill_is_the_nick_on_irc(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    with_puppet(world)
    with_puppet(world, "bob")
    hears(world, "I am here", nick="Carol[x]")
    pill = '<a href="https://matrix.to/#/{}">Somebody Else</a>: hi'
    assert says(world, pill.format("@bob:hs.test")) == ["M-bob: hi"]
    assert says(world, pill.format("@irc_Carol[x]:hs.test")) == ["Carol[x]: hi"]
    assert says(world, pill.format("@stranger:hs.test")) == ["Somebody Else: hi"]


# 64: mentions


def pills(content):
    return re.findall(r'<a href="https://matrix.to/#/([^"]*)">([^<]*)</a>', content.get("formatted_body", ""))


def test_64_a_nick_in_a_line_is_a_pill_and_a_mention(stub_world):
    nick = with_puppet(stub_world)
    for line in [f"{nick}: hi", f"hello {nick}", f"{nick}'s idea", f'say "{nick}"!', f"({nick})", f"@{nick} look", nick.upper()]:
        content = hears(stub_world, line)
        assert content["m.mentions"] == {"user_ids": ["@alice:hs.test"]}, line
        assert pills(content) == [("%40alice%3Ahs.test", "alice")], content
        assert content["body"] == re.sub(nick, "alice", line, flags=re.IGNORECASE)


def test_64_no_mention_in_addresses_longer_words_and_code(stub_world):
    nick = with_puppet(stub_world)
    for line in [f"https://e.x/{nick}", f"www.{nick}.org", f"{nick}@e.x", f"x{nick}", f"{nick}x", f"#{nick}", f"/{nick}/",
                 f"\x11{nick}\x11", "alice", "M-"]:
        content = hears(stub_world, line)
        assert content["m.mentions"] == {} and pills(content) == [], content


def test_64_several_people_and_ghosts_are_mentioned_at_once(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    with_puppet(world)
    with_puppet(world, "bob")
    hears(world, "hello", nick="a[x]^b")
    content = hears(world, "M-bob, A{X}^B and m-alice: lunch? M-bob!")
    assert content["m.mentions"]["user_ids"] == ["@bob:hs.test", "@irc_a[x]^b:hs.test", "@alice:hs.test"]
    assert [text for _, text in pills(content)] == ["bob", "a[x]^b", "alice", "bob"]


def test_64_case_is_folded_as_the_server_folds(make_stub_world):
    world = make_stub_world(ircd={"isupport": ["CASEMAPPING=ascii"]})
    with_puppet(world)
    hears(world, "hello", nick="nick[m]")
    assert pills(hears(world, "NICK[M] there"))
    assert not pills(hears(world, "nick{m} there"))


def test_64_a_display_name_is_shown_and_its_html_is_text(make_stub_world):
    world = make_stub_world()
    world.alice.request("PUT", "/profile/@alice:hs.test/displayname", {"displayname": "<b>Alice & Co"})
    nick = with_puppet(world)
    hears(world, f"{nick}: first")  # asks for the name where nobody has told it yet
    content = eventually(
        lambda: (c := hears(world, f"{nick}: hi"))["body"] == "<b>Alice & Co: hi" and c, 20, "the display name")
    assert "&lt;b&gt;Alice &amp; Co</a>: hi" in content["formatted_body"]


def test_64_nobody_is_mentioned_who_does_not_want_it(make_stub_world):
    world = make_stub_world()
    nick = with_puppet(world)
    bot = world.chat("alice")
    world.ask("alice", bot, "!feature mentions false")
    content = hears(world, f"{nick}: hi")
    assert content["m.mentions"] == {} and "formatted_body" not in content and content["body"] == f"{nick}: hi"
    world.ask("alice", bot, "!feature mentions true")
    assert pills(hears(world, f"{nick}: hi"))


@pytest.mark.parametrize("mode, after_asking", [("off", True), ("force-off", False)])
def test_64_mentions_can_be_switched_off_for_all(make_stub_world, mode, after_asking):
    world = make_stub_world(change=globals_of(ircHandler={"mapIrcMentionsToMatrix": mode}))
    nick = with_puppet(world)
    assert not pills(hears(world, f"{nick}: hi"))
    world.ask("alice", world.chat("alice"), "!feature mentions true")
    assert bool(pills(hears(world, f"{nick}: hi"))) == after_asking


def test_64_of_a_line_full_of_nicks_five_are_mentioned(make_stub_world):
    world = make_stub_world()
    nick = with_puppet(world)
    content = hears(world, f"{nick} " * 50)
    assert len(pills(content)) == 5 and content["m.mentions"]["user_ids"] == ["@alice:hs.test"]


# 65: cutting


def words_of(lines):
    return " ".join(line.strip() for line in lines).split()


def test_65_long_text_is_cut_between_words(stub_world):
    with_puppet(stub_world)
    text = " ".join(f"wörd{number}" for number in range(200))
    lines = says(stub_world, "", body=text)
    assert len(lines) > 2 and words_of(lines) == text.split()


def test_65_text_without_spaces_is_cut_between_characters_as_people_see_them(stub_world):
    with_puppet(stub_world)
    for cluster in ["\U0001f469\u200d\U0001f4bb", "\U0001f1e9\U0001f1ea", "e\u0301\u0323", "\U0001f44d\U0001f3fd",
                    "\u1112\u1161\u11ab"]:
        lines = says(stub_world, "", body=cluster * 200)
        assert len(lines) > 1 and "".join(lines) == cluster * 200
        for line in lines:
            assert line == cluster * (len(line) // len(cluster)), "a cluster was cut in two"
            assert unicodedata.is_normalized("NFC", line) or cluster == "e\u0301\u0323" or cluster == "\u1112\u1161\u11ab"


def test_65_styles_go_on_behind_a_cut(stub_world):
    with_puppet(stub_world)
    text = " ".join(f"word{number}" for number in range(150))
    lines = says(stub_world, f'<b><font color="red">{text}</font></b> end')
    assert len(lines) > 2 and all(line.startswith("\x0304\x02word") for line in lines), lines
    assert re.sub("\x0304|[\x02\x0f]", "", " ".join(lines)).split() == text.split() + ["end"]


# 67: framing


def test_67_no_character_alters_the_framing(stub_world):
    """Controls in a body, in HTML and in references of HTML: what is said is one message of this puppet, nothing else."""
    with_puppet(stub_world)
    evil = ["\r\nQUIT :x", "\nPRIVMSG #b :x", "\0", "\x01VERSION\x01", "\x01", "\u2028QUIT", "\x85QUIT", "\u202ex", "\x1b[2J"]
    for text in evil:
        says(stub_world, "", body="a" + text + "z")
        says(stub_world, f"<b>b{text}z</b>")
        says(stub_world, "c" + "".join(f"&#{ord(c)};" for c in text) + "z")
    for raw in stub_world.ircd.taken("M-alice"):
        verb = raw.split(" ")[1] if raw.startswith("@") else raw.split(" ")[0]
        assert verb in ("PRIVMSG", "JOIN", "NICK", "USER", "CAP", "PING", "PONG", "MODE", "WHO", "CHATHISTORY", "WHOIS"), raw
        assert not re.search("[\x00\x01\x1b\x7f\r\n\x80-\x9f\u2028\u202e]", raw.partition(" :")[2]), raw


def test_67_who_looks_like_somebody_else_is_somebody_else(stub_world):
    """S30: a nick with an override of direction or without width in it is no other's ghost."""
    nicks = ["eveline", "e\u202eveline", "eve\u200bline", "eveline\u2066"]
    for nick in nicks:
        stub_world.ircd.raw(f":{nick}!u@h PRIVMSG #a :I am {nick!a}\r\n".encode(), nick="MatrixBot")
    said = [f"I am {nick!a}" for nick in nicks]
    eventually(lambda: set(said) <= set(stub_world.in_matrix()), 20, "their messages", lambda: str(stub_world.in_matrix()))
    senders = {
        line["content"]["body"]: line["sender"] for line in stub_world.stub.ledger("send") if line["sender"].startswith("@irc_")}
    assert len({senders[text] for text in said}) == len(nicks)


# Encodings


def raw_line(world, data, nick="MatrixBot"):
    known = len(contents(world))
    world.ircd.raw(b":fay!u@h PRIVMSG #a :" + data + b"\r\n", nick=nick)
    return eventually(lambda: contents(world)[known:], 20, f"{data!r} in Matrix")[0]["body"]


def test_lines_that_are_not_utf8_are_read_as_windows_1252(stub_world):
    assert raw_line(stub_world, "grüße – „x“ €".encode("cp1252")) == "grüße – „x“ €"
    assert raw_line(stub_world, "grüße – €".encode()) == "grüße – €"
    assert raw_line(stub_world, "grüße €".encode()[:-1]) == "grüße ", "cut inside a character by a server"


@pytest.mark.parametrize("encoding, text", [("ISO-8859-15", "grüße €"), ("CP1251", "привет мир"), ("GB18030", "你好，世界")])
def test_lines_that_are_not_utf8_are_read_as_configured(make_stub_world, encoding, text):
    world = make_stub_world(change=globals_of(encodingFallback=encoding))
    assert raw_line(world, text.encode(encoding)) == text
    assert raw_line(world, b"\x02" + text.encode(encoding) + b"\x02") == text
    assert raw_line(world, text.encode()) == text


@pytest.mark.parametrize("encoding", ["NO-SUCH", "UTF-16", "LATIN1//IGNORE"])
def test_an_encoding_that_cannot_serve_is_refused_before_the_start(make_stub_world, encoding):
    world = make_stub_world(ready=False)
    world.entry["encodingFallback"] = encoding
    world.bridge.write_config()
    command = [program(), "--check-config", "-c", world.bridge.directory / "bridge.yml"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 78 and f'encodingFallback: is "{encoding}"' in checked.stdout + checked.stderr


# CTCP


def ctcp_answers(world, nick="M-alice"):
    return [record.raw for record in world.ircd.ledger("SAID") if record.nick == nick and record.raw.startswith("\x01")]


def ask(world, text, nick="fay", target="M-alice"):
    world.ircd.control("say", nick=nick, target=target, format=text)


@pytest.mark.parametrize("request_, answer", [
    ("VERSION", r"\x01VERSION trestle [\w.-]+\x01"), ("PING 123 abc", r"\x01PING 123 abc\x01"),
    ("TIME", r"\x01TIME \d{4}-\d\d-\d\dT[\d:.]+Z\x01"), ("clientinfo", r"\x01CLIENTINFO ACTION CLIENTINFO PING TIME VERSION\x01"),
])
def test_a_private_ctcp_request_is_answered_by_a_notice(stub_world, request_, answer):
    with_puppet(stub_world)
    ask(stub_world, f"\x01{request_}\x01")
    said = eventually(lambda: ctcp_answers(stub_world), 20, "the answer")
    assert re.fullmatch(answer, said[0]), said
    assert [raw for raw in stub_world.ircd.taken("M-alice") if "NOTICE fay" in raw]
    assert contents(stub_world) == []


def test_a_flood_of_ctcp_requests_makes_no_flood(make_stub_world):
    world = make_stub_world(users=("alice", "bob"))
    with_puppet(world)
    with_puppet(world, "bob")
    start = time.monotonic()
    for target in ("M-alice", "M-bob"):
        world.ircd.control("say", nick="fay", target=target, format="\x01PING {n}\x01", count=200)
    world.say("after the flood")
    eventually(lambda: "after the flood" in world.in_irc(), 20, "a message")
    answers = len(ctcp_answers(world)) + len(ctcp_answers(world, "M-bob"))
    assert 1 <= answers <= 1 + (time.monotonic() - start) / 5


def test_other_ctcp_and_ctcp_to_a_channel_have_no_answer_and_no_message(stub_world):
    with_puppet(stub_world)
    for text in ("\x01DCC SEND x 1 2 3\x01", "\x01FINGER\x01", "\x01USERINFO\x01", "\x01VERSION x\x02", "\x01\x01"):
        stub_world.ircd.control("say", nick="fay", target="M-alice", format=text, notice=True)
    for text in ("\x01DCC SEND x 1 2 3\x01", "\x01FINGER\x01", "\x01\x01"):
        ask(stub_world, text)
    for text in ("\x01VERSION\x01", "\x01PING 1\x01"):
        stub_world.ircd.say("fay", "#a", text)
    hears(stub_world, "the end")
    assert ctcp_answers(stub_world) == [] and ctcp_answers(stub_world, "MatrixBot") == []
    assert [content["body"] for content in contents(stub_world)] == ["the end"]


def test_a_ctcp_answer_confirms_no_message(make_stub_world):
    """Its echo must not be taken for that of a private message to the same nick."""
    world = make_stub_world(ircd={"caps": "echo-message"})
    with_puppet(world)
    ask(world, "psst")
    room = world.room_of("psst")
    world.alice.join(room)
    ask(world, "\x01PING 1\x01")
    for number in range(20):
        world.alice.send_text(room, f"private {number}")
    ask(world, "\x01PING 2\x01")
    expected = [f"private {number}" for number in range(20)]

    def private():
        return [r.raw for r in world.ircd.ledger("SAID") if r.nick == "M-alice" and r.raw.startswith("private")]

    eventually(lambda: len(private()) >= 20, 20, "the messages")
    assert private() == expected


# Messages to the ranks of a channel


def test_a_message_to_the_operators_of_a_channel_stays_among_them(make_stub_world):
    world = make_stub_world(ircd={"isupport": ["STATUSMSG=@+"]})
    world.ircd.raw(b":fay!u@host.example PRIVMSG @#a :secret of the operators\r\n", nick="MatrixBot")
    world.ircd.raw(b":fay!u@host.example NOTICE +#a :secret of the voiced\r\n", nick="MatrixBot")
    hears(world, "the end")
    assert world.in_matrix() == ["the end"]
    told = eventually(lambda: [raw for raw in world.ircd.taken("MatrixBot") if "NOTICE fay" in raw], 20, "an answer")
    assert len(told) == 1 and "@#a" in told[0] and "not carried" in told[0]


# Real servers


def test_formatting_and_mentions_between_real_servers(inspircd_world):
    world = inspircd_world
    channel, room = world.mapped(world.alice)
    nick = world.nick_of(world.alice)
    with world.irc(channel) as ann:
        world.alice.send(room, "m.room.message", {
            "msgtype": "m.text", "body": "**bold** [x](https://e.x/1)", "format": "org.matrix.custom.html",
            "formatted_body": '<strong>bold</strong> <a href="https://e.x/1">x</a>'})
        line = ann.wait_for_text("\x02bold\x0f x (https://e.x/1)")
        assert line.source.split("!")[0] == nick
        ann.say(channel, f"{nick}: \x0304red\x03 and \x1ditalic")
        event = world.alice.wait_for(
            room, lambda e: "red and italic" in (e["content"].get("body") or ""), 20, "the line")
        content = event["content"]
        assert content["m.mentions"] == {"user_ids": [world.alice.user_id]}
        assert "<em>italic</em>" in content["formatted_body"] and 'data-mx-color="#ff0000"' in content["formatted_body"]
        assert "https://matrix.to/#/" in content["formatted_body"]
        ann.send(f"PRIVMSG {nick} :\x01VERSION\x01")
        answer = ann.wait_for(lambda line: line.command == "NOTICE" and line.params[0] == ann.nick and "\x01" in line)
        assert answer.params[1].startswith("\x01VERSION trestle ")
