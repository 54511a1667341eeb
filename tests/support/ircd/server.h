/* SPDX-License-Identifier: Apache-2.0 */
/* What the server knows: connections, users, channels and who is in which. One thread, one loop; a
 * user without a connection is a fake user, moved by the control port. Connections outlive the call
 * that closes them (they are freed by the loop later), users and members do not. */
#ifndef SCRIPTED_IRCD_SERVER_H
#define SCRIPTED_IRCD_SERVER_H

#include "buf.h"
#include "ledger.h"
#include "map.h"
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define IRCD_STATUS_MAX  8 /* letters in PREFIX */
#define IRCD_NUMERIC_MAX 999

enum ircd_cap {
	IRCD_CAP_ACCOUNT_NOTIFY = 1 << 0,
	IRCD_CAP_ACCOUNT_TAG = 1 << 1,
	IRCD_CAP_AWAY_NOTIFY = 1 << 2,
	IRCD_CAP_BATCH = 1 << 3,
	IRCD_CAP_CAP_NOTIFY = 1 << 4,
	IRCD_CAP_CHATHISTORY = 1 << 5,
	IRCD_CAP_ECHO = 1 << 6,
	IRCD_CAP_EXTENDED_JOIN = 1 << 7,
	IRCD_CAP_LABEL = 1 << 8,
	IRCD_CAP_TAGS = 1 << 9,
	IRCD_CAP_MULTI_PREFIX = 1 << 10,
	IRCD_CAP_SASL = 1 << 11,
	IRCD_CAP_TIME = 1 << 12,
	IRCD_CAP_USERHOST = 1 << 13,
};

enum ircd_casemapping {
	IRCD_CASE_ASCII,
	IRCD_CASE_RFC1459,
	IRCD_CASE_STRICT,
};

/* What ISUPPORT says and the server keeps to. */
struct ircd_limits {
	enum ircd_casemapping casemapping;
	size_t nick, line, channel, topic, user;
	char chantypes[8];
	char status_modes[IRCD_STATUS_MAX + 1]; /* highest first: "ov" */
	char status_signs[IRCD_STATUS_MAX + 1]; /* "@+" */
	char deaf;                              /* user mode, '\0' without DEAF */
};

struct ircd_tls;
struct ircd_history;
struct ircd_conn;
struct ircd_channel;
struct ircd_server;

struct ircd_member {
	struct ircd_user *user;
	struct ircd_channel *channel;
	size_t index;    /* in channel->members */
	unsigned status; /* bit i: status_modes[i] */
};

struct ircd_user {
	struct ircd_conn *conn; /* NULL: a fake user */
	char *nick;             /* NULL until NICK was taken */
	char *fold;             /* the map's key */
	char *name, *host, *real;
	char *prefix; /* nick!name@host */
	char *account;
	char *away;
	bool registered;
	bool invisible;
	bool deaf; /* is not sent what is said in channels */
	struct ircd_member **members;
	size_t member_count, member_room;
	char **lost_channels; /* of a fake user behind a netsplit: where it comes back to */
	size_t lost_count;
	uint64_t mark; /* last broadcast that reached it */
};

struct ircd_channel {
	char *name, *fold;
	char *topic, *topic_by;
	int64_t topic_time, created;
	struct ircd_member **members;
	size_t member_count, member_room;
	char modes[16]; /* the parameterless ones: "nt" */
	char *key;
	size_t limit;
	char **bans;
	size_t ban_count;
	struct ircd_map invited; /* folded nick to the nick, owned */
};

struct ircd_conn {
	struct ircd_server *server;
	uint64_t id;
	uv_tcp_t tcp;
	uv_timer_t timer; /* next queued line, next raw piece, end of lingering */
	int handles_open;
	struct ircd_tls *tls;
	struct ircd_user *user;
	unsigned caps;
	int cap_version;
	bool cap_negotiating;
	struct ircd_buf in; /* bytes taken from the socket, not yet processed */
	size_t in_start;
	bool in_skipping;    /* inside an over-long line */
	struct ircd_buf out; /* lines not yet given to the transport */
	bool dirty;          /* on the list of connections to flush */
	bool urgent;         /* has said something since its last flush */
	uint64_t flush_at;   /* loop time; while it is dirty */
	struct ircd_conn *dirty_next;
	int delay_ms; /* -1: the server's */
	bool silent;
	bool half;            /* FIN was sent; nothing more goes out */
	bool lingering;       /* said goodbye; reads on until the peer closes */
	bool closed;          /* user gone, ledger written; waits for the loop to free it */
	char *doomed;         /* to be closed at the next flush, with this reason */
	struct ircd_raw *raw; /* pieces still to be sent; holds back `out` */
	bool sasl_started;
	struct ircd_buf sasl;
	char *cookie; /* what the client must PONG before 001 */
	bool password_ok, user_given, nick_given;
	int64_t last_read, ping_sent; /* loop time; 0: no PING outstanding */
	char peer[64];
};

