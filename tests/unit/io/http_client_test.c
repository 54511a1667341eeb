/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against our own server, and against a raw socket for what that would not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/io/http_client_internal.h"
#include "tests/unit/http_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { HELD_MAX = 64 };

struct fixture {
	struct tr_loop *loop;
	struct tr_http_server *server;
	struct tr_http_server *other; /* another origin */
	struct tr_http_client *client;
	struct tr_buf seen; /* "METHOD path auth=.. type=.. body\n" */
	struct tr_http_server_request *held[HELD_MAX];
	size_t held_count;
	size_t held_most; /* unanswered at once */
	size_t held_now;
	char dir[64];
};

/* What a call came to. */
struct outcome {
	unsigned count;
	int status;
	struct tr_error error;
	struct tr_buf body;
	char type[64];
	char disposition[64];
	uint64_t retry_after_ms;
	uint64_t body_len;
};

static void on_headers(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	(void)request;
}

static void answer_query(struct tr_http_server_request *request)
{
	struct tr_str value;
	struct tr_buf body = TR_BUF_INIT(4 * 1024 * 1024);
	uint64_t number = 200;
	uint64_t size = 0;

	if (tr_http_server_query(request, "status", &value)) {
		assert_true(tr_str_to_u64(value, &number));
	}
	if (tr_http_server_query(request, "to", &value)) {
		char *target = tr_str_dup(value);

		tr_http_server_add_header(request, "Location", target);
		tr_free(target);
	}
	if (tr_http_server_query(request, "retry", &value)) {
		char *text = tr_str_dup(value);

		tr_http_server_add_header(request, "Retry-After", text);
		tr_free(text);
	}
	if (tr_http_server_query(request, "size", &value)) {
		assert_true(tr_str_to_u64(value, &size));
		while (size-- > 0) {
			(void)tr_buf_add_char(&body, 'x');
		}
	} else {
		(void)tr_buf_add_c(&body, "answer");
	}
	tr_http_server_add_header(request, "Content-Disposition", "inline; filename=a.txt");
	tr_http_server_respond(request, (int)number, "text/x-test", tr_buf_str(&body));
	tr_buf_finish(&body);
}

static void on_request(void *arg, struct tr_http_server_request *request)
{
	struct fixture *f = arg;

	(void)tr_buf_addf(&f->seen, "%.*s %.*s auth=%.*s type=%.*s %.*s\n",
		TR_STR_ARG(tr_http_server_method(request)),
		TR_STR_ARG(tr_http_server_path(request)),
		TR_STR_ARG(tr_http_server_header(request, "Authorization")),
		TR_STR_ARG(tr_http_server_header(request, "Content-Type")),
		TR_STR_ARG(tr_http_server_body(request)));
	if (tr_str_eq_c(tr_http_server_path(request), "/circle")) {
		tr_http_server_add_header(request, "Location", "/circle");
		tr_http_server_respond(request, 302, "text/plain", TR_STR("round"));
		return;
	}
	if (tr_str_eq_c(tr_http_server_path(request), "/hold")) {
		assert_true(f->held_count < HELD_MAX);
		f->held[f->held_count++] = request;
		f->held_now++;
		if (f->held_now > f->held_most) {
			f->held_most = f->held_now;
		}
		return;
	}
	answer_query(request);
}

static const struct tr_http_server_handler handler = {on_headers, on_request};

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));
	struct tr_http_server_options server = {.listen = "127.0.0.1:0"};
	struct tr_http_client_options client = {.per_host_max = 4};

	f->loop = tr_loop_create();
	tr_buf_init(&f->seen, 8 * 1024 * 1024);
	f->server = tr_http_server_create(f->loop, &server, &handler, f, NULL);
	f->other = tr_http_server_create(f->loop, &server, &handler, f, NULL);
	assert_non_null(f->server);
	assert_non_null(f->other);
	f->client = tr_http_client_create(f->loop, &client);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/trestle-http-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static void release(struct fixture *f, size_t index)
{
	f->held_now--;
	tr_http_server_respond(f->held[index], 200, "text/plain", TR_STR("released"));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tr_http_client_destroy(f->client);
	tr_http_server_destroy(f->server);
	tr_http_server_destroy(f->other);
	tr_loop_destroy(f->loop);
	tr_buf_finish(&f->seen);
	assert_int_equal(rmdir(f->dir), 0);
	tr_free(f);
	return 0;
}

