/* SPDX-License-Identifier: Apache-2.0 */
/* TLS streams: whom they trust, what they say about whom they do not, and that no byte stays. */
#include "tls_peer.h"

enum { LINES = 151, FLOOD = 4 * 1024 * 1024 };

static struct {
	char dir[64];
	char ca_file[128];
	char client_file[128];
	char leaf_file[128];
	struct identity ca;
	struct identity other_ca;
	struct identity good; /* for irc.test and 127.0.0.1 */
	struct identity expired;
	struct identity future;
	struct identity self_signed;
	struct identity unknown; /* signed by the other authority */
	struct identity client;
} world;

static int make_world(void **state)
{
	const char *names = "DNS:irc.test,IP:127.0.0.1";
	const struct identity *ca = &world.ca;

	(void)state;
	(void)snprintf(world.dir, sizeof(world.dir), "/tmp/tls_test.XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	(void)snprintf(world.ca_file, sizeof(world.ca_file), "%s/ca.pem", world.dir);
	(void)snprintf(world.client_file, sizeof(world.client_file), "%s/client.pem", world.dir);
	(void)snprintf(world.leaf_file, sizeof(world.leaf_file), "%s/leaf.pem", world.dir);
	world.ca = identity_make(&(struct identity_options){.name = "CA", .authority = true});
	world.other_ca =
		identity_make(&(struct identity_options){.name = "Other", .authority = true});
	world.good = identity_make(
		&(struct identity_options){.name = "good", .alt_names = names, .from = ca});
	world.expired = identity_make(&(struct identity_options){.name = "expired",
		.alt_names = names,
		.from = ca,
		.valid_from = -2 * DAY,
		.valid_to = -DAY});
	world.future = identity_make(&(struct identity_options){.name = "future",
		.alt_names = names,
		.from = ca,
		.valid_from = DAY,
		.valid_to = 2 * DAY});
	world.self_signed =
		identity_make(&(struct identity_options){.name = "self", .alt_names = names});
	world.unknown = identity_make(&(struct identity_options){
		.name = "unknown", .alt_names = names, .from = &world.other_ca});
	world.client = identity_make(&(struct identity_options){.name = "client", .from = ca});
	identity_save(&world.ca, world.ca_file, false);
	identity_save(&world.client, world.client_file, true);
	identity_save(&world.good, world.leaf_file, false);
	return 0;
}

static int drop_world(void **state)
{
	(void)state;
	identity_finish(&world.ca);
	identity_finish(&world.other_ca);
	identity_finish(&world.good);
	identity_finish(&world.expired);
	identity_finish(&world.future);
	identity_finish(&world.self_signed);
	identity_finish(&world.unknown);
	identity_finish(&world.client);
	(void)unlink(world.ca_file);
	(void)unlink(world.client_file);
	(void)unlink(world.leaf_file);
	(void)rmdir(world.dir);
	return 0;
}

/* Connects to a server with these manners and waits until the stream is open or closed. `change`
 * may be NULL. */
static void meet(struct client *client, struct server *server, struct tls_server *manners,
	const struct tr_tls_options *trust, const struct tr_stream_options *change)
{
	struct tr_stream_options options = change ? *change : (struct tr_stream_options){0};
	struct tr_tls_options own = {.ca_file = world.ca_file};

	server->arg = manners;
	server_start(server, serve_tls);
	options.host = "127.0.0.1";
	options.port = server->port;
	options.tls_name = options.tls_name ? options.tls_name : "irc.test";
	options.tls = tr_tls_create(trust ? trust : &own, NULL);
	assert_non_null(options.tls);
	client_connect(client, &options);
	tr_tls_destroy(options.tls);
	RUN_WHILE(client, client->opened + client->closed == 0);
}

static void join_server(struct server *server)
{
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	server->running = false;
}

static void assert_refused(struct client *client, struct server *server, const char *reason)
{
	char expected[240];

	assert_int_equal(client->opened, 0);
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->error.code, TR_E_TLS);
	(void)snprintf(expected, sizeof(expected), "TLS with 127.0.0.1:%u failed: %s",
		(unsigned)server->port, reason);
	assert_string_equal(client->error.text, expected);
}

