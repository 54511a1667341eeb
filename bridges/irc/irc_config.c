/* SPDX-License-Identifier: Apache-2.0 */
/* What spans keys of the IRC configuration: sets what is derived (store, registration, templates,
 * port) and finds what does not go together. The keys themselves are in the tables. */
#include "bridges/irc/irc_config_tables.h"
#include "bridges/irc/irc_tls.h"
#include "core/base/alloc.h"
#include "core/base/encode.h"
#include "core/base/map.h"

#include <string.h>

#define MISTAKE(node, key, ...) \
 tr_schema_report(reader, TR_REPORT_MISTAKE, (node), (key), __VA_ARGS__)
#define WARNING(node, key, ...) \
 tr_schema_report(reader, TR_REPORT_WARNING, (node), (key), __VA_ARGS__)

/* RFC 1459 2.2: {}|~ are the small letters of []\^. The incumbent folds so on every network. */
static void fold(char *text)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= '^') {
			*text += 32;
		}
	}
}

static void check_mapping_rooms(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	const struct tr_irc_mapping *mapping)
{
	struct tr_map seen = {0};
	for (size_t i = 0; i < mapping->roomIds.count; i++) {
		char *room = mapping->roomIds.items[i];
		if (room && tr_map_set(&seen, tr_str_from(room), room)) {
			MISTAKE(node, "roomIds", "has %s twice: once is enough", room);
		}
	}
	tr_map_finish(&seen);
}

/* One channel in two spellings would be two portals to one channel. */
static void check_mappings(struct tr_schema_reader *reader, const struct tr_yaml_node *parameters,
	const struct tr_irc_server_config *server)
{
	const struct tr_yaml_node *node = tr_yaml_get(parameters, "mappings");
	struct tr_map seen = {0};
	size_t outer = tr_schema_enter(reader, "mappings", -1);
	for (size_t i = 0; i < server->mapping_count; i++) {
		struct tr_irc_mapping *mapping = &server->mappings[i];
		const struct tr_yaml_node *value = node->values[i]; /* read in this order */
		size_t inner = tr_schema_enter(reader, mapping->key, -1);
		char *folded = tr_strdup(mapping->key);
		fold(folded);
		const struct tr_irc_mapping *other =
			tr_map_set(&seen, tr_str_from(folded), mapping);
		if (other) {
			MISTAKE(value, NULL,
				"is the same channel to an IRC server as %s: put the rooms of both "
				"under one of them",
				other->key);
		}
		check_mapping_rooms(reader, value, mapping);
		tr_free(folded);
		tr_schema_leave(reader, inner);
	}
	tr_schema_leave(reader, outer);
	tr_map_finish(&seen);
}

/* tlsOptions.ca, or its older place; PEM text or the path of a file. */
static void derive_ca(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_irc_server_config *server)
{
	const char *ca = server->tls_ca ? server->tls_ca : server->ca;
	if (server->tls_ca && server->ca) {
		MISTAKE(node, "ca", "is given here and under tlsOptions: keep tlsOptions.ca");
	}
	if (!ca || !*ca) {
		return;
	}
	if (strstr(ca, "-----BEGIN")) {
		server->ca_pem = tr_strdup(ca);
	} else if (strchr(ca, '\n')) {
		MISTAKE(node, server->tls_ca ? "tlsOptions.ca" : "ca",
			"is neither PEM text (-----BEGIN CERTIFICATE-----) nor the path of a file");
	} else {
		server->ca_file = tr_schema_resolve_path(reader, ca);
	}
}

static void forget_empty(char **text)
{
	if (*text != NULL && (*text)[0] == '\0') {
		tr_free(*text);
		*text = NULL;
	}
}

/* PEM text stays as it is; the path of a file is made absolute. */
static void derive_pem(struct tr_schema_reader *reader, const char *text, char **file)
{
	if (text != NULL && strstr(text, "-----BEGIN") == NULL) {
		*file = tr_schema_resolve_path(reader, text);
	}
}

