/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the common sections and what is derived from them. Protocols add their own tables;
 * nothing here knows any. */
#include "core/config/config.h"

#include "core/base/alloc.h"

#include <string.h>

#define AT(field) offsetof(struct tr_config_common, field)

const struct tr_schema_choice tr_config_log_levels[] = {
	{"error", TR_LOG_ERROR},
	{"warn", TR_LOG_WARN},
	{"warning", TR_LOG_WARN},
	{"info", TR_LOG_INFO},
	{"verbose", TR_LOG_DEBUG},
	{"debug", TR_LOG_DEBUG},
	{"silly", TR_LOG_TRACE},
	{"trace", TR_LOG_TRACE},
	{NULL, 0},
};

const struct tr_schema_choice tr_config_levels[] = {
	{"block", TR_LEVEL_BLOCK},
	{"relay", TR_LEVEL_RELAY},
	{"commands", TR_LEVEL_COMMANDS},
	{"user", TR_LEVEL_USER},
	{"admin", TR_LEVEL_ADMIN},
	{NULL, 0},
};

static const struct tr_schema_choice log_formats[] = {
	{"text", TR_LOG_TEXT}, {"json", TR_LOG_JSON}, {NULL, 0}};

static const struct tr_schema_key homeserver_keys[] = {
	{.name = "url",
		.type = TR_SCHEMA_URL,
		.flags = TR_KEY_REQUIRED,
		.offset = AT(homeserver.url),
		.example = "\"http://127.0.0.1:8008\"",
		.help = "The homeserver's client-server API, as the bridge reaches it."},
	{.name = "domain",
		.type = TR_SCHEMA_STRING,
		.flags = TR_KEY_REQUIRED,
		.offset = AT(homeserver.domain),
		.check = tr_config_check_domain,
		.example = "example.com",
		.help = "The name of the homeserver: what stands after the colon in its user ids."},
	{.name = "media_url",
		.type = TR_SCHEMA_URL,
		.offset = AT(homeserver.media_url),
		.example = "# \"https://matrix.example.com\"",
		.help = "Where people outside of Matrix reach the homeserver's media, for links in "
			"messages; homeserver.url by default. A homeserver with authenticated media "
			"(Matrix 1.11) serves such links only for older files, or through a proxy that "
			"is named here."},
	{.name = "dropMatrixMessagesAfterSecs",
		.type = TR_SCHEMA_MOVED,
		.help = "write drop_matrix_messages_after_seconds in the bridge's entry"},
	{.name = "enablePresence",
		.type = TR_SCHEMA_MOVED,
		.help = "write enable_presence in the bridge's entry"},
	{.name = "bindPort",
		.type = TR_SCHEMA_MOVED,
		.help = "write appservice.listen, such as \"127.0.0.1:9999\""},
	{.name = "bindHostname",
		.type = TR_SCHEMA_MOVED,
		.help = "write appservice.listen, such as \"127.0.0.1:9999\""},
	{.name = NULL},
};

static const struct tr_schema homeserver_schema = {
	.title = "The homeserver", .keys = homeserver_keys};

static const struct tr_schema_key appservice_keys[] = {
	{.name = "listen",
		.type = TR_SCHEMA_LISTEN,
		.offset = AT(appservice.listen),
		.fallback = "\"127.0.0.1:9999\"",
		.example = "\"127.0.0.1:9999\"",
		.help = "Where the homeserver sends to. Port 0 takes any free port."},
	{.name = "url",
		.type = TR_SCHEMA_URL,
		.flags = TR_KEY_DERIVED,
		.offset = AT(appservice.url),
		.fallback = "\"http://127.0.0.1:9999\"",
		.help = "The same as the homeserver reaches it, if that differs; it goes into the "
			"registration. The default is made of `listen`."},
	{.name = "registration",
		.type = TR_SCHEMA_PATH,
		.flags = TR_KEY_DERIVED,
		.offset = AT(appservice.registration),
		.fallback = "registration.yml",
		.example = "registration.yml",
		.help = "The registration file: written by --generate-registration, read at "
			"start. With several bridges each entry names its own instead."},
	{.name = "orphan_flush",
		.type = TR_SCHEMA_BOOL,
		.offset = AT(appservice.orphan_flush),
		.fallback = "false",
		.help = "Refuse the first transaction after a start, and one whose number has gone "
			"back, once. A Synapse that was killed with a transaction on its way sends "
			"that one again only after a failure. Costs about two seconds."},
	{.name = NULL},
};