static void talk_echo(struct server *server, SSL *ssl)
{
	char bytes[16384];
	int count;

	(void)server;
	while ((count = SSL_read(ssl, bytes, sizeof(bytes))) > 0) {
		if (SSL_write(ssl, bytes, count) <= 0) {
			break;
		}
	}
}

static void a_server_of_our_own_authority_is_trusted(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_echo};

	meet(client, &server, &manners, NULL, NULL);
	assert_int_equal(client->opened, 1);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("hello")), 0);
	RUN_WHILE(client, client->got.len < 5);
	assert_string_equal(tr_buf_c(&client->got), "hello");
	tr_stream_shutdown(client->stream, 5000);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_CLOSED);
	join_server(&server);
	assert_true(manners.shaken);
	assert_string_equal(manners.server_name, "irc.test");
	assert_string_equal(manners.client_name, "");
	server_finish(&server);
}

static void tls_1_2_is_spoken_too(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {
		.identity = &world.good, .talk = talk_echo, .max_version = TLS1_2_VERSION};

	meet(client, &server, &manners, NULL, NULL);
	assert_int_equal(client->opened, 1);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("hello")), 0);
	RUN_WHILE(client, client->got.len < 5);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	join_server(&server);
	assert_int_equal(manners.version, TLS1_2_VERSION);
	server_finish(&server);
}

static void tls_1_1_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .max_version = TLS1_1_VERSION};

	meet(client, &server, &manners, NULL, NULL);
	assert_int_equal(client->error.code, TR_E_TLS);
	assert_non_null(strstr(client->error.text, "it does not speak TLS 1.2 or later"));
	assert_int_equal(client->opened, 0);
	server_finish(&server);
	assert_false(manners.shaken);
}

static void an_address_is_verified_without_sni(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_echo};
	struct tr_stream_options options = {.tls_name = "127.0.0.1"};

	meet(client, &server, &manners, NULL, &options);
	assert_int_equal(client->opened, 1);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	join_server(&server);
	assert_string_equal(manners.server_name, "");
	server_finish(&server);
}

static void an_address_that_is_not_in_the_certificate_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good};
	struct tr_stream_options options = {.tls_name = "127.0.0.9"};

	meet(client, &server, &manners, NULL, &options);
	assert_refused(client, &server, "its certificate is not for 127.0.0.9 (address mismatch)");
	server_finish(&server);
}

static void a_wrong_name_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good};
	struct tr_stream_options options = {.tls_name = "irc.example.com"};

	meet(client, &server, &manners, NULL, &options);
	assert_refused(
		client, &server, "its certificate is not for irc.example.com (hostname mismatch)");
	server_finish(&server);
}

static void the_dot_of_the_root_is_no_part_of_the_name(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good};
	struct tr_stream_options options = {.tls_name = "irc.test."};

	meet(client, &server, &manners, NULL, &options);
	assert_int_equal(client->opened, 1);
	server_finish(&server);
	assert_string_equal(manners.server_name, "irc.test");
}

static void an_expired_certificate_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.expired};

	meet(client, &server, &manners, NULL, NULL);
	assert_refused(client, &server, "its certificate has expired");
	server_finish(&server);
}

static void a_certificate_of_the_future_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.future};

	meet(client, &server, &manners, NULL, NULL);
	assert_refused(client, &server, "its certificate is not valid yet");
	server_finish(&server);
}

static void allow_expired_forgives_only_the_dates(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.expired};
	struct tr_tls_options trust = {.ca_file = world.ca_file, .allow_expired = true};
	struct tr_stream_options options = {.tls_name = "irc.example.com"};

	meet(client, &server, &manners, &trust, NULL);
	assert_int_equal(client->opened, 1);
	tr_stream_destroy(client->stream);
	server_finish(&server);

	client->opened = 0;
	client->closed = 0;
	meet(client, &server, &manners, &trust, &options);
	assert_refused(
		client, &server, "its certificate is not for irc.example.com (hostname mismatch)");
	server_finish(&server);
}

