# SPDX-License-Identifier: Apache-2.0
"""A program under test that dies by itself does not do so in silence."""

import signal

import pytest

from support.process import Process, ProcessError
from support.waiting import eventually


@pytest.fixture
def run(workdir):
    """run(script) -> a shell that runs it."""
    return lambda script: Process("the shell", ["/bin/sh", "-c", script], workdir / "log")


def test_a_program_that_fell_is_an_error_when_it_is_killed(run):
    process = run("echo last words; kill -SEGV $$")
    eventually(lambda: not process.alive())
    with pytest.raises(ProcessError, match="(?s)had ended by itself, with status -11.*last words"):
        process.kill()
    process.kill()


def test_stop_says_how_a_program_ended_that_fell_before(run):
    process = run("exit 1")
    eventually(lambda: not process.alive())
    assert process.stop() == 1


@pytest.mark.parametrize("script", ["exit 0", "exec sleep 60"])
def test_an_end_in_order_and_one_by_our_hand_are_fine(run, script):
    process = run(script)
    eventually(lambda: process.alive() == ("sleep" in script))
    process.kill()


def test_who_asks_how_it_ended_has_seen_it(run):
    process = run("exit 3")
    assert process.wait() == 3
    process.kill()


def test_a_program_may_end_as_it_likes_once_it_was_told_to(run):
    process = run("trap 'exit 7' TERM; while :; do sleep 0.05; done")
    eventually(lambda: process.alive())
    process.signal(signal.SIGTERM)
    eventually(lambda: not process.alive())
    process.kill()