/* The address for the registration: what listens everywhere is reached on the loopback. */
static char *url_of_listen(const char *listen)
{
	struct tr_str text = tr_str_from(listen);
	struct tr_str port = tr_str_from_index(text, (size_t)tr_str_rfind_char(text, ':'));
	if (tr_str_starts(text, TR_STR("0.0.0.0:")) || tr_str_starts(text, TR_STR("[::]:"))) {
		return tr_asprintf("http://127.0.0.1%.*s", TR_STR_ARG(port));
	}
	return tr_asprintf("http://%s", listen);
}

/* The row stands at offset 0 of the common struct, whose fields the keys above name. */
static void check_appservice(
	struct tr_schema_reader *reader, const struct tr_yaml_node *node, void *section)
{
	struct tr_config_common *config = section;
	if (!config->appservice.url && config->appservice.listen) {
		config->appservice.url = url_of_listen(config->appservice.listen);
	}
	config->appservice.registration_given = config->appservice.registration != NULL;
	if (!config->appservice.registration && !tr_schema_given(node, "registration")) {
		config->appservice.registration =
			tr_schema_resolve_path(reader, "registration.yml");
	}
}

static const struct tr_schema appservice_schema = {
	.title = "The application service", .keys = appservice_keys, .check = check_appservice};

static const struct tr_schema_key metrics_keys[] = {
	{.name = "listen",
		.type = TR_SCHEMA_LISTEN,
		.offset = AT(metrics.listen),
		.example = "\"127.0.0.1:9001\"",
		.help = "Where /metrics (Prometheus), /live and /ready are served. Not given: "
			"nowhere."},
	{.name = NULL},
};

static const struct tr_schema metrics_schema = {.title = "Metrics", .keys = metrics_keys};

static const struct tr_schema_key logging_keys[] = {
	{.name = "level",
		.type = TR_SCHEMA_CHOICE,
		.flags = TR_KEY_RELOADABLE,
		.offset = AT(logging.level),
		.fallback = "info",
		.choices = tr_config_log_levels,
		.help = "How much is logged, to standard error. Secrets never are."},
	{.name = "format",
		.type = TR_SCHEMA_CHOICE,
		.flags = TR_KEY_RELOADABLE,
		.offset = AT(logging.format),
		.fallback = "text",
		.choices = log_formats,
		.help = "One record a line, for people or as JSON."},
	{.name = NULL},
};

static void check_logging(
	struct tr_schema_reader *reader, const struct tr_yaml_node *node, void *section)
{
	struct tr_config_common *config = section;
	(void)reader;
	config->logging.level_given = tr_schema_given(node, "level");
}

static const struct tr_schema logging_schema = {
	.title = "Logging", .keys = logging_keys, .check = check_logging};

static const struct tr_schema_key permission_item = {.type = TR_SCHEMA_CHOICE,
	.offset = offsetof(struct tr_config_permission, level),
	.choices = tr_config_levels};

static const struct tr_schema_key common_keys[] = {
	{.name = "homeserver",
		.type = TR_SCHEMA_SECTION,
		.flags = TR_KEY_REQUIRED,
		.section = &homeserver_schema,
		.example = "{url: \"http://127.0.0.1:8008\", domain: example.com}",
		.help = "The homeserver this daemon works for."},
	{.name = "appservice",
		.type = TR_SCHEMA_SECTION,
		.section = &appservice_schema,
		.help = "How the homeserver reaches this daemon."},
	{.name = "database",
		.type = TR_SCHEMA_DATABASE,
		.flags = TR_KEY_DERIVED,
		.offset = AT(database),
		.fallback = "\"" TR_CONFIG_DEFAULT_DATABASE "\"",
		.example = "\"" TR_CONFIG_DEFAULT_DATABASE "\"",
		.help = "Where everything is kept: \"sqlite:PATH\", or "
			"\"postgres://user:password@host:port/name?sslmode=require\"."},
	{.name = "metrics",
		.type = TR_SCHEMA_SECTION,
		.section = &metrics_schema,
		.help = "Figures and health for monitoring."},
	{.name = "logging",
		.type = TR_SCHEMA_SECTION,
		.section = &logging_schema,
		.help = "What is logged and how."},
	{.name = "permissions",
		.type = TR_SCHEMA_MAP,
		.flags = TR_KEY_RELOADABLE,
		.offset = AT(permissions),
		.count_offset = AT(permission_count),
		.item_size = sizeof(struct tr_config_permission),
		.item = &permission_item,
		.check = tr_config_check_permission_key,
		.fallback = "{\"*\": user}",
		.help = "What people may do, by user id, by domain or for everybody (\"*\"); the "
			"most particular wins. block: nothing; relay: be relayed; commands: talk "
			"to the bot; user: use the bridge; admin: manage it."},
	{.name = "key_file",
		.type = TR_SCHEMA_PATH,
		.offset = AT(key_file),
		.example = "# passkey.pem",
		.help = "An RSA private key (PEM) that seals stored passwords. Without it no "
			"password of a user is stored."},
	{.name = NULL},
};

