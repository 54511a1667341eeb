# SPDX-License-Identifier: Apache-2.0
"""The built trestle-irc: writes its configuration and registration, runs it, ends it in every way, reads its figures."""

import contextlib
import copy
import json
import os
import re
import sqlite3
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .ports import free_port
from .process import Process


def program(name="trestle-irc"):
    """A program of the build under test, named by TRESTLE_BUILD."""
    path = Path(os.environ["TRESTLE_BUILD"]) / "bin" / name
    assert path.exists(), f"{path} has not been built"
    return path


def irc_config(homeserver_url, domain, ircd, *, mappings=None, database="sqlite:trestle.db", **bridge_keys):
    """A bridge.yml as a dict: one bridge to `ircd`, mapping {"#channel": [room ids]}. Change it as the test needs."""
    return {
        "homeserver": {"url": homeserver_url, "domain": domain},
        "appservice": {"listen": f"127.0.0.1:{free_port()}", "registration": "registration.yml"},
        "database": database,
        "metrics": {"listen": f"127.0.0.1:{free_port()}"},
        "logging": {"level": "debug", "format": "text"},
        "key_file": "passkey.pem",
        "bridged_irc_servers": [
            {
                "bot_username": "ircbridgebot",
                "users_prefix": "irc_",
                "alias_prefix": "irc_",
                "address": ircd.host,
                "parameters": {
                    "name": "Test IRC",
                    "sendConnectionMessages": False,  # news would stand among the bot's answers
                    "port": ircd.port,
                    "ssl": False,
                    "botConfig": {"enabled": True, "nick": "MatrixBot", "username": "matrixbot"},
                    "dynamicChannels": {"enabled": True},
                    "mappings": {
                        channel: {"roomIds": list(rooms)} for channel, rooms in (mappings or {}).items()
                    },
                    "ircClients": {"allowNickChanges": True, "lineLimit": 500},
                },
                **copy.deepcopy(bridge_keys),
            }
        ],
    }


def registration_fields(path):
    """Top-level `key: value` of a registration file as a dict of strings."""
    fields = re.findall(r'^(\w+): *"?([^"\n]*?)"?$', Path(path).read_text(), re.MULTILINE)
    return {name: value for name, value in fields if value}


def homeserver_options(registration):
    """The options of a stub homeserver that has this registration."""
    fields = registration_fields(registration)
    same = {name: fields[name] for name in ("as_token", "hs_token", "sender_localpart")}
    return {**same, "as_id": fields["id"], "as_url": fields["url"], "user_prefix": "irc_"}


class Bridge:
    """One bridge directory: configuration, registration, store, log. Made stopped."""

    def __init__(self, directory, config, *, wrapper=(), detached=False):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.wrapper = list(wrapper)  # words in front of the program: valgrind, strace
        self.detached = detached
        self.path = self.directory / "bridge.yml"
        self.registration = self.directory / config["appservice"]["registration"]
        self.log = self.directory / "trestle-irc.log"
        self.process = None
        self.write_config()

    def write_config(self):
        """Writes the configuration anew from `config` (JSON is YAML), and the key it names if there is none."""
        self.path.write_text(json.dumps(self.config, indent=1, ensure_ascii=False) + "\n")
        key = self.config.get("key_file")
        if key and not (self.directory / key).exists():
            make_key(self.directory / key)

    def age_activity(self, user_id, hours):
        """As if the user's last activity were that much longer ago; the bridge is stopped, its store SQLite."""
        with contextlib.closing(sqlite3.connect(self.directory / "trestle.db")) as store, store:
            sql = "UPDATE user_activity SET active_ms = active_ms - ? WHERE user_id = ?"
            assert store.execute(sql, (hours * 3600 * 1000, user_id)).rowcount == 1, user_id

    def generate_registration(self):
        """`trestle-irc --generate-registration`; returns the path of the file."""
        self.run("--generate-registration", self.registration)
        return self.registration

    def run(self, *arguments, status=0):
        """Runs the program to its end with this configuration and asserts its exit status (None: any); returns its output."""
        argv = [*self.wrapper, str(program()), "--config", str(self.path), *map(str, arguments)]
        done = subprocess.run(argv, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False)
        assert status in (None, done.returncode), f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def start(self, timeout=30):
        """Starts it and waits until /ready says so."""
        self.launch()
        self.process.wait_ready(self.ready, timeout)

    def launch(self):
        """Starts it without waiting."""
        self.process = Process(
            "trestle-irc",
            [*self.wrapper, program(), "--config", self.path],
            self.log,
            cwd=self.directory,
            detached=self.detached,
        )

    def stop(self, timeout=15):
        """SIGTERM; the drain must end within the time and with status 0."""
        status = self.process.stop(timeout)
        assert status == 0, f"trestle-irc ended with status {status}\n{self.process.output()[-4000:]}"

    def kill(self):
        """kill -9."""
        self.process.kill()

    def close(self):
        if self.process:
            self.process.kill()

    def get(self, path):
        """Status and text of a page of the metrics listener; status 0 while nothing answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{self.config['metrics']['listen']}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def ready(self):
        return self.get("/ready")[0] == 200

    def metrics(self):
        """All samples of /metrics: {'name{label="x"}': value}."""
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples


def make_key(path):
    """An RSA key as `key_file` wants it (PEM, PKCS #8)."""
    argv = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(path)]
    subprocess.run(argv, check=True, capture_output=True)
