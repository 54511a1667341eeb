/* SPDX-License-Identifier: Apache-2.0 */
/* The libircclient side of trestle-irc-user. The library is kept away from what it does badly: no
 * irc_cmd_me (cuts at 120 bytes), no text as a format, a queue of our own before its 1,024-byte
 * buffer, no CAP (it does not know tags). */
#include "session.h"

#include <libirc_rfcnumeric.h>
#include <libircclient.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TEXT_MAX       400 /* bytes of text in one line; leaves room for the prefix servers add */
#define LINE_MAX_BYTES 512

struct queued {
	struct queued *next;
	char line[LINE_MAX_BYTES];
};

struct irc_user {
	const struct irc_user_options *options;
	irc_session_t *session;
	enum irc_user_state state;
	char nick[64];
	struct queued *first, **last;
	regex_t pattern;
	bool matched, confirmed;
	unsigned asked;
	int nick_tries;
};

static void print_escaped(const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f || c == '\\') {
			printf("\\x%02x", c);
		} else {
			putchar(c);
		}
	}
}

/* time TAB event TAB nick TAB target TAB text */
static void print_event(const char *event, const char *nick, const char *target, const char *text)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03ldZ\t%s\t", stamp, now.tv_nsec / 1000000, event);
	print_escaped(nick);
	putchar('\t');
	print_escaped(target);
	putchar('\t');
	print_escaped(text);
	putchar('\n');
	fflush(stdout);
}

static void fail(struct irc_user *user, const char *event, const char *text)
{
	print_event(event, user->nick, user->options->channel, text);
	user->state = IRC_USER_FAILED;
}

static void note_message(struct irc_user *user, const char *text)
{
	if (user->options->wait_for && text && regexec(&user->pattern, text, 0, NULL, 0) == 0) {
		user->matched = true;
	}
}

/* Events. params[0] is the target, the last one the text. */

static void on_connect(irc_session_t *session, const char *event, const char *origin,
	const char **params, unsigned int count)
{
	struct irc_user *user = irc_get_ctx(session);
	(void)event;
	print_event("connect", user->nick, "", origin ? origin : "");
	if (count && params[0] && *params[0]) {
		snprintf(user->nick, sizeof(user->nick), "%s", params[0]);
	}
	if (irc_send_raw(session, "JOIN %s", user->options->channel) != 0) {
		fail(user, "error", "JOIN could not be sent");
	}
}

static void on_join(irc_session_t *session, const char *event, const char *origin,
	const char **params, unsigned int count)
{
	struct irc_user *user = irc_get_ctx(session);
	const char *channel = count ? params[0] : "";
	(void)event;
	print_event("join", origin, channel, "");
	if (user->state == IRC_USER_JOINING && origin && strcasecmp(origin, user->nick) == 0 &&
		strcasecmp(channel, user->options->channel) == 0) {
		user->state = IRC_USER_READY;
	}
}

static void on_message(irc_session_t *session, const char *event, const char *origin,
	const char **params, unsigned int count)
{
	const char *text = count > 1 ? params[1] : "";
	const char *kind = strcmp(event, "NOTICE") == 0   ? "notice"
			   : strcmp(event, "ACTION") == 0 ? "action"
							  : "message";
	print_event(kind, origin, count ? params[0] : "", text);
	note_message(irc_get_ctx(session), text);
}

