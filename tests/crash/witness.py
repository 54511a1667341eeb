# SPDX-License-Identifier: Apache-2.0
"""witness.py FILE disk | CPU | DATABASE: does a little, again and again, and notes in FILE how long that took when it took long.

What the machine needs at a moment to bring a few bytes to the disk is no delay of the bridge: a line read then cannot be
committed within 10 ms. "disk" writes and syncs in three ways, as stores do: over old bytes of a file, behind a file's
end, and the latter without a sync, which a journal that is being written out holds up as well. A number is a processor,
on which nothing is done but to wake up. The URL of a PostgreSQL database: commits one row there, which takes a turn of
several processes and what the database itself does meanwhile. Each record is "END DURATION" in monotonic nanoseconds;
the sleep in between does not count, but waking late from it does.
"""

import ctypes
import itertools
import os
import sys
import time
from pathlib import Path

PAUSE_NS = 4_000_000
NOTED_NS = 3_000_000
WINDOW_NS = 300_000_000


def bare_write(path):
    """A function that brings a little to the disk."""
    data = os.open(path + ".data", os.O_RDWR | os.O_CREAT, 0o600)
    grows = os.open(path + ".grows", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    block = b"x" * 4096
    turns = itertools.count()

    def write():
        os.pwrite(data, block, 0)
        os.fdatasync(data)
        os.write(grows, block[:256])
        if next(turns) % 5 == 0:
            os.fdatasync(grows)

    return write


def bare_commit(url):
    """A function that commits one row."""
    pq = ctypes.CDLL("libpq.so.5")
    pq.PQconnectdb.restype = pq.PQexec.restype = pq.PQerrorMessage.restype = ctypes.c_void_p
    pq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    pq.PQclear.argtypes = pq.PQresultStatus.argtypes = pq.PQerrorMessage.argtypes = [ctypes.c_void_p]
    database = pq.PQconnectdb(url.encode())

    def execute(sql):
        result = pq.PQexec(database, sql)
        if pq.PQresultStatus(result) != 1:  # PGRES_COMMAND_OK
            sys.exit(ctypes.string_at(pq.PQerrorMessage(database)).decode())
        pq.PQclear(result)

    execute(b"CREATE TABLE witness (at BIGINT)")
    return lambda: execute(b"INSERT INTO witness VALUES (1)")


def run(path, write):
    notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        start = time.monotonic_ns()
        time.sleep(PAUSE_NS / 1e9)
        write()
        end = time.monotonic_ns()
        took = end - start - PAUSE_NS
        if took >= NOTED_NS:
            os.write(notes, f"{end} {took}\n".encode())


class Witnesses:
    """What they noted, for looking up; paths: their files."""

    def __init__(self, paths):
        self.notes = []
        for path in map(Path, paths):
            whole = path.read_text(encoding="ascii").rpartition("\n")[0] if path.exists() else ""
            self.notes += [tuple(map(int, line.split())) for line in whole.splitlines()]

    def longest_ns(self, time_ns):
        """The longest write of those that were under way shortly before this moment, or at it; 0 = nothing long."""
        return max(
            (took for end, took in self.notes if end >= time_ns - WINDOW_NS and end - took <= time_ns),
            default=0,
        )


def main(path, place):
    if place == "disk":
        run(path, bare_write(path))
    elif place.startswith("postgres"):
        run(path, bare_commit(place))
    else:
        os.sched_setaffinity(0, {int(place)})
        run(path, lambda: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
