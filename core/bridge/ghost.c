/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, stores and finds ghosts. Their accounts and names on the homeserver are intent.c's. */
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/template.h"

#include <string.h>

enum { NAME_MAX = 4096, TRIES_MAX = 100 };

static const struct tr_db_statement insert_ghost = {
	"INSERT INTO ghost(remote_id, mxid, name, registered) VALUES ($1, $2, $3, 0)"
	" ON CONFLICT DO NOTHING"};
static const struct tr_db_statement rename_ghost = {
	"UPDATE ghost SET name = $2, registered = 0 WHERE remote_id = $1"};
static const struct tr_db_statement ready_ghost = {
	"UPDATE ghost SET registered = 1 WHERE remote_id = $1 AND name = $2"};

static void ghost_free(struct tr_ghost *ghost)
{
	tr_free(ghost->remote_id);
	tr_free(ghost->mxid);
	tr_free(ghost->name);
	tr_free(ghost);
}

void tr_ghosts_finish(struct tr_ghosts *ghosts)
{
	for (struct tr_map_entry *e = tr_map_first(&ghosts->by_remote); e; e = tr_map_next(e)) {
		ghost_free(tr_map_value(e));
	}
	tr_map_finish(&ghosts->by_remote);
	tr_map_finish(&ghosts->by_mxid);
}

static struct tr_ghost *ghost_add(struct tr_ghosts *ghosts, struct tr_str remote_id, char *mxid)
{
	struct tr_ghost *ghost = tr_alloc(sizeof(*ghost));
	ghost->remote_id = tr_str_dup(remote_id);
	ghost->mxid = mxid;
	tr_map_set(&ghosts->by_remote, remote_id, ghost);
	tr_map_set(&ghosts->by_mxid, tr_str_from(mxid), ghost);
	return ghost;
}

void tr_ghosts_load(struct tr_ghosts *ghosts, const struct tr_db_result *result, size_t index)
{
	for (size_t row = 0; row < tr_db_rows(result, index); row++) {
		struct tr_ghost *ghost = ghost_add(ghosts, tr_db_text(result, index, row, 0),
			tr_str_dup(tr_db_text(result, index, row, 1)));
		ghost->name = tr_str_dup(tr_db_text(result, index, row, 2));
		ghost->ready = tr_db_int(result, index, row, 3) != 0;
		ghost->exists = ghost->ready;
	}
}

/* The id of a template for this nick, owned; NULL when it cannot be made. */
static char *make_id(const struct tr_bridge *bridge, struct tr_str nick)
{
	const struct tr_template_value values[] = {
		{"NICK", nick},
		{"SERVER", tr_str_from(bridge->options.server)},
	};
	return tr_template_id(tr_str_from(bridge->options.user_template),
		tr_str_from(bridge->options.domain), TR_ESCAPE_NOTHING, values,
		TR_ARRAY_LEN(values), NULL);
}

/* An id that no other ghost and not the bot has: where the plain one is taken, a hash of the remote
 * id tells them apart. */
static char *free_id(const struct tr_bridge *bridge, struct tr_str remote_id, struct tr_str nick)
{
	char *id = make_id(bridge, nick);
	for (unsigned attempt = 0; attempt < TRIES_MAX; attempt++) {
		if (id != NULL && tr_ghost_of(bridge, tr_str_from(id)) == NULL &&
			strcmp(id, bridge->bot_user_id) != 0) {
			return id;
		}
		tr_free(id);
		unsigned char hash[TR_SHA256_LEN];
		struct tr_buf salted = TR_BUF_INIT(NAME_MAX * 4);
		struct tr_buf distinct = TR_BUF_INIT(NAME_MAX * 4);
		tr_buf_addf(&salted, "%u:", attempt);
		tr_buf_add(&salted, remote_id);
		tr_sha256(tr_buf_str(&salted), hash);
		tr_buf_add(&distinct, tr_str_slice(nick, 0, tr_utf8_fit(nick, 64)));
		tr_buf_add_char(&distinct, '=');
		tr_base32_encode(&distinct, hash, 10);
		id = make_id(bridge, tr_buf_str(&distinct));
		tr_buf_finish(&salted);
		tr_buf_finish(&distinct);
	}
	TR_ASSERT(id != NULL);
	return id;
}

