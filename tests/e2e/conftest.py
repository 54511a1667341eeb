# SPDX-License-Identifier: Apache-2.0
"""Fixtures: real servers for the whole run where tests can share them, a bridge per test.

A server that does not start fails the test; nothing is skipped.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from support.atheme import Atheme
from support.bridge import Bridge
from support.inspircd import InspIRCd
from support.ngircd import NgIRCd
from support.postgres import Postgres
from support.scripted_ircd import ScriptedIrcd
from support.stub_homeserver import StubHomeserver
from support.synapse import Synapse


@pytest.fixture(scope="session")
def scratch():
    """A directory that servers under other users can reach; removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="trestle-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def workdir(scratch, request):
    """This test's own directory."""
    path = Path(tempfile.mkdtemp(prefix=request.node.name[:40].replace("/", "_") + "-", dir=scratch))
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def inspircd(scratch):
    """InspIRCd with services, shared: use channel names and nicks of your own."""
    server = InspIRCd(scratch / "inspircd", services=True)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def atheme(scratch, inspircd):
    services = Atheme(scratch / "atheme", inspircd)
    services.start()
    yield services
    services.close()


@pytest.fixture(scope="session")
def ngircd(scratch):
    server = NgIRCd(scratch / "ngircd")
    server.start()
    yield server
    server.close()


@pytest.fixture
def make_scripted_ircd(workdir):
    """make_scripted_ircd(delay_ms=20, ...) -> a started ScriptedIrcd of this test's own; it must end well."""
    made = []

    def make(**options):
        server = ScriptedIrcd(workdir / f"scripted-ircd{len(made)}", **options)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def scripted_ircd(make_scripted_ircd):
    return make_scripted_ircd()


@pytest.fixture(scope="session")
def postgres(scratch):
    server = Postgres(scratch / "postgres")
    server.start()
    yield server
    server.close()


@pytest.fixture
def make_synapse(workdir):
    """make_synapse(registrations=[...], ...) -> a started Synapse of this test's own."""
    made = []

    def make(**options):
        server = Synapse(workdir / f"synapse{len(made)}", **options)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.close()


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
