# SPDX-License-Identifier: Apache-2.0
"""The stub homeserver has the manners of the real one: what other tests rely on is checked on both."""

import itertools
import json
import time

import pytest

from support.matrix_client import MatrixClient, MatrixError, call, quote
from support.recording_appservice import RecordingAppservice
from support.stub_homeserver import StubHomeserver
from support.synapse import Synapse

AS_TOKEN = "as_token"
HS_TOKEN = "hs_token"
AS_ID = "manners"
_names = itertools.count(1)


class Manners:
    """A homeserver of either kind with an appservice that records, and the calls these tests make."""

    def __init__(self, server, appservice):
        self.server = server
        self.appservice = appservice
        self.bot = f"@bot:{server.domain}"

    def call(self, method, path, body=None, user_id=None, **query):
        """As the appservice, for user_id."""
        if user_id:
            query["user_id"] = user_id
        return call(
            self.server.url, method, "/_matrix/client/v3" + path, token=AS_TOKEN, body=body, query=query
        )

    def refusal(self, method, path, body=None, user_id=None):
        """(status, errcode) of a call; (200, None) when it was not refused."""
        try:
            self.call(method, path, body, user_id)
        except MatrixError as refusal:
            return refusal.status, refusal.errcode
        return 200, None

    def words(self, method, path, body=None, user_id=None):
        """Status, errcode and sentence of a call's refusal, "200" when there was none."""
        try:
            self.call(method, path, body, user_id)
        except MatrixError as refusal:
            return str(refusal).split(": ", 1)[1]
        return "200"

    def new_ghost(self):
        name = f"_ghost_{next(_names)}"
        body = {"type": "m.login.application_service", "username": name, "inhibit_login": True}
        return self.call("POST", "/register", body)["user_id"]

    def new_user(self):
        name = f"user{next(_names)}"
        return self.server.register(name) if isinstance(self.server, Synapse) else self.server.user(name)

    def new_room(self, *ghosts, **options):
        """A room of the bot's with these ghosts joined."""
        room = self.call("POST", "/createRoom", {"preset": "public_chat", **options})["room_id"]
        for ghost in ghosts:
            self.call("POST", f"/rooms/{quote(room)}/join", {}, ghost)
        return room

    def send(self, room, text, user_id=None, txn=None):
        path = f"/rooms/{quote(room)}/send/m.room.message/{quote(txn or f'txn{next(_names)}')}"
        return self.call("PUT", path, {"msgtype": "m.text", "body": text}, user_id)["event_id"]

    def texts(self, room):
        """What the room's members can read, oldest first."""
        page = self.call("GET", f"/rooms/{quote(room)}/messages", dir="b", limit=500)
        return [event["content"]["body"] for event in page["chunk"][::-1] if event["type"] == "m.room.message"]

    def ping(self):
        path = f"/_matrix/client/v1/appservice/{AS_ID}/ping"
        return call(self.server.url, "POST", path, token=AS_TOKEN, body={"transaction_id": "p"})

    def wake(self):
        """A ping, which fails when the homeserver is in the middle of a try of its own."""
        try:
            self.ping()
        except MatrixError as refusal:
            assert refusal.errcode == "M_CONNECTION_FAILED"

    def crash(self):
        """The homeserver is killed and comes back."""
        if isinstance(self.server, Synapse):
            self.server.kill()
            self.server.start()
        else:
            self.server.restart()

    def flush(self):
        """A transaction that a kill has left behind comes when another one has failed, before all others: now."""
        self.appservice.fail_next(1)
        marker = f"flushed {next(_names)}"
        self.send(self.new_room(), marker)
        self.appservice.wait_for(marker, timeout=40)

    def settle(self):
        """Nothing is left to push, and nothing is recorded."""
        self.appservice.reset()
        self.wake()
        marker = f"settled {next(_names)}"
        self.send(self.new_room(), marker)
        self.appservice.wait_for(marker, timeout=40)
        self.appservice.wait_idle()
        self.appservice.reset()


def registration(url):
    names = {"users": [{"exclusive": True, "regex": "@_ghost_.*:localhost"}]}
    return {
        "id": AS_ID,
        "url": url,
        "as_token": AS_TOKEN,
        "hs_token": HS_TOKEN,
        "sender_localpart": "bot",
        "rate_limited": False,
        "namespaces": {**names, "aliases": [{"exclusive": True, "regex": "#_ghost_.*:localhost"}], "rooms": []},
    }


def make_synapse_server(directory, appservice):
    directory.mkdir()
    path = directory / "registration.yaml"
    path.write_text(json.dumps(registration(appservice.url)))
    return Synapse(directory, registrations=[path])


