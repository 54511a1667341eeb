/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of the two durable queues and of the id mapping.
 *
 * from_matrix: one row per Matrix event accepted with a 200. state 0 new, 2 done, 3 dead. Done rows
 * keep their event id for TR_DELIVERY_KEEP_DAYS, so that an event sent again is known; their body
 * is dropped at once. to_matrix: one row per remote event that is not in Matrix yet. state 0 new, 3
 * dead. When done, the row is deleted and the mapping inserted in the same transaction. message:
 * which Matrix event and which remote message are the same; the memory against doubles.
 */
#ifndef TRESTLE_DELIVERY_SCHEMA_H
#define TRESTLE_DELIVERY_SCHEMA_H

#include "core/store/migrate.h"

enum tr_delivery_state { TR_STATE_NEW = 0, TR_STATE_DONE = 2, TR_STATE_DEAD = 3 };

enum { TR_DELIVERY_KEEP_DAYS = 30 };

extern const struct tr_migration tr_delivery_migrations[];
extern const size_t tr_delivery_migration_count;

#endif
