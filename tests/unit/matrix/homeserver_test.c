/* SPDX-License-Identifier: Apache-2.0 */
/* The questions at start, against a server whose answers change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/matrix/homeserver.h"
#include "tests/unit/http_fixture.h"

struct answer {
	int status;
	const char *body;
};

struct fixture {
	struct tr_loop *loop;
	struct tr_http_server *server;
	struct tr_matrix_client *client;
	struct tr_homeserver *homeserver;
	struct answer versions;
	struct answer whoami;
	struct answer ping;
	unsigned pings;
	unsigned asked;
	unsigned ready;
	bool destroy_when_ready;
	struct tr_buf log; /* warnings */
	uint16_t port;
};

static void on_headers(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	(void)request;
}

static void on_request(void *arg, struct tr_http_server_request *request)
{
	struct fixture *f = arg;
	struct tr_str path = tr_http_server_path(request);
	const struct answer *answer = &f->versions;

	f->asked++;
	if (tr_str_ends(path, TR_STR("/account/whoami"))) {
		answer = &f->whoami;
	} else if (tr_str_eq_c(path, "/_matrix/client/v1/appservice/irc/ping")) {
		answer = &f->ping;
		f->pings++;
		assert_true(tr_http_server_body(request).len > 0);
	} else {
		assert_true(tr_str_eq_c(path, "/_matrix/client/versions"));
	}
	tr_http_server_respond(
		request, answer->status, "application/json", tr_str_from(answer->body));
}

static const struct tr_http_server_handler handler = {on_headers, on_request};

static void on_log(enum tr_log_level level, const char *line, void *arg)
{
	struct fixture *f = arg;

	if (level == TR_LOG_WARN) {
		(void)tr_buf_addf(&f->log, "%s\n", line);
	}
}

static void serve(struct fixture *f)
{
	char listen_on[32];
	struct tr_http_server_options options = {.listen = listen_on};

	(void)snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%u", (unsigned)f->port);
	f->server = tr_http_server_create(f->loop, &options, &handler, f, NULL);
	assert_non_null(f->server);
	f->port = tr_http_server_port(f->server);
}

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));
	struct tr_matrix_client_options options = {.as_token = "as-token", .timeout_ms = 2000};
	char *url;

	f->loop = tr_loop_create();
	serve(f);
	url = tr_asprintf("http://127.0.0.1:%u", (unsigned)f->port);
	options.homeserver_url = url;
	f->client = tr_matrix_client_create(f->loop, &options);
	tr_free(url);
	f->versions = (struct answer){200, "{\"versions\":[\"v1.1\",\"v1.12\"]}"};
	f->whoami = (struct answer){200, "{\"user_id\":\"@bot:h\"}"};
	f->ping = (struct answer){200, "{\"duration_ms\":3}"};
	tr_buf_init(&f->log, 1024 * 1024);
	tr_log_set_sink(on_log, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tr_log_set_sink(NULL, NULL);
	tr_homeserver_destroy(f->homeserver);
	tr_matrix_client_destroy(f->client);
	tr_http_server_destroy(f->server);
	tr_loop_destroy(f->loop);
	tr_buf_finish(&f->log);
	tr_free(f);
	return 0;
}

static void on_ready(void *arg, struct tr_homeserver *homeserver)
{
	struct fixture *f = arg;

	assert_ptr_equal(homeserver, f->homeserver);
	assert_int_equal(tr_homeserver_step(homeserver), TR_HOMESERVER_READY);
	f->ready++;
	if (f->destroy_when_ready) {
		tr_homeserver_destroy(homeserver);
		f->homeserver = NULL;
	}
}

static void start(struct fixture *f)
{
	struct tr_homeserver_options options = {.bot_user_id = "@bot:h",
		.appservice_id = "irc",
		.retry_first_ms = 2,
		.retry_max_ms = 4};

	f->homeserver = tr_homeserver_create(f->loop, f->client, &options, on_ready, f);
	assert_int_equal(f->ready, 0);
}

static void homeserver_that_knows_us_is_ready(void **state)
{
	struct fixture *f = *state;

	start(f);
	TURN_UNTIL(f->loop, f->ready > 0);
	assert_int_equal(f->asked, 3);
	assert_true(tr_homeserver_has_version(f->homeserver, "v1.12"));
	assert_false(tr_homeserver_has_version(f->homeserver, "v1.2"));
	assert_null(tr_homeserver_error(f->homeserver));
	assert_int_equal(f->log.len, 0);
	turn_for(f->loop, 20);
	assert_int_equal(f->ready, 1);
	assert_int_equal(f->asked, 3);
}

static void homeserver_that_comes_later_is_waited_for(void **state)
{
	struct fixture *f = *state;

	tr_http_server_destroy(f->server);
	f->server = NULL;
	start(f);
	TURN_UNTIL(f->loop, tr_homeserver_error(f->homeserver) != NULL);
	turn_for(f->loop, 30);
	assert_int_equal(tr_homeserver_step(f->homeserver), TR_HOMESERVER_VERSIONS);
	assert_int_equal(occurrences(&f->log, "check homeserver.url"), 1);
	serve(f);
	TURN_UNTIL(f->loop, f->ready > 0);
	assert_null(tr_homeserver_error(f->homeserver));
}