def make_stub_server(directory, appservice):
    return StubHomeserver(
        directory,
        domain="localhost",
        as_id=AS_ID,
        as_url=appservice.url,
        as_token=AS_TOKEN,
        hs_token=HS_TOKEN,
        user_prefix="_ghost_",
        namespace_aliases="^#_ghost_.*:localhost$",
    )


@pytest.fixture(scope="module", params=["stub", "synapse"])
def homeserver(request, scratch):
    appservice = RecordingAppservice()
    make = make_stub_server if request.param == "stub" else make_synapse_server
    server = make(scratch / f"manners-{request.param}", appservice)
    server.start()
    yield Manners(server, appservice)
    status = server.process.stop()
    appservice.close()
    assert status == 0 or request.param == "synapse"


@pytest.fixture
def hs(homeserver):
    """Either homeserver, with an idle pusher and a healthy appservice."""
    homeserver.settle()
    yield homeserver
    homeserver.appservice.reset()


# Requests of the appservice

# What Synapse 1.163.2 says; the tests below ask both homeservers for it.
REFUSALS = {
    "send, never in the room": "403 M_FORBIDDEN User BEN not in room ROOM",
    "send to no room": "403 M_FORBIDDEN User @bot:localhost not in room !none:localhost",
    "send no object": "400 M_BAD_JSON Content must be a JSON object.",
    "send too much": "413 M_TOO_LARGE event too large",
    "send without a body": "400 M_UNKNOWN 'body' not in content",
    "send without a kind": "400 M_UNKNOWN 'msgtype' not in content",
    "send a number": "400 M_UNKNOWN 'body' not a string type",
    "send a float": "400 M_BAD_JSON Bad JSON value: float",
    "send after having left": "403 M_FORBIDDEN User CID not in room ROOM",
    "redact what is another's": "403 M_FORBIDDEN You don't have permission to redact events",
    "redact what is not there": "200",
    "state without power": "403 M_FORBIDDEN You don't have permission to post that to the room."
    " user_level (0) < send_level (50)",
    "state that is not there": "404 M_NOT_FOUND Event not found.",
    "state from outside": "403 M_FORBIDDEN User BEN not in room ROOM, and room previews are disabled",
    "members from outside": "403 M_FORBIDDEN User BEN not in room ROOM, and room previews are disabled",
    "joined members from outside": "403 M_FORBIDDEN Appservice not in room",
    "join uninvited": "403 M_FORBIDDEN You are not invited to this room.",
    "join after a ban": "403 M_BAD_STATE Cannot join user who was banned",
    "join no room": "404 M_UNKNOWN Can't join remote room"
    " because no servers that are in the room have been provided.",
    "join no room of version 12": "404 M_UNKNOWN Can't join remote room"
    " because no servers that are in the room have been provided.",
    "invite to no room": "403 M_FORBIDDEN Unknown room",
    "leave no room": "404 M_UNKNOWN Not a known room",
    "kick from no room": "404 M_UNKNOWN Not a known room",
    "members of no room": "403 M_FORBIDDEN User @bot:localhost not in room !none:localhost,"
    " and room previews are disabled",
    "joined members of no room": "403 M_FORBIDDEN Appservice not in room",
    "state of no room": "403 M_FORBIDDEN User @bot:localhost not in room !none:localhost,"
    " and room previews are disabled",
    "state into no room": "403 M_FORBIDDEN User @bot:localhost not in room !none:localhost",
    "alias to no room": "400 M_UNKNOWN Room does not exist",
    "alias taken": "409 M_UNKNOWN Room alias ALIAS already exists",
    "join no alias": "404 M_NOT_FOUND Room alias #none:localhost not found",
    "no alias": "404 M_NOT_FOUND Room alias #none:localhost not found",
    "alias that is not ours": "400 M_EXCLUSIVE This application service has not reserved this kind of alias.",
    "invite who is in": "403 M_FORBIDDEN ANN is already in the room.",
    "invite who is banned": "403 M_BAD_STATE Cannot invite user who was banned",
    "invite from outside": "403 M_FORBIDDEN BEN not in room ROOM.",
    "kick without power": "403 M_FORBIDDEN You cannot kick user @bot:localhost.",
    "kick who is out": "403 M_FORBIDDEN The target user is not in the room",
    "ban without power": "403 M_FORBIDDEN You don't have permission to ban",
    "unban who is not banned": "403 M_BAD_STATE Cannot unban user who was not banned (membership=join)",
    "leave twice": "200",
    "leave where one never was": "403 M_FORBIDDEN BEN not in room ROOM.",
    "name of another": "400 M_FORBIDDEN Cannot set another user's displayname",
    "profile of nobody": "404 M_UNKNOWN No row found (profiles)",
    "no such call": "404 M_UNRECOGNIZED Unrecognized request",
    "wrong method": "405 M_UNRECOGNIZED Unrecognized request",
    "no such room version": "400 M_UNSUPPORTED_ROOM_VERSION Your homeserver does not support this room version",
}


