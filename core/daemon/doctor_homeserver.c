/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of --doctor that talks with the homeserver: is it there, does it know our token, can it
 * reach us, is its clock ours. Only requests that change nothing are made.
 */
#include "core/daemon/doctor_internal.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"

#include <stdlib.h>

/* More than this between the clocks and ages of messages, certificates and logs mislead. */
enum { CLOCK_DIFFERENCE_MAX_MS = 60000 };

struct exchange {
	struct tr_doctor *doctor;
	struct tr_doctor_bridge *bridge;
	bool done;
};

static void say_unreachable(struct tr_doctor *doctor, const struct tr_error *error)
{
	const char *url = doctor->common->homeserver.url;
	if (error->code == TR_E_TLS) {
		tr_doctor_bad(
			doctor, "the certificate of %s is not accepted: %s", url, error->text);
		tr_doctor_mend(doctor,
			"give the homeserver a valid certificate for that name, or add the "
			"authority that signed it to the system's (update-ca-certificates)");
		return;
	}
	tr_doctor_bad(doctor, "the homeserver does not answer at %s: %s", url, error->text);
	tr_doctor_mend(doctor, "start the homeserver, or correct homeserver.url");
}

/* Half the way of the request later is when the homeserver wrote the date. */
static void note_clock(struct tr_doctor *doctor, const struct tr_http_response *response)
{
	if (response->date_ms != 0) {
		int64_t here = tr_clock_wall_ms() - (int64_t)(response->latency_us / 2000);
		doctor->clock_known = true;
		doctor->clock_difference_ms = here - response->date_ms;
	}
}

static void on_versions(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct exchange *exchange = arg;
	struct tr_doctor *doctor = exchange->doctor;
	const char *url = doctor->common->homeserver.url;
	exchange->done = true;
	if (error != NULL) {
		say_unreachable(doctor, error);
		return;
	}
	struct tr_json *body = tr_json_parse(response->body, NULL);
	const struct tr_json *versions = tr_json_get(body, "versions");
	note_clock(doctor, response);
	if (response->status == 200 && versions && tr_json_type(versions) == TR_JSON_ARRAY) {
		doctor->homeserver_up = true;
		tr_doctor_good(doctor, "the homeserver answers at %s%s", url,
			tr_str_starts(tr_str_from(url), TR_STR("https:"))
				? " over TLS with a certificate that is good"
				: "");
	} else {
		tr_doctor_bad(doctor, "what answers at %s is no homeserver (status %d)", url,
			response->status);
		tr_doctor_mend(doctor, "write the address of its client-server API under "
				       "homeserver.url, such as \"http://127.0.0.1:8008\"");
	}
	tr_json_free(body);
}

void tr_doctor_check_homeserver(struct tr_doctor *doctor)
{
	struct exchange exchange = {.doctor = doctor};
	char *url = tr_asprintf("%s/_matrix/client/versions", doctor->common->homeserver.url);
	const struct tr_http_request request = {
		.method = "GET", .url = url, .timeout_ms = TR_DOCTOR_LIMIT_MS};
	struct tr_http_call *call =
		tr_http_client_start(doctor->http, &request, on_versions, &exchange);
	if (!tr_doctor_wait(doctor, &exchange.done)) {
		struct tr_error error;
		tr_http_call_cancel(call);
		tr_error_set(&error, TR_E_TIMEOUT, "no answer in time");
		say_unreachable(doctor, &error);
	}
	tr_free(url);
}

static void on_whoami(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct exchange *exchange = arg;
	const struct tr_doctor_bridge *bridge = exchange->bridge;
	struct tr_doctor *doctor = bridge->doctor;
	struct tr_str user_id = tr_json_get_str(response, "user_id");
	exchange->done = true;
	if (error == NULL && tr_str_eq_c(user_id, bridge->bot_user_id)) {
		tr_doctor_good(doctor,
			"the homeserver knows the as_token of %s and takes us for %s", bridge->path,
			bridge->bot_user_id);
	} else if (error == NULL) {
		tr_doctor_bad(doctor, "the homeserver takes us for %.*s and not for %s",
			TR_STR_ARG(user_id), bridge->bot_user_id);
		tr_doctor_mend(doctor, "correct homeserver.domain, or bot_username, and generate "
				       "the registration again");
	} else if (error->code == TR_E_AUTH || error->code == TR_E_DENIED) {
		tr_doctor_bad(doctor, "the homeserver does not know the as_token of %s: %s",
			bridge->path, error->text);
		tr_doctor_mend(doctor, "name %s in its app_service_config_files and restart it",
			bridge->path);
	} else {
		tr_doctor_bad(doctor, "the homeserver does not say who we are: %s", error->text);
		tr_doctor_mend(doctor, "look into the homeserver's log");
	}
}

static void finish_call(struct exchange *exchange, struct tr_matrix_call *call, const char *what)
{
	struct tr_doctor *doctor = exchange->bridge->doctor;
	if (!tr_doctor_wait(doctor, &exchange->done)) {
		tr_matrix_call_cancel(call);
		tr_doctor_bad(doctor, "the homeserver does not answer %s within 15 s", what);
		tr_doctor_mend(doctor, "look into the homeserver's log");
	}
}

