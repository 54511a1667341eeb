# SPDX-License-Identifier: Apache-2.0
"""The disk of an SQLite store is full, or may only be read: the bridge says so, neither loses nor doubles, and goes on when
it can.
"""

import os
import subprocess

import pytest

from support.full_disk import SmallDisk
from support.waiting import eventually
from support.world import numbered


@pytest.fixture
def disk(workdir):
    made = SmallDisk(workdir / "disk")
    yield made
    made.close()


@pytest.fixture
def world(make_stub_world, disk):
    made = make_stub_world(database=f"sqlite:{disk.directory}/trestle.db", wrapper=disk.wrapper)
    yield made
    made.bridge.close()


def talk(world, there, back):
    world.inject(there, prefix="out ")
    world.ircd.say("fay", "#a", "in {n}", count=back, first=1)


def refusals(world):
    return [line for line in world.stub.ledger("push") if line["status"] == 503]


def test_a_full_disk_is_told_in_the_log_and_by_ready_until_there_is_room(world, disk):
    disk.fill(world.bridge.process)
    talk(world, 20, 20)
    eventually(lambda: refusals(world), 20, "a refusal")
    eventually(lambda: "disk is full" in world.bridge.process.output(), 20, "the reason in the log")
    why = eventually(lambda: (page := world.bridge.get("/ready"))[0] == 503 and page[1], 20, "a 503 of /ready")
    assert "store" in why
    disk.free(world.bridge.process)
    assert world.wait_in_irc(20, timeout=40) == numbered("out ", 20)
    assert world.wait_in_matrix(20, timeout=40) == numbered("in ", 20)
    eventually(world.bridge.ready, 20, "/ready")


def test_a_disk_that_is_full_again_and_again_costs_nothing(world, disk):
    for turn in range(3):
        first = 60 * turn + 1
        world.inject(40, prefix="out ", first=first, rate=300)
        world.ircd.say("fay", "#a", "in {n}", count=40, first=first, rate=300, wait=False)
        disk.fill(world.bridge.process)
        eventually(lambda: not world.stub.stats()["inject_left"] and not world.ircd.counts()["saying"], 20, "all that was said")
        world.inject(20, prefix="out ", first=first + 40)
        world.ircd.say("fay", "#a", "in {n}", count=20, first=first + 40)
        eventually(lambda: len(refusals(world)) > turn, 20, "a refusal")
        disk.free(world.bridge.process)
        world.wait_in_irc(60 * (turn + 1), timeout=40)
        world.wait_in_matrix(60 * (turn + 1), timeout=40)
    assert world.in_irc() == numbered("out ", 180)
    assert world.in_matrix() == numbered("in ", 180)


def test_a_kill_while_the_disk_is_full_loses_and_doubles_nothing(world, disk):
    world.say("before")
    world.wait_in_irc(1)
    disk.fill(world.bridge.process)
    talk(world, 100, 100)
    eventually(lambda: refusals(world), 20, "a refusal")
    world.bridge.kill()
    # A start on the full disk may work or not; it must not harm what is there.
    world.bridge.launch()
    eventually(lambda: world.bridge.ready() or not world.bridge.process.alive() or len(refusals(world)) > 1, 20, "its fate")
    if disk.mounted:
        disk.free(world.bridge.process)
    world.bridge.kill()
    world.bridge.start()
    assert world.wait_in_irc(101, timeout=60) == ["before"] + numbered("out ", 100)
    assert world.wait_in_matrix(100, timeout=60) == numbered("in ", 100)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_store_that_may_only_be_read_is_told_at_the_start_and_left_alone(world, disk):
    world.say("before")
    world.wait_in_irc(1)
    world.bridge.stop()
    subprocess.run(["mount", "-o", "remount,ro", disk.directory], check=True)
    said = world.bridge.run(status=1)
    assert "trestle.db" in said and "read" in said.lower()
    subprocess.run(["mount", "-o", "remount,rw", disk.directory], check=True)
    world.bridge.start()
    world.say("after")
    assert world.wait_in_irc(2) == ["before", "after"]
