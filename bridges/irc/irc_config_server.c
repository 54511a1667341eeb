/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of `parameters`: one IRC network. Names and defaults are the incumbent's; floodPacing is
 * ours. Nothing is decided here, the rows are read by core/config/schema. */
#include "bridges/irc/irc_config_tables.h"

const struct tr_schema_key tr_irc_text_item = {.type = TR_SCHEMA_STRING};
const struct tr_schema_key tr_irc_user_id_item = {
	.type = TR_SCHEMA_STRING, .check = tr_config_check_user_id};
static const struct tr_schema_key channel_item = {
	.type = TR_SCHEMA_STRING, .check = tr_irc_check_channel};
static const struct tr_schema_key room_id_item = {
	.type = TR_SCHEMA_STRING, .check = tr_config_check_room_id};
static const struct tr_schema_key host_item = {
	.type = TR_SCHEMA_STRING, .check = tr_irc_check_host};

#define OWNER struct tr_irc_bot_config
static const struct tr_schema_key bot_keys[] = {
	ROW("enabled", BOOL, enabled, "true", 0, .example = "true",
		.help = "Whether the bot connects. Without it a channel is read through a user's "
			"connection."),
	ROW("nick", STRING, nick, "appservicebot", 0, .check = tr_irc_check_nick,
		.example = "\"MatrixBot\"", .help = "The bot's nick."),
	ROW("username", STRING, username, "matrixbot", 0, .check = tr_irc_check_username,
		.example = "\"matrixbot\"", .help = "The bot's user name (ident)."),
	ROW("password", SECRET, password, NULL, 0, .example = "# some_password",
		.help = "The bot's password: for SASL with `sasl`, else sent to the server."),
	ROW("certificate", PATH, certificate, NULL, 0, .example = "# bot.pem",
		.help = "The bot's client certificate with its key, a PEM file: shown to a server "
			"that asks for it, and what the bot logs in with (SASL EXTERNAL) with "
			"`sasl`."),
	ROW("joinChannelsIfNoUsers", BOOL, joinChannelsIfNoUsers, "true", 0,
		.help = "Whether the bot joins mapped channels that no Matrix user is in."),
	ROW_END,
};
static const struct tr_schema bot_schema = {.title = "The bot on IRC", .keys = bot_keys};
#undef OWNER

#define OWNER struct tr_irc_quit_debounce
static const struct tr_schema_key debounce_keys[] = {
	ROW("enabled", BOOL, enabled, "false", 0,
		.help = "Whether leaves are held back for long when many users quit at once. Those of "
			"a netsplit, as servers name it, are held back for a minute anyway; who is "
			"back by then never left the room."),
	ROW("quitsPerSecond", INT, quitsPerSecond, "5", 0, .min = 1, .max = 100000,
		.help = "From how many quits a second on."),
	ROW("delayMinMs", INT, delayMinMs, "3600000", 0, .max = INT64_MAX,
		.help = "The shortest time a leave is held back, in milliseconds."),
	ROW("delayMaxMs", INT, delayMaxMs, "7200000", 0, .max = INT64_MAX, .help = "The longest."),
	ROW_END,
};
static const struct tr_schema debounce_schema = {
	.title = "Holding back leaves in a netsplit", .keys = debounce_keys};
#undef OWNER

#define OWNER struct tr_irc_dynamic_channels
static const struct tr_schema_choice join_rules[] = {
	{"public", TR_IRC_JOIN_PUBLIC}, {"invite", TR_IRC_JOIN_INVITE}, {NULL, 0}};