def test_two_ghosts_with_one_transaction_id_share_the_first_ones_event(hs):
    ann, ben = hs.new_ghost(), hs.new_ghost()
    room = hs.new_room(ann, ben)
    first = hs.send(room, "from ann", ann, txn="shared")
    assert hs.send(room, "from ben", ben, txn="shared") == first
    assert hs.texts(room) == ["from ann"]


def test_a_transaction_id_counts_per_room(hs):
    ann = hs.new_ghost()
    one, two = hs.new_room(ann), hs.new_room(ann)
    assert hs.send(one, "here", ann, txn="per room") != hs.send(two, "there", ann, txn="per room")


def test_a_refused_send_may_be_repeated_with_the_same_transaction_id(hs):
    ann = hs.new_ghost()
    room = hs.new_room()
    path = f"/rooms/{quote(room)}/send/m.room.message/again"
    assert hs.refusal("PUT", path, {"msgtype": "m.text", "body": "x"}, ann) == (403, "M_FORBIDDEN")
    hs.call("POST", f"/rooms/{quote(room)}/join", {}, ann)
    hs.send(room, "at last", ann, txn="again")
    assert hs.texts(room) == ["at last"]


def test_a_restart_forgets_transaction_ids_of_sends(hs):
    room = hs.new_room()
    before = hs.send(room, "twice", txn="over restart")
    assert hs.send(room, "twice", txn="over restart") == before
    hs.crash()
    assert hs.send(room, "twice", txn="over restart") != before
    assert hs.texts(room) == ["twice", "twice"]
    hs.flush()  # else it would come in the middle of another test


def test_registering_a_ghost_again_says_it_is_in_use(hs):
    name = hs.new_ghost()[1:].split(":")[0]
    body = {"type": "m.login.application_service", "username": name, "inhibit_login": True}
    assert hs.refusal("POST", "/register", body) == (400, "M_USER_IN_USE")


def test_registering_outside_of_the_namespace_is_refused(hs):
    body = {"type": "m.login.application_service", "username": "somebody", "inhibit_login": True}
    assert hs.refusal("POST", "/register", body) == (400, "M_EXCLUSIVE")


def test_acting_for_users_that_are_not_ours_or_not_registered_is_refused(hs):
    assert hs.refusal("GET", "/account/whoami", user_id="@someone:localhost") == (403, "M_FORBIDDEN")
    assert hs.refusal("GET", "/account/whoami", user_id="@_ghost_unborn:localhost") == (403, "M_FORBIDDEN")
    assert hs.call("GET", "/account/whoami")["user_id"] == hs.bot


def test_tokens_are_asked_for_and_checked(hs):
    for token, errcode in ((None, "M_MISSING_TOKEN"), ("wrong", "M_UNKNOWN_TOKEN")):
        with pytest.raises(MatrixError) as caught:
            call(hs.server.url, "GET", "/_matrix/client/v3/account/whoami", token=token)
        assert (caught.value.status, caught.value.errcode) == (401, errcode)


