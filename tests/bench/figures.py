# SPDX-License-Identifier: Apache-2.0
"""The figures, their bars, and how they are shown: a table for people, or one line of JSON each."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    bar: float
    at_least: bool  # the bar is the least, else the most
    what: str


FIGURES = [
    Figure(
        "transaction_overhead_ms",
        "ms",
        0.4,
        False,
        "10-event transactions, p50 from request to 200, less p50 of a bare fdatasync",
    ),
    Figure("transactions_durable", "1/s", 900, True, "the same, transactions answered in a second"),
    Figure("irc_to_matrix_one_channel", "1/s", 2000, True, "one sender, 5,000 lines"),
    Figure("irc_to_matrix_eight_channels", "1/s", 5000, True, "eight channels with a sender each, 5,000 lines each"),
    Figure("matrix_to_irc_burst", "1/s", 8000, True, "one user, 5,000 messages at once, no pacing"),
    Figure("cpu_per_message_ms", "ms", 0.15, False, "the bridge's own CPU, in the worse direction"),
    Figure("memory_idle_mb", "MB", 10, False, "resident, one mapped channel"),
    Figure("memory_after_100k_mb", "MB", 20, False, "resident after 100,000 messages"),
    Figure("irc_to_matrix_500_puppets", "1/s", 2000, True, "500 puppets in the channel, 5 senders, 5,000 lines"),
    Figure("irc_to_matrix_500_cpu_ms", "ms", 0.15, False, "the same, the bridge's own CPU per message"),
    Figure(
        "irc_to_matrix_slow_homeserver",
        "MB",
        10,
        False,
        "the same while each answer of the homeserver takes 50 ms: memory it grows by, 0 lost, 0 reordered",
    ),
    Figure("matrix_to_irc_500_burst", "1/s", 1500, True, "500 users in one channel, 1,000 messages, they take turns"),
    Figure("matrix_to_irc_500_paced_ms", "ms", 5, False, "the same, 50 messages/s, median from homeserver to IRC"),
    Figure("memory_500_mb", "MB", 25, False, "resident, 500 puppets in one channel"),
    Figure("memory_2000_mb", "MB", 50, False, "resident, 2,000 puppets in one channel"),
    Figure("memory_5000_mb", "MB", 120, False, "resident, 5,000 puppets in 50 channels"),
    Figure("memory_tls_kb", "kB", 40, False, "what TLS adds for each connection"),
    Figure("join_2000_s", "s", 20, False, "2,000 people's first messages until the room bridges both ways, no pacing"),
    Figure("join_2000_cpu_s", "s", 15, False, "the bridge's own CPU meanwhile"),
    Figure("restart_500_s", "s", 3, False, "restart with 500 puppets until all have spoken again"),
    Figure("restart_500_requests", "", 0, False, "the same, requests to the homeserver that were not needed"),
    Figure("netsplit_1000_stall_ms", "ms", 50, False, "netsplit of 1,000 users and their return: longest turn of the loop"),
    Figure("netsplit_1000_changes", "", 2, False, "the same, leaves and joins of one user in the room, at most"),
    Figure("start_to_ready_s", "s", 0.1, False, "until /ready, one mapped channel, median of five"),
]
BY_NAME = {figure.name: figure for figure in FIGURES}


class Results:
    """Takes figures as they are found. `wanted` None shows all."""

    def __init__(self, wanted, as_json):
        self.wanted = wanted
        self.as_json = as_json
        self.rows = []

    def wants(self, *names):
        return self.wanted is None or self.wanted in names

    def add(self, name, value, note=""):
        figure = BY_NAME[name]
        good = value >= figure.bar if figure.at_least else value <= figure.bar
        if not self.wants(name):
            return
        self.rows.append((figure, value, good, note))
        if self.as_json:
            line = {"name": name, "value": rounded(value), "unit": figure.unit, "bar": figure.bar, "ok": good}
            print(json.dumps(line), flush=True)

    def print_table(self, out):
        header = f"{'figure':30} {'value':>10} {'bar':>9} unit     what"
        print(f"\n{header}\n{'-' * 110}", file=out)
        for figure, value, good, note in self.rows:
            bar = f"{'>=' if figure.at_least else '<='} {figure.bar:g}"
            mark = "   " if good else " ! "
            print(f"{figure.name:30} {rounded(value):>10} {bar:>9} {figure.unit:4}{mark} {figure.what}", file=out)
            if note:
                print(f"{'':57} {note}", file=out)
        print("\nAgain: ./check bench, or one of them: ./check bench NAME. ! = over the bar", file=out)


def rounded(value):
    return round(value) if value >= 100 else round(value, 1) if value >= 10 else round(value, 3)
