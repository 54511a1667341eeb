# SPDX-License-Identifier: Apache-2.0
"""What happens to messages when the bridge, the homeserver, the ircd or the store goes away and comes back: nothing is
lost, doubled or exchanged. The peers' ledgers say so, not the bridge.
"""

import contextlib
import sqlite3
import time

import pytest

from support.full_disk import SmallDisk
from support.matrix_client import quote
from support.waiting import eventually, stays
from support.world import numbered

# The bridge goes away


def both_ways(world, count, rate):
    """Begins `count` messages in each direction, at `rate` a second."""
    world.inject(count, rate=rate, prefix="out ")
    world.ircd.say("fay", "#a", "in {n}", count=count, rate=rate, first=1, wait=False)


def assert_all_arrived(world, count, timeout=40):
    assert world.wait_in_irc(count, timeout=timeout) == numbered("out ", count)
    assert world.wait_in_matrix(count, timeout=timeout) == numbered("in ", count)


def test_sigterm_in_the_middle_of_talk_loses_and_doubles_nothing(make_stub_world, database):
    world = make_stub_world(database=database)
    both_ways(world, 300, rate=200)
    for mark in (60, 160):
        world.wait_in_irc(mark)
        world.bridge.stop(timeout=12)
        world.bridge.start()
    assert_all_arrived(world, 300)


def test_a_kill_in_the_middle_of_talk_loses_and_doubles_nothing(make_stub_world, database):
    world = make_stub_world(database=database)
    both_ways(world, 400, rate=200)
    for mark in (30, 130, 190, 290):
        world.wait_in_irc(mark)
        world.kill_and_start()
    assert_all_arrived(world, 400)


def test_a_kill_on_a_server_without_history_loses_nothing_and_doubles_only_what_was_unconfirmed(make_stub_world):
    world = make_stub_world(ircd={"profile": "rfc"})
    world.inject(300, rate=200, prefix="out ")
    kills = (40, 120, 200)
    for mark in kills:
        world.wait_in_irc(mark)
        world.kill_and_start()
    eventually(lambda: "out 300" in world.in_irc(), 40, "the last line")
    said = world.in_irc()
    assert sorted(set(said), key=said.index) == numbered("out ", 300)
    assert len(said) - 300 <= 16 * len(kills)


def test_what_was_accepted_before_a_kill_is_delivered_without_the_homeserver(make_stub_world, database):
    world = make_stub_world(database=database)
    world.ircd.set(refuse="off")
    world.ircd.control("close", all=True, how="rst")
    world.inject(20, prefix="out ")
    world.stub.wait_until_pushed()
    world.bridge.kill()
    world.stub.pause()
    world.ircd.set(refuse="none")
    world.bridge.start()
    assert world.wait_in_irc(20) == numbered("out ", 20)


def test_lines_said_while_the_bridge_was_away_are_fetched_from_the_servers_history(stub_world):
    stub_world.ircd.say("fay", "#a", "before")
    stub_world.wait_in_matrix(1)
    stub_world.bridge.kill()
    stub_world.ircd.say("fay", "#a", "away {n}", count=250, first=1)
    stub_world.bridge.start()
    assert stub_world.wait_in_matrix(251, timeout=40) == ["before"] + numbered("away ", 250)


def test_a_line_has_the_time_at_which_it_was_said(stub_world):
    stub_world.ircd.say("fay", "#a", "live")
    stub_world.wait_in_matrix(1)
    stub_world.bridge.kill()
    stub_world.ircd.say("fay", "#a", "away")
    time.sleep(1.5)  # until it is told in Matrix
    stub_world.bridge.start()
    stub_world.wait_in_matrix(2)
    room = stub_world.rooms["#a"]
    sent = [line["event"] for line in stub_world.stub.ledger("send") if line["room"] == room and line["sender"].startswith("@irc_")]
    times = [stub_world.alice.request("GET", f"/rooms/{quote(room)}/event/{quote(event)}")["origin_server_ts"] for event in sent]
    assert times == [line["time"] for line in stub_world.ircd.history("#a")]


