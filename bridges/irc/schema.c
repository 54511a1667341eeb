/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the IRC module, as numbered migrations. */
#include "bridges/irc/schema.h"

const struct tr_migration tr_irc_migrations[TR_IRC_MIGRATIONS] = {
	{1, "CREATE TABLE irc_channel ("
	    " name {TEXT} PRIMARY KEY,"
	    " last_msgid {TEXT} NOT NULL," /* a place: history_place.h */
	    " joined_ms {BIGINT} NOT NULL);"
	    "CREATE TABLE irc_puppet ("
	    " nick {TEXT} PRIMARY KEY,"
	    " user_id {TEXT} NOT NULL,"
	    " mask {TEXT} NOT NULL);"
	    "CREATE TABLE irc_progress ("
	    " event_id {TEXT} PRIMARY KEY,"
	    " lines {BIGINT} NOT NULL,"
	    " width {BIGINT} NOT NULL);"},
	{2, "CREATE TABLE irc_account ("
	    " user_id {TEXT} PRIMARY KEY,"
	    " username {TEXT} NOT NULL,"
	    " password {TEXT} NOT NULL,"
	    " certificate {TEXT} NOT NULL);"},
	{3, "CREATE TABLE irc_feature ("
	    " user_id {TEXT} NOT NULL,"
	    " feature {TEXT} NOT NULL,"
	    " choice {BIGINT} NOT NULL,"
	    " PRIMARY KEY (user_id, feature));"},
	{4, "CREATE TABLE irc_identity ("
	    " user_id {TEXT} PRIMARY KEY,"
	    " username {TEXT} NOT NULL,"
	    " nick {TEXT} NOT NULL,"
	    " spoke_ms {BIGINT} NOT NULL);"},
	{5, "ALTER TABLE irc_progress ADD COLUMN said {TEXT} NOT NULL DEFAULT '';"},
	{6, "CREATE TABLE irc_topic (name {TEXT} PRIMARY KEY, topic {TEXT} NOT NULL);"},
};