const struct tr_schema tr_config_common_schema = {.title = "Common", .keys = common_keys};

static int wrong(struct tr_error *error, const char *text, const char *right)
{
	return tr_error_set(error, TR_E_CONFIG, "is \"%.80s\": write %s", text, right);
}

/* host, or host:port; host a name, an IPv4 address or an IPv6 address in brackets. */
static bool is_server_name(struct tr_str name)
{
	if (name.len == 0 || name.len > 230) {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool digit = c >= '0' && c <= '9';
		if (!letter && !digit && (i == 0 || !strchr(".-:]", c)) && !(i == 0 && c == '[')) {
			return false;
		}
	}
	return true;
}

int tr_config_check_domain(const char *text, struct tr_error *error)
{
	if (is_server_name(tr_str_from(text))) {
		return 0;
	}
	return wrong(error, text, "a server name such as example.com, without https:// and path");
}

/* sigil, localpart, colon, server name */
static bool is_id(const char *text, char sigil)
{
	struct tr_str id = tr_str_from(text);
	ptrdiff_t colon = tr_str_find_char(id, ':');
	return id.len <= 255 && text[0] == sigil && colon > 1 &&
	       is_server_name(tr_str_from_index(id, (size_t)colon + 1));
}

int tr_config_check_user_id(const char *text, struct tr_error *error)
{
	return is_id(text, '@')
		       ? 0
		       : wrong(error, text, "a user id in quotes, such as \"@user:example.com\"");
}

/* Room ids of room version 12 have no domain. */
int tr_config_check_room_id(const char *text, struct tr_error *error)
{
	struct tr_str id = tr_str_from(text);
	bool bare = text[0] == '!' && id.len > 1 && id.len <= 255;
	for (size_t i = 1; bare && i < id.len; i++) {
		unsigned char c = (unsigned char)text[i];
		bare = c > ' ' && c != ':' && c < 0x7f;
	}
	if (bare || is_id(text, '!')) {
		return 0;
	}
	return wrong(error, text,
		text[0] == '#' ? "the room's id (\"!..\", in the room's settings), not an alias"
			       : "a room id in quotes, such as \"!MLdeIFVsWC:example.com\"");
}

int tr_config_check_permission_key(const char *text, struct tr_error *error)
{
	if (strcmp(text, "*") == 0 || is_id(text, '@') || is_server_name(tr_str_from(text))) {
		return 0;
	}
	return wrong(error, text, "\"*\", a domain or a user id such as \"@user:example.com\"");
}

enum tr_config_level tr_config_level_of(const struct tr_config_permission *rows, size_t count,
	struct tr_str user_id, enum tr_config_level fallback)
{
	enum tr_config_level level = fallback;
	unsigned best = 0;
	ptrdiff_t colon = tr_str_find_char(user_id, ':');
	struct tr_str domain = colon < 0 ? (struct tr_str){NULL, 0}
					 : tr_str_from_index(user_id, (size_t)colon + 1);
	for (size_t i = 0; i < count; i++) {
		const struct tr_config_permission *row = &rows[i];
		unsigned rank = 0;
		if (row->key[0] == '@') {
			rank = tr_str_eq_c(user_id, row->key) ? 3 : 0;
		} else if (strcmp(row->key, "*") == 0) {
			rank = 1;
		} else {
			rank = tr_str_eq_c(domain, row->key) ? 2 : 0;
		}
		if (rank > best) {
			best = rank;
			level = row->level;
		}
	}
	return level;
}

int tr_config_load(
	const struct tr_schema *schema, const char *file, void *target, struct tr_report *report)
{
	size_t mistakes = report->mistakes;
	struct tr_yaml_doc *doc = tr_yaml_load(file, report);
	if (doc) {
		tr_schema_read(schema, doc, target, report);
		tr_yaml_free(doc);
	}
	tr_report_sort(report);
	return report->mistakes == mistakes ? 0 : TR_E_CONFIG;
}

struct difference {
	struct tr_buf *taken, *needs_restart;
	size_t count;
};

static void note_difference(const char *path, bool reloadable, void *arg)
{
	struct difference *difference = arg;
	struct tr_buf *list = reloadable ? difference->taken : difference->needs_restart;
	tr_buf_addf(list, "%s%s", list->len ? ", " : "", path);
	difference->count++;
}

size_t tr_config_diff(const struct tr_schema *schema, const void *before, const void *after,
	struct tr_buf *taken, struct tr_buf *needs_restart)
{
	struct difference difference = {taken, needs_restart, 0};
	tr_schema_diff(schema, before, after, note_difference, &difference);
	return difference.count;
}
