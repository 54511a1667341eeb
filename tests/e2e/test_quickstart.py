# SPDX-License-Identifier: Apache-2.0
"""./quickstart as a new user runs it: both directions shown, how to go on, quick the second time, gone when stopped."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.irc_client import IrcClient
from support.matrix_client import MatrixClient
from support.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "A message that was accepted is never lost."
KEYS = "HOMESERVER_URL MATRIX_USER MATRIX_PASSWORD ROOM_ID IRC_HOST IRC_PORT IRC_CHANNEL CONFIG LOG_DIR".split()

pytestmark = pytest.mark.timeout(900)


class Demo:
    """A demo in a directory of its own. The release build is made by the first run."""

    def __init__(self, directory):
        self.directory = directory

    def run(self, *arguments, status=0):
        environment = {**os.environ, "TRESTLE_DEMO": str(self.directory)}
        done = subprocess.run(
            [ROOT / "quickstart", *arguments], env=environment, capture_output=True, text=True, timeout=800, check=False
        )
        assert done.returncode == status, f"quickstart {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def env(self):
        return dict(line.split("=", 1) for line in self.run("--env").splitlines())

    def pids(self):
        state = json.loads((self.directory / "state.json").read_text())
        return {name: process["pid"] for name, process in state["processes"].items()}


@pytest.fixture(scope="module")
def demo(scratch):
    demo = Demo(scratch / "demo")
    demo.first_output = demo.run()
    yield demo
    demo.run("--stop")


@pytest.fixture
def other_demo(workdir):
    demo = Demo(workdir / "demo")
    yield demo
    demo.run("--stop")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listening_addresses(pid):
    """The local addresses a process listens on, as the kernel writes them: hexadecimal, 0100007F is 127.0.0.1."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(link) if link.is_symlink() else ""
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    addresses = []
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.append(fields[1].split(":")[0])
    return addresses


def test_quickstart_shows_the_same_sentence_arriving_in_both_directions(demo):
    lines = [line for line in demo.first_output.splitlines() if SENTENCE in line]
    assert len(lines) == 4, demo.first_output
    assert [line.split()[0] for line in lines] == ["Matrix", "IRC", "IRC", "Matrix"]
    assert "./quickstart --stop" in demo.first_output


def test_quickstart_prints_a_running_demo_as_key_value_lines(demo):
    env = demo.env()
    assert list(env) == KEYS
    assert Path(env["CONFIG"]).exists() and (Path(env["LOG_DIR"]) / "trestle-irc.log").exists()
    user = MatrixClient.login(env["HOMESERVER_URL"], env["MATRIX_USER"][1:].split(":")[0], env["MATRIX_PASSWORD"])
    with IrcClient(env["IRC_HOST"], int(env["IRC_PORT"]), "newcomer") as irc:
        irc.join(env["IRC_CHANNEL"])
        user.sync()
        irc.say(env["IRC_CHANNEL"], "good morning")
        user.wait_for_text(env["ROOM_ID"], "good morning")
        user.send_text(env["ROOM_ID"], "good morning to you")
        irc.wait_for_text("good morning to you")


def test_quickstart_listens_on_loopback_only(demo):
    for name, pid in demo.pids().items():
        addresses = listening_addresses(pid)
        assert addresses, f"{name} listens nowhere"
        assert set(addresses) == {"0100007F"}, f"{name} listens on {addresses}"


def test_a_second_quickstart_takes_seconds_and_starts_nothing_anew(demo):
    before = demo.pids(), demo.env()
    start = time.monotonic()
    output = demo.run()
    assert time.monotonic() - start < 20 * PATIENCE
    assert output.count(SENTENCE) == 4
    assert (demo.pids(), demo.env()) == before


def test_quickstart_stops_what_it_started_and_comes_back_with_what_it_stored(demo):
    pids, room = demo.pids(), demo.env()["ROOM_ID"]
    assert "stopped" in demo.run("--stop")
    assert not [name for name, pid in pids.items() if is_running(pid)]
    demo.run("--env", status=1)
    demo.run()
    assert demo.env()["ROOM_ID"] == room


def test_quickstart_waits_for_the_administrator_of_a_homeserver_it_did_not_start(make_synapse, other_demo):
    synapse = make_synapse()
    synapse.register("zoe", "pass word")
    output = []
    runner = threading.Thread(
        target=lambda: output.append(
            other_demo.run("--homeserver", synapse.url, "--user", "zoe", "--password", "pass word")
        )
    )
    runner.start()
    registration = other_demo.directory / "bridge/registration.yml"
    deadline = time.monotonic() + 300
    while not registration.exists() and runner.is_alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    assert runner.is_alive(), output
    synapse.add_registration(registration)
    synapse.restart()
    runner.join(120)
    assert output and output[0].count(SENTENCE) == 4
    assert str(registration) in output[0]
    assert "app_service_config_files" in output[0]
    assert other_demo.env()["MATRIX_USER"] == "@zoe:localhost"
