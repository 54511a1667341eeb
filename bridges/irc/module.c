/* SPDX-License-Identifier: Apache-2.0 */
/* Says what the configuration of trestle-irc means for the daemon: bridges, ids, registrations,
 * permissions. */
#include "bridges/irc/module.h"

#include "bridges/irc/doctor.h"
#include "bridges/irc/engine.h"
#include "bridges/irc/irc_config.h"
#include "core/base/alloc.h"
#include "core/bridge/command.h"
#include "core/matrix/template.h"

static void *load(const char *file, struct tr_report *report, int *failed)
{
	struct tr_irc_config *config = tr_alloc(sizeof(*config));
	*failed = tr_irc_config_load(config, file, report);
	for (size_t i = 0; i < config->bridge_count; i++) {
		config->bridges[i].file = config;
	}
	return config;
}

static void unload(void *config)
{
	tr_irc_config_finish(config);
	tr_free(config);
}

static const struct tr_irc_config *config_of(const void *config)
{
	return config;
}

static const struct tr_config_common *common(const void *config)
{
	return &config_of(config)->common;
}

static size_t bridge_count(const void *config)
{
	return config_of(config)->bridge_count;
}

static int permission(const void *protocol_config, const char *user_id)
{
	const struct tr_irc_bridge_config *entry = protocol_config;
	enum tr_config_level level = tr_irc_config_level(entry->file, entry, tr_str_from(user_id));
	if (level == TR_LEVEL_ADMIN) {
		return TR_PERMIT_ADMIN;
	}
	return level >= TR_LEVEL_COMMANDS ? TR_PERMIT_USER : TR_PERMIT_NOBODY;
}

static void describe(const void *config, size_t index, struct tr_bridge_options *options)
{
	const struct tr_irc_bridge_config *entry = &config_of(config)->bridges[index];
	const struct tr_irc_server_config *server = &entry->parameters;
	const struct tr_irc_dynamic_channels *dynamic = &server->dynamicChannels;
	options->protocol = &tr_irc_protocol;
	options->protocol_config = entry;
	options->name = server->name;
	options->database = entry->database;
	options->user_template = server->matrixClients.userTemplate;
	options->ghost_name_template = server->matrixClients.displayName;
	options->server = entry->address;
	options->network_id = server->networkId;
	options->icon = server->icon;
	options->no_bridge_state = !entry->globals.bridgeInfoState.enabled;
	options->no_initial_state = !entry->globals.bridgeInfoState.initial;
	options->alias_template = dynamic->enabled ? dynamic->aliasTemplate : NULL;
	options->create_alias = dynamic->createAlias;
	options->publish = dynamic->published;
	options->publish_homeserver = dynamic->useHomeserverDirectory;
	options->federate_rooms = dynamic->federate;
	options->invite_only = dynamic->joinRule == TR_IRC_JOIN_INVITE;
	options->no_direct = !server->privateMessages.enabled;
	options->direct_local_only = !server->privateMessages.federate;
	options->room_version = dynamic->roomVersion;
	options->max_age_ms = (uint64_t)entry->drop_matrix_messages_after_seconds * 1000;
	options->permission = permission;
	options->media_url = entry->globals.mediaProxy.publicUrl
				     ? entry->globals.mediaProxy.publicUrl
				     : entry->file->common.homeserver.media_url;
	/* The incumbent's -1 is never, 0 for ever. */
	int64_t attempts = server->matrixClients.joinAttempts;
	options->join_retries = attempts < 0 ? 0 : attempts == 0 ? -1 : attempts;
	options->withhold_after_ms = (uint64_t)server->membershipLists.requireMatrixJoinedWaitMs;
	options->recall_max = entry->globals.matrixHandler.eventCacheSize > 0
				      ? (size_t)entry->globals.matrixHandler.eventCacheSize
				      : 1;
}

static const char *registration_path(const void *config, size_t index)
{
	return config_of(config)->bridges[index].registration;
}

static void registration(const void *config, size_t index, struct tr_registration *wanted)
{
	const struct tr_irc_config *irc = config_of(config);
	const struct tr_irc_bridge_config *entry = &irc->bridges[index];
	const struct tr_irc_server_config *server = &entry->parameters;
	struct tr_str domain = tr_str_from(irc->common.homeserver.domain);
	const struct tr_template_value user_values[] = {
		{"NICK", {NULL, 0}},
		{"SERVER", tr_str_from(entry->address)},
	};
	const struct tr_template_value alias_values[] = {
		{"CHANNEL", {NULL, 0}},
		{"SERVER", tr_str_from(entry->address)},
	};
	wanted->url = tr_strdup(irc->common.appservice.url);
	wanted->sender_localpart = tr_strdup(entry->bot_username);
	wanted->receive_ephemeral = true;
	char *users = tr_template_regex(tr_str_from(server->matrixClients.userTemplate), domain,
		TR_ESCAPE_NOTHING, user_values, TR_ARRAY_LEN(user_values));
	tr_namespaces_add(&wanted->users, users, true);
	tr_free(users);
	if (server->dynamicChannels.enabled && server->dynamicChannels.createAlias) {
		char *aliases = tr_template_regex(
			tr_str_from(server->dynamicChannels.aliasTemplate), domain,
			TR_ESCAPE_NOTHING, alias_values, TR_ARRAY_LEN(alias_values));
		tr_namespaces_add(&wanted->aliases, aliases, true);
		tr_free(aliases);
	}
	tr_registration_add_protocol(wanted, "irc");
}

static enum tr_log_level log_level(const void *config)
{
	return config_of(config)->common.logging.level;
}

#define SWAP(type, a, b) \
 do {                    \
  type kept = (a);       \
  (a) = (b);             \
  (b) = kept;            \
 } while (0)

/* Who may do what changes while running; the old lists go with the other configuration. */
static void adopt(void *config, void *fresh)
{
	struct tr_irc_config *mine = config;
	struct tr_irc_config *theirs = fresh;
	SWAP(struct tr_config_permission *, mine->common.permissions, theirs->common.permissions);
	SWAP(size_t, mine->common.permission_count, theirs->common.permission_count);
	for (size_t i = 0; i < mine->bridge_count && i < theirs->bridge_count; i++) {
		struct tr_irc_bridge_config *a = &mine->bridges[i];
		struct tr_irc_bridge_config *b = &theirs->bridges[i];
		if (!tr_str_eq(tr_str_from(a->address), tr_str_from(b->address))) {
			continue; /* another bridge stands there now: only a restart takes it */
		}
		SWAP(struct tr_irc_texts, a->admins, b->admins);
		SWAP(struct tr_config_permission *, a->permissions, b->permissions);
		SWAP(size_t, a->permission_count, b->permission_count);
	}
}

const struct tr_daemon_module tr_irc_module = {
	.program = "trestle-irc",
	.what = "joins IRC networks to Matrix",
	.schema = &tr_irc_config_schema,
	.load = load,
	.unload = unload,
	.common = common,
	.bridge_count = bridge_count,
	.describe = describe,
	.registration_path = registration_path,
	.registration = registration,
	.log_level = log_level,
	.adopt = adopt,
	.doctor = tr_irc_doctor,
};
