# SPDX-License-Identifier: Apache-2.0
"""A Matrix user as tests and the demo need one: plain client-server calls over urllib, and waiting for events.

Blocking by design. It knows nothing of trestle; an answer that is not 2xx raises MatrixError with the server's words.
"""

import itertools
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

from .waiting import Deadline


class MatrixError(Exception):
    """The homeserver's refusal: HTTP status, errcode and sentence."""

    def __init__(self, status, errcode, message, what):
        super().__init__(f"{what}: {status} {errcode} {message}")
        self.status = status
        self.errcode = errcode


def quote(text):
    return urllib.parse.quote(text, safe="")


def call(base_url, method, path, *, token=None, body=None, query=None, timeout=60):
    """One JSON request; returns the decoded answer."""
    data = None if body is None else json.dumps(body).encode()
    return call_raw(base_url, method, path, data, token=token, query=query, timeout=timeout)


def call_raw(base_url, method, path, data, *, token=None, query=None, timeout=60):
    """The same with the body's bytes as they are to be sent."""
    url = base_url.rstrip("/") + path
    if query:
        url += "?" + urllib.parse.urlencode(query)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refusal:
        text = refusal.read().decode("utf-8", "replace")
        try:
            error = json.loads(text)
        except ValueError:
            error = {"errcode": "?", "error": text[:300]}
        what = f"{method} {path}"
        raise MatrixError(refusal.code, error.get("errcode"), error.get("error"), what) from None


class MatrixClient:
    """One logged-in user (or, with `user_id` and an appservice token, a ghost)."""

    def __init__(self, base_url, user_id, token):
        self.base_url = base_url
        self.user_id = user_id
        self.token = token
        self.since = None
        self.seen = []  # every (room_id, event) that sync brought, in order
        self._transactions = (f"{uuid.uuid4().hex[:12]}.{n}" for n in itertools.count())

    @classmethod
    def login(cls, base_url, localpart, password):
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": localpart},
            "password": password,
        }
        answer = call(base_url, "POST", "/_matrix/client/v3/login", body=body)
        return cls(base_url, answer["user_id"], answer["access_token"])

    def request(self, method, path, body=None, query=None):
        """A call below /_matrix/client/v3."""
        return call(self.base_url, method, "/_matrix/client/v3" + path, token=self.token, body=body, query=query)

    # Rooms

    def create_room(self, **options):
        """POST /createRoom with its own field names; returns the room id."""
        return self.request("POST", "/createRoom", options)["room_id"]

    def join(self, room):
        return self.request("POST", f"/join/{quote(room)}", {})["room_id"]

    def leave(self, room_id):
        self.request("POST", f"/rooms/{quote(room_id)}/leave", {})

    def invite(self, room_id, user_id):
        self.request("POST", f"/rooms/{quote(room_id)}/invite", {"user_id": user_id})

    def kick(self, room_id, user_id, reason=""):
        self.request("POST", f"/rooms/{quote(room_id)}/kick", {"user_id": user_id, "reason": reason})

    def joined_members(self, room_id):
        """The joined members' profiles by user id."""
        return self.request("GET", f"/rooms/{quote(room_id)}/joined_members")["joined"]

    def state(self, room_id, event_type, state_key=""):
        return self.request("GET", f"/rooms/{quote(room_id)}/state/{quote(event_type)}/{quote(state_key)}")

    def set_state(self, room_id, event_type, content, state_key=""):
        path = f"/rooms/{quote(room_id)}/state/{quote(event_type)}/{quote(state_key)}"
        return self.request("PUT", path, content)["event_id"]

    # Events

    def send(self, room_id, event_type, content):
        path = f"/rooms/{quote(room_id)}/send/{quote(event_type)}/{next(self._transactions)}"
        return self.request("PUT", path, content)["event_id"]

    def send_text(self, room_id, text, msgtype="m.text"):
        return self.send(room_id, "m.room.message", {"msgtype": msgtype, "body": text})

    def redact(self, room_id, event_id):
        path = f"/rooms/{quote(room_id)}/redact/{quote(event_id)}/{next(self._transactions)}"
        return self.request("PUT", path, {})["event_id"]

    def messages(self, room_id, limit=1000):
        """The room's newest events, oldest first: what the homeserver holds, whatever sync has shown."""
        query = {"dir": "b", "limit": limit}
        return self.request("GET", f"/rooms/{quote(room_id)}/messages", query=query)["chunk"][::-1]

    # Sync

    def sync(self, timeout=0):
        """One /sync; new timeline events are appended to `seen`, invitations as (room, event) too."""
        query = {"timeout": int(timeout * 1000)}
        if self.since:
            query["since"] = self.since
        answer = self.request("GET", "/sync", query=query)
        self.since = answer["next_batch"]
        rooms = answer.get("rooms", {})
        for room_id, room in rooms.get("join", {}).items():
            for event in room.get("timeline", {}).get("events", []):
                self.seen.append((room_id, event))
        for room_id, room in rooms.get("invite", {}).items():
            for event in room.get("invite_state", {}).get("events", []):
                self.seen.append((room_id, event))
        return answer

    def wait_for(self, room_id, matches, timeout=20, what="the event"):
        """The first event of the room, seen or to come, that `matches`; AssertionError after the deadline."""
        deadline = Deadline(timeout)
        looked_at = 0
        while True:
            for room, event in self.seen[looked_at:]:
                if room == room_id and matches(event):
                    return event
            looked_at = len(self.seen)
            left = deadline.left()
            if not left:
                break
            self.sync(min(left, 5))
        bodies = [event.get("content", {}).get("body") for room, event in self.seen if room == room_id]
        raise AssertionError(f"{what} did not come within {deadline.seconds} s; last bodies in the room: {bodies[-10:]}")

    def wait_for_text(self, room_id, text, timeout=20, sender=None):
        """The message with exactly this body (from that sender, when given)."""

        def matches(event):
            return event.get("content", {}).get("body") == text and sender in (None, event["sender"])

        return self.wait_for(room_id, matches, timeout, f"the message {text!r}")

    def wait_for_invitation(self, sender, timeout=20):
        """The room that this user is invited to by `sender`, or by the bot where `sender` is in it."""

        def member_events(room_id):
            return [event for room, event in self.seen if room == room_id and event["type"] == "m.room.member"]

        def is_ours(event):
            return event.get("state_key") == self.user_id and event["content"].get("membership") == "invite"

        deadline = Deadline(timeout)
        while True:
            for room in {room for room, _ in self.seen}:
                events = member_events(room)
                people = {event.get("state_key") for event in events} | {event["sender"] for event in events}
                if sender in people and any(is_ours(event) for event in events):
                    return room
            if not deadline.left():
                raise AssertionError(f"an invitation by {sender} did not come within {deadline.seconds} s: {self.seen[-5:]}")
            self.sync(1)

    def wait_for_member(self, room_id, user_id, membership="join", timeout=20):
        def matches(event):
            return (
                event["type"] == "m.room.member"
                and event["state_key"] == user_id
                and event["content"]["membership"] == membership
            )

        return self.wait_for(room_id, matches, timeout, f"{membership} of {user_id}")
