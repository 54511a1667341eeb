# SPDX-License-Identifier: Apache-2.0
"""An appservice that only listens: it keeps every transaction it gets and answers as the test says."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .ports import free_port
from .waiting import Deadline


class Transaction:
    """One request: id, body as sent, its events, the token shown, when it came."""

    def __init__(self, txn_id, raw, token):
        self.id = txn_id
        self.raw = raw
        self.token = token
        self.time = time.monotonic()
        try:
            self.events = json.loads(raw).get("events", [])
        except ValueError:
            self.events = []

    def bodies(self):
        """The texts of its messages."""
        return [event["content"]["body"] for event in self.events if event["type"] == "m.room.message"]

    def event_ids(self):
        return [event["event_id"] for event in self.events]


class RecordingAppservice:
    """Listens from its making. `script` is what the next transactions are answered with, then 200 and {}.

    A script entry is (status, body). `hold` keeps transactions unanswered until `release`.
    """

    def __init__(self, port=None):
        self.transactions = []
        self.pings = 0
        self.queries = []  # paths asked with GET
        self.on_query = None  # called with the path; true: 200
        self.script = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._go = threading.Event()
        self._go.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port or free_port()), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._go.set()
        self._server.shutdown()
        self._server.server_close()

    def reset(self):
        """Healthy, and with nothing recorded."""
        self.script = []
        self.queries = []
        self.on_query = None
        self._go.set()
        with self._lock:
            self.transactions = []
            self.most_at_once = 0

    def hold(self):
        self._go.clear()

    def release(self):
        self._go.set()

    def fail_next(self, count, status=500):
        self.script = [(status, b"{}")] * count

    def bodies(self):
        return [body for txn in self.transactions for body in txn.bodies()]

    def saying(self, text):
        """The transactions that carry the message with this body."""
        return [txn for txn in self.transactions if text in txn.bodies()]

    def wait(self, holds, timeout=20, what="what was waited for"):
        """Until `holds()`; AssertionError after the deadline."""
        deadline = Deadline(timeout)
        while not holds():
            got = [(txn.id, txn.bodies() or len(txn.events)) for txn in self.transactions[-10:]]
            assert deadline.left(), f"{what} did not come within {deadline.seconds} s; last: {got}"
            time.sleep(0.01)

    def wait_idle(self):
        """Until nothing is being answered, and a moment more for the answer to arrive."""
        self.wait(lambda: self._at_once == 0, what="the end of the transaction")
        time.sleep(0.2)

    def wait_for(self, text, tries=1, timeout=20):
        """The transaction that carries this message for the `tries`-th time."""
        self.wait(lambda: len(self.saying(text)) >= tries, timeout, f"{text!r} (try {tries})")
        return self.saying(text)[tries - 1]

    def _take(self, txn):
        with self._lock:
            self.transactions.append(txn)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self.script.pop(0) if self.script else (200, b"{}")
        self._go.wait()
        with self._lock:
            self._at_once -= 1
        return answer

    def _handler(self):
        appservice = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _answer(self, status, body):
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the homeserver was killed meanwhile

            def do_PUT(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                self._answer(*appservice._take(Transaction(self.path.rsplit("/", 1)[1], raw, token)))

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                appservice.pings += 1
                self._answer(200, b"{}")

            def do_GET(self):
                appservice.queries.append(self.path)
                known = appservice.on_query and appservice.on_query(self.path)
                self._answer(*((200, b"{}") if known else (404, b'{"errcode":"M_NOT_FOUND"}')))

        return Handler
