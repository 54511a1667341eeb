/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed secrets, in our form and in the incumbent's, which is compared with the openssl program.
 */
#include "core/store/seal.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* For a 2048-bit key: 256 - 42 - 25. */
enum { LONGEST = 189 };

static char dir[] = "/tmp/trestle-seal-XXXXXX";
static char key_path[64];
static char other_path[64];
static struct tr_seal *seal;
static struct tr_seal *other;

static const struct tr_str row = {"irc/@alice:example.com/password", 31};

/* Runs a program; false unless it exits with 0. */
static bool run(char *const arguments[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 2);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool make_key(const char *path, const char *bits)
{
	char option[64];
	char *arguments[] = {"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", option, "-out",
		(char *)(uintptr_t)path, NULL};

	snprintf(option, sizeof(option), "rsa_keygen_bits:%s", bits);
	return run(arguments);
}

static struct tr_seal *must_open(const char *path)
{
	struct tr_error error;
	struct tr_seal *opened = tr_seal_open(path, &error);

	if (!opened) {
		fail_msg("%s", error.text);
	}
	return opened;
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir)) {
		return -1;
	}
	snprintf(key_path, sizeof(key_path), "%s/passkey.pem", dir);
	snprintf(other_path, sizeof(other_path), "%s/other.pem", dir);
	if (!make_key(key_path, "2048") || !make_key(other_path, "2048")) {
		return -1;
	}
	seal = must_open(key_path);
	other = must_open(other_path);
	return 0;
}

static int tear_down(void **state)
{
	char *arguments[] = {"rm", "-rf", dir, NULL};

	(void)state;
	tr_seal_close(seal);
	tr_seal_close(other);
	tr_seal_close(NULL);
	return run(arguments) ? 0 : -1;
}

static struct tr_buf sealed_with(struct tr_seal *with, struct tr_str secret)
{
	struct tr_buf out = TR_BUF_INIT(1 << 20);
	struct tr_error error;

	assert_int_equal(tr_seal_close_secret(with, row, secret, &out, &error), 0);
	return out;
}

static void assert_opens(struct tr_seal *with, struct tr_str sealed, struct tr_str secret)
{
	struct tr_buf out = TR_BUF_INIT(1 << 20);
	struct tr_error error;

	assert_int_equal(tr_seal_open_secret(with, row, sealed, &out, &error), 0);
	assert_true(tr_str_eq(tr_buf_str(&out), secret));
	tr_buf_finish(&out);
}

static void assert_refused(struct tr_seal *with, struct tr_str context, struct tr_str sealed)
{
	struct tr_buf out = TR_BUF_INIT(1 << 20);
	struct tr_error error;

	assert_int_equal(tr_seal_open_secret(with, context, sealed, &out, &error), TR_E_INVALID);
	assert_int_equal(out.len, 0);
	tr_buf_finish(&out);
}

static void secret_comes_back(void **state)
{
	static const struct tr_str secrets[] = {TR_STR("hunter2"), TR_STR(""),
		TR_STR(" a  password with spaces "), TR_STR("p\xc3\xa4ss\n\0word")};
	size_t i;

	(void)state;
	for (i = 0; i < TR_ARRAY_LEN(secrets); i++) {
		struct tr_buf once = sealed_with(seal, secrets[i]);
		struct tr_buf again = sealed_with(seal, secrets[i]);

		assert_true(tr_str_starts(tr_buf_str(&once), TR_STR("tr1:")));
		assert_int_equal(tr_buf_c(&once)[12], ':');
		/* The nonce is new each time. */
		assert_false(tr_str_eq(tr_buf_str(&once), tr_buf_str(&again)));
		if (secrets[i].len > 3) {
			assert_int_equal(tr_str_find(tr_buf_str(&once), secrets[i]), -1);
		}
		assert_opens(seal, tr_buf_str(&once), secrets[i]);
		tr_buf_finish(&once);
		tr_buf_finish(&again);
	}
}

