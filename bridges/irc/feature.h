/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What single Matrix users have switched on or off for themselves (!feature), in the table
 * irc_feature and in memory.
 */
#ifndef TRESTLE_IRC_FEATURE_H
#define TRESTLE_IRC_FEATURE_H

#include "core/base/map.h"
#include "core/store/db.h"

struct tr_marks;

/* What a user has said of a feature; DEFAULT = nothing. */
enum tr_irc_choice { TR_IRC_CHOICE_DEFAULT, TR_IRC_CHOICE_ON, TR_IRC_CHOICE_OFF };

/* Whether the user's nick in a line of IRC is made a mention of the user. */
#define TR_IRC_FEATURE_MENTIONS "mentions"

struct tr_irc_features;

/* The marks are destroyed before it. */
struct tr_irc_features *tr_irc_features_create(struct tr_marks *marks);
void tr_irc_features_destroy(struct tr_irc_features *features);
/* At start: records the question, and takes its rows. */
void tr_irc_features_ask(struct tr_db_batch *batch);
void tr_irc_features_load(
	struct tr_irc_features *features, const struct tr_db_result *result, size_t index);

enum tr_irc_choice tr_irc_feature_get(
	const struct tr_irc_features *features, const char *user_id, const char *feature);
void tr_irc_feature_set(struct tr_irc_features *features, const char *user_id, const char *feature,
	enum tr_irc_choice choice);

#endif
