# SPDX-License-Identifier: Apache-2.0
"""The scripted IRC server (tests/support/ircd): started and stopped, told what to do, and its ledger read.

Every control command of its README.md is a method call: `ircd.control("kick", channel="#a", nick="bob")`; those used
most have methods of their own.
"""

import json
import os
import re
import socket
from pathlib import Path
from typing import NamedTuple

from .process import Process

_ROOT = Path(__file__).resolve().parents[3]


def program():
    """The built scripted-ircd: of TRESTLE_BUILD, else of the sanitizer build, else of the release build."""
    builds = [os.environ.get("TRESTLE_BUILD"), _ROOT / "build/asan", _ROOT / "build/release", _ROOT / "build/dev"]
    for build in builds:
        if build and (path := Path(build) / "support" / "scripted-ircd").exists():
            return path
    raise AssertionError("scripted-ircd has not been built")


class Record(NamedTuple):
    """One record of the ledger. `fields` are what the kind has between nick and raw, see README.md."""

    sequence: int
    time_ns: int
    kind: str
    conn: int
    nick: str
    fields: list
    raw: str


# How many fields lie between the nick and the raw bytes; None: no raw bytes.
_RAW_AFTER = {"TAKEN": 0, "DROPPED": 0, "PONG": 0, "SAID": 3, "ECHO": 3, "DISCONNECT": 1, "TLS-FAILED": 0}


def _unescape(text):
    data = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def parse_record(line):
    sequence, time_ns, kind, conn, nick, *rest = line.split("\t")
    after = _RAW_AFTER.get(kind)
    raw = None if after is None else _unescape(rest[after])
    fields = rest if after is None else rest[:after]
    return Record(int(sequence), int(time_ns), kind, 0 if conn == "-" else int(conn), nick, fields, raw)


class ControlError(AssertionError):
    """The server refused a control command."""


class ScriptedIrcd:
    """Made stopped. Options are those of the command line: `delay_ms=20`, `profile="rfc"`, `account=["bob:pw"]`,
    `ping_cookie=True`. A restart keeps the ports and goes on with the same ledger; its history starts empty."""

    def __init__(self, directory, **options):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.host = "127.0.0.1"
        self.port = self.tls_port = self.control_port = 0
        self.ledger_path = self.directory / "ledger"
        self.bytes_path = self.directory / "bytes"
        self.process = None
        self._control = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.process = Process("scripted-ircd", self._argv(), self.directory / "scripted-ircd.log")
        self.process.wait_ready(lambda: "\n" in self.process.output(), 15)
        ports = json.loads(self.process.output().splitlines()[0])
        self.port, self.tls_port, self.control_port = ports["port"], ports["tls_port"], ports["control"]

    def _argv(self):
        argv = [program(), "--listen", f"{self.host}:{self.port}", "--control", f"{self.host}:{self.control_port}"]
        argv += ["--ledger", self.ledger_path, "--log-bytes", self.bytes_path]
        if "tls_cert" in self.options:
            argv += ["--tls-listen", f"{self.host}:{self.tls_port}"]
        for name, value in self.options.items():
            option = "--" + name.replace("_", "-")
            for item in value if isinstance(value, (list, tuple)) else [value]:
                if item is True:
                    argv.append(option)
                elif item is not False and item is not None:
                    argv += [option, str(item)]
        return argv

    def stop(self):
        """Ends it in order; returns the exit status, which a leak or a wrong access found by the sanitizers spoils."""
        self._disconnect()
        return self.process.stop()

    def kill(self):
        self._disconnect()
        self.process.kill()

    def restart(self):
        assert self.stop() == 0, self.process.output()
        self.start()

    def close(self):
        """Stops it if it still runs, and complains if it did not end well."""
        if self.process and self.process.alive():
            status = self.stop()
            assert status == 0, f"scripted-ircd ended with {status}:\n{self.process.output()[-4000:]}"

    def _disconnect(self):
        if self._control:
            self._control.close()
            self._control = None

    def control(self, cmd, **arguments):
        """Sends one command and returns its answer; ControlError when the server refuses it."""
        if not self._control:
            self._control = socket.create_connection((self.host, self.control_port), timeout=60).makefile("rwb")
        self._control.write(json.dumps({"cmd": cmd, **arguments}).encode() + b"\n")
        self._control.flush()
        line = self._control.readline()
        if not line:
            raise ControlError(f"{cmd}: the server has gone: {self.process.output()[-4000:]}")
        answer = json.loads(line)
        if not answer.pop("ok"):
            raise ControlError(f"{cmd}: {answer['error']}")
        return answer

    def set(self, **settings):
        self.control("set", **settings)

    def say(self, nick, channel, text="line {n}", **arguments):
        """A fake user says `text`, `count` times at `rate` a second; returns when all is said unless wait=False."""
        return self.control("say", nick=nick, channel=channel, format=text, **arguments)

    def raw(self, data, **arguments):
        """Exact bytes to nick=, conn= or all=True; split= at positions (or every so many bytes) with gap_ms between."""
        return self.control("raw", hex=data.hex(), **arguments)

    def state(self):
        return self.control("state")

    def counts(self):
        return self.control("counts")

    def client(self, nick):
        """What the server knows of this nick's connection, or None."""
        return next((client for client in self.state()["clients"] if client["nick"] == nick), None)

    def members(self, channel):
        """{nick: signs} of a channel; empty when there is none."""
        for entry in self.state()["channels"]:
            if entry["name"].lower() == channel.lower():
                return entry["members"]
        return {}

    def history(self, channel):
        """The lines kept for the channel: time, msgid, line."""
        return self.control("history", channel=channel)["lines"]

    def ledger(self, *kinds):
        """The records so far, all or of these kinds, in order."""
        with open(self.ledger_path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            lines = file.read().split("\n")[:-1]
        return [record for record in map(parse_record, lines) if not kinds or record.kind in kinds]

    def taken(self, nick=None):
        """The raw lines processed, in order, of one nick or of all."""
        return [record.raw for record in self.ledger("TAKEN") if nick in (None, record.nick)]

    def said(self, channel=None):
        """(nick, text) of what was said, in order."""
        return [(r.nick, r.raw) for r in self.ledger("SAID") if channel in (None, r.fields[0])]
