/* SPDX-License-Identifier: Apache-2.0 */
/* Choices of single users: kept in memory, written behind. */
#include "bridges/irc/feature.h"

#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/delivery/mark.h"

enum { KEY_MAX = 1024 };

struct tr_irc_features {
	struct tr_marks *marks;
	struct tr_map choices; /* "user feature" -> a choice that is not the default */
};

/* A choice on its way into the store: the one that holds when it is written, so that an older one
 * that has to be written again does not come back. */
struct change {
	const struct tr_irc_features *features;
	char *user_id;
	char *feature;
};

static const struct tr_db_statement select_all = {
	"SELECT user_id, feature, choice FROM irc_feature"};
static const struct tr_db_statement store_choice = {
	"INSERT INTO irc_feature(user_id, feature, choice) VALUES ($1, $2, $3)"
	" ON CONFLICT (user_id, feature) DO UPDATE SET choice = excluded.choice"};

/* A map needs pointers: these stand for the choices. */
static enum tr_irc_choice the_choices[] = {
	TR_IRC_CHOICE_DEFAULT, TR_IRC_CHOICE_ON, TR_IRC_CHOICE_OFF};

struct tr_irc_features *tr_irc_features_create(struct tr_marks *marks)
{
	struct tr_irc_features *features = tr_alloc(sizeof(*features));
	features->marks = marks;
	return features;
}

void tr_irc_features_destroy(struct tr_irc_features *features)
{
	if (features != NULL) {
		tr_map_finish(&features->choices);
		tr_free(features);
	}
}

static void add_key(struct tr_str user_id, struct tr_str feature, struct tr_buf *key)
{
	tr_buf_add(key, user_id);
	tr_buf_add_char(key, ' ');
	tr_buf_add(key, feature);
}

static void put(struct tr_irc_features *features, struct tr_str user_id, struct tr_str feature,
	enum tr_irc_choice choice)
{
	struct tr_buf key = TR_BUF_INIT(KEY_MAX);
	add_key(user_id, feature, &key);
	if (choice == TR_IRC_CHOICE_DEFAULT) {
		tr_map_remove(&features->choices, tr_buf_str(&key));
	} else {
		tr_map_set(&features->choices, tr_buf_str(&key), &the_choices[choice]);
	}
	tr_buf_finish(&key);
}

void tr_irc_features_ask(struct tr_db_batch *batch)
{
	tr_db_batch_add(batch, &select_all, NULL, 0);
}

void tr_irc_features_load(
	struct tr_irc_features *features, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		int64_t choice = tr_db_int(result, index, row, 2);
		if (choice == TR_IRC_CHOICE_ON || choice == TR_IRC_CHOICE_OFF) {
			put(features, tr_db_text(result, index, row, 0),
				tr_db_text(result, index, row, 1), (enum tr_irc_choice)choice);
		}
	}
}

enum tr_irc_choice tr_irc_feature_get(
	const struct tr_irc_features *features, const char *user_id, const char *feature)
{
	struct tr_buf key = TR_BUF_INIT(KEY_MAX);
	add_key(tr_str_from(user_id), tr_str_from(feature), &key);
	const enum tr_irc_choice *choice = tr_map_get(&features->choices, tr_buf_str(&key));
	tr_buf_finish(&key);
	return choice ? *choice : TR_IRC_CHOICE_DEFAULT;
}

static void write_change(void *mark, struct tr_db_batch *batch)
{
	const struct change *change = mark;
	TR_DB_ADD(batch, &store_choice, TR_DB_TC(change->user_id), TR_DB_TC(change->feature),
		TR_DB_N(tr_irc_feature_get(change->features, change->user_id, change->feature)));
}

static void change_settled(void *mark, bool durable)
{
	struct change *change = mark;
	(void)durable;
	tr_free(change->user_id);
	tr_free(change->feature);
	tr_free(change);
}

void tr_irc_feature_set(struct tr_irc_features *features, const char *user_id, const char *feature,
	enum tr_irc_choice choice)
{
	struct change *change = tr_alloc(sizeof(*change));
	change->user_id = tr_strdup(user_id);
	change->feature = tr_strdup(feature);
	change->features = features;
	put(features, tr_str_from(user_id), tr_str_from(feature), choice);
	tr_marks_add(features->marks, write_change, change_settled, change);
}