def test_refusals_have_the_words_of_the_real_homeserver(hs):
    ghosts = ann, ben, cid, dan = [hs.new_ghost() for _ in range(4)]
    room, closed = hs.new_room(ann, cid), hs.new_room(preset="private_chat")
    foreign = hs.new_user().create_room()
    here, shut = f"/rooms/{quote(room)}", f"/rooms/{quote(closed)}"
    message = {"msgtype": "m.text", "body": "x"}
    hs.call("POST", f"{here}/ban", {"user_id": "@_ghost_banned:localhost"})
    hs.call("POST", f"{here}/ban", {"user_id": dan})
    hs.call("POST", f"{here}/leave", {}, cid)
    said = hs.send(room, "said by the bot")
    alias = quote(f"#{ann[1:]}")
    hs.call("PUT", f"/directory/room/{alias}", {"room_id": room})
    seen = {
        "send, never in the room": hs.words("PUT", f"{here}/send/m.room.message/r1", message, ben),
        "send to no room": hs.words("PUT", "/rooms/!none:localhost/send/m.room.message/r2", message),
        "send no object": hs.words("PUT", f"{here}/send/m.room.message/r3", []),
        "send too much": hs.words("PUT", f"{here}/send/m.room.message/r4", {**message, "body": "x" * 65000}),
        "send without a body": hs.words("PUT", f"{here}/send/m.room.message/r5", {"msgtype": "m.text"}),
        "send without a kind": hs.words("PUT", f"{here}/send/m.room.message/r6", {"body": "x"}),
        "send a number": hs.words("PUT", f"{here}/send/m.room.message/r7", {**message, "body": 7}),
        "send a float": hs.words("PUT", f"{here}/send/m.room.message/r8", {**message, "size": 1.5}),
        "send after having left": hs.words("PUT", f"{here}/send/m.room.message/r9", message, cid),
        "redact what is another's": hs.words("PUT", f"{here}/redact/{quote(said)}/r10", {}, ann),
        "redact what is not there": hs.words("PUT", f"{here}/redact/%24nothing/r11", {}),
        "state without power": hs.words("PUT", f"{here}/state/m.room.name", {"name": "x"}, ann),
        "state that is not there": hs.words("GET", f"{here}/state/m.nothing/"),
        "state from outside": hs.words("GET", f"{here}/state/m.room.create/", user_id=ben),
        "members from outside": hs.words("GET", f"{here}/members", user_id=ben),
        "joined members from outside": hs.words("GET", f"/rooms/{quote(foreign)}/joined_members", user_id=ben),
        "join uninvited": hs.words("POST", f"{shut}/join", {}, ann),
        "join after a ban": hs.words("POST", f"{here}/join", {}, dan),
        "join no room": hs.words("POST", "/rooms/!none%3Alocalhost/join", {}, ann),
        "join no room of version 12": hs.words("POST", "/rooms/!" + "x" * 43 + "/join", {}, ann),
        "invite to no room": hs.words("POST", "/rooms/!none%3Alocalhost/invite", {"user_id": ann}),
        "leave no room": hs.words("POST", "/rooms/!none%3Alocalhost/leave", {}),
        "kick from no room": hs.words("POST", "/rooms/!none%3Alocalhost/kick", {"user_id": ann}),
        "members of no room": hs.words("GET", "/rooms/!none%3Alocalhost/members"),
        "joined members of no room": hs.words("GET", "/rooms/!none%3Alocalhost/joined_members"),
        "state of no room": hs.words("GET", "/rooms/!none%3Alocalhost/state/m.room.create/"),
        "state into no room": hs.words("PUT", "/rooms/!none%3Alocalhost/state/m.room.name", {"name": "x"}),
        "alias to no room": hs.words("PUT", f"/directory/room/{alias}", {"room_id": "!none:localhost"}),
        "alias taken": hs.words("PUT", f"/directory/room/{alias}", {"room_id": room}),
        "join no alias": hs.words("POST", "/join/%23none%3Alocalhost", {}, ann),
        "no alias": hs.words("GET", "/directory/room/%23none%3Alocalhost"),
        "alias that is not ours": hs.words("PUT", "/directory/room/%23x%3Alocalhost", {"room_id": room}),
        "invite who is in": hs.words("POST", f"{here}/invite", {"user_id": ann}),
        "invite who is banned": hs.words("POST", f"{here}/invite", {"user_id": "@_ghost_banned:localhost"}),
        "invite from outside": hs.words("POST", f"{here}/invite", {"user_id": ann}, ben),
        "kick without power": hs.words("POST", f"{here}/kick", {"user_id": hs.bot}, ann),
        "kick who is out": hs.words("POST", f"{here}/kick", {"user_id": ben}),
        "ban without power": hs.words("POST", f"{here}/ban", {"user_id": ben}, ann),
        "unban who is not banned": hs.words("POST", f"{here}/unban", {"user_id": ann}),
        "leave twice": hs.words("POST", f"{here}/leave", {}, cid),
        "leave where one never was": hs.words("POST", f"{here}/leave", {}, ben),
        "name of another": hs.words("PUT", f"/profile/{quote(ann)}/displayname", {"displayname": "x"}, ben),
        "profile of nobody": hs.words("GET", "/profile/%40nobody%3Alocalhost"),
        "no such call": hs.words("GET", "/nothing/of/the/kind"),
        "wrong method": hs.words("DELETE", "/createRoom"),
        "no such room version": hs.words("POST", "/createRoom", {"room_version": "99"}),
    }
    names = {room: "ROOM", f"#{ann[1:]}": "ALIAS", **dict(zip(ghosts, ("ANN", "BEN", "CID", "DAN")))}
    for name, words in seen.items():
        for given, constant in names.items():
            words = words.replace(given, constant)
        seen[name] = words
    assert seen == REFUSALS


