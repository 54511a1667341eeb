/* SPDX-License-Identifier: Apache-2.0 */
/* The top of the file and the keys of an entry of bridged_irc_servers: what an installer's file has
 * around the network's own `parameters` (irc_config_server.c), and the incumbent's settings for all
 * servers. Nothing is decided here, the rows are read by core/config/schema. */
#include "bridges/irc/irc_config_tables.h"

#define OWNER struct tr_irc_provisioning_rules
static const struct tr_schema_key regex_item = {.type = TR_SCHEMA_REGEX};
static const struct tr_schema_key rule_id_keys[] = {
	ROW_MANY("exempt", LIST, userIds.exempt, userIds.exempt_count, struct tr_schema_regex,
		regex_item, 0, .help = "Members that no conflict counts for."),
	ROW_MANY("conflict", LIST, userIds.conflict, userIds.conflict_count, struct tr_schema_regex,
		regex_item, 0, .help = "A room with such a member (a bridge's bot) is not linked."),
	ROW_END,
};
static const struct tr_schema rule_id_schema = {.title = "By user id", .keys = rule_id_keys};
static const struct tr_schema_key rule_keys[] = {
	ROW_GROUP("userIds", rule_id_schema, 0, .help = "By the members of the room."),
	ROW_END,
};
static const struct tr_schema rule_schema = {
	.title = "Which rooms may be linked", .keys = rule_keys};
#undef OWNER

#define OWNER struct tr_irc_provisioning
static const struct tr_schema_key http_keys[] = {
	ROW("port", INT, http.port, NULL, 0, .example = "# 7700", .min = 1, .max = 65535,
		.help = "Its own port."),
	ROW("host", STRING, http.host, "\"127.0.0.1\"", 0, .help = "Its own address."),
	ROW_END,
};
static const struct tr_schema http_schema = {.title = "An own listener", .keys = http_keys};
static const struct tr_schema_key override_item = {
	.type = TR_SCHEMA_URL, .offset = offsetof(struct tr_schema_pair, value)};
static const struct tr_schema_key provisioning_keys[] = {
	ROW("enabled", BOOL, enabled, "false", 0, .help = "The same as `enable_provisioning`."),
	ROW("widget", BOOL, widget, "false", 0, .help = "Whether the widget is served."),
	ROW("secret", SECRET, secret, NULL, 0, .help = "What clients of the API must know."),
	ROW("requestTimeoutSeconds", INT, requestTimeoutSeconds, "300", 0, .min = 1, .max = 86400,
		.help = "How long an operator has to answer."),
	ROW_MOVED("rules", "write provisioning_rules in the bridge's entry"),
	ROW_MOVED("roomLimit", "write provisioning_room_limit in the bridge's entry"),
	ROW("apiPrefix", STRING, apiPrefix, "/_matrix/provision", 0, .help = "Its path."),
	ROW("ratelimit", BOOL, ratelimit, "true", 0, .help = "Whether requests are limited."),
	ROW_GROUP("http", http_schema, 0, .help = "An own listener."),
	ROW_TEXTS("openIdDisallowedIpRanges", openIdDisallowedIpRanges, tr_irc_text_item, 0,
		.help = "Where OpenID tokens are never checked; private ranges by default."),
	ROW_MANY("openIdOverrides", MAP, openIdOverrides, openid_override_count,
		struct tr_schema_pair, override_item, 0, .check = tr_config_check_domain,
		.help = "URLs of single homeservers for that check."),
	ROW_END,
};
static const struct tr_schema provisioning_schema = {
	.title = "Provisioning", .keys = provisioning_keys};
#undef OWNER

#define OWNER struct tr_irc_globals
static const struct tr_schema_key activity_keys[] = {
	ROW("minUserActiveDays", INT, userActivity.minUserActiveDays, "3", 0, .min = 1, .max = 31,
		.help = "On how many days a user must have been active to count."),
	ROW("inactiveAfterDays", INT, userActivity.inactiveAfterDays, "31", 0, .min = 1, .max = 31,
		.help = "Of how many days."),
	ROW_END,
};
static const struct tr_schema activity_schema = {.title = "Active users", .keys = activity_keys};