static const struct tr_schema_key dynamic_keys[] = {
	ROW("enabled", BOOL, enabled, "false", 0, .example = "true",
		.help = "Whether users may open any channel, by alias or with !join."),
	ROW("createAlias", BOOL, createAlias, "true", 0,
		.help = "Whether such a room gets an alias, by `aliasTemplate`."),
	ROW("published", BOOL, published, "true", 0,
		.help = "Whether such a room is listed in the room directory (unless the channel is "
			"secret)."),
	ROW("useHomeserverDirectory", BOOL, useHomeserverDirectory, "false", 0,
		.help = "Whether it is listed in the homeserver's own directory instead of the "
			"network's."),
	ROW("joinRule", CHOICE, joinRule, "public", 0, .choices = join_rules,
		.help = "Whether anybody may join such a room, or only who was invited by the bot."),
	ROW("federate", BOOL, federate, "true", 0,
		.help = "Whether users of other homeservers may join."),
	ROW("aliasTemplate", STRING, aliasTemplate, "\"#irc_$SERVER_$CHANNEL\"", TR_KEY_DERIVED,
		.check = tr_irc_check_alias_template,
		.help = "The alias of such a room: $SERVER is the network, $CHANNEL the channel with "
			"its #. With `alias_prefix` the default is # + prefix + $CHANNEL."),
	ROW_TEXTS("whitelist", whitelist, tr_irc_user_id_item, 0,
		.help = "Who may use !join when joinRule is invite."),
	ROW_TEXTS("exclude", exclude, channel_item, 0, .help = "Channels that may not be opened."),
	ROW("roomVersion", STRING, roomVersion, NULL, 0, .example = "# \"10\"",
		.help = "The version of such rooms; the homeserver's default otherwise."),
	ROW_END,
};
static const struct tr_schema dynamic_schema = {
	.title = "Channels that users open", .keys = dynamic_keys};
#undef OWNER

#define OWNER struct tr_irc_server_config
static const struct tr_schema_key private_keys[] = {
	ROW("enabled", BOOL, privateMessages.enabled, "true", 0,
		.help = "Whether people can talk in private across the bridge."),
	ROW("federate", BOOL, privateMessages.federate, "true", 0,
		.help = "Whether users of other homeservers can."),
	{.name = "exclude",
		.type = TR_SCHEMA_ANY,
		.flags = TR_KEY_NO_EFFECT,
		.help = "Was never implemented by the incumbent. Use excludedUsers, or enabled."},
	ROW_END,
};
static const struct tr_schema private_schema = {.title = "Private messages", .keys = private_keys};
#undef OWNER

#define OWNER struct tr_irc_mapping
static const struct tr_schema_key mapping_keys[] = {
	ROW_TEXTS("roomIds", roomIds, room_id_item, TR_KEY_REQUIRED,
		.example = "[\"!MLdeIFVsWCgrPkcYkL:example.com\"]",
		.help = "The rooms that are joined with the channel."),
	ROW("key", SECRET, channel_key, NULL, 0, .example = "# some_key",
		.help = "The channel's key (mode +k)."),
	ROW_END,
};
static const struct tr_schema mapping_schema = {.title = "Rooms of a channel",
	.keys = mapping_keys,
	.shorthand = "roomIds",
	.shorthand_warning = "is the old form: write {roomIds: [..]}"};
static const struct tr_schema_key mapping_item = {
	.type = TR_SCHEMA_SECTION, .section = &mapping_schema};
#undef OWNER

#define OWNER struct tr_irc_excluded_user
static const struct tr_schema_key excluded_keys[] = {
	ROW("regex", REGEX, regex, NULL, TR_KEY_REQUIRED, .example = "\"@spam.*:example.com\"",
		.help = "User ids that are not bridged."),
	ROW("kickReason", STRING, kickReason, NULL, 0, .example = "# \"You are not bridged\"",
		.help = "What they are told."),
	ROW_END,
};
static const struct tr_schema excluded_schema = {
	.title = "Users who are not bridged", .keys = excluded_keys};
static const struct tr_schema_key excluded_item = {
	.type = TR_SCHEMA_SECTION, .section = &excluded_schema};
#undef OWNER

#define OWNER struct tr_irc_irc_to_matrix
static const struct tr_schema_key to_matrix_keys[] = {
	ROW("initial", BOOL, initial, "false", 0,
		.help = "Whether those in the channel join the room at start."),
	ROW("incremental", BOOL, incremental, "false", 0,
		.help = "Whether joins and parts are shown as they happen."),
	ROW("requireMatrixJoined", BOOL, requireMatrixJoined, "false", 0,
		.help = "Privacy: what is said in the channel is shown in the room only while all "
			"its members are in the channel. Missing members are brought in, and what is "
			"said waits for them (requireMatrixJoinedWaitMs); then it is withheld, and "
			"the room is told who is missing. One member who cannot connect so silences "
			"the room: leave it off unless you need it."),
	ROW_END,
};
static const struct tr_schema to_matrix_schema = {
	.title = "Members of the channel in the room", .keys = to_matrix_keys};
