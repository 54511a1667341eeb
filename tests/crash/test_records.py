# SPDX-License-Identifier: Apache-2.0
"""From the peers' ledgers to what is judged."""

import unittest

from ledger import Line, Put, Said, Sent
from support.scripted_ircd import parse_record
from world import put_messages, said_lines, sent_messages, written_lines


def records(*lines):
    return [parse_record(f"{n}\t" + line.replace("|", "\t")) for n, line in enumerate(lines, 1)]


class Records(unittest.TestCase):
    def test_a_line_is_confirmed_by_its_echo(self):
        lines = written_lines(
            records(
                "10|CONNECT|1|*|127.0.0.1:1|plain",
                "20|TAKEN|1|ann|@label=t1 PRIVMSG #a :m a 1",
                "21|ECHO|1|ann|#a|id-1|label=t1|m a 1",
                "22|TAKEN|1|ann|PRIVMSG #a :m a 2",
                "23|ECHO|2|ben|#a|id-2|label=t2|m a 2",
                "24|PONG|2|ben|x",
            )
        )
        self.assertEqual(
            lines, [Line("#a", "ann", "m a 1", 1, 10, 20, 21), Line("#a", "ann", "m a 2", 1, 10, 22, None)]
        )

    def test_a_pong_confirms_all_before_it(self):
        lines = written_lines(
            records(
                "10|CONNECT|1|*|127.0.0.1:1|plain",
                "20|TAKEN|1|ann1|PRIVMSG #a :m a 1",
                "21|TAKEN|1|ann1|PRIVMSG #b :m b 1",
                "22|TAKEN|1|ann1|PING tr1",
                "23|PONG|1|ann1|tr1",
                "24|TAKEN|1|ann1|PRIVMSG #a single",
            )
        )
        self.assertEqual([line.confirmed_ns for line in lines], [23, 23, None])
        self.assertEqual({line.sender for line in lines}, {"ann"})
        self.assertEqual(lines[2].text, "single")

    def test_other_lines_and_dropped_ones_are_none(self):
        lines = records(
            "10|CONNECT|1|*|127.0.0.1:1|plain",
            "20|TAKEN|1|ann|NOTICE #a :x",
            "21|TAKEN|1|ann|PRIVMSG ben :x",
            "22|DROPPED|1|ann|PRIVMSG #a :x",
        )
        self.assertEqual(written_lines(lines), [])

    def test_what_is_said_is_heard_by_the_bots_latest_connection(self):
        said = said_lines(
            records(
                "5|SAID|-|xan|#a|id-0|reader=0|i 0",
                "10|CONNECT|1|*|127.0.0.1:1|plain",
                "11|REGISTER|1|MatrixBot|MatrixBot!b@h",
                "20|SAID|-|xan|#a|id-1|reader=1|i 1",
                "30|CONNECT|2|*|127.0.0.1:1|plain",
                "31|REGISTER|2|MatrixBot|MatrixBot!b@h",
                "32|REGISTER|3|ann|ann!b@h",
                "33|SAID|3|ann|#a|id-2|reader=1|of the bridge",
                "40|SAID|-|yan|#a|id-3|reader=1|i\\x092",
            )
        )
        self.assertEqual(
            said,
            [
                Said("#a", "xan", "i 0", 5, None),
                Said("#a", "xan", "i 1", 20, 10),
                Said("#a", "yan", "i\t2", 40, 30),
            ],
        )

    def test_only_events_of_taken_transactions_are_accepted(self):
        def inject(event, body):
            return {"kind": "inject", "room": "!r", "sender": "@ann:hs", "event": event, "content": {"body": body}}

        entries = [
            inject("$1", "one"),
            {"kind": "push", "ok": False, "events": ["$1"]},
            inject("$2", "two"),
            {"kind": "push", "ok": True, "events": ["$2"]},
        ]
        self.assertEqual(
            sent_messages(entries, {"!r": "#a"}),
            [Sent("#a", "ann", "one", False), Sent("#a", "ann", "two", True)],
        )

    def test_only_new_messages_of_ghosts_are_puts(self):
        entry = {
            "kind": "send",
            "room": "!r",
            "sender": "@irc_xan:hs",
            "cached": False,
            "type": "m.room.message",
            "content": {"body": "x"},
        }
        others = [{"cached": True}, {"sender": "@ircbridgebot:hs"}, {"type": "m.reaction"}, {"room": "!other"}]
        entries = [entry] + [{**entry, **other} for other in others]
        self.assertEqual(put_messages(entries, {"!r": "#a"}), [Put("#a", "xan", "x")])


if __name__ == "__main__":
    unittest.main()
