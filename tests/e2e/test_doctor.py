# SPDX-License-Identifier: Apache-2.0
"""--doctor against real servers: everything well, and each thing that can be wrong, once, with how to mend it."""

import copy
import http.server
import os
import re
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from email.utils import formatdate

import pytest

from support.bridge import Bridge, irc_config
from support.ports import free_port, is_listening
from support.synapse import Synapse
from support.waiting import eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def world(scratch, inspircd):
    """A Synapse that knows one bridge; tests change copies of its configuration."""
    directory = scratch / "doctor"
    directory.mkdir()
    server = Synapse(directory / "synapse")
    config = irc_config(server.url, server.domain, inspircd)
    bridge = Bridge(directory / "bridge", config)
    server.registrations.append(str(bridge.generate_registration()))
    server.start()
    yield server, bridge
    bridge.close()
    server.close()


@pytest.fixture
def bridge(world):
    """The bridge as the homeserver knows it; what a test changes is taken back."""
    _, bridge = world
    config = copy.deepcopy(bridge.config)
    registration = bridge.registration.read_text()
    bridge.write_config()
    yield bridge
    bridge.config.clear()
    bridge.config.update(config)
    bridge.registration.write_text(registration)
    bridge.write_config()


def parameters(bridge):
    return bridge.config["bridged_irc_servers"][0]["parameters"]


def doctor(bridge, status=0):
    """The findings: [(good, sentence, mend)]."""
    bridge.write_config()
    output = bridge.run("--doctor", status=status)
    findings = []
    for line in output.splitlines():
        if line.startswith(("ok   ", "BAD  ")):
            findings.append([line.startswith("ok"), line[5:], None])
        elif line.startswith("     mend: "):
            assert not findings[-1][0], f"a good finding with a mend: {output}"
            findings[-1][2] = line[11:]
    assert all(good or mend for good, _, mend in findings), f"a bad finding without a mend:\n{output}"
    return findings


def only_bad(bridge):
    """The one bad finding (sentence, mend)."""
    bad = [(sentence, mend) for good, sentence, mend in doctor(bridge, status=1) if not good]
    assert len(bad) == 1, bad
    return bad[0]


def good_sentences(findings):
    assert all(good for good, _, _ in findings), findings
    return "\n".join(sentence for _, sentence, _ in findings)


class Silent(http.server.BaseHTTPRequestHandler):
    """Knows no path, and no log."""

    def log_message(self, *_):
        pass


