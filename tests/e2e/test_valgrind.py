# SPDX-License-Identifier: Apache-2.0
"""The release build starts, carries a message each way and stops under valgrind without an error or a leak."""

import pytest

from support.bridge import irc_config
from support.irc_client import IrcClient

VALGRIND = [
    "valgrind",
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect",
    "--track-fds=no",
    "--error-exitcode=99",
]

pytestmark = [pytest.mark.valgrind, pytest.mark.timeout(200)]


def test_start_work_and_stop_are_clean_under_valgrind(make_synapse, make_bridge, inspircd):
    synapse = make_synapse()
    config = irc_config(synapse.url, synapse.domain, inspircd)
    bridge = make_bridge(config, wrapper=VALGRIND)
    synapse.add_registration(bridge.registration)
    synapse.restart()
    alice = synapse.register("alice")
    room = alice.create_room(preset="public_chat", invite=["@ircbridgebot:localhost"])
    parameters = config["bridged_irc_servers"][0]["parameters"]
    parameters["mappings"] = {"#valgrind": {"roomIds": [room]}}
    parameters["botConfig"]["nick"] = "ValgrindBot"
    bridge.write_config()
    bridge.start(timeout=60)
    with IrcClient(inspircd.host, inspircd.port, "vera") as vera:
        vera.join("#valgrind")
        vera.wait_for(
            lambda line: "ValgrindBot" in line and line.command in ("353", "JOIN"), 60, "the bot in the channel"
        )
        alice.sync()
        vera.say("#valgrind", "hello from IRC")
        alice.wait_for_text(room, "hello from IRC", timeout=60)
        alice.send_text(room, "hello from Matrix")
        vera.wait_for_text("hello from Matrix", timeout=60)
    bridge.stop(timeout=60)


def test_check_config_is_clean_under_valgrind(make_bridge, inspircd):
    bridge = make_bridge(irc_config("http://127.0.0.1:1", "localhost", inspircd), wrapper=VALGRIND)
    bridge.run("--check-config")
