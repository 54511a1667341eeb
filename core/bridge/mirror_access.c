/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may enter and who may know, in rooms that the bridge has made: the join rule while the place
 * is closed, the entry in the room directory while it is no secret. A join rule that somebody else
 * has set is left alone.
 */
#include "core/base/encode.h"
#include "core/bridge/mirror_internal.h"

static bool keeps_door(const struct tr_mirror *mirror)
{
	return mirror->made && mirror->modes_known && !mirror->bridge->options.invite_only;
}

bool tr_mirror_door_differs(const struct tr_mirror *mirror)
{
	if (!keeps_door(mirror)) {
		return false;
	}
	return mirror->closed ? mirror->door != TR_DOOR_CLOSED && mirror->door != TR_DOOR_THEIRS
			      : mirror->door != TR_DOOR_UNTOUCHED;
}

static void set_door(struct tr_mirror *mirror, enum tr_mirror_door door)
{
	mirror->door = door;
	tr_mirror_store(mirror, NULL);
	tr_mirror_ended(mirror, TR_MIRROR_DOOR, NULL);
}

static void moved(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_mirror *mirror = arg;
	(void)response;
	if (error == NULL) {
		set_door(mirror,
			mirror->door == TR_DOOR_CLOSING ? TR_DOOR_CLOSED : TR_DOOR_UNTOUCHED);
	} else {
		tr_mirror_ended(mirror, TR_MIRROR_DOOR, error);
	}
}

static void move(void *arg)
{
	struct tr_mirror *mirror = arg;
	struct tr_str content = mirror->door == TR_DOOR_CLOSING
					? TR_STR("{\"join_rule\":\"invite\"}")
					: TR_STR("{\"join_rule\":\"public\"}");
	tr_matrix_put_state(mirror->bridge->client, NULL, mirror->room_id, "m.room.join_rules", "",
		0, content, moved, mirror);
}

static void got_rule(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_mirror *mirror = arg;
	struct tr_str rule = tr_json_get_str(response, "join_rule");
	if (error != NULL) {
		tr_mirror_ended(mirror, TR_MIRROR_DOOR, error);
		return;
	}
	bool is_public = tr_str_eq_c(rule, "public");
	bool is_invite = tr_str_eq_c(rule, "invite");
	bool ours = mirror->door != TR_DOOR_UNTOUCHED && mirror->door != TR_DOOR_THEIRS;
	if (mirror->closed && !is_public) {
		set_door(mirror, is_invite && ours ? TR_DOOR_CLOSED : TR_DOOR_THEIRS);
	} else if (!mirror->closed && !(is_invite && ours)) {
		set_door(mirror, TR_DOOR_UNTOUCHED);
	} else {
		mirror->door = mirror->closed ? TR_DOOR_CLOSING : TR_DOOR_OPENING;
		tr_mirror_store(mirror, move);
	}
}

void tr_mirror_move_door(struct tr_mirror *mirror)
{
	if (!mirror->closed && mirror->door == TR_DOOR_THEIRS) {
		set_door(mirror, TR_DOOR_UNTOUCHED);
		return;
	}
	tr_matrix_get_state(mirror->bridge->client, NULL, mirror->room_id, "m.room.join_rules", "",
		got_rule, mirror);
}

static enum tr_mirror_listed wanted_listing(const struct tr_mirror *mirror)
{
	return mirror->secret ? TR_LISTED_NO : TR_LISTED_YES;
}

bool tr_mirror_listing_differs(const struct tr_mirror *mirror)
{
	return mirror->made && mirror->modes_known && mirror->bridge->options.publish &&
	       mirror->listed != wanted_listing(mirror);
}

static void listed(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_mirror *mirror = arg;
	(void)response;
	if (error == NULL) {
		mirror->listed = mirror->listing ? TR_LISTED_YES : TR_LISTED_NO;
		tr_mirror_store(mirror, NULL);
	}
	tr_mirror_ended(mirror, TR_MIRROR_LISTING, error);
}

static void list(void *arg)
{
	struct tr_mirror *mirror = arg;
	struct tr_bridge *bridge = mirror->bridge;
	if (!bridge->options.publish_homeserver) {
		tr_matrix_directory_visibility(bridge->client, tr_bridge_network_id(bridge),
			mirror->room_id, mirror->listing, listed, mirror);
		return;
	}
	struct tr_buf path = TR_BUF_INIT(TR_BRIDGE_ID_MAX);
	tr_buf_add_c(&path, "/_matrix/client/v3/directory/list/room/");
	tr_percent_encode(&path, tr_str_from(mirror->room_id));
	const struct tr_matrix_request request = {
		.operation = "directory",
		.method = "PUT",
		.path = tr_buf_c(&path),
		.body = mirror->listing ? TR_STR("{\"visibility\":\"public\"}")
					: TR_STR("{\"visibility\":\"private\"}"),
	};
	tr_matrix_request(bridge->client, &request, listed, mirror);
	tr_buf_finish(&path);
}

/* From here on until it is done nobody knows, and a kill does not change that. */
void tr_mirror_list(struct tr_mirror *mirror)
{
	mirror->listing = wanted_listing(mirror) == TR_LISTED_YES;
	mirror->listed = TR_LISTED_UNKNOWN;
	tr_mirror_store(mirror, list);
}
