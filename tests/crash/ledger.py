# SPDX-License-Identifier: Apache-2.0
"""The verdict on a bridge that was killed again and again, from what its peers wrote down and from nothing else.

Pure: lists of records in, a Verdict out. Times are nanoseconds of one monotonic clock. What counts as accepted, done and
doubled is in docs/delivery.md.
"""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

# Within this time of being read a line is committed, and within the same time a confirmation is; more only while the
# machine itself needs longer (witness.py).
COMMIT_NS = 10_000_000
CLOCK_NS = 20_000_000
AGE_NS = 100_000_000  # lines said so long before a kill tell how long a commit takes
SHOWN = 20  # problems written out for each kind


class Kill(NamedTuple):
    time_ns: int
    hard: bool = True  # SIGKILL; else SIGTERM, after which nothing may be lost or doubled
    commit_ns: int = COMMIT_NS  # what a commit may have taken then


class Sent(NamedTuple):
    """A message a Matrix user sent. accepted: the bridge answered 200 for a transaction with it."""

    channel: str
    sender: str
    text: str
    accepted: bool


class Line(NamedTuple):
    """A message the IRC server took from the bridge on a connection made at `connected_ns`."""

    channel: str
    sender: str
    text: str
    conn: int
    connected_ns: int
    time_ns: int
    confirmed_ns: Optional[int]  # when the server told the bridge so


class Said(NamedTuple):
    """A message an IRC user said. reader_since_ns: when the connection was made that the bridge reads the channel by, if it
    was in the channel then."""

    channel: str
    sender: str
    text: str
    time_ns: int
    reader_since_ns: Optional[int]


class Put(NamedTuple):
    """A message the homeserver took from the bridge as a new event."""

    channel: str
    sender: str
    text: str


class Shown(NamedTuple):
    """When the homeserver took a message of an IRC user; within CLOCK_NS, since its clock is another one."""

    channel: str
    text: str
    time_ns: int


@dataclass
class Verdict:
    accepted: int = 0
    delivered: int = 0
    lost: int = 0
    reordered: int = 0
    doubled: int = 0
    altered: int = 0
    allowed: int = 0  # doubled, but unconfirmed at a kill
    problems: list = field(default_factory=list)
    ages: list = field(default_factory=list)  # (ns, survived) of lines said shortly before a kill, without a history

    @property
    def ok(self):
        return not (self.lost or self.reordered or self.doubled or self.altered)

    def commit_times(self):
        """(lines, p50, p99, oldest that was lost) in ms: how long lines took from being said to being durable, as far as
        kills tell; None without such lines."""
        if not self.ages:
            return None
        shares = _rising_shares(sorted(self.ages))
        reached = [next((age for age, share in shares if share >= part), shares[-1][0]) for part in (0.5, 0.99)]
        oldest = max((age for age, survived in self.ages if not survived), default=0)
        return len(self.ages), *(ns / 1e6 for ns in (*reached, oldest))

    def add(self, other):
        """Takes in the verdict on the other direction of the same bridge."""
        for kind in ("accepted", "delivered", "lost", "reordered", "doubled", "altered", "allowed", "problems", "ages"):
            setattr(self, kind, getattr(self, kind) + getattr(other, kind))

    def blame(self, kind, what):
        """Counts one more of `kind` and keeps the sentence."""
        setattr(self, kind, getattr(self, kind) + 1)
        if getattr(self, kind) <= SHOWN:
            self.problems.append(f"{kind}: {what}")


def judge_to_irc(sent, lines, kills, *, window, history, ordered=True):
    """sent: in the order it was said in each room. lines: in the order they were taken. window: how many a connection may
    double after a kill. history: the server's history lets the bridge find out, so nothing doubles. ordered: nothing was refused and
    sent again, which comes behind what waits."""
    verdict = Verdict()
    places = _places(sent, verdict)
    times = [kill.time_ns for kill in kills]
    seen = defaultdict(list)
    for line in lines:
        entry = places.get((line.channel, line.text))
        if entry is None:
            verdict.blame("altered", f"{line.channel}: {line.sender} wrote {line.text!r}, which nobody had said there")
        else:
            if line.sender != entry[1].sender:
                verdict.blame("altered", f"{line.channel}: {line.text!r} of {entry[1].sender} was written by {line.sender}")
            seen[line.channel, line.text].append(line)
    _count(verdict, [one for one in sent if one.accepted], seen)
    if ordered:
        _judge_order(verdict, [(line.channel, line.text) for line in lines], places)
    doubles = defaultdict(list)
    for occurrences in seen.values():
        for before, again in zip(occurrences, occurrences[1:]):
            index = bisect_right(times, before.connected_ns)
            reason = _why_not(before, again, kills[index] if index < len(kills) else None, history)
            if reason:
                verdict.blame("doubled", f"{again.channel}: {again.text!r} once more, {reason}")
            else:
                doubles[before.conn].append(again)
    for conn, again in doubles.items():
        verdict.allowed += min(len(again), window)
        for line in again[window:]:
            verdict.blame("doubled", f"{line.channel}: {line.text!r}: more than {window} of connection {conn} are doubled")
    return verdict