def test_rooms_of_version_12_have_no_domain_and_keep_creators_out_of_power_levels(hs):
    ann = hs.new_ghost()
    override = {"power_level_content_override": {"users": {hs.bot: 100, ann: 50}}}
    assert hs.refusal("POST", "/createRoom", override) == (400, "M_UNKNOWN")
    room = hs.new_room(ann)
    assert room.startswith("!") and len(room) == 44 and ":" not in room
    assert hs.call("GET", f"/rooms/{quote(room)}/state/m.room.create/")["room_version"] == "12"
    path = f"/rooms/{quote(room)}/state/m.room.power_levels/"
    levels = hs.call("GET", path)
    assert hs.bot not in levels.get("users", {})
    assert hs.refusal("PUT", path, {**levels, "users": {hs.bot: 100}}) == (400, "M_UNKNOWN")
    hs.call("PUT", path, {**levels, "users": {ann: 50}})
    hs.call("PUT", f"/rooms/{quote(room)}/state/m.room.topic", {"topic": "by ann"}, ann)


def test_rooms_of_version_11_have_a_domain_and_their_creator_in_power_levels(hs):
    room = hs.new_room(room_version="11")
    assert room.endswith(":localhost")
    assert hs.call("GET", f"/rooms/{quote(room)}/state/m.room.power_levels/")["users"] == {hs.bot: 100}


def test_the_same_state_by_the_same_sender_makes_no_second_event(hs):
    room = hs.new_room()
    path = f"/rooms/{quote(room)}/state/m.bridge/x"
    first = hs.call("PUT", path, {"a": 1})["event_id"]
    assert hs.call("PUT", path, {"a": 1})["event_id"] == first
    assert hs.call("PUT", path, {"a": 2})["event_id"] != first


def test_a_changed_display_name_is_told_to_the_rooms_of_the_ghost(hs):
    ann = hs.new_ghost()
    room = hs.new_room(ann)
    hs.call("PUT", f"/profile/{quote(ann)}/displayname", {"displayname": "Ann"}, ann)
    assert hs.call("GET", f"/profile/{quote(ann)}/displayname") == {"displayname": "Ann"}

    def known():
        members = hs.call("GET", f"/rooms/{quote(room)}/joined_members")["joined"]
        return members[ann].get("display_name") == "Ann"

    hs.appservice.wait(known, what="the new name in the room")


def test_a_timestamp_is_taken_from_the_query(hs):
    room = hs.new_room()
    path = f"/rooms/{quote(room)}/send/m.room.message/dated"
    event_id = hs.call("PUT", path, {"msgtype": "m.text", "body": "old"}, ts=1234567890123)["event_id"]
    event = hs.call("GET", f"/rooms/{quote(room)}/event/{quote(event_id)}")
    assert event["origin_server_ts"] == 1234567890123


# Transactions


def test_what_ghosts_say_comes_back_to_the_appservice(hs):
    ann = hs.new_ghost()
    room = hs.new_room(ann)
    event_id = hs.send(room, "echo", ann)
    txn = hs.appservice.wait_for("echo")
    event = next(event for event in txn.events if event["event_id"] == event_id)
    assert (event["sender"], event["room_id"], event["content"]["body"]) == (ann, room, "echo")
    assert "state_key" not in event and txn.token == HS_TOKEN


def test_rooms_without_anyone_of_ours_are_not_pushed(hs):
    alice = hs.new_user()
    room = alice.create_room(preset="public_chat")
    alice.send_text(room, "among ourselves")
    hs.call("POST", f"/rooms/{quote(room)}/join", {})
    alice.send_text(room, "with the bot")
    hs.appservice.wait_for("with the bot")
    assert hs.appservice.bodies() == ["with the bot"]


def test_an_invitation_of_a_ghost_carries_the_rooms_stripped_state(hs):
    alice, ann = hs.new_user(), hs.new_ghost()
    room = alice.create_room(name="Parlour", is_direct=True, invite=[ann])

    def invitation():
        events = [event for txn in hs.appservice.transactions for event in txn.events]
        return [event for event in events if event["room_id"] == room and event.get("state_key") == ann]

    hs.appservice.wait(lambda: invitation(), what="the invitation")
    event = invitation()[0]
    assert event["content"]["membership"] == "invite" and event["content"]["is_direct"] is True
    stripped = {state["type"]: state["content"] for state in event["unsigned"]["invite_room_state"]}
    assert stripped["m.room.name"] == {"name": "Parlour"} and "m.room.create" in stripped


