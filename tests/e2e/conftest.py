# SPDX-License-Identifier: Apache-2.0
"""Fixtures: real servers for the whole run where tests can share them, a bridge per test.

A server that does not start fails the test; nothing is skipped.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

from support.atheme import Atheme
from support.bridge import Bridge
from support.inspircd import DEAF_AND_OPERATORS, InspIRCd
from support.ngircd import NgIRCd
from support.postgres import Postgres
from support.process import Process
from support.scripted_ircd import ScriptedIrcd
from support.stub_homeserver import StubHomeserver
from support.synapse import Synapse
from support.weechat import WeeChat
from support.world import StubWorld, SynapseWorld, parameters_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """A test that failed shows the last words of every program that was there."""
    report = yield
    if report.failed:
        for process in sorted(Process.started, key=lambda process: process.pid):
            if not process.log.exists():  # of a test before
                continue
            state = "running" if process.alive() else "ended"
            report.sections.append((f"{process.name}, {state}, end of {process.log}", process.tail(60)))
    return report


@pytest.fixture(scope="session")
def scratch():
    """A directory that servers under other users can reach; removed at the end unless TRESTLE_KEEP_SCRATCH is set."""
    path = Path(tempfile.mkdtemp(prefix="trestle-e2e-"))
    path.chmod(0o755)
    yield path
    if "TRESTLE_KEEP_SCRATCH" not in os.environ:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def workdir(scratch, request):
    """This test's own directory."""
    path = Path(tempfile.mkdtemp(prefix=request.node.name[:40].replace("/", "_") + "-", dir=scratch))
    path.chmod(0o755)
    return path


def shared(name, make):
    """A server for the whole run, made in a directory of its own and running."""

    @pytest.fixture(scope="session", name=name)
    def server(scratch):
        made = make(scratch / name)
        made.start()
        yield made
        made.close()

    return server


def several(name, called, make):
    """make_x(options) -> a server of this test's own, made in a directory of its own and running."""

    @pytest.fixture(name=name)
    def factory(workdir):
        made = []

        def make_one(**options):
            made.append(make(workdir / f"{called}{len(made)}", **options))
            made[-1].start()
            return made[-1]

        yield make_one
        for server in made:
            server.close()

    return factory


# Shared by all tests: use channel names, nicks and databases of your own.
inspircd = shared("inspircd", lambda directory: InspIRCd(directory, services=True))
deaf_inspircd = shared("deaf_inspircd", lambda directory: InspIRCd(directory, extra=DEAF_AND_OPERATORS))
ngircd = shared("ngircd", NgIRCd)
postgres = shared("postgres", Postgres)


@pytest.fixture(scope="session")
def atheme(scratch, inspircd):
    services = Atheme(scratch / "atheme", inspircd)
    services.start()
    yield services
    services.close()


make_scripted_ircd = several("make_scripted_ircd", "scripted-ircd", ScriptedIrcd)  # each must end well


@pytest.fixture
def scripted_ircd(make_scripted_ircd):
    return make_scripted_ircd()


make_synapse = several("make_synapse", "synapse", Synapse)


@pytest.fixture
def synapse(make_synapse):
    return make_synapse()


@pytest.fixture
def make_stub_homeserver(workdir):
    """make_stub_homeserver(as_url=..., ...) -> a started stub homeserver; it must end without complaint."""
    made = []

    def make(**options):
        server = StubHomeserver(workdir / f"stub{len(made)}", **options)
        made.append(server)
        server.start()
        return server

    yield make
    statuses = [server.stop() if server.process.alive() else server.process.exit_status() for server in made]
    assert statuses == [0] * len(made), "a stub homeserver ended badly; see its log"


@pytest.fixture
def make_bridge(workdir):
    """make_bridge(config) -> a Bridge with its registration generated, not started."""
    made = []

    def make(config, **options):
        bridge = Bridge(workdir / f"bridge{len(made)}", config, **options)
        made.append(bridge)
        bridge.generate_registration()
        return bridge

    yield make
    for bridge in made:
        bridge.close()


@contextlib.contextmanager
def running(synapse, *worlds, ends=()):
    """A Synapse that knows the bridges of these worlds, and the worlds; at the end they are closed, and `ends` after them."""
    try:
        for world in worlds:
            synapse.add_registration(world.bridge.registration)
        synapse.start()
        for world in worlds:
            world.start()
        yield
    finally:
        for server in [*worlds, synapse, *ends]:
            server.close()


