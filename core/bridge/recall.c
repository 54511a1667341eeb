/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of recent events: a map in the order of arrival, the oldest out first. Both maps have
 * the room in their keys. Who may be shown what is about.c's.
 */
#include "core/bridge/recall.h"

#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/map.h"

#include <string.h>

enum {
	BYTES_MAX = 512 * 1024,
	TEXT_MAX = 8 * 1024, /* of one event; what is longer is not quoted */
	PRESENT_MAX = 20000, /* beyond that all is forgotten and learned anew */
};

struct entry {
	struct tr_recalled said; /* its texts are owned */
	uint64_t number;         /* in the order of arrival */
};

struct tr_recall {
	struct tr_map events;  /* room and event -> struct entry, oldest first */
	struct tr_map present; /* room and user -> number of the event he was there before */
	size_t events_max;
	size_t bytes;
	uint64_t number;
};

struct key {
	char *text;
	struct tr_str view;
};

/* Unambiguous, whatever stands in the ids. */
static struct key key_of(struct tr_str room_id, struct tr_str id)
{
	struct tr_buf text = TR_BUF_INIT(room_id.len + id.len + 24);
	struct key key;
	(void)tr_buf_reserve(&text, text.max);
	tr_buf_add_u64(&text, room_id.len, 1);
	tr_buf_add_char(&text, ':');
	tr_buf_add(&text, room_id);
	tr_buf_add(&text, id);
	key.view = tr_buf_str(&text);
	key.text = tr_buf_take(&text);
	return key;
}

static size_t entry_bytes(const struct entry *entry)
{
	return strlen(entry->said.sender) + strlen(entry->said.text);
}

static void entry_free(struct tr_recall *recall, struct entry *entry)
{
	if (entry != NULL) {
		recall->bytes -= entry_bytes(entry);
		tr_free((char *)(uintptr_t)entry->said.sender);
		tr_free((char *)(uintptr_t)entry->said.text);
		tr_free(entry);
	}
}

static void shrink(struct tr_recall *recall)
{
	while (tr_map_count(&recall->events) > recall->events_max ||
		(recall->bytes > BYTES_MAX && recall->events.head != NULL)) {
		struct tr_map_entry *oldest = tr_map_first(&recall->events);
		struct entry *entry = tr_map_value(oldest);
		tr_map_remove(&recall->events, tr_map_key(oldest));
		entry_free(recall, entry);
	}
}

struct tr_recall *tr_recall_create(size_t events_max)
{
	struct tr_recall *recall = tr_alloc(sizeof(*recall));
	recall->events_max = events_max;
	return recall;
}

void tr_recall_destroy(struct tr_recall *recall)
{
	if (recall == NULL) {
		return;
	}
	recall->events_max = 0;
	shrink(recall);
	tr_map_finish(&recall->events);
	tr_map_finish(&recall->present);
	tr_free(recall);
}

static char *text_kept(struct tr_str text)
{
	return tr_str_dup(text.len <= TEXT_MAX ? text : TR_STR(""));
}

void tr_recall_add(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id,
	const struct tr_recalled *said)
{
	struct key key = key_of(room_id, event_id);
	if (recall->events_max > 0 && tr_map_get(&recall->events, key.view) == NULL) {
		struct entry *entry = tr_alloc(sizeof(*entry));
		entry->said = *said;
		entry->said.sender = tr_strdup(said->sender);
		entry->said.text = text_kept(tr_str_from(said->text));
		entry->number = ++recall->number;
		recall->bytes += entry_bytes(entry);
		tr_map_set(&recall->events, key.view, entry);
		shrink(recall);
	}
	tr_free(key.text);
}

static struct entry *find(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id)
{
	struct key key = key_of(room_id, event_id);
	struct entry *entry = tr_map_get(&recall->events, key.view);
	tr_free(key.text);
	return entry;
}

static void set_text(struct tr_recall *recall, struct entry *entry, const char *text)
{
	recall->bytes -= entry_bytes(entry);
	tr_free((char *)(uintptr_t)entry->said.text);
	entry->said.text = tr_strdup(text);
	recall->bytes += entry_bytes(entry);
	shrink(recall);
}

void tr_recall_edit(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id,
	struct tr_str edit_id)
{
	struct entry *entry = find(recall, room_id, event_id);
	const struct entry *edit = find(recall, room_id, edit_id);
	if (entry != NULL) {
		entry->number = edit ? edit->number : 0;
		set_text(recall, entry, edit ? edit->said.text : "");
	}
}

void tr_recall_redact(struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id)
{
	struct entry *entry = find(recall, room_id, event_id);
	if (entry != NULL) {
		set_text(recall, entry, "");
	}
}

const struct tr_recalled *tr_recall_find(
	struct tr_recall *recall, struct tr_str room_id, struct tr_str event_id)
{
	const struct entry *entry = find(recall, room_id, event_id);
	return entry ? &entry->said : NULL;
}

void tr_recall_present(struct tr_recall *recall, struct tr_str room_id, struct tr_str user_id)
{
	struct key key = key_of(room_id, user_id);
	if (tr_map_get(&recall->present, key.view) == NULL) {
		if (tr_map_count(&recall->present) >= PRESENT_MAX) {
			tr_map_finish(&recall->present);
		}
		tr_map_set(&recall->present, key.view, (void *)(uintptr_t)(recall->number + 1));
	}
	tr_free(key.text);
}

void tr_recall_absent(struct tr_recall *recall, struct tr_str room_id, struct tr_str user_id)
{
	struct key key = key_of(room_id, user_id);
	tr_map_remove(&recall->present, key.view);
	tr_free(key.text);
}

void tr_recall_absent_all(struct tr_recall *recall)
{
	tr_map_finish(&recall->present);
}

bool tr_recall_saw(struct tr_recall *recall, struct tr_str room_id, struct tr_str user_id,
	struct tr_str event_id)
{
	const struct entry *entry = find(recall, room_id, event_id);
	struct key key = key_of(room_id, user_id);
	uint64_t since = (uint64_t)(uintptr_t)tr_map_get(&recall->present, key.view);
	tr_free(key.text);
	return entry != NULL && since != 0 && entry->number >= since;
}