static void check_tls_options(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_irc_server_config *server)
{
	struct tr_error error;
	forget_empty(&server->tls_cert);
	forget_empty(&server->tls_key);
	forget_empty(&server->tls_ciphers);
	forget_empty(&server->tls_minVersion);
	derive_pem(reader, server->tls_cert, &server->tls_cert_file);
	derive_pem(reader, server->tls_key, &server->tls_key_file);
	if (server->tls_key != NULL && server->tls_cert == NULL) {
		MISTAKE(node, "tlsOptions.key", "is of no use alone: give its certificate as cert");
	} else if (server->ssl && tr_irc_tls_check(server, &error) != 0) {
		MISTAKE(node, "tlsOptions", "cannot be used: %s", error.text);
	}
	if (server->tls_minVersion != NULL &&
		(strcmp(server->tls_minVersion, "TLSv1") == 0 ||
			strcmp(server->tls_minVersion, "TLSv1.1") == 0)) {
		WARNING(node, "tlsOptions.minVersion",
			"lets the server speak a TLS that is broken: better TLSv1.2");
	}
}

static void check_tls(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	const struct tr_irc_server_config *server)
{
	static const char *const keys[] = {"sslselfsign", "allowExpiredCerts", "tlsOptions", "ca"};
	for (size_t i = 0; !server->ssl && i < TR_ARRAY_LEN(keys); i++) {
		if (tr_schema_given(node, keys[i])) {
			WARNING(node, keys[i], "does nothing without ssl: true");
		}
	}
	if (server->ssl && server->sslselfsign) {
		WARNING(node, "sslselfsign",
			"takes any certificate: better give the server's own under tlsOptions.ca");
	}
	if (server->ssl && !server->tls_rejectUnauthorized) {
		WARNING(node, "tlsOptions.rejectUnauthorized",
			"takes any certificate: better give the server's own under tlsOptions.ca");
	}
}

/* The element of the list `key` at `index`. */
static const struct tr_yaml_node *element(
	const struct tr_yaml_node *node, const char *key, size_t index)
{
	const struct tr_yaml_node *list = tr_yaml_get(node, key);
	return list && index < list->count ? list->values[index] : NULL;
}

/* What an element does not say is what `global` says. */
static void inherit(const struct tr_yaml_node *node, const char *key, bool *value, bool global)
{
	if (!tr_schema_given(node, key)) {
		*value = global;
	}
}

static void derive_lists(
	const struct tr_yaml_node *server_node, struct tr_irc_membership_lists *lists)
{
	const struct tr_yaml_node *node = tr_yaml_get(server_node, "membershipLists");
	lists->given = tr_schema_given(server_node, "membershipLists");
	for (size_t i = 0; i < lists->room_count; i++) {
		const struct tr_yaml_node *own =
			tr_yaml_get(element(node, "rooms", i), "matrixToIrc");
		struct tr_irc_matrix_to_irc *room = &lists->rooms[i].matrixToIrc;
		inherit(own, "initial", &room->initial, lists->global.matrixToIrc.initial);
		inherit(own, "incremental", &room->incremental,
			lists->global.matrixToIrc.incremental);
	}
	for (size_t i = 0; i < lists->channel_count; i++) {
		const struct tr_yaml_node *own =
			tr_yaml_get(element(node, "channels", i), "ircToMatrix");
		struct tr_irc_irc_to_matrix *channel = &lists->channels[i].ircToMatrix;
		inherit(own, "initial", &channel->initial, lists->global.ircToMatrix.initial);
		inherit(own, "incremental", &channel->incremental,
			lists->global.ircToMatrix.incremental);
		inherit(own, "requireMatrixJoined", &channel->requireMatrixJoined,
			lists->global.ircToMatrix.requireMatrixJoined);
	}
}

void tr_irc_check_server(
	struct tr_schema_reader *reader, const struct tr_yaml_node *node, void *section)
{
	struct tr_irc_server_config *server = section;
	if (server->port == 0) {
		server->port = server->ssl ? 6697 : 6667;
	}
	derive_ca(reader, node, server);
	check_tls_options(reader, node, server);
	check_tls(reader, node, server);
	check_mappings(reader, node, server);
	derive_lists(node, &server->membershipLists);
	if (server->quitDebounce.delayMinMs > server->quitDebounce.delayMaxMs) {
		MISTAKE(node, "quitDebounce.delayMinMs",
			"is above delayMaxMs: write the smaller one first");
	}
	const struct tr_irc_clients_config *clients = &server->ircClients;
	if (clients->floodPacing.enabled && clients->floodPacing.perSecond == 0) {
		MISTAKE(node, "ircClients.floodPacing.perSecond",
			"would never send a line: write more than 0, or enabled: false");
	}
	if (clients->pingRateMs >= clients->pingTimeoutMs) {
		MISTAKE(node, "ircClients.pingRateMs",
			"must be below pingTimeoutMs (%lld), or every connection is given up",
			(long long)clients->pingTimeoutMs);
	}
}