static void secret_opens_after_a_restart(void **state)
{
	struct tr_buf sealed = sealed_with(seal, TR_STR("hunter2"));
	struct tr_seal *again = must_open(key_path);

	(void)state;
	assert_opens(again, tr_buf_str(&sealed), TR_STR("hunter2"));
	tr_seal_close(again);
	tr_buf_finish(&sealed);
}

static void same_key_in_another_pem_form_opens_it(void **state)
{
	struct tr_buf sealed = sealed_with(seal, TR_STR("hunter2"));
	char path[64];
	char *arguments[] = {"openssl", "rsa", "-traditional", "-in", key_path, "-out", path, NULL};
	struct tr_seal *again;

	(void)state;
	snprintf(path, sizeof(path), "%s/traditional.pem", dir);
	assert_true(run(arguments));
	again = must_open(path);
	assert_opens(again, tr_buf_str(&sealed), TR_STR("hunter2"));
	tr_seal_close(again);
	tr_buf_finish(&sealed);
}

static void secret_of_another_row_does_not_open(void **state)
{
	struct tr_buf sealed = sealed_with(seal, TR_STR("hunter2"));

	(void)state;
	assert_refused(seal, TR_STR("irc/@mallory:example.com/password"), tr_buf_str(&sealed));
	assert_refused(seal, TR_STR(""), tr_buf_str(&sealed));
	tr_buf_finish(&sealed);
}

static void another_key_does_not_open_it(void **state)
{
	struct tr_buf sealed = sealed_with(seal, TR_STR("hunter2"));

	(void)state;
	assert_refused(other, row, tr_buf_str(&sealed));
	/* Not even with the other key's id written over ours. */
	memcpy(sealed.data, "tr1:", 4);
	{
		struct tr_buf theirs = sealed_with(other, TR_STR("x"));

		memcpy(sealed.data, theirs.data, 13);
		assert_refused(other, row, tr_buf_str(&sealed));
		tr_buf_finish(&theirs);
	}
	tr_buf_finish(&sealed);
}

static void altered_secret_does_not_open(void **state)
{
	struct tr_buf sealed = sealed_with(seal, TR_STR("hunter2"));
	size_t i;

	(void)state;
	for (i = 0; i < sealed.len; i++) {
		char before = sealed.data[i];

		sealed.data[i] = before == 'A' ? 'B' : 'A';
		assert_refused(seal, row, tr_buf_str(&sealed));
		assert_refused(seal, row, tr_str_slice(tr_buf_str(&sealed), 0, i));
		sealed.data[i] = before;
	}
	assert_opens(seal, tr_buf_str(&sealed), TR_STR("hunter2"));
	assert_refused(seal, row, TR_STR(""));
	assert_refused(seal, row, TR_STR("hunter2"));
	tr_buf_finish(&sealed);
}

static void no_room_is_too_big(void **state)
{
	struct tr_buf sealed = sealed_with(seal, TR_STR("hunter2"));
	struct tr_buf small = TR_BUF_INIT(3);
	struct tr_error error;

	(void)state;
	assert_int_equal(
		tr_seal_close_secret(seal, row, TR_STR("hunter2"), &small, &error), TR_E_TOO_BIG);
	tr_buf_clear(&small);
	assert_int_equal(
		tr_seal_open_secret(seal, row, tr_buf_str(&sealed), &small, &error), TR_E_TOO_BIG);
	tr_buf_finish(&small);
	tr_buf_finish(&sealed);
}

static void assert_decrypts(struct tr_str sealed, struct tr_str secret)
{
	struct tr_buf out = TR_BUF_INIT(4096);
	struct tr_error error;

	assert_int_equal(tr_seal_decrypt_incumbent(seal, sealed, &out, &error), 0);
	assert_true(tr_str_eq(tr_buf_str(&out), secret));
	tr_buf_finish(&out);
}

