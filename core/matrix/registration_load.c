/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a registration file. Files of other bridges and of installers are taken too, so only what
 * the specification asks for is a mistake when it is missing. */
#include "core/base/alloc.h"
#include "core/config/yaml.h"
#include "core/matrix/registration.h"

struct loader {
	const char *file;
	struct tr_report *report;
};

static void mistake(
	struct loader *loader, const struct tr_yaml_node *node, const char *key, const char *text)
{
	tr_report_add(loader->report, TR_REPORT_MISTAKE, loader->file, node->line, node->column,
		key, "%s", text);
}

/* The value of a key that should be text; NULL and a mistake when it is not. */
static char *text_of(struct loader *loader, const struct tr_yaml_node *map, const char *key)
{
	const struct tr_yaml_node *node = tr_yaml_get(map, key);

	if (!node) {
		mistake(loader, map, key, "is missing from the registration");
		return NULL;
	}
	if (node->kind != TR_YAML_SCALAR || node->text.len == 0 ||
		tr_str_find_char(node->text, '\0') >= 0) {
		mistake(loader, node, key, "should be text");
		return NULL;
	}
	return tr_str_dup(node->text);
}

static bool flag_of(
	struct loader *loader, const struct tr_yaml_node *map, const char *key, bool fallback)
{
	const struct tr_yaml_node *node = tr_yaml_get(map, key);

	if (!node || node->kind == TR_YAML_NULL) {
		return fallback;
	}
	if (node->kind == TR_YAML_SCALAR && !node->quoted) {
		if (tr_str_eq_nocase(node->text, TR_STR("true"))) {
			return true;
		}
		if (tr_str_eq_nocase(node->text, TR_STR("false"))) {
			return false;
		}
	}
	mistake(loader, node, key, "should be true or false");
	return fallback;
}

static void load_url(struct loader *loader, const struct tr_yaml_node *map, char **url)
{
	const struct tr_yaml_node *node = tr_yaml_get(map, "url");

	if (node && node->kind == TR_YAML_NULL) {
		return;
	}
	*url = text_of(loader, map, "url");
}

static void load_namespaces(struct loader *loader, const struct tr_yaml_node *map, const char *key,
	struct tr_namespaces *list)
{
	const struct tr_yaml_node *node = tr_yaml_get(map, key);

	if (!node || node->kind == TR_YAML_NULL) {
		return;
	}
	if (node->kind != TR_YAML_LIST) {
		mistake(loader, node, key, "should be a list of {regex, exclusive}");
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		const struct tr_yaml_node *item = node->values[i];
		char *regex;

		if (item->kind != TR_YAML_MAP) {
			mistake(loader, item, key, "should be {regex, exclusive}");
			continue;
		}
		regex = text_of(loader, item, "regex");
		if (regex) {
			tr_namespaces_add(list, regex, flag_of(loader, item, "exclusive", false));
		}
		tr_free(regex);
	}
}

static void load_protocols(
	struct loader *loader, const struct tr_yaml_node *map, struct tr_registration *registration)
{
	const struct tr_yaml_node *node = tr_yaml_get(map, "protocols");

	if (!node || node->kind == TR_YAML_NULL) {
		return;
	}
	if (node->kind != TR_YAML_LIST) {
		mistake(loader, node, "protocols", "should be a list of names");
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		if (node->values[i]->kind == TR_YAML_SCALAR) {
			tr_registration_add_protocol(registration, node->values[i]->text.ptr);
		} else {
			mistake(loader, node->values[i], "protocols", "should be a name");
		}
	}
}

static void load(struct loader *loader, const struct tr_yaml_node *root,
	struct tr_registration *registration)
{
	const struct tr_yaml_node *namespaces = tr_yaml_get(root, "namespaces");

	registration->id = text_of(loader, root, "id");
	load_url(loader, root, &registration->url);
	registration->as_token = text_of(loader, root, "as_token");
	registration->hs_token = text_of(loader, root, "hs_token");
	registration->sender_localpart = text_of(loader, root, "sender_localpart");
	if (!namespaces || namespaces->kind != TR_YAML_MAP) {
		mistake(loader, namespaces ? namespaces : root, "namespaces",
			"should be a map of users, aliases and rooms");
	} else {
		load_namespaces(loader, namespaces, "users", &registration->users);
		load_namespaces(loader, namespaces, "aliases", &registration->aliases);
		load_namespaces(loader, namespaces, "rooms", &registration->rooms);
	}
	/* Absent means limited: so Synapse reads it. */
	registration->rate_limited = flag_of(loader, root, "rate_limited", true);
	registration->receive_ephemeral =
		flag_of(loader, root, "receive_ephemeral", false) ||
		flag_of(loader, root, "de.sorunome.msc2409.push_ephemeral", false);
	registration->msc4190 = flag_of(loader, root, "io.element.msc4190", false);
	registration->msc3202 = flag_of(loader, root, "org.matrix.msc3202", false);
	load_protocols(loader, root, registration);
	if (registration->as_token && registration->hs_token &&
		tr_str_eq(
			tr_str_from(registration->as_token), tr_str_from(registration->hs_token))) {
		mistake(loader, root, "hs_token", "should differ from as_token");
	}
}

int tr_registration_load(
	struct tr_registration *registration, const char *path, struct tr_report *report)
{
	struct loader loader = {path, report};
	size_t mistakes_before = report->mistakes;
	struct tr_yaml_doc *doc = tr_yaml_load(path, report);

	if (doc) {
		const struct tr_yaml_node *root = tr_yaml_root(doc);

		if (root->kind == TR_YAML_MAP) {
			load(&loader, root, registration);
		} else {
			mistake(&loader, root, NULL, "should be a registration: a map of keys");
		}
		tr_yaml_free(doc);
	}
	return report->mistakes > mistakes_before ? TR_E_CONFIG : 0;
}
