# SPDX-License-Identifier: Apache-2.0
"""tlsOptions as the incumbent's runtime gives them meaning: cert, key, ciphers, minVersion, rejectUnauthorized."""

import hashlib
import re
import ssl
from pathlib import Path

import pytest

from support.world import parameters_of


@pytest.fixture
def make_tls_world(make_stub_world, make_scripted_ircd, certificate):
    """make_tls_world(trusted=True, **tlsOptions) -> a StubWorld, not started, on a scripted ircd that asks for certificates."""

    def make(trusted=True, **options):
        cert, key = certificate("localhost", 30)
        ircd = make_scripted_ircd(tls_cert=cert, tls_key=key, tls_ask_cert=True)

        def change(_, entry):
            entry["address"] = "localhost"
            own = {"ca": cert} if trusted else {}
            entry["parameters"].update(port=ircd.tls_port, ssl=True, tlsOptions={**own, **options})

        return make_stub_world(ircd=ircd, change=change, ready=False)

    return make


def handshakes(world):
    return [" ".join(record.fields) for record in world.ircd.ledger("TLS")]


def text_of(path):
    return Path(path).read_text(encoding="ascii")


def fingerprint(cert):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text_of(cert))).hexdigest()


@pytest.mark.parametrize("form", ["paths", "texts", "one text"])
def test_the_client_certificate_is_shown_by_everybody(make_tls_world, certificate, form):
    cert, key = certificate("client", 30)
    options = {
        "paths": {"cert": cert, "key": key},
        "texts": {"cert": text_of(cert), "key": text_of(key)},
        "one text": {"cert": text_of(key) + text_of(cert)},
    }[form]
    world = make_tls_world(**options)
    assert "is not acted on" not in world.bridge.run("--check-config")
    world.start()
    world.say("hello")
    world.wait_in_irc(1)
    assert [f"certfp={fingerprint(cert)}" in shake for shake in handshakes(world)] == [True, True]
    assert text_of(key).splitlines()[1] not in world.bridge.log.read_text() + world.bridge.run("--check-config")


def test_a_certificate_that_cannot_be_used_is_refused_with_what_to_do(make_tls_world, certificate, workdir):
    cert, _ = certificate("client", 30)
    _, other_key = certificate("other", 30)
    (workdir / "locked.key").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    world = make_tls_world()
    for options, words in (
        ({"cert": cert, "key": other_key}, "private key does not belong to the certificate"),
        ({"cert": cert, "key": str(workdir / "locked.key")}, "without a pass phrase"),
        ({"cert": cert}, "no private key"),
        ({"cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "key": other_key}, "no certificate"),
        ({"cert": str(workdir / "missing.pem"), "key": other_key}, "cert: cannot read .*missing.pem"),
        ({"key": other_key}, "give its certificate as cert"),
        ({"minVersion": "SSLv3"}, "write TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3"),
        ({"ciphers": "NO-SUCH-CIPHER"}, "none of these ciphers"),
    ):
        parameters_of(world.bridge.config)["tlsOptions"] = options
        world.bridge.write_config()
        for arguments in (["--check-config"], []):
            output = world.bridge.run(*arguments, status=None)
            assert re.search(words, output), (options, output)
    assert not world.ircd.ledger("CONNECT")


@pytest.mark.parametrize(
    "options, version",
    [
        ({"minVersion": "TLSv1.3"}, "TLSv1.3"),
        ({"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}, "TLSv1.2"),
        ({"ciphers": "TLS_AES_128_GCM_SHA256"}, "TLSv1.3"),
        ({"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256"}, "TLSv1.3"),
    ],
    ids=["minVersion", "old ciphers", "new ciphers", "both"],
)
def test_version_and_ciphers_are_kept_to(make_tls_world, options, version):
    world = make_tls_world(**options)
    world.start()
    assert handshakes(world) and all(shake.startswith(version + " ") for shake in handshakes(world)), handshakes(world)


def test_without_verification_it_is_said_once_at_every_start_and_by_the_doctor(make_tls_world):
    strict, lax = make_tls_world(trusted=False), make_tls_world(trusted=False, rejectUnauthorized=False)
    assert "rejectUnauthorized" in lax.bridge.run("--check-config")
    assert "rejectUnauthorized" in lax.bridge.run("--doctor", status=None)
    assert re.search("cannot log in to localhost[^\n]*not trusted here", strict.bridge.run("--doctor", status=None))
    lax.start()
    lax.say("hello")
    lax.wait_in_irc(1)
    assert lax.bridge.log.read_text().count("any certificate of the server is taken (tlsOptions.rejectUnauthorized)") == 1


def test_what_is_not_acted_on_is_still_accepted_and_said(make_tls_world):
    output = make_tls_world(ecdhCurve="auto", maxVersion="TLSv1.3").bridge.run("--check-config")
    for key in ("ecdhCurve", "maxVersion"):
        assert re.search(rf"tlsOptions\.{key}.*not yet", output), output
