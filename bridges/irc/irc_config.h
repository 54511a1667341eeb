/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of trestle-irc: the common sections and the list of bridges, with the names and
 * defaults that administrators of the incumbent bridge have in their files. Field names are the
 * keys' names; the tables in irc_config_tables.c say what each key means and whether it is acted
 * on.
 *
 * After tr_irc_config_load() has returned 0 everything derived is set: in every entry `database`,
 * `registration`, `address`, `bot_username` and in its parameters `name`, `port`, `networkId`,
 * userTemplate and aliasTemplate. Paths are absolute.
 */
#ifndef TRESTLE_IRC_CONFIG_H
#define TRESTLE_IRC_CONFIG_H

#include "core/config/config.h"

/* A list of texts. */
struct tr_irc_texts {
	char **items;
	size_t count;
};

struct tr_irc_mapping {
	char *key; /* the channel */
	struct tr_irc_texts roomIds;
	char *channel_key; /* `key` in the file: the channel's password, or NULL */
};

struct tr_irc_excluded_user {
	struct tr_schema_regex regex;
	char *kickReason;
};

struct tr_irc_mode_power {
	char *key; /* one letter */
	int64_t power;
};

enum tr_irc_join_rule { TR_IRC_JOIN_PUBLIC, TR_IRC_JOIN_INVITE };
enum tr_irc_deaf { TR_IRC_DEAF_AUTO, TR_IRC_DEAF_OFF };
enum tr_irc_realname_format { TR_IRC_REALNAME_MXID, TR_IRC_REALNAME_REVERSE_MXID };
enum tr_irc_mentions { TR_IRC_MENTIONS_OFF, TR_IRC_MENTIONS_ON, TR_IRC_MENTIONS_FORCE_OFF };
enum tr_irc_sslmode {
	TR_IRC_SSLMODE_UNSET,
	TR_IRC_SSLMODE_DISABLE,
	TR_IRC_SSLMODE_ALLOW,
	TR_IRC_SSLMODE_PREFER,
	TR_IRC_SSLMODE_REQUIRE,
	TR_IRC_SSLMODE_VERIFY_CA,
	TR_IRC_SSLMODE_VERIFY_FULL,
};

struct tr_irc_quit_debounce {
	bool enabled;
	int64_t quitsPerSecond, delayMinMs, delayMaxMs;
};

struct tr_irc_bot_config {
	bool enabled;
	char *nick, *username;
	char *password;    /* NickServ's or SASL's; NULL = none */
	char *certificate; /* PEM file with its key: absolute path, or NULL */
	bool joinChannelsIfNoUsers;
};

struct tr_irc_dynamic_channels {
	bool enabled, createAlias, published, useHomeserverDirectory, federate;
	enum tr_irc_join_rule joinRule;
	char *aliasTemplate;
	struct tr_irc_texts whitelist, exclude;
	char *roomVersion;
};

struct tr_irc_irc_to_matrix {
	bool initial, incremental, requireMatrixJoined;
};

struct tr_irc_matrix_to_irc {
	bool initial, incremental;
};

struct tr_irc_list_room {
	char *room;
	struct tr_irc_matrix_to_irc matrixToIrc;
};

struct tr_irc_list_channel {
	char *channel;
	struct tr_irc_irc_to_matrix ircToMatrix;
};

/* `rooms` and `channels` are complete: what they do not say is what `global` says. */
struct tr_irc_membership_lists {
	bool given; /* the section is in the file: without it comings and goings are shown */
	bool enabled;
	int64_t floodDelayMs, requireMatrixJoinedWaitMs;
	struct {
		struct tr_irc_irc_to_matrix ircToMatrix;
		struct tr_irc_matrix_to_irc matrixToIrc;
	} global;
	struct tr_irc_list_room *rooms;
	size_t room_count;
	struct tr_irc_list_channel *channels;
	size_t channel_count;
	struct {
		bool enabled;
		int64_t idleForHours;
		struct tr_schema_regex exclude;
	} ignoreIdleUsersOnStartup;
};

struct tr_irc_matrix_clients {
	char *userTemplate, *displayName;
	int64_t joinAttempts;
};

struct tr_irc_ipv6_block {
	char *homeserver, *startFrom;
};

/* How lines to the server are paced on each connection: a token bucket. Off = up to 16 lines
 * unconfirmed at once; on = at most one. */
struct tr_irc_flood_pacing {
	bool enabled;
	int64_t burst;
	double perSecond;
};

struct tr_irc_clients_config {
	char *nickTemplate;
	bool allowNickChanges;
	int64_t maxClients, idleTimeout, reconnectIntervalMs, concurrentReconnectLimit, lineLimit;
	char *userModes;
	enum tr_irc_deaf deaf;
	enum tr_irc_realname_format realnameFormat;
	int64_t pingTimeoutMs, pingRateMs;
	struct {
		bool channelJoinFailure, ircConnectionFailure, userQuit;
	} kickOn;
	struct {
		bool only;
		char *prefix;
		struct tr_irc_ipv6_block *blocks;
		size_t block_count;
	} ipv6;
	struct tr_irc_flood_pacing floodPacing;
};

