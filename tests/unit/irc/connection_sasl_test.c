/* SPDX-License-Identifier: Apache-2.0 */
/* SASL EXTERNAL and SCRAM-SHA-256 against a played server: which mechanism, what a refusal means.
 */
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/io/worker.h"
#include "irc_peer.h"

#include <openssl/evp.h>

enum { TEXT_MAX = 8192, ITERATIONS = 4096 };

static struct tr_worker *worker;

static int setup(void **state)
{
	int failed = peer_setup(state);
	worker = tr_worker_create(((struct peer *)*state)->loop, "test");
	return failed;
}

static int teardown(void **state)
{
	struct peer *peer = *state;
	peer_reset(peer);
	tr_worker_destroy(worker);
	return peer_teardown(state);
}

static struct tr_irc_connection_options login(const struct peer *peer)
{
	struct tr_irc_connection_options options = peer_options(peer);
	options.sasl_user = "ali";
	options.sasl_password = "sesame";
	options.worker = worker;
	return options;
}

static void begin(
	struct peer *peer, const struct tr_irc_connection_options *options, const char *mechanisms)
{
	peer_connect(peer, options);
	peer_expect(peer, "USER ");
	peer_say(peer, ":irc.test CAP * LS :sasl");
	peer_say(peer, mechanisms);
	peer_say(peer, "\r\n");
	peer_expect(peer, "CAP REQ sasl\r\n");
	peer_say(peer, ":irc.test CAP * ACK :sasl\r\n");
}

/* The payload of the last AUTHENTICATE that came. */
static void last_payload(struct peer *peer, struct tr_buf *out)
{
	struct tr_str rest = tr_buf_str(&peer->got);
	struct tr_str line;
	struct tr_str last = {NULL, 0};
	while (tr_str_split(&rest, '\n', &line)) {
		if (tr_str_starts(line, TR_STR("AUTHENTICATE "))) {
			last = tr_str_slice(line, 13, line.len - 14);
		}
	}
	tr_buf_clear(out);
	assert_int_equal(tr_base64_decode(out, last), 0);
}

static void say_base64(struct peer *peer, struct tr_str text)
{
	struct tr_buf line = TR_BUF_INIT(TEXT_MAX);
	tr_base64_encode(&line, text.ptr, text.len);
	struct tr_str rest = tr_buf_str(&line);
	struct tr_str chunk;
	do {
		chunk = tr_str_slice(rest, 0, 400);
		peer_say(peer, "AUTHENTICATE ");
		peer_send(peer, chunk.len ? chunk : TR_STR("+"));
		peer_say(peer, "\r\n");
		rest = tr_str_from_index(rest, chunk.len);
	} while (chunk.len == 400);
	tr_buf_finish(&line);
}