static void copy_text(char *out, size_t size, struct tr_str text)
{
	(void)snprintf(out, size, "%.*s", TR_STR_ARG(text));
}

static void on_done(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct outcome *outcome = arg;

	outcome->count++;
	assert_true((response == NULL) != (error == NULL));
	if (error) {
		outcome->error = *error;
		return;
	}
	outcome->status = response->status;
	tr_buf_init(&outcome->body, 8 * 1024 * 1024);
	(void)tr_buf_add(&outcome->body, response->body);
	copy_text(outcome->type, sizeof(outcome->type), response->content_type);
	copy_text(
		outcome->disposition, sizeof(outcome->disposition), response->content_disposition);
	outcome->retry_after_ms = response->retry_after_ms;
	outcome->body_len = response->body_len;
}

static char *url_of(const struct tr_http_server *server, const char *rest)
{
	return tr_asprintf("http://127.0.0.1:%u%s", (unsigned)tr_http_server_port(server), rest);
}

/* Runs one request to its end. The outcome's body is finished by the caller. */
static struct outcome run(struct fixture *f, struct tr_http_request request, const char *rest)
{
	struct outcome outcome;
	char *url = url_of(f->server, rest);

	memset(&outcome, 0, sizeof(outcome));
	request.url = url;
	if (!request.method) {
		request.method = "GET";
	}
	(void)tr_http_client_start(f->client, &request, on_done, &outcome);
	tr_free(url);
	assert_int_equal(outcome.count, 0);
	TURN_UNTIL(f->loop, outcome.count > 0);
	assert_int_equal(outcome.count, 1);
	assert_int_equal(tr_http_client_running(f->client), 0);
	return outcome;
}

static void get_brings_body_and_headers(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){.bearer = "tok"}, "/x?a=b");

	assert_int_equal(o.status, 200);
	assert_string_equal(tr_buf_c(&o.body), "answer");
	assert_string_equal(o.type, "text/x-test");
	assert_string_equal(o.disposition, "inline; filename=a.txt");
	assert_int_equal(o.body_len, 6);
	assert_int_equal(o.retry_after_ms, 0);
	assert_string_equal(tr_buf_c(&f->seen), "GET /x auth=Bearer tok type= \n");
	tr_buf_finish(&o.body);
}

static void bodies_go_out_with_any_method(void **state)
{
	struct fixture *f = *state;
	struct outcome o;

	o = run(f, (struct tr_http_request){.method = "PUT", .body = TR_STR("{\"a\":1}")}, "/1");
	tr_buf_finish(&o.body);
	o = run(f,
		(struct tr_http_request){
			.method = "POST", .body = TR_STR("png"), .content_type = "image/png"},
		"/2");
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.method = "DELETE"}, "/3");
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.method = "POST"}, "/4");
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.method = "GET"}, "/5");
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.method = "HEAD"}, "/6");
	assert_int_equal(o.body_len, 0);
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.method = "PUT", .body = TR_STR("again")}, "/7");
	tr_buf_finish(&o.body);
	assert_string_equal(tr_buf_c(&f->seen), "PUT /1 auth= type=application/json {\"a\":1}\n"
						"POST /2 auth= type=image/png png\n"
						"DELETE /3 auth= type= \n"
						"POST /4 auth= type= \n"
						"GET /5 auth= type= \n"
						"HEAD /6 auth= type= \n"
						"PUT /7 auth= type=application/json again\n");
}

static void status_of_an_error_is_a_response(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){0}, "/?status=502");

	assert_int_equal(o.status, 502);
	assert_string_equal(tr_buf_c(&o.body), "answer");
	tr_buf_finish(&o.body);
}

