/* SPDX-License-Identifier: Apache-2.0 */
/* The application service API, called as a homeserver calls it and as others might. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/matrix/appservice.h"
#include "tests/unit/http_fixture.h"

struct bridge {
	struct fixture *fixture;
	const char *name;
};

struct fixture {
	struct tr_loop *loop;
	struct tr_appservice *appservice;
	struct tr_appservice_registration *one;
	struct tr_http_client *client;
	struct bridge bridges[2];
	struct tr_buf seen; /* what the handlers were called with */
	bool hold;
	struct tr_appservice_reply *held;
	/* The last answer. */
	unsigned done;
	int status;
	struct tr_buf body;
};

static void on_transaction(
	void *arg, const struct tr_transaction *transaction, struct tr_appservice_reply *reply)
{
	struct bridge *bridge = arg;

	(void)tr_buf_addf(&bridge->fixture->seen, "%s txn %.*s events %zu ephemeral %zu\n",
		bridge->name, TR_STR_ARG(transaction->id), tr_json_count(transaction->events),
		tr_json_count(transaction->ephemeral));
	if (bridge->fixture->hold) {
		bridge->fixture->held = reply;
		return;
	}
	tr_appservice_ok(reply);
}

static void on_user_query(void *arg, struct tr_str user_id, struct tr_appservice_reply *reply)
{
	struct bridge *bridge = arg;

	(void)tr_buf_addf(
		&bridge->fixture->seen, "%s user %.*s\n", bridge->name, TR_STR_ARG(user_id));
	if (bridge->fixture->hold) {
		bridge->fixture->held = reply;
		return;
	}
	tr_appservice_ok(reply);
}

static void on_room_query(void *arg, struct tr_str alias, struct tr_appservice_reply *reply)
{
	struct bridge *bridge = arg;

	(void)tr_buf_addf(
		&bridge->fixture->seen, "%s room %.*s\n", bridge->name, TR_STR_ARG(alias));
	tr_appservice_not_found(reply);
}

static void on_third_party(
	void *arg, const struct tr_appservice_third_party *query, struct tr_appservice_reply *reply)
{
	struct bridge *bridge = arg;
	char *fields = tr_json_text(query->fields);

	(void)tr_buf_addf(&bridge->fixture->seen, "%s third %d protocol=%.*s id=%.*s %s\n",
		bridge->name, (int)query->kind, TR_STR_ARG(query->protocol), TR_STR_ARG(query->id),
		fields);
	tr_free(fields);
	tr_appservice_answer(reply, TR_STR("[{\"answer\":1}]"));
}

static void on_ping(void *arg, struct tr_str transaction_id)
{
	struct bridge *bridge = arg;

	(void)tr_buf_addf(
		&bridge->fixture->seen, "%s ping %.*s\n", bridge->name, TR_STR_ARG(transaction_id));
}

static const struct tr_appservice_handler full = {
	on_transaction, on_user_query, on_room_query, on_third_party, on_ping};
static const struct tr_appservice_handler spare = {.on_transaction = on_transaction};

static void open_appservice(struct fixture *f, bool legacy_query_token)
{
	struct tr_appservice_options options = {.listen = "127.0.0.1:0",
		.body_max = 100000,
		.legacy_query_token = legacy_query_token};

	f->appservice = tr_appservice_create(f->loop, &options, NULL);
	assert_non_null(f->appservice);
	f->one = tr_appservice_add(f->appservice, "token-one", &full, &f->bridges[0]);
	tr_appservice_set_ready(f->one, true);
	tr_appservice_set_ready(
		tr_appservice_add(f->appservice, "token-two", &spare, &f->bridges[1]), true);
}

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));
	struct tr_http_client_options options = {0};

	f->loop = tr_loop_create();
	f->client = tr_http_client_create(f->loop, &options);
	f->bridges[0] = (struct bridge){f, "one"};
	f->bridges[1] = (struct bridge){f, "two"};
	tr_buf_init(&f->seen, 1024 * 1024);
	tr_buf_init(&f->body, 1024 * 1024);
	open_appservice(f, false);
	*state = f;
	return 0;
}

