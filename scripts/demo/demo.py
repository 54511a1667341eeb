# SPDX-License-Identifier: Apache-2.0
"""The demo behind ./quickstart: starts what does not run, shows a message crossing, tells how to go on.

Everything it stores is under .demo in the checkout. It expects TRESTLE_BUILD, and TRESTLE_SYNAPSE_ENV unless a
homeserver is named.
"""

import argparse
import os
import secrets
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e")]

import servers  # noqa: E402
import show  # noqa: E402
from progress import Stop, say, step  # noqa: E402
from state import DEMO, State  # noqa: E402
from support.matrix_client import MatrixClient, MatrixError, call  # noqa: E402
from support.process import ProcessError  # noqa: E402

LOGS = DEMO / "logs"
SERVERS = ("trestle-irc", "synapse", "inspircd")  # in the order of stopping
BOT = "ircbridgebot"


def parse_options():
    parser = argparse.ArgumentParser(prog="quickstart", description="A running demo of trestle-irc on this machine.")
    parser.add_argument("--stop", action="store_true", help="end the demo; what it stored stays in .demo")
    parser.add_argument("--env", action="store_true", help="print the running demo as KEY=value lines")
    parser.add_argument("--homeserver", metavar="URL", help="use this homeserver instead of starting one")
    parser.add_argument("--domain", help="server name of that homeserver, when it cannot be found out")
    parser.add_argument("--user", default=os.environ.get("MATRIX_USER"), help="a user of that homeserver")
    parser.add_argument("--password", default=os.environ.get("MATRIX_PASSWORD"), help="that user's password")
    return parser.parse_args()


def server_name(url):
    """The domain in the homeserver's ids: it names itself with its keys; else the host of the URL is the best guess.
    A wrong one is found out as soon as the homeserver takes our registration."""
    try:
        return call(url, "GET", "/_matrix/key/v2/server", timeout=10)["server_name"]
    except (MatrixError, OSError, KeyError):
        host = urlsplit(url).hostname
        return "localhost" if host in ("127.0.0.1", "::1") else host


def external_user(state, options):
    """A user of somebody's homeserver: the one that was named, or a new one where anybody may register. Else None."""
    url = state["homeserver_url"]
    if "token" in state:
        return MatrixClient(url, state["user_id"], state["token"])
    try:
        if options.user:
            localpart = options.user.removeprefix("@").partition(":")[0]
            user = MatrixClient.login(url, localpart, options.password or "")
            state["user"], state["password"] = localpart, options.password or ""
        else:
            body = {"username": state["user"], "password": state["password"], "auth": {"type": "m.login.dummy"}}
            answer = call(url, "POST", "/_matrix/client/v3/register", body=body)
            user = MatrixClient(url, answer["user_id"], answer["access_token"])
    except MatrixError as refusal:
        if options.user:
            raise Stop(f"{url} does not log {options.user} in: {refusal}") from None
        return None
    state["user_id"], state["token"] = user.user_id, user.token
    state.save()
    return user


def start_own(state):
    """Synapse of our own. The registration names the room, so the room comes first; a homeserver reads registrations
    at its start only, so the first time it starts twice."""
    if not state.get("room"):
        with step("homeserver (Synapse), Matrix user and room"):
            servers.start_synapse(state, LOGS)
            servers.ensure_room(state, servers.demo_user(state))
    bridge = servers.make_bridge(state, LOGS, state["domain"], state["homeserver_url"])
    new = servers.ensure_registration(state, bridge)
    servers.bring_up(
        "homeserver with the registration",
        state.runs("synapse") and not new,
        lambda: servers.start_synapse(state, LOGS, bridge.registration),
    )
    user = servers.demo_user(state)
    servers.let_bot_in(state, user, f"@{BOT}:{state['domain']}")
    return user


def start_external(state, options):
    """Somebody's homeserver: its administrator has to add one line, and we wait for that."""
    url = state["homeserver_url"]
    user = external_user(state, options)
    if user:
        state["domain"] = user.user_id.partition(":")[2]
        servers.ensure_room(state, user)
    while True:
        bridge = servers.make_bridge(state, LOGS, state["domain"], url)
        servers.ensure_registration(state, bridge)
        token = servers.registration_value(bridge, "as_token")
        bot = servers.wait_for_registration(url, token, bridge.registration)
        domain = bot.partition(":")[2]
        if domain == state["domain"]:
            break
        say(f"The homeserver's name is {domain}, not {state['domain']}: the registration is written anew.")
        state["domain"] = domain
    user = user or MatrixClient(url, bot, token)
    servers.ensure_room(state, user)
    servers.let_bot_in(state, user, bot)
    return user