static void retry_after_is_read_as_seconds_and_as_date(void **state)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){0}, "/?status=429&retry=5");
	time_t then = time(NULL) + 100;
	struct tm tm;
	char rest[128];

	assert_int_equal(o.retry_after_ms, 5000);
	tr_buf_finish(&o.body);
	assert_non_null(gmtime_r(&then, &tm));
	(void)snprintf(rest, sizeof(rest),
		"/?status=503&retry=%s,%%20%02d%%20%s%%20%04d%%20%02d:%02d:%02d%%20GMT",
		days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
		tm.tm_min, tm.tm_sec);
	o = run(f, (struct tr_http_request){0}, rest);
	assert_in_range(o.retry_after_ms, 90000, 101000);
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){0},
		"/?status=503&retry=Fri,%2031%20Dec%201999%2023:59:59%20GMT");
	assert_int_equal(o.retry_after_ms, 0);
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){0}, "/?status=429&retry=soon");
	assert_int_equal(o.retry_after_ms, 0);
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){0}, "/?status=429&retry=99999999999");
	assert_int_equal(o.retry_after_ms, 24 * 3600 * 1000);
	tr_buf_finish(&o.body);
}

static void silence_ends_in_a_timeout(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){.timeout_ms = 50}, "/hold");

	assert_int_equal(o.error.code, TR_E_TIMEOUT);
	assert_int_equal(o.error.cls, TR_CLASS_RETRY);
	release(f, 0);
	turn_for(f->loop, 5);
}

static void answer_beyond_the_maximum_is_too_big(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){.body_max = 99}, "/?size=100");

	assert_int_equal(o.error.code, TR_E_TOO_BIG);
	o = run(f, (struct tr_http_request){.body_max = 100}, "/?size=100");
	assert_int_equal(o.status, 200);
	assert_int_equal(o.body.len, 100);
	tr_buf_finish(&o.body);
}

static void canceled_call_is_not_called_back(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	char *url = url_of(f->server, "/hold");
	struct tr_http_request request = {.method = "GET", .url = url};
	struct tr_http_call *call;

	memset(&o, 0, sizeof(o));
	call = tr_http_client_start(f->client, &request, on_done, &o);
	tr_http_call_cancel(call);
	turn_for(f->loop, 5);
	assert_int_equal(f->held_count, 0);
	call = tr_http_client_start(f->client, &request, on_done, &o);
	TURN_UNTIL(f->loop, f->held_count == 1);
	tr_http_call_cancel(call);
	assert_int_equal(tr_http_client_running(f->client), 0);
	release(f, 0);
	turn_for(f->loop, 5);
	assert_int_equal(o.count, 0);
	tr_free(url);
}

static void connections_to_a_host_are_limited(void **state)
{
	struct fixture *f = *state;
	struct outcome o[12];
	char *url = url_of(f->server, "/hold");
	struct tr_http_request request = {.method = "GET", .url = url};
	size_t done = 0;
	size_t i;

	memset(o, 0, sizeof(o));
	for (i = 0; i < TR_ARRAY_LEN(o); i++) {
		(void)tr_http_client_start(f->client, &request, on_done, &o[i]);
	}
	TURN_UNTIL(f->loop, f->held_count == 4);
	turn_for(f->loop, 30);
	assert_int_equal(f->held_count, 4);
	while (done < TR_ARRAY_LEN(o)) {
		TURN_UNTIL(f->loop, f->held_count > done);
		release(f, done++);
	}
	TURN_UNTIL(f->loop, tr_http_client_running(f->client) == 0);
	assert_int_equal(f->held_most, 4);
	for (i = 0; i < TR_ARRAY_LEN(o); i++) {
		assert_int_equal(o[i].count, 1);
		assert_string_equal(tr_buf_c(&o[i].body), "released");
		tr_buf_finish(&o[i].body);
	}
	tr_free(url);
}

static void call_that_waits_for_a_connection_times_out_too(void **state)
{
	struct fixture *f = *state;
	struct outcome o[5];
	char *url = url_of(f->server, "/hold");
	struct tr_http_request request = {.method = "GET", .url = url};
	size_t i;

	memset(o, 0, sizeof(o));
	for (i = 0; i < 4; i++) {
		(void)tr_http_client_start(f->client, &request, on_done, &o[i]);
	}
	TURN_UNTIL(f->loop, f->held_count == 4);
	request.timeout_ms = 20;
	(void)tr_http_client_start(f->client, &request, on_done, &o[4]);
	TURN_UNTIL(f->loop, o[4].count == 1);
	assert_int_equal(o[4].error.code, TR_E_TIMEOUT);
	for (i = 0; i < 4; i++) {
		release(f, i);
	}
	TURN_UNTIL(f->loop, tr_http_client_running(f->client) == 0);
	for (i = 0; i < 4; i++) {
		tr_buf_finish(&o[i].body);
	}
	tr_free(url);
}