def test_a_message_of_several_lines_that_a_kill_cut_in_two_is_not_begun_anew(make_stub_world):
    world = make_stub_world(ircd={"delay_ms": 30})
    lines = numbered("line ", 40)
    world.say("\n".join(lines))
    world.wait_in_irc(20)
    world.kill_and_start()
    eventually(lambda: "line 40" in world.in_irc(), 40, "the last line")
    assert world.in_irc() == lines


def test_a_direct_chat_and_an_opened_channel_are_the_same_after_a_kill(make_stub_world, database):
    world = make_stub_world(database=database)
    world.say("I am here")
    world.wait_in_irc(1)
    bot = world.chat("alice")
    world.ask("alice", bot, "!join #opened")
    world.wait_for_bot("#opened")
    world.ircd.say("fay", "#opened", "opened 1")
    world.ircd.control("say", nick="fay", target="M-alice", format="psst 1")
    rooms = {text: world.room_of(text) for text in ("opened 1", "psst 1")}
    world.alice.join(rooms["psst 1"])
    world.kill_and_start()
    world.wait_for_bot("#opened")
    world.ircd.say("fay", "#opened", "opened 2")
    assert world.room_of("opened 2") == rooms["opened 1"]
    world.alice.send_text(rooms["psst 1"], "yes?")
    eventually(lambda: ("M-alice", "yes?") in world.ircd.said("fay"), 20, "the answer")
    world.ircd.control("say", nick="fay", target="M-alice", format="psst 2")
    assert world.room_of("psst 2") == rooms["psst 1"]
    assert "#opened" in world.ask("alice", bot, "!join #opened")[0]


# The homeserver fails


@pytest.mark.parametrize("status", [500, 502, 503])
def test_errors_of_the_homeserver_are_waited_out_in_order(stub_world, status):
    stub_world.stub.fail(2, status=status)
    stub_world.ircd.say("fay", "#a", "in {n}", count=30, first=1)
    assert stub_world.wait_in_matrix(30) == numbered("in ", 30)
    assert stub_world.stub.stats()["errors"] == 2


def test_retry_after_of_a_429_is_waited_for(stub_world):
    stub_world.stub.limit(1, retry_after_ms=2000)
    start = time.monotonic()
    stub_world.ircd.say("fay", "#a", "in {n}", count=5, first=1)
    assert stub_world.wait_in_matrix(5) == numbered("in ", 5)
    assert time.monotonic() - start >= 2
    assert stub_world.stub.stats()["limited"] == 1


def test_an_answer_that_got_lost_after_the_message_was_taken_doubles_nothing(stub_world):
    stub_world.stub.drop_answers(3, skip=2)
    stub_world.ircd.say("fay", "#a", "in {n}", count=20, first=1)
    assert stub_world.wait_in_matrix(20) == numbered("in ", 20)
    assert stub_world.stub.stats()["dropped"] == 3
    stays(lambda: len(stub_world.in_matrix()) == 20, 1, "the number of messages")


@pytest.mark.parametrize("lose_queue", [True, False], ids=["echo lost", "echo comes"])
def test_a_homeserver_that_forgot_the_transaction_id_doubles_nothing(stub_world, lose_queue):
    stub_world.ircd.say("fay", "#a", "warm up")
    stub_world.wait_in_matrix(1)
    stub_world.stub.pause()
    stub_world.stub.drop_answers(1)
    stub_world.ircd.say("fay", "#a", "in {n}", count=5, first=1)
    eventually(lambda: stub_world.stub.stats()["dropped"] == 1, 20, "the lost answer")
    stub_world.stub.restart(lose_queue=lose_queue)
    stub_world.stub.resume()
    assert stub_world.wait_in_matrix(6) == ["warm up"] + numbered("in ", 5)
    stays(lambda: len(stub_world.in_matrix()) == 6, 1, "the number of messages")


def test_a_kill_right_after_a_lost_answer_and_a_forgetful_homeserver_doubles_nothing(stub_world):
    stub_world.ircd.say("fay", "#a", "warm up")
    stub_world.wait_in_matrix(1)
    stub_world.stub.pause()
    stub_world.stub.drop_answers(1)
    stub_world.ircd.say("fay", "#a", "once")
    eventually(lambda: stub_world.stub.stats()["dropped"] == 1, 20, "the lost answer")
    stub_world.bridge.kill()
    stub_world.stub.restart(lose_queue=True)
    stub_world.stub.resume()
    stub_world.bridge.start()
    stub_world.ircd.say("fay", "#a", "twice")
    assert stub_world.wait_in_matrix(3) == ["warm up", "once", "twice"]