static const struct tr_schema_key matrix_handler_keys[] = {
	ROW("eventCacheSize", INT, matrixHandler.eventCacheSize, "4096", 0, .max = 10000000,
		.help = "How many events are remembered for replies."),
	ROW("shortReplyTemplate", STRING, matrixHandler.shortReplyTemplate, "\"$NICK: $REPLY\"", 0,
		.help = "A reply to something recent."),
	ROW("longReplyTemplate", STRING, matrixHandler.longReplyTemplate,
		"'<$NICK> \"$ORIGINAL\" <- $REPLY'", 0, .help = "A reply to something older."),
	ROW("shortReplyTresholdSeconds", INT, matrixHandler.shortReplyTresholdSeconds, "300", 0,
		.max = INT64_MAX, .alias = "shortReplyThresholdSeconds",
		.help = "What is recent, in seconds."),
	ROW("replySourceMaxLength", INT, matrixHandler.replySourceMaxLength, "32", 0, .max = 400,
		.help = "How much of the original is quoted."),
	ROW("truncatedMessageTemplate", STRING, matrixHandler.truncatedMessageTemplate,
		"\"(full message at <$URL>)\"", 0, .help = "What follows a message that was cut."),
	ROW("showStickers", BOOL, matrixHandler.showStickers, "true", 0,
		.help = "Whether a sticker is told as a line with its name and address."),
	ROW("showReactions", BOOL, matrixHandler.showReactions, "false", 0,
		.help = "Whether a reaction is told as a line of who reacted."),
	ROW("showRedactions", BOOL, matrixHandler.showRedactions, "false", 0,
		.help = "Whether a line tells that somebody removed a message. What was removed is "
			"never said again."),
	ROW_END,
};
static const struct tr_schema matrix_handler_schema = {
	.title = "Text from Matrix", .keys = matrix_handler_keys};

static const struct tr_schema_choice mention_modes[] = {{"on", TR_IRC_MENTIONS_ON},
	{"off", TR_IRC_MENTIONS_OFF}, {"force-off", TR_IRC_MENTIONS_FORCE_OFF}, {NULL, 0}};
static const struct tr_schema_key irc_handler_keys[] = {
	ROW("mapIrcMentionsToMatrix", CHOICE, ircHandler.mapIrcMentionsToMatrix, "\"on\"", 0,
		.choices = mention_modes,
		.help = "Whether a nick in a line becomes a mention of its Matrix user: `on` "
			"unless the user says `!feature mentions false`, `off` unless the user "
			"says `!feature mentions true`, or never."),
	ROW("powerLevelGracePeriodMs", INT, ircHandler.powerLevelGracePeriodMs, "1000", 0,
		.max = 3600000, .alias = "powerLevelGracePeriod",
		.help = "How long mode changes are collected, in milliseconds."),
	ROW_END,
};
static const struct tr_schema irc_handler_schema = {
	.title = "Text from IRC", .keys = irc_handler_keys};

static const struct tr_schema_key per_room_keys[] = {
	ROW("enabled", BOOL, perRoomConfig.enabled, "false", 0,
		.help = "Whether a room's administrators may set limits by a state event."),
	ROW("lineLimitMax", INT, perRoomConfig.lineLimitMax, NULL, 0, .example = "# 10",
		.max = 10000, .help = "The highest lineLimit they may set."),
	ROW("allowUnconnectedMatrixUsers", BOOL, perRoomConfig.allowUnconnectedMatrixUsers, "false",
		0, .help = "Whether they may let messages through that members do not see."),
	ROW_END,
};
static const struct tr_schema per_room_schema = {.title = "Limits by room", .keys = per_room_keys};

static const struct tr_schema_key ban_list_room = {.type = TR_SCHEMA_STRING};
static const struct tr_schema_key ban_list_keys[] = {
	ROW_TEXTS("rooms", banLists.rooms, ban_list_room, 0,
		.help = "Rooms whose policy rules are obeyed."),
	ROW_END,
};
static const struct tr_schema ban_list_schema = {.title = "Ban lists", .keys = ban_list_keys};

static const struct tr_schema_key bridge_info_keys[] = {
	ROW("enabled", BOOL, bridgeInfoState.enabled, "true", 0,
		.help = "Whether rooms carry a state event that says what they are joined with."),
	ROW("initial", BOOL, bridgeInfoState.initial, "true", 0,
		.help = "Whether rooms of `mappings` that lack it, or have another one, get it at "
			"start; else only rooms that the bridge makes have it."),
	ROW_END,
};
static const struct tr_schema bridge_info_schema = {
	.title = "Bridge information", .keys = bridge_info_keys};

static const struct tr_schema_key media_keys[] = {
	ROW("signingKeyPath", PATH, mediaProxy.signingKeyPath, NULL, 0,
		.example = "# signingkey.jwk", .help = "The key that signs links."),
	ROW("ttlSeconds", INT, mediaProxy.ttlSeconds, NULL, 0, .example = "# 0", .max = INT64_MAX,
		.help = "How long a link holds; 0 is for ever."),
	ROW("bindPort", INT, mediaProxy.bindPort, NULL, 0, .example = "# 11111", .min = 1,
		.max = 65535, .help = "Its port."),
	ROW("publicUrl", URL, mediaProxy.publicUrl, NULL, 0,
		.example = "# \"https://irc.example.com/media\"",
		.help = "How IRC users reach it."),
	ROW_END,
};
static const struct tr_schema media_schema = {
	.title = "Links to media for IRC users", .keys = media_keys};

