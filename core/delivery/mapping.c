/* SPDX-License-Identifier: Apache-2.0 */
/* Writes pairs; who looks them up says so itself. */
#include "core/delivery/mapping.h"

static const struct tr_db_statement insert_mapping = {
	"INSERT INTO message(room_id, remote_id, event_id, sender, ts) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (room_id, remote_id) DO NOTHING"};

void tr_mapping_add(struct tr_db_batch *batch, const struct tr_mapping *mapping)
{
	TR_DB_ADD(batch, &insert_mapping, TR_DB_TC(mapping->room_id), TR_DB_TC(mapping->remote_id),
		TR_DB_TC(mapping->event_id), TR_DB_TC(mapping->sender), TR_DB_N(mapping->ts));
}