/* "/?status=..&to=.." with the target encoded enough for a query. */
static char *redirect_to(const char *status, const char *target)
{
	return tr_asprintf("/first?status=%s&to=%s", status, target);
}

static void redirect_is_followed_only_when_asked_for(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){0}, "/first?status=302&to=/second");

	assert_int_equal(o.status, 302);
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.follow_redirects = true},
		"/first?status=302&to=/second");
	assert_int_equal(o.status, 200);
	assert_string_equal(tr_buf_c(&o.body), "answer");
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /second"));
	tr_buf_finish(&o.body);
}

static void redirect_within_the_origin_keeps_the_token(void **state)
{
	struct fixture *f = *state;
	struct outcome o =
		run(f, (struct tr_http_request){.follow_redirects = true, .bearer = "tok"},
			"/first?status=307&to=/second");

	assert_int_equal(o.status, 200);
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /second auth=Bearer tok"));
	tr_buf_finish(&o.body);
}

static void redirect_to_another_origin_loses_the_token_for_good(void **state)
{
	struct fixture *f = *state;
	char *back = url_of(f->server, "/back");
	char *away = tr_asprintf("http://127.0.0.1:%u/away?status=307%%26to=%s",
		(unsigned)tr_http_server_port(f->other), back);
	char *first = redirect_to("308", away);
	struct outcome o =
		run(f, (struct tr_http_request){.follow_redirects = true, .bearer = "tok"}, first);

	assert_int_equal(o.status, 200);
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /first auth=Bearer tok"));
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /away auth= "));
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /back auth= "));
	tr_buf_finish(&o.body);
	tr_free(first);
	tr_free(away);
	tr_free(back);
}

static void redirect_to_another_name_of_the_host_loses_the_token(void **state)
{
	struct fixture *f = *state;
	char *away =
		tr_asprintf("http://localhost:%u/away", (unsigned)tr_http_server_port(f->server));
	char *first = redirect_to("302", away);
	struct outcome o =
		run(f, (struct tr_http_request){.follow_redirects = true, .bearer = "tok"}, first);

	assert_int_equal(o.status, 200);
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /away auth= "));
	tr_buf_finish(&o.body);
	tr_free(first);
	tr_free(away);
}

static void redirect_changes_the_method_as_the_status_says(void **state)
{
	struct fixture *f = *state;
	struct tr_http_request request = {
		.method = "POST", .body = TR_STR("b"), .follow_redirects = true};
	struct outcome o = run(f, request, "/a?status=303&to=/see-other");

	tr_buf_finish(&o.body);
	o = run(f, request, "/b?status=307&to=/same");
	tr_buf_finish(&o.body);
	assert_non_null(strstr(tr_buf_c(&f->seen), "GET /see-other auth= type= \n"));
	assert_non_null(strstr(tr_buf_c(&f->seen), "POST /same auth= type=application/json b\n"));
}

static void endless_redirects_end(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){.follow_redirects = true}, "/circle");

	assert_int_equal(o.status, 302);
	assert_int_equal(occurrences(&f->seen, "/circle"), 6);
	tr_buf_finish(&o.body);
}

static void redirect_to_another_protocol_is_refused(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){.follow_redirects = true},
		"/first?status=302&to=file:///etc/passwd");

	assert_int_equal(o.error.code, TR_E_INVALID);
	o = run(f, (struct tr_http_request){.follow_redirects = true},
		"/first?status=302&to=ftp://127.0.0.1/");
	assert_int_equal(o.error.code, TR_E_INVALID);
}