static void a_self_signed_certificate_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.self_signed};

	meet(client, &server, &manners, NULL, NULL);
	assert_refused(
		client, &server, "it has a self-signed certificate, and that is not trusted here");
	server_finish(&server);
}

static void allow_self_signed_takes_any_certificate(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.self_signed};
	struct tr_tls_options trust = {.allow_self_signed = true};
	struct tr_stream_options options = {.tls_name = "irc.example.com"};

	meet(client, &server, &manners, &trust, &options);
	assert_int_equal(client->opened, 1);
	server_finish(&server);
}

static void an_unknown_authority_is_refused(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.unknown};

	meet(client, &server, &manners, NULL, NULL);
	assert_refused(client, &server, "the issuer of its certificate is not trusted here");
	server_finish(&server);
}

static void the_ca_file_may_hold_the_servers_own_certificate(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good};
	struct tr_tls_options trust = {.ca_file = world.leaf_file};

	meet(client, &server, &manners, &trust, NULL);
	assert_int_equal(client->opened, 1);
	server_finish(&server);
}

static void the_system_does_not_trust_our_authority(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good};
	struct tr_tls_options trust = {0};

	meet(client, &server, &manners, &trust, NULL);
	assert_refused(client, &server, "the issuer of its certificate is not trusted here");
	server_finish(&server);
}

enum { FILE_MAX = 65536 };

static void read_file(const char *path, struct tr_buf *out)
{
	FILE *file = fopen(path, "r");
	char bytes[4096];
	size_t count;

	assert_non_null(file);
	while ((count = fread(bytes, 1, sizeof(bytes), file)) > 0) {
		tr_buf_add(out, tr_str_of(bytes, count));
	}
	assert_int_equal(fclose(file), 0);
}

static struct tr_tls_identity *identity_of_file(const char *path)
{
	struct tr_buf pem = TR_BUF_INIT(FILE_MAX);
	struct tr_tls_identity *identity;

	read_file(path, &pem);
	identity = tr_tls_identity_create(tr_buf_str(&pem), NULL);
	tr_buf_finish(&pem);
	return identity;
}

static void a_client_certificate_is_presented(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {
		.identity = &world.good, .client_authority = &world.ca, .talk = talk_echo};
	struct tr_stream_options options = {.identity = identity_of_file(world.client_file)};

	assert_non_null(options.identity);
	meet(client, &server, &manners, NULL, &options);
	tr_tls_identity_destroy(options.identity);
	assert_int_equal(client->opened, 1);
	assert_int_equal(tr_stream_write(client->stream, TR_STR("x")), 0);
	RUN_WHILE(client, client->got.len < 1);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	join_server(&server);
	assert_string_equal(manners.client_name, "client");
	server_finish(&server);
}

static void a_server_that_misses_our_certificate_says_so(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .client_authority = &world.ca};

	meet(client, &server, &manners, NULL, NULL);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_TLS);
	assert_non_null(strstr(client->error.text, "certificate required"));
	server_finish(&server);
}

static void assert_no_identity(struct tr_str pem, const char *why)
{
	struct tr_error error = {0};

	assert_null(tr_tls_identity_create(pem, &error));
	assert_int_equal(error.code, TR_E_CONFIG);
	assert_non_null(strstr(error.text, why));
}

static void a_client_certificate_is_checked_before_any_stream_has_it(void **state)
{
	struct tr_buf pem = TR_BUF_INIT(FILE_MAX);
	struct tr_buf other = TR_BUF_INIT(FILE_MAX);
	struct tr_error error;

	(void)state;
	assert_no_identity((struct tr_str){NULL, 0}, "no certificate");
	assert_no_identity(TR_STR("no PEM at all"), "no certificate");
	read_file(world.ca_file, &pem);
	assert_no_identity(tr_buf_str(&pem), "no private key");
	/* The key of the client after the certificate of the authority. */
	read_file(world.client_file, &other);
	tr_buf_add(&pem, tr_buf_str(&other));
	assert_no_identity(tr_buf_str(&pem), "does not belong");
	for (size_t len = 0; len < other.len; len += 7) {
		tr_tls_identity_destroy(
			tr_tls_identity_create(tr_str_slice(tr_buf_str(&other), 0, len), &error));
	}
	tr_tls_identity_destroy(NULL);
	tr_buf_finish(&pem);
	tr_buf_finish(&other);
}

