/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job per ghost and room: a walk through the steps that are missing, each a request whose
 * answer leads to the next. What a job is needed for is the callers' business.
 */
#include "core/bridge/intent.h"

#include "core/base/log.h"
#include "core/bridge/bridge_internal.h"
#include "core/matrix/mxid.h"

#include <string.h>

struct waiter {
	struct tr_list node;
	tr_intent_callback *callback;
	void *arg;
};

struct job {
	struct tr_bridge *bridge;
	char *key;
	struct tr_ghost *ghost; /* NULL = the bot */
	char *room_id;          /* NULL = only the account */
	struct tr_list waiters;
	char *type;      /* of an event it was refused; NULL = power is not in question */
	char *name;      /* being set */
	bool invited;    /* the bot has invited it in this job */
	bool bot_joined; /* .. after it had to join itself */
};

static const char *user_of(const struct tr_bridge *bridge, const struct tr_ghost *ghost)
{
	return ghost ? ghost->mxid : bridge->bot_user_id;
}

/* Whom to act as in a request. */
static const char *as_user(const struct job *job)
{
	return job->ghost ? job->ghost->mxid : NULL;
}

bool tr_intent_ready(
	const struct tr_bridge *bridge, const struct tr_ghost *ghost, const char *room_id)
{
	if (ghost != NULL && !ghost->ready) {
		return false;
	}
	return room_id == NULL ||
	       tr_members_get(&bridge->members, tr_str_from(room_id),
		       tr_str_from(user_of(bridge, ghost))) == TR_MEMBERSHIP_JOINED;
}

static void job_free(struct job *job)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&job->waiters, node, following) {
		tr_list_remove(node);
		tr_free(TR_LIST_ENTRY(node, struct waiter, node));
	}
	tr_free(job->key);
	tr_free(job->room_id);
	tr_free(job->type);
	tr_free(job->name);
	tr_free(job);
}

/* A room of the configuration that the bot cannot enter yet: an administrator is on the way. */
static bool awaits_invitation(const struct job *job, const struct tr_error *error)
{
	const struct tr_portal *portal =
		job->room_id ? tr_portal_of_room(job->bridge, tr_str_from(job->room_id)) : NULL;
	return error->cls == TR_CLASS_DENIED && portal != NULL && portal->configured &&
	       !tr_intent_ready(job->bridge, NULL, job->room_id);
}

static void job_end(struct job *job, const struct tr_error *error)
{
	struct tr_error changed;
	if (error != NULL && awaits_invitation(job, error)) {
		changed = *error;
		changed.cls = TR_CLASS_RETRY;
		error = &changed;
	}
	tr_map_remove(&job->bridge->intents, tr_str_from(job->key));
	struct tr_list *node;
	while ((node = tr_list_head(&job->waiters)) != NULL) {
		struct waiter *waiter = TR_LIST_ENTRY(node, struct waiter, node);
		tr_list_remove(node);
		waiter->callback(waiter->arg, error);
		tr_free(waiter);
	}
	job_free(job);
}

static void job_step(struct job *job);

static void job_end_well(void *arg)
{
	struct job *job = arg;
	if (job->type != NULL && job->ghost != NULL) {
		job_step(job); /* asked for meanwhile */
	} else {
		job_end(job, NULL);
	}
}

static void registered(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct job *job = arg;
	(void)response;
	if (error != NULL) {
		job_end(job, error);
		return;
	}
	job->ghost->exists = true;
	job_step(job);
}

static void named(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct job *job = arg;
	(void)response;
	if (error != NULL && (error->cls == TR_CLASS_RETRY || error->cls == TR_CLASS_RETRY_AFTER)) {
		job_end(job, error);
		return;
	}
	if (error != NULL) {
		/* A name is not worth a message. */
		tr_log_warn("bridge", "%s cannot be named: %s", job->ghost->mxid, error->text);
	}
	if (strcmp(job->name, job->ghost->name) == 0) {
		tr_ghost_set_ready(job->bridge, job->ghost);
	}
	job_step(job);
}

static void join(struct job *job);
static void invite(struct job *job);

static void bot_joined(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct job *job = arg;
	(void)response;
	if (error != NULL) {
		job_end(job, error);
		return;
	}
	tr_members_set(&job->bridge->members, tr_str_from(job->room_id),
		tr_str_from(job->bridge->bot_user_id), TR_MEMBERSHIP_JOINED);
	invite(job);
}

/* Who reads it has spoken on the other network and can only ask somebody for help. */
static void end_uninvited(struct job *job, const struct tr_error *error)
{
	struct tr_error changed = *error;
	if (error->cls == TR_CLASS_DENIED) {
		tr_error_prefix(&changed,
			"an administrator of the room has to let the bot invite people, or to lift a ban");
	}
	job_end(job, &changed);
}