def test_lines_said_while_the_homeserver_is_down_arrive_once_and_in_order(make_stub_world, database):
    world = make_stub_world(database=database)
    world.stub.restart(down_ms=3000)
    world.ircd.say("fay", "#a", "in {n}", count=200, first=1)
    assert world.wait_in_matrix(200, timeout=40) == numbered("in ", 200)


def test_a_bridge_that_starts_before_its_homeserver_waits_for_it(make_stub_world):
    world = make_stub_world()
    world.bridge.kill()
    world.stub.restart(down_ms=4000)
    world.bridge.start(timeout=20)
    world.say("at last")
    assert world.wait_in_irc(1) == ["at last"]


def test_the_ping_at_start_brings_back_a_homeserver_that_had_given_up(make_stub_world):
    world = make_stub_world(stub_options={"backoff_unit_ms": 20000})
    world.bridge.kill()
    world.inject(10, prefix="out ")
    eventually(lambda: world.stub.stats()["backing_off"], 10, "the backing off")
    world.bridge.start()
    assert world.wait_in_irc(10, timeout=10) == numbered("out ", 10)


def test_transaction_ids_that_begin_again_drop_nothing(stub_world):
    """element-hq/synapse#14556: on SQLite they restart at 1."""
    for round_number in range(3):
        stub_world.inject(20, prefix="out ", first=round_number * 20 + 1)
        stub_world.stub.wait_until_pushed()
        stub_world.stub.restart(lose_queue=False)
    assert stub_world.wait_in_irc(60) == numbered("out ", 60)
    assert min(int(line["txn"]) for line in stub_world.stub.ledger("push")[-3:]) < 10


def test_events_sent_again_in_new_transactions_are_not_said_again(make_stub_world, database):
    world = make_stub_world(database=database)
    world.inject(50, prefix="out ")
    world.wait_in_irc(50)
    world.stub.wait_until_pushed()
    assert world.stub.resend(50) == 50
    world.stub.wait_until_pushed()
    world.bridge.kill()
    world.bridge.start()
    assert world.stub.resend(50) == 50
    world.stub.wait_until_pushed()
    world.say("end")
    eventually(lambda: "end" in world.in_irc(), 20, "the end")
    assert world.in_irc() == numbered("out ", 50) + ["end"]


# The ircd goes away


def test_text_queued_while_the_ircd_is_down_arrives_once_and_in_order(make_stub_world, database):
    world = make_stub_world(database=database)
    world.say("before")
    world.wait_in_irc(1)
    assert world.ircd.stop() == 0
    world.inject(50, prefix="out ")
    world.stub.wait_until_pushed()
    world.ircd.start()
    world.wait_for_bot("#a")
    assert world.wait_in_irc(51, timeout=40) == ["before"] + numbered("out ", 50)


def test_connections_reset_in_the_middle_of_a_burst_lose_and_double_nothing(make_stub_world):
    world = make_stub_world(ircd={"delay_ms": 5})
    world.inject(200, rate=400, prefix="out ")
    for mark in (20, 80, 140):
        world.wait_in_irc(mark)
        world.ircd.control("close", nick="M-alice", how="rst")
    assert world.wait_in_irc(200, timeout=40) == numbered("out ", 200)


def test_the_bot_comes_back_and_misses_nothing(stub_world):
    stub_world.ircd.say("fay", "#a", "in {n}", count=50, first=1)
    stub_world.ircd.control("close", nick="MatrixBot", how="rst")
    stub_world.ircd.say("fay", "#a", "in {n}", count=50, first=51)
    assert stub_world.wait_in_matrix(100) == numbered("in ", 100)


def test_a_server_that_hangs_up_on_registration_is_tried_again(make_stub_world):
    world = make_stub_world(ircd={"refuse": "close"}, ready=False)
    world.bridge.launch()
    eventually(lambda: world.ircd.ledger("CONNECT"), 20, "the first try")
    world.ircd.set(refuse="none")
    world.wait_for_bot("#a")
    eventually(world.bridge.ready, 10, "/ready")