void tr_doctor_check_as_token(struct tr_doctor_bridge *bridge)
{
	struct exchange exchange = {.bridge = bridge};
	finish_call(
		&exchange, tr_matrix_whoami(bridge->client, NULL, on_whoami, &exchange), "whoami");
}

static void say_bad_status(const struct tr_doctor_bridge *bridge, int64_t status)
{
	struct tr_doctor *doctor = bridge->doctor;
	const char *url = bridge->registration.url;
	if (status == 401 || status == 403) {
		tr_doctor_bad(doctor,
			"the homeserver reaches %s, but with another hs_token than %s "
			"says (it was answered %lld)",
			url, bridge->path, (long long)status);
		tr_doctor_mend(doctor, "restart the homeserver, so that it reads the registration "
				       "again, and the daemon");
		return;
	}
	tr_doctor_bad(doctor, "what answers the homeserver at %s is not this bridge (status %lld)",
		url, (long long)status);
	tr_doctor_mend(doctor,
		"correct appservice.url, generate the registration again and restart the homeserver");
}

static void say_ping_failed(const struct tr_doctor_bridge *bridge, const struct tr_json *response,
	const struct tr_error *error)
{
	struct tr_doctor *doctor = bridge->doctor;
	struct tr_str errcode = tr_json_get_str(response, "errcode");
	const char *url = bridge->registration.url ? bridge->registration.url : "null";
	int64_t status = 0;
	if (tr_str_eq_c(errcode, "M_BAD_STATUS")) {
		(void)tr_json_get_int(response, "status", &status);
		say_bad_status(bridge, status);
	} else if (tr_str_eq_c(errcode, "M_URL_NOT_SET")) {
		tr_doctor_bad(doctor, "the homeserver has no url for us and sends us nothing");
		tr_doctor_mend(doctor, "write appservice.url, generate the registration again and "
				       "restart the homeserver");
	} else if (tr_str_eq_c(errcode, "M_CONNECTION_FAILED") ||
		   tr_str_eq_c(errcode, "M_CONNECTION_TIMEOUT")) {
		tr_doctor_bad(doctor, "the homeserver cannot reach us at %s: %s", url, error->text);
		tr_doctor_mend(doctor,
			"appservice.url must lead from the homeserver to appservice.listen: look "
			"at addresses, ports and firewall, then generate the registration again "
			"and restart the homeserver");
	} else if (error->code == TR_E_DENIED || error->code == TR_E_NOT_FOUND) {
		tr_doctor_bad(doctor,
			"the homeserver knows the token, but not the id \"%s\" of %s: %s",
			bridge->registration.id, bridge->path, error->text);
		tr_doctor_mend(doctor, "restart the homeserver, so that it reads the registration "
				       "again");
	} else {
		tr_doctor_bad(doctor, "the homeserver does not ping us: %s", error->text);
		tr_doctor_mend(doctor, "look into the homeserver's log");
	}
}

static void on_ping(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct exchange *exchange = arg;
	const struct tr_doctor_bridge *bridge = exchange->bridge;
	int64_t duration = 0;
	exchange->done = true;
	if (error == NULL) {
		(void)tr_json_get_int(response, "duration_ms", &duration);
		tr_doctor_good(bridge->doctor,
			"the homeserver reaches us at %s with the right hs_token (%lld ms)",
			bridge->registration.url, (long long)duration);
	} else if (error->code == TR_E_AUTH) {
		return; /* said already: it does not know our token */
	} else if (error->code == TR_E_UNSUPPORTED) {
		tr_doctor_good(bridge->doctor, "the homeserver is older than Matrix 1.7 and cannot "
					       "ping us: the way back is not looked at");
	} else {
		say_ping_failed(bridge, response, error);
	}
}

void tr_doctor_check_ping(struct tr_doctor_bridge *bridge)
{
	struct exchange exchange = {.bridge = bridge};
	if (!bridge->doctor->listens) {
		return; /* nobody to be reached; the port has been complained about */
	}
	char *txn_id = tr_random_token(8);
	finish_call(&exchange,
		tr_matrix_appservice_ping(
			bridge->client, bridge->registration.id, txn_id, on_ping, &exchange),
		"the request for a ping");
	tr_free(txn_id);
}

void tr_doctor_check_clock(struct tr_doctor *doctor)
{
	if (!doctor->homeserver_up || !doctor->clock_known) {
		return;
	}
	long long seconds = llabs((long long)doctor->clock_difference_ms) / 1000;
	if (llabs((long long)doctor->clock_difference_ms) <= CLOCK_DIFFERENCE_MAX_MS) {
		tr_doctor_good(doctor, "the clock agrees with the homeserver's");
		return;
	}
	tr_doctor_bad(doctor, "the clock of this machine is %lld s %s of the homeserver's", seconds,
		doctor->clock_difference_ms > 0 ? "ahead" : "behind");
	tr_doctor_mend(
		doctor, "let both machines set their clocks by NTP (timedatectl set-ntp true)");
}