static void private_address_is_refused_when_public_only(void **state)
{
	struct fixture *f = *state;
	struct outcome o = run(f, (struct tr_http_request){0}, "/warm"); /* a connection to reuse */

	tr_buf_finish(&o.body);
	tr_buf_clear(&f->seen);
	o = run(f, (struct tr_http_request){.public_only = true}, "/private");
	assert_int_equal(o.error.code, TR_E_DENIED);
	assert_non_null(strstr(o.error.text, "not a public one"));
	assert_int_equal(f->seen.len, 0);
}

static void private_name_is_refused_when_public_only(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	char *url = tr_asprintf("http://localhost:%u/", (unsigned)tr_http_server_port(f->server));
	struct tr_http_request request = {.method = "GET", .url = url, .public_only = true};

	memset(&o, 0, sizeof(o));
	(void)tr_http_client_start(f->client, &request, on_done, &o);
	TURN_UNTIL(f->loop, o.count > 0);
	assert_int_equal(o.error.code, TR_E_DENIED);
	assert_int_equal(f->seen.len, 0);
	tr_free(url);
}

/* There is no public server to redirect from here: the call is bound once its first hop is on. */
static void redirect_to_a_private_address_is_refused_when_public_only(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	char *url = url_of(f->server, "/hold");
	struct tr_http_request request = {.method = "GET", .url = url, .follow_redirects = true};
	struct tr_http_call *call;

	memset(&o, 0, sizeof(o));
	call = tr_http_client_start(f->client, &request, on_done, &o);
	TURN_UNTIL(f->loop, f->held_count == 1);
	call->public_only = true;
	tr_http_server_add_header(f->held[0], "Location", "/private");
	tr_http_server_respond(f->held[0], 302, "text/plain", TR_STR(""));
	TURN_UNTIL(f->loop, o.count > 0);
	assert_int_equal(o.error.code, TR_E_DENIED);
	assert_null(strstr(tr_buf_c(&f->seen), "/private"));
	tr_free(url);
}

static int start_listener(uint16_t *port)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static int accept_one(struct fixture *f, int listener)
{
	uint64_t end = tr_clock_mono_ms() + PATIENCE_MS;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) < 0) {
		tr_loop_turn(f->loop, false);
		assert_true(tr_clock_mono_ms() < end);
	}
	return fd;
}

