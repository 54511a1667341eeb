/* SPDX-License-Identifier: Apache-2.0 */
/* Recognizes lines of others by their first words, without parsing them; in doubt a line concerns.
 */
#include "bridges/irc/concern.h"

#include "bridges/irc/line.h"

#include <string.h>

/* Takes the text up to the next space; false when there is none. */
static bool take_word(struct tr_str *text, struct tr_str *word)
{
	const char *space = text->len > 1 ? memchr(text->ptr, ' ', text->len) : NULL;
	if (space == NULL || space == text->ptr) {
		return false;
	}
	word->ptr = text->ptr;
	word->len = (size_t)(space - text->ptr);
	text->len -= word->len + 1;
	text->ptr = space + 1;
	return true;
}

/* The next parameter, whether or not it is the last one. */
static struct tr_str take_param(struct tr_str *text)
{
	struct tr_str word = {NULL, 0};
	if (text->len > 0 && text->ptr[0] == ':') {
		word = tr_str_from_index(*text, 1);
		*text = (struct tr_str){NULL, 0};
	} else if (!take_word(text, &word)) {
		word = *text;
		*text = (struct tr_str){NULL, 0};
	}
	return word;
}

enum kind { KIND_OTHER, KIND_TALK, KIND_CHANNEL, KIND_KICK, KIND_EVERYWHERE };

static enum kind is(struct tr_str command, const char *name, enum kind kind)
{
	return memcmp(command.ptr, name, command.len) == 0 ? kind : KIND_OTHER;
}

/* By its length and first letter: this runs for every line and every puppet. */
static enum kind kind_of(struct tr_str command)
{
	char first = command.ptr[0];
	switch (command.len) {
	case 4:
		return first == 'J'   ? is(command, "JOIN", KIND_CHANNEL)
		       : first == 'Q' ? is(command, "QUIT", KIND_EVERYWHERE)
		       : first == 'P' ? is(command, "PART", KIND_CHANNEL)
		       : first == 'M' ? is(command, "MODE", KIND_CHANNEL)
		       : first == 'N' ? is(command, "NICK", KIND_EVERYWHERE)
		       : first == 'K' ? is(command, "KICK", KIND_KICK)
		       : first == 'A' ? is(command, "AWAY", KIND_EVERYWHERE)
				      : KIND_OTHER;
	case 5:
		return is(command, "TOPIC", KIND_CHANNEL);
	case 6:
		return first == 'N' ? is(command, "NOTICE", KIND_TALK)
				    : is(command, "TAGMSG", KIND_TALK);
	case 7:
		return first == 'P'   ? is(command, "PRIVMSG", KIND_TALK)
		       : first == 'A' ? is(command, "ACCOUNT", KIND_EVERYWHERE)
		       : first == 'C' ? is(command, "CHGHOST", KIND_EVERYWHERE)
				      : is(command, "SETNAME", KIND_EVERYWHERE);
	default:
		return KIND_OTHER;
	}
}

/* A word that is a parameter of its own and not the start of the last one. */
static bool take_middle(struct tr_str *text, struct tr_str *word)
{
	return take_word(text, word) && word->ptr[0] != ':';
}

static bool is_channel(const struct tr_irc_isupport *isupport, struct tr_str name)
{
	return name.len > 0 && name.ptr[0] != '\0' &&
	       strchr(isupport->chan_types, name.ptr[0]) != NULL;
}

/* ":server 353 me = #channel :names" and 366. */
static enum tr_irc_concern of_server(
	const struct tr_irc_isupport *isupport, struct tr_str rest, struct tr_str *channel)
{
	struct tr_str number;
	struct tr_str word;
	if (!take_word(&rest, &number) || !take_middle(&rest, &word)) {
		return TR_IRC_CONCERNS;
	}
	bool names = tr_str_eq(number, TR_STR("353")) && take_middle(&rest, &word);
	if (!names && !tr_str_eq(number, TR_STR("366"))) {
		return TR_IRC_CONCERNS;
	}
	return take_middle(&rest, channel) && is_channel(isupport, *channel) ? TR_IRC_OF_CHANNEL
									     : TR_IRC_CONCERNS;
}

enum tr_irc_concern tr_irc_concern(const struct tr_irc_isupport *isupport, struct tr_str me,
	bool history, struct tr_str text, struct tr_str *channel)
{
	struct tr_str tags = {NULL, 0};
	struct tr_str prefix;
	struct tr_str command;
	if (text.len > 0 && text.ptr[0] == '@' && !take_word(&text, &tags)) {
		return TR_IRC_CONCERNS;
	}
	if (text.len == 0 || text.ptr[0] != ':' || !take_word(&text, &prefix)) {
		return TR_IRC_CONCERNS;
	}
	struct tr_irc_prefix who;
	tr_irc_prefix_parse(tr_str_from_index(prefix, 1), &who);
	/* A name without '!' can be a nick too, and then ours. */
	if (tr_str_empty(who.nick) || tr_irc_same(isupport, who.nick, me)) {
		return TR_IRC_CONCERNS;
	}
	if (!who.has_user) {
		return of_server(isupport, text, channel);
	}
	if (!take_word(&text, &command)) {
		return TR_IRC_CONCERNS;
	}
	enum kind kind = kind_of(command);
	if (kind == KIND_EVERYWHERE) {
		return TR_IRC_OF_OTHERS;
	}
	if (kind == KIND_OTHER || (kind == KIND_TALK && history && tags.len > 0 &&
					  tr_str_find(tags, TR_STR("batch=")) >= 0)) {
		return TR_IRC_CONCERNS;
	}
	*channel = take_param(&text);
	if (!is_channel(isupport, *channel)) {
		return TR_IRC_CONCERNS;
	}
	bool me_kicked = kind == KIND_KICK && tr_irc_same(isupport, take_param(&text), me);
	return me_kicked ? TR_IRC_CONCERNS : TR_IRC_OF_CHANNEL;
}