static void add_encoded(struct tr_buf *out, const char *text)
{
	tr_percent_encode(out, tr_str_from(text));
}

/* The postgres_ keys as a URL. */
static char *postgres_url(const struct tr_irc_bridge_config *bridge)
{
	static const char *const modes[] = {
		[TR_IRC_SSLMODE_DISABLE] = "disable",
		[TR_IRC_SSLMODE_ALLOW] = "allow",
		[TR_IRC_SSLMODE_PREFER] = "prefer",
		[TR_IRC_SSLMODE_REQUIRE] = "require",
		[TR_IRC_SSLMODE_VERIFY_CA] = "verify-ca",
		[TR_IRC_SSLMODE_VERIFY_FULL] = "verify-full",
	};
	struct tr_buf url = TR_BUF_INIT(16384);
	tr_buf_add_c(&url, "postgres://");
	if (bridge->postgres_user) {
		add_encoded(&url, bridge->postgres_user);
		if (bridge->postgres_password) {
			tr_buf_add_char(&url, ':');
			add_encoded(&url, bridge->postgres_password);
		}
		tr_buf_add_char(&url, '@');
	}
	if (strchr(bridge->postgres_fqdn, ':')) {
		tr_buf_addf(&url, "[%s]", bridge->postgres_fqdn);
	} else {
		add_encoded(&url, bridge->postgres_fqdn);
	}
	tr_buf_addf(&url, ":%lld/", (long long)bridge->postgres_port);
	if (bridge->postgres_db) {
		add_encoded(&url, bridge->postgres_db);
	}
	if (bridge->postgres_sslmode) {
		tr_buf_addf(&url, "?sslmode=%s", modes[bridge->postgres_sslmode]);
	}
	return tr_buf_take(&url);
}

static void check_postgres(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	const struct tr_irc_bridge_config *bridge)
{
	static const char *const keys[] = {"postgres_user", "postgres_db", "postgres_password",
		"postgres_port", "postgres_sslmode"};
	for (size_t i = 0; !bridge->postgres_fqdn && i < TR_ARRAY_LEN(keys); i++) {
		if (tr_schema_given(node, keys[i])) {
			MISTAKE(node, keys[i],
				"does nothing without postgres_fqdn: name the database's host there");
			return;
		}
	}
	if (bridge->postgres_fqdn && !bridge->postgres_user) {
		MISTAKE(node, "postgres_fqdn", "needs postgres_user with it: who logs in");
	}
}

/* "@irc_$NICK" from a prefix, else the incumbent's defaults. */
static void derive_templates(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_irc_bridge_config *bridge)
{
	char **user = &bridge->parameters.matrixClients.userTemplate;
	char **alias = &bridge->parameters.dynamicChannels.aliasTemplate;
	const struct tr_yaml_node *parameters = tr_yaml_get(node, "parameters");
	if (*user && bridge->users_prefix &&
		tr_schema_given(tr_yaml_get(parameters, "matrixClients"), "userTemplate")) {
		WARNING(node, "users_prefix",
			"is not used: matrixClients.userTemplate says it all");
	}
	if (!*user) {
		*user = bridge->users_prefix ? tr_asprintf("@%s$NICK", bridge->users_prefix)
					     : tr_strdup("@$SERVER_$NICK");
	}
	if (*alias && bridge->alias_prefix) {
		WARNING(node, "alias_prefix",
			"is not used: dynamicChannels.aliasTemplate says it all");
	}
	if (!*alias) {
		*alias = bridge->alias_prefix ? tr_asprintf("#%s$CHANNEL", bridge->alias_prefix)
					      : tr_strdup("#irc_$SERVER_$CHANNEL");
	}
}

