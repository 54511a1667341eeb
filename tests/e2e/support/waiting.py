# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition with a deadline: the only way tests wait."""

import time


def eventually(condition, timeout=20, what="what was waited for", shown=None):
    """Calls `condition` until what it returns is true, and returns that; AssertionError after the timeout."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {timeout} s" + (f": {shown()}" if shown else ""))
        time.sleep(0.02)
    return value


def stays(condition, seconds, what="what should stay"):
    """Asserts that `condition` holds for so long; for showing that something does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"{what} ended"
        time.sleep(0.05)