#undef OWNER

#define OWNER struct tr_irc_matrix_to_irc
static const struct tr_schema_key to_irc_keys[] = {
	ROW("initial", BOOL, initial, "false", 0,
		.help = "Whether members of the room join the channel at start."),
	ROW("incremental", BOOL, incremental, "false", 0,
		.help = "Whether joins and leaves are followed as they happen."),
	ROW_END,
};
static const struct tr_schema to_irc_schema = {
	.title = "Members of the room in the channel", .keys = to_irc_keys};
#undef OWNER

#define OWNER struct tr_irc_list_room
static const struct tr_schema_key list_room_keys[] = {
	ROW("room", STRING, room, NULL, TR_KEY_REQUIRED, .check = tr_config_check_room_id,
		.example = "\"!MLdeIFVsWC:example.com\"", .help = "The room."),
	ROW_SECTION("matrixToIrc", matrixToIrc, to_irc_schema, 0, .help = "What differs for it."),
	ROW_END,
};
static const struct tr_schema list_room_schema = {.keys = list_room_keys};
static const struct tr_schema_key list_room_item = {
	.type = TR_SCHEMA_SECTION, .section = &list_room_schema};
#undef OWNER

#define OWNER struct tr_irc_list_channel
static const struct tr_schema_key list_channel_keys[] = {
	ROW("channel", STRING, channel, NULL, TR_KEY_REQUIRED, .check = tr_irc_check_channel,
		.example = "\"#welcome\"", .help = "The channel."),
	ROW_SECTION(
		"ircToMatrix", ircToMatrix, to_matrix_schema, 0, .help = "What differs for it."),
	ROW_END,
};
static const struct tr_schema list_channel_schema = {.keys = list_channel_keys};
static const struct tr_schema_key list_channel_item = {
	.type = TR_SCHEMA_SECTION, .section = &list_channel_schema};
#undef OWNER

#define OWNER struct tr_irc_membership_lists
static const struct tr_schema_key idle_keys[] = {
	ROW("enabled", BOOL, ignoreIdleUsersOnStartup.enabled, "false", 0,
		.help = "Whether users who were idle for long are not connected at start."),
	ROW("idleForHours", INT, ignoreIdleUsersOnStartup.idleForHours, "720", 0, .min = 1,
		.max = 1000000, .help = "How long."),
	ROW("exclude", REGEX, ignoreIdleUsersOnStartup.exclude, NULL, 0,
		.help = "User ids that are connected all the same."),
	ROW_END,
};
static const struct tr_schema idle_schema = {.title = "Idle users at start", .keys = idle_keys};
static const struct tr_schema_key global_keys[] = {
	ROW_SECTION("ircToMatrix", global.ircToMatrix, to_matrix_schema, 0,
		.help = "From the channel to the room."),
	ROW_SECTION("matrixToIrc", global.matrixToIrc, to_irc_schema, 0,
		.help = "From the room to the channel."),
	ROW_END,
};
static const struct tr_schema global_schema = {.title = "For all rooms", .keys = global_keys};
static const struct tr_schema_key list_keys[] = {
	ROW("enabled", BOOL, enabled, "false", 0, .help = "Whether member lists are kept alike."),
	ROW("floodDelayMs", INT, floodDelayMs, "10000", TR_KEY_NO_EFFECT, .max = 86400000,
		.help = "Milliseconds between two joins on IRC at start: each member of each room "
			"waited for the one before, 500 members for an hour and a half. Not needed: "
			"connections are paced by ircClients.reconnectIntervalMs and "
			"concurrentReconnectLimit, lines by floodPacing."),
	ROW("requireMatrixJoinedWaitMs", INT, requireMatrixJoinedWaitMs, "60000", 0, .min = 100,
		.max = 900000,
		.help = "With ircToMatrix.requireMatrixJoined: how many milliseconds messages wait, "
			"stored, without another of the missing members coming in; fifteen minutes "
			"in all at most."),
	ROW_GROUP("global", global_schema, 0, .help = "What holds for all rooms and channels."),
	ROW_MANY("rooms", LIST, rooms, room_count, struct tr_irc_list_room, list_room_item, 0,
		.help = "What differs for single rooms."),
	ROW_MANY("channels", LIST, channels, channel_count, struct tr_irc_list_channel,
		list_channel_item, 0, .help = "What differs for single channels."),
	ROW_GROUP("ignoreIdleUsersOnStartup", idle_schema, 0, .alias = "ignoreIdleOnStartup",
		.help = "Sparing connections at start."),
	ROW_END,
};
static const struct tr_schema list_schema = {.title = "Member lists", .keys = list_keys};
#undef OWNER