/* `template` with $SERVER put in, up to `variable`. */
static char *template_head(const char *template, const char *address, const char *variable)
{
	struct tr_buf out = TR_BUF_INIT(4096);
	const char *end = strstr(template, variable);
	const char *server = strstr(template, "$SERVER");
	if (!end) {
		end = template + strlen(template);
	}
	if (server && server < end) {
		tr_buf_add(&out, tr_str_of(template, (size_t)(server - template)));
		tr_buf_add_c(&out, address);
		template = server + strlen("$SERVER");
	}
	tr_buf_add(&out, tr_str_of(template, (size_t)(end - template)));
	return tr_buf_take(&out);
}

static void check_bot(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	const struct tr_irc_bridge_config *bridge)
{
	const char *template = bridge->parameters.matrixClients.userTemplate;
	char *head = template_head(template, bridge->address, "$NICK");
	const char *tail = strstr(template, "$NICK");
	struct tr_str localpart = tr_str_from(bridge->bot_username);
	if (tail && tr_str_starts(localpart, tr_str_from(head + 1)) &&
		tr_str_ends(localpart, tr_str_from(tail + strlen("$NICK")))) {
		WARNING(node, "bot_username",
			"looks like an IRC user's id (%s): better take a name that does not",
			template);
	}
	tr_free(head);
}

void tr_irc_check_bridge(
	struct tr_schema_reader *reader, const struct tr_yaml_node *node, void *section)
{
	struct tr_irc_bridge_config *bridge = section;
	struct tr_irc_server_config *server = &bridge->parameters;
	bridge->logging_level_given = tr_schema_given(node, "logging_level");
	check_postgres(reader, node, bridge);
	derive_templates(reader, node, bridge);
	if (bridge->address) {
		server->name = server->name ? server->name : tr_strdup(bridge->address);
		server->networkId =
			server->networkId ? server->networkId : tr_strdup(bridge->address);
		if (bridge->bot_username) {
			check_bot(reader, node, bridge);
		}
	}
}

/* Where one bridge of its own keeps everything. What is nearer says more, and `database` more than
 * the postgres_ keys, which are another way to say it. */
static void derive_database(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_irc_config *config, struct tr_irc_bridge_config *bridge)
{
	const char *top = config->bridge_count == 1 ? config->common.database : NULL;
	if (bridge->postgres_fqdn && (bridge->database || top)) {
		WARNING(node, "postgres_fqdn", "is not used: database names the store");
	}
	if (bridge->database || tr_schema_given(node, "database")) {
		return; /* said, or said wrong and reported */
	}
	if (top) {
		bridge->database = tr_strdup(top);
	} else if (bridge->postgres_fqdn) {
		bridge->database = postgres_url(bridge);
	} else if (config->bridge_count > 1) {
		MISTAKE(node, "database",
			"is required with several entries: name each one's own store");
	} else {
		char *path = tr_schema_resolve_path(reader, "trestle.db");
		bridge->database = tr_asprintf("sqlite:%s", path);
		tr_free(path);
	}
}

static void derive_registration(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_irc_config *config, struct tr_irc_bridge_config *bridge)
{
	if (bridge->registration || tr_schema_given(node, "registration")) {
		return;
	}
	if (config->bridge_count > 1) {
		MISTAKE(node, "registration",
			"is required with several entries: name each one's own file");
	} else {
		bridge->registration = tr_strdup(config->common.appservice.registration);
	}
}

static char *ghost_namespace(const struct tr_irc_bridge_config *bridge)
{
	const char *template = bridge->parameters.matrixClients.userTemplate;
	return bridge->address && template ? template_head(template, bridge->address, "\n") : NULL;
}

/* What each bridge must have for itself, and which has it. */
struct claims {
	struct tr_map registrations, databases, bots, ghosts;
};

/* The bridge that had `text` before, or NULL when it is ours now. */
static const struct tr_irc_bridge_config *claim(
	struct tr_map *claims, const char *text, struct tr_irc_bridge_config *bridge)
{
	const struct tr_irc_bridge_config *other =
		text ? tr_map_get(claims, tr_str_from(text)) : NULL;
	if (text && !other) {
		tr_map_set(claims, tr_str_from(text), bridge);
	}
	return other;
}

