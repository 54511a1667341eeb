# SPDX-License-Identifier: Apache-2.0
"""A real Synapse on loopback with its own scratch directory and SQLite database.

Restarting and killing it are part of its use: registration files are read at start only.
"""

import hashlib
import hmac
import json
import os
import secrets
import urllib.error
from pathlib import Path

from . import matrix_client
from .ports import free_port
from .process import Process
from .server import Server

_UNLIMITED = {"per_second": 100000, "burst_count": 100000}


def default_python():
    """The interpreter of the virtual environment that holds Synapse."""
    return os.environ["TRESTLE_SYNAPSE_ENV"] + "/bin/python"


class Synapse(Server):
    """Made stopped; `start` brings it up. Survives `stop`/`kill` and a new `start` with the same data."""

    domain = "localhost"

    def __init__(self, directory, *, registrations=(), default_room_version=None, python=None, detached=False):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.registrations = [str(path) for path in registrations]
        self.default_room_version = default_room_version
        self.python = python or default_python()
        self.detached = detached
        self.log = self.directory / "synapse.log"
        self._settings = self._load_settings()
        self.port = self._settings["port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, timeout=60):
        """Starts it and waits until it answers. The registration files must exist by now."""
        config = self._write_config()
        if not (self.directory / "signing.key").exists():
            self._generate_keys(config)
        self.process = Process(
            "Synapse",
            [self.python, "-m", "synapse.app.homeserver", "-c", config],
            self.directory / "output.log",
            cwd=self.directory,
            detached=self.detached,
        )
        self.process.wait_ready(self.answers, timeout)

    def answers(self):
        try:
            matrix_client.call(self.url, "GET", "/_matrix/client/versions", timeout=2)
            return True
        except (OSError, urllib.error.URLError, matrix_client.MatrixError):
            return False

    def add_registration(self, path):
        """Names one more registration file; it counts from the next start on."""
        self.registrations.append(str(path))

    def register(self, localpart, password="secret", admin=False):
        """Registers a user with the shared secret; returns a logged-in MatrixClient."""
        path = "/_synapse/admin/v1/register"
        nonce = matrix_client.call(self.url, "GET", path)["nonce"]
        parts = [nonce, localpart, password, "admin" if admin else "notadmin"]
        key = self._settings["shared_secret"].encode()
        mac = hmac.new(key, "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": localpart, "password": password, "admin": admin, "mac": mac}
        answer = matrix_client.call(self.url, "POST", path, body=body)
        return matrix_client.MatrixClient(self.url, answer["user_id"], answer["access_token"])

    def login(self, localpart, password="secret"):
        return matrix_client.MatrixClient.login(self.url, localpart, password)

    # What has to stay the same over restarts lies beside the database.
    def _load_settings(self):
        path = self.directory / "settings.json"
        if path.exists():
            return json.loads(path.read_text())
        settings = {"port": free_port(), "shared_secret": secrets.token_hex(16)}
        path.write_text(json.dumps(settings))
        return settings

    def _generate_keys(self, config):
        argv = [self.python, "-m", "synapse.app.homeserver", "-c", config, "--generate-keys"]
        process = Process("synapse --generate-keys", argv, self.directory / "output.log", cwd=self.directory)
        process.wait_ready(lambda: process.exit_status() == 0, 30)

    def _write_config(self):
        path = self.directory / "homeserver.yaml"
        path.write_text(json.dumps(self._config(), indent=1))
        (self.directory / "log.yaml").write_text(json.dumps(self._log_config(), indent=1))
        return path

    def _config(self):
        config = {
            "server_name": self.domain,
            "public_baseurl": self.url + "/",
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "tls": False,
                    "resources": [{"names": ["client"], "compress": False}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.directory / "homeserver.db")}},
            "signing_key_path": str(self.directory / "signing.key"),
            "media_store_path": str(self.directory / "media"),
            "pid_file": str(self.directory / "homeserver.pid"),
            "log_config": str(self.directory / "log.yaml"),
            "registration_shared_secret": self._settings["shared_secret"],
            "macaroon_secret_key": self._settings["shared_secret"],
            "form_secret": self._settings["shared_secret"],
            "enable_registration": False,
            "report_stats": False,
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "bcrypt_rounds": 4,
            "presence": {"enabled": False},
            "app_service_config_files": self.registrations,
            "rc_message": _UNLIMITED,
            "rc_registration": _UNLIMITED,
            "rc_login": {"address": _UNLIMITED, "account": _UNLIMITED, "failed_attempts": _UNLIMITED},
            "rc_joins": {"local": _UNLIMITED, "remote": _UNLIMITED},
            "rc_joins_per_room": _UNLIMITED,
            "rc_invites": {"per_room": _UNLIMITED, "per_user": _UNLIMITED, "per_issuer": _UNLIMITED},
            "rc_admin_redaction": _UNLIMITED,
            "rc_room_creation": _UNLIMITED,
        }
        if self.default_room_version:
            config["default_room_version"] = str(self.default_room_version)
        return config

    def _log_config(self):
        return {
            "version": 1,
            "formatters": {"plain": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
            "handlers": {
                "file": {"class": "logging.FileHandler", "filename": str(self.log), "formatter": "plain"}
            },
            "root": {"level": "WARNING", "handlers": ["file"]},
            "disable_existing_loggers": False,
        }