static int setup_legacy(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	tr_appservice_destroy(f->appservice);
	open_appservice(f, true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tr_http_client_destroy(f->client);
	tr_appservice_destroy(f->appservice);
	tr_loop_destroy(f->loop);
	tr_buf_finish(&f->seen);
	tr_buf_finish(&f->body);
	tr_free(f);
	return 0;
}

static void on_done(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct fixture *f = arg;

	f->done++;
	f->status = response ? response->status : 0;
	tr_buf_clear(&f->body);
	if (response) {
		(void)tr_buf_add(&f->body, response->body);
		assert_true(response->status == 0 ||
			    tr_str_eq_c(response->content_type, "application/json"));
	}
	(void)error;
}

static void start(struct fixture *f, const char *method, const char *path, const char *token,
	const char *body)
{
	char *url = tr_asprintf(
		"http://127.0.0.1:%u%s", (unsigned)tr_appservice_port(f->appservice), path);
	struct tr_http_request request = {
		.method = method, .url = url, .bearer = token, .body = tr_str_from(body)};

	f->done = 0;
	(void)tr_http_client_start(f->client, &request, on_done, f);
	tr_free(url);
}

static void call(struct fixture *f, const char *method, const char *path, const char *token,
	const char *body)
{
	start(f, method, path, token, body);
	TURN_UNTIL(f->loop, f->done > 0);
}

#define EXPECT(f, code, part)                             \
 do {                                                     \
  assert_int_equal((f)->status, (code));                  \
  if (!strstr(tr_buf_c(&(f)->body), (part))) {            \
   fail_msg("no %s in %s", (part), tr_buf_c(&(f)->body)); \
  }                                                       \
 } while (0)

static const char txn_path[] = "/_matrix/app/v1/transactions/7";
static const char empty_txn[] = "{\"events\":[]}";

static void transaction_reaches_the_registration_of_its_token(void **state)
{
	struct fixture *f = *state;

	call(f, "PUT", txn_path, "token-one", "{\"events\":[{},{}],\"ephemeral\":[{}]}");
	assert_int_equal(f->status, 200);
	assert_string_equal(tr_buf_c(&f->body), "{}");
	call(f, "PUT", "/_matrix/app/v1/transactions/a%2Fb", "token-two", empty_txn);
	assert_int_equal(f->status, 200);
	assert_string_equal(tr_buf_c(&f->seen),
		"one txn 7 events 2 ephemeral 1\ntwo txn a/b events 0 ephemeral 0\n");
}

static void transaction_is_answered_when_the_handler_says(void **state)
{
	struct fixture *f = *state;

	f->hold = true;
	start(f, "PUT", txn_path, "token-one", empty_txn);
	TURN_UNTIL(f->loop, f->held != NULL);
	turn_for(f->loop, 10);
	assert_int_equal(f->done, 0);
	tr_appservice_fail(f->held, 503, "M_UNKNOWN", "The store is \"full\"");
	TURN_UNTIL(f->loop, f->done > 0);
	assert_int_equal(f->status, 503);
	assert_string_equal(tr_buf_c(&f->body),
		"{\"errcode\":\"M_UNKNOWN\",\"error\":\"The store is \\\"full\\\"\"}");
}

static void every_route_wants_the_right_token(void **state)
{
	static const struct {
		const char *method;
		const char *path;
	} routes[] = {
		{"PUT", "/_matrix/app/v1/transactions/1"},
		{"PUT", "/transactions/1"},
		{"GET", "/_matrix/app/v1/users/%40a%3Ah"},
		{"GET", "/users/%40a%3Ah"},
		{"GET", "/_matrix/app/v1/rooms/%23a%3Ah"},
		{"GET", "/rooms/%23a%3Ah"},
		{"POST", "/_matrix/app/v1/ping"},
		{"GET", "/_matrix/app/v1/thirdparty/protocol/irc"},
		{"GET", "/_matrix/app/unstable/thirdparty/protocol/irc"},
		{"GET", "/_matrix/app/v1/thirdparty/user/irc?nick=a"},
		{"GET", "/_matrix/app/v1/thirdparty/location/irc?channel=a"},
		{"GET", "/_matrix/app/v1/thirdparty/user?userid=a"},
		{"GET", "/_matrix/app/v1/thirdparty/location?alias=a"},
	};
	static const char *const wrong[] = {
		"", "token-", "token-onE", "token-one2", "Token-one", "token-one token-two"};
	struct fixture *f = *state;
	size_t i;
	size_t k;

	for (i = 0; i < TR_ARRAY_LEN(routes); i++) {
		const char *body = routes[i].method[0] == 'P' ? empty_txn : NULL;

		call(f, routes[i].method, routes[i].path, NULL, body);
		EXPECT(f, 401, "\"M_MISSING_TOKEN\"");
		for (k = 0; k < TR_ARRAY_LEN(wrong); k++) {
			call(f, routes[i].method, routes[i].path, wrong[k], body);
			EXPECT(f, 403, "\"M_FORBIDDEN\"");
		}
	}
	assert_int_equal(f->seen.len, 0);
}

static void query_token_counts_only_where_it_is_allowed(void **state)
{
	struct fixture *f = *state;

	call(f, "PUT", "/transactions/1?access_token=token-one", NULL, empty_txn);
	EXPECT(f, 401, "M_MISSING_TOKEN");
	call(f, "PUT", "/transactions/1?access_token=wrong", "token-one", empty_txn);
	EXPECT(f, 200, "{}");
}

static void both_tokens_must_match_where_both_are_allowed(void **state)
{
	struct fixture *f = *state;

	call(f, "PUT", "/transactions/1?access_token=token-one", NULL, empty_txn);
	EXPECT(f, 200, "{}");
	call(f, "PUT", "/transactions/1?access_token=token-one", "token-one", empty_txn);
	EXPECT(f, 200, "{}");
	call(f, "PUT", "/transactions/1?access_token=token-two", "token-one", empty_txn);
	EXPECT(f, 403, "M_FORBIDDEN");
	call(f, "PUT", "/transactions/1?access_token=wrong", "token-one", empty_txn);
	EXPECT(f, 403, "M_FORBIDDEN");
	call(f, "PUT", "/transactions/1?access_token=token-one", "wrong", empty_txn);
	EXPECT(f, 403, "M_FORBIDDEN");
	call(f, "PUT", "/transactions/1?access_token=wrong", NULL, empty_txn);
	EXPECT(f, 403, "M_FORBIDDEN");
	call(f, "PUT", "/transactions/1", NULL, empty_txn);
	EXPECT(f, 401, "M_MISSING_TOKEN");
	call(f, "GET", "/_matrix/app/v1/thirdparty/user/irc?access_token=token-one&nick=a", NULL,
		NULL);
	EXPECT(f, 200, "answer");
	assert_null(strstr(tr_buf_c(&f->seen), "token-one"));
}

static void unknown_paths_are_unrecognized(void **state)
{
	static const char *const paths[] = {"/", "/nonsense", "/_matrix/app/v1/",
		"/_matrix/app/v1/transactions", "/_matrix/app/v1/transactions/",
		"/_matrix/app/v1/transactions/1/2", "/_matrix/app/v2/transactions/1",
		"/_matrix/app/unstable/transactions/1", "/_matrix/app/v1/users",
		"/_matrix/app/v1/ping/", "/ping", "/thirdparty/protocol/irc",
		"/_matrix/app/v1/thirdparty", "/_matrix/app/v1/thirdparty/protocol",
		"/_matrix/app/v1/thirdparty/user/a/b", "/_matrix/app/v1/thirdparty/users"};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(paths); i++) {
		call(f, "GET", paths[i], "token-one", NULL);
		EXPECT(f, 404, "\"M_UNRECOGNIZED\"");
	}
}