def test_one_transaction_is_in_flight_and_none_has_more_than_100_events(hs):
    ann = hs.new_ghost()
    room = hs.new_room(ann)
    hs.settle()
    hs.appservice.hold()
    texts = [f"burst {n}" for n in range(125)]
    hs.send(room, texts[0], ann)
    hs.appservice.wait_for(texts[0])
    for text in texts[1:]:
        hs.send(room, text, ann)
    time.sleep(0.3)
    assert len(hs.appservice.transactions) == 1
    hs.appservice.release()
    hs.appservice.wait_for(texts[-1])
    sizes = [len(txn.events) for txn in hs.appservice.transactions]
    assert sizes == [1, 100, 24]
    assert hs.appservice.bodies() == texts
    assert hs.appservice.most_at_once == 1


@pytest.mark.parametrize("answer", [(500, b"{}"), (200, b""), (200, b"taken, thank you"), (404, b"{}")])
def test_what_was_not_taken_comes_again_with_the_same_id_and_events(hs, answer):
    ann = hs.new_ghost()
    room = hs.new_room(ann)
    hs.settle()
    hs.appservice.script = [answer]
    hs.send(room, "again please", ann)
    first = hs.appservice.wait_for("again please")
    second = hs.appservice.wait_for("again please", tries=2)
    assert (second.id, second.event_ids()) == (first.id, first.event_ids())
    assert 1.5 < second.time - first.time


def test_any_json_with_200_is_taken(hs):
    hs.appservice.script = [(200, b'{"unknown": [1]}')]
    room = hs.new_room()
    hs.send(room, "one")
    hs.send(room, "two")
    hs.appservice.wait_for("two")
    assert len(hs.appservice.saying("one")) == 1


def test_while_backing_off_each_event_becomes_a_transaction_of_its_own_and_a_ping_sends_them_at_once(hs):
    ann = hs.new_ghost()
    room = hs.new_room(ann)
    hs.settle()
    hs.appservice.fail_next(2)
    hs.send(room, "down 1", ann)
    hs.appservice.wait_for("down 1")
    for n in range(2, 5):
        hs.send(room, f"down {n}", ann)
        time.sleep(0.1)
    hs.appservice.wait_for("down 1", tries=2)
    time.sleep(0.3)  # the next try would come after 4 s
    assert "duration_ms" in hs.ping()
    hs.appservice.wait_for("down 4", timeout=2)
    assert [txn.bodies() for txn in hs.appservice.transactions] == [
        ["down 1"],
        ["down 1"],
        ["down 1"],
        ["down 2"],
        ["down 3"],
        ["down 4"],
    ]


def test_a_crash_orphans_the_transaction_in_flight_loses_the_queue_and_starts_ids_anew(hs):
    room = hs.new_room()
    hs.settle()
    hs.appservice.hold()
    hs.send(room, "in flight")
    orphan = hs.appservice.wait_for("in flight")
    hs.send(room, "queued")
    time.sleep(0.3)
    hs.crash()
    hs.appservice.reset()
    hs.send(room, "afterwards")
    next_txn = hs.appservice.wait_for("afterwards")
    assert int(next_txn.id) == int(orphan.id) + 1
    hs.appservice.fail_next(1)
    hs.send(room, "fails once")
    hs.appservice.wait_for("fails once", tries=2)
    assert hs.appservice.bodies() == ["afterwards", "fails once", "in flight", "fails once"]
    hs.appservice.wait_idle()
    hs.crash()
    hs.appservice.reset()
    hs.send(room, "new count")
    assert hs.appservice.wait_for("new count").id == "1"


def test_a_ping_during_a_try_of_the_homeservers_own_fails_although_it_arrived(hs):
    room = hs.new_room()
    hs.settle()
    hs.appservice.fail_next(1)
    hs.send(room, "held")
    hs.appservice.wait_for("held")
    hs.appservice.hold()
    hs.appservice.wait_for("held", tries=2)
    with pytest.raises(MatrixError) as caught:
        hs.ping()
    hs.appservice.release()
    assert (caught.value.status, caught.value.errcode) == (502, "M_CONNECTION_FAILED")


# Questions to the appservice


def test_an_unknown_alias_of_ours_is_asked_for_and_may_come_into_being(hs):
    alice, bot_room = hs.new_user(), hs.new_room()
    alias = f"#_ghost_room{next(_names)}:localhost"

    def make(path):
        hs.call("PUT", f"/directory/room/{quote(alias)}", {"room_id": bot_room})
        return path.startswith("/_matrix/app/v1/rooms/")

    with pytest.raises(MatrixError, match="M_NOT_FOUND"):
        alice.join(alias)
    hs.appservice.on_query = make
    assert alice.join(alias) == bot_room
    asked = f"/_matrix/app/v1/rooms/{quote(alias)}"
    assert set(hs.appservice.queries) == {asked}


