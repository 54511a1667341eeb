/* SPDX-License-Identifier: Apache-2.0 */
/* The client-server calls against a server that writes down what it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/io/metrics.h"
#include "core/matrix/client.h"
#include "tests/unit/http_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>

struct fixture {
	struct tr_loop *loop;
	struct tr_http_server *server;
	struct tr_http_server *cdn;
	struct tr_metrics *metrics;
	struct tr_matrix_client *client;
	struct tr_buf asked; /* "METHOD path?query [type] body\n" of the last request */
	struct tr_buf all;   /* of all of them */
	int status;
	const char *answer;
	const char *retry_after;
	bool old_media;   /* does not know /client/v1/media */
	bool media_moved; /* media lies on the other server */
	bool silent;
	struct tr_http_server_request *held;
	/* What the last call came to. */
	unsigned done;
	bool failed;
	struct tr_error error;
	struct tr_buf response; /* printed JSON, or the bytes of media */
	uint64_t media_size;
};

static void on_headers(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	(void)request;
}

static void write_down(struct fixture *f, const struct tr_http_server_request *request)
{
	struct tr_str name;
	struct tr_str value;
	size_t i;

	tr_buf_clear(&f->asked);
	(void)tr_buf_addf(&f->asked, "%.*s %.*s", TR_STR_ARG(tr_http_server_method(request)),
		TR_STR_ARG(tr_http_server_path(request)));
	for (i = 0; tr_http_server_query_at(request, i, &name, &value); i++) {
		(void)tr_buf_addf(&f->asked, "%s%.*s=%.*s", i == 0 ? "?" : "&", TR_STR_ARG(name),
			TR_STR_ARG(value));
	}
	(void)tr_buf_addf(&f->asked, " [%.*s] %.*s",
		TR_STR_ARG(tr_http_server_header(request, "Content-Type")),
		TR_STR_ARG(tr_http_server_body(request)));
	(void)tr_buf_addf(&f->all, "%s\n", tr_buf_c(&f->asked));
}

static void on_request(void *arg, struct tr_http_server_request *request)
{
	struct fixture *f = arg;
	struct tr_str auth = tr_http_server_header(request, "Authorization");

	assert_true(tr_str_eq_c(auth, "Bearer as-token"));
	write_down(f, request);
	if (f->silent) {
		f->held = request;
		return;
	}
	if (f->retry_after) {
		tr_http_server_add_header(request, "Retry-After", f->retry_after);
	}
	if (f->media_moved) {
		char *target = tr_asprintf(
			"http://127.0.0.1:%u/blob", (unsigned)tr_http_server_port(f->cdn));

		tr_http_server_add_header(request, "Location", target);
		tr_http_server_respond(request, 307, "text/plain", TR_STR(""));
		tr_free(target);
	} else if (f->old_media && tr_str_starts(tr_http_server_path(request),
					   TR_STR("/_matrix/client/v1/media"))) {
		tr_http_server_respond(request, 404, "application/json",
			TR_STR("{\"errcode\":\"M_UNRECOGNIZED\",\"error\":\"?\"}"));
	} else {
		tr_http_server_respond(
			request, f->status, "application/json", tr_str_from(f->answer));
	}
}

static void on_cdn_request(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	assert_int_equal(tr_http_server_header(request, "Authorization").len, 0);
	tr_http_server_add_header(request, "Content-Disposition", "inline; filename=\"b.png\"");
	tr_http_server_respond(request, 200, "image/png", TR_STR("from-afar"));
}