/* A capability on offer; bit 0 for a name the server only pretends to know. */
struct ircd_offer {
	char *name;
	char *value; /* or NULL */
	unsigned bit;
};

/* The answers to a labeled command, held back until it is done. */
struct ircd_collect {
	struct ircd_conn *conn; /* NULL: nothing is collected */
	char *label;
	struct ircd_buf text;
	struct ircd_collected *lines;
	size_t count, room;
};

struct ircd_server {
	uv_loop_t *loop;
	struct ircd_options options;
	struct ircd_limits limits;
	struct ircd_ledger ledger;
	struct ircd_map users;     /* by folded nick */
	struct ircd_map channels;  /* by folded name */
	struct ircd_map histories; /* by folded channel name, or two folded nicks */
	struct ircd_map split;     /* fake users behind a netsplit */
	struct ircd_conn **conns;  /* those open */
	size_t conn_count, conn_room;
	uint64_t conn_last;
	uint64_t mark;
	uint64_t batch_last;
	uint64_t msgid_last;
	char boot[16]; /* makes message ids of two runs differ */
	struct ircd_conn *dirty;
	struct ircd_collect collect;
	struct ircd_offer *offers;
	size_t offer_count;
	uint64_t lines_taken, lines_said;
	uv_prepare_t prepare;
	uv_timer_t gather; /* wakes the loop for connections that wait to be flushed */
	uv_timer_t pinger;
	struct ircd_net *net;
	struct ircd_control *control;
	struct ircd_say *says;
	struct ssl_ctx_st *tls_context;
};

/* Users */
struct ircd_user *ircd_user_create(struct ircd_conn *conn);
/* Leaves all channels and the map without telling anybody. */
void ircd_user_destroy(struct ircd_server *server, struct ircd_user *user);
struct ircd_user *ircd_user_find(struct ircd_server *server, const char *nick);
/* Takes the nick; the caller has made sure that nobody else has it. */
void ircd_user_set_nick(struct ircd_server *server, struct ircd_user *user, const char *nick);
void ircd_user_set_name(struct ircd_server *server, struct ircd_user *user, const char *name);
const char *ircd_nick_of(const struct ircd_user *user); /* "*" before NICK */

/* Channels */
struct ircd_channel *ircd_channel_find(struct ircd_server *server, const char *name);
struct ircd_channel *ircd_channel_create(struct ircd_server *server, const char *name);
bool ircd_is_channel_name(struct ircd_server *server, const char *name);
struct ircd_member *ircd_member_find(struct ircd_channel *channel, struct ircd_user *user);
struct ircd_member *ircd_member_add(struct ircd_channel *channel, struct ircd_user *user);
/* Also destroys a channel that becomes empty; its history stays. */
void ircd_member_remove(struct ircd_server *server, struct ircd_member *member);
bool ircd_channel_has_mode(const struct ircd_channel *channel, char mode);
bool ircd_channel_bans(
	struct ircd_server *server, struct ircd_channel *channel, const struct ircd_user *user);
/* The signs of a member: all with multi, else the highest; in a buffer until the next call. */
const char *ircd_member_signs(
	struct ircd_server *server, const struct ircd_member *member, bool multi);
/* Whether the member has channel operator status or better. */
bool ircd_member_is_operator(struct ircd_server *server, const struct ircd_member *member);

/* Names */
char *ircd_fold(struct ircd_server *server, const char *name); /* owned by the caller */
bool ircd_mask_matches(struct ircd_server *server, const char *mask, const char *text);

/* ISUPPORT: applies options.isupport to the limits; the value of a token as announced, or NULL. */
void ircd_isupport_apply(struct ircd_server *server);
const char *ircd_isupport_override(struct ircd_server *server, const char *token);
void ircd_isupport_send(struct ircd_conn *conn);

/* Frees all that is left when the loop has ended. */
void ircd_server_finish(struct ircd_server *server);

#endif
