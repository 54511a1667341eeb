/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements power.h on the content of m.room.power_levels, which a room keeps parsed.
 */
#include "tests/support/homeserver/power.h"

#include <limits.h>
#include <string.h>

static int level(const cJSON *object, const char *name, int otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(item) ? item->valueint : otherwise;
}

int hs_power_of(const struct hs_room *room, const char *user_id)
{
	bool creator = hs_room_is_creator(room, user_id);
	if (creator && room->version >= 12) {
		return INT_MAX;
	}
	if (!room->power) {
		return creator ? 100 : 0;
	}
	return level(cJSON_GetObjectItemCaseSensitive(room->power, "users"), user_id,
		level(room->power, "users_default", 0));
}

int hs_power_to_send(const struct hs_room *room, const char *type, bool state)
{
	int otherwise = state ? level(room->power, "state_default", room->power ? 50 : 0)
			      : level(room->power, "events_default", 0);
	return level(cJSON_GetObjectItemCaseSensitive(room->power, "events"), type, otherwise);
}

int hs_power_to(const struct hs_room *room, const char *action)
{
	return level(room->power, action, strcmp(action, "invite") == 0 ? 0 : 50);
}

const char *hs_power_names_creator(const struct hs_room *room, const cJSON *content)
{
	const cJSON *item;
	if (room->version < 12) {
		return NULL;
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(content, "users"))
	{
		if (hs_room_is_creator(room, item->string)) {
			return item->string;
		}
	}
	return NULL;
}
