/* SPDX-License-Identifier: Apache-2.0 */
/* The registration as a value, as YAML and as a file. Reading one is in registration_load.c,
 * comparing two in registration_compare.c. */
#include "core/matrix/registration.h"

#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_BYTES = 32, FILE_MAX = 1024 * 1024 };

static void namespaces_finish(struct tr_namespaces *list)
{
	for (size_t i = 0; i < list->count; i++) {
		tr_free(list->items[i].regex);
	}
	tr_free(list->items);
}

void tr_registration_finish(struct tr_registration *registration)
{
	tr_free(registration->id);
	tr_free(registration->url);
	tr_free_secret(registration->as_token);
	tr_free_secret(registration->hs_token);
	tr_free(registration->sender_localpart);
	namespaces_finish(&registration->users);
	namespaces_finish(&registration->aliases);
	namespaces_finish(&registration->rooms);
	for (size_t i = 0; i < registration->protocol_count; i++) {
		tr_free(registration->protocols[i]);
	}
	tr_free(registration->protocols);
	memset(registration, 0, sizeof(*registration));
}

void tr_namespaces_add(struct tr_namespaces *list, const char *regex, bool exclusive)
{
	list->items = tr_realloc_array(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count].regex = tr_strdup(regex);
	list->items[list->count].exclusive = exclusive;
	list->count++;
}

void tr_registration_add_protocol(struct tr_registration *registration, const char *protocol)
{
	size_t count = registration->protocol_count;

	registration->protocols =
		tr_realloc_array(registration->protocols, count + 1, sizeof(char *));
	registration->protocols[count] = tr_strdup(protocol);
	registration->protocol_count++;
}

void tr_registration_fill(struct tr_registration *registration)
{
	if (!registration->id) {
		registration->id = tr_random_token(TOKEN_BYTES);
	}
	if (!registration->as_token) {
		registration->as_token = tr_random_token(TOKEN_BYTES);
	}
	if (!registration->hs_token) {
		registration->hs_token = tr_random_token(TOKEN_BYTES);
	}
}

/* A JSON string is a double-quoted scalar of YAML, whatever is in it. */
static void add_scalar(struct tr_buf *out, const char *text)
{
	struct tr_json *value = text ? tr_json_new_str(tr_str_from(text)) : tr_json_new_null();

	tr_json_print(value, out);
	tr_json_free(value);
}

static void add_field(struct tr_buf *out, const char *key, const char *text)
{
	tr_buf_addf(out, "%s: ", key);
	add_scalar(out, text);
	tr_buf_add_char(out, '\n');
}

static void add_namespaces(struct tr_buf *out, const char *key, const struct tr_namespaces *list)
{
	if (list->count == 0) {
		tr_buf_addf(out, "  %s: []\n", key);
		return;
	}
	tr_buf_addf(out, "  %s:\n", key);
	for (size_t i = 0; i < list->count; i++) {
		tr_buf_add_c(out, "  - regex: ");
		add_scalar(out, list->items[i].regex);
		tr_buf_addf(
			out, "\n    exclusive: %s\n", list->items[i].exclusive ? "true" : "false");
	}
}

int tr_registration_print(const struct tr_registration *registration, struct tr_buf *out)
{
	const struct tr_registration *r = registration;

	tr_buf_add_c(out,
		"# Makes the bridge known to the homeserver. It contains secrets.\n"
		"# Synapse: name this file under app_service_config_files and restart.\n");
	add_field(out, "id", r->id);
	tr_buf_add_c(out, "# Where the homeserver sends events to.\n");
	add_field(out, "url", r->url);
	tr_buf_add_c(out,
		"# The bridge shows as_token to the homeserver, the homeserver hs_token to "
		"the bridge.\n");
	add_field(out, "as_token", r->as_token);
	add_field(out, "hs_token", r->hs_token);
	add_field(out, "sender_localpart", r->sender_localpart);
	tr_buf_add_c(out, "namespaces:\n");
	add_namespaces(out, "users", &r->users);
	add_namespaces(out, "aliases", &r->aliases);
	add_namespaces(out, "rooms", &r->rooms);
	tr_buf_addf(out, "rate_limited: %s\n", r->rate_limited ? "true" : "false");
	if (r->protocol_count > 0) {
		tr_buf_add_c(out, "protocols:\n");
		for (size_t i = 0; i < r->protocol_count; i++) {
			tr_buf_add_c(out, "- ");
			add_scalar(out, r->protocols[i]);
			tr_buf_add_char(out, '\n');
		}
	}
	if (r->receive_ephemeral) {
		tr_buf_add_c(out, "# Typing, receipts and presence; the second name is for older "
				  "homeservers.\n"
				  "receive_ephemeral: true\n"
				  "de.sorunome.msc2409.push_ephemeral: true\n");
	}
	if (r->msc4190) {
		tr_buf_add_c(out, "io.element.msc4190: true\n");
	}
	if (r->msc3202) {
		tr_buf_add_c(out, "org.matrix.msc3202: true\n");
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

static int system_error(struct tr_error *error, const char *what, const char *path)
{
	char reason[100];
	int number = errno;

	if (strerror_r(number, reason, sizeof(reason)) != 0) {
		snprintf(reason, sizeof(reason), "error %d", number);
	}
	return tr_error_set(error, TR_E_SYSTEM, "cannot %s %s: %s", what, path, reason);
}

static bool write_all(int fd, struct tr_str bytes)
{
	while (bytes.len > 0) {
		ssize_t written = write(fd, bytes.ptr, bytes.len);

		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return false;
		}
		bytes = tr_str_from_index(bytes, (size_t)written);
	}
	return true;
}

/* The rename is on disk only when its directory is. Some file systems cannot sync one; then the
 * file itself is still whole. */
static void sync_directory_of(const char *path)
{
	char *copy = tr_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	tr_free(copy);
}

static int write_file(const char *path, struct tr_str bytes, struct tr_error *error)
{
	char *aside = tr_asprintf("%s.XXXXXX", path);
	int fd = mkstemp(aside); /* 0600 */
	int rc = 0;

	if (fd < 0) {
		rc = system_error(error, "create a file beside", path);
		tr_free(aside);
		return rc;
	}
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || !write_all(fd, bytes) || fsync(fd) != 0) {
		rc = system_error(error, "write", aside);
	}
	if (close(fd) != 0 && rc == 0) {
		rc = system_error(error, "write", aside);
	}
	if (rc == 0 && rename(aside, path) != 0) {
		rc = system_error(error, "write", path);
	}
	if (rc == 0) {
		sync_directory_of(path);
	} else {
		unlink(aside);
	}
	tr_free(aside);
	return rc;
}

int tr_registration_write(
	const struct tr_registration *registration, const char *path, struct tr_error *error)
{
	struct tr_buf text = TR_BUF_INIT(FILE_MAX);
	int rc = tr_registration_print(registration, &text);

	if (rc != 0) {
		tr_error_set(error, (enum tr_error_code)rc, "the registration is too long");
	} else {
		rc = write_file(path, tr_buf_str(&text), error);
	}
	tr_wipe(text.data, text.len);
	tr_buf_finish(&text);
	return rc;
}
