# SPDX-License-Identifier: Apache-2.0
"""trestle-irc-user, the person on IRC of the quickstart and the tests."""

import subprocess

import pytest

from support.bridge import program
from support.irc_client import IrcClient


def command(ircd, nick, *options, channel="#users"):
    address = ["--host", ircd.host, "--port", str(ircd.port)]
    return [str(program("trestle-irc-user")), *address, "--nick", nick, "--channel", channel, *options]


def run(ircd, nick, *options, **arguments):
    return subprocess.run(command(ircd, nick, *options), capture_output=True, text=True, timeout=30, **arguments)


def events(output):
    """(event, nick, target, text) of each printed line."""
    return [tuple(line.split("\t")[1:]) for line in output.splitlines()]


@pytest.fixture(params=["inspircd", "ngircd", "scripted_ircd"])
def any_ircd(request):
    return request.getfixturevalue(request.param)


def test_one_says_what_another_waits_for(any_ircd):
    waiting = subprocess.Popen(command(any_ircd, "wanda", "--wait-for", "^hel+o", "--timeout", "20"), stdout=subprocess.PIPE, text=True)
    for line in waiting.stdout:
        if line.split("\t")[1] == "366":
            break
    said = run(any_ircd, "sam", "--say", "hello there")
    assert said.returncode == 0, said.stdout
    rest = waiting.stdout.read()
    assert waiting.wait(10) == 0
    assert ("message", "sam", "#users", "hello there") in events(rest)


def test_lines_of_standard_input_are_said_in_order_and_all_before_it_ends(any_ircd):
    with IrcClient(any_ircd.host, any_ircd.port, "witness") as witness:
        witness.join("#users")
        lines = [f"line {n}" for n in range(300)]
        talk = run(any_ircd, "tom", input="\n".join(lines + ["/me waves", "#users aimed", "/msg witness psst", "/quit"]))
        assert talk.returncode == 0, talk.stdout
        witness.wait_for_text("psst")
        heard = [line.params[1] for line in witness.lines if line.command == "PRIVMSG"]
        assert heard == lines + ["\x01ACTION waves\x01", "aimed", "psst"]


def test_long_text_is_cut_between_characters_and_nothing_is_lost(scripted_ircd):
    text = "é" * 1000
    assert run(scripted_ircd, "long", "--say", text).returncode == 0
    assert run(scripted_ircd, "me", "--say", "/me " + text).returncode == 0
    said = scripted_ircd.said("#users")
    assert "".join(line for nick, line in said if nick == "long") == text
    assert all(line.startswith("\x01ACTION ") and line.endswith("\x01") for nick, line in said if nick == "me")
    assert len(said) > 4 and not any("\udc80" <= character for _, line in said for character in line)


def test_say_returns_only_when_a_slow_server_has_taken_it(make_scripted_ircd):
    ircd = make_scripted_ircd(delay_ms=100)
    assert run(ircd, "sam", "--say", "slowly").returncode == 0
    assert ("sam", "slowly") in ircd.said("#users")


def test_exit_statuses_tell_a_timeout_a_refusal_and_a_wrong_command_line_apart(scripted_ircd):
    assert run(scripted_ircd, "sam", "--wait-for", "never", "--timeout", "0.5").returncode == 1
    scripted_ircd.control("fake", nick="owner", channel="#users")
    scripted_ircd.control("mode", channel="#users", modes="+i")
    assert run(scripted_ircd, "sam", "--say", "x").returncode == 2
    assert run(scripted_ircd, "s%s", "--say", "x").returncode == 64
    scripted_ircd.set(refuse="off")
    assert run(scripted_ircd, "sam", "--say", "x").returncode == 2


def test_a_nick_in_use_gets_an_underscore(scripted_ircd):
    scripted_ircd.control("fake", nick="sam")
    assert run(scripted_ircd, "sam", "--say", "still me").returncode == 0
    assert ("sam_", "still me") in scripted_ircd.said("#users")
