/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections that every daemon's file has: homeserver, appservice, database, metrics, logging,
 * permissions, key_file. A protocol's root table takes them in with one row of type
 * TR_SCHEMA_INCLUDED and adds its own.
 */
#ifndef TRESTLE_CONFIG_CONFIG_H
#define TRESTLE_CONFIG_CONFIG_H

#include "core/base/log.h"
#include "core/config/schema.h"

/* What a person may do, lowest first. */
enum tr_config_level {
	TR_LEVEL_BLOCK,
	TR_LEVEL_RELAY,
	TR_LEVEL_COMMANDS,
	TR_LEVEL_USER,
	TR_LEVEL_ADMIN,
};

struct tr_config_permission {
	char *key; /* "*", a domain or a user id; the most particular wins */
	enum tr_config_level level;
};

struct tr_config_common {
	struct {
		char *url;       /* http(s), no trailing slash */
		char *domain;    /* the part after the colon in user ids */
		char *media_url; /* for links to media; NULL = url */
	} homeserver;
	struct {
		char *listen; /* "127.0.0.1:9999" */
		char *url;    /* as the homeserver reaches it; "http://" + listen by default */
		char *registration; /* absolute path */
		bool registration_given;
		bool orphan_flush;
	} appservice;
	char *database; /* "sqlite:/absolute/path", "postgres://.."; NULL when not given */
	struct {
		char *listen; /* NULL = not served */
	} metrics;
	struct {
		enum tr_log_level level;
		enum tr_log_format format;
		bool level_given;
	} logging;
	struct tr_config_permission *permissions;
	size_t permission_count;
	char *key_file; /* absolute path or NULL */
};

extern const struct tr_schema tr_config_common_schema;
extern const struct tr_schema_choice tr_config_log_levels[];
extern const struct tr_schema_choice tr_config_levels[];

/* What stands under `database` when no key says otherwise, as the file would write it. */
#define TR_CONFIG_DEFAULT_DATABASE "sqlite:trestle.db"

/* Checks for tables: what a Matrix server name, user id and room id look like. */
tr_schema_text_check tr_config_check_domain, tr_config_check_user_id, tr_config_check_room_id;
/* "*", a domain or a user id. */
tr_schema_text_check tr_config_check_permission_key;

/* The level of a user id by the rows of a `permissions` key: its own row, else its domain's, else
 * that of "*", else `fallback`. */
enum tr_config_level tr_config_level_of(const struct tr_config_permission *rows, size_t count,
	struct tr_str user_id, enum tr_config_level fallback);

/* Loads `file` by `schema` into *target (zeroed by the caller): tr_yaml_load() and tr_schema_read()
 * in one, the report sorted. 0 or TR_E_CONFIG. */
int tr_config_load(
	const struct tr_schema *schema, const char *file, void *target, struct tr_report *report);

/* The reload: what differs between two loaded configurations, as two readable lists of key paths
 * ("a, b.c"), each "" when empty. Owned buffers of the caller. Returns how many keys differ. */
size_t tr_config_diff(const struct tr_schema *schema, const void *before, const void *after,
	struct tr_buf *taken, struct tr_buf *needs_restart);

#endif