@pytest.fixture(scope="session")
def synapse_worlds(scratch, inspircd, ngircd):
    """One Synapse with a bridge to InspIRCd and one to ngIRCd, both running: {"inspircd": .., "ngircd": ..}."""
    synapse = Synapse(scratch / "shared-synapse")
    worlds = {
        "inspircd": SynapseWorld(scratch / "bridge-inspircd", synapse, inspircd, "ins", rooms={"12": 5, "11": 1}),
        "ngircd": SynapseWorld(scratch / "bridge-ngircd", synapse, ngircd, "ng", rooms={"12": 5}),
    }
    with running(synapse, *worlds.values()):
        yield worlds


@pytest.fixture(params=["inspircd", "ngircd"])
def world(request, synapse_worlds):
    """A bridge between a real Synapse and each family of real ircd; a channel of it with world.mapped()."""
    return synapse_worlds[request.param]


@pytest.fixture
def inspircd_world(synapse_worlds):
    return synapse_worlds["inspircd"]


@pytest.fixture(scope="module")
def synapse_lists_world(scratch, inspircd):
    """Synapse, InspIRCd and a bridge that keeps both member lists alike."""
    directory = scratch / "lists"
    directory.mkdir()
    synapse = Synapse(directory / "synapse")
    world = SynapseWorld(directory / "bridge", synapse, inspircd, "list", rooms={"12": 3})
    shown = {"initial": True, "incremental": True}
    parameters = parameters_of(world.bridge.config)
    parameters["membershipLists"] = {"enabled": True, "global": {"ircToMatrix": shown, "matrixToIrc": shown}}
    private = {"channel": "#mapped2", "ircToMatrix": {"requireMatrixJoined": True}}
    parameters["membershipLists"]["channels"] = [private]
    parameters["ircClients"].update(maxClients=0, reconnectIntervalMs=0)
    with running(synapse, world):
        yield world


@pytest.fixture(scope="module", params=[InspIRCd, NgIRCd])
def own_world(request, scratch):
    """A Synapse, an ircd of each family and a bridge whose servers a test may kill and start again."""
    directory = scratch / f"own-{request.param.__name__}"
    directory.mkdir()
    synapse = Synapse(directory / "synapse")
    ircd = request.param(directory / "ircd")
    ircd.start()
    world = SynapseWorld(directory / "bridge", synapse, ircd, "own", rooms={"12": 1})
    with running(synapse, world, ends=[ircd]):
        yield world


@pytest.fixture
def make_weechat(workdir):
    """make_weechat(ircd, nick) -> a started WeeChat that is connected there."""
    people = []

    def make(ircd, nick):
        person = WeeChat(workdir / nick, ircd, nick)
        people.append(person)
        person.start()
        return person

    yield make
    for person in people:
        person.close()


@pytest.fixture
def make_stub_world(make_bridge, make_stub_homeserver, make_scripted_ircd):
    """make_stub_world(channels=["#a"], ircd={...options}, ...) -> a running StubWorld of this test's own."""

    def make(*, ircd=None, **options):
        server = ircd if hasattr(ircd, "port") else make_scripted_ircd(**(ircd or {}))
        return StubWorld(make_bridge, make_stub_homeserver, server, **options)

    return make


@pytest.fixture
def stub_world(make_stub_world):
    return make_stub_world()


@pytest.fixture
def certificate(workdir):
    """certificate(name, days) -> (cert, key), self-signed; negative days: it has expired."""

    def make(name, days):
        cert, key = workdir / f"{name}{days}.pem", workdir / f"{name}{days}.key"
        request = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        request += ["-keyout", key, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        made = subprocess.run(request, check=True, capture_output=True)
        sign = ["openssl", "x509", "-req", "-signkey", key, "-out", cert, "-days", str(days), "-copy_extensions", "copy"]
        subprocess.run(sign, check=True, capture_output=True, input=made.stdout)
        return str(cert), str(key)

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    """What goes into `database:` for each backend; PostgreSQL's database is this test's own."""
    if request.param == "sqlite":
        return "sqlite:trestle.db"
    server = request.getfixturevalue("postgres")
    return server.create_database(f"e2e_{uuid.uuid4().hex[:12]}")