/* The server's side of the exchange, up to our proof, which it checks. `v`: its own proof. */
static void play_scram(struct peer *peer, const char *password, struct tr_buf *v)
{
	struct tr_buf got = TR_BUF_INIT(TEXT_MAX);
	struct tr_buf first = TR_BUF_INIT(TEXT_MAX);
	struct tr_buf auth = TR_BUF_INIT(TEXT_MAX);
	peer_say(peer, "AUTHENTICATE +\r\n");
	peer_expect(peer, "AUTHENTICATE SCRAM-SHA-256\r\nAUTHENTICATE ");
	RUN_WHILE(peer, !tr_str_ends(tr_buf_str(&peer->got), TR_STR("\r\n")));
	last_payload(peer, &got);
	assert_true(tr_str_starts(tr_buf_str(&got), TR_STR("n,,n=ali,r=")));
	struct tr_str nonce = tr_str_from_index(tr_buf_str(&got), 11);
	/* A long salt, so that the message takes several lines. */
	unsigned char salt[450];
	memset(salt, 's', sizeof(salt));
	tr_buf_addf(&first, "r=%.*sSERVER,s=", TR_STR_ARG(nonce));
	tr_base64_encode(&first, salt, sizeof(salt));
	tr_buf_addf(&first, ",i=%d", ITERATIONS);
	tr_buf_add(&auth, tr_str_from_index(tr_buf_str(&got), 3));
	tr_buf_addf(&auth, ",%s,c=biws,r=%.*sSERVER", tr_buf_c(&first), TR_STR_ARG(nonce));
	size_t before = peer->got.len;
	say_base64(peer, tr_buf_str(&first));
	RUN_WHILE(peer, peer->got.len == before);
	last_payload(peer, &got);

	unsigned char salted[TR_SHA256_LEN], key[TR_SHA256_LEN], stored[TR_SHA256_LEN];
	unsigned char signature[TR_SHA256_LEN];
	PKCS5_PBKDF2_HMAC(
		password, -1, salt, sizeof(salt), ITERATIONS, EVP_sha256(), sizeof(salted), salted);
	struct tr_str salted_text = {(const char *)salted, TR_SHA256_LEN};
	tr_hmac_sha256(salted_text, TR_STR("Client Key"), key);
	tr_sha256((struct tr_str){(const char *)key, TR_SHA256_LEN}, stored);
	tr_hmac_sha256(
		(struct tr_str){(const char *)stored, TR_SHA256_LEN}, tr_buf_str(&auth), signature);
	for (size_t i = 0; i < TR_SHA256_LEN; i++) {
		signature[i] ^= key[i];
	}
	struct tr_buf proof = TR_BUF_INIT(200);
	tr_buf_add_c(&proof, ",p=");
	tr_base64_encode(&proof, signature, TR_SHA256_LEN);
	bool right = tr_str_ends(tr_buf_str(&got), tr_buf_str(&proof));
	assert_int_equal(right, strcmp(password, "sesame") == 0);
	tr_hmac_sha256(salted_text, TR_STR("Server Key"), key);
	tr_hmac_sha256(
		(struct tr_str){(const char *)key, TR_SHA256_LEN}, tr_buf_str(&auth), signature);
	tr_buf_add_c(v, "v=");
	tr_base64_encode(v, signature, TR_SHA256_LEN);
	tr_buf_finish(&got);
	tr_buf_finish(&first);
	tr_buf_finish(&auth);
	tr_buf_finish(&proof);
}

static void await_refusal(struct peer *peer, enum tr_error_class cls, int status, const char *text)
{
	RUN_WHILE(peer, peer->closed == 0);
	assert_int_equal(peer->ready, 0);
	assert_int_equal(peer->error.cls, cls);
	assert_int_equal(peer->error.status, status);
	assert_non_null(strstr(peer->error.text, text));
	assert_null(strstr(peer->error.text, "sesame"));
}

static void scram_logs_in_when_both_sides_have_proven_themselves(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	struct tr_buf v = TR_BUF_INIT(200);
	begin(peer, &options, "=PLAIN,SCRAM-SHA-256");
	play_scram(peer, "sesame", &v);
	say_base64(peer, tr_buf_str(&v));
	peer_expect(peer, "AUTHENTICATE +\r\n");
	assert_false(peer_has(peer, "CAP END"));
	peer_say(peer, "900 alice a!b@c ali :hello\r\n903 alice :done\r\n");
	peer_expect(peer, "CAP END\r\n");
	peer_say(peer, WELCOME);
	RUN_WHILE(peer, peer->ready == 0);
	assert_true(tr_irc_connection_logged_in(peer->connection));
	assert_false(peer_has(peer, "AUTHENTICATE PLAIN"));
	tr_buf_finish(&v);
}

static void a_server_without_the_password_gets_no_user(void **state)
{
	static const char *const ends[] = {"903 alice :take my word for it\r\n", NULL};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(ends); i++) {
		struct tr_irc_connection_options options = login(peer);
		struct tr_buf v = TR_BUF_INIT(200);
		begin(peer, &options, "=SCRAM-SHA-256");
		play_scram(peer, "guessed", &v);
		if (ends[i] != NULL) {
			peer_say(peer, ends[i]);
		} else {
			say_base64(peer, tr_buf_str(&v));
		}
		await_refusal(peer, TR_CLASS_DENIED, 0, "pro");
		peer_reset(peer);
		tr_buf_finish(&v);
	}
}