def test_an_unknown_ghost_that_is_invited_is_asked_for_before_anything_is_pushed(hs):
    alice = hs.new_user()
    ghost = f"@_ghost_unknown{next(_names)}:localhost"
    pushed = []

    def look(path):
        pushed.append(len([txn for txn in hs.appservice.transactions if "before" in txn.bodies()]))
        pushed.append(len([txn for txn in hs.appservice.transactions if "after" in txn.bodies()]))
        return True

    room = alice.create_room(preset="public_chat")
    hs.call("POST", f"/rooms/{quote(room)}/join", {})
    alice.send_text(room, "before")
    hs.appservice.wait_for("before")
    hs.appservice.on_query = lambda path: (time.sleep(0.5), look(path))[1]
    alice.invite(room, ghost)
    alice.send_text(room, "after")
    hs.appservice.wait_for("after")
    assert f"/_matrix/app/v1/users/{quote(ghost)}" in hs.appservice.queries
    assert pushed[:2] == [1, 0]


# The stub's own: faults, control, ledger


@pytest.fixture
def stub(make_stub_homeserver):
    appservice = RecordingAppservice()
    server = make_stub_homeserver(
        domain="localhost", as_id=AS_ID, as_url=appservice.url, user_prefix="_ghost_", backoff_unit_ms=20
    )
    yield Manners(server, appservice)
    appservice.close()


def test_a_dropped_answer_leaves_the_event_and_the_repetition_gets_its_id(stub):
    room = stub.new_room()
    stub.server.drop_answers(1)
    with pytest.raises(OSError):
        stub.send(room, "said once", txn="drop")
    event_id = stub.send(room, "said once", txn="drop")
    assert stub.texts(room) == ["said once"]
    sends = stub.server.ledger("send")
    assert [(line["event"], line["cached"]) for line in sends] == [(event_id, False), (event_id, True)]
    assert (sends[0]["txn"], sends[0]["sender"], sends[0]["content"]["body"]) == ("drop", stub.bot, "said once")
    stub.appservice.wait_for("said once")


def test_a_limited_request_is_told_when_to_come_again_and_has_done_nothing(stub):
    room = stub.new_room()
    stub.server.limit(2, retry_after_ms=1500)
    path = f"/rooms/{quote(room)}/send/m.room.message/limited"
    for _ in range(2):
        assert stub.refusal("PUT", path, {"body": "x"}) == (429, "M_LIMIT_EXCEEDED")
    stub.send(room, "now", txn="limited")
    assert stub.texts(room) == ["now"]
    assert stub.server.stats()["limited"] == 2


def test_an_error_strikes_the_requests_that_match_after_those_that_may_pass(stub):
    room = stub.new_room()
    stub.server.fail(1, status=502, match="/joined_members", skip=1)
    stub.send(room, "unharmed")
    stub.call("GET", f"/rooms/{quote(room)}/joined_members")
    with pytest.raises(MatrixError) as caught:
        stub.call("GET", f"/rooms/{quote(room)}/joined_members")
    assert caught.value.status == 502
    stub.call("GET", f"/rooms/{quote(room)}/joined_members")


def test_a_delay_holds_back_answers(stub):
    stub.server.settings(delay_ms=150)
    start = time.monotonic()
    stub.call("GET", "/account/whoami")
    assert time.monotonic() - start >= 0.15


def test_the_retried_body_is_the_same_to_the_byte_and_waits_double(stub):
    room = stub.new_room()
    stub.settle()
    stub.appservice.fail_next(4)
    stub.send(room, "stubborn")
    stub.appservice.wait_for("stubborn", tries=5)
    tries = stub.appservice.saying("stubborn")
    assert len({(txn.id, txn.raw) for txn in tries}) == 1
    waits = [later.time - earlier.time for earlier, later in zip(tries, tries[1:])]
    assert all(wait >= 0.02 * 2**n for n, wait in enumerate(waits, start=1))
    stub.server.wait_until_pushed()
    assert [(p["attempt"], p["status"], p["ok"]) for p in stub.server.ledger("push")][-5:] == [
        (1, 500, False),
        (2, 500, False),
        (3, 500, False),
        (4, 500, False),
        (5, 200, True),
    ]


def test_a_paused_pusher_waits(stub):
    room = stub.new_room()
    stub.settle()
    stub.server.pause()
    stub.send(room, "later")
    time.sleep(0.1)
    assert stub.appservice.bodies() == []
    stub.server.resume()
    stub.appservice.wait_for("later")


def test_delivered_events_can_be_sent_again_in_a_new_transaction(stub):
    room = stub.new_room()
    for n in range(3):
        stub.send(room, f"again {n}")
    stub.server.wait_until_pushed()
    assert stub.server.resend(2) == 2
    first = stub.appservice.wait_for("again 2")
    second = stub.appservice.wait_for("again 2", tries=2)
    assert first.id != second.id
    stub.server.wait_until_pushed()
    assert stub.appservice.bodies() == ["again 0", "again 1", "again 2", "again 1", "again 2"]