@contextmanager
def serving(handler):
    """A web server of this handler; its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def self_signed(directory):
    """A TLS server that answers like a web server, with a certificate nobody vouches for; its port."""
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    argv += ["-addext", "subjectAltName=IP:127.0.0.1"]
    argv += ["-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")]
    subprocess.run(argv, check=True, capture_output=True)
    port = free_port()
    argv = ["openssl", "s_server", "-quiet", "-www", "-accept", f"127.0.0.1:{port}"]
    argv += ["-cert", str(directory / "cert.pem"), "-key", str(directory / "key.pem")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: is_listening(port), 10, "the server")
            yield port
        finally:
            server.kill()


@contextmanager
def hanging_up(listener):
    """Whoever connects is hung up on."""
    ended = threading.Event()

    def hang_up():
        while not ended.is_set():
            try:
                listener.accept()[0].close()
            except OSError:
                time.sleep(0.01)

    listener.settimeout(0)
    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_all_is_well_before_the_first_start(bridge):
    text = good_sentences(doctor(bridge))
    listen = bridge.config["appservice"]["listen"]
    for part in [
        "fits the configuration",
        f"{listen} is free",
        f"the homeserver answers at {bridge.config['homeserver']['url']}",
        "takes us for @ircbridgebot:localhost",
        f"the homeserver reaches us at http://{listen} with the right hs_token",
        "keeps ghosts such as @irc_doctor",
        "the clock agrees",
        "is not there yet and will be made",
        "holds a key that seals",
        "lets the bot in",
        "no history",
    ]:
        assert part in text, f"{part!r} is not in\n{text}"
    assert not (bridge.directory / "trestle.db").exists(), "the doctor made a store"


def test_all_is_well_while_the_daemon_runs(bridge):
    bridge.start()
    try:
        text = good_sentences(doctor(bridge))
        assert "is in use by the running daemon, which takes the hs_token" in text
        assert "is in use by the running daemon for metrics" in text
        assert "the homeserver reaches us" in text
        assert "the store is in use by the running daemon" in text
    finally:
        bridge.stop()


def test_a_missing_registration_is_told(bridge):
    bridge.registration.unlink()
    findings = doctor(bridge, status=1)
    bad = [finding for finding in findings if not finding[0]]
    assert "--generate-registration" in bad[0][2]


def test_a_registration_that_does_not_fit_is_told(bridge):
    text = bridge.registration.read_text()
    bridge.registration.write_text(re.sub(r"(?m)^sender_localpart:.*$", 'sender_localpart: "another"', text))
    sentences = [sentence for good, sentence, _ in doctor(bridge, status=1) if not good]
    assert any("sender_localpart" in sentence for sentence in sentences)
    assert any("takes us for @ircbridgebot:localhost and not for @another:localhost" in s for s in sentences)


def test_a_port_that_another_program_has_is_told(bridge):
    host, port = bridge.config["appservice"]["listen"].split(":")
    with socket.create_server((host, int(port))) as other, hanging_up(other):
        sentence, mend = only_bad(bridge)
    assert "another program has the address appservice.listen" in sentence
    assert "another appservice.listen" in mend


def test_a_taken_metrics_port_is_told(bridge):
    with socket.create_server(("127.0.0.1", 0)) as other:
        bridge.config["metrics"]["listen"] = f"127.0.0.1:{other.getsockname()[1]}"
        sentence, mend = only_bad(bridge)
    assert "metrics.listen" in sentence and "metrics.listen" in mend


def test_a_homeserver_that_is_away_is_told(bridge):
    bridge.config["homeserver"]["url"] = f"http://127.0.0.1:{free_port()}"
    sentence, mend = only_bad(bridge)
    assert "does not answer" in sentence and "Connection refused" in sentence
    assert "homeserver.url" in mend


def test_something_that_is_no_homeserver_is_told(bridge):
    with serving(Silent) as url:
        bridge.config["homeserver"]["url"] = url
        sentence, mend = only_bad(bridge)
    assert "is no homeserver" in sentence
    assert "homeserver.url" in mend


def test_a_certificate_that_nobody_vouches_for_is_told(bridge, workdir):
    with self_signed(workdir) as port:
        bridge.config["homeserver"]["url"] = f"https://127.0.0.1:{port}"
        sentence, mend = only_bad(bridge)
    assert "certificate" in sentence and "self-signed" in sentence
    assert "update-ca-certificates" in mend


def change_token(bridge, key):
    text = bridge.registration.read_text()
    changed = re.sub(rf'(?m)^({key}: *)"?\w+"?', rf'\g<1>"{"ab" * 32}"', text)
    assert changed != text
    bridge.registration.write_text(changed)


def test_a_token_the_homeserver_does_not_know_is_told(bridge):
    change_token(bridge, "as_token")
    findings = doctor(bridge, status=1)
    (sentence, mend) = next((sentence, mend) for good, sentence, mend in findings if not good)
    assert "does not know the as_token" in sentence
    assert "app_service_config_files" in mend and str(bridge.registration) in mend
    assert "abab" not in "".join(finding[1] for finding in findings)


def test_another_token_of_the_homeserver_is_told(bridge):
    change_token(bridge, "hs_token")
    sentence, mend = only_bad(bridge)
    assert "another hs_token" in sentence
    assert "restart the homeserver" in mend


def test_a_homeserver_that_cannot_reach_us_is_told(bridge):
    """It was told another port than the one we listen at."""
    bridge.config["appservice"]["url"] = "http://" + bridge.config["appservice"]["listen"]
    bridge.config["appservice"]["listen"] = f"127.0.0.1:{free_port()}"
    sentence, mend = only_bad(bridge)
    assert "cannot reach us" in sentence
    assert "appservice.url" in mend


def test_ghosts_outside_the_namespace_are_told(bridge):
    parameters(bridge)["matrixClients"] = {"userTemplate": "@elsewhere_$NICK"}
    sentences = [sentence for good, sentence, _ in doctor(bridge, status=1) if not good]
    assert any("no namespace of users" in sentence for sentence in sentences)
    assert any("does not let us act for ghosts such as @elsewhere_doctor" in sentence for sentence in sentences)


def test_a_clock_that_is_wrong_is_told(bridge):
    """A homeserver whose answers are dated an hour ago."""
    real = bridge.config["homeserver"]["url"]

    class Dated(Silent):
        def relay(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if self.headers[name]}
            request = urllib.request.Request(real + self.path, body, headers, method=self.command)
            try:
                with urllib.request.urlopen(request) as answer:
                    status, text = answer.status, answer.read()
            except urllib.error.HTTPError as refusal:
                status, text = refusal.code, refusal.read()
            self.send_response_only(status)
            self.send_header("Date", formatdate(time.time() - 3600, usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = relay

    with serving(Dated) as url:
        bridge.config["homeserver"]["url"] = url
        sentence, mend = only_bad(bridge)
    assert re.search(r"the clock of this machine is 3(599|60\d) s ahead", sentence)
    assert "NTP" in mend


def test_a_store_that_cannot_be_made_is_told(bridge):
    bridge.config["database"] = "sqlite:/nonexistent/trestle.db"
    sentence, mend = only_bad(bridge)
    assert "the store cannot be made in /nonexistent" in sentence
    assert "database" in mend


def test_a_store_that_is_none_is_told(bridge):
    (bridge.directory / "broken.db").write_bytes(b"this is no database, but it is long enough" * 100)
    bridge.config["database"] = "sqlite:broken.db"
    sentence, _ = only_bad(bridge)
    assert "the store cannot be opened" in sentence


def test_a_store_newer_than_the_program_is_told(bridge):
    with sqlite3.connect(bridge.directory / "newer.db") as db:
        db.execute("CREATE TABLE trestle_schema(component TEXT PRIMARY KEY, version BIGINT NOT NULL)")
        db.execute("INSERT INTO trestle_schema VALUES('irc', 9999)")
    db.close()
    bridge.config["database"] = "sqlite:newer.db"
    sentence, mend = only_bad(bridge)
    assert "version 9999" in sentence
    assert "newer program" in mend


def test_a_postgresql_that_is_away_is_told(bridge):
    bridge.config["database"] = f"postgres://trestle@127.0.0.1:{free_port()}/trestle"
    sentence, mend = only_bad(bridge)
    assert "the store does not answer" in sentence and "onnection refused" in sentence
    assert "PostgreSQL" in mend


def test_a_key_file_that_holds_no_key_is_told(bridge):
    (bridge.directory / "nokey.pem").write_text("nothing\n")
    os.chmod(bridge.directory / "nokey.pem", 0o600)
    bridge.config["key_file"] = "nokey.pem"
    sentence, mend = only_bad(bridge)
    assert "key_file cannot be used" in sentence
    assert "openssl genpkey" in mend


def test_an_irc_server_that_is_away_is_told(bridge):
    parameters(bridge)["port"] = free_port()
    sentence, mend = only_bad(bridge)
    assert "the bot cannot log in to 127.0.0.1" in sentence and "refused" in sentence
    assert "port" in mend


def test_tls_to_a_port_without_it_is_told(bridge):
    parameters(bridge)["ssl"] = True
    sentence, mend = only_bad(bridge)
    assert "the bot cannot log in" in sentence
    assert "ssl" in mend


def test_a_wrong_certificate_of_the_irc_server_is_told(bridge, workdir):
    with self_signed(workdir) as port:
        parameters(bridge).update(port=port, ssl=True)
        sentence, mend = only_bad(bridge)
    assert "certificate" in sentence
    assert "sslselfsign" in mend


def test_a_server_without_sasl_is_told(bridge, ngircd):
    parameters(bridge).update(port=ngircd.port, sasl=True)
    parameters(bridge)["botConfig"]["password"] = "secret words"
    sentence, mend = only_bad(bridge)
    assert "SASL" in sentence and "secret words" not in sentence
    assert "sasl" in mend


def test_a_wrong_password_is_told_and_a_right_one_lets_in(bridge, atheme):
    atheme.register("doctorbot", "rightpassword")
    parameters(bridge)["sasl"] = True
    parameters(bridge)["botConfig"].update(username="doctorbot", password="rightpassword")
    assert "lets the bot in with SASL" in good_sentences(doctor(bridge))
    parameters(bridge)["botConfig"]["password"] = "wrongpassword"
    sentence, mend = only_bad(bridge)
    assert "does not accept the login as doctorbot" in sentence
    assert "botConfig.password" in mend