def test_a_message_too_old_for_the_configured_age_is_given_up_and_told(make_stub_world):
    def change(_, entry):
        entry["drop_matrix_messages_after_seconds"] = 2

    world = make_stub_world(change=change)
    assert world.ircd.stop() == 0
    world.say("too old by then")
    told = eventually(lambda: world.in_matrix(sender=world.bot_user), 30, "word in the room")
    assert "too old by then" not in world.in_irc()
    assert told
    figures = world.bridge.metrics()
    assert any(name.startswith("trestle_messages_dead_total") and value == 1 for name, value in figures.items())
    world.ircd.start()
    world.wait_for_bot("#a")
    world.say("in time")
    assert world.wait_in_irc(1) == ["in time"]


def stored_progress(world):
    """Events of which lines or wordings are stored; the bridge is down."""
    with contextlib.closing(sqlite3.connect(world.bridge.directory / "trestle.db")) as store:
        return [row[0] for row in store.execute("SELECT event_id FROM irc_progress")]


def test_nothing_is_kept_of_a_message_that_was_given_up_for_its_age(make_stub_world):
    def change(_, entry):
        entry["drop_matrix_messages_after_seconds"] = 3

    world = make_stub_world(change=change)
    world.say("hello")
    world.wait_in_irc(1)
    world.ircd.control("silent", nick="M-alice", on=True)
    world.say("one\ntwo\nthree")
    world.stub.wait_until_pushed()
    stays(lambda: not world.in_irc()[1:], 0.5, "nothing more on IRC")
    assert world.ircd.stop() == 0
    eventually(lambda: world.in_matrix(sender=world.bot_user), 30, "word in the room")
    world.bridge.kill()
    assert len(stored_progress(world)) == 1
    world.ircd.start()
    world.bridge.start()
    world.wait_for_bot("#a")
    world.say("in time\nand whole")
    eventually(lambda: world.in_irc()[-2:] == ["in time", "and whole"], 20, "the next message")

    def swept():
        world.bridge.stop()
        left = stored_progress(world)
        if left:
            world.bridge.start()
            time.sleep(1)  # it looks once a second
        return not left

    eventually(swept, 20, "an empty table")


def test_a_message_that_irc_refuses_is_told_and_the_next_one_goes_on(stub_world):
    stub_world.ircd.control("mode", channel="#a", modes="+b M-alice!*@*")
    stub_world.say("from a banned person")
    told = eventually(lambda: stub_world.in_matrix(sender=stub_world.bot_user), 20, "word in the room")
    assert "#a" in told[0]
    stub_world.ircd.control("mode", channel="#a", modes="-b M-alice!*@*")
    stub_world.say("after the ban")
    assert stub_world.wait_in_irc(1) == ["after the ban"]


# The store goes away


def test_a_postgresql_that_is_killed_in_the_middle_costs_nothing(make_stub_world, postgres):
    world = make_stub_world(database=postgres.create_database("killed"))
    both_ways(world, 300, rate=100)
    world.wait_in_irc(50)
    postgres.kill()
    try:
        done = len(world.in_irc())
        stays(lambda: len(world.in_irc()) <= done + 32, 2, "the waiting")
    finally:
        postgres.start()
    assert_all_arrived(world, 300, timeout=60)


def refused(world):
    """A transaction was answered 503, so that the homeserver keeps it."""
    return [line for line in world.stub.ledger("push") if line["status"] == 503]


def test_a_full_disk_makes_the_homeserver_wait_and_everything_arrives_later(make_stub_world, workdir):
    disk = SmallDisk(workdir / "disk")
    try:
        world = make_stub_world(database=f"sqlite:{disk.directory}/trestle.db", wrapper=disk.wrapper)
        world.say("before")
        world.wait_in_irc(1)
        disk.fill(world.bridge.process)
        world.inject(200, prefix="out ")
        world.ircd.say("fay", "#a", "in {n}", count=100, first=1)
        eventually(lambda: refused(world), 20, "a refusal while the disk is full")
        assert world.bridge.process.alive()
        disk.free(world.bridge.process)
        assert world.wait_in_irc(201, timeout=40) == ["before"] + numbered("out ", 200)
        assert world.wait_in_matrix(100, timeout=40) == numbered("in ", 100)
        world.bridge.stop()
    finally:
        world.bridge.close()
        disk.close()