static void known_path_with_another_method_is_not_allowed(void **state)
{
	struct fixture *f = *state;

	call(f, "POST", txn_path, "token-one", empty_txn);
	EXPECT(f, 405, "\"M_UNRECOGNIZED\"");
	call(f, "GET", txn_path, "token-one", NULL);
	EXPECT(f, 405, "\"M_UNRECOGNIZED\"");
	call(f, "PUT", "/_matrix/app/v1/users/%40a%3Ah", "token-one", "{}");
	EXPECT(f, 405, "\"M_UNRECOGNIZED\"");
	call(f, "DELETE", "/_matrix/app/v1/ping", "token-one", NULL);
	EXPECT(f, 405, "\"M_UNRECOGNIZED\"");
	assert_int_equal(f->seen.len, 0);
}

static void bodies_that_are_no_transactions_are_refused(void **state)
{
	struct fixture *f = *state;

	call(f, "PUT", txn_path, "token-one", "not json");
	EXPECT(f, 400, "\"M_NOT_JSON\"");
	call(f, "PUT", txn_path, "token-one", "");
	EXPECT(f, 400, "\"M_NOT_JSON\"");
	call(f, "PUT", txn_path, "token-one", "{\"events\":{}}");
	EXPECT(f, 400, "\"M_BAD_JSON\"");
	call(f, "PUT", txn_path, "token-one", "{}");
	EXPECT(f, 400, "\"M_BAD_JSON\"");
	assert_int_equal(f->seen.len, 0);
	call(f, "PUT", txn_path, "token-one", "{\"events\":[null,5,{}]}");
	assert_int_equal(f->status, 200);
}

