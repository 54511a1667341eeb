/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server, spoken to over raw sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/http_fixture.h"

enum { BODY_MAX = 1000, HELD_MAX = 8 };

struct fixture {
	struct tr_loop *loop;
	struct tr_http_server *server;
	struct tr_buf seen; /* "METHOD path body-length\n" of each complete request */
	unsigned headers;
	bool hold;   /* keep requests for later */
	bool refuse; /* answer 401 in on_headers */
	struct tr_http_server_request *held[HELD_MAX];
	size_t held_count;
	int fd; /* of the test's client, -1 until it says something; and what it got */
	struct tr_buf in;
};

static void on_headers(void *arg, struct tr_http_server_request *request)
{
	struct fixture *f = arg;

	f->headers++;
	assert_int_equal(tr_http_server_body(request).len, 0);
	if (f->refuse) {
		tr_http_server_add_header(request, "WWW-Authenticate", "Bearer");
		tr_http_server_respond(request, 401, "text/plain", TR_STR("who are you?"));
	}
}

static void on_request(void *arg, struct tr_http_server_request *request)
{
	struct fixture *f = arg;

	(void)tr_buf_addf(&f->seen, "%.*s %.*s %zu\n", TR_STR_ARG(tr_http_server_method(request)),
		TR_STR_ARG(tr_http_server_path(request)), tr_http_server_body(request).len);
	if (f->hold) {
		assert_true(f->held_count < HELD_MAX);
		f->held[f->held_count++] = request;
		return;
	}
	tr_http_server_respond(request, 200, "application/json",
		tr_http_server_body(request).len ? tr_http_server_body(request) : TR_STR("{}"));
}

static const struct tr_http_server_handler handler = {on_headers, on_request};

static int setup(void **state)
{
	struct fixture *f = tr_alloc(sizeof(*f));
	struct tr_http_server_options options = {.listen = "127.0.0.1:0", .body_max = BODY_MAX};
	struct tr_error error;

	f->loop = tr_loop_create();
	tr_buf_init(&f->seen, 1024 * 1024);
	tr_buf_init(&f->in, 65536);
	f->fd = -1;
	f->server = tr_http_server_create(f->loop, &options, &handler, f, &error);
	assert_non_null(f->server);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->fd >= 0) {
		close(f->fd);
	}
	tr_http_server_destroy(f->server);
	tr_loop_destroy(f->loop);
	tr_buf_finish(&f->seen);
	tr_buf_finish(&f->in);
	tr_free(f);
	return 0;
}

static int dial(const struct fixture *f)
{
	int fd = raw_connect(tr_http_server_port(f->server));

	assert_true(fd >= 0);
	return fd;
}

static void send_c(const struct fixture *f, int fd, const char *text)
{
	assert_true(raw_write(f->loop, fd, tr_str_from(text)));
}

/* The same with the test's own client. */
static void say(struct fixture *f, const char *text)
{
	f->fd = f->fd >= 0 ? f->fd : dial(f);
	send_c(f, f->fd, text);
}

static void expect(struct fixture *f, const char *text, size_t times)
{
	raw_expect(f->loop, f->fd, &f->in, text, times);
}