static void the_fingerprint_of_a_certificate_is_that_of_its_bytes(void **state)
{
	struct tr_tls_identity *identity = identity_of_file(world.client_file);
	struct tr_buf text = TR_BUF_INIT(1000);

	(void)state;
	assert_int_equal(tr_tls_identity_fingerprint(identity, "SHA256", &text), 0);
	assert_int_equal(text.len, 64);
	assert_int_equal(tr_tls_identity_fingerprint(identity, "SHA512", &text), 0);
	assert_int_equal(text.len, 64 + 128);
	assert_int_equal(
		tr_tls_identity_fingerprint(identity, "nonsense", &text), TR_E_UNSUPPORTED);
	assert_false(tr_tls_identity_expired(identity));
	tr_tls_identity_destroy(identity);
	tr_buf_finish(&text);
}

static void a_missing_ca_file_is_told(void **state)
{
	struct tr_tls_options trust = {.ca_file = "/nonexistent/ca.pem"};
	struct tr_error error = {0};

	(void)state;
	assert_null(tr_tls_create(&trust, &error));
	assert_int_equal(error.code, TR_E_CONFIG);
	assert_non_null(strstr(error.text, "cannot use the CA file /nonexistent/ca.pem: "));
	tr_tls_destroy(NULL);
}

/* 151 lines in one record, and then silence until the client speaks. */
static void talk_burst(struct server *server, SSL *ssl)
{
	struct tr_buf burst = TR_BUF_INIT(16384);
	char byte;
	int i;

	(void)server;
	for (i = 0; i < LINES; i++) {
		(void)tr_buf_addf(&burst,
			":a!b@c PRIVMSG #channel :this is line number %03d in a "
			"burst of many lines in one record\r\n",
			i);
	}
	assert_int_equal(SSL_write(ssl, burst.data, (int)burst.len), (int)burst.len);
	(void)SSL_read(ssl, &byte, 1);
	tr_buf_finish(&burst);
}

static void every_line_of_a_burst_in_one_record_is_delivered(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_burst};
	struct tr_str rest;
	struct tr_str line;
	int lines = 0;

	meet(client, &server, &manners, NULL, NULL);
	client_run_ms(client, 200);
	rest = tr_buf_str(&client->got);
	while (tr_str_split(&rest, '\n', &line)) {
		lines += line.len > 0;
	}
	assert_int_equal(lines, LINES);
	tr_stream_destroy(client->stream);
	client->stream = NULL;
	server_finish(&server);
}

static void talk_flood(struct server *server, SSL *ssl)
{
	char *data = pattern_make(FLOOD);

	(void)server;
	(void)SSL_write(ssl, data, FLOOD);
	tr_free(data);
}

static void a_flood_comes_through_whole_and_ends_in_order(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_flood};

	meet(client, &server, &manners, NULL, NULL);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->got.len, FLOOD);
	assert_true(pattern_holds(tr_buf_str(&client->got)));
	assert_int_equal(client->error.code, TR_E_CLOSED);
	server_finish(&server);
}

static void a_paused_stream_holds_back_what_is_decrypted(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_flood};
	int reads;

	client->pause_in_read = true;
	meet(client, &server, &manners, NULL, NULL);
	for (reads = 1; reads < 20; reads++) {
		RUN_WHILE(client, client->reads < reads);
		client_run_ms(client, 15);
		assert_int_equal(client->reads, reads);
		tr_stream_resume(client->stream);
		assert_int_equal(client->reads, reads);
	}
	client->pause_in_read = false;
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->got.len, FLOOD);
	assert_true(pattern_holds(tr_buf_str(&client->got)));
	server_finish(&server);
}