static void transaction_beyond_the_limit_is_counted(void **state)
{
	struct fixture *f = *state;
	struct tr_buf body = TR_BUF_INIT(200000);

	while (body.len < 100001) {
		(void)tr_buf_add_c(&body, "          ");
	}
	call(f, "PUT", txn_path, "token-one", tr_buf_c(&body));
	EXPECT(f, 413, "M_TOO_LARGE");
	assert_int_equal(tr_appservice_too_big_count(f->appservice), 1);
	call(f, "PUT", txn_path, "wrong", tr_buf_c(&body));
	EXPECT(f, 403, "M_FORBIDDEN");
	assert_int_equal(tr_appservice_too_big_count(f->appservice), 1);
	tr_buf_finish(&body);
}

static void users_and_rooms_are_asked_for_decoded(void **state)
{
	struct fixture *f = *state;

	call(f, "GET", "/_matrix/app/v1/users/%40irc_%2Fa%2Bb%3Ah.example", "token-one", NULL);
	EXPECT(f, 200, "{}");
	call(f, "GET", "/users/@plain:h", "token-one", NULL);
	EXPECT(f, 200, "{}");
	call(f, "GET", "/_matrix/app/v1/rooms/%23_t_foo%3At.example", "token-one", NULL);
	EXPECT(f, 404, "\"M_NOT_FOUND\"");
	assert_string_equal(tr_buf_c(&f->seen),
		"one user @irc_/a+b:h.example\none user @plain:h\none room #_t_foo:t.example\n");
	call(f, "GET", "/_matrix/app/v1/users/%zz", "token-one", NULL);
	EXPECT(f, 400, "M_INVALID_PARAM");
	call(f, "GET", "/_matrix/app/v1/users/a%00b", "token-one", NULL);
	EXPECT(f, 400, "M_INVALID_PARAM");
	call(f, "GET", "/_matrix/app/v1/users/%ff", "token-one", NULL);
	EXPECT(f, 400, "M_INVALID_PARAM");
}

static void query_without_a_handler_is_not_found(void **state)
{
	struct fixture *f = *state;

	call(f, "GET", "/users/%40a%3Ah", "token-two", NULL);
	EXPECT(f, 404, "\"M_NOT_FOUND\"");
	call(f, "GET", "/rooms/%23a%3Ah", "token-two", NULL);
	EXPECT(f, 404, "\"M_NOT_FOUND\"");
	call(f, "GET", "/_matrix/app/v1/thirdparty/protocol/irc", "token-two", NULL);
	EXPECT(f, 404, "\"M_NOT_FOUND\"");
	call(f, "POST", "/_matrix/app/v1/ping", "token-two", "{}");
	EXPECT(f, 200, "{}");
}

