# SPDX-License-Identifier: Apache-2.0
"""A channel's place in the history, from the first JOIN on: what is said after it is fetched, what was said before is not."""

import contextlib
import sqlite3
import time

import pytest

from support.waiting import eventually
from support.world import numbered

BOT = "MatrixBot"


def store_of(world):
    return contextlib.closing(sqlite3.connect(world.bridge.directory / "trestle.db", isolation_level=None))


@contextlib.contextmanager
def first_join_not_stored(make_stub_world, **ircd):
    """A world whose bot is in #a for the first time, which the store is kept from learning."""
    world = make_stub_world(ircd={"profile": "history", "delay_ms": 60_000, **ircd}, ready=False)
    world.ircd.say("speaker", "#a", "before {n}", count=3, wait=True)
    world.bridge.start()
    with store_of(world) as store:
        store.execute("BEGIN IMMEDIATE")
        let_in(world)
        yield world
        store.execute("ROLLBACK")


def let_in(world):
    """The server works off what the bot has asked."""
    world.ircd.control("delay", ms=0)
    world.wait_for_bot("#a")


def assert_all_is_there(world, count):
    world.wait_in_matrix(count)
    world.ircd.say("speaker", "#a", "the end", wait=True)
    world.wait_in_matrix(count + 1)
    assert world.in_matrix() == [*numbered("line ", count), "the end"]


def test_what_a_reader_misses_that_is_made_deaf_before_its_first_join_is_stored_is_fetched(make_stub_world):
    with first_join_not_stored(make_stub_world, isupport=["DEAF=d"]) as world:
        world.ircd.control("delay", nick=BOT, ms=50)
        world.ircd.control("umode", nick=BOT, modes="+d")
        world.ircd.say("speaker", "#a", "line {n}", count=20, rate=0, wait=True)
        eventually(lambda: f"MODE {BOT} -d" in world.ircd.taken(BOT), 20, "it to take the mode off")
    assert_all_is_there(world, 20)


@pytest.mark.parametrize("how", ["rst", "kill"])
def test_what_is_said_after_a_loss_before_the_first_join_is_stored_is_fetched(make_stub_world, how):
    with first_join_not_stored(make_stub_world) as world:
        world.ircd.set(delay_ms=60_000)
        if how == "rst":
            world.ircd.control("close", nick=BOT, how="rst")
        else:
            world.ircd.control("kill", nick=BOT, reason="out")
        world.ircd.say("speaker", "#a", "line {n}", count=250, rate=0, wait=True)
        let_in(world)
    assert_all_is_there(world, 250)


def test_what_is_said_after_a_kill_before_any_line_was_read_is_fetched(make_stub_world):
    world = make_stub_world(ircd={"profile": "history"}, ready=False)
    world.ircd.say("speaker", "#a", "before {n}", count=3, wait=True)
    world.start()
    with store_of(world) as store:
        eventually(lambda: store.execute("SELECT 1 FROM irc_channel").fetchone(), 20, "its first JOIN in the store")
    world.bridge.kill()
    world.ircd.say("speaker", "#a", "line {n}", count=250, rate=0, wait=True)
    world.start()
    assert_all_is_there(world, 250)


TIME_ONLY = [{"no_msgid": True}, {"isupport": ["MSGREFTYPES=timestamp"]}]


def say_later(world, text, count, first=1):
    """In a millisecond of its own: of more lines than a page in one of them, such a server shows the first."""
    time.sleep(0.005)
    world.ircd.say("speaker", "#a", text, count=count, first=first, rate=0, wait=True)


@pytest.mark.parametrize("options", TIME_ONLY)
def test_where_the_history_knows_times_only_nothing_is_lost_or_doubled(make_stub_world, database, options):
    world = make_stub_world(ircd={"profile": "history", **options}, database=database)
    expected = []
    for life in range(3):
        say_later(world, f"live {life}", 5)
        expected += [f"live {life}"] * 5
        world.wait_in_matrix(len(expected))
        world.bridge.kill()
        for part in range(3):
            say_later(world, f"away {life}.{part}.{{n}}", 60)
            expected += numbered(f"away {life}.{part}.", 60)
        say_later(world, "the same", 7)
        expected += ["the same"] * 7
        world.start()
        world.wait_in_matrix(len(expected))
    say_later(world, "the end", 1)
    world.wait_in_matrix(len(expected) + 1)
    assert world.in_matrix() == [*expected, "the end"]
    asked = [line for line in world.ircd.taken(BOT) if line.startswith("CHATHISTORY")]
    assert asked and not [line for line in asked if "msgid=" in line]


@pytest.mark.parametrize("options", TIME_ONLY)
def test_where_the_history_knows_times_only_what_is_said_again_is_not_taken_for_what_was_said(make_stub_world, options):
    """Nothing of ours in the history can be told to be one message and not the other: unconfirmed lines are written again."""
    world = make_stub_world(ircd={"profile": "history", **options})
    for count in range(1, 4):
        world.say("yes")
        world.wait_in_irc(count)
        world.bridge.stop()  # which waits for the confirmation
        world.bridge.start()
        world.wait_for_bot("#a")
    world.ircd.control("delay", ms=60_000)
    world.say("yes")
    eventually(lambda: any(client["nick"] == "M-alice" for client in world.ircd.state()["clients"]), 20, "the puppet")
    world.kill_and_start()
    world.ircd.control("delay", ms=0)
    world.wait_in_irc(4)
    world.say("the end")
    assert eventually(lambda: (said := world.in_irc())[-1] == "the end" and said, 20, "the end") == ["yes"] * 4 + ["the end"]