/* nick, quit, part, mode, topic, kick, invite, and whatever the library does not know */
static void on_other(irc_session_t *session, const char *event, const char *origin,
	const char **params, unsigned int count)
{
	struct irc_user *user = irc_get_ctx(session);
	char name[32];
	char text[1024];
	size_t at = 0;
	size_t n = 0;
	while (event[n] && n + 1 < sizeof(name)) {
		name[n] = (char)(event[n] >= 'A' && event[n] <= 'Z' ? event[n] + 32 : event[n]);
		n++;
	}
	name[n] = '\0';
	for (unsigned int i = 1; i < count && at < sizeof(text); i++) {
		int wrote = snprintf(text + at, sizeof(text) - at, "%s%s", i > 1 ? " " : "",
			params[i] ? params[i] : "");
		at += wrote > 0 ? (size_t)wrote : 0;
	}
	if (strcmp(event, "PONG") == 0 && user->asked && count) {
		char token[32];
		snprintf(token, sizeof(token), "confirm%u", user->asked);
		user->confirmed = user->confirmed || strcmp(params[count - 1], token) == 0;
		return;
	}
	if (strcmp(event, "NICK") == 0 && origin && strcasecmp(origin, user->nick) == 0 && count) {
		snprintf(user->nick, sizeof(user->nick), "%s", params[0]);
	}
	if (count == 1 && (strcmp(event, "QUIT") == 0 || strcmp(event, "ERROR") == 0)) {
		print_event(name, origin, "", params[0]); /* those have a text and no target */
		return;
	}
	print_event(name, origin, count ? params[0] : "", count > 1 ? text : "");
}

static void try_other_nick(struct irc_user *user)
{
	size_t len = strlen(user->nick);
	if (user->nick_tries++ > 4 || len + 2 > sizeof(user->nick)) {
		fail(user, "error", "the nick is in use");
		return;
	}
	user->nick[len] = '_';
	user->nick[len + 1] = '\0';
	irc_send_raw(user->session, "NICK %s", user->nick);
}

static void on_numeric(irc_session_t *session, unsigned int event, const char *origin,
	const char **params, unsigned int count)
{
	static const unsigned int no_join[] = {
		403, 405, 407, 437, 471, 473, 474, 475, 476, 477, 489};
	struct irc_user *user = irc_get_ctx(session);
	char number[8];
	snprintf(number, sizeof(number), "%03u", event);
	if (event == 1 && count && params[0]) {
		snprintf(user->nick, sizeof(user->nick), "%s", params[0]);
	}
	print_event(number, origin, count > 2 ? params[1] : "", count > 1 ? params[count - 1] : "");
	if (event == 433 && user->state == IRC_USER_JOINING) {
		try_other_nick(user);
	}
	for (size_t i = 0; i < sizeof(no_join) / sizeof(no_join[0]); i++) {
		if (event == no_join[i] && user->state == IRC_USER_JOINING) {
			fail(user, "error", "the channel cannot be joined");
		}
	}
}

static irc_callbacks_t callbacks(void)
{
	irc_callbacks_t calls;
	memset(&calls, 0, sizeof(calls));
	calls.event_connect = on_connect;
	calls.event_join = on_join;
	calls.event_channel = on_message;
	calls.event_privmsg = on_message;
	calls.event_notice = on_message;
	calls.event_channel_notice = on_message;
	calls.event_ctcp_action = on_message;
	calls.event_nick = on_other;
	calls.event_quit = on_other;
	calls.event_part = on_other;
	calls.event_mode = on_other;
	calls.event_umode = on_other;
	calls.event_topic = on_other;
	calls.event_kick = on_other;
	calls.event_invite = on_other;
	calls.event_unknown = on_other;
	calls.event_numeric = on_numeric;
	return calls;
}

struct irc_user *irc_user_create(const struct irc_user_options *options)
{
	irc_callbacks_t calls = callbacks();
	struct irc_user *user = calloc(1, sizeof(*user));
	if (!user) {
		abort();
	}
	user->options = options;
	user->last = &user->first;
	snprintf(user->nick, sizeof(user->nick), "%s", options->nick);
	if (regcomp(&user->pattern, options->wait_for ? options->wait_for : "",
		    REG_EXTENDED | REG_NOSUB) != 0) {
		fprintf(stderr, "trestle-irc-user: not a regular expression: %s\n",
			options->wait_for);
		free(user);
		return NULL;
	}
	user->session = irc_create_session(&calls);
	if (!user->session) {
		abort();
	}
	irc_set_ctx(user->session, user);
	irc_option_set(user->session, LIBIRC_OPTION_STRIPNICKS);
	if (irc_connect(user->session, options->host, options->port, options->password,
		    options->nick, options->nick, options->nick) != 0) {
		fprintf(stderr, "trestle-irc-user: %s:%u: %s\n", options->host, options->port,
			irc_strerror(irc_errno(user->session)));
		irc_user_destroy(user);
		return NULL;
	}
	return user;
}