static void a_stream_paused_before_the_handshake_opens_and_waits(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_flood};
	struct tr_tls *tls =
		tr_tls_create(&(struct tr_tls_options){.ca_file = world.ca_file}, NULL);
	struct tr_stream_options options = {.host = "127.0.0.1", .tls = tls};

	server.arg = &manners;
	server_start(&server, serve_tls);
	options.port = server.port;
	client_connect(client, &options);
	tr_tls_destroy(tls);
	tr_stream_pause(client->stream);
	RUN_WHILE(client, client->opened == 0);
	client_run_ms(client, 50);
	assert_int_equal(client->reads, 0);
	tr_stream_resume(client->stream);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->got.len, FLOOD);
	server_finish(&server);
}

static void talk_late_reader(struct server *server, SSL *ssl)
{
	char bytes[16384];
	int count;

	sleep_ms(100);
	while ((count = SSL_read(ssl, bytes, sizeof(bytes))) > 0) {
		(void)tr_buf_add(&server->got, tr_str_of(bytes, (size_t)count));
	}
}

static void the_queue_is_bounded_and_flushed_over_tls_too(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_late_reader};
	const size_t len = 32 * 1024 * 1024;
	char *data = pattern_make(len);
	size_t taken = 0;

	meet(client, &server, &manners, NULL, NULL);
	for (;;) {
		size_t count = 1 + taken % 40000;
		int status = tr_stream_write(client->stream, tr_str_of(data + taken, count));

		if (status != 0) {
			assert_int_equal(status, TR_E_TOO_BIG);
			break;
		}
		taken += count;
		assert_true(taken < len - 40000);
	}
	assert_false(tr_stream_writable(client->stream));
	RUN_WHILE(client, client->drained == 0);
	assert_true(tr_stream_writable(client->stream));
	assert_int_equal(tr_stream_write(client->stream, tr_str_of(data + taken, 500000)), 0);
	taken += 500000;
	tr_stream_shutdown(client->stream, 10000);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_CLOSED);
	join_server(&server);
	assert_int_equal(server.got.len, taken);
	assert_memory_equal(server.got.data, data, taken);
	server_finish(&server);
	tr_free(data);
}

static void serve_silence(struct server *server, int fd)
{
	read_to(server, fd, SIZE_MAX);
}

static void serve_greeting(struct server *server, int fd)
{
	(void)send_all(fd, ":irc.test NOTICE * :*** Looking up your hostname\r\n", 50);
	read_to(server, fd, SIZE_MAX);
}

static void serve_hangup(struct server *server, int fd)
{
	read_to(server, fd, 1);
	(void)shutdown(fd, SHUT_WR);
	read_to(server, fd, SIZE_MAX);
}

/* TLS towards a server that does not speak it. */
static void meet_plain(struct client *client, struct server *server, server_function *serve)
{
	struct tr_tls *tls = tr_tls_create(&(struct tr_tls_options){0}, NULL);
	struct tr_stream_options options = {
		.host = "127.0.0.1", .tls = tls, .connect_timeout_ms = 300};

	server_start(server, serve);
	options.port = server->port;
	client_connect(client, &options);
	tr_tls_destroy(tls);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->opened, 0);
}

static void a_server_that_never_answers_the_handshake_times_out(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	uint64_t start = tr_clock_mono_ms();

	meet_plain(client, &server, serve_silence);
	/* Not before its time; how late is the machine's affair. */
	assert_true(tr_clock_mono_ms() - start >= 290);
	assert_int_equal(client->error.code, TR_E_TIMEOUT);
	assert_non_null(strstr(client->error.text, "no TLS handshake with 127.0.0.1:"));
	server_finish(&server);
}

static void a_server_that_does_not_speak_tls_is_told(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	meet_plain(client, &server, serve_greeting);
	assert_refused(client, &server, "what it sends is not TLS (wrong version number)");
	server_finish(&server);
}

static void a_server_that_hangs_up_in_the_handshake_is_told(void **state)
{
	struct client *client = *state;
	struct server server = {0};

	meet_plain(client, &server, serve_hangup);
	assert_int_equal(client->error.code, TR_E_NETWORK);
	assert_non_null(
		strstr(client->error.text, " closed the connection during the TLS handshake"));
	server_finish(&server);
}

