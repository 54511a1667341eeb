# SPDX-License-Identifier: Apache-2.0
"""Brings up the three servers of the demo, or finds them running: IRC server, homeserver, bridge.

The classes are those of the end-to-end tests; here they are started detached and remembered in the state.
"""

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from progress import Stop, say, step
from support.bridge import Bridge, irc_config
from support.inspircd import USER as IRC_USER
from support.inspircd import InspIRCd
from support.matrix_client import MatrixClient, MatrixError, call, quote
from support.ports import free_port, is_listening
from support.synapse import Synapse

CHANNEL = "#trestle"
BOT_NICK = "MatrixBot"


def start_ircd(state, logs):
    """The IRC server; its port stays the same as long as nobody else took it."""
    ircd = InspIRCd(_ircd_directory(state), detached=True)
    if state.get("irc_port") and not is_listening(state["irc_port"]):
        ircd.port = state["irc_port"]
    ircd.log = logs / "inspircd.log"
    ircd.start()
    state["irc_port"] = ircd.port
    state.started("inspircd", ircd.process.pid)


# InspIRCd does not run as root, and its own user cannot look into root's directories.
def _ircd_directory(state):
    if os.geteuid() != 0:
        return state.path.parent / "inspircd"
    if not Path(state.get("ircd_directory", "")).is_dir() or "ircd_directory" not in state:
        state["ircd_directory"] = tempfile.mkdtemp(prefix="trestle-demo-")
        shutil.chown(state["ircd_directory"], IRC_USER)
    return state["ircd_directory"]


def make_bridge(state, logs, domain, homeserver_url):
    """The bridge's directory with configuration and registration; the ports in it stay unless they are taken."""
    if not state.runs("trestle-irc"):
        for name in ("appservice_port", "metrics_port"):
            if name not in state or is_listening(state[name]):
                state[name] = free_port()
        state.save()

    class Address:
        host, port = "127.0.0.1", state["irc_port"]

    mappings = {CHANNEL: [state["room"]]} if state.get("room") else {}
    config = irc_config(homeserver_url, domain, Address, mappings=mappings)
    config["appservice"]["listen"] = f"127.0.0.1:{state['appservice_port']}"
    config["metrics"]["listen"] = f"127.0.0.1:{state['metrics_port']}"
    config["logging"]["level"] = "info"
    parameters = config["bridged_irc_servers"][0]["parameters"]
    parameters["name"] = "Demo IRC"
    parameters["botConfig"]["nick"] = BOT_NICK
    del parameters["ircClients"]
    bridge = Bridge(state.path.parent / "bridge", config, detached=True)
    bridge.log = logs / "trestle-irc.log"
    return bridge


def ensure_registration(state, bridge):
    """Generates the registration unless one for this address and room is there. Returns whether it is new."""
    made_for = [state["appservice_port"], state["domain"], state.get("room")]
    if bridge.registration.exists() and state.get("registration_for") == made_for:
        return False
    bridge.registration.unlink(missing_ok=True)
    bridge.generate_registration()
    state["registration_for"] = made_for
    state.save()
    return True


def registration_value(bridge, key):
    """A top-level value of the registration file, which is flat enough for this."""
    for line in bridge.registration.read_text().splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip().strip('"') == key:
            return value.strip().rstrip(",").strip("\"'")
    raise Stop(f"{bridge.registration} has no {key}")


def start_synapse(state, logs, registration=None):
    """Starts it anew: what runs is stopped, since registrations are read at the start only."""
    state.stop("synapse")
    registrations = [registration] if registration else []
    synapse = Synapse(state.path.parent / "synapse", registrations=registrations, detached=True)
    synapse.log = logs / "synapse.log"
    synapse.start()
    state["homeserver_url"] = synapse.url
    state.started("synapse", synapse.process.pid)


def demo_user(state):
    """The user of the own homeserver, registered the first time."""
    synapse = Synapse(state.path.parent / "synapse", python="")
    if "token" not in state:
        user = synapse.register(state["user"], state["password"])
        state["user_id"], state["token"] = user.user_id, user.token
        state.save()
    return MatrixClient(synapse.url, state["user_id"], state["token"])


def wait_for_registration(url, as_token, registration, patience=3600):
    """Waits until the homeserver knows our token; tells once what its administrator has to do. Returns the bot's id."""
    told = False
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            return call(url, "GET", "/_matrix/client/v3/account/whoami", token=as_token, timeout=10)["user_id"]
        except MatrixError as refusal:
            if refusal.status != 401 and refusal.status != 403:
                raise
        except OSError as error:
            if not told:
                say(f"(no answer from {url} yet: {error})")
        if not told:
            told = True
            say(f"\nThe homeserver at {url} does not know the bridge yet. In its homeserver.yaml add")
            say(f"\n    app_service_config_files:\n      - {registration}\n")
            say("and restart it. Waiting for that ...")
        time.sleep(2)
    raise Stop(f"{url} did not accept the registration within {patience // 60} minutes")


def ping(url, as_token, registration_id, patience=30):
    """The homeserver asks the bridge: the other half of the way, with the homeserver's own reason when it fails."""
    deadline = time.monotonic() + patience
    while True:
        try:
            path = f"/_matrix/client/v1/appservice/{quote(registration_id)}/ping"
            return call(url, "POST", path, token=as_token, body={}, timeout=30)
        except MatrixError as refusal:
            if time.monotonic() > deadline:
                raise Stop(f"the homeserver cannot reach the bridge: {refusal}") from None
        time.sleep(1)


def ensure_room(state, owner):
    """The room that is mapped to the channel, made once."""
    if not state.get("room"):
        state["room"] = owner.create_room(name="trestle demo", preset="public_chat")
        state.save()


def let_bot_in(state, owner, bot):
    """Invites the bridge's bot, with the power to say in the room's state what it is bridged to."""
    if owner.user_id == bot or bot in owner.joined_members(state["room"]):
        return
    levels = owner.state(state["room"], "m.room.power_levels")
    levels.setdefault("users", {})[bot] = 50
    owner.set_state(state["room"], "m.room.power_levels", levels)
    with contextlib.suppress(MatrixError):  # already invited, by a start that did not come to its end
        owner.invite(state["room"], bot)


def start_bridge(state, bridge):
    """Starts trestle-irc anew and waits until it is ready."""
    state.stop("trestle-irc")
    bridge.launch()
    state.started("trestle-irc", bridge.process.pid)
    bridge.process.wait_ready(bridge.ready, 30)


def bring_up(name, is_running, start):
    """A step that starts what does not run."""
    with step(f"{name} runs already" if is_running else name):
        if not is_running:
            start()