#define OWNER struct tr_irc_matrix_clients
static const struct tr_schema_key matrix_client_keys[] = {
	ROW("userTemplate", STRING, userTemplate, "\"@$SERVER_$NICK\"", TR_KEY_DERIVED,
		.check = tr_irc_check_user_template,
		.help = "The user id of an IRC user in Matrix, without the domain: $NICK is the nick, "
			"$SERVER the network. With `users_prefix` the default is @ + prefix + "
			"$NICK."),
	ROW("displayName", STRING, displayName, "\"$NICK\"", 0,
		.help = "The name shown for an IRC user."),
	ROW("joinAttempts", INT, joinAttempts, "-1", 0, .min = -1, .max = 1000000,
		.help = "How often the join of an IRC user to a room that refuses it is tried again, "
			"after one second and then less and less often, up to every five minutes; -1 "
			"never, 0 for ever. A homeserver that only fails for a while is always tried "
			"again, and who speaks is brought in whatever stands here."),
	ROW_END,
};
static const struct tr_schema matrix_clients_schema = {
	.title = "IRC users in Matrix", .keys = matrix_client_keys};
#undef OWNER

#define OWNER struct tr_irc_ipv6_block
static const struct tr_schema_key block_keys[] = {
	ROW("homeserver", STRING, homeserver, NULL, TR_KEY_REQUIRED,
		.check = tr_config_check_domain, .example = "example.com",
		.help = "Whose users the block is for."),
	ROW("startFrom", STRING, startFrom, NULL, TR_KEY_REQUIRED, .example = "\"1000:0000\"",
		.help = "Its first address."),
	ROW_END,
};
static const struct tr_schema block_schema = {.keys = block_keys};
static const struct tr_schema_key block_item = {
	.type = TR_SCHEMA_SECTION, .section = &block_schema};
#undef OWNER

#define OWNER struct tr_irc_clients_config
static const struct tr_schema_key kick_keys[] = {
	ROW("channelJoinFailure", BOOL, kickOn.channelJoinFailure, "true", 0,
		.help = "When the channel has banned the user, while others of the bridge are in it. "
			"Other refusals are told to the user and kick nobody."),
	ROW("ircConnectionFailure", BOOL, kickOn.ircConnectionFailure, "true", 0,
		.help = "When the server has banned the user, while it lets others of the bridge in. "
			"Whatever passes (a lost connection, a server that is full) kicks nobody."),
	ROW("userQuit", BOOL, kickOn.userQuit, "true", 0, .help = "When the user says !quit."),
	ROW_END,
};
static const struct tr_schema kick_schema = {
	.title = "When a Matrix user is kicked from the room", .keys = kick_keys};
