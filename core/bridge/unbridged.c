/* SPDX-License-Identifier: Apache-2.0 */
/* Knows such events by their types, and the sentences for them. Paces them by room. */
#include "core/bridge/unbridged.h"

#include "core/base/clock.h"
#include "core/bridge/bridge_internal.h"

enum { AGAIN_MS = 3600 * 1000, ROOMS_MAX = 10000 };

static const char call[] =
	"Calls do not reach %s: nobody there was called, and nobody there hears what is said in one.";
static const char live_location[] =
	"Live locations do not reach %s; a location that is sent once does.";

static const struct {
	const char *type;
	const char *sentence;
} kinds[] = {
	{"m.call.invite", call},
	{"m.call.notify", call},
	{"org.matrix.msc4075.call.notify", call},
	{"m.rtc.notification", call},
	{"org.matrix.msc4075.rtc.notification", call},
	{"m.beacon_info", live_location},
	{"org.matrix.msc3672.beacon_info", live_location},
};

/* Where it does not arrive, for people. */
static const char *place_of(const struct tr_bridge *bridge, const struct tr_portal *portal)
{
	return portal != NULL ? portal->name : bridge->options.protocol->display_name;
}

static bool told_lately(struct tr_bridge *bridge, const char *room_id)
{
	uint64_t now = tr_clock_mono_ms();
	uint64_t *when = tr_map_get(&bridge->told_encrypted, tr_str_from(room_id));
	if (when != NULL && now - *when < AGAIN_MS) {
		return true;
	}
	if (when == NULL) {
		if (tr_map_count(&bridge->told_encrypted) >= ROOMS_MAX) {
			tr_unbridged_finish(bridge);
		}
		when = tr_alloc(sizeof(*when));
		tr_map_set(&bridge->told_encrypted, tr_str_from(room_id), when);
	}
	*when = now;
	return false;
}

void tr_unbridged_encrypted(struct tr_bridge *bridge, const char *room_id)
{
	const struct tr_portal *portal = tr_portal_of_room(bridge, tr_str_from(room_id));
	if (told_lately(bridge, room_id)) {
		return;
	}
	char *text;
	if (portal != NULL && portal->kind == TR_PORTAL_CHANNEL) {
		text = tr_asprintf(
			"This room is encrypted, and this bridge cannot read encrypted messages: they do"
			" not reach %s. Encryption cannot be switched off again in a room: use one"
			" without it.",
			portal->name);
	} else if (portal != NULL) {
		text = tr_asprintf(
			"I cannot read encrypted messages: yours do not reach %s. Encryption cannot be"
			" switched off again in a room: start another chat with me and switch"
			" encryption off when you do.",
			portal->name);
	} else {
		text = tr_asprintf(
			"I cannot read encrypted messages, so I cannot do what you say here. Encryption"
			" cannot be switched off again in a room: start another direct chat with me"
			" and switch encryption off when you do.");
	}
	tr_bridge_tell_room(bridge, room_id, text);
	tr_free(text);
}

bool tr_unbridged_invited_encrypted(const struct tr_json *invitation)
{
	const struct tr_json *state =
		tr_json_path(invitation, "unsigned", "invite_room_state", NULL);
	for (const struct tr_json *event = tr_json_first(state); event;
		event = tr_json_next(event)) {
		if (tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.encryption")) {
			return true;
		}
	}
	return false;
}

/* A live location that ends is a change of the same event. */
static bool ends(const struct tr_json *event)
{
	return !tr_json_get_bool(tr_json_get(event, "content"), "live", true);
}

bool tr_unbridged_note(struct tr_bridge *bridge, const struct tr_json *event)
{
	struct tr_str type = tr_json_get_str(event, "type");
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	const struct tr_portal *portal = tr_portal_of_room(bridge, room_id);
	bool state = tr_json_get(event, "state_key") != NULL;
	if (portal == NULL && tr_management_user(bridge, room_id) == NULL) {
		return false;
	}
	if (state && tr_str_eq_c(type, "m.room.encryption")) {
		tr_unbridged_encrypted(bridge, room_id.ptr);
		return true;
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(kinds); i++) {
		if (!tr_str_eq_c(type, kinds[i].type)) {
			continue;
		}
		if (!state || !ends(event)) {
			struct tr_buf text = TR_BUF_INIT(TR_BRIDGE_TEXT_MAX);
			bool is_call = kinds[i].sentence == call;
			tr_buf_addf(
				&text, is_call ? call : live_location, place_of(bridge, portal));
			tr_bridge_tell_room(bridge, room_id.ptr, tr_buf_c(&text));
			tr_buf_finish(&text);
		}
		return true;
	}
	return false;
}

void tr_unbridged_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->told_encrypted); e;
		e = tr_map_next(e)) {
		tr_free(tr_map_value(e));
	}
	tr_map_finish(&bridge->told_encrypted);
}
