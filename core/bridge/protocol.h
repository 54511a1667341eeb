/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a protocol module gives to core and what it may call. A module includes this header and what
 * lies below core/bridge; core never names a protocol.
 *
 * One struct tr_protocol per module, one instance (void *self) per bridge. Everything runs on the
 * loop thread.
 *
 * From Matrix: core hands an operation to deliver(). The module ends each exactly once, in a later
 * turn, with tr_op_done(), tr_op_retry() or tr_op_refuse(). Operations of one portal come one at a
 * time and in order; with TR_CAN_PIPELINE, further messages of the same sender to the same portal
 * may come while the first is on its way, and the module keeps their order; with TR_CAN_ORDER,
 * those of other senders too. When the connection that carries them is lost, the module must end
 * ALL operations of that sender with tr_op_retry(), and with them what follows in the portal and is
 * not begun: core then begins again at the first, in order.
 *
 * From the network: tr_bridge_message() and the membership functions of core/bridge/bridge.h.
 */
#ifndef TRESTLE_BRIDGE_PROTOCOL_H
#define TRESTLE_BRIDGE_PROTOCOL_H

#include "core/base/json.h"
#include "core/store/migrate.h"

struct tr_bridge;
struct tr_command_table;
struct tr_loop;
struct tr_metrics;
struct tr_op;
struct tr_portal;

enum { TR_PROTOCOL_ABI = 1 };

enum tr_capability {
	TR_CAN_PIPELINE =
		1 << 0, /* messages of one sender keep their order without waiting for each other */
	TR_CAN_DIRECT = 1 << 1, /* people can be written to directly */
	/* Without one of these its kind of operation never comes, and such events are not stored.
	 */
	TR_CAN_REDACT = 1 << 2,
	TR_CAN_REACT = 1 << 3,
	TR_CAN_TOPIC = 1 << 4,
	TR_TAKES_HINTS = 1 << 5,       /* hint() is told of names and presence */
	TR_TELLS_UNDELIVERED = 1 << 6, /* undelivered() is told of dead letters */
	TR_CAN_ORDER = 1 << 7,         /* keeps the order of all senders of a portal itself */
};

enum tr_op_kind {
	TR_OP_MESSAGE, /* text, emote, notice, a file or a sticker; an edit of one of them too */
	TR_OP_MEMBER,  /* a Matrix user joined or left a portal, or somebody was kicked or banned */
	TR_OP_REDACTION, /* of op->about; TR_CAN_REDACT */
	TR_OP_REACTION,  /* to op->about; TR_CAN_REACT */
	TR_OP_TOPIC,     /* of the portal; TR_CAN_TOPIC */
};

enum tr_message_kind { TR_MESSAGE_TEXT, TR_MESSAGE_EMOTE, TR_MESSAGE_NOTICE };

enum tr_member_change {
	TR_MEMBER_JOIN,
	TR_MEMBER_LEAVE,
	TR_MEMBER_KICK, /* by somebody else: op->sender */
	TR_MEMBER_BAN,
};

/* What a message has to do with op->about. */
enum tr_relation { TR_RELATION_NONE, TR_RELATION_REPLY, TR_RELATION_EDIT };

/* Another event that an op speaks of: what a reply answers, what an edit replaces, what is redacted
 * or reacted to. Always one of the same room. What is not known is NULL, and so is what the sender
 * of the op may not have seen (only what was said while he was joined may be quoted to others); on
 * a later attempt it may be less or more than on the first. */
struct tr_about {
	const char *event_id;      /* NULL = the op speaks of none */
	const char *sender;        /* Matrix user id */
	const char *sender_remote; /* remote id when the sender is one of our ghosts */
	const char *sender_name;   /* for people: the ghost's name, a display name, a localpart */
	const char *text;  /* plain text as it reads now; of a file its name. Never of what is
			      redacted */
	int64_t origin_ts; /* ms, 0 = not known */
	bool is_reaction;  /* it was a reaction: so its redaction takes that back */
	const struct tr_str *remote_ids; /* the network's names of its parts */
	size_t remote_id_count;
};

