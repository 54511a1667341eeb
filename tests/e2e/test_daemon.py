# SPDX-License-Identifier: Apache-2.0
"""The program as an administrator meets it: its configuration, its registration, its signals, its figures, its refusals."""

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess

import pytest

from support.bridge import Bridge, irc_config, program, registration_fields
from support.irc_client import IrcClient
from support.matrix_client import MatrixClient, MatrixError, call, call_raw, quote
from support.ports import free_port
from support.waiting import eventually, stays
from support.world import numbered, unpaced

SEEDS = """\
key_file: passkey.pem
bridged_irc_servers:
- postgres_fqdn: ircbridge-postgres
  postgres_user: ircbridge
  postgres_db: ircbridge
  postgres_password: postgres_password
  admins:
  - "@user:example.com"
  logging_level: debug
  enable_presence: true
  drop_matrix_messages_after_seconds: 0
  bot_username: "ircbridgebot"
  provisioning_room_limit: 50
  rmau_limit: 100
  users_prefix: "irc_"
  alias_prefix: "irc_"
  address: irc.example.com
  parameters:
    name: "Example IRC"
    port: 6697
    ssl: true
    botConfig:
      enabled: true
      nick: "MatrixBot"
      username: "matrixbot"
      password: "some_password"
    dynamicChannels:
      enabled: true
    mappings:
      "#welcome":
        roomIds: ["!MLdeIFVsWCgrPkcYkL:example.com"]
    ircClients:
      allowNickChanges: true
homeserver: {url: "http://127.0.0.1:8008", domain: example.com}
"""

MISTAKES = """\
homeserver: {url: "ftp://127.0.0.1", domain: example.com}
appservice: {listen: "127.0.0.1:99999", registratoin: registration.yml}
metrics: {listen: nowhere}
bridged_irc_servers:
- address: irc.example.com
  bot_username: "Not A Localpart"
  admins: ["user"]
  drop_matrix_messages_after_seconds: -1
  parameters:
    port: seventy
    ssl: maybe
    botConfig: {nick: "9lives"}
    mappings:
      "welcome": {roomIds: ["!room:example.com"]}
"""