def test_a_transaction_of_any_bytes_can_be_pushed(stub):
    stub.appservice.script = [(400, b'{"errcode":"M_BAD_JSON"}')]
    answer = stub.server.push_raw(b'{"events": [broken', txn="my id")
    assert (answer["status"], answer["body"]) == (400, '{"errcode":"M_BAD_JSON"}')
    assert stub.appservice.transactions[0].raw == b'{"events": [broken'
    assert stub.appservice.transactions[0].id == "my%20id"
    large = b'{"events":["' + b"x" * 20_000_000 + b'"]}'
    assert stub.server.push_raw(large, token="other")["status"] == 200
    assert stub.appservice.transactions[1].raw == large
    assert stub.appservice.transactions[1].token == "other"


def test_a_restart_can_keep_the_queue_and_refuse_connections_for_a_while(stub):
    room = stub.new_room()
    stub.settle()
    stub.server.pause()
    stub.send(room, "kept")
    stub.server.restart(lose_queue=False, down_ms=300)
    with pytest.raises(OSError):
        stub.call("GET", "/account/whoami")
    time.sleep(0.4)
    stub.call("GET", "/account/whoami")
    stub.server.resume()
    stub.appservice.wait_for("kept")


def test_a_restart_writes_down_what_it_lost(stub):
    room = stub.new_room()
    stub.settle()
    stub.server.pause()
    event_id = stub.send(room, "gone")
    stub.server.restart()
    assert [line["event"] for line in stub.server.ledger("lost")] == [event_id]
    assert stub.server.stats()["lost_events"] == 1


def test_injected_messages_reach_the_appservice_in_order(stub):
    alice, bob = stub.server.user("alice", "Alice"), stub.server.user("bob")
    room = stub.server.room(alice.user_id, name="Hall", members=[bob.user_id, stub.bot], member_count=20)
    assert len(alice.joined_members(room)) == 23
    stub.server.inject(room, [alice.user_id, bob.user_id], 1000, prefix="line ")
    stub.server.wait_until_pushed()
    assert stub.appservice.bodies() == [f"line {n}" for n in range(1, 1001)]
    senders = [event["sender"] for txn in stub.appservice.transactions for event in txn.events][:4]
    assert senders == [alice.user_id, bob.user_id, alice.user_id, bob.user_id]
    injected = stub.server.ledger("inject")
    pushed = [event for line in stub.server.ledger("push") if line["ok"] for event in line["events"]]
    assert [line["event"] for line in injected] == pushed


def test_messages_are_injected_at_a_rate(stub):
    alice = stub.server.user("alice")
    room = stub.server.room(alice.user_id, members=[stub.bot])
    start = time.monotonic()
    stub.server.inject(room, alice.user_id, 50, rate=100)
    stub.appservice.wait_for("message 50")
    assert time.monotonic() - start > 0.4


def test_any_content_can_be_injected(stub):
    alice = stub.server.user("alice")
    room = stub.server.room(alice.user_id, members=[stub.bot])
    content = {"msgtype": "m.emote", "body": "waves\n\u0001", "format": None}
    event_id = stub.server.inject(room, alice.user_id, content=content, type="m.room.message")["event_id"]
    stub.server.wait_until_pushed()
    event = stub.appservice.transactions[-1].events[-1]
    assert (event["event_id"], event["content"]) == (event_id, content)


def test_a_room_of_the_old_kind_is_made_on_demand(stub):
    stub.server.settings(room_version=11)
    assert stub.new_room().endswith(":localhost")


def test_media_are_kept_for_a_while(stub):
    base = "/_matrix/media/v3/upload"
    uri = call(stub.server.url, "POST", base, token=AS_TOKEN, body={"a": 1})["content_uri"]
    path = "/_matrix/client/v1/media/download/" + uri.removeprefix("mxc://")
    assert call(stub.server.url, "GET", path, token=AS_TOKEN) == {"a": 1}


def test_a_user_with_a_token_of_their_own_is_not_the_appservice(stub):
    alice = stub.server.user("alice")
    room = alice.create_room(preset="public_chat")
    ghost = MatrixClient(stub.server.url, stub.bot, AS_TOKEN)
    ghost.join(room)
    path = f"/rooms/{quote(room)}/send/m.room.message/same"
    message = {"msgtype": "m.text", "body": "a"}
    assert alice.request("PUT", path, message) != ghost.request("PUT", path, message)
