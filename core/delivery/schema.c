/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of core/delivery, as numbered migrations; what they mean stands in the header. */
#include "core/delivery/schema.h"

#include "core/base/alloc.h"

const struct tr_migration tr_delivery_migrations[] = {
	{1, "CREATE TABLE from_matrix ("
	    " seq {BIGINT} PRIMARY KEY,"
	    " event_id {TEXT} NOT NULL UNIQUE,"
	    " lane {TEXT} NOT NULL,"
	    " room_id {TEXT} NOT NULL,"
	    " sender {TEXT} NOT NULL,"
	    " position {TEXT} NOT NULL,"
	    " origin_ts {BIGINT} NOT NULL,"
	    " received_ms {BIGINT} NOT NULL,"
	    " state {BIGINT} NOT NULL,"
	    " done_ms {BIGINT} NOT NULL DEFAULT 0,"
	    " error {TEXT} NOT NULL DEFAULT '',"
	    " body {TEXT} NOT NULL);"
	    "CREATE INDEX from_matrix_undone ON from_matrix(lane, seq) WHERE state = 0;"
	    "CREATE INDEX from_matrix_done ON from_matrix(done_ms) WHERE state = 2;"
	    "CREATE TABLE to_matrix ("
	    " seq {BIGINT} PRIMARY KEY,"
	    " remote_key {TEXT} NOT NULL,"
	    " room_id {TEXT} NOT NULL,"
	    " sender {TEXT} NOT NULL,"
	    " type {TEXT} NOT NULL,"
	    " txn_id {TEXT} NOT NULL,"
	    " keep_mapping {BIGINT} NOT NULL,"
	    " origin_ts {BIGINT} NOT NULL,"
	    " received_ms {BIGINT} NOT NULL,"
	    " state {BIGINT} NOT NULL,"
	    " error {TEXT} NOT NULL DEFAULT '',"
	    " content {TEXT} NOT NULL,"
	    " UNIQUE (room_id, remote_key));"
	    "CREATE INDEX to_matrix_undone ON to_matrix(room_id, seq) WHERE state = 0;"
	    "CREATE TABLE message ("
	    " room_id {TEXT} NOT NULL,"
	    " remote_id {TEXT} NOT NULL,"
	    " event_id {TEXT} NOT NULL,"
	    " sender {TEXT} NOT NULL,"
	    " ts {BIGINT} NOT NULL,"
	    " PRIMARY KEY (room_id, remote_id));"},
	/* By the event: what a reply, an edit or a redaction of Matrix is about, on the network.
	 * Rows come in the order of their times, so that this index grows at its end; one by event
	 * id doubles what a commit writes. */
	{2, "CREATE INDEX message_time ON message(ts);"},
	/* What a sender's dead letters are; empty where all is well. */
	{3, "CREATE INDEX from_matrix_dead ON from_matrix(sender, seq) WHERE state = 3;"},
};

const size_t tr_delivery_migration_count = TR_ARRAY_LEN(tr_delivery_migrations);
