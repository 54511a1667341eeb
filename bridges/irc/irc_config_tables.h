/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the IRC configuration share; nobody else includes this. */
#ifndef TRESTLE_IRC_CONFIG_TABLES_H
#define TRESTLE_IRC_CONFIG_TABLES_H

#include "bridges/irc/irc_config.h"

/* One key of a table: its name in the file, its type, its place in OWNER, default, flags, and the
 * rest as designated initializers (.help at least). Flip a flag here when a key comes to be acted
 * on. */
#define ROW(key, kind, place, standard, flag, ...)                           \
 {                                                                           \
  .name = (key), .type = TR_SCHEMA_##kind, .offset = offsetof(OWNER, place), \
  .fallback = (standard), .flags = (flag), __VA_ARGS__                       \
 }
/* A section whose keys name fields of its own struct `place`. */
#define ROW_SECTION(key, place, table, flag, ...)                                                  \
 {                                                                                                 \
  .name = (key), .type = TR_SCHEMA_SECTION, .offset = offsetof(OWNER, place), .section = &(table), \
  .flags = (flag), __VA_ARGS__                                                                     \
 }
/* A section whose keys name fields of OWNER. */
#define ROW_GROUP(key, table, flag, ...)                                                      \
 {                                                                                            \
  .name = (key), .type = TR_SCHEMA_SECTION, .section = &(table), .flags = (flag), __VA_ARGS__ \
 }
/* A list or map with elements of type `element`, read by `row`. */
#define ROW_MANY(key, kind, place, number, element, row, flag, ...)                      \
 {                                                                                       \
  .name = (key), .type = TR_SCHEMA_##kind, .offset = offsetof(OWNER, place),             \
  .count_offset = offsetof(OWNER, number), .item_size = sizeof(element), .item = &(row), \
  .flags = (flag), __VA_ARGS__                                                           \
 }
#define ROW_TEXTS(key, place, row, flag, ...) \
 ROW_MANY(key, LIST, place.items, place.count, char *, row, flag, __VA_ARGS__)
#define ROW_MOVED(key, hint)                             \
 {                                                       \
  .name = (key), .type = TR_SCHEMA_MOVED, .help = (hint) \
 }
#define ROW_END \
 {              \
  .name = NULL  \
 }

#define NOT_YET TR_KEY_NOT_YET
#define RELOAD  TR_KEY_RELOADABLE

extern const struct tr_schema tr_irc_server_schema;
extern const struct tr_schema_key tr_irc_text_item;
extern const struct tr_schema_key tr_irc_user_id_item;

/* What spans keys; all of struct tr_irc_config's derived fields are set by these. */
tr_schema_section_check tr_irc_check_config, tr_irc_check_bridge, tr_irc_check_server;

/* What single texts look like. */
tr_schema_text_check tr_irc_check_channel, tr_irc_check_nick, tr_irc_check_username,
	tr_irc_check_user_template, tr_irc_check_alias_template, tr_irc_check_nick_template,
	tr_irc_check_localpart, tr_irc_check_prefix, tr_irc_check_host, tr_irc_check_network_id,
	tr_irc_check_mode_letter, tr_irc_check_user_modes, tr_irc_check_icon, tr_irc_check_encoding;

#endif