static void connection_is_kept_for_the_next_request(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	uint16_t port = 0;
	int listener = start_listener(&port);
	char *url = tr_asprintf("http://127.0.0.1:%u/", (unsigned)port);
	struct tr_http_request request = {.method = "PUT", .url = url, .body = TR_STR("{}")};
	int fd = -1;
	int i;

	for (i = 0; i < 3; i++) {
		struct outcome o;

		memset(&o, 0, sizeof(o));
		(void)tr_http_client_start(f->client, &request, on_done, &o);
		if (i == 0) {
			fd = accept_one(f, listener);
		}
		raw_expect(f->loop, fd, &in, "{}", (size_t)i + 1);
		assert_true(raw_write(
			f->loop, fd, TR_STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
		TURN_UNTIL(f->loop, o.count > 0);
		assert_string_equal(tr_buf_c(&o.body), "ok");
		tr_buf_finish(&o.body);
	}
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(occurrences(&in, "Expect"), 0);
	assert_int_equal(occurrences(&in, "HTTP/1.1\r\n"), 3);

	/* The peer ends the kept connection: the next request opens another. */
	close(fd);
	turn_for(f->loop, 5);
	{
		struct outcome o;

		memset(&o, 0, sizeof(o));
		(void)tr_http_client_start(f->client, &request, on_done, &o);
		fd = accept_one(f, listener);
		/* Half an answer, and then nothing more. */
		assert_true(raw_write(
			f->loop, fd, TR_STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")));
		close(fd);
		TURN_UNTIL(f->loop, o.count > 0);
		assert_int_equal(o.error.code, TR_E_NETWORK);
		assert_int_equal(o.error.cls, TR_CLASS_RETRY);
	}
	close(listener);
	tr_free(url);
	tr_buf_finish(&in);
}

static void unreachable_peers_are_network_errors(void **state)
{
	struct fixture *f = *state;
	uint16_t port = 0;
	int listener = start_listener(&port);
	char *url =
		tr_asprintf("http://user:secret@127.0.0.1:%u/path?token=secret", (unsigned)port);
	struct tr_http_request request = {.method = "GET", .url = url};
	struct outcome o;

	close(listener);
	memset(&o, 0, sizeof(o));
	(void)tr_http_client_start(f->client, &request, on_done, &o);
	TURN_UNTIL(f->loop, o.count > 0);
	assert_int_equal(o.error.code, TR_E_NETWORK);
	assert_null(strstr(o.error.text, "secret"));
	assert_non_null(strstr(o.error.text, ": Connection refused"));
	tr_free(url);
}

static void bad_urls_are_invalid(void **state)
{
	static const char *const urls[] = {"", "http://", "gopher://127.0.0.1/",
		"file:///etc/passwd", "http://127.0.0.1:99999/"};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(urls); i++) {
		struct tr_http_request request = {.method = "GET", .url = urls[i]};
		struct outcome o;

		memset(&o, 0, sizeof(o));
		(void)tr_http_client_start(f->client, &request, on_done, &o);
		TURN_UNTIL(f->loop, o.count > 0);
		assert_int_equal(o.error.code, TR_E_INVALID);
	}
}

static void tls_peer_that_speaks_none_is_a_tls_error(void **state)
{
	struct fixture *f = *state;
	char *url = tr_asprintf("https://127.0.0.1:%u/", (unsigned)tr_http_server_port(f->server));
	struct tr_http_request request = {.method = "GET", .url = url};
	struct outcome o;

	memset(&o, 0, sizeof(o));
	(void)tr_http_client_start(f->client, &request, on_done, &o);
	TURN_UNTIL(f->loop, o.count > 0);
	assert_int_equal(o.error.code, TR_E_TLS);
	tr_free(url);
}

static char *path_in(const struct fixture *f, const char *name)
{
	return tr_asprintf("%s/%s", f->dir, name);
}

static void good_answer_is_saved_to_a_file(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "saved");
	struct outcome o = run(f, (struct tr_http_request){.save_file = path}, "/?size=300000");
	struct stat info;

	assert_int_equal(o.status, 200);
	assert_int_equal(o.body.len, 0);
	assert_int_equal(o.body_len, 300000);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_size, 300000);
	assert_int_equal(info.st_mode & 0777, 0600);
	tr_buf_finish(&o.body);
	o = run(f, (struct tr_http_request){.save_file = path}, "/?size=0");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_size, 0);
	tr_buf_finish(&o.body);
	assert_int_equal(unlink(path), 0);
	tr_free(path);
}

static void failed_answer_leaves_no_file(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "saved");
	char *nowhere = path_in(f, "none/saved");
	struct stat info;
	struct outcome o = run(f, (struct tr_http_request){.save_file = path}, "/?status=404");

	assert_int_equal(o.status, 404);
	assert_string_equal(tr_buf_c(&o.body), "answer");
	tr_buf_finish(&o.body);
	assert_int_equal(stat(path, &info), -1);
	o = run(f, (struct tr_http_request){.save_file = path, .body_max = 200000},
		"/?size=300000");
	assert_int_equal(o.error.code, TR_E_TOO_BIG);
	assert_int_equal(stat(path, &info), -1);
	o = run(f, (struct tr_http_request){.save_file = nowhere}, "/?size=5");
	assert_int_equal(o.error.code, TR_E_SYSTEM);
	assert_non_null(strstr(o.error.text, "No such file"));
	tr_free(path);
	tr_free(nowhere);
}

static void file_is_not_saved_through_a_link(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "link");
	char *target = path_in(f, "target");
	struct stat info;
	struct outcome o;

	assert_int_equal(symlink(target, path), 0);
	o = run(f, (struct tr_http_request){.save_file = path}, "/?size=5");
	assert_int_equal(o.error.code, TR_E_SYSTEM);
	assert_int_equal(stat(target, &info), -1);
	assert_int_equal(unlink(path), 0);
	tr_free(path);
	tr_free(target);
}