void irc_user_destroy(struct irc_user *user)
{
	if (!user) {
		return;
	}
	irc_destroy_session(user->session);
	regfree(&user->pattern);
	while (user->first) {
		struct queued *next = user->first->next;
		free(user->first);
		user->first = next;
	}
	free(user);
}

enum irc_user_state irc_user_state(const struct irc_user *user)
{
	return user->state;
}

/* Gives the library what it has room for; it takes a line whole or not at all. */
static void move_queue(struct irc_user *user)
{
	while (user->first && user->state == IRC_USER_READY &&
		irc_send_raw(user->session, "%s", user->first->line) == 0) {
		struct queued *sent = user->first;
		user->first = sent->next;
		if (!user->first) {
			user->last = &user->first;
		}
		free(sent);
	}
}

void irc_user_watch(struct irc_user *user, fd_set *in, fd_set *out, int *max_fd)
{
	move_queue(user);
	if (irc_is_connected(user->session)) {
		irc_add_select_descriptors(user->session, in, out, max_fd);
	}
}

void irc_user_handle(struct irc_user *user, fd_set *in, fd_set *out)
{
	if (!irc_is_connected(user->session) ||
		irc_process_select_descriptors(user->session, in, out) != 0) {
		fail(user, "disconnect", irc_strerror(irc_errno(user->session)));
	}
}

static void enqueue(
	struct irc_user *user, const char *start, const char *text, size_t len, const char *end)
{
	struct queued *entry = calloc(1, sizeof(*entry));
	if (!entry) {
		abort();
	}
	snprintf(entry->line, sizeof(entry->line), "%s%.*s%s", start, (int)len, text, end);
	*user->last = entry;
	user->last = &entry->next;
}

/* At most TEXT_MAX bytes, not ending inside a UTF-8 sequence. */
static size_t piece_of(const char *text)
{
	size_t len = strlen(text);
	if (len <= TEXT_MAX) {
		return len;
	}
	len = TEXT_MAX;
	while (len > TEXT_MAX - 4 && ((unsigned char)text[len] & 0xc0) == 0x80) {
		len--;
	}
	return len;
}

static bool send_wrapped(
	struct irc_user *user, const char *start, const char *text, const char *end)
{
	if (strpbrk(start, "\r\n") || (text && strpbrk(text, "\r\n")) ||
		strlen(start) > LINE_MAX_BYTES - TEXT_MAX - 8) {
		return false;
	}
	while (text && *text) {
		size_t len = piece_of(text);
		enqueue(user, start, text, len, end);
		text += len;
	}
	return true;
}

bool irc_user_send(struct irc_user *user, const char *verb, const char *target, const char *text)
{
	char start[256];
	snprintf(start, sizeof(start), "%s %s%s", verb, target, text ? " :" : "");
	if (text) {
		return send_wrapped(user, start, text, "");
	}
	if (strpbrk(start, "\r\n")) {
		return false;
	}
	enqueue(user, start, "", 0, "");
	return true;
}

bool irc_user_send_action(struct irc_user *user, const char *target, const char *text)
{
	char start[256];
	snprintf(start, sizeof(start), "PRIVMSG %s :\001ACTION ", target);
	return send_wrapped(user, start, text, "\001");
}

void irc_user_ask_confirmation(struct irc_user *user)
{
	char token[32];
	user->confirmed = false;
	snprintf(token, sizeof(token), "confirm%u", ++user->asked);
	irc_user_send(user, "PING", token, NULL);
}

bool irc_user_confirmed(const struct irc_user *user)
{
	return user->confirmed;
}

bool irc_user_matched(const struct irc_user *user)
{
	return user->matched;
}

void irc_user_quit(struct irc_user *user, const char *reason)
{
	if (irc_is_connected(user->session)) {
		irc_send_raw(user->session, "QUIT :%s", reason);
	}
}