enum tr_media_kind {
	TR_MEDIA_NONE,
	TR_MEDIA_IMAGE,
	TR_MEDIA_VIDEO,
	TR_MEDIA_AUDIO,
	TR_MEDIA_FILE,
	TR_MEDIA_STICKER,
};

/* The file of a message. Names and types are as the sender wrote them: any bytes of UTF-8. */
struct tr_op_media {
	enum tr_media_kind kind;
	const char *name; /* "" = none; a sticker's is what it shows */
	const char *mime; /* "" = not said */
	int64_t size;     /* bytes as the sender says; -1 = not said */
	const char *mxc;  /* "mxc://server/id"; "" = it has none that anybody could read */
	const char *url;  /* for people (core/bridge/media.h: tr_media_link()); "" without mxc */
};

/* One thing to do on the network. Everything is valid until the op has ended. */
struct tr_op {
	enum tr_op_kind kind;
	struct tr_portal *portal; /* lives as long as the bridge */
	const char *sender;       /* Matrix user id of who did it */
	const char *event_id;
	const char *room_id;
	int64_t origin_ts;
	bool maybe_sent;      /* an earlier attempt may have reached the network */
	const char *position; /* what position() said when the event was accepted */

	/* TR_OP_MESSAGE, TR_OP_TOPIC (the new topic, "" = none) */
	enum tr_message_kind message;
	/* Plain text as people read it; several lines are separated by LF. Of a file its caption,
	 * "" when there is none. Of an edit the new text. What a client quotes of the message
	 * replied to ("> <@..>", mx-reply) is neither in text nor in html. */
	const char *text;
	const char *html; /* formatted_body when the format is org.matrix.custom.html, as received:
			     for core/matrix/html.h; else "" */
	enum tr_relation relation; /* to `about` */
	const char *thread_root;   /* event id; NULL = in no thread */
	struct tr_op_media media;
	const struct tr_str *mentions; /* user ids of m.mentions */
	size_t mention_count;
	bool mentions_room;
	bool has_mentions; /* the event says whom it mentions, even if that is nobody */

	/* TR_OP_MESSAGE with a relation, TR_OP_REDACTION, TR_OP_REACTION */
	struct tr_about about;
	const char *key; /* TR_OP_REACTION: the emoji or word */

	/* TR_OP_MEMBER */
	enum tr_member_change change;
	const char *target;        /* Matrix user id of who joined, left, was kicked */
	const char *target_remote; /* remote id when the target is one of our ghosts, else NULL */
	const char *reason;        /* "" when none was given; of a TR_OP_REDACTION too */

	void *data; /* the module's */
};

/* Delivered; remote ids are the network's names of its parts (may be none). `settled` (may be NULL)
 * comes when that is durable: only then may the module count it as no longer unconfirmed. */
void tr_op_done(struct tr_op *op, const struct tr_str *remote_ids, size_t count,
	void (*settled)(void *arg), void *arg);
/* Not now; it comes again with maybe_sent set. */
void tr_op_retry(struct tr_op *op, const struct tr_error *error);
/* Never; the sender is told error->text. */
void tr_op_refuse(struct tr_op *op, const struct tr_error *error);

enum tr_hint_kind {
	TR_HINT_DISPLAY_NAME,
	TR_HINT_PRESENCE,
	TR_HINT_DEPARTED, /* he is in no room of ours any more and does not come back */
};
enum tr_presence {
	TR_PRESENCE_UNKNOWN,
	TR_PRESENCE_ONLINE,
	TR_PRESENCE_AWAY, /* "unavailable" */
	TR_PRESENCE_OFFLINE,
};

/* Something about a Matrix user that is good to know: never stored, never queued, may be lost. */
struct tr_hint {
	enum tr_hint_kind kind;
	const char *user_id;
	const char *name; /* TR_HINT_DISPLAY_NAME: "" = has none, NULL = cannot be known now */
	enum tr_presence presence; /* TR_HINT_PRESENCE */
};

/* How a query of the homeserver or of a command ends: room_id of the portal that exists now, or
 * NULL with error. */
typedef void tr_portal_callback(
	void *arg, struct tr_portal *portal, const char *room_id, const struct tr_error *error);

