/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding out whether a registration that a homeserver already has does for what the configuration
 * wants. Namespaces are compared by what they match and not by their letters: files written by
 * other generators put the same into other expressions.
 */
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/regex.h"
#include "core/matrix/registration.h"

#include <string.h>

struct comparison {
	tr_registration_difference *difference;
	void *arg;
	size_t count;
};

static void differ(struct comparison *comparison, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void differ(struct comparison *comparison, const char *format, ...)
{
	struct tr_buf sentence = TR_BUF_INIT(4096);
	va_list args;

	va_start(args, format);
	tr_buf_addfv(&sentence, format, args);
	va_end(args);
	comparison->count++;
	if (comparison->difference) {
		comparison->difference(comparison->arg, tr_buf_c(&sentence));
	}
	tr_buf_finish(&sentence);
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static void compare_text(
	struct comparison *comparison, const char *key, const char *loaded, const char *wanted)
{
	if (wanted && !same(loaded, wanted)) {
		differ(comparison,
			"%s is \"%s\" in the registration, but the configuration needs \"%s\".",
			key, loaded ? loaded : "null", wanted);
	}
}

/* Not through compare_text(): a token may not be shown. */
static void compare_token(
	struct comparison *comparison, const char *key, const char *loaded, const char *wanted)
{
	if (wanted && !same(loaded, wanted)) {
		differ(comparison, "%s is another one than the configuration's.", key);
	}
}

/* An id that an expression of ours matches: its open parts filled, its escapes taken away. */
static char *example_of(const char *regex)
{
	struct tr_buf out = TR_BUF_INIT(strlen(regex) + 1);

	for (const char *p = regex; *p; p++) {
		if (p[0] == '.' && p[1] == '*') {
			tr_buf_add_char(&out, 'x');
			p++;
		} else if (p[0] == '\\' && p[1]) {
			tr_buf_add_char(&out, *++p);
		} else if (!(p[0] == '$' && !p[1])) {
			tr_buf_add_char(&out, p[0]);
		}
	}
	return tr_buf_take(&out);
}

/* Homeservers match from the start of the id on. */
static bool expression_covers(const char *expression, struct tr_str id)
{
	char *anchored = tr_asprintf("^(?:%s)", expression);
	struct tr_regex *regex = tr_regex_create(tr_str_from(anchored), NULL);
	bool covers = regex && tr_regex_matches(regex, id);

	tr_regex_destroy(regex);
	tr_free(anchored);
	return covers;
}

static const struct tr_namespace *find_covering(
	const struct tr_namespaces *list, const struct tr_namespace *wanted)
{
	const struct tr_namespace *found = NULL;
	char *example = example_of(wanted->regex);

	for (size_t i = 0; i < list->count && !(found && found->exclusive); i++) {
		if (same(list->items[i].regex, wanted->regex) ||
			expression_covers(list->items[i].regex, tr_str_from(example))) {
			found = &list->items[i];
		}
	}
	tr_free(example);
	return found;
}

static void compare_namespaces(struct comparison *comparison, const char *kind,
	const struct tr_namespaces *loaded, const struct tr_namespaces *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct tr_namespace *found = find_covering(loaded, &wanted->items[i]);

		if (!found) {
			differ(comparison,
				"The registration has no namespace of %s for %s, so the homeserver "
				"will not let the bridge use them.",
				kind, wanted->items[i].regex);
		} else if (wanted->items[i].exclusive && !found->exclusive) {
			differ(comparison,
				"The namespace %s of %s is not exclusive, so that others can take "
				"the bridge's names.",
				found->regex, kind);
		}
	}
}

static void compare_protocols(struct comparison *comparison, const struct tr_registration *loaded,
	const struct tr_registration *wanted)
{
	for (size_t i = 0; i < wanted->protocol_count; i++) {
		bool found = false;

		for (size_t j = 0; j < loaded->protocol_count; j++) {
			found = found || same(loaded->protocols[j], wanted->protocols[i]);
		}
		if (!found) {
			differ(comparison,
				"protocols lacks \"%s\", so that clients cannot search the network.",
				wanted->protocols[i]);
		}
	}
}

size_t tr_registration_compare(const struct tr_registration *loaded,
	const struct tr_registration *wanted, tr_registration_difference *difference, void *arg)
{
	struct comparison comparison = {difference, arg, 0};

	compare_text(&comparison, "id", loaded->id, wanted->id);
	compare_text(&comparison, "url", loaded->url, wanted->url);
	compare_token(&comparison, "as_token", loaded->as_token, wanted->as_token);
	compare_token(&comparison, "hs_token", loaded->hs_token, wanted->hs_token);
	compare_text(&comparison, "sender_localpart", loaded->sender_localpart,
		wanted->sender_localpart);
	compare_namespaces(&comparison, "users", &loaded->users, &wanted->users);
	compare_namespaces(&comparison, "aliases", &loaded->aliases, &wanted->aliases);
	compare_namespaces(&comparison, "rooms", &loaded->rooms, &wanted->rooms);
	if (loaded->rate_limited && !wanted->rate_limited) {
		differ(&comparison, "rate_limited is not false, so that the homeserver will hold "
				    "ghosts back after a few messages.");
	}
	if (wanted->receive_ephemeral && !loaded->receive_ephemeral) {
		differ(&comparison, "receive_ephemeral is not true, so that typing, receipts and "
				    "presence will not come.");
	}
	if (wanted->msc4190 && !loaded->msc4190) {
		differ(&comparison, "io.element.msc4190 is not true.");
	}
	if (wanted->msc3202 && !loaded->msc3202) {
		differ(&comparison, "org.matrix.msc3202 is not true.");
	}
	compare_protocols(&comparison, loaded, wanted);
	return comparison.count;
}