static const struct tr_schema_key ipv6_keys[] = {
	ROW("only", BOOL, ipv6.only, "false", 0, .help = "Whether to connect by IPv6 only."),
	ROW("prefix", STRING, ipv6.prefix, NULL, 0, .example = "# \"2001:db8::\"",
		.help = "Gives every user an address of their own: this prefix and a number."),
	ROW_MANY("blocks", LIST, ipv6.blocks, ipv6.block_count, struct tr_irc_ipv6_block,
		block_item, 0, .help = "Parts of the prefix for the users of single homeservers."),
	ROW_END,
};
static const struct tr_schema ipv6_schema = {.title = "IPv6", .keys = ipv6_keys};
static const struct tr_schema_key pacing_keys[] = {
	ROW("enabled", BOOL, floodPacing.enabled, "true", 0,
		.help = "Whether lines are paced, one unconfirmed at a time. Without pacing up to 16 "
			"lines of a connection are on their way at once."),
	ROW("burst", INT, floodPacing.burst, "5", 0, .min = 1, .max = 10000,
		.help = "How many lines may go at once after a pause."),
	ROW("perSecond", NUMBER, floodPacing.perSecond, "1", 0, .min = 0, .max = 10000,
		.help = "How many lines a second after that; fractions are fine."),
	ROW_END,
};
static const struct tr_schema pacing_schema = {
	.title = "How lines are paced on each connection", .keys = pacing_keys};
static const struct tr_schema_choice realname_formats[] = {
	{"mxid", TR_IRC_REALNAME_MXID}, {"reverse-mxid", TR_IRC_REALNAME_REVERSE_MXID}, {NULL, 0}};
static const struct tr_schema_choice deaf_choices[] = {
	{"auto", TR_IRC_DEAF_AUTO}, {"off", TR_IRC_DEAF_OFF}, {NULL, 0}};
static const struct tr_schema_key irc_client_keys[] = {
	ROW("nickTemplate", STRING, nickTemplate, "\"M-$DISPLAY\"", 0,
		.check = tr_irc_check_nick_template,
		.help = "The nick of a Matrix user: $DISPLAY is the display name, $LOCALPART and "
			"$USERID the user id, short and whole."),
	ROW("allowNickChanges", BOOL, allowNickChanges, "false", 0,
		.help = "Whether users may change their nick with !nick, and whether a new display "
			"name is a new nick."),
	ROW("maxClients", INT, maxClients, "30", 0, .max = 1000000,
		.help = "How many may be connected at once, the bot too; 0 is no limit. Beyond it the "
			"one who has been silent longest is disconnected, until they speak."),
	ROW("idleTimeout", INT, idleTimeout, "172800", 0, .max = INT64_MAX,
		.help = "Seconds after which a silent user is disconnected, until they speak; 0 is "
			"never. Not in force with membershipLists.global.matrixToIrc.initial, nor "
			"for a user whose connection reads a channel because the bot does not."),
	ROW("reconnectIntervalMs", INT, reconnectIntervalMs, "5000", 0, .max = 86400000,
		.help = "Milliseconds between two users' reconnects, when many have lost their "
			"connection; those who have something to say go first. Who was not "
			"connected before does not wait. 0 brings all back at once."),
	ROW("concurrentReconnectLimit", INT, concurrentReconnectLimit, "50", 0, .max = 1000000,
		.help = "How many may be connecting at once; 0 is no limit."),
	ROW("lineLimit", INT, lineLimit, "3", 0, .min = 1, .max = 10000,
		.help = "How many lines a message may have on IRC; what is longer becomes a link."),
	ROW("userModes", STRING, userModes, NULL, 0, .example = "# \"Ri\"",
		.check = tr_irc_check_user_modes,
		.help = "Modes that users set on themselves, such as \"Ri\"."),
	ROW("deaf", CHOICE, deaf, "auto", 0, .choices = deaf_choices,
		.help = "Where the server has a user mode for it, users whose connections nobody "
			"listens to are not sent what is said in channels, which saves both sides "
			"much work in channels with many users. Private messages are not "
			"concerned. off: never."),
	ROW("realnameFormat", CHOICE, realnameFormat, "mxid", 0, .choices = realname_formats,
		.help = "What the real name of a Matrix user says."),
	ROW("pingTimeoutMs", INT, pingTimeoutMs, "600000", 0, .min = 1000, .max = 86400000,
		.help = "Milliseconds without a sign of the server until a connection counts as "
			"lost."),
	ROW("pingRateMs", INT, pingRateMs, "60000", 0, .min = 1000, .max = 86400000,
		.help = "Milliseconds between two pings of ours."),
	ROW_GROUP("floodPacing", pacing_schema, 0, .help = "How fast lines are sent."),
	ROW_GROUP("kickOn", kick_schema, 0, .help = "Who is kicked from rooms."),
	ROW_GROUP("ipv6", ipv6_schema, NOT_YET, .help = "Addresses of users."),
	ROW_END,
};
static const struct tr_schema irc_clients_schema = {
	.title = "Matrix users on IRC", .keys = irc_client_keys};