struct tr_protocol {
	unsigned abi;             /* TR_PROTOCOL_ABI */
	const char *id;           /* "irc": names tables and metrics */
	const char *display_name; /* "IRC" */
	unsigned capabilities;
	const struct tr_migration *migrations; /* of the component named by id; may be none */
	size_t migration_count;
	const struct tr_command_table *commands; /* core/bridge/command.h; may be NULL */

	/* The store is open and migrated; nothing is connected yet. `config` is the module's own.
	 */
	void *(*create)(struct tr_bridge *bridge, const void *config);
	/* Connects. `started` comes once, when what can be loaded has been loaded (not: when it is
	 * connected). */
	void (*start)(
		void *self, void (*started)(void *arg, const struct tr_error *error), void *arg);
	/* Stops taking in from the network and waits, at most `timeout_ms`, for what is on its way
	 * to be confirmed; ends every operation left with tr_op_retry(), leaves the network in
	 * order, then calls back once. */
	void (*stop)(void *self, uint64_t timeout_ms, void (*stopped)(void *arg), void *arg);
	void (*destroy)(void *self);

	void (*deliver)(void *self, struct tr_op *op);
	/* The message of this op, which has not ended, was redacted: what of it has not left yet
	 * need not. It ends as any other; refused it is not told to anybody. May be NULL. */
	void (*take_back)(void *self, struct tr_op *op);
	/* Appends the place in the portal's remote history that a message accepted now comes after;
	 * nothing where the network has no such thing. */
	void (*position)(void *self, const struct tr_portal *portal, struct tr_buf *position);
	/* Somebody asks for the portal of an alias; `channel` is what stands in it for $CHANNEL:
	 * says the remote id it has or would have (appended) and true, or false when there is no
	 * such thing. */
	bool (*remote_of_alias)(void *self, struct tr_str channel, struct tr_buf *remote_id);
	/* Somebody wants to write to a person whom nobody has seen yet: says the remote id of
	 * whoever has this name (appended) and true, or false when nobody can. NULL without
	 * TR_CAN_DIRECT.
	 */
	bool (*remote_of_name)(void *self, struct tr_str name, struct tr_buf *remote_id);
	/* What a Matrix user is called on the network now: appends the remote id and the name as
	 * shown; false when he has none. NULL where Matrix users have no names of their own there.
	 */
	bool (*name_of_user)(
		void *self, const char *user_id, struct tr_buf *remote_id, struct tr_buf *name);
	/* A channel portal was opened while running (a command, an alias): go there. */
	void (*portal_opened)(void *self, struct tr_portal *portal);
	/* Who is in a room of the portal is known now: at start, or since the bot has come in. May
	 * be NULL. */
	void (*members_known)(void *self, struct tr_portal *portal, const char *room_id);
	/* Whether what is said in the place of a channel portal may be shown in its rooms only
	 * while all their Matrix members are there. Both may be NULL: no. */
	bool (*requires_members)(void *self, const struct tr_portal *portal);
	/* Who of the room is to be there and is not: how many, and their user ids for people
	 * (appended, with the reason where one is known). With `bring`, sees to it that they come.
	 */
	size_t (*missing_members)(void *self, struct tr_portal *portal, const char *room_id,
		bool bring, struct tr_buf *names);
	/* true: stop reading from the network, too much waits to be stored; false: go on. */
	void (*pressure)(void *self, bool stop);
	/* A display name is another than before or was asked for, somebody's presence has changed.
	 * NULL without TR_TAKES_HINTS. */
	void (*hint)(void *self, const struct tr_hint *hint);
	/* Something that this person said in the portal did not get to Matrix: `text` is one
	 * sentence for him. Best effort, already paced; the module says it in a way that nothing
	 * answers by itself. NULL without TR_TELLS_UNDELIVERED. */
	void (*undelivered)(void *self, const struct tr_portal *portal, struct tr_str remote_id,
		struct tr_str text);
	/* Whether the network is connected, for /ready, `!status` and metrics: appends one
	 * sentence. */
	bool (*status)(void *self, struct tr_buf *sentence);
};

#endif