static const struct tr_http_server_handler handler = {on_headers, on_request};
static const struct tr_http_server_handler cdn_handler = {on_headers, on_cdn_request};

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));
	struct tr_http_server_options listen = {.listen = "127.0.0.1:0"};
	struct tr_matrix_client_options options = {.as_token = "as-token", .timeout_ms = 2000};
	char *url;

	f->loop = tr_loop_create();
	f->server = tr_http_server_create(f->loop, &listen, &handler, f, NULL);
	f->cdn = tr_http_server_create(f->loop, &listen, &cdn_handler, f, NULL);
	assert_non_null(f->server);
	assert_non_null(f->cdn);
	url = tr_asprintf("http://127.0.0.1:%u/", (unsigned)tr_http_server_port(f->server));
	options.homeserver_url = url;
	f->metrics = tr_metrics_create();
	options.metrics = f->metrics;
	f->client = tr_matrix_client_create(f->loop, &options);
	tr_free(url);
	f->status = 200;
	f->answer = "{}";
	tr_buf_init(&f->asked, 1024 * 1024);
	tr_buf_init(&f->all, 1024 * 1024);
	tr_buf_init(&f->response, 1024 * 1024);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tr_matrix_client_destroy(f->client);
	tr_http_server_destroy(f->server);
	tr_http_server_destroy(f->cdn);
	tr_loop_destroy(f->loop);
	tr_metrics_destroy(f->metrics);
	tr_buf_finish(&f->asked);
	tr_buf_finish(&f->all);
	tr_buf_finish(&f->response);
	tr_free(f);
	return 0;
}

static void on_done(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct fixture *f = arg;

	f->done++;
	f->failed = error != NULL;
	if (error) {
		f->error = *error;
	}
	tr_buf_clear(&f->response);
	if (response) {
		assert_int_equal(tr_json_print(response, &f->response), 0);
	}
}

static void on_media(void *arg, const struct tr_matrix_media *media, const struct tr_error *error)
{
	struct fixture *f = arg;

	f->done++;
	f->failed = error != NULL;
	assert_true((media == NULL) == (error != NULL));
	tr_buf_clear(&f->response);
	if (error) {
		f->error = *error;
		return;
	}
	f->media_size = media->size;
	(void)tr_buf_addf(&f->response, "%.*s|%.*s|%.*s", TR_STR_ARG(media->content_type),
		TR_STR_ARG(media->content_disposition), TR_STR_ARG(media->bytes));
}

/* Turns until the call at hand has ended, then compares what the server was asked. */
#define EXPECT_ASKED(f, call, text)                   \
 do {                                                 \
  (f)->done = 0;                                      \
  (void)(call);                                       \
  assert_int_equal((f)->done, 0);                     \
  TURN_UNTIL((f)->loop, (f)->done > 0);               \
  assert_int_equal((f)->done, 1);                     \
  assert_string_equal(tr_buf_c(&(f)->asked), (text)); \
 } while (0)

static const char bot_room[] = "!r:h";