#undef OWNER

#define OWNER struct tr_irc_server_config
/* The TLS options of the incumbent's runtime; those we act on have a place. */
#define TLS_OPTION(key)                                                                         \
 {                                                                                              \
  .name = (key), .type = TR_SCHEMA_ANY, .flags = NOT_YET, .help = "As in Node's tls.connect()." \
 }
static const struct tr_schema_key tls_keys[] = {
	ROW("ca", STRING, tls_ca, NULL, TR_KEY_MULTILINE, .example = "# ca.pem",
		.help = "The certificate authority to trust instead of the system's: PEM text, or the "
			"path of a PEM file."),
	ROW("servername", STRING, tls_servername, NULL, 0, .check = tr_irc_check_host,
		.example = "# irc.example.com",
		.help = "The name that the server's certificate must be for, when it is not the "
			"address."),
	ROW("cert", STRING, tls_cert, NULL, TR_KEY_MULTILINE,
		.help = "The client certificate that all connections show to the server, except those "
			"that have one of their own: PEM text (with its issuers' behind it), or the "
			"path of a PEM file. Nobody is logged in with it by SASL."),
	ROW("key", SECRET, tls_key, NULL, TR_KEY_MULTILINE,
		.help = "Its private key, without a pass phrase: PEM text or path. The default is the "
			"key that stands in `cert`."),
	ROW("ciphers", STRING, tls_ciphers, NULL, 0,
		.example = "# \"ECDHE+AESGCM:TLS_AES_256_GCM_SHA384\"",
		.help = "OpenSSL's list of ciphers; names that begin with TLS_ are those of TLS 1.3. "
			"A version for which none is named is not spoken."),
	ROW("minVersion", STRING, tls_minVersion, NULL, 0, .example = "# TLSv1.3",
		.help = "The oldest TLS to speak: TLSv1.2 by default, or TLSv1.3, TLSv1.1, TLSv1."),
	ROW("rejectUnauthorized", BOOL, tls_rejectUnauthorized, "true", 0,
		.help = "false takes any certificate, as `sslselfsign` does: whoever stands in between "
			"can read everything. It is logged at every start."),
	TLS_OPTION("pfx"), TLS_OPTION("passphrase"), TLS_OPTION("ecdhCurve"), TLS_OPTION("dhparam"),
	TLS_OPTION("crl"), TLS_OPTION("sigalgs"), TLS_OPTION("maxVersion"),
	TLS_OPTION("secureProtocol"), TLS_OPTION("secureOptions"), TLS_OPTION("ALPNProtocols"),
	ROW_END};
static const struct tr_schema tls_schema = {.title = "TLS", .keys = tls_keys};

static const struct tr_schema_key power_item = {
	.type = TR_SCHEMA_INT, .offset = offsetof(struct tr_irc_mode_power, power), .max = 1000000};