static void an_end_without_closing_notice_is_an_end(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {
		.identity = &world.good, .talk = talk_flood, .no_closing_notice = true};

	meet(client, &server, &manners, NULL, NULL);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->closed, 1);
	assert_int_equal(client->got.len, FLOOD);
	assert_int_equal(client->error.cls, TR_CLASS_RETRY);
	server_finish(&server);
}

static void talk_garbage(struct server *server, SSL *ssl)
{
	(void)server;
	(void)send_all(SSL_get_fd(ssl), "\x17\x03\x03\x00\x20garbage garbage garbage garbage", 37);
	sleep_ms(50);
}

static void a_forged_record_ends_the_stream(void **state)
{
	struct client *client = *state;
	struct server server = {0};
	struct tls_server manners = {.identity = &world.good, .talk = talk_garbage};

	meet(client, &server, &manners, NULL, NULL);
	RUN_WHILE(client, client->closed == 0);
	assert_int_equal(client->error.code, TR_E_TLS);
	assert_int_equal(client->got.len, 0);
	server_finish(&server);
}

static void destroying_in_any_callback_is_fine_over_tls(void **state)
{
	static const enum client_event events[] = {CLIENT_OPEN, CLIENT_READ, CLIENT_CLOSE};
	struct client *client = *state;
	size_t i;

	for (i = 0; i < TR_ARRAY_LEN(events); i++) {
		struct server server = {0};
		struct tls_server manners = {.identity = &world.good, .talk = talk_flood};

		client->opened = 0;
		client->closed = 0;
		client->destroy_in = events[i];
		meet(client, &server, &manners, NULL, NULL);
		RUN_WHILE(client, client->stream != NULL);
		client_run_ms(client, 10);
		server_finish(&server);
	}
}

int main(void)
{
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, client_setup, client_teardown)
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(a_server_of_our_own_authority_is_trusted),
		WITH_CLIENT(tls_1_2_is_spoken_too),
		WITH_CLIENT(tls_1_1_is_refused),
		WITH_CLIENT(an_address_is_verified_without_sni),
		WITH_CLIENT(an_address_that_is_not_in_the_certificate_is_refused),
		WITH_CLIENT(a_wrong_name_is_refused),
		WITH_CLIENT(the_dot_of_the_root_is_no_part_of_the_name),
		WITH_CLIENT(an_expired_certificate_is_refused),
		WITH_CLIENT(a_certificate_of_the_future_is_refused),
		WITH_CLIENT(allow_expired_forgives_only_the_dates),
		WITH_CLIENT(a_self_signed_certificate_is_refused),
		WITH_CLIENT(allow_self_signed_takes_any_certificate),
		WITH_CLIENT(an_unknown_authority_is_refused),
		WITH_CLIENT(the_ca_file_may_hold_the_servers_own_certificate),
		WITH_CLIENT(the_system_does_not_trust_our_authority),
		WITH_CLIENT(a_client_certificate_is_presented),
		WITH_CLIENT(a_server_that_misses_our_certificate_says_so),
		cmocka_unit_test(a_client_certificate_is_checked_before_any_stream_has_it),
		cmocka_unit_test(the_fingerprint_of_a_certificate_is_that_of_its_bytes),
		cmocka_unit_test(a_missing_ca_file_is_told),
		WITH_CLIENT(every_line_of_a_burst_in_one_record_is_delivered),
		WITH_CLIENT(a_flood_comes_through_whole_and_ends_in_order),
		WITH_CLIENT(a_paused_stream_holds_back_what_is_decrypted),
		WITH_CLIENT(a_stream_paused_before_the_handshake_opens_and_waits),
		WITH_CLIENT(the_queue_is_bounded_and_flushed_over_tls_too),
		WITH_CLIENT(a_server_that_never_answers_the_handshake_times_out),
		WITH_CLIENT(a_server_that_does_not_speak_tls_is_told),
		WITH_CLIENT(a_server_that_hangs_up_in_the_handshake_is_told),
		WITH_CLIENT(an_end_without_closing_notice_is_an_end),
		WITH_CLIENT(a_forged_record_ends_the_stream),
		WITH_CLIENT(destroying_in_any_callback_is_fine_over_tls),
	};

	return cmocka_run_group_tests_name("io/tls", tests, make_world, drop_world);
}
