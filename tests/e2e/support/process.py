# SPDX-License-Identifier: Apache-2.0
"""One server process: started in its own process group, logged to a file, waited for, and ended by its own pid.

Nothing here knows what the program is. A program that must not run as root gets `user`, which counts only when
we are root ourselves.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import time
import weakref

from .waiting import PATIENCE, Deadline

PR_SET_PDEATHSIG = 1


class ProcessError(AssertionError):
    """A program that did not start, did not become ready, or ended by itself; carries the end of its log."""


def user_to_run_as(user):
    """The user to change to for a program that refuses root, or None when we are not root."""
    return user if os.geteuid() == 0 else None


def scratch_for(directory, user=None):
    """Makes `directory` and gives it to `user` (when we are root). Returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    if user_to_run_as(user):
        shutil.chown(directory, user, pwd.getpwnam(user).pw_gid)
    return directory


def end_with_parent():
    """In a child: the end of its parent, however it comes, is its own."""
    # A killed test run must not leave servers behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A started program. `detached` lets it outlive us (the demo), otherwise it ends with us.

    A program that dies by itself is an error of kill(), unless it was told to end or somebody has asked how it ended.
    """

    started = weakref.WeakSet()

    def __init__(self, name, argv, log, *, cwd=None, env=None, user=None, detached=False):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        identity = {}
        if user_to_run_as(user):
            entry = pwd.getpwnam(user)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                self.argv,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=None if detached else end_with_parent,
                **identity,
            )
        self._end_expected = False
        self.started.add(self)

    @property
    def pid(self):
        return self._child.pid

    def alive(self):
        return self._child.poll() is None

    def exit_status(self):
        """The exit status, negative for a signal, None while it runs."""
        status = self._child.poll()
        self._end_expected |= status is not None
        return status

    def output(self):
        """Everything this start of the program wrote."""
        with open(self.log, "rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def wait_ready(self, probe, timeout=30):
        """Calls `probe` until it returns true; a program that ends meanwhile, or the timeout, is an error."""
        deadline = Deadline(timeout)
        while deadline.left():
            if probe():
                return
            if not self.alive():
                raise ProcessError(self._report(f"ended with status {self.exit_status()} before it was ready"))
            time.sleep(0.02)
        raise ProcessError(self._report(f"was not ready within {deadline.seconds} s"))

    def wait(self, timeout=15):
        """Waits for the end and returns the exit status."""
        self._end_expected = True
        try:
            return self._child.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired as expired:
            raise ProcessError(self._report(f"did not end within {expired.timeout} s")) from None

    def stop(self, timeout=15):
        """SIGTERM and wait; what does not end in time is killed, and that is an error. Returns the exit status."""
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
        try:
            return self.wait(timeout)
        finally:
            self.kill()

    def kill(self):
        """SIGKILL to the whole process group. A program that has ended already is fine, unless it did so by itself and not in
        order: a crash must not pass for the end of a test."""
        fallen = not self._end_expected and self._child.poll()
        self._end_expected = True
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._child.wait()
        if fallen:
            raise ProcessError(self._report(f"had ended by itself, with status {fallen}"))

    def signal(self, number):
        self._end_expected |= number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
        os.kill(self.pid, number)

    def _report(self, what):
        return f"{self.name} {what}\n  command: {' '.join(self.argv)}\n  end of {self.log}:\n{self.tail()}"

    def tail(self, lines=25):
        """The last lines of what it wrote, set in."""
        return "\n".join("    " + line for line in self.output().splitlines()[-lines:])