static const struct tr_schema_key server_keys[] = {
	ROW("name", STRING, name, NULL, 0, .example = "\"Example IRC\"",
		.help = "The network's name, for people. The address by default."),
	ROW("port", INT, port, "6697", TR_KEY_DERIVED, .min = 1, .max = 65535, .example = "6697",
		.help = "The default is 6697 with `ssl`, else 6667."),
	ROW("ssl", BOOL, ssl, "false", 0, .example = "true", .help = "Whether to use TLS."),
	ROW("sslselfsign", BOOL, sslselfsign, "false", 0,
		.help = "Take any certificate. The connection is encrypted, but not protected from "
			"somebody in between."),
	ROW("allowExpiredCerts", BOOL, allowExpiredCerts, "false", 0,
		.help = "Take a certificate that is out of date."),
	ROW_GROUP("tlsOptions", tls_schema, 0, .help = "More about TLS."),
	ROW("ca", STRING, ca, NULL, TR_KEY_MULTILINE | TR_KEY_DEPRECATED,
		.help = "Older place of tlsOptions.ca."),
	ROW("sasl", BOOL, sasl, "false", 0,
		.help = "Whether passwords are used with SASL instead of being sent to the server."),
	ROW("password", SECRET, password, NULL, 0, .example = "# some_password",
		.help = "The password of the server, for all connections."),
	ROW("loginService", STRING, loginService, "\"NickServ\"", 0,
		.help = "Who is told a password (IDENTIFY) with `sasl` when the server offers no "
			"SASL, as while services are away. It has to be an operator on IRC, or be "
			"written as NickServ@services.example.com. Empty: nobody is."),
	ROW_TEXTS("additionalAddresses", additionalAddresses, host_item, 0,
		.help = "More addresses of the network; one is picked for each attempt."),
	ROW("onlyAdditionalAddresses", BOOL, onlyAdditionalAddresses, "false", 0,
		.help = "Whether `address` itself is only a name."),
	ROW("networkId", STRING, networkId, NULL, 0, .example = "# example",
		.check = tr_irc_check_network_id,
		.help = "Names the network in state events, the room directory and for clients: "
			"letters and digits. The address by default."),
	ROW("icon", STRING, icon, NULL, 0, .example = "# \"mxc://example.com/abcdef\"",
		.check = tr_irc_check_icon,
		.help = "The network's picture for clients, an mxc:// URL."),
	ROW("description", STRING, description, NULL, NOT_YET | TR_KEY_DEPRECATED,
		.help = "Deprecated: use `name`."),
	ROW("sendConnectionMessages", BOOL, sendConnectionMessages, "true", 0,
		.help = "Whether users who have a chat with the bot, or whose words wait, are told that "
			"they have not been connected for a while, that they are again, and under "
			"which nick. What they must act on is told in any case."),
	ROW_SECTION("botConfig", botConfig, bot_schema, 0, .help = "The bot on IRC."),
	ROW_SECTION("dynamicChannels", dynamicChannels, dynamic_schema, 0,
		.help = "Channels that users open."),
	ROW_MANY("mappings", MAP, mappings, mapping_count, struct tr_irc_mapping, mapping_item, 0,
		.check = tr_irc_check_channel,
		.example = "\"#welcome\":\n  roomIds: [\"!MLdeIFVsWCgrPkcYkL:example.com\"]",
		.help = "Channels joined with rooms for good."),
	ROW_SECTION("matrixClients", matrixClients, matrix_clients_schema, 0,
		.help = "How IRC users look in Matrix."),
	ROW_SECTION("ircClients", ircClients, irc_clients_schema, 0,
		.help = "How Matrix users look and behave on IRC."),
	ROW_GROUP("privateMessages", private_schema, 0, .help = "Private messages."),
	ROW_SECTION("membershipLists", membershipLists, list_schema, 0,
		.help = "Who is shown on the other side. Without this section joins and parts on IRC "
			"are shown as they happen, and Matrix users come to IRC when they speak."),
	ROW_MANY("modePowerMap", MAP, modePowerMap, mode_power_count, struct tr_irc_mode_power,
		power_item, 0, .check = tr_irc_check_mode_letter, .fallback = "{o: 50, v: 1}",
		.help = "The power level in Matrix of those who have a mode on IRC; the highest of "
			"somebody's counts. `{}` gives nobody any. Nobody gets a level that could change "
			"power levels itself, or as much as the bot has: it is one less then."),
	ROW_SECTION("quitDebounce", quitDebounce, debounce_schema, 0,
		.help = "What happens in a netsplit."),
	ROW_MANY("excludedUsers", LIST, excludedUsers, excluded_user_count,
		struct tr_irc_excluded_user, excluded_item, 0, .alias = "excludeUsers",
		.help = "Matrix users who are not bridged."),
	ROW_END,
};
#undef OWNER

const struct tr_schema tr_irc_server_schema = {
	.title = "The network", .keys = server_keys, .check = tr_irc_check_server};
