/* SPDX-License-Identifier: Apache-2.0 */
/* One IRC session on libircclient: connects in plain TCP, joins a channel, prints every event as a
 * line, sends lines in order. Lines wait in a queue until the channel is joined and the library has
 * room. */
#ifndef IRC_USER_SESSION_H
#define IRC_USER_SESSION_H

#include <stdbool.h>
#include <sys/select.h>

struct irc_user_options {
	const char *host, *nick, *channel, *password;
	unsigned short port;
	char *say; /* cut in place when it is a command */
	const char *wait_for;
	double timeout; /* seconds; 0: none */
	bool stay;
};

struct irc_user;

enum irc_user_state {
	IRC_USER_JOINING,
	IRC_USER_READY,
	IRC_USER_FAILED, /* refused, or the connection ended */
};

/* NULL after saying on stderr what is wrong. */
struct irc_user *irc_user_create(const struct irc_user_options *options);
void irc_user_destroy(struct irc_user *user);

enum irc_user_state irc_user_state(const struct irc_user *user);
/* Adds what the session waits for, and then handles what select() found. */
void irc_user_watch(struct irc_user *user, fd_set *in, fd_set *out, int *max_fd);
void irc_user_handle(struct irc_user *user, fd_set *in, fd_set *out);

/* Queues one line of the protocol: verb and target, text after the colon (NULL: none). Long text is
 * cut into several lines between characters. Control characters that would end the line are
 * refused: false. */
bool irc_user_send(struct irc_user *user, const char *verb, const char *target, const char *text);
/* The same for /me. */
bool irc_user_send_action(struct irc_user *user, const char *target, const char *text);
/* Asks the server for a PONG after all that was queued; irc_user_confirmed once it has come. */
void irc_user_ask_confirmation(struct irc_user *user);
bool irc_user_confirmed(const struct irc_user *user);
/* Whether a message matched wait_for. */
bool irc_user_matched(const struct irc_user *user);
void irc_user_quit(struct irc_user *user, const char *reason);

#endif
