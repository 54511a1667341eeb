# SPDX-License-Identifier: Apache-2.0
"""What a demo remembers between two calls of quickstart: its processes, its ports, its user and room.

A process is known by pid and start time, so that a pid that the system has given to somebody else is never signalled.
"""

import json
import os
import signal
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Tests keep their demo apart from the one of the person who works here.
DEMO = Path(os.environ.get("TRESTLE_DEMO") or ROOT / ".demo")


def start_time(pid):
    """When the process started, in clock ticks since boot; None when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


class State(dict):
    """A dict that lives in a JSON file; `save` after each change that must not be forgotten."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        if path.exists():
            self.update(json.loads(path.read_text()))
        self.setdefault("processes", {})

    def save(self):
        part = self.path.with_suffix(".part")
        # It holds passwords and tokens.
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(self, file, indent=1)
        part.replace(self.path)

    def started(self, name, pid):
        self["processes"][name] = {"pid": pid, "start": start_time(pid)}
        self.save()

    def runs(self, name):
        process = self["processes"].get(name)
        return bool(process) and start_time(process["pid"]) == process["start"] and not is_zombie(process["pid"])

    def stop(self, name, grace=12):
        """SIGTERM to the process, SIGKILL to its group after `grace` seconds. True when there was one."""
        if not self.runs(name):
            self["processes"].pop(name, None)
            return False
        pid = self["processes"][name]["pid"]
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self.runs(name) and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.runs(name):
            os.killpg(pid, signal.SIGKILL)
        del self["processes"][name]
        self.save()
        return True
