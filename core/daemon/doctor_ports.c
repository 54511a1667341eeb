/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of --doctor about our own ports: whether they are free, and if not, whether it is our
 * running daemon that has them. A free appservice port stays bound until the doctor leaves, so that
 * the homeserver can ping it; transactions that come meanwhile are refused and come again.
 */
#include "core/daemon/doctor_internal.h"

#include "core/base/alloc.h"
#include "core/io/http_server.h"

struct answer {
	bool done;
	int status; /* 0 = no answer */
};

static void on_answer(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct answer *answer = arg;
	(void)error;
	answer->done = true;
	if (response != NULL) {
		answer->status = response->status;
	}
}

/* What listens everywhere is reached on the loopback. */
static char *url_of(const char *listen, const char *path)
{
	struct tr_str text = tr_str_from(listen);
	struct tr_str port = tr_str_from_index(text, (size_t)tr_str_rfind_char(text, ':'));
	if (tr_str_starts(text, TR_STR("0.0.0.0:")) || tr_str_starts(text, TR_STR(":"))) {
		return tr_asprintf("http://127.0.0.1%.*s%s", TR_STR_ARG(port), path);
	}
	if (tr_str_starts(text, TR_STR("[::]:"))) {
		return tr_asprintf("http://[::1]%.*s%s", TR_STR_ARG(port), path);
	}
	return tr_asprintf("http://%s%s", listen, path);
}

static int ask(struct tr_doctor *doctor, const char *listen, const char *path, const char *token)
{
	struct answer answer = {0};
	char *url = url_of(listen, path);
	const struct tr_http_request request = {
		.method = token ? "POST" : "GET",
		.url = url,
		.bearer = token,
		.body = token ? TR_STR("{\"transaction_id\":\"doctor\"}") : TR_STR(""),
		.timeout_ms = TR_DOCTOR_LIMIT_MS,
	};
	struct tr_http_call *call =
		tr_http_client_start(doctor->http, &request, on_answer, &answer);
	if (!tr_doctor_wait(doctor, &answer.done)) {
		tr_http_call_cancel(call);
	}
	tr_free(url);
	return answer.status;
}

static void refuse_transaction(
	void *arg, const struct tr_transaction *transaction, struct tr_appservice_reply *reply)
{
	(void)arg;
	(void)transaction;
	tr_appservice_fail(reply, 503, "M_UNKNOWN", "--doctor does not take messages");
}

static const struct tr_appservice_handler handler = {.on_transaction = refuse_transaction};

static bool same_token(const struct tr_doctor_bridge *a, const struct tr_doctor_bridge *b)
{
	return tr_str_eq(
		tr_str_from(a->registration.hs_token), tr_str_from(b->registration.hs_token));
}

static void add_tokens(
	struct tr_doctor *doctor, const struct tr_doctor_bridge *bridges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool taken = false;
		for (size_t j = 0; j < i && bridges[i].loaded && !taken; j++) {
			taken = bridges[j].loaded && same_token(&bridges[i], &bridges[j]);
			if (taken) {
				tr_doctor_bad(doctor, "%s and %s have the same hs_token",
					bridges[j].path, bridges[i].path);
				tr_doctor_mend(doctor,
					"remove one of the files and write it again with "
					"--generate-registration");
			}
		}
		if (bridges[i].loaded && !taken) {
			(void)tr_appservice_add(doctor->appservice,
				bridges[i].registration.hs_token, &handler, NULL);
		}
	}
}

/* The address is taken: by our daemon? */
static void ask_owner(struct tr_doctor *doctor, const struct tr_doctor_bridge *bridge,
	const struct tr_error *reason)
{
	const char *listen = doctor->common->appservice.listen;
	int status = bridge->loaded ? ask(doctor, listen, "/_matrix/app/v1/ping",
					      bridge->registration.hs_token)
				    : 0;
	if (status == 200) {
		doctor->listens = true;
		doctor->daemon_runs = true;
		tr_doctor_good(doctor,
			"%s is in use by the running daemon, which takes the hs_token of %s",
			listen, bridge->path);
	} else if (status == 401 || status == 403) {
		tr_doctor_bad(doctor,
			"a daemon listens at %s, but it does not take the hs_token of %s", listen,
			bridge->path);
		tr_doctor_mend(doctor, "restart it, so that it reads the registration again");
	} else {
		tr_doctor_bad(doctor, "another program has the address appservice.listen: %s",
			reason->text);
		tr_doctor_mend(doctor,
			"end that program, or write another appservice.listen, generate the "
			"registration again and restart the homeserver");
	}
}

void tr_doctor_check_listen(
	struct tr_doctor *doctor, const struct tr_doctor_bridge *bridges, size_t count)
{
	const struct tr_appservice_options options = {.listen = doctor->common->appservice.listen};
	struct tr_error error;
	doctor->appservice = tr_appservice_create(doctor->loop, &options, &error);
	if (doctor->appservice != NULL) {
		doctor->listens = true;
		tr_doctor_good(doctor, "%s is free for what the homeserver sends", options.listen);
		add_tokens(doctor, bridges, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		ask_owner(doctor, &bridges[i], &error);
	}
}

static void ignore(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	tr_http_server_respond(request, 503, "text/plain", TR_STR("--doctor\n"));
}

void tr_doctor_check_metrics(struct tr_doctor *doctor)
{
	static const struct tr_http_server_handler nothing = {
		.on_headers = ignore, .on_request = ignore};
	const struct tr_http_server_options options = {.listen = doctor->common->metrics.listen};
	struct tr_error error;
	if (options.listen == NULL) {
		return;
	}
	struct tr_http_server *server =
		tr_http_server_create(doctor->loop, &options, &nothing, NULL, &error);
	if (server != NULL) {
		tr_doctor_good(doctor, "%s is free for metrics", options.listen);
		tr_http_server_destroy(server);
	} else if (doctor->daemon_runs && ask(doctor, options.listen, "/live", NULL) == 200) {
		tr_doctor_good(
			doctor, "%s is in use by the running daemon for metrics", options.listen);
	} else {
		tr_doctor_bad(
			doctor, "another program has the address metrics.listen: %s", error.text);
		tr_doctor_mend(doctor, "end that program or write another metrics.listen");
	}
}