/* `parameters` of an entry: one IRC network. */
struct tr_irc_server_config {
	char *name;      /* for people; the address by default */
	char *networkId; /* the address by default */
	char *icon, *description;
	struct tr_irc_texts additionalAddresses;
	bool onlyAdditionalAddresses;
	int64_t port; /* 6697 with ssl, else 6667, by default */
	bool ssl, sslselfsign, allowExpiredCerts, sasl;
	char *ca_file;        /* tlsOptions.ca (or ca) when it is a path: absolute */
	char *ca_pem;         /* the same when it is the PEM text itself */
	char *tls_servername; /* tlsOptions.servername: the certificate's name; NULL = the address
			       */
	/* The others of tlsOptions; *_file: where the text is a path, it made absolute. */
	char *tls_cert, *tls_key, *tls_cert_file, *tls_key_file;
	char *tls_ciphers, *tls_minVersion; /* NULL = the usual */
	bool tls_rejectUnauthorized;
	char *password;
	char *loginService; /* who is told passwords where there is no SASL; "" = nobody */
	bool sendConnectionMessages;
	struct tr_irc_quit_debounce quitDebounce;
	struct tr_irc_mode_power *modePowerMap;
	size_t mode_power_count;
	struct tr_irc_bot_config botConfig;
	struct {
		bool enabled, federate;
	} privateMessages;
	struct tr_irc_dynamic_channels dynamicChannels;
	struct tr_irc_excluded_user *excludedUsers;
	size_t excluded_user_count;
	struct tr_irc_membership_lists membershipLists;
	struct tr_irc_mapping *mappings;
	size_t mapping_count;
	struct tr_irc_matrix_clients matrixClients;
	struct tr_irc_clients_config ircClients;
	char *ca, *tls_ca; /* as written; ca_file and ca_pem are what counts */
};

struct tr_irc_provisioning_rules {
	struct {
		struct tr_schema_regex *exempt, *conflict;
		size_t exempt_count, conflict_count;
	} userIds;
};

/* The incumbent's settings that held for all its servers; here they hold for the entry. */
struct tr_irc_matrix_handler {
	int64_t eventCacheSize;
	char *shortReplyTemplate, *longReplyTemplate, *truncatedMessageTemplate;
	int64_t shortReplyTresholdSeconds, replySourceMaxLength;
	bool showStickers, showReactions, showRedactions;
};

struct tr_irc_globals {
	char *encodingFallback;
	struct {
		int64_t minUserActiveDays, inactiveAfterDays;
	} userActivity;
	struct tr_irc_matrix_handler matrixHandler;
	struct {
		enum tr_irc_mentions mapIrcMentionsToMatrix;
		int64_t powerLevelGracePeriodMs;
	} ircHandler;
	struct {
		bool enabled, allowUnconnectedMatrixUsers;
		int64_t lineLimitMax;
	} perRoomConfig;
	struct {
		struct tr_irc_texts rooms;
	} banLists;
	struct {
		bool enabled, initial;
	} bridgeInfoState;
	struct {
		char *signingKeyPath, *publicUrl;
		int64_t ttlSeconds, bindPort;
	} mediaProxy;
	struct {
		bool enabled;
		int64_t port;
	} debugApi;
};

struct tr_irc_provisioning {
	bool enabled, widget, ratelimit;
	char *secret, *apiPrefix;
	int64_t requestTimeoutSeconds;
	struct {
		int64_t port;
		char *host;
	} http;
	struct tr_irc_texts openIdDisallowedIpRanges;
	struct tr_schema_pair *openIdOverrides;
	size_t openid_override_count;
};

/* One bridge: one registration, one store, one network. */
struct tr_irc_bridge_config {
	const struct tr_irc_config *file; /* the whole it stands in; set by the one who loads it */
	char *registration;               /* absolute path */
	char *database; /* what the store opens: "sqlite:/path" or "postgres://.." */
	char *postgres_fqdn, *postgres_user, *postgres_db, *postgres_password;
	int64_t postgres_port;
	enum tr_irc_sslmode postgres_sslmode;
	struct tr_irc_texts admins; /* user ids */
	struct tr_config_permission *permissions;
	size_t permission_count;
	enum tr_log_level logging_level;
	bool logging_level_given;
	bool enable_presence;
	int64_t drop_matrix_messages_after_seconds; /* 0 = never */
	char *bot_username;                         /* localpart of the bot */
	bool enable_provisioning;
	struct tr_irc_provisioning_rules provisioning_rules;
	int64_t provisioning_room_limit; /* 0 = none */
	struct tr_irc_provisioning provisioning;
	int64_t rmau_limit; /* 0 = none */
	char *users_prefix, *alias_prefix;
	bool enable_ident;
	int64_t ident_port_number;
	char *ident_port_type, *ident_address;
	struct tr_irc_globals globals;
	char *address;
	struct tr_irc_server_config parameters;
};

struct tr_irc_config {
	struct tr_config_common common;
	struct tr_irc_bridge_config *bridges; /* at least one */
	size_t bridge_count;
};

extern const struct tr_schema tr_irc_config_schema;

/* Reads and checks `file`. *config is zeroed by the caller and freed with tr_irc_config_finish()
 * whatever came out; it is usable only on 0. Mistakes, warnings and keys not yet acted on are in
 * the report, sorted. */
int tr_irc_config_load(struct tr_irc_config *config, const char *file, struct tr_report *report);
void tr_irc_config_finish(struct tr_irc_config *config);

/* What a Matrix user may do in this bridge: `admins`, then the entry's `permissions`, then those of
 * the file; "user" when none of them says anything. */
enum tr_config_level tr_irc_config_level(const struct tr_irc_config *config,
	const struct tr_irc_bridge_config *bridge, struct tr_str user_id);

#endif
