/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables every bridge has besides those of the queues: ghosts, portals with their rooms, management
 * rooms. Who is in which room is not stored: the homeserver knows.
 *
 * ghost: registered 1 = the account exists and its display name is `name`. portal: receiver '' for
 * a channel; portals of the configuration are not stored. portal_room: of a direct portal the room
 * added last is the one written to. management_room: one a person. room_mirror: what was set in a
 * room because of the network's ranks and modes (mirror.h).
 */
#ifndef TRESTLE_BRIDGE_SCHEMA_H
#define TRESTLE_BRIDGE_SCHEMA_H

#include "core/store/migrate.h"

extern const struct tr_migration tr_bridge_migrations[];
extern const size_t tr_bridge_migration_count;

#endif