static void third_parties_are_asked_for_with_their_fields(void **state)
{
	struct fixture *f = *state;

	call(f, "GET", "/_matrix/app/v1/thirdparty/protocol/irc", "token-one", NULL);
	EXPECT(f, 200, "[{\"answer\":1}]");
	call(f, "GET", "/_matrix/app/unstable/thirdparty/user/irc?nick=a%20b&net=x", "token-one",
		NULL);
	call(f, "GET", "/_matrix/app/v1/thirdparty/location/irc?channel=%23c", "token-one", NULL);
	call(f, "GET", "/_matrix/app/v1/thirdparty/user?userid=%40a%3Ah", "token-one", NULL);
	call(f, "GET", "/_matrix/app/v1/thirdparty/location?alias=%23a%3Ah", "token-one", NULL);
	assert_string_equal(tr_buf_c(&f->seen),
		"one third 0 protocol=irc id= {}\n"
		"one third 1 protocol=irc id= {\"nick\":\"a b\",\"net\":\"x\"}\n"
		"one third 2 protocol=irc id= {\"channel\":\"#c\"}\n"
		"one third 3 protocol= id=@a:h {\"userid\":\"@a:h\"}\n"
		"one third 4 protocol= id=#a:h {\"alias\":\"#a:h\"}\n");
	call(f, "GET", "/_matrix/app/v1/thirdparty/user", "token-one", NULL);
	EXPECT(f, 400, "M_MISSING_PARAM");
	call(f, "GET", "/_matrix/app/v1/thirdparty/location?alias=", "token-one", NULL);
	EXPECT(f, 400, "M_MISSING_PARAM");
}

static void ping_is_answered_even_when_not_ready(void **state)
{
	struct fixture *f = *state;

	tr_appservice_set_ready(f->one, false);
	call(f, "POST", "/_matrix/app/v1/ping", "token-one", "{\"transaction_id\":\"p1\"}");
	EXPECT(f, 200, "{}");
	call(f, "POST", "/_matrix/app/v1/ping", "token-one", NULL);
	EXPECT(f, 200, "{}");
	call(f, "POST", "/_matrix/app/v1/ping", "token-one", "nonsense");
	EXPECT(f, 400, "M_NOT_JSON");
	assert_string_equal(tr_buf_c(&f->seen), "one ping p1\none ping \n");
}

static void registration_that_is_not_ready_is_unavailable(void **state)
{
	struct fixture *f = *state;

	tr_appservice_set_ready(f->one, false);
	call(f, "PUT", txn_path, "token-one", empty_txn);
	EXPECT(f, 503, "\"M_UNKNOWN\"");
	call(f, "GET", "/users/%40a%3Ah", "token-one", NULL);
	EXPECT(f, 503, "\"M_UNKNOWN\"");
	call(f, "PUT", txn_path, "token-two", empty_txn);
	EXPECT(f, 200, "{}");
	tr_appservice_set_ready(f->one, true);
	call(f, "PUT", txn_path, "token-one", empty_txn);
	EXPECT(f, 200, "{}");
}

static void quiesced_appservice_finishes_what_it_has(void **state)
{
	struct fixture *f = *state;

	f->hold = true;
	start(f, "PUT", txn_path, "token-one", empty_txn);
	TURN_UNTIL(f->loop, f->held != NULL);
	tr_appservice_quiesce(f->appservice);
	tr_appservice_ok(f->held);
	TURN_UNTIL(f->loop, f->done > 0);
	EXPECT(f, 200, "{}");
	call(f, "PUT", txn_path, "token-one", empty_txn);
	assert_true(f->status == 503 || f->status == 0);
}

static void reply_outlives_the_appservice(void **state)
{
	struct fixture *f = *state;

	f->hold = true;
	start(f, "PUT", txn_path, "token-one", empty_txn);
	TURN_UNTIL(f->loop, f->held != NULL);
	tr_appservice_destroy(f->appservice);
	f->appservice = NULL;
	TURN_UNTIL(f->loop, f->done > 0);
	assert_int_equal(f->status, 0);
	tr_appservice_ok(f->held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(transaction_reaches_the_registration_of_its_token),
		TEST(transaction_is_answered_when_the_handler_says),
		TEST(every_route_wants_the_right_token),
		TEST(query_token_counts_only_where_it_is_allowed),
		cmocka_unit_test_setup_teardown(
			both_tokens_must_match_where_both_are_allowed, setup_legacy, teardown),
		TEST(unknown_paths_are_unrecognized),
		TEST(known_path_with_another_method_is_not_allowed),
		TEST(bodies_that_are_no_transactions_are_refused),
		TEST(transaction_beyond_the_limit_is_counted),
		TEST(users_and_rooms_are_asked_for_decoded),
		TEST(query_without_a_handler_is_not_found),
		TEST(third_parties_are_asked_for_with_their_fields),
		TEST(ping_is_answered_even_when_not_ready),
		TEST(registration_that_is_not_ready_is_unavailable),
		TEST(quiesced_appservice_finishes_what_it_has),
		TEST(reply_outlives_the_appservice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