static void a_wrong_password_is_not_said_in_another_way(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	struct tr_buf v = TR_BUF_INIT(200);
	begin(peer, &options, "=PLAIN,SCRAM-SHA-256");
	play_scram(peer, "other", &v);
	peer_say(peer, "904 alice :SASL authentication failed\r\n");
	await_refusal(peer, TR_CLASS_DENIED, 904, "SASL authentication failed");
	assert_false(peer_has(peer, "AUTHENTICATE PLAIN"));
	tr_buf_finish(&v);
}

/* Without TLS the password must not follow in the clear, however the server asks. */
static void plain_does_not_follow_scram_in_the_clear(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	begin(peer, &options, "=PLAIN,SCRAM-SHA-256");
	peer_expect(peer, "AUTHENTICATE SCRAM-SHA-256\r\n");
	peer_say(peer, "908 alice PLAIN :are available\r\n904 alice :no such mechanism\r\n");
	await_refusal(peer, TR_CLASS_DENIED, 904, "no such mechanism");
	assert_false(peer_has(peer, "PLAIN"));
}

static void without_a_worker_there_is_no_scram(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	options.worker = NULL;
	begin(peer, &options, "=SCRAM-SHA-256,PLAIN");
	peer_expect(peer, "AUTHENTICATE PLAIN\r\n");
}

/* A server that names no mechanisms is asked for the best one; 908 says what it has. */
static void the_list_of_908_decides_what_is_tried_next(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	options.worker = NULL;
	begin(peer, &options, "");
	peer_expect(peer, "AUTHENTICATE PLAIN\r\n");
	peer_say(peer, "908 alice EXTERNAL,ECDSA-NIST256P-CHALLENGE :are available\r\n"
		       "904 alice :failed\r\n");
	await_refusal(peer, TR_CLASS_DENIED, 904, "failed");
}

static void garbage_in_the_exchange_is_refused(void **state)
{
	static const char *const garbage[] = {
		"AUTHENTICATE !!!\r\n",
		"AUTHENTICATE cj0=\r\n", /* "r=" */
		"AUTHENTICATE\r\n",
		"AUTHENTICATE :\r\n",
		"AUTHENTICATE +\r\n",
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(garbage); i++) {
		struct tr_irc_connection_options options = login(peer);
		begin(peer, &options, "=SCRAM-SHA-256");
		peer_say(peer, "AUTHENTICATE +\r\n");
		peer_expect(peer, "SCRAM-SHA-256\r\nAUTHENTICATE ");
		peer_say(peer, garbage[i]);
		await_refusal(peer, TR_CLASS_DENIED, 0, "the login as ali");
		peer_reset(peer);
	}
}

static void an_endless_challenge_is_cut_off(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	char line[16 + 400 + 3];
	memcpy(line, "AUTHENTICATE ", 13);
	memset(line + 13, 'A', 400);
	memcpy(line + 413, "\r\n", 3);
	begin(peer, &options, "=SCRAM-SHA-256");
	peer_expect(peer, "SCRAM-SHA-256\r\n");
	for (int i = 0; i < 100; i++) {
		peer_say(peer, line);
	}
	await_refusal(peer, TR_CLASS_DENIED, 0, "too long");
}

static void services_that_give_up_are_tried_again_later(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	begin(peer, &options, "=SCRAM-SHA-256");
	peer_say(peer, "AUTHENTICATE +\r\n906 alice :SASL authentication aborted\r\n");
	await_refusal(peer, TR_CLASS_RETRY, 906, "aborted");
}

