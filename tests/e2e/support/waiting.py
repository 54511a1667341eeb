# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition with a deadline: the only way tests wait."""

import time

PATIENCE = 3  # what a busy machine may take, in times of what the wait was written for


class Deadline:
    """The end of a wait that was written for `timeout` seconds. It bounds a test that fails, never one that passes."""

    def __init__(self, timeout):
        self.seconds = timeout * PATIENCE
        self._end = time.monotonic() + self.seconds

    def left(self):
        """Seconds, 0 once it has passed."""
        return max(0, self._end - time.monotonic())


def eventually(condition, timeout=20, what="what was waited for", shown=None):
    """Calls `condition` until what it returns is true, and returns that; AssertionError after the deadline."""
    deadline = Deadline(timeout)
    while not (value := condition()):
        if not deadline.left():
            raise AssertionError(f"{what} did not come within {deadline.seconds} s" + (f": {shown()}" if shown else ""))
        time.sleep(0.02)
    return value


def stays(condition, seconds, what="what should stay"):
    """Asserts that `condition` holds for so long; for showing that something does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"{what} ended"
        time.sleep(0.05)
