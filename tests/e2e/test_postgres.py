# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL as the store: over TLS with the server's name verified, and while it is away."""

import subprocess

import pytest

from support.postgres import Postgres
from support.waiting import eventually, stays


@pytest.fixture(scope="module")
def authority(scratch):
    """A certificate authority, and a server certificate of it for "localhost": paths ca, other_ca, cert, key."""
    directory = scratch / "authority"
    directory.mkdir()

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=directory)

    for name in ("ca", "other_ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem",
            "-out", "request.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-copy_extensions", "copy", "-out", "cert.pem")
    return {name: directory / f"{name}.pem" for name in ("ca", "other_ca", "cert", "key")}


@pytest.fixture(scope="module")
def postgres_tls(scratch, authority):
    server = Postgres(scratch / "postgres-tls", certificate=(authority["cert"], authority["key"]))
    server.start()
    yield server
    server.close()


def url(server, name, ca, *, host="localhost"):
    return f"postgres://trestle@{host}:{server.port}/{name}?sslmode=verify-full&sslrootcert={ca}"


def test_messages_cross_with_the_store_behind_tls_and_its_name_verified(make_stub_world, postgres_tls, authority):
    postgres_tls.create_database("verified")
    world = make_stub_world(database=url(postgres_tls, "verified", authority["ca"]))
    world.say("kept behind TLS")
    world.ircd.say("fay", "#a", "and back")
    assert world.wait_in_irc(1) == ["kept behind TLS"]
    assert world.wait_in_matrix(1) == ["and back"]
    # Also after the connection was cut.
    sessions = "pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = 'verified'"
    assert postgres_tls.query(f"SELECT s.ssl FROM {sessions}") == ["t"]
    postgres_tls.query(f"SELECT pg_terminate_backend(pid) FROM {sessions}")
    world.say("again")
    assert world.wait_in_irc(2)[-1] == "again"
    assert postgres_tls.query(f"SELECT s.ssl FROM {sessions}") == ["t"]


@pytest.mark.parametrize(
    ("host", "ca", "says"),
    [("localhost", "other_ca", "certificate verify failed"), ("127.0.0.1", "ca", "does not match host name")],
    ids=["of another authority", "of another name"],
)
def test_a_server_whose_certificate_is_wrong_gets_nothing(make_stub_world, postgres_tls, authority, host, ca, says):
    name = f"wrong_{ca}"
    postgres_tls.create_database(name)
    world = make_stub_world(database=url(postgres_tls, name, authority[ca], host=host), ready=False)
    world.bridge.launch()
    eventually(lambda: says in world.bridge.process.output(), 20, "the refusal in the log", world.bridge.process.output)
    assert not world.bridge.ready()
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert postgres_tls.query(tables, name) == ["0"]


def test_a_transaction_is_held_through_a_short_outage_and_answered_once_it_is_stored(make_stub_world, postgres):
    world = make_stub_world(database=postgres.create_database("held"))
    world.stub.wait_until_pushed()
    before = len(world.stub.ledger("push"))
    postgres.kill()
    try:
        world.inject(5, prefix="out ")
        stays(lambda: len(world.stub.ledger("push")) == before, 1, "the homeserver's waiting")
    finally:
        postgres.start()
    assert world.wait_in_irc(5) == [f"out {n}" for n in range(1, 6)]
    pushes = world.stub.ledger("push")[before:]
    assert [push["status"] for push in pushes] == [200] * len(pushes)
