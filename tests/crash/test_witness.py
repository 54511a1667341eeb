# SPDX-License-Identifier: Apache-2.0
"""What witnesses noted, looked up for a moment."""

import tempfile
import unittest
from pathlib import Path

from witness import WINDOW_NS, Witnesses

MS = 1_000_000


class Lookup(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)

    def notes(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def test_the_longest_of_all_that_were_under_way_counts(self):
        disk = self.notes("disk", f"{100 * MS} {4 * MS}\n{200 * MS} {20 * MS}\n")
        database = self.notes("database", f"{195 * MS} {30 * MS}\n")
        self.assertEqual(Witnesses([disk]).longest_ns(190 * MS), 20 * MS)
        self.assertEqual(Witnesses([disk, database]).longest_ns(190 * MS), 30 * MS)

    def test_what_began_later_or_ended_long_ago_does_not_count(self):
        disk = self.notes("disk", f"{1000 * MS} {20 * MS}\n")
        for moment, longest in ((979, 0), (980, 20), (1000, 20), (1000 + WINDOW_NS // MS, 20), (1001 + WINDOW_NS // MS, 0)):
            self.assertEqual(Witnesses([disk]).longest_ns(moment * MS), longest * MS, moment)

    def test_half_a_record_and_no_file_are_no_notes(self):
        self.assertEqual(Witnesses([self.notes("disk", f"{100 * MS} {9 * MS}\n{110 * MS} 99")]).longest_ns(100 * MS), 9 * MS)
        self.assertEqual(Witnesses([self.notes("half", "10")]).longest_ns(10), 0)
        self.assertEqual(Witnesses([self.directory / "none"]).longest_ns(10), 0)