def _why_not(before, again, kill, history):
    """Why this doubling is none that a kill excuses; "" when it is one."""
    if kill is None or again.connected_ns < kill.time_ns:
        return "without a kill in between"
    if not kill.hard:
        return "after a SIGTERM"
    if history:
        return "though the server has a history"
    if before.confirmed_ns is not None and before.confirmed_ns <= kill.time_ns - kill.commit_ns:
        return f"though it was confirmed {(kill.time_ns - before.confirmed_ns) / 1e6:.1f} ms before the kill"
    return ""


def judge_to_matrix(said, puts, kills, *, history):
    """said: in the order it was said. puts: in the order they were accepted. history: what was said while the bridge was
    away is accepted too, once it has been in the channel."""
    verdict = Verdict()
    places = _places(said, verdict)
    seen = defaultdict(list)
    for put in puts:
        entry = places.get((put.channel, put.text))
        if entry is None:
            verdict.blame("altered", f"{put.channel}: {put.sender} sent {put.text!r}, which nobody had said there")
            continue
        if put.sender != entry[1].sender:
            verdict.blame("altered", f"{put.channel}: {put.text!r} of {entry[1].sender} was sent by {put.sender}")
        seen[put.channel, put.text].append(put)
    _count(verdict, accepted_lines(said, kills, history=history), seen, kills)
    _judge_order(verdict, [(put.channel, put.text) for put in puts], places)
    for (channel, text), occurrences in seen.items():
        for _ in occurrences[1:]:
            verdict.blame("doubled", f"{channel}: {text!r} is in the room once more")
    if not history:
        verdict.ages = _ages(said, kills, seen)
    return verdict


def judge_private(shown, joins, kills, people):
    """Of a room that shows what is said on IRC only while all `people` are in the channel: a message is blamed (as altered) that
    was shown before one of them had come back after a kill. shown: Shown; joins: {(channel, nick): times}."""
    verdict = Verdict()
    times = [kill.time_ns for kill in kills]
    for one in shown:
        index = bisect_right(times, one.time_ns)
        since = times[index - 1] if index else 0
        if one.time_ns - since < CLOCK_NS:
            continue  # on its way when the bridge was killed
        for person in people:
            if not any(since < time <= one.time_ns + CLOCK_NS for time in joins.get((one.channel, person), ())):
                verdict.blame("altered", f"{one.channel}: {one.text!r} was shown while {person} was not in the channel")
    return verdict


def _ages(said, kills, seen):
    """(how long before the kill it was said, whether it survived) of the lines that a bridge heard shortly before its end."""
    times = [kill.time_ns for kill in kills]
    ages = []
    for one in said:
        index = bisect_right(times, one.reader_since_ns) if one.reader_since_ns is not None else len(times)
        if index < len(times) and kills[index].hard and 0 <= times[index] - one.time_ns <= AGE_NS:
            ages.append((times[index] - one.time_ns, (one.channel, one.text) in seen))
    return ages


def _rising_shares(ages):
    """[(age, share of the lines that survive at that age)]: the likeliest shares that never fall with age (pooling of
    neighbours that do)."""
    blocks = []  # [sum, count, first age]
    for age, survived in ages:
        blocks.append([int(survived), 1, age])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            total, count, _ = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    return [(age, total / count) for total, count, age in blocks]


def accepted_lines(said, kills, *, history):
    times = [kill.time_ns for kill in kills]
    accepted = []
    joined = set()  # channels it has been in
    for one in said:
        since = one.reader_since_ns
        heard = False
        if since is not None:
            index = bisect_right(times, since)
            heard = index == len(times) or one.time_ns <= times[index] - kills[index].commit_ns
        if heard:
            joined.add(one.channel)
        if heard or (history and one.channel in joined):
            accepted.append(one)
    return accepted


def _places(messages, verdict):
    """{(channel, text): (place in the channel, message)}; the load must not say anything twice."""
    places = {}
    counts = defaultdict(int)
    for message in messages:
        key = (message.channel, message.text)
        assert key not in places, f"the load itself said {key} twice"
        places[key] = (counts[message.channel], message)
        counts[message.channel] += 1
    return places


def _count(verdict, accepted, seen, kills=()):
    verdict.accepted = len(accepted)
    verdict.delivered = len(seen)
    for one in accepted:
        if (one.channel, one.text) not in seen:
            later = [kill.time_ns - one.time_ns for kill in kills if kill.time_ns > one.time_ns]
            when = f", {later[0] / 1e6:.1f} ms before the next kill" if later else ""
            verdict.blame("lost", f"{one.channel}: {one.text!r} of {one.sender}{when}")


def _judge_order(verdict, keys, places):
    """By first occurrence: what comes after a later one of its room is reordered."""
    furthest = {}
    seen = set()
    for key in keys:
        if key in seen or key not in places:
            continue
        seen.add(key)
        place = places[key][0]
        last, text = furthest.get(key[0], (-1, ""))
        if place < last:
            verdict.blame("reordered", f"{key[0]}: {key[1]!r} after {text!r}")
        else:
            furthest[key[0]] = (place, key[1])