static void request_reaches_the_handler_and_its_answer_the_client(void **state)
{
	struct fixture *f = *state;

	say(f, "PUT /a%2Fb?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	expect(f, "hello", 1);
	assert_int_equal(occurrences(&f->in, "HTTP/1.1 200 OK\r\n"), 1);
	assert_int_equal(occurrences(&f->in, "Content-Type: application/json\r\n"), 1);
	assert_int_equal(occurrences(&f->in, "Content-Length: 5\r\n"), 1);
	assert_string_equal(tr_buf_c(&f->seen), "PUT /a%2Fb 5\n");
}

static void chunked_body_arrives_whole(void **state)
{
	struct fixture *f = *state;

	say(f, "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	turn_for(f->loop, 5);
	assert_int_equal(f->seen.len, 0);
	say(f, "4\r\ndefg\r\n0\r\n\r\n");
	expect(f, "abcdefg", 1);
	assert_string_equal(tr_buf_c(&f->seen), "POST /c 7\n");
}

static void delayed_answers_go_to_their_own_requests_in_any_order(void **state)
{
	struct fixture *f = *state;
	struct tr_buf first = TR_BUF_INIT(65536);
	struct tr_buf second = TR_BUF_INIT(65536);
	int a = dial(f);
	int b = dial(f);

	f->hold = true;
	send_c(f, a, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 1);
	send_c(f, b, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 2);
	turn_for(f->loop, 20);
	(void)raw_read(a, &first);
	assert_int_equal(first.len, 0);
	tr_http_server_respond(f->held[1], 200, "text/plain", TR_STR("to-b"));
	raw_expect(f->loop, b, &second, "to-b", 1);
	(void)raw_read(a, &first);
	assert_int_equal(first.len, 0);
	tr_http_server_respond(f->held[0], 503, "text/plain", TR_STR("to-a"));
	raw_expect(f->loop, a, &first, "to-a", 1);
	assert_int_equal(occurrences(&first, "HTTP/1.1 503"), 1);
	close(a);
	close(b);
	tr_buf_finish(&first);
	tr_buf_finish(&second);
}

static void connection_is_kept_and_pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture *f = *state;

	say(f, "PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none"
	       "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
	       "PUT /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nthree");
	expect(f, "three", 1);
	assert_string_equal(tr_buf_c(&f->seen), "PUT /1 3\nGET /2 0\nPUT /3 5\n");
	assert_true(tr_str_find(tr_buf_str(&f->in), TR_STR("one")) <
		    tr_str_find(tr_buf_str(&f->in), TR_STR("{}")));
	say(f, "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(f, "HTTP/1.1 200", 4);
}

static void pipelined_requests_wait_for_a_delayed_answer(void **state)
{
	struct fixture *f = *state;

	f->hold = true;
	say(f, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 1);
	turn_for(f->loop, 10);
	assert_int_equal(f->held_count, 1);
	tr_http_server_respond(f->held[0], 200, "text/plain", TR_STR("first"));
	TURN_UNTIL(f->loop, f->held_count == 2);
	tr_http_server_respond(f->held[1], 200, "text/plain", TR_STR("second"));
	expect(f, "second", 1);
	assert_int_equal(occurrences(&f->in, "first"), 1);
}

static void body_of_exactly_the_limit_is_taken(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	struct tr_buf out = TR_BUF_INIT(65536);
	int fd = dial(f);
	int i;

	(void)tr_buf_addf(
		&out, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", BODY_MAX);
	for (i = 0; i < BODY_MAX; i++) {
		(void)tr_buf_add_char(&out, 'x');
	}
	assert_true(raw_write(f->loop, fd, tr_buf_str(&out)));
	raw_expect(f->loop, fd, &in, "HTTP/1.1 200", 1);
	assert_int_equal(tr_http_server_too_big_count(f->server), 0);
	close(fd);
	tr_buf_finish(&in);
	tr_buf_finish(&out);
}

static void announced_body_beyond_the_limit_is_413(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	struct tr_buf out = TR_BUF_INIT(65536);
	int fd = dial(f);
	int i;

	(void)tr_buf_addf(
		&out, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", BODY_MAX + 1);
	for (i = 0; i <= BODY_MAX; i++) {
		(void)tr_buf_add_char(&out, 'x');
	}
	assert_true(raw_write(f->loop, fd, tr_buf_str(&out)));
	raw_expect(f->loop, fd, &in, "M_TOO_LARGE", 1);
	assert_int_equal(occurrences(&in, "HTTP/1.1 413"), 1);
	assert_int_equal(tr_http_server_too_big_count(f->server), 1);
	assert_int_equal(f->seen.len, 0);
	/* It was drained: the connection goes on. */
	send_c(f, fd, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
	raw_expect(f->loop, fd, &in, "HTTP/1.1 200", 1);
	close(fd);
	tr_buf_finish(&in);
	tr_buf_finish(&out);
}

static void chunked_body_beyond_the_limit_is_413(void **state)
{
	struct fixture *f = *state;
	int i;

	say(f, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < 11; i++) {
		say(f, "64\r\n"
		       "0123456789012345678901234567890123456789012345678901234567890123456789"
		       "012345678901234567890123456789\r\n");
	}
	say(f, "0\r\n\r\n");
	expect(f, "HTTP/1.1 413", 1);
	assert_int_equal(tr_http_server_too_big_count(f->server), 1);
	assert_int_equal(f->seen.len, 0);
}

static void body_far_beyond_the_limit_is_cut_off_unread(void **state)
{
	struct fixture *f = *state;

	say(f, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\nx");
	expect(f, "HTTP/1.1 413", 1);
	raw_expect_end(f->loop, f->fd, &f->in);
	assert_int_equal(tr_http_server_too_big_count(f->server), 1);
}

static void endless_chunked_body_is_cut_off(void **state)
{
	struct fixture *f = *state;
	uint64_t end = tr_clock_mono_ms() + PATIENCE_MS;
	int fd = dial(f);

	send_c(f, fd, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (raw_write(f->loop, fd, TR_STR("a\r\n0123456789\r\n"))) {
		assert_true(tr_clock_mono_ms() < end);
	}
	assert_int_equal(tr_http_server_too_big_count(f->server), 1);
	close(fd);
}

static void answer_to_headers_keeps_the_body_from_the_handler(void **state)
{
	struct fixture *f = *state;

	f->refuse = true;
	say(f, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	expect(f, "who are you?", 1);
	assert_int_equal(occurrences(&f->in, "HTTP/1.1 401"), 1);
	assert_int_equal(occurrences(&f->in, "WWW-Authenticate: Bearer\r\n"), 1);
	assert_int_equal(f->headers, 1);
	assert_int_equal(f->seen.len, 0);
	f->refuse = false;
	say(f, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(f, "HTTP/1.1 200", 1);
}

static void expecting_client_is_told_before_it_sends(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	int fd = dial(f);

	send_c(f, fd,
		"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	raw_expect(f->loop, fd, &in, "HTTP/1.1 100", 1);
	send_c(f, fd, "hello");
	raw_expect(f->loop, fd, &in, "HTTP/1.1 200", 1);
	close(fd);

	f->refuse = true;
	tr_buf_clear(&in);
	fd = dial(f);
	send_c(f, fd,
		"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	raw_expect(f->loop, fd, &in, "HTTP/1.1 401", 1);
	assert_int_equal(occurrences(&in, "HTTP/1.1 100"), 0);
	close(fd);
	tr_buf_finish(&in);
}

static void client_that_went_away_does_not_harm_the_answer(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	int fd = dial(f);

	f->hold = true;
	send_c(f, fd, "GET /gone HTTP/1.1\r\nHost: h\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 1);
	close(fd);
	turn_for(f->loop, 10);
	assert_true(tr_str_eq_c(tr_http_server_path(f->held[0]), "/gone"));
	tr_http_server_respond(f->held[0], 200, "text/plain", TR_STR("too late"));
	turn_for(f->loop, 10);
	f->hold = false;
	fd = dial(f);
	send_c(f, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	raw_expect(f->loop, fd, &in, "HTTP/1.1 200", 1);
	close(fd);
	tr_buf_finish(&in);
}

static void client_that_goes_away_within_the_body_is_never_announced(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	send_c(f, fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nhalf");
	TURN_UNTIL(f->loop, f->headers == 1);
	close(fd);
	turn_for(f->loop, 10);
	assert_int_equal(f->seen.len, 0);
}

static void bad_requests_are_refused_by_the_server(void **state)
{
	static const char *const bad[] = {
		"nonsense\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", /* without Host */
		"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello",
		"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5x\r\n\r\nhello",
		"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
		"\0\0\0\0",
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(bad); i++) {
		struct tr_buf in = TR_BUF_INIT(65536);
		int fd = dial(f);

		(void)raw_write(f->loop, fd, tr_str_from(bad[i]));
		shutdown(fd, SHUT_WR);
		raw_expect_end(f->loop, fd, &in);
		assert_int_equal(occurrences(&in, "HTTP/1.1 200"), 0);
		assert_int_equal(f->seen.len, 0);
		close(fd);
		tr_buf_finish(&in);
	}
}

static void header_block_beyond_the_memory_limit_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	struct tr_buf out = TR_BUF_INIT(1024 * 1024);
	int fd = dial(f);
	int i;

	(void)tr_buf_add_c(&out, "GET / HTTP/1.1\r\nHost: h\r\nX-Long: ");
	for (i = 0; i < 100000; i++) {
		(void)tr_buf_add_char(&out, 'x');
	}
	(void)tr_buf_add_c(&out, "\r\n\r\n");
	(void)raw_write(f->loop, fd, tr_buf_str(&out));
	shutdown(fd, SHUT_WR);
	raw_expect_end(f->loop, fd, &in);
	assert_int_equal(occurrences(&in, "HTTP/1.1 200"), 0);
	assert_int_equal(f->headers, 0);
	close(fd);
	tr_buf_finish(&in);
	tr_buf_finish(&out);
}

static void query_and_headers_can_be_looked_up(void **state)
{
	struct fixture *f = *state;
	struct tr_str name;
	struct tr_str value;
	struct tr_http_server_request *request;
	int fd = dial(f);

	f->hold = true;
	send_c(f, fd,
		"GET /p?alias=%23a%3Ab&empty=&flag&plus=a+b&bad=%zz&&last=%00x HTTP/1.1\r\n"
		"Host: h\r\nAuthorization: Bearer secret\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 1);
	request = f->held[0];
	assert_true(tr_str_eq_c(tr_http_server_path(request), "/p"));
	assert_true(tr_http_server_query(request, "alias", &value));
	assert_true(tr_str_eq_c(value, "#a:b"));
	assert_true(tr_http_server_query(request, "empty", &value));
	assert_int_equal(value.len, 0);
	assert_true(tr_http_server_query(request, "flag", &value));
	assert_int_equal(value.len, 0);
	assert_true(tr_http_server_query(request, "plus", &value));
	assert_true(tr_str_eq_c(value, "a b"));
	assert_true(tr_http_server_query(request, "last", &value));
	assert_true(tr_str_eq(value, tr_str_of("\0x", 2)));
	assert_false(tr_http_server_query(request, "bad", &value));
	assert_false(tr_http_server_query(request, "none", &value));
	assert_true(tr_http_server_query_at(request, 0, &name, &value));
	assert_true(tr_str_eq_c(name, "alias"));
	assert_true(tr_http_server_query_at(request, 4, &name, &value));
	assert_true(tr_str_eq_c(name, "last"));
	assert_false(tr_http_server_query_at(request, 5, &name, &value));
	assert_true(tr_str_eq_c(tr_http_server_header(request, "authorization"), "Bearer secret"));
	assert_int_equal(tr_http_server_header(request, "X-None").len, 0);
	tr_http_server_set_data(request, f);
	assert_ptr_equal(tr_http_server_data(request), f);
	tr_http_server_respond(request, 200, "text/plain", TR_STR(""));
	turn_for(f->loop, 5);
	close(fd);
}

static void quiesced_server_answers_what_it_has_and_refuses_the_rest(void **state)
{
	struct fixture *f = *state;
	struct tr_buf first = TR_BUF_INIT(65536);
	struct tr_buf second = TR_BUF_INIT(65536);
	int a = dial(f);
	int b = dial(f);

	f->hold = true;
	send_c(f, b, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 1);
	tr_http_server_respond(f->held[0], 200, "text/plain", TR_STR("before"));
	raw_expect(f->loop, b, &second, "before", 1);
	send_c(f, a, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	TURN_UNTIL(f->loop, f->held_count == 2);
	tr_http_server_quiesce(f->server);
	tr_http_server_quiesce(f->server);
	assert_int_equal(raw_connect(tr_http_server_port(f->server)), -1);
	send_c(f, b, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	raw_expect(f->loop, b, &second, "HTTP/1.1 503", 1);
	raw_expect_end(f->loop, b, &second);
	assert_int_equal(f->held_count, 2);
	tr_http_server_respond(f->held[1], 200, "text/plain", TR_STR("still served"));
	raw_expect(f->loop, a, &first, "still served", 1);
	close(a);
	close(b);
	tr_buf_finish(&first);
	tr_buf_finish(&second);
}

static void request_outlives_the_server(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	f->hold = true;
	send_c(f, fd, "PUT /held HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
	TURN_UNTIL(f->loop, f->held_count == 1);
	tr_http_server_destroy(f->server);
	f->server = NULL;
	turn_for(f->loop, 5);
	assert_true(tr_str_eq_c(tr_http_server_path(f->held[0]), "/held"));
	assert_true(tr_str_eq_c(tr_http_server_body(f->held[0]), "hi"));
	assert_int_equal(tr_http_server_header(f->held[0], "Host").len, 0);
	tr_http_server_respond(f->held[0], 200, "text/plain", TR_STR("nobody hears"));
	close(fd);
}

static void count_destroyed(void *owned)
{
	++*(int *)owned;
}

/* Answered and sent, its client gone meanwhile, and answered after the server's end. */
static void what_a_request_owns_is_destroyed_once(void **state)
{
	struct fixture *f = *state;
	struct tr_buf in = TR_BUF_INIT(65536);
	int destroyed[3] = {0};
	int fds[3];
	size_t i;

	f->hold = true;
	for (i = 0; i < 3; i++) {
		fds[i] = dial(f);
		send_c(f, fds[i], "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
		TURN_UNTIL(f->loop, f->held_count == i + 1);
		tr_http_server_own(f->held[i], &destroyed[i], count_destroyed);
	}
	tr_http_server_respond(f->held[0], 200, "text/plain", TR_STR("sent"));
	assert_int_equal(destroyed[0], 0);
	raw_expect(f->loop, fds[0], &in, "sent", 1);
	TURN_UNTIL(f->loop, destroyed[0] == 1);
	close(fds[1]);
	turn_for(f->loop, 5);
	assert_int_equal(destroyed[1], 0);
	tr_http_server_respond(f->held[1], 200, "text/plain", TR_STR("nobody hears"));
	TURN_UNTIL(f->loop, destroyed[1] == 1);
	tr_http_server_destroy(f->server);
	f->server = NULL;
	assert_int_equal(destroyed[2], 0);
	tr_http_server_respond(f->held[2], 200, "text/plain", TR_STR("nobody hears"));
	assert_int_equal(destroyed[0] + destroyed[1] + destroyed[2], 3);
	close(fds[0]);
	close(fds[2]);
	tr_buf_finish(&in);
}

static void idle_connection_is_closed_in_time(void **state)
{
	struct fixture *f = *state;
	struct tr_http_server_options options = {.listen = "127.0.0.1:0", .idle_seconds = 1};
	struct tr_buf in = TR_BUF_INIT(65536);
	int fd;

	tr_http_server_destroy(f->server);
	f->server = tr_http_server_create(f->loop, &options, &handler, f, NULL);
	fd = dial(f);
	raw_expect_end(f->loop, fd, &in);
	close(fd);
	tr_buf_finish(&in);
}

static void address_that_cannot_be_used_is_said(void **state)
{
	static const char *const bad[] = {"", "9999", "127.0.0.1:", "127.0.0.1:70000",
		"127.0.0.1:x", "[::1:99", "::1:99", "203.0.113.1:80"};
	struct fixture *f = *state;
	struct tr_http_server_options options = {0};
	struct tr_error error;
	char taken[32];
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(bad); i++) {
		options.listen = bad[i];
		memset(&error, 0, sizeof(error));
		assert_null(tr_http_server_create(f->loop, &options, &handler, f, &error));
		assert_true(error.text[0] != '\0');
	}
	(void)snprintf(
		taken, sizeof(taken), "127.0.0.1:%u", (unsigned)tr_http_server_port(f->server));
	options.listen = taken;
	assert_null(tr_http_server_create(f->loop, &options, &handler, f, &error));
	assert_int_equal(error.code, TR_E_SYSTEM);
	assert_non_null(strstr(error.text, taken));
}

static void ipv6_address_is_listened_on(void **state)
{
	struct fixture *f = *state;
	struct tr_http_server_options options = {.listen = "[::1]:0"};
	struct tr_http_server *server = tr_http_server_create(f->loop, &options, &handler, f, NULL);

	if (!server) {
		skip(); /* no IPv6 on this machine */
	}
	assert_true(tr_http_server_port(server) > 0);
	tr_http_server_destroy(server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_reaches_the_handler_and_its_answer_the_client),
		TEST(chunked_body_arrives_whole),
		TEST(delayed_answers_go_to_their_own_requests_in_any_order),
		TEST(connection_is_kept_and_pipelined_requests_are_answered_in_order),
		TEST(pipelined_requests_wait_for_a_delayed_answer),
		TEST(body_of_exactly_the_limit_is_taken),
		TEST(announced_body_beyond_the_limit_is_413),
		TEST(chunked_body_beyond_the_limit_is_413),
		TEST(body_far_beyond_the_limit_is_cut_off_unread),
		TEST(endless_chunked_body_is_cut_off),
		TEST(answer_to_headers_keeps_the_body_from_the_handler),
		TEST(expecting_client_is_told_before_it_sends),
		TEST(client_that_went_away_does_not_harm_the_answer),
		TEST(client_that_goes_away_within_the_body_is_never_announced),
		TEST(bad_requests_are_refused_by_the_server),
		TEST(header_block_beyond_the_memory_limit_is_refused),
		TEST(query_and_headers_can_be_looked_up),
		TEST(quiesced_server_answers_what_it_has_and_refuses_the_rest),
		TEST(request_outlives_the_server),
		TEST(what_a_request_owns_is_destroyed_once),
		TEST(idle_connection_is_closed_in_time),
		TEST(address_that_cannot_be_used_is_said),
		TEST(ipv6_address_is_listened_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
