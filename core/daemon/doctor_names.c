/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of --doctor about namespaces. A made-up ghost stands for all: the homeserver must let us
 * act for it, must not let anybody register it, and no other bridge of the configuration may claim
 * it. Two application services that both claim a name cannot be told apart by requests that change
 * nothing; that shows when the first ghost is registered.
 */
#include "core/daemon/doctor_internal.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/regex.h"
#include "core/matrix/template.h"

#include <string.h>

struct question {
	bool done;
	struct tr_error error; /* code 0 = it said yes */
	char errcode[64];
	bool available;
};

/* The id of a ghost that nobody has met. */
static char *made_up_ghost(const struct tr_doctor_bridge *bridge)
{
	char *token = tr_random_token(6);
	char *nick = tr_asprintf("doctor%s", token);
	const struct tr_template_value values[] = {
		{"NICK", tr_str_from(nick)},
		{"SERVER", tr_str_from(bridge->options.server)},
	};
	char *id = tr_template_id(tr_str_from(bridge->options.user_template),
		tr_str_from(bridge->doctor->common->homeserver.domain), TR_ESCAPE_NOTHING, values,
		TR_ARRAY_LEN(values), NULL);
	tr_free(token);
	tr_free(nick);
	return id;
}

static void on_answer(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct question *question = arg;
	struct tr_str errcode = tr_str_slice(
		tr_json_get_str(response, "errcode"), 0, sizeof(question->errcode) - 1);
	question->done = true;
	question->available = tr_json_get_bool(response, "available", false);
	if (error != NULL) {
		question->error = *error;
	}
	if (errcode.len > 0) {
		memcpy(question->errcode, errcode.ptr, errcode.len);
	}
}

/* Whether the homeserver lets us act for the ghost. That it is not registered is no refusal. */
static bool may_act(const struct tr_doctor_bridge *bridge, const char *ghost)
{
	struct question question = {0};
	struct tr_matrix_call *call = tr_matrix_whoami(bridge->client, ghost, on_answer, &question);
	if (!tr_doctor_wait(bridge->doctor, &question.done)) {
		tr_matrix_call_cancel(call);
	}
	return strcmp(question.errcode, "M_EXCLUSIVE") != 0 &&
	       tr_str_find(tr_str_from(question.error.text), TR_STR("masquerade")) < 0;
}

/* Whether anybody could register the ghost's name. Homeservers without registration refuse to
 * answer, and then nobody can. */
static bool is_open_to_all(const struct tr_doctor_bridge *bridge, const char *ghost)
{
	struct question question = {0};
	struct tr_mxid id;
	if (!tr_user_id_parse(tr_str_from(ghost), &id)) {
		return false;
	}
	struct tr_buf query = TR_BUF_INIT(TR_DOCTOR_TEXT_MAX);
	tr_buf_add_c(&query, "username=");
	tr_percent_encode(&query, id.localpart);
	const struct tr_matrix_request request = {
		.operation = "register_available",
		.method = "GET",
		.path = "/_matrix/client/v3/register/available",
		.query = tr_buf_c(&query),
	};
	struct tr_matrix_call *call =
		tr_matrix_request(bridge->client, &request, on_answer, &question);
	if (!tr_doctor_wait(bridge->doctor, &question.done)) {
		tr_matrix_call_cancel(call);
	}
	tr_buf_finish(&query);
	return question.available;
}

void tr_doctor_check_names(const struct tr_doctor_bridge *bridge)
{
	struct tr_doctor *doctor = bridge->doctor;
	char *ghost = made_up_ghost(bridge);
	if (ghost == NULL) {
		return;
	}
	if (!may_act(bridge, ghost)) {
		tr_doctor_bad(
			doctor, "the homeserver does not let us act for ghosts such as %s", ghost);
		tr_doctor_mend(doctor,
			"generate the registration again and restart the homeserver: its namespace "
			"of users does not fit userTemplate");
	} else if (is_open_to_all(bridge, ghost)) {
		tr_doctor_bad(doctor, "anybody can register names of ghosts such as %s", ghost);
		tr_doctor_mend(doctor, "generate the registration again (its namespace of users "
				       "must be exclusive) and restart the homeserver");
	} else {
		tr_doctor_good(doctor, "the homeserver keeps ghosts such as %s for us", ghost);
	}
	tr_free(ghost);
}

static bool claims(const struct tr_doctor_bridge *bridge, const char *id)
{
	bool claimed = false;
	for (size_t i = 0; i < bridge->registration.users.count && !claimed; i++) {
		char *anchored = tr_asprintf("^(?:%s)", bridge->registration.users.items[i].regex);
		struct tr_regex *regex = tr_regex_create(tr_str_from(anchored), NULL);
		claimed = regex && tr_regex_matches(regex, tr_str_from(id));
		tr_regex_destroy(regex);
		tr_free(anchored);
	}
	return claimed;
}

void tr_doctor_check_overlaps(
	struct tr_doctor *doctor, const struct tr_doctor_bridge *bridges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *ghost = bridges[i].loaded ? made_up_ghost(&bridges[i]) : NULL;
		for (size_t j = 0; j < count && ghost != NULL; j++) {
			if (i == j || !bridges[j].loaded || !claims(&bridges[j], ghost)) {
				continue;
			}
			tr_doctor_bad(doctor, "%s claims the ghosts of %s, such as %s",
				bridges[j].path, bridges[i].path, ghost);
			tr_doctor_mend(doctor,
				"give each bridge its own users_prefix (or "
				"userTemplate) and generate both registrations again");
		}
		tr_free(ghost);
	}
}
