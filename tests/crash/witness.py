# SPDX-License-Identifier: Apache-2.0
"""witness.py FILE: writes and syncs a little, again and again, and notes in FILE how long that took when it took long.

Three ways, as stores do: over old bytes of a file, behind a file's end, and the latter without a sync, which a journal
that is being written out holds up as well. What the machine needs at a moment to bring a few bytes to the disk is no delay of the bridge: a line read then cannot be
committed within 10 ms. Each record is "END DURATION" in monotonic nanoseconds; the sleep in between does not count, but
waking late from it does.
"""

import itertools
import os
import sys
import time

PAUSE_NS = 4_000_000
NOTED_NS = 3_000_000
WINDOW_NS = 300_000_000


def run(path):
    data = os.open(path + ".data", os.O_RDWR | os.O_CREAT, 0o600)
    notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    grows = os.open(path + ".grows", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    block = b"x" * 4096
    for turn in itertools.count():
        start = time.monotonic_ns()
        time.sleep(PAUSE_NS / 1e9)
        os.pwrite(data, block, 0)
        os.fdatasync(data)
        os.write(grows, block[:256])
        if turn % 5 == 0:
            os.fdatasync(grows)
        end = time.monotonic_ns()
        took = end - start - PAUSE_NS
        if took >= NOTED_NS:
            os.write(notes, f"{end} {took}\n".encode())


class Witness:
    """What it noted, for looking up."""

    def __init__(self, path):
        self.notes = []
        if path and os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self.notes = [tuple(map(int, line.split())) for line in file if line.endswith("\n")]

    def longest_ns(self, time_ns):
        """The longest write of those that were under way shortly before this moment, or at it; 0 = nothing long."""
        return max(
            (took for end, took in self.notes if end >= time_ns - WINDOW_NS and end - took <= time_ns),
            default=0,
        )


if __name__ == "__main__":
    run(sys.argv[1])
