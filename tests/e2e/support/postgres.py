# SPDX-License-Identifier: Apache-2.0
"""An own PostgreSQL cluster on loopback, from Debian's binaries; the machine's clusters are not touched."""

import os
import shutil
import subprocess
from pathlib import Path

from .ports import free_port
from .process import Process, scratch_for, user_to_run_as
from .server import Server

USER = "postgres"
BIN = Path("/usr/lib/postgresql/15/bin")


class Postgres(Server):
    """Made stopped; `start` makes the cluster the first time. `url()` is what goes into `database:`.

    With `certificate` (cert, key) it takes connections over TLS only.
    """

    def __init__(self, directory, certificate=None):
        self.directory = scratch_for(Path(directory), USER)
        self.port = free_port()
        self.log = self.directory / "postgres.log"
        self.certificate = certificate

    def start(self):
        data = self.directory / "data"
        if not data.exists():
            self._run("initdb", "-D", data, "-U", "trestle", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
            if self.certificate:
                self._set_up_tls(data)
        self.process = Process(
            "PostgreSQL",
            [BIN / "postgres", "-D", data, "-p", self.port, "-h", "127.0.0.1", "-k", self.directory],
            self.log,
            cwd=self.directory,
            user=USER,
        )
        self.process.wait_ready(self._answers, 30)

    def _set_up_tls(self, data):
        with open(data / "postgresql.conf", "a") as conf:
            conf.write("ssl = on\n")
        for source, name in zip(self.certificate, ("server.crt", "server.key")):
            shutil.copy(source, data / name)
            (data / name).chmod(0o600)
            if user_to_run_as(USER):
                shutil.chown(data / name, USER, USER)
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")

    def create_database(self, name):
        self.query(f'CREATE DATABASE "{name}"', "postgres")
        return self.url(name)

    def url(self, name):
        return f"postgres://trestle@127.0.0.1:{self.port}/{name}"

    def query(self, sql, database="postgres"):
        """Runs SQL with psql; returns the rows as lines, columns separated by |."""
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql).splitlines()

    def _answers(self):
        return subprocess.run(
            [BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        ).returncode == 0

    def _run(self, program, *arguments):
        argv = [str(BIN / program), *map(str, arguments)]
        done = subprocess.run(
            argv, cwd=self.directory, user=user_to_run_as(USER), capture_output=True, text=True, check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self.directory)},
        )
        assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}{done.stderr}"
        return done.stdout