static void check_shared(struct tr_schema_reader *reader, const struct tr_yaml_node *node,
	struct tr_irc_config *config, struct tr_irc_bridge_config *bridge, struct claims *claims)
{
	const struct tr_irc_bridge_config *other;
	char *ghosts = ghost_namespace(bridge);
	if ((other = claim(&claims->registrations, bridge->registration, bridge))) {
		MISTAKE(node, "registration", "is that of entry %td too: each needs its own file",
			other - config->bridges);
	}
	if ((other = claim(&claims->databases, bridge->database, bridge))) {
		MISTAKE(node, bridge->postgres_fqdn ? "postgres_fqdn" : "database",
			"names the store of entry %td too: each needs its own",
			other - config->bridges);
	}
	if ((other = claim(&claims->bots, bridge->bot_username, bridge))) {
		MISTAKE(node, "bot_username",
			"is that of entry %td too: give each bot its own name",
			other - config->bridges);
	}
	if ((other = claim(&claims->ghosts, ghosts, bridge))) {
		MISTAKE(node, "users_prefix",
			"gives IRC users the ids of entry %td (%s): give each network its own prefix",
			other - config->bridges, ghosts);
	}
	tr_free(ghosts);
}

static void derive_logging(struct tr_irc_config *config)
{
	bool found = false;
	for (size_t i = 0; i < config->bridge_count && !config->common.logging.level_given; i++) {
		const struct tr_irc_bridge_config *bridge = &config->bridges[i];
		if (bridge->logging_level_given &&
			(!found || bridge->logging_level > config->common.logging.level)) {
			config->common.logging.level = bridge->logging_level;
			found = true;
		}
	}
}

void tr_irc_check_config(
	struct tr_schema_reader *reader, const struct tr_yaml_node *node, void *section)
{
	struct tr_irc_config *config = section;
	const struct tr_yaml_node *list = tr_yaml_get(node, "bridged_irc_servers");
	if (list && list->kind == TR_YAML_LIST && config->bridge_count == 0) {
		MISTAKE(node, "bridged_irc_servers", "is empty: write at least one entry");
	}
	if (config->bridge_count > 1) {
		if (config->common.database) {
			MISTAKE(node, "database",
				"cannot serve several entries: write it in each of them");
		}
		if (config->common.appservice.registration_given) {
			WARNING(node, "appservice.registration",
				"is not used: with several entries each names its own");
		}
	}
	derive_logging(config);
	struct claims claims = {0};
	for (size_t i = 0; i < config->bridge_count; i++) {
		const struct tr_yaml_node *entry = list->values[i];
		size_t mark = tr_schema_enter(reader, "bridged_irc_servers", (ptrdiff_t)i);
		derive_database(reader, entry, config, &config->bridges[i]);
		derive_registration(reader, entry, config, &config->bridges[i]);
		check_shared(reader, entry, config, &config->bridges[i], &claims);
		tr_schema_leave(reader, mark);
	}
	tr_map_finish(&claims.registrations);
	tr_map_finish(&claims.databases);
	tr_map_finish(&claims.bots);
	tr_map_finish(&claims.ghosts);
}

int tr_irc_config_load(struct tr_irc_config *config, const char *file, struct tr_report *report)
{
	return tr_config_load(&tr_irc_config_schema, file, config, report);
}

void tr_irc_config_finish(struct tr_irc_config *config)
{
	for (size_t i = 0; i < config->bridge_count; i++) {
		tr_free(config->bridges[i].parameters.ca_file);
		tr_free(config->bridges[i].parameters.ca_pem);
		tr_free(config->bridges[i].parameters.tls_cert_file);
		tr_free(config->bridges[i].parameters.tls_key_file);
	}
	tr_schema_free(&tr_irc_config_schema, config, sizeof(*config));
}

enum tr_config_level tr_irc_config_level(const struct tr_irc_config *config,
	const struct tr_irc_bridge_config *bridge, struct tr_str user_id)
{
	for (size_t i = 0; i < bridge->admins.count; i++) {
		if (tr_str_eq_c(user_id, bridge->admins.items[i])) {
			return TR_LEVEL_ADMIN;
		}
	}
	enum tr_config_level level = tr_config_level_of(config->common.permissions,
		config->common.permission_count, user_id, TR_LEVEL_USER);
	return tr_config_level_of(bridge->permissions, bridge->permission_count, user_id, level);
}
