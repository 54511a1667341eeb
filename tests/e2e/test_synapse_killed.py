# SPDX-License-Identifier: Apache-2.0
"""A real Synapse that is killed with a transaction on its way, and `appservice.orphan_flush`, which makes it send that
one again before newer ones.
"""

import contextlib
import json
import signal
import sqlite3

import pytest

from support.waiting import eventually
from support.world import SynapseWorld, numbered, spoken


@pytest.fixture
def killable(make_synapse, inspircd, workdir):
    """A world of this test's own with orphan_flush switched on."""
    made = []

    def make(prefix):
        synapse = make_synapse()
        world = SynapseWorld(workdir / "bridge", synapse, inspircd, prefix, rooms={"12": 1})
        made.append(world)
        world.bridge.config["appservice"]["orphan_flush"] = True
        world.bridge.write_config()
        synapse.stop()
        synapse.add_registration(world.bridge.registration)
        synapse.start()
        world.start()
        return world

    yield make
    for world in made:
        world.close()


def transactions(world):
    """The event ids that Synapse has written down for the bridge and has no 200 for, by transaction."""
    path = f"file:{world.synapse.directory / 'homeserver.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True)) as store:
        rows = store.execute("SELECT event_ids FROM application_services_txns").fetchall()
    return [json.loads(ids) for (ids,) in rows]


def said_by(client, nick):
    return [line.params[1] for line in client.lines if line.command == "PRIVMSG" and line.source.split("!")[0] == nick]


def test_a_transaction_that_was_on_its_way_when_both_were_killed_comes_first_and_once(killable):
    world = killable("orphan")
    channel, room = world.mapped(world.alice)
    with world.irc(channel) as ann:
        world.alice.send_text(room, "before")
        ann.wait_for_text("before", 30)
        eventually(lambda: not transactions(world), 20, "the end of what was on its way")
        # It has reached the machine and nobody has read it.
        world.bridge.process.signal(signal.SIGSTOP)
        world.alice.send_text(room, "orphan")
        eventually(lambda: transactions(world), 20, "a transaction on its way")
        world.synapse.kill()
        world.bridge.kill()
        world.synapse.start()
        world.bridge.start()
        world.alice.send_text(room, "after")
        ann.wait_for_text("after", 60)
        world.alice.send_text(room, "end")
        ann.wait_for_text("end", 60)
        # Whether the store knew by the kill that "before" was done cannot be seen from here: it may have come twice.
        said = said_by(ann, world.nick_of(world.alice))
        assert [text for text in said if text != "before"] == ["orphan", "after", "end"]
        eventually(lambda: not transactions(world), 20, "nothing left behind")


def test_talk_in_both_directions_survives_the_kill_of_a_real_homeserver_once_and_in_order(killable):
    world = killable("talk")
    channel, room = world.mapped(world.alice)
    there, back = numbered("there ", 20), numbered("back ", 150)
    with world.irc(channel) as ann:
        for text in there[:10]:
            world.alice.send_text(room, text)
        ann.wait_for_text(there[9], 30)
        for text in back[:75]:
            ann.say(channel, text)
        world.alice.wait_for_text(room, back[10], 30)
        # What Synapse holds in memory behind a transaction on its way is its own loss (element-hq/synapse#11637), so
        # nothing of alice's is: the load is IRC's.
        world.synapse.kill()
        for text in back[75:]:
            ann.say(channel, text)
        world.synapse.start()
        sent = {text: world.alice.send_text(room, text) for text in there[10:]}
        ann.wait_for_text(there[-1], 60)
        world.alice.wait_for_text(room, back[-1], 60)
        said = said_by(ann, world.nick_of(world.alice))
        assert said == [text for text in there if text in said]
        # A transaction that is made while Synapse goes over from retrying to sending can be left behind in its store
        # until the next failure: what has not come must be there, never given to the bridge.
        left_behind = {event for transaction in transactions(world) for event in transaction}
        assert {sent.get(text, text) for text in there if text not in said} <= left_behind
        assert spoken(world.alice, room, world.ghost(ann.nick)) == back
