# SPDX-License-Identifier: Apache-2.0
"""The verdict itself: a bridge that loses, doubles, exchanges or alters is found out, a correct one is not accused."""

import random
import unittest

from ledger import Kill, Line, Put, Said, Sent, Shown, judge_private, judge_to_irc, judge_to_matrix

MS = 1_000_000
CHANNELS = ("#a", "#b", "#c")
SENDERS = ("ann", "ben", "cat")


class Irc:
    """A correct bridge to IRC, killed every 100 ms: one message a millisecond, written at once, confirmed 4 ms later. After
    a kill it writes again what was not confirmed (with a history: what the server has not got)."""

    def __init__(self, seed=1, *, count=600, history=False, hard=True, window=16):
        choose = random.Random(seed)
        self.history, self.window = history, window
        self.kills = [Kill(time * MS, hard) for time in range(100, count, 100)]
        self.sent = [Sent(choose.choice(CHANNELS), choose.choice(SENDERS), f"m {n}", True) for n in range(count)]
        self.lines = []
        connected = 0
        for n, one in enumerate(self.sent):
            now = n * MS
            if connected < (now // (100 * MS)) * 100 * MS:
                dead, connected = connected, now
                if not history and hard:
                    self._write_again(dead, now)
            self._write(one, connected, now)

    def _write(self, one, connected, now):
        confirmed = now + 4 * MS
        self.lines.append(Line(one.channel, one.sender, one.text, connected // MS, connected, now, confirmed))

    def _write_again(self, dead, now):
        for line in [line for line in self.lines if line.connected_ns == dead and line.confirmed_ns >= now - 2 * MS]:
            self.lines.append(line._replace(conn=now // MS, connected_ns=now, time_ns=now, confirmed_ns=now + MS))

    def verdict(self):
        return judge_to_irc(self.sent, self.lines, self.kills, window=self.window, history=self.history)

    def swap(self, a, b):
        self.lines[a], self.lines[b] = self.lines[b], self.lines[a]


class ToIrc(unittest.TestCase):
    def check(self, irc, **expected):
        verdict = irc.verdict()
        counts = {kind: getattr(verdict, kind) for kind in ("lost", "reordered", "doubled", "altered")}
        self.assertEqual(counts, {**dict.fromkeys(counts, 0), **expected}, verdict.problems)
        self.assertEqual(verdict.ok, not expected)
        self.assertEqual(len(verdict.problems), sum(expected.values()))
        return verdict

    def test_a_correct_bridge_is_not_accused(self):
        for seed in range(20):
            for options in ({}, {"history": True}, {"hard": False}):
                verdict = self.check(Irc(seed, **options))
                self.assertEqual((verdict.accepted, verdict.delivered), (600, 600))
                self.assertEqual(verdict.allowed > 0, options == {})

    def test_a_lost_message_is_found_out(self):
        for n in (0, 77, 99, 100, 599):
            irc = Irc(history=True)
            del irc.lines[n]
            self.check(irc, lost=1)

    def test_what_was_not_accepted_may_be_lost(self):
        irc = Irc(history=True)
        irc.sent[300] = irc.sent[300]._replace(accepted=False)
        del irc.lines[300]
        self.assertEqual(self.check(irc).accepted, 599)

    def test_what_was_not_accepted_must_not_be_reordered_either(self):
        irc = Irc(history=True)
        irc.sent[300] = irc.sent[300]._replace(accepted=False)
        irc.lines.append(irc.lines.pop(300))
        self.check(irc, reordered=1)

    def test_exchanged_messages_of_one_room_are_found_out(self):
        irc = Irc(history=True)
        room = [n for n, line in enumerate(irc.lines) if line.channel == "#a"]
        irc.swap(room[10], room[11])
        self.check(irc, reordered=1)

    def test_rooms_may_overtake_each_other(self):
        irc = Irc(history=True)
        irc.lines.sort(key=lambda line: line.channel)
        self.check(irc)

    def test_a_doubling_with_a_confirmation_in_time_is_found_out(self):
        irc = Irc(history=False)
        line = irc.lines[50]
        irc.lines.append(line._replace(conn=9, connected_ns=590 * MS))
        self.check(irc, doubled=1)

    def test_a_doubling_within_one_connection_is_found_out(self):
        irc = Irc(history=False)
        irc.lines.insert(51, irc.lines[50])
        self.check(irc, doubled=1)

    def test_a_doubling_on_another_connection_without_a_kill_is_found_out(self):
        irc = Irc(count=90)
        irc.lines.append(irc.lines[50]._replace(conn=7, connected_ns=60 * MS, confirmed_ns=None))
        self.check(irc, doubled=1)

    def test_a_doubling_despite_the_history_is_found_out(self):
        irc = Irc(history=True)
        line = irc.lines[99]._replace(confirmed_ns=None)
        irc.lines[99] = line
        irc.lines.append(line._replace(conn=100, connected_ns=100 * MS))
        self.check(irc, doubled=1)

    def test_a_doubling_after_sigterm_is_found_out(self):
        irc = Irc(hard=False)
        line = irc.lines[99]._replace(confirmed_ns=None)
        irc.lines[99] = line
        irc.lines.append(line._replace(conn=100, connected_ns=100 * MS))
        self.check(irc, doubled=1)

    def test_more_doublings_than_the_window_are_found_out(self):
        irc = Irc(count=200)
        irc.lines = [line for line in irc.lines if line.connected_ns == 0]
        irc.lines = [line._replace(confirmed_ns=None) if line.time_ns >= 70 * MS else line for line in irc.lines]
        irc.sent = irc.sent[:100]
        irc.lines += [line._replace(conn=5, connected_ns=100 * MS) for line in irc.lines[-20:]]
        verdict = self.check(irc, doubled=4)
        self.assertEqual(verdict.allowed, 16)
        irc.window = 1
        self.check(irc, doubled=19)

    def test_the_first_one_counts_for_the_order(self):
        irc = Irc(count=200)
        verdict = self.check(irc)
        self.assertGreater(verdict.allowed, 0)

    def test_altered_foreign_and_misattributed_messages_are_found_out(self):
        irc = Irc(history=True)
        irc.lines[5] = irc.lines[5]._replace(text="m 5 ")
        self.check(irc, altered=1, lost=1)
        irc = Irc(history=True)
        irc.lines[5] = irc.lines[5]._replace(sender="mallory")
        self.check(irc, altered=1)
        irc = Irc(history=True)
        other = next(channel for channel in CHANNELS if channel != irc.lines[5].channel)
        irc.lines[5] = irc.lines[5]._replace(channel=other)
        self.check(irc, altered=1, lost=1)
        irc = Irc(history=True)
        irc.lines.append(irc.lines[5]._replace(text="never said"))
        self.check(irc, altered=1)


class Matrix:
    """A correct bridge to Matrix, killed every 100 ms and back 20 ms later: one line a millisecond; what is read more than
    10 ms before a kill is delivered, half of the rest too, and with a history all."""

    def __init__(self, seed=1, *, count=600, history=False):
        choose = random.Random(seed)
        self.history = history
        self.kills = [Kill(time * MS) for time in range(100, count, 100)]
        self.said, self.puts = [], []
        for n in range(count):
            life, within = divmod(n, 100)
            since = (life * 100 + 20) * MS if within >= 20 else None
            one = Said(choose.choice(CHANNELS), choose.choice(SENDERS), f"i {n}", n * MS, since)
            self.said.append(one)
            last = n >= count - 100
            if n >= 20 and (history or (since and (within <= 90 or last or choose.random() < 0.5))):
                self.puts.append(Put(one.channel, one.sender, one.text))

    def verdict(self):
        return judge_to_matrix(self.said, self.puts, self.kills, history=self.history)

    def place(self, text):
        return next(n for n, put in enumerate(self.puts) if put.text == text)


class ToMatrix(unittest.TestCase):
    check = ToIrc.check

    def test_a_correct_bridge_is_not_accused(self):
        for seed in range(20):
            self.assertEqual(self.check(Matrix(seed, history=True)).accepted, 580)
            verdict = self.check(Matrix(seed))
            self.assertEqual(verdict.accepted, 5 * 71 + 80)

    def test_a_lost_line_is_found_out(self):
        for text in ("i 50", "i 90", "i 220", "i 599"):
            bridge = Matrix()
            del bridge.puts[bridge.place(text)]
            self.check(bridge, lost=1)

    def test_a_line_said_while_it_was_away_is_owed_only_with_a_history(self):
        bridge = Matrix(history=True)
        del bridge.puts[bridge.place("i 210")]
        self.check(bridge, lost=1)
        bridge.history = False
        self.check(bridge)

    def test_what_was_read_just_before_the_kill_is_not_owed(self):
        bridge = Matrix(history=True)
        del bridge.puts[bridge.place("i 295")]
        self.check(bridge, lost=1)
        bridge.history = False
        self.check(bridge)

    def test_what_a_dead_connection_still_seemed_to_hear_is_not_owed(self):
        bridge = Matrix()
        dead = bridge.said[205]
        self.assertNotIn(dead.text, [put.text for put in bridge.puts])
        bridge.said[205] = dead._replace(reader_since_ns=120 * MS)
        self.check(bridge)

    def test_how_long_lines_took_to_be_durable_is_told_by_what_kills_took(self):
        lines, half, most, oldest = Matrix(3, count=20000).verdict().commit_times()
        self.assertGreater(lines, 15000)
        self.assertLessEqual(half, 10)
        self.assertTrue(8 <= most <= 10.5, most)
        self.assertTrue(8 <= oldest <= 10, oldest)
        self.assertIsNone(Matrix(3, history=True).verdict().commit_times())

    def test_a_doubled_message_is_found_out_always(self):
        for n in (0, 100, -1):
            bridge = Matrix(history=True)
            bridge.puts.append(bridge.puts[n])
            self.check(bridge, doubled=1)

    def test_exchanged_messages_of_one_room_are_found_out(self):
        bridge = Matrix(history=True)
        room = [n for n, put in enumerate(bridge.puts) if put.channel == "#b"]
        a, b = room[40], room[43]
        bridge.puts[a], bridge.puts[b] = bridge.puts[b], bridge.puts[a]
        self.check(bridge, reordered=3)

    def test_altered_and_misattributed_messages_are_found_out(self):
        bridge = Matrix(history=True)
        bridge.puts[7] = bridge.puts[7]._replace(text="something else")
        self.check(bridge, altered=1, lost=1)
        bridge = Matrix(history=True)
        bridge.puts[7] = bridge.puts[7]._replace(sender="mallory")
        self.check(bridge, altered=1)


class Private(unittest.TestCase):
    """Messages that may be shown only while ann and ben are in the channel; all were killed at 1000 ms."""

    JOINS = {("#a", "ann"): [100 * MS, 1100 * MS], ("#a", "ben"): [200 * MS, 1200 * MS]}

    def altered(self, *times):
        shown = [Shown("#a", f"text {time}", time * MS) for time in times]
        return judge_private(shown, self.JOINS, [Kill(1000 * MS)], ("ann", "ben")).altered

    def test_what_is_shown_while_all_are_there_is_not_accused(self):
        self.assertEqual(self.altered(210, 900, 1005, 1210, 3000), 0)

    def test_what_is_shown_before_the_last_has_come_is_found_out(self):
        self.assertEqual(self.altered(150), 1)
        self.assertEqual(self.altered(1150), 1)
        self.assertEqual(self.altered(1050), 2)


if __name__ == "__main__":
    unittest.main()