static void sending_puts_the_content_untouched(void **state)
{
	struct fixture *f = *state;

	f->answer = "{\"event_id\":\"$e\"}";
	EXPECT_ASKED(f,
		tr_matrix_send(f->client, "@irc_a/b:h", "!r oom/1:h", "m.room.message", "t1",
			1700000000000, TR_STR("{\"body\" : 1}"), on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%20oom%2F1%3Ah/send/m.room.message/t1"
		"?user_id=@irc_a/b:h&ts=1700000000000 [application/json] {\"body\" : 1}");
	assert_false(f->failed);
	assert_string_equal(tr_buf_c(&f->response), "{\"event_id\":\"$e\"}");
	EXPECT_ASKED(f,
		tr_matrix_send(f->client, NULL, bot_room, "x", "..", 0, TR_STR("{}"), on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%3Ah/send/x/.. [application/json] {}");
	EXPECT_ASKED(f,
		tr_matrix_put_state(f->client, NULL, bot_room, "m.room.topic", "", 0,
			TR_STR("{\"topic\":\"t\"}"), on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%3Ah/state/m.room.topic/"
		" [application/json] {\"topic\":\"t\"}");
	EXPECT_ASKED(f,
		tr_matrix_redact(f->client, "@g:h", bot_room, "$e/1", "t2", "spam", on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%3Ah/redact/%24e%2F1/t2?user_id=@g:h"
		" [application/json] {\"reason\":\"spam\"}");
	EXPECT_ASKED(f, tr_matrix_redact(f->client, NULL, bot_room, "$e", "t2", NULL, on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%3Ah/redact/%24e/t2 [application/json] {}");
}

static void room_calls_ask_what_the_specification_says(void **state)
{
	static const char *const via[] = {"a.example", "b.example:8448", NULL};
	struct fixture *f = *state;

	f->answer = "{\"room_id\":\"!new\"}";
	EXPECT_ASKED(f,
		tr_matrix_create_room(f->client, NULL, TR_STR("{\"preset\":\"x\"}"), on_done, f),
		"POST /_matrix/client/v3/createRoom [application/json] {\"preset\":\"x\"}");
	EXPECT_ASKED(f, tr_matrix_join(f->client, "@g:h", "#a:h", via, on_done, f),
		"POST /_matrix/client/v3/join/%23a%3Ah?user_id=@g:h&via=a.example"
		"&server_name=a.example&via=b.example:8448&server_name=b.example:8448"
		" [application/json] {}");
	EXPECT_ASKED(f, tr_matrix_join(f->client, NULL, bot_room, NULL, on_done, f),
		"POST /_matrix/client/v3/join/%21r%3Ah [application/json] {}");
	assert_false(f->failed);
	EXPECT_ASKED(f, tr_matrix_invite(f->client, NULL, bot_room, "@u:h", NULL, on_done, f),
		"POST /_matrix/client/v3/rooms/%21r%3Ah/invite [application/json] "
		"{\"user_id\":\"@u:h\"}");
	EXPECT_ASKED(f, tr_matrix_leave(f->client, "@g:h", bot_room, "bye", on_done, f),
		"POST /_matrix/client/v3/rooms/%21r%3Ah/leave?user_id=@g:h [application/json] "
		"{\"reason\":\"bye\"}");
	EXPECT_ASKED(f, tr_matrix_kick(f->client, NULL, bot_room, "@u:h", "why", on_done, f),
		"POST /_matrix/client/v3/rooms/%21r%3Ah/kick [application/json] "
		"{\"user_id\":\"@u:h\",\"reason\":\"why\"}");
	EXPECT_ASKED(f, tr_matrix_ban(f->client, NULL, bot_room, "@u:h", NULL, on_done, f),
		"POST /_matrix/client/v3/rooms/%21r%3Ah/ban [application/json] "
		"{\"user_id\":\"@u:h\"}");
	EXPECT_ASKED(f, tr_matrix_unban(f->client, NULL, bot_room, "@u:h", NULL, on_done, f),
		"POST /_matrix/client/v3/rooms/%21r%3Ah/unban [application/json] "
		"{\"user_id\":\"@u:h\"}");
	EXPECT_ASKED(f, tr_matrix_alias_put(f->client, "#a:h", bot_room, on_done, f),
		"PUT /_matrix/client/v3/directory/room/%23a%3Ah [application/json] "
		"{\"room_id\":\"!r:h\"}");
	EXPECT_ASKED(f, tr_matrix_alias_get(f->client, "#a:h", on_done, f),
		"GET /_matrix/client/v3/directory/room/%23a%3Ah [] ");
	assert_false(f->failed);
	EXPECT_ASKED(f, tr_matrix_alias_delete(f->client, "#a:h", on_done, f),
		"DELETE /_matrix/client/v3/directory/room/%23a%3Ah [] ");
	EXPECT_ASKED(f,
		tr_matrix_directory_visibility(f->client, "irc", bot_room, true, on_done, f),
		"PUT /_matrix/client/v3/directory/list/appservice/irc/%21r%3Ah "
		"[application/json] {\"visibility\":\"public\"}");
	EXPECT_ASKED(f,
		tr_matrix_directory_visibility(f->client, "irc", bot_room, false, on_done, f),
		"PUT /_matrix/client/v3/directory/list/appservice/irc/%21r%3Ah "
		"[application/json] {\"visibility\":\"private\"}");
}

static void reading_calls_ask_what_the_specification_says(void **state)
{
	struct fixture *f = *state;
	struct tr_matrix_messages_query query = {
		.from = "t&1", .limit = 50, .filter_json = "{\"senders\":[\"@g:h\"]}"};

	f->answer = "[{\"type\":\"x\"}]";
	EXPECT_ASKED(f, tr_matrix_get_all_state(f->client, NULL, bot_room, on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/state [] ");
	assert_string_equal(tr_buf_c(&f->response), f->answer);
	f->answer = "{}";
	EXPECT_ASKED(f,
		tr_matrix_get_state(
			f->client, "@g:h", bot_room, "m.room.member", "@u:h", on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/state/m.room.member/%40u%3Ah"
		"?user_id=@g:h [] ");
	EXPECT_ASKED(f, tr_matrix_get_event(f->client, NULL, bot_room, "$e", on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/event/%24e [] ");
	EXPECT_ASKED(f, tr_matrix_joined_members(f->client, NULL, bot_room, on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/joined_members [] ");
	EXPECT_ASKED(f, tr_matrix_members(f->client, NULL, bot_room, "join", on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/members?membership=join [] ");
	EXPECT_ASKED(f, tr_matrix_members(f->client, NULL, bot_room, NULL, on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/members [] ");
	EXPECT_ASKED(f, tr_matrix_messages(f->client, NULL, bot_room, &query, on_done, f),
		"GET /_matrix/client/v3/rooms/%21r%3Ah/messages?dir=b&from=t&1&limit=50"
		"&filter={\"senders\":[\"@g:h\"]} [] ");
	EXPECT_ASKED(f, tr_matrix_joined_rooms(f->client, "@g:h", on_done, f),
		"GET /_matrix/client/v3/joined_rooms?user_id=@g:h [] ");
	EXPECT_ASKED(
		f, tr_matrix_versions(f->client, on_done, f), "GET /_matrix/client/versions [] ");
	EXPECT_ASKED(f, tr_matrix_capabilities(f->client, NULL, on_done, f),
		"GET /_matrix/client/v3/capabilities [] ");
	f->answer = "{\"user_id\":\"@bot:h\"}";
	EXPECT_ASKED(f, tr_matrix_whoami(f->client, NULL, on_done, f),
		"GET /_matrix/client/v3/account/whoami [] ");
	assert_false(f->failed);
}

static void user_calls_ask_what_the_specification_says(void **state)
{
	struct fixture *f = *state;

	EXPECT_ASKED(f, tr_matrix_register(f->client, "irc_alice", on_done, f),
		"POST /_matrix/client/v3/register [application/json] "
		"{\"type\":\"m.login.application_service\",\"username\":\"irc_alice\","
		"\"inhibit_login\":true}");
	EXPECT_ASKED(f, tr_matrix_set_displayname(f->client, "@g:h", "A \"B\"", on_done, f),
		"PUT /_matrix/client/v3/profile/%40g%3Ah/displayname?user_id=@g:h "
		"[application/json] {\"displayname\":\"A \\\"B\\\"\"}");
	EXPECT_ASKED(f, tr_matrix_set_avatar_url(f->client, "@g:h", "mxc://h/a", on_done, f),
		"PUT /_matrix/client/v3/profile/%40g%3Ah/avatar_url?user_id=@g:h "
		"[application/json] {\"avatar_url\":\"mxc://h/a\"}");
	EXPECT_ASKED(f, tr_matrix_get_profile(f->client, NULL, "@u:h", on_done, f),
		"GET /_matrix/client/v3/profile/%40u%3Ah [] ");
	EXPECT_ASKED(f, tr_matrix_typing(f->client, "@g:h", bot_room, true, 5000, on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%3Ah/typing/%40g%3Ah?user_id=@g:h "
		"[application/json] {\"typing\":true,\"timeout\":5000}");
	EXPECT_ASKED(f, tr_matrix_typing(f->client, "@g:h", bot_room, false, 0, on_done, f),
		"PUT /_matrix/client/v3/rooms/%21r%3Ah/typing/%40g%3Ah?user_id=@g:h "
		"[application/json] {\"typing\":false}");
	EXPECT_ASKED(f, tr_matrix_presence(f->client, "@g:h", "unavailable", "away", on_done, f),
		"PUT /_matrix/client/v3/presence/%40g%3Ah/status?user_id=@g:h [application/json] "
		"{\"presence\":\"unavailable\",\"status_msg\":\"away\"}");
	EXPECT_ASKED(f, tr_matrix_receipt(f->client, "@g:h", bot_room, "m.read", "$e", on_done, f),
		"POST /_matrix/client/v3/rooms/%21r%3Ah/receipt/m.read/%24e?user_id=@g:h "
		"[application/json] {}");
	EXPECT_ASKED(f, tr_matrix_appservice_ping(f->client, "irc 1", "p1", on_done, f),
		"POST /_matrix/client/v1/appservice/irc%201/ping [application/json] "
		"{\"transaction_id\":\"p1\"}");
}

static void call_without_a_callback_is_legal(void **state)
{
	struct fixture *f = *state;

	(void)tr_matrix_receipt(f->client, "@g:h", bot_room, "m.read", "$e", NULL, NULL);
	TURN_UNTIL(f->loop, tr_matrix_client_running(f->client) == 0);
	assert_int_equal(occurrences(&f->asked, "receipt"), 1);
}

static void account_that_exists_is_registered(void **state)
{
	struct fixture *f = *state;

	f->status = 400;
	f->answer = "{\"errcode\":\"M_USER_IN_USE\",\"error\":\"taken\"}";
	(void)tr_matrix_register(f->client, "a", on_done, f);
	TURN_UNTIL(f->loop, f->done > 0);
	assert_false(f->failed);
	assert_string_equal(tr_buf_c(&f->response), "{}");
	f->done = 0;
	f->answer = "{\"errcode\":\"M_EXCLUSIVE\",\"error\":\"not yours\"}";
	(void)tr_matrix_register(f->client, "a", on_done, f);
	TURN_UNTIL(f->loop, f->done > 0);
	assert_true(f->failed);
	assert_int_equal(f->error.code, TR_E_DENIED);
	assert_int_equal(f->error.cls, TR_CLASS_PERMANENT);
}

/* Sends one event and waits for the end. */
static void send_one(struct fixture *f)
{
	f->done = 0;
	(void)tr_matrix_send(f->client, "@g:h", bot_room, "m.x", "t", 0, TR_STR("{}"), on_done, f);
	TURN_UNTIL(f->loop, f->done > 0);
}

static void errors_carry_class_status_and_the_servers_words(void **state)
{
	struct fixture *f = *state;

	f->status = 403;
	f->answer = "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"not in the room\"}";
	send_one(f);
	assert_true(f->failed);
	assert_int_equal(f->error.cls, TR_CLASS_DENIED);
	assert_int_equal(f->error.status, 403);
	assert_non_null(strstr(f->error.text, "send: "));
	assert_non_null(strstr(f->error.text, "not in the room"));
	assert_string_equal(tr_buf_c(&f->response), f->answer);
	f->status = 429;
	f->retry_after = "7";
	f->answer = "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":99}";
	send_one(f);
	assert_int_equal(f->error.cls, TR_CLASS_RETRY_AFTER);
	assert_int_equal(f->error.retry_after_ms, 7000);
	f->retry_after = NULL;
	f->status = 502;
	f->answer = "<html>Bad gateway</html>";
	send_one(f);
	assert_int_equal(f->error.cls, TR_CLASS_RETRY);
	assert_int_equal(f->error.status, 502);
	assert_int_equal(f->response.len, 0);
}

static void good_status_without_a_good_answer_is_to_be_retried(void **state)
{
	static const char *const answers[] = {"", "<html>", "{}", "{\"event_id\":5}", "[]"};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(answers); i++) {
		f->answer = answers[i];
		send_one(f);
		assert_true(f->failed);
		assert_int_equal(f->error.code, TR_E_PROTOCOL);
		assert_int_equal(f->error.cls, TR_CLASS_RETRY);
	}
}

static void unreachable_homeserver_is_to_be_retried(void **state)
{
	struct fixture *f = *state;

	tr_http_server_destroy(f->server);
	f->server = NULL;
	send_one(f);
	assert_true(f->failed);
	assert_int_equal(f->error.code, TR_E_NETWORK);
	assert_int_equal(f->error.cls, TR_CLASS_RETRY);
	assert_non_null(strstr(f->error.text, "send: "));
	assert_null(strstr(f->error.text, "as-token"));
}

static void id_beyond_all_bounds_fails_in_a_later_turn(void **state)
{
	struct fixture *f = *state;
	struct tr_buf id = TR_BUF_INIT(100000);

	while (id.len < 70000) {
		(void)tr_buf_add_c(&id, "xxxxxxxxxx");
	}
	(void)tr_matrix_leave(f->client, NULL, tr_buf_c(&id), NULL, on_done, f);
	assert_int_equal(f->done, 0);
	TURN_UNTIL(f->loop, f->done > 0);
	assert_int_equal(f->error.code, TR_E_TOO_BIG);
	(void)tr_matrix_leave(f->client, NULL, tr_buf_c(&id), NULL, on_done, f);
	f->done = 0;
	tr_matrix_client_destroy(f->client);
	f->client = NULL;
	turn_for(f->loop, 5);
	assert_int_equal(f->done, 0);
	tr_buf_finish(&id);
}

static void canceled_call_is_not_called_back(void **state)
{
	struct fixture *f = *state;
	struct tr_matrix_call *call;

	f->silent = true;
	call = tr_matrix_whoami(f->client, NULL, on_done, f);
	TURN_UNTIL(f->loop, f->held != NULL);
	assert_int_equal(tr_matrix_client_running(f->client), 1);
	tr_matrix_call_cancel(call);
	assert_int_equal(tr_matrix_client_running(f->client), 0);
	tr_http_server_respond(f->held, 200, "application/json", TR_STR("{}"));
	turn_for(f->loop, 5);
	assert_int_equal(f->done, 0);
}

static void latency_is_measured_by_operation(void **state)
{
	struct fixture *f = *state;
	struct tr_buf text = TR_BUF_INIT(1024 * 1024);

	f->answer = "{\"event_id\":\"$e\"}";
	send_one(f);
	send_one(f);
	assert_int_equal(tr_metrics_print(f->metrics, &text), 0);
	assert_non_null(strstr(
		tr_buf_c(&text), "trestle_homeserver_seconds_count{operation=\"send\"} 2\n"));
	tr_buf_finish(&text);
}

static void media_goes_up_from_memory_and_from_a_file(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/trestle-upload-XXXXXX";
	int fd = mkstemp(path);

	f->answer = "{\"content_uri\":\"mxc://h/id\"}";
	EXPECT_ASKED(f,
		tr_matrix_media_upload(
			f->client, "@g:h", "image/png", "a b.png", TR_STR("png"), on_done, f),
		"POST /_matrix/media/v3/upload?user_id=@g:h&filename=a b.png [image/png] png");
	assert_string_equal(tr_buf_c(&f->response), f->answer);
	assert_int_equal(write(fd, "content", 7), 7);
	close(fd);
	EXPECT_ASKED(f, tr_matrix_media_upload_file(f->client, NULL, NULL, NULL, path, on_done, f),
		"POST /_matrix/media/v3/upload [application/octet-stream] content");
	assert_false(f->failed);
	unlink(path);
}

static void media_comes_down_into_memory_and_into_a_file(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/trestle-media-XXXXXX";
	struct stat info;
	char *path;

	assert_non_null(mkdtemp(dir));
	path = tr_asprintf("%s/file", dir);
	f->answer = "bytes";
	EXPECT_ASKED(f,
		tr_matrix_media_download(
			f->client, NULL, "mxc://h.example/a-1", NULL, 100, on_media, f),
		"GET /_matrix/client/v1/media/download/h.example/a-1 [] ");
	assert_string_equal(tr_buf_c(&f->response), "application/json||bytes");
	EXPECT_ASKED(f,
		tr_matrix_media_download(
			f->client, "@g:h", "mxc://h.example/a-1", path, 100, on_media, f),
		"GET /_matrix/client/v1/media/download/h.example/a-1?user_id=@g:h [] ");
	assert_string_equal(tr_buf_c(&f->response), "application/json||");
	assert_int_equal(f->media_size, 5);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_size, 5);
	unlink(path);
	EXPECT_ASKED(f,
		tr_matrix_media_download(f->client, NULL, "mxc://h/a", path, 4, on_media, f),
		"GET /_matrix/client/v1/media/download/h/a [] ");
	assert_int_equal(f->error.code, TR_E_TOO_BIG);
	assert_int_equal(rmdir(dir), 0);
	tr_free(path);
}

static void older_homeserver_is_asked_the_old_way(void **state)
{
	struct fixture *f = *state;

	f->old_media = true;
	f->answer = "bytes";
	EXPECT_ASKED(f,
		tr_matrix_media_download(f->client, NULL, "mxc://h/a", NULL, 100, on_media, f),
		"GET /_matrix/media/v3/download/h/a [] ");
	assert_false(f->failed);
	assert_int_equal(occurrences(&f->all, "GET"), 2);
	f->answer = "{\"m.upload.size\":5}";
	EXPECT_ASKED(f, tr_matrix_media_config(f->client, on_done, f),
		"GET /_matrix/media/v3/config [] ");
	assert_string_equal(tr_buf_c(&f->response), f->answer);
}

static void missing_media_is_not_asked_for_twice(void **state)
{
	struct fixture *f = *state;

	f->status = 404;
	f->answer = "{\"errcode\":\"M_NOT_FOUND\",\"error\":\"gone\"}";
	(void)tr_matrix_media_download(f->client, NULL, "mxc://h/a", NULL, 1000, on_media, f);
	TURN_UNTIL(f->loop, f->done > 0);
	assert_int_equal(f->error.code, TR_E_NOT_FOUND);
	assert_int_equal(occurrences(&f->all, "GET"), 1);
}

static void media_that_lies_elsewhere_is_fetched_without_the_token(void **state)
{
	struct fixture *f = *state;

	f->media_moved = true;
	(void)tr_matrix_media_download(f->client, NULL, "mxc://h/a", NULL, 1000, on_media, f);
	TURN_UNTIL(f->loop, f->done > 0);
	assert_string_equal(
		tr_buf_c(&f->response), "image/png|inline; filename=\"b.png\"|from-afar");
}

static void address_that_is_no_mxc_is_invalid(void **state)
{
	static const char *const bad[] = {
		"", "mxc://", "mxc://h", "mxc://h/", "mxc:///a", "mxc://h/a/b", "https://h/a"};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(bad); i++) {
		f->done = 0;
		(void)tr_matrix_media_download(f->client, NULL, bad[i], NULL, 1000, on_media, f);
		TURN_UNTIL(f->loop, f->done > 0);
		assert_int_equal(f->error.code, TR_E_INVALID);
	}
	assert_int_equal(f->all.len, 0);
}

static void any_request_can_be_made(void **state)
{
	struct fixture *f = *state;
	struct tr_matrix_request request = {.operation = "custom",
		.method = "PUT",
		.path = "/_matrix/client/v3/x%2Fy",
		.query = "a=b",
		.as_user = "@g:h",
		.body = TR_STR("{\"k\":1}")};

	EXPECT_ASKED(f, tr_matrix_request(f->client, &request, on_done, f),
		"PUT /_matrix/client/v3/x%2Fy?user_id=@g:h&a=b [application/json] {\"k\":1}");
}

static void on_done_destroy(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct fixture *f = arg;

	on_done(arg, response, error);
	tr_matrix_client_destroy(f->client);
	f->client = NULL;
}

static void client_may_be_destroyed_in_a_callback(void **state)
{
	struct fixture *f = *state;

	(void)tr_matrix_versions(f->client, on_done_destroy, f);
	(void)tr_matrix_versions(f->client, on_done_destroy, f);
	TURN_UNTIL(f->loop, f->done > 0);
	turn_for(f->loop, 5);
	assert_int_equal(f->done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sending_puts_the_content_untouched),
		TEST(room_calls_ask_what_the_specification_says),
		TEST(reading_calls_ask_what_the_specification_says),
		TEST(user_calls_ask_what_the_specification_says),
		TEST(call_without_a_callback_is_legal),
		TEST(account_that_exists_is_registered),
		TEST(errors_carry_class_status_and_the_servers_words),
		TEST(good_status_without_a_good_answer_is_to_be_retried),
		TEST(unreachable_homeserver_is_to_be_retried),
		TEST(id_beyond_all_bounds_fails_in_a_later_turn),
		TEST(canceled_call_is_not_called_back),
		TEST(latency_is_measured_by_operation),
		TEST(media_goes_up_from_memory_and_from_a_file),
		TEST(media_comes_down_into_memory_and_into_a_file),
		TEST(older_homeserver_is_asked_the_old_way),
		TEST(missing_media_is_not_asked_for_twice),
		TEST(media_that_lies_elsewhere_is_fetched_without_the_token),
		TEST(address_that_is_no_mxc_is_invalid),
		TEST(any_request_can_be_made),
		TEST(client_may_be_destroyed_in_a_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