def running_config(state):
    """What the running bridge was started with, to see whether it has to start anew."""
    return [state.get(key) for key in ("homeserver_url", "domain", "irc_port", "room", "registration_for")]


def start(state, options):
    own = not options.homeserver and state.get("own", True)
    wanted = options.homeserver or (None if own else state["homeserver_url"])
    if state.get("own", own) != own or (wanted and state.get("homeserver_url", wanted) != wanted):
        raise Stop("a demo with another homeserver is kept in .demo: `./quickstart --stop`, remove .demo, then again")
    state["own"] = own
    if wanted:
        state["homeserver_url"] = wanted.rstrip("/")
    state.setdefault("domain", "localhost" if own else options.domain or server_name(state["homeserver_url"]))
    state.setdefault("user", "alice")
    state.setdefault("password", secrets.token_urlsafe(9))
    state.save()

    servers.bring_up("IRC server (InspIRCd)", state.runs("inspircd"), lambda: servers.start_ircd(state, LOGS))
    user = start_own(state) if own else start_external(state, options)
    bridge = servers.make_bridge(state, LOGS, state["domain"], state["homeserver_url"])
    changed = state.get("bridge_runs_with") != running_config(state)
    servers.bring_up(
        "bridge (trestle-irc)",
        state.runs("trestle-irc") and not changed,
        lambda: servers.start_bridge(state, bridge),
    )
    state["bridge_runs_with"] = running_config(state)
    state["config"] = str(bridge.path)
    state.save()
    with step("homeserver reaches the bridge (ping)"):
        token, name = (servers.registration_value(bridge, key) for key in ("as_token", "id"))
        servers.ping(state["homeserver_url"], token, name)
    can_speak = "token" in state
    show.demonstrate(state, user, can_speak)
    tell_how_to_go_on(state, can_speak)


def environment(state):
    """The running demo for scripts; the names are part of the interface."""
    return {
        "HOMESERVER_URL": state["homeserver_url"],
        "MATRIX_USER": state.get("user_id", ""),
        "MATRIX_PASSWORD": state["password"] if "token" in state else "",
        "ROOM_ID": state["room"],
        "IRC_HOST": "127.0.0.1",
        "IRC_PORT": state["irc_port"],
        "IRC_CHANNEL": servers.CHANNEL,
        "CONFIG": state["config"],
        "LOG_DIR": LOGS,
    }


def tell_how_to_go_on(state, can_speak):
    env = environment(state)
    say("\nIt runs. To go on:\n")
    say(f"  Homeserver   {env['HOMESERVER_URL']}   (any Matrix client on this machine)")
    if can_speak:
        say(f"  Matrix user  {env['MATRIX_USER']}   password {env['MATRIX_PASSWORD']}")
    else:
        say("  Matrix user  one of your own: join the room and write something; it arrives on IRC")
    say(f"  Room         {env['ROOM_ID']}")
    say(f"  IRC          {env['IRC_HOST']} port {env['IRC_PORT']} (no TLS), channel {env['IRC_CHANNEL']}")
    say(f"  Programs     {ROOT}/build/release/bin/   configuration {env['CONFIG']}")
    say(f"  Logs         {env['LOG_DIR']}\n")
    say("  From a shell:")
    say("    build/release/bin/trestle-irc-user " + " ".join(show.user_arguments(state["irc_port"])))
    if can_speak:
        say("    scripts/demo/say.py 'hello from Matrix'")
    say("\n  ./quickstart --env    these values as KEY=value lines")
    say("  ./quickstart --stop   ends it; what it stored stays in .demo")


def stop(state):
    stopped = []
    for name in SERVERS:
        if state["processes"].get(name):
            if state.stop(name):
                stopped.append(name)
    directory = state.pop("ircd_directory", None)
    if directory:
        shutil.rmtree(directory, ignore_errors=True)
    if state.path.exists():
        state.save()
    say(f"stopped: {', '.join(stopped)}" if stopped else "no demo was running")


def main():
    options = parse_options()
    state = State(DEMO / "state.json")
    if options.stop:
        stop(state)
        return 0
    if options.env:
        if not all(state.runs(name) for name in SERVERS if name != "synapse" or state.get("own")):
            print("quickstart: no demo is running", file=sys.stderr)
            return 1
        for key, value in environment(state).items():
            print(f"{key}={value}")
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    DEMO.chmod(0o700)
    try:
        start(state, options)
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Stop, ProcessError, MatrixError, AssertionError, OSError) as error:
        print(f"\nquickstart: {error}\nThe logs are in {LOGS}; `./quickstart --stop` ends what was started.")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; `./quickstart --stop` ends what was started")
        sys.exit(130)