static const struct tr_schema_key debug_keys[] = {
	ROW("enabled", BOOL, debugApi.enabled, "false", 0, .help = "Whether it is served."),
	ROW("port", INT, debugApi.port, "11100", 0, .min = 1, .max = 65535, .help = "Its port."),
	ROW_END,
};
static const struct tr_schema debug_schema = {.title = "The debug API", .keys = debug_keys};

static const struct tr_schema_key globals_keys[] = {
	ROW_GROUP("matrixHandler", matrix_handler_schema, 0, .help = "Text from Matrix."),
	ROW_GROUP("ircHandler", irc_handler_schema, 0, .help = "Text from IRC."),
	ROW("encodingFallback", STRING, encodingFallback, NULL, 0, .example = "# ISO-8859-15",
		.check = tr_irc_check_encoding,
		.help = "The encoding of lines that are not UTF-8, as iconv calls it, such as "
			"ISO-8859-15 or GB18030. Windows-1252 when it is not set."),
	ROW_GROUP("userActivity", activity_schema, NOT_YET,
		.help = "Who counts as active for `rmau_limit`."),
	ROW_GROUP("perRoomConfig", per_room_schema, NOT_YET, .help = "Limits by room."),
	ROW_GROUP("banLists", ban_list_schema, NOT_YET, .help = "Ban lists."),
	ROW_GROUP("bridgeInfoState", bridge_info_schema, 0, .help = "Bridge information."),
	ROW_GROUP("mediaProxy", media_schema, NOT_YET, .help = "Links to media for IRC users."),
	ROW_GROUP("debugApi", debug_schema, NOT_YET, .help = "The debug API."),
	ROW_END,
};
static const struct tr_schema globals_schema = {.keys = globals_keys};
#undef OWNER

#define OWNER struct tr_irc_bridge_config
static const struct tr_schema_choice sslmodes[] = {{"disable", TR_IRC_SSLMODE_DISABLE},
	{"allow", TR_IRC_SSLMODE_ALLOW}, {"prefer", TR_IRC_SSLMODE_PREFER},
	{"require", TR_IRC_SSLMODE_REQUIRE}, {"verify-ca", TR_IRC_SSLMODE_VERIFY_CA},
	{"verify-full", TR_IRC_SSLMODE_VERIFY_FULL}, {NULL, 0}};
static const struct tr_schema_key permission_item = {.type = TR_SCHEMA_CHOICE,
	.offset = offsetof(struct tr_config_permission, level),
	.choices = tr_config_levels};