static char *display_name(const struct tr_bridge *bridge, struct tr_str nick)
{
	const char *text = bridge->options.ghost_name_template;
	const struct tr_template_value values[] = {
		{"NICK", nick},
		{"SERVER", tr_str_from(bridge->options.server)},
	};
	struct tr_buf name = TR_BUF_INIT(NAME_MAX);
	if (tr_template_expand(
		    &name, tr_str_from(text ? text : "$NICK"), values, TR_ARRAY_LEN(values)) != 0 ||
		name.len == 0) {
		tr_buf_clear(&name);
		tr_buf_add(&name, tr_str_slice(nick, 0, tr_utf8_fit(nick, 255)));
	}
	return tr_buf_take(&name);
}

struct tr_ghost *tr_ghost_open(
	struct tr_bridge *bridge, struct tr_str remote_id, struct tr_str nick)
{
	struct tr_ghost *ghost = tr_map_get(&bridge->ghosts.by_remote, remote_id);
	nick = tr_str_empty(nick) ? remote_id : nick;
	char *name = display_name(bridge, nick);
	if (ghost == NULL) {
		ghost = ghost_add(&bridge->ghosts, remote_id, free_id(bridge, remote_id, nick));
		ghost->name = name;
		const struct tr_db_value values[] = {
			TR_DB_T(remote_id), TR_DB_TC(ghost->mxid), TR_DB_TC(name)};
		tr_bridge_write(bridge, &insert_ghost, values, TR_ARRAY_LEN(values), NULL, NULL);
	} else if (strcmp(ghost->name, name) != 0) {
		tr_free(ghost->name);
		ghost->name = name;
		ghost->ready = false;
		const struct tr_db_value values[] = {TR_DB_T(remote_id), TR_DB_TC(name)};
		tr_bridge_write(bridge, &rename_ghost, values, TR_ARRAY_LEN(values), NULL, NULL);
	} else {
		tr_free(name);
	}
	return ghost;
}

struct tr_ghost *tr_ghost_find(const struct tr_bridge *bridge, struct tr_str remote_id)
{
	return tr_map_get(&bridge->ghosts.by_remote, remote_id);
}

struct tr_ghost *tr_ghost_of(const struct tr_bridge *bridge, struct tr_str mxid)
{
	return tr_map_get(&bridge->ghosts.by_mxid, mxid);
}

void tr_ghost_set_ready(struct tr_bridge *bridge, struct tr_ghost *ghost)
{
	ghost->exists = true;
	ghost->ready = true;
	const struct tr_db_value values[] = {TR_DB_TC(ghost->remote_id), TR_DB_TC(ghost->name)};
	tr_bridge_write(bridge, &ready_ghost, values, TR_ARRAY_LEN(values), NULL, NULL);
}

/* The namespace is ours alone by the registration, so an id in it that we do not know is a ghost
 * whose row was lost, and never a person. */
static bool in_namespace(const struct tr_bridge *bridge, struct tr_str user_id)
{
	struct tr_template_value values[] = {
		{"NICK", {NULL, 0}},
		{"SERVER", tr_str_from(bridge->options.server)},
	};
	return tr_template_match_id(tr_str_from(bridge->options.user_template),
		tr_str_from(bridge->options.domain), user_id, values, TR_ARRAY_LEN(values));
}

bool tr_bridge_is_ours(const struct tr_bridge *bridge, struct tr_str user_id)
{
	return tr_str_eq_c(user_id, bridge->bot_user_id) || tr_ghost_of(bridge, user_id) != NULL ||
	       in_namespace(bridge, user_id);
}
