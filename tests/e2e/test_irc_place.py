# SPDX-License-Identifier: Apache-2.0
"""A channel's place in the history, from the first JOIN on: what is said after it is fetched, what was said before is not."""

import contextlib
import sqlite3

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