static void body_is_sent_from_a_file(void **state)
{
	struct fixture *f = *state;
	char *path = path_in(f, "upload");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct tr_http_request request = {
		.method = "POST", .body_file = path, .content_type = "image/gif", .bearer = "t"};
	struct outcome o;

	assert_int_equal(write(fd, "file-content", 12), 12);
	close(fd);
	o = run(f, request, "/upload");
	assert_int_equal(o.status, 200);
	assert_string_equal(
		tr_buf_c(&f->seen), "POST /upload auth=Bearer t type=image/gif file-content\n");
	tr_buf_finish(&o.body);
	assert_int_equal(unlink(path), 0);
	o = run(f, request, "/upload");
	assert_int_equal(o.error.code, TR_E_SYSTEM);
	tr_free(path);
}

static void running_calls_end_with_the_client(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	char *url = url_of(f->server, "/hold");
	struct tr_http_request request = {.method = "GET", .url = url};
	struct tr_http_request missing = {
		.method = "PUT", .url = url, .body_file = "/nonexistent/file"};

	memset(&o, 0, sizeof(o));
	(void)tr_http_client_start(f->client, &request, on_done, &o);
	TURN_UNTIL(f->loop, f->held_count == 1);
	(void)tr_http_client_start(f->client, &request, on_done, &o);
	(void)tr_http_client_start(f->client, &missing, on_done, &o);
	tr_http_client_destroy(f->client);
	f->client = NULL;
	release(f, 0);
	turn_for(f->loop, 10);
	assert_int_equal(o.count, 0);
	tr_free(url);
}

static void on_done_destroy(
	void *arg, const struct tr_http_response *response, const struct tr_error *error)
{
	struct fixture *f = arg;

	assert_non_null(response);
	assert_null(error);
	tr_http_client_destroy(f->client);
	f->client = NULL;
	/* Still readable, although the client is gone. */
	assert_true(tr_str_eq_c(response->content_type, "text/x-test"));
}

static void client_may_be_destroyed_in_a_callback(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	char *url = url_of(f->server, "/x");
	char *hold = url_of(f->server, "/hold");
	struct tr_http_request request = {.method = "GET", .url = url};
	struct tr_http_request held = {.method = "GET", .url = hold};

	memset(&o, 0, sizeof(o));
	(void)tr_http_client_start(f->client, &held, on_done, &o);
	(void)tr_http_client_start(f->client, &request, on_done_destroy, f);
	TURN_UNTIL(f->loop, f->client == NULL && f->held_count == 1);
	release(f, 0);
	turn_for(f->loop, 5);
	assert_int_equal(o.count, 0);
	tr_free(url);
	tr_free(hold);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_brings_body_and_headers),
		TEST(bodies_go_out_with_any_method),
		TEST(status_of_an_error_is_a_response),
		TEST(retry_after_is_read_as_seconds_and_as_date),
		TEST(silence_ends_in_a_timeout),
		TEST(answer_beyond_the_maximum_is_too_big),
		TEST(canceled_call_is_not_called_back),
		TEST(connections_to_a_host_are_limited),
		TEST(call_that_waits_for_a_connection_times_out_too),
		TEST(redirect_is_followed_only_when_asked_for),
		TEST(redirect_within_the_origin_keeps_the_token),
		TEST(redirect_to_another_origin_loses_the_token_for_good),
		TEST(redirect_to_another_name_of_the_host_loses_the_token),
		TEST(redirect_changes_the_method_as_the_status_says),
		TEST(endless_redirects_end),
		TEST(redirect_to_another_protocol_is_refused),
		TEST(private_address_is_refused_when_public_only),
		TEST(private_name_is_refused_when_public_only),
		TEST(redirect_to_a_private_address_is_refused_when_public_only),
		TEST(connection_is_kept_for_the_next_request),
		TEST(unreachable_peers_are_network_errors),
		TEST(bad_urls_are_invalid),
		TEST(tls_peer_that_speaks_none_is_a_tls_error),
		TEST(good_answer_is_saved_to_a_file),
		TEST(failed_answer_leaves_no_file),
		TEST(file_is_not_saved_through_a_link),
		TEST(body_is_sent_from_a_file),
		TEST(running_calls_end_with_the_client),
		TEST(client_may_be_destroyed_in_a_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