static void something_else_at_the_url_is_no_homeserver(void **state)
{
	struct fixture *f = *state;

	f->versions = (struct answer){200, "<html>Welcome to nginx</html>"};
	start(f);
	TURN_UNTIL(f->loop, f->asked > 3);
	assert_int_equal(tr_homeserver_step(f->homeserver), TR_HOMESERVER_VERSIONS);
	f->versions = (struct answer){200, "{\"hello\":1}"};
	TURN_UNTIL(f->loop, occurrences(&f->log, "no homeserver answers there") == 1);
}

static void unknown_token_asks_for_the_registration(void **state)
{
	struct fixture *f = *state;

	f->whoami = (struct answer){
		401, "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"error\":\"Invalid access token\"}"};
	start(f);
	TURN_UNTIL(f->loop, f->asked > 5);
	assert_int_equal(tr_homeserver_step(f->homeserver), TR_HOMESERVER_WHOAMI);
	assert_int_equal(occurrences(&f->log, "app_service_config_files"), 1);
	assert_int_equal(tr_homeserver_error(f->homeserver)->code, TR_E_AUTH);
	assert_int_equal(occurrences(&f->log, "as-token"), 0);
	f->whoami = (struct answer){200, "{\"user_id\":\"@bot:h\"}"};
	TURN_UNTIL(f->loop, f->ready > 0);
}

static void somebody_elses_token_is_said(void **state)
{
	struct fixture *f = *state;

	f->whoami = (struct answer){200, "{\"user_id\":\"@other:h\"}"};
	start(f);
	TURN_UNTIL(f->loop, tr_homeserver_error(f->homeserver) != NULL);
	assert_int_equal(occurrences(&f->log, "takes us for @other:h and not for @bot:h"), 1);
	assert_int_equal(f->ready, 0);
}

static void homeserver_that_cannot_reach_us_is_waited_for(void **state)
{
	struct fixture *f = *state;

	f->ping = (struct answer){
		502, "{\"errcode\":\"M_CONNECTION_FAILED\",\"error\":\"Connection refused\"}"};
	start(f);
	TURN_UNTIL(f->loop, f->pings > 3);
	assert_int_equal(tr_homeserver_step(f->homeserver), TR_HOMESERVER_PING);
	assert_int_equal(occurrences(&f->log, "check appservice.url"), 1);
	f->ping = (struct answer){200, "{\"duration_ms\":1}"};
	TURN_UNTIL(f->loop, f->ready > 0);
}

static void homeserver_without_the_ping_route_is_ready(void **state)
{
	struct fixture *f = *state;

	f->ping = (struct answer){404, "{\"errcode\":\"M_UNRECOGNIZED\",\"error\":\"?\"}"};
	start(f);
	TURN_UNTIL(f->loop, f->ready > 0);
	assert_int_equal(f->pings, 1);
}

static void registration_without_url_is_ready_with_a_warning(void **state)
{
	struct fixture *f = *state;

	f->ping = (struct answer){400, "{\"errcode\":\"M_URL_NOT_SET\",\"error\":\"no url\"}"};
	start(f);
	TURN_UNTIL(f->loop, f->ready > 0);
	assert_int_equal(occurrences(&f->log, "has no url"), 1);
}

static void ready_homeserver_can_be_pinged_again(void **state)
{
	struct fixture *f = *state;

	start(f);
	tr_homeserver_ping(f->homeserver);
	TURN_UNTIL(f->loop, f->ready > 0);
	assert_int_equal(f->pings, 1);
	tr_homeserver_ping(f->homeserver);
	tr_homeserver_ping(f->homeserver);
	TURN_UNTIL(f->loop, f->pings == 2);
	turn_for(f->loop, 20);
	assert_int_equal(f->pings, 2);
	f->ping = (struct answer){504, "{\"errcode\":\"M_CONNECTION_TIMEOUT\"}"};
	tr_homeserver_ping(f->homeserver);
	TURN_UNTIL(f->loop, f->pings > 4);
	assert_non_null(tr_homeserver_error(f->homeserver));
	f->ping = (struct answer){200, "{}"};
	TURN_UNTIL(f->loop, tr_homeserver_error(f->homeserver) == NULL);
	assert_int_equal(f->ready, 1);
}

static void it_may_be_destroyed_at_any_time(void **state)
{
	struct fixture *f = *state;

	start(f);
	tr_homeserver_destroy(f->homeserver);
	tr_http_server_destroy(f->server);
	f->server = NULL;
	start(f);
	TURN_UNTIL(f->loop, tr_homeserver_error(f->homeserver) != NULL);
	tr_homeserver_destroy(f->homeserver);
	serve(f);
	f->destroy_when_ready = true;
	start(f);
	TURN_UNTIL(f->loop, f->ready > 0);
	assert_null(f->homeserver);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(homeserver_that_knows_us_is_ready),
		TEST(homeserver_that_comes_later_is_waited_for),
		TEST(something_else_at_the_url_is_no_homeserver),
		TEST(unknown_token_asks_for_the_registration),
		TEST(somebody_elses_token_is_said),
		TEST(homeserver_that_cannot_reach_us_is_waited_for),
		TEST(homeserver_without_the_ping_route_is_ready),
		TEST(registration_without_url_is_ready_with_a_warning),
		TEST(ready_homeserver_can_be_pinged_again),
		TEST(it_may_be_destroyed_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
