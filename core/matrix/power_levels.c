/* SPDX-License-Identifier: Apache-2.0 */
/* Levels and their defaults. Asking for them and changing them in a room is core/bridge's. */
#include "core/matrix/power_levels.h"

#include "core/base/alloc.h"

enum { STATE_DEFAULT = 50 };

bool tr_room_has_creators(struct tr_str room_id)
{
	return tr_str_starts(room_id, TR_STR("!")) && tr_str_find_char(room_id, ':') < 0;
}

bool tr_room_creator(const struct tr_json *create, struct tr_str user_id)
{
	if (tr_str_empty(user_id)) {
		return false;
	}
	if (tr_str_eq(tr_json_get_str(create, "sender"), user_id)) {
		return true;
	}
	const struct tr_json *creator =
		tr_json_first(tr_json_path(create, "content", "additional_creators", NULL));
	for (; creator != NULL; creator = tr_json_next(creator)) {
		if (tr_str_eq(tr_json_str(creator), user_id)) {
			return true;
		}
	}
	return false;
}

/* A number in a string; at most 15 digits, as JSON's own whole numbers. */
static bool parse_level(struct tr_str text, int64_t *level)
{
	bool negative = tr_str_starts(text, TR_STR("-"));
	text = tr_str_from_index(text, negative || tr_str_starts(text, TR_STR("+")) ? 1 : 0);
	int64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || i >= 15) {
			return false;
		}
		value = value * 10 + (text.ptr[i] - '0');
	}
	if (tr_str_empty(text)) {
		return false;
	}
	*level = negative ? -value : value;
	return true;
}

static bool get_level(const struct tr_json *object, const char *key, int64_t *level)
{
	const struct tr_json *value = tr_json_get(object, key);
	return tr_json_int(value, level) || parse_level(tr_str_trim(tr_json_str(value)), level);
}

int64_t tr_power_of(const struct tr_json *levels, struct tr_str user_id)
{
	int64_t level = 0;
	char *key = tr_str_dup(user_id);
	if (!get_level(tr_json_get(levels, "users"), key, &level)) {
		(void)get_level(levels, "users_default", &level);
	}
	tr_free(key);
	return level;
}

int64_t tr_power_to_send(const struct tr_json *levels, const char *type)
{
	int64_t level = 0;
	if (!get_level(tr_json_get(levels, "events"), type, &level)) {
		(void)get_level(levels, "events_default", &level);
	}
	return level;
}

int64_t tr_power_to_set(const struct tr_json *levels, const char *type)
{
	/* A room without power levels lets everybody set state. */
	int64_t level = tr_json_count(levels) > 0 ? STATE_DEFAULT : 0;
	if (!get_level(tr_json_get(levels, "events"), type, &level)) {
		(void)get_level(levels, "state_default", &level);
	}
	return level;
}

void tr_power_set(struct tr_json *levels, const char *user_id, int64_t level)
{
	struct tr_json *users = tr_json_type(tr_json_get(levels, "users")) == TR_JSON_OBJECT
					? tr_json_dup(tr_json_get(levels, "users"))
					: tr_json_new_object();
	tr_json_set_int(users, user_id, level);
	tr_json_set_take(levels, "users", users);
}