static void invited(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct job *job = arg;
	(void)response;
	if (error == NULL) {
		job->invited = true;
		join(job);
	} else if (error->cls == TR_CLASS_DENIED && !job->bot_joined) {
		job->bot_joined = true;
		tr_matrix_join(job->bridge->client, NULL, job->room_id, NULL, bot_joined, job);
	} else {
		end_uninvited(job, error);
	}
}

static void invite(struct job *job)
{
	const char *user = user_of(job->bridge, job->ghost);
	bool by_ghost = job->ghost != NULL && !job->bot_joined;
	const char *inviter = by_ghost ? tr_move_inviter(job->bridge, job->room_id, user) : NULL;
	tr_matrix_invite(job->bridge->client, inviter, job->room_id, user, NULL, invited, job);
}

static void joined(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct job *job = arg;
	(void)response;
	if (error == NULL) {
		tr_members_set(&job->bridge->members, tr_str_from(job->room_id),
			tr_str_from(user_of(job->bridge, job->ghost)), TR_MEMBERSHIP_JOINED);
		job_step(job);
	} else if (error->cls == TR_CLASS_DENIED && job->ghost != NULL && !job->invited) {
		invite(job);
	} else {
		job_end(job, error);
	}
}

static void join(struct job *job)
{
	tr_matrix_join(job->bridge->client, as_user(job), job->room_id, NULL, joined, job);
}

static void empowered(void *arg, const struct tr_error *error)
{
	job_end(arg, error);
}

/* Starts what is missing first; ends the job when nothing is. Runs only as an answer's effect. */
static void job_step(struct job *job)
{
	struct tr_mxid parts;
	if (job->ghost != NULL && !job->ghost->exists) {
		TR_ASSERT(tr_user_id_parse(tr_str_from(job->ghost->mxid), &parts));
		char *localpart = tr_str_dup(parts.localpart);
		tr_matrix_register(job->bridge->client, localpart, registered, job);
		tr_free(localpart);
	} else if (job->ghost != NULL && !job->ghost->ready) {
		tr_free(job->name);
		job->name = tr_strdup(job->ghost->name);
		tr_matrix_set_displayname(
			job->bridge->client, job->ghost->mxid, job->name, named, job);
	} else if (!tr_intent_ready(job->bridge, job->ghost, job->room_id)) {
		join(job);
	} else if (job->type != NULL && job->ghost != NULL) {
		tr_power_ensure(job->bridge, job->ghost, job->room_id, job->type, empowered, job);
	} else {
		tr_loop_defer(job->bridge->loop, job_end_well, job);
	}
}

static void ensure(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *type, tr_intent_callback *callback, void *arg)
{
	struct waiter *waiter = tr_alloc(sizeof(*waiter));
	waiter->callback = callback;
	waiter->arg = arg;
	char *key = tr_asprintf("%s %s", room_id ? room_id : "", user_of(bridge, ghost));
	struct job *job = tr_map_get(&bridge->intents, tr_str_from(key));
	if (job != NULL) {
		tr_free(key);
		tr_list_append(&job->waiters, &waiter->node);
		job->type = job->type ? job->type : tr_strdup(type);
		return;
	}
	job = tr_alloc(sizeof(*job));
	job->bridge = bridge;
	job->key = key;
	job->ghost = ghost;
	job->room_id = tr_strdup(room_id);
	job->type = tr_strdup(type);
	tr_list_init(&job->waiters);
	tr_list_append(&job->waiters, &waiter->node);
	tr_map_set(&bridge->intents, tr_str_from(key), job);
	job_step(job);
}

void tr_intent_ensure(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	tr_intent_callback *callback, void *arg)
{
	ensure(bridge, ghost, room_id, NULL, callback, arg);
}

void tr_intent_repair(struct tr_bridge *bridge, struct tr_ghost *ghost, const char *room_id,
	const char *type, tr_intent_callback *callback, void *arg)
{
	if (ghost != NULL) {
		ghost->exists = false;
		ghost->ready = false;
	}
	tr_members_set(&bridge->members, tr_str_from(room_id), tr_str_from(user_of(bridge, ghost)),
		TR_MEMBERSHIP_LEFT);
	ensure(bridge, ghost, room_id, type, callback, arg);
}

void tr_intents_finish(struct tr_bridge *bridge)
{
	for (struct tr_map_entry *e = tr_map_first(&bridge->intents); e; e = tr_map_next(e)) {
		struct job *job = tr_map_value(e);
		tr_loop_defer_cancel(bridge->loop, job_end_well, job);
		job_free(job);
	}
	tr_map_finish(&bridge->intents);
}
