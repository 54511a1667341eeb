# SPDX-License-Identifier: Apache-2.0
"""The stub homeserver (tests/support/homeserver): starts and stops it and wraps its control port.

Its README describes each control call, the options and the lines of the ledger.
"""

import json
import os
import time
from pathlib import Path

from . import matrix_client
from .process import Process
from .server import Server
from .waiting import Deadline


def program():
    """The built program: of TRESTLE_BUILD, else of whichever build there is."""
    root = Path(__file__).resolve().parents[3]
    builds = [os.environ.get("TRESTLE_BUILD"), root / "build/asan", root / "build/release"]
    paths = [Path(build) / "support/stub-homeserver" for build in builds if build]
    found = [path for path in paths if path.exists()]
    assert found, f"stub-homeserver has not been built: none of {', '.join(map(str, paths))}"
    return found[0]


class StubHomeserver(Server):
    """Made stopped. Options are those of the command line: as_url="...", room_version=11, paused=True."""

    def __init__(self, directory, *, domain="hs.test", as_token="as_token", hs_token="hs_token", **options):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.domain = domain
        self.as_token = as_token
        self.hs_token = hs_token
        self.as_id = options.get("as_id", "stub")
        self.ledger_path = self.directory / "ledger.jsonl"
        self.options = options
        self.url = None
        self.control_url = None

    def start(self):
        argv = [program(), "--domain", self.domain, "--ledger", self.ledger_path]
        argv += ["--as-token", self.as_token, "--hs-token", self.hs_token]
        for name, value in self.options.items():
            argv.append("--" + name.replace("_", "-"))
            if value is not True:
                argv.append(value)
        self.process = Process("stub-homeserver", argv, self.directory / "stub-homeserver.log")
        self.process.wait_ready(lambda: '"control"' in self.process.output())
        ports = json.loads(self.process.output().splitlines()[0])
        self.url = ports["url"]
        self.control_url = ports["control"]

    # Control

    def control(self, control_call, /, **members):
        """One control call; MatrixError when it is refused."""
        return matrix_client.call(self.control_url, "POST", "/" + control_call, body=members)

    def stats(self):
        return self.control("stats")

    def settings(self, **changes):
        """delay_ms, room_version, backoff_unit_ms, push_timeout_ms, down_batch, push, as_url; returns all."""
        return self.control("settings", **changes)

    def pause(self):
        self.settings(push=False)

    def resume(self):
        self.settings(push=True)

    def drop_answers(self, count=1, **where):
        """Do what is asked, then close without an answer. where: match="part of the path", skip=N."""
        self.control("fault", kind="drop", count=count, **where)

    def limit(self, count=1, retry_after_ms=1000, **where):
        """429 with Retry-After."""
        self.control("fault", kind="limit", count=count, retry_after_ms=retry_after_ms, **where)

    def fail(self, count=1, status=502, **where):
        """An error answer; nothing is done."""
        self.control("fault", kind="error", count=count, status=status, **where)

    def restart(self, *, lose_queue=True, down_ms=0):
        """As if the homeserver's process was killed and started again."""
        self.control("restart", lose_queue=lose_queue, down_ms=down_ms)

    def resend(self, count=1):
        """The last delivered events again, in new transactions; returns how many."""
        return self.control("resend", count=count)["events"]

    def push_raw(self, body, *, txn=None, token=None):
        """Pushes exactly these bytes as a transaction; returns {"status", "ms", "body"}."""
        query = {name: value for name, value in (("txn", txn), ("token", token)) if value is not None}
        return matrix_client.call_raw(self.control_url, "POST", "/transaction", body, query=query)

    def user(self, localpart, displayname=None):
        """A user of this homeserver with a token, as a MatrixClient (no sync)."""
        members = {"displayname": displayname} if displayname else {}
        made = self.control("user", user_id=f"@{localpart}:{self.domain}", **members)
        return matrix_client.MatrixClient(self.url, made["user_id"], made["access_token"])

    def room(self, creator, **options):
        """createRoom's options and members, member_count, member_prefix, quiet; returns the room id."""
        return self.control("room", creator=creator, **options)["room_id"]

    def inject(self, room, users, count=1, **options):
        """Messages of users (one id or a list): rate, prefix, first, msgtype; or content and type for one."""
        who = {"user": users} if isinstance(users, str) else {"users": users}
        return self.control("inject", room=room, count=count, **who, **options)

    # What has happened

    def ledger(self, *kinds):
        """The ledger's lines so far (of these kinds) as dicts, oldest first."""
        text = self.ledger_path.read_text() if self.ledger_path.exists() else ""
        whole = text.split("\n")[:-1]  # what is behind the last LF is being written
        lines = [json.loads(line) for line in whole]
        return [line for line in lines if not kinds or line["kind"] in kinds]

    def wait_until_pushed(self, timeout=30):
        """Until every event was taken by the appservice."""
        deadline = Deadline(timeout)
        while True:
            stats = self.stats()
            left = stats["queued"] + stats["stored_txns"] + stats["in_flight"] + stats["inject_left"]
            if left == 0:
                return
            assert deadline.left(), f"not pushed within {deadline.seconds} s: {stats}"
            time.sleep(0.01)