static void an_end_while_the_worker_counts_is_clean(void **state)
{
	struct peer *peer = *state;
	for (int i = 0; i < 4; i++) {
		struct tr_irc_connection_options options = login(peer);
		struct tr_buf got = TR_BUF_INIT(TEXT_MAX);
		begin(peer, &options, "=SCRAM-SHA-256");
		peer_say(peer, "AUTHENTICATE +\r\n");
		peer_expect(peer, "AUTHENTICATE SCRAM-SHA-256\r\nAUTHENTICATE ");
		RUN_WHILE(peer, !tr_str_ends(tr_buf_str(&peer->got), TR_STR("\r\n")));
		last_payload(peer, &got);
		struct tr_buf first = TR_BUF_INIT(TEXT_MAX);
		tr_buf_addf(&first, "r=%sS,s=c2FsdA==,i=300000", tr_buf_c(&got) + 11);
		say_base64(peer, tr_buf_str(&first));
		RUN_WHILE(peer, tr_worker_pending(worker) == 0);
		if (i == 0) {
			peer_hang_up(peer);
			peer->ended = true;
			RUN_WHILE(peer, peer->closed == 0);
		} else if (i == 1) {
			peer_say(peer, "904 alice :too slow\r\n");
			await_refusal(peer, TR_CLASS_DENIED, 904, "too slow");
		} else if (i == 2) {
			peer_say(peer, WELCOME);
			await_refusal(peer, TR_CLASS_DENIED, 0, "guest");
		}
		peer_reset(peer);
		RUN_WHILE(peer, tr_worker_pending(worker) > 0);
		tr_buf_finish(&got);
		tr_buf_finish(&first);
	}
}

static void a_server_without_sasl_is_fine_where_that_was_said(void **state)
{
	static const char *const answers[] = {
		":irc.test CAP * LS :message-tags\r\n",
		":irc.test CAP * LS :sasl=ECDSA-NIST256P-CHALLENGE\r\n",
		":irc.test CAP * LS :\r\n",
		":irc.test CAP * LS :sasl\r\n:irc.test CAP * NAK :sasl\r\n",
		":irc.test 421 * CAP :Unknown command\r\n",
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(answers); i++) {
		struct tr_irc_connection_options options = login(peer);
		options.sasl_optional = true;
		peer_connect(peer, &options);
		peer_say(peer, answers[i]);
		peer_say(peer, WELCOME);
		RUN_WHILE(peer, peer->ready == 0);
		assert_false(tr_irc_connection_logged_in(peer->connection));
		assert_false(peer_has(peer, "AUTHENTICATE"));
		peer_reset(peer);
	}
}

/* But a login that was begun and refused is never a guest's. */
static void a_refused_login_is_final_also_where_sasl_may_lack(void **state)
{
	struct peer *peer = *state;
	struct tr_irc_connection_options options = login(peer);
	options.worker = NULL;
	options.sasl_optional = true;
	begin(peer, &options, "=PLAIN");
	peer_say(peer, "AUTHENTICATE +\r\n904 alice :no\r\n" WELCOME);
	await_refusal(peer, TR_CLASS_DENIED, 904, "no");
}

static void a_server_that_wants_an_account_says_so(void **state)
{
	static const char *const ends[] = {
		"FAIL * ACCOUNT_REQUIRED_TO_CONNECT :You must log in\r\n",
		"ERROR :Closing Link: (SASL access only)\r\n",
		"464 alice :Password incorrect\r\n",
	};
	struct peer *peer = *state;
	for (size_t i = 0; i < TR_ARRAY_LEN(ends); i++) {
		struct tr_irc_connection_options options = peer_options(peer);
		peer_connect(peer, &options);
		peer_say(peer, ends[i]);
		RUN_WHILE(peer, peer->closed == 0);
		assert_int_equal(peer->error.code, TR_E_AUTH);
		assert_int_equal(peer->error.cls, TR_CLASS_DENIED);
		peer_reset(peer);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scram_logs_in_when_both_sides_have_proven_themselves),
		TEST(a_server_without_the_password_gets_no_user),
		TEST(a_wrong_password_is_not_said_in_another_way),
		TEST(plain_does_not_follow_scram_in_the_clear),
		TEST(without_a_worker_there_is_no_scram),
		TEST(the_list_of_908_decides_what_is_tried_next),
		TEST(garbage_in_the_exchange_is_refused),
		TEST(an_endless_challenge_is_cut_off),
		TEST(services_that_give_up_are_tried_again_later),
		TEST(an_end_while_the_worker_counts_is_clean),
		TEST(a_server_without_sasl_is_fine_where_that_was_said),
		TEST(a_refused_login_is_final_also_where_sasl_may_lack),
		TEST(a_server_that_wants_an_account_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
