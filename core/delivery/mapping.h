/* SPDX-License-Identifier: Apache-2.0 */
/* The table `message`: which Matrix event and which remote message are the same. Both queues write
 * it when a message is done. */
#ifndef TRESTLE_DELIVERY_MAPPING_H
#define TRESTLE_DELIVERY_MAPPING_H

#include "core/store/db.h"

/* One pair; the first one of a remote id in a room stays. Borrowed for the call. */
struct tr_mapping {
	const char *room_id;
	const char *remote_id;
	const char *event_id;
	const char *sender; /* Matrix user id; NULL = the bot */
	int64_t ts;         /* ms */
};
void tr_mapping_add(struct tr_db_batch *batch, const struct tr_mapping *mapping);

#endif