static const struct tr_schema_key bridge_keys[] = {
	ROW("address", STRING, address, NULL, TR_KEY_REQUIRED, .check = tr_irc_check_host,
		.example = "irc.example.com",
		.help = "The IRC server. Its settings are in `parameters`."),
	ROW("registration", PATH, registration, "registration.yml", TR_KEY_DERIVED,
		.help = "This bridge's registration file; appservice.registration by default. With "
			"several entries each names its own."),
	ROW("database", DATABASE, database, "\"" TR_CONFIG_DEFAULT_DATABASE "\"", TR_KEY_DERIVED,
		.help = "This bridge's store; the top-level `database` by default, else what the "
			"postgres_ keys say. With several entries each names its own."),
	ROW("postgres_fqdn", STRING, postgres_fqdn, NULL, 0, .example = "# db.example.com",
		.help = "Another way to name a PostgreSQL database: its host."),
	ROW("postgres_port", INT, postgres_port, "5432", 0, .min = 1, .max = 65535,
		.help = "Its port."),
	ROW("postgres_user", STRING, postgres_user, NULL, 0, .example = "# ircbridge",
		.help = "Who logs in."),
	ROW("postgres_password", SECRET, postgres_password, NULL, 0,
		.example = "# \"some password\"", .help = "The password."),
	ROW("postgres_db", STRING, postgres_db, NULL, 0, .example = "# ircbridge",
		.help = "The database; the user's name by default."),
	ROW("postgres_sslmode", CHOICE, postgres_sslmode, NULL, 0, .example = "# require",
		.choices = sslmodes, .help = "How the connection is encrypted."),
	ROW("bot_username", STRING, bot_username, "appservice-irc", 0,
		.check = tr_irc_check_localpart, .example = "\"ircbridgebot\"",
		.help = "The bot's user in Matrix, without @ and domain."),
	ROW("users_prefix", STRING, users_prefix, NULL, 0, .check = tr_irc_check_prefix,
		.example = "\"irc_\"",
		.help = "IRC users are @ + prefix + nick in Matrix. "
			"See also matrixClients.userTemplate."),
	ROW("alias_prefix", STRING, alias_prefix, NULL, 0, .check = tr_irc_check_prefix,
		.example = "\"irc_\"",
		.help = "Channels are # + prefix + channel in Matrix. See also "
			"dynamicChannels.aliasTemplate."),
	ROW_TEXTS("admins", admins, tr_irc_user_id_item, RELOAD,
		.example = "[\"@user:example.com\"]", .help = "Who manages the bridge."),
	ROW_MANY("permissions", MAP, permissions, permission_count, struct tr_config_permission,
		permission_item, RELOAD, .check = tr_config_check_permission_key,
		.help = "As the top-level `permissions`, for this bridge; it goes before them."),
	ROW("logging_level", CHOICE, logging_level, "info", RELOAD, .choices = tr_config_log_levels,
		.help = "As logging.level, when that is not given; the log is one for all entries."),
	ROW("drop_matrix_messages_after_seconds", INT, drop_matrix_messages_after_seconds, "0",
		RELOAD, .max = INT64_MAX,
		.help = "Messages that could not be delivered for so long are given up and their "
			"senders told; 0 is never."),
	ROW("enable_presence", BOOL, enable_presence, "true", 0,
		.help = "Whether users who are away in Matrix are away on IRC."),
	ROW("rmau_limit", INT, rmau_limit, "0", NOT_YET, .max = INT64_MAX,
		.help = "How many IRC users may be active in a month; 0 is no limit."),
	ROW("enable_provisioning", BOOL, enable_provisioning, "false", NOT_YET,
		.help = "Whether rooms can be linked through the provisioning API."),
	ROW("provisioning_room_limit", INT, provisioning_room_limit, "0", NOT_YET, .max = INT64_MAX,
		.help = "How many rooms may be linked; 0 is no limit."),
	ROW_SECTION("provisioning_rules", provisioning_rules, rule_schema, NOT_YET,
		.help = "Which rooms may be linked."),
	ROW_SECTION("provisioning", provisioning, provisioning_schema, NOT_YET,
		.help = "More about provisioning."),
	ROW("enable_ident", BOOL, enable_ident, "false", NOT_YET,
		.help = "Whether the bridge answers ident requests (RFC 1413)."),
	ROW("ident_port_number", INT, ident_port_number, "113", NOT_YET, .min = 1, .max = 65535,
		.help = "Where it does."),
	ROW("ident_port_type", STRING, ident_port_type, NULL, TR_KEY_NO_EFFECT,
		.help = "Means something to an installer only."),
	ROW("ident_address", STRING, ident_address, "\"0.0.0.0\"", NOT_YET,
		.help = "On which address it does."),
	{.name = "globals",
		.type = TR_SCHEMA_INCLUDED,
		.offset = offsetof(struct tr_irc_bridge_config, globals),
		.section = &globals_schema},
	ROW_SECTION("parameters", parameters, tr_irc_server_schema, 0,
		.help = "The network: all that concerns the IRC side."),
	ROW_MOVED("ident", "write enable_ident and ident_port_number"),
	ROW_MOVED("RMAUlimit", "write rmau_limit"),
	ROW_MOVED("passwordEncryptionKeyPath", "write key_file at the top of the file"),
	ROW_MOVED("key_file", "write it at the top of the file"),
	ROW_MOVED("metrics", "write metrics: {listen: \"127.0.0.1:9001\"} at the top of the file"),
	ROW_MOVED("logging", "write logging_level here, or logging at the top of the file"),
	ROW_MOVED("homeserver", "write it at the top of the file"),
	ROW_END,
};
static const struct tr_schema bridge_schema = {
	.title = "One bridge", .keys = bridge_keys, .check = tr_irc_check_bridge};
static const struct tr_schema_key bridge_item = {
	.type = TR_SCHEMA_SECTION, .section = &bridge_schema};
#undef OWNER

#define OWNER struct tr_irc_config
static const char no_need[] = "leave it out, this bridge needs no such setting";
static const struct tr_schema_key config_keys[] = {
	{.name = "common",
		.type = TR_SCHEMA_INCLUDED,
		.offset = offsetof(OWNER, common),
		.section = &tr_config_common_schema},
	ROW_MANY("bridged_irc_servers", LIST, bridges, bridge_count, struct tr_irc_bridge_config,
		bridge_item, TR_KEY_REQUIRED,
		.help = "The bridges of this daemon, one entry for each IRC network."),
	ROW_MOVED("ircService",
		"write each of its servers as an entry of bridged_irc_servers, with "
		"the server's settings under parameters"),
	ROW_MOVED("advanced", no_need),
	ROW_MOVED("sentry", no_need),
	ROW_MOVED("connectionPool", no_need),
	ROW_END,
};
#undef OWNER

const struct tr_schema tr_irc_config_schema = {.title = "The configuration of trestle-irc",
	.keys = config_keys,
	.check = tr_irc_check_config};