class Directory:
    """A directory with a bridge.yml that is only read."""

    def __init__(self, path, text):
        self.path = path
        (path / "bridge.yml").write_text(text)

    def run(self, *arguments):
        argv = [program(), "--config", self.path / "bridge.yml", *arguments]
        done = subprocess.run(argv, cwd="/", capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout + done.stderr


# The configuration


def test_every_mistake_is_told_in_one_run_with_its_place(workdir):
    status, output = Directory(workdir, MISTAKES).run("--check-config")
    assert status == 78
    told = re.findall(rf"^{re.escape(str(workdir))}/bridge\.yml:(\d+):(\d+): (\S+): (.+)$", output, re.MULTILINE)
    lines = {int(line) for line, _, _, _ in told}
    assert {1, 2, 3, 6, 7, 8, 10, 11, 12, 14} <= lines, output
    assert any("registration" in sentence for line, _, _, sentence in told if line == "2"), "the nearest known name"
    places = [(int(line), int(column)) for line, column, _, _ in told]
    assert places == sorted(places) and len(places) == len(set(places))


def test_a_file_that_is_no_yaml_is_told_with_its_place(workdir):
    status, output = Directory(workdir, "homeserver: {url: 'http://x'\nb: [").run("--check-config")
    assert status == 78 and re.search(r"bridge\.yml:\d+:\d+: ", output)


def test_a_file_that_is_not_there_is_told(workdir):
    argv = [program(), "--config", workdir / "missing.yml", "--check-config"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78 and "missing.yml" in done.stdout + done.stderr


def test_mistakes_keep_the_daemon_from_starting(workdir):
    status, output = Directory(workdir, MISTAKES).run()
    assert status == 78 and "bridge.yml:1:" in output


def test_the_configuration_of_the_seeds_is_taken_as_it_is(workdir):
    status, output = Directory(workdir, SEEDS).run("--check-config")
    assert status == 0, output
    assert re.search(r"rmau_limit.*not yet", output), "what is not acted on is reported"


@pytest.mark.parametrize("form", ["json", "flow"])
def test_any_yaml_is_taken(workdir, form):
    config = irc_config("http://127.0.0.1:8008", "example.com", Elsewhere())
    text = json.dumps(config) if form == "flow" else json.dumps(config, indent=2)
    status, output = Directory(workdir, text).run("--check-config")
    assert status == 0, output


class Elsewhere:
    """An ircd that is not there."""

    host = "127.0.0.1"
    port = 6667


def test_a_wrong_command_line_has_a_status_of_its_own(workdir):
    for arguments in (["--nonsense"], [], ["--config"], ["--config", "a", "--doctor", "--check-config"]):
        done = subprocess.run([program(), *arguments], cwd=workdir, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 64 and done.stderr, arguments
    assert subprocess.run([program(), "--version"], capture_output=True, timeout=30, check=True).stdout.startswith(b"trestle-irc ")
    assert b"--check-config" in subprocess.run([program(), "--help"], capture_output=True, timeout=30, check=True).stdout


# The registration


def test_a_registration_is_written_once_and_keeps_its_tokens(workdir):
    bridge = Bridge(workdir / "bridge", irc_config("http://127.0.0.1:8008", "example.com", Elsewhere()))
    path = bridge.generate_registration()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = registration_fields(path)
    assert first["sender_localpart"] == "ircbridgebot" and first["rate_limited"] == "false"
    assert first["url"] == "http://" + bridge.config["appservice"]["listen"]
    assert len({first["id"], first["as_token"], first["hs_token"]}) == 3 and len(first["as_token"]) >= 32
    text = path.read_text()
    assert r"@irc_.*:example\\.com" in text and "exclusive: true" in text and "push_ephemeral" in text
    bridge.generate_registration()
    assert registration_fields(path) == first


def test_synapse_knows_the_bridge_by_its_registration_and_reaches_it(inspircd_world):
    world = inspircd_world
    fields = registration_fields(world.bridge.registration)
    bot = MatrixClient(world.synapse.url, world.bot_user, fields["as_token"])
    assert bot.request("GET", "/account/whoami")["user_id"] == world.bot_user
    path = f"/_matrix/client/v1/appservice/{quote(fields['id'])}/ping"
    assert call(world.synapse.url, "POST", path, token=fields["as_token"], body={"transaction_id": "t"})["duration_ms"] >= 0


def test_a_missing_registration_is_told_with_the_command_that_writes_one(workdir):
    bridge = Bridge(workdir / "bridge", irc_config("http://127.0.0.1:8008", "example.com", Elsewhere()))
    output = bridge.run(status=1)
    assert "--generate-registration" in output and "registration.yml" in output


# Several bridges


def test_two_bridges_in_one_daemon_have_registrations_and_stores_of_their_own(workdir, make_synapse, inspircd, ngircd):
    synapse = make_synapse()
    config = unpaced(irc_config(synapse.url, synapse.domain, inspircd))
    del config["database"]
    second = unpaced(irc_config(synapse.url, synapse.domain, ngircd))["bridged_irc_servers"][0]
    config["bridged_irc_servers"].append(second)
    for name, entry in zip(("one", "two"), config["bridged_irc_servers"]):
        entry.update(registration=f"{name}.yml", database=f"sqlite:{name}.db", bot_username=f"bot{name}",
                     users_prefix=f"{name}_", alias_prefix=f"{name}_")
        entry["parameters"]["name"] = f"Net {name}"
        entry["parameters"]["botConfig"]["nick"] = f"Pair{name}"
    bridge = Bridge(workdir / "pair", config)
    bridge.run("--generate-registration", "ignored.yml")
    for name in ("one", "two"):
        synapse.add_registration(bridge.directory / f"{name}.yml")
    synapse.restart()
    alice = synapse.register("alice")
    rooms = {}
    for name, entry in zip(("one", "two"), config["bridged_irc_servers"]):
        rooms[name] = alice.create_room(preset="public_chat")
        entry["parameters"]["mappings"] = {"#pair": {"roomIds": [rooms[name]]}}
    bridge.write_config()
    try:
        bridge.start()
        for name, ircd in (("one", inspircd), ("two", ngircd)):
            with IrcClient(ircd.host, ircd.port, "ann") as ann:
                ann.join("#pair")
                ann.wait_for(lambda line, bot=f"Pair{name}": bot in line, 20, "the bot")
                ann.say("#pair", f"hello {name}")
                alice.wait_for_text(rooms[name], f"hello {name}", sender=f"@{name}_ann:localhost")
                alice.send_text(rooms[name], f"back {name}")
                ann.wait_for_text(f"back {name}")
        assert (bridge.directory / "one.db").exists() and (bridge.directory / "two.db").exists()
        bridge.stop()
    finally:
        bridge.close()


# Signals


def test_sighup_takes_a_good_file_over_and_leaves_a_bad_one(stub_world):
    bridge = stub_world.bridge
    output = bridge.process.output
    good = bridge.path.read_text()
    bridge.path.write_text(good.replace('"level": "debug"', '"level": "loud"'))
    bridge.process.signal(signal.SIGHUP)
    eventually(lambda: "the old one stays in force" in output(), 10, "the refusal", output)
    assert re.search(r"bridge\.yml:\d+:\d+: ", output())
    stub_world.say("still at work")
    assert stub_world.wait_in_irc(1) == ["still at work"]
    bridge.path.write_text(good.replace('"level": "debug"', '"level": "error"'))
    bridge.process.signal(signal.SIGHUP)
    eventually(lambda: "logging.level" in output(), 10, "word of the change", output)
    length = len(output())
    stub_world.inject(20, prefix="quiet ")
    stub_world.wait_in_irc(21)
    assert "debug" not in output()[length:].lower()
    bridge.stop()


def test_sighup_names_what_only_a_restart_takes_over(stub_world):
    bridge = stub_world.bridge
    stub_world.entry["address"] = "other.example.com"
    bridge.write_config()
    bridge.process.signal(signal.SIGHUP)
    eventually(lambda: re.search(r"only a restart takes over: .*address", bridge.process.output()), 10, "the sentence")
    stub_world.say("still at work")
    assert stub_world.wait_in_irc(1) == ["still at work"]


def test_sigterm_ends_it_in_order_and_its_connections_with_quit(stub_world):
    stub_world.say("here")
    stub_world.wait_in_irc(1)
    stub_world.bridge.stop(timeout=10)
    assert any(line.startswith("QUIT") for line in stub_world.ircd.taken("M-alice"))
    assert any(line.startswith("QUIT") for line in stub_world.ircd.taken("MatrixBot"))


def test_sigterm_ends_it_within_ten_seconds_while_nobody_answers(make_stub_world):
    world = make_stub_world()
    world.say("here")
    world.wait_in_irc(1)
    world.ircd.control("silent", all=True, on=True)
    world.stub.settings(delay_ms=60000)
    world.inject(20)
    assert world.bridge.process.stop(11) == 0
    world.stub.settings(delay_ms=0)
    world.ircd.control("silent", all=True, on=False)


def test_sigint_is_taken_as_sigterm(stub_world):
    stub_world.bridge.process.signal(signal.SIGINT)
    assert stub_world.bridge.process.wait(10) == 0


def test_the_service_manager_is_told_of_ready_reload_and_stop(make_stub_world, workdir, monkeypatch):
    address = str(workdir / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(15)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        world = make_stub_world()
        assert manager.recv(4096).startswith(b"READY=1")
        world.bridge.process.signal(signal.SIGHUP)
        assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(4096).startswith(b"READY=1")
        world.bridge.process.signal(signal.SIGTERM)
        assert manager.recv(4096).startswith(b"STOPPING=1")
        assert world.bridge.process.wait(10) == 0


# Figures and health


def test_figures_and_health_are_served(stub_world):
    stub_world.say("out")
    stub_world.wait_in_irc(1)
    stub_world.ircd.say("fay", "#a", "in")
    stub_world.wait_in_matrix(1)
    assert stub_world.bridge.get("/live") == (200, "live\n")
    status, sentences = stub_world.bridge.get("/ready")
    assert status == 200 and "connected" in sentences
    figures = eventually(lambda: (found := stub_world.bridge.metrics()) and delivered(found, "from_matrix") and found, 5)
    names = {name.split("{")[0] for name in figures}
    for name in ("trestle_messages_accepted_total", "trestle_messages_delivered_total", "trestle_remote_connections",
                 "trestle_homeserver_seconds_count", "trestle_store_commit_seconds_count", "trestle_queue_depth"):
        assert name in names, f"{name} is missing: {sorted(names)}"
    assert delivered(figures, "from_matrix") == 1 and delivered(figures, "to_matrix") == 1
    assert stub_world.bridge.get("/elsewhere")[0] == 404


def delivered(figures, direction):
    return sum(value for name, value in figures.items()
               if name.startswith("trestle_messages_delivered_total{") and f'direction="{direction}"' in name)


def test_the_depth_of_the_queue_is_seen_while_the_network_is_away(stub_world):
    assert stub_world.ircd.stop() == 0
    stub_world.inject(7)
    stub_world.stub.wait_until_pushed()

    def depth():
        return sum(value for name, value in stub_world.bridge.metrics().items()
                   if name.startswith("trestle_queue_depth{") and 'direction="from_matrix"' in name)

    eventually(lambda: depth() == 7, 10, "seven in the queue")
    status, sentence = stub_world.bridge.get("/ready")
    assert status == 503 and "not connected" in sentence
    assert stub_world.bridge.get("/live")[0] == 200


# Refusals


def test_a_store_newer_than_the_program_is_refused_and_left_alone(stub_world):
    stub_world.bridge.stop()
    path = stub_world.bridge.directory / "trestle.db"
    with sqlite3.connect(path) as store:
        components = [row[0] for row in store.execute("SELECT component FROM trestle_schema")]
        store.execute("UPDATE trestle_schema SET version = 4711 WHERE component = ?", (components[0],))
    store.close()
    output = stub_world.bridge.run(status=1)
    assert "4711" in output and "newer program" in output


def test_a_second_daemon_on_the_same_store_is_refused(make_stub_world, database):
    stub_world = make_stub_world(database=database)
    stub_world.bridge.config["appservice"]["listen"] = f"127.0.0.1:{free_port()}"
    stub_world.bridge.config["metrics"]["listen"] = f"127.0.0.1:{free_port()}"
    other = stub_world.bridge.directory / "other.yml"
    other.write_text(json.dumps(stub_world.bridge.config))
    done = subprocess.run([program(), "--config", other], capture_output=True, text=True, timeout=30, check=False)
    said = done.stderr + done.stdout
    assert done.returncode == 1 and "stop the other" in said
    assert database.split("/")[-1].replace("sqlite:", "") in said
    stub_world.say("the first goes on")
    assert stub_world.wait_in_irc(1) == ["the first goes on"]


def test_a_low_limit_of_open_files_is_told_with_what_to_do(make_stub_world):
    world = make_stub_world(wrapper=["prlimit", "--nofile=128:128"])
    assert "only 128 files and connections" in world.bridge.process.output()
    assert "ulimit -n" in world.bridge.process.output()
    world.say("it works for few")
    assert world.wait_in_irc(1) == ["it works for few"]


@pytest.mark.parametrize("section", ["appservice", "metrics"])
def test_a_port_in_use_is_told_with_the_key_that_names_it(workdir, section):
    bridge = Bridge(workdir / "bridge", irc_config("http://127.0.0.1:1", "example.com", Elsewhere()))
    bridge.generate_registration()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bridge.config[section]["listen"] = f"127.0.0.1:{taken.getsockname()[1]}"
        bridge.write_config()
        output = bridge.run(status=1)
    assert f"{section}.listen" in output and "use" in output


def push(world, events, *, token="", method="PUT", path="/_matrix/app/v1/transactions/t1", body=None):
    """What the listener answers: status and errcode."""
    data = body if body is not None else json.dumps({"events": events}).encode()
    url = "http://" + world.bridge.config["appservice"]["listen"]
    try:
        call_raw(url, method, path, data, token=token or None)
        return 200, None
    except MatrixError as refusal:
        return refusal.status, refusal.errcode


def test_only_the_homeserver_is_listened_to(stub_world):
    assert push(stub_world, []) == (401, "M_MISSING_TOKEN")
    assert push(stub_world, [], token="wrong") == (403, "M_FORBIDDEN")
    assert push(stub_world, [], token=stub_world.as_token) == (403, "M_FORBIDDEN")
    assert push(stub_world, [], token=stub_world.hs_token) == (200, None)
    assert push(stub_world, [], path="/_matrix/app/v1/transactions/t2?access_token=" + stub_world.hs_token)[0] == 401
    assert push(stub_world, [], token=stub_world.hs_token, path="/elsewhere") == (404, "M_UNRECOGNIZED")
    assert push(stub_world, [], token=stub_world.hs_token, method="POST") == (405, "M_UNRECOGNIZED")


def test_bodies_up_to_sixteen_mebibytes_are_taken_and_larger_ones_refused(stub_world):
    def body(size):
        start = b'{"events":[],"padding":"'
        return start + b"x" * (size - len(start) - 2) + b'"}'

    mebibyte = 1024 * 1024
    assert push(stub_world, [], token=stub_world.hs_token, body=body(16 * mebibyte))[0] == 200
    assert push(stub_world, [], token=stub_world.hs_token, body=body(17 * mebibyte))[0] == 413
    stub_world.say("still at work")
    assert stub_world.wait_in_irc(1) == ["still at work"]


def test_the_postgresql_keys_of_the_seeds_name_the_store(make_stub_world, postgres):
    postgres.create_database("seeds")

    def change(config, entry):
        del config["database"]
        entry.update(postgres_fqdn="127.0.0.1", postgres_port=postgres.port, postgres_user="trestle",
                     postgres_db="seeds", postgres_password="not asked for", postgres_sslmode="disable")

    world = make_stub_world(change=change)
    world.say("kept in PostgreSQL")
    world.wait_in_irc(1)
    eventually(lambda: postgres.query("SELECT count(*) FROM from_matrix", "seeds") == ["1"], 5, "the row")


def test_no_connection_is_left_after_the_end(stub_world):
    stub_world.inject(50, prefix="out ")
    assert stub_world.wait_in_irc(50) == numbered("out ", 50)
    stub_world.bridge.stop()
    stays(lambda: stub_world.ircd.client("MatrixBot") is None, 0.5, "the silence")
