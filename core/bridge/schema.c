/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of core/bridge, as numbered migrations; what they mean stands in the header. */
#include "core/bridge/schema.h"

#include "core/base/alloc.h"

const struct tr_migration tr_bridge_migrations[] = {
	{1, "CREATE TABLE ghost ("
	    " remote_id {TEXT} PRIMARY KEY,"
	    " mxid {TEXT} NOT NULL UNIQUE,"
	    " name {TEXT} NOT NULL,"
	    " registered {BIGINT} NOT NULL);"
	    "CREATE TABLE portal ("
	    " remote_id {TEXT} NOT NULL,"
	    " receiver {TEXT} NOT NULL,"
	    " name {TEXT} NOT NULL,"
	    " kind {BIGINT} NOT NULL,"
	    " PRIMARY KEY (remote_id, receiver));"
	    "CREATE TABLE portal_room ("
	    " room_id {TEXT} PRIMARY KEY,"
	    " remote_id {TEXT} NOT NULL,"
	    " receiver {TEXT} NOT NULL,"
	    " added_ms {BIGINT} NOT NULL);"
	    "CREATE TABLE management_room ("
	    " user_id {TEXT} PRIMARY KEY,"
	    " room_id {TEXT} NOT NULL);"},
	{2, "CREATE TABLE room_state ("
	    " room_id {TEXT} PRIMARY KEY,"
	    " said {TEXT} NOT NULL);"
	    "CREATE TABLE user_activity ("
	    " user_id {TEXT} PRIMARY KEY,"
	    " active_ms {BIGINT} NOT NULL);"},
	{3, "CREATE TABLE room_intent (purpose {TEXT} PRIMARY KEY);"},
	/* A chat keeps its lane when the person's name changes. chat_lane: lanes of chats that have
	 * become one with another. chat_leaver: ghosts of former names that are still in a room,
	 * and what they were called. */
	{4, "ALTER TABLE portal ADD COLUMN lane {TEXT} NOT NULL DEFAULT '';"
	    "UPDATE portal SET lane = 'direct:' || receiver || '|' || remote_id WHERE kind = 1;"
	    "CREATE TABLE chat_lane ("
	    " lane {TEXT} PRIMARY KEY,"
	    " leads_to {TEXT} NOT NULL);"
	    "CREATE TABLE chat_leaver ("
	    " room_id {TEXT} NOT NULL,"
	    " mxid {TEXT} NOT NULL,"
	    " name {TEXT} NOT NULL,"
	    " place {BIGINT} NOT NULL,"
	    " PRIMARY KEY (room_id, mxid));"},
	{5, "CREATE TABLE room_mirror ("
	    " room_id {TEXT} PRIMARY KEY,"
	    " levels {TEXT} NOT NULL,"
	    " door {BIGINT} NOT NULL,"
	    " listed {BIGINT} NOT NULL);"},
};

const size_t tr_bridge_migration_count = TR_ARRAY_LEN(tr_bridge_migrations);