static void incumbent_form_keeps_spaces(void **state)
{
	static const struct tr_str secrets[] = {TR_STR("hunter2"), TR_STR(""),
		TR_STR(" first second  third "), TR_STR("p\xc3\xa4ss")};
	size_t i;

	(void)state;
	for (i = 0; i < TR_ARRAY_LEN(secrets); i++) {
		struct tr_buf sealed = TR_BUF_INIT(4096);
		struct tr_error error;

		assert_int_equal(tr_seal_encrypt_incumbent(seal, secrets[i], &sealed, &error), 0);
		assert_int_equal(sealed.len, 344); /* base64 of 256 bytes */
		assert_decrypts(tr_buf_str(&sealed), secrets[i]);
		tr_buf_finish(&sealed);
	}
}

static void incumbent_form_takes_189_bytes_with_a_2048_bit_key(void **state)
{
	struct tr_buf sealed = TR_BUF_INIT(4096);
	struct tr_error error;
	char text[LONGEST + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(
		tr_seal_encrypt_incumbent(seal, tr_str_of(text, LONGEST), &sealed, &error), 0);
	assert_decrypts(tr_buf_str(&sealed), tr_str_of(text, LONGEST));
	tr_buf_clear(&sealed);
	assert_int_equal(
		tr_seal_encrypt_incumbent(seal, tr_str_of(text, LONGEST + 1), &sealed, &error),
		TR_E_TOO_BIG);
	assert_non_null(strstr(error.text, "189"));
	tr_buf_finish(&sealed);
}

static void write_file(const char *path, struct tr_str bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
	fclose(file);
}

static struct tr_buf read_whole(const char *path)
{
	struct tr_buf out = TR_BUF_INIT(65536);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(tr_buf_reserve(&out, 8192), 0);
	out.len = fread(out.data, 1, 8192, file);
	out.data[out.len] = '\0';
	fclose(file);
	return out;
}

/* `action` is -encrypt or -decrypt, with the options that stand for the incumbent's defaults. */
static bool pkeyutl(const char *action, const char *in, const char *out)
{
	char *arguments[] = {"openssl", "pkeyutl", (char *)(uintptr_t)action, "-inkey", key_path,
		"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt",
		"rsa_mgf1_md:sha1", "-in", (char *)(uintptr_t)in, "-out", (char *)(uintptr_t)out,
		NULL};

	return run(arguments);
}

static void what_openssl_encrypted_decrypts(void **state)
{
	char plain[64];
	char cipher[64];
	struct tr_buf bytes;
	struct tr_buf sealed = TR_BUF_INIT(4096);

	(void)state;
	snprintf(plain, sizeof(plain), "%s/plain", dir);
	snprintf(cipher, sizeof(cipher), "%s/cipher", dir);
	write_file(plain, TR_STR("AAECAwQFBgcICQoLDA0ODw== pass word with  spaces"));
	assert_true(pkeyutl("-encrypt", plain, cipher));
	bytes = read_whole(cipher);
	assert_int_equal(bytes.len, 256);
	tr_base64_encode(&sealed, bytes.data, bytes.len);
	assert_decrypts(tr_buf_str(&sealed), TR_STR("pass word with  spaces"));
	/* A line break at its end, as some tools leave one, changes nothing. */
	tr_buf_add_char(&sealed, '\n');
	assert_decrypts(tr_buf_str(&sealed), TR_STR("pass word with  spaces"));
	tr_buf_finish(&bytes);
	tr_buf_finish(&sealed);
}

static void openssl_decrypts_what_we_encrypted(void **state)
{
	char plain[64];
	char cipher[64];
	struct tr_buf sealed = TR_BUF_INIT(4096);
	struct tr_buf bytes = TR_BUF_INIT(4096);
	struct tr_buf text;
	struct tr_buf salt = TR_BUF_INIT(64);
	struct tr_error error;

	(void)state;
	snprintf(plain, sizeof(plain), "%s/plain2", dir);
	snprintf(cipher, sizeof(cipher), "%s/cipher2", dir);
	assert_int_equal(tr_seal_encrypt_incumbent(seal, TR_STR("pass word"), &sealed, &error), 0);
	assert_int_equal(tr_base64_decode(&bytes, tr_buf_str(&sealed)), 0);
	write_file(cipher, tr_buf_str(&bytes));
	assert_true(pkeyutl("-decrypt", cipher, plain));
	text = read_whole(plain);
	/* base64 of 16 bytes, a space, the password. */
	assert_int_equal(text.len, 24 + 1 + 9);
	assert_string_equal(tr_buf_c(&text) + 24, " pass word");
	assert_int_equal(tr_base64_decode(&salt, tr_str_slice(tr_buf_str(&text), 0, 24)), 0);
	assert_int_equal(salt.len, 16);
	tr_buf_finish(&sealed);
	tr_buf_finish(&bytes);
	tr_buf_finish(&text);
	tr_buf_finish(&salt);
}

static void incumbent_form_refuses_what_is_not_its_own(void **state)
{
	struct tr_buf sealed = TR_BUF_INIT(4096);
	struct tr_buf out = TR_BUF_INIT(4096);
	struct tr_error error;

	(void)state;
	assert_int_equal(tr_seal_encrypt_incumbent(other, TR_STR("pass word"), &sealed, &error), 0);
	assert_int_equal(
		tr_seal_decrypt_incumbent(seal, tr_buf_str(&sealed), &out, &error), TR_E_INVALID);
	assert_int_equal(
		tr_seal_decrypt_incumbent(seal, TR_STR("AAAA"), &out, &error), TR_E_INVALID);
	assert_int_equal(tr_seal_decrypt_incumbent(seal, TR_STR(""), &out, &error), TR_E_INVALID);
	assert_int_equal(
		tr_seal_decrypt_incumbent(seal, TR_STR("not base64!"), &out, &error), TR_E_INVALID);
	assert_int_equal(out.len, 0);
	tr_buf_finish(&sealed);
	tr_buf_finish(&out);
}

static void key_file_that_is_none_is_refused_by_name(void **state)
{
	char path[64];
	struct tr_error error;

	(void)state;
	snprintf(path, sizeof(path), "%s/absent.pem", dir);
	assert_null(tr_seal_open(path, &error));
	assert_int_equal(error.code, TR_E_CONFIG);
	assert_non_null(strstr(error.text, path));
	write_file(path, TR_STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
	assert_null(tr_seal_open(path, &error));
	assert_int_equal(error.code, TR_E_CONFIG);
	assert_non_null(strstr(error.text, path));
}

static int warnings;

static void count_warnings(enum tr_log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level == TR_LOG_WARN && strstr(line, "passkey.pem")) {
		warnings++;
	}
}

static void key_file_open_to_everyone_is_warned_about(void **state)
{
	(void)state;
	warnings = 0;
	tr_log_set_sink(count_warnings, NULL);
	assert_int_equal(chmod(key_path, 0644), 0);
	tr_seal_close(must_open(key_path));
	assert_int_equal(warnings, 1);
	assert_int_equal(chmod(key_path, 0600), 0);
	tr_seal_close(must_open(key_path));
	tr_log_set_sink(NULL, NULL);
	assert_int_equal(warnings, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_comes_back),
		cmocka_unit_test(secret_opens_after_a_restart),
		cmocka_unit_test(same_key_in_another_pem_form_opens_it),
		cmocka_unit_test(secret_of_another_row_does_not_open),
		cmocka_unit_test(another_key_does_not_open_it),
		cmocka_unit_test(altered_secret_does_not_open),
		cmocka_unit_test(no_room_is_too_big),
		cmocka_unit_test(incumbent_form_keeps_spaces),
		cmocka_unit_test(incumbent_form_takes_189_bytes_with_a_2048_bit_key),
		cmocka_unit_test(what_openssl_encrypted_decrypts),
		cmocka_unit_test(openssl_decrypts_what_we_encrypted),
		cmocka_unit_test(incumbent_form_refuses_what_is_not_its_own),
		cmocka_unit_test(key_file_that_is_none_is_refused_by_name),
		cmocka_unit_test(key_file_open_to_everyone_is_warned_about),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
