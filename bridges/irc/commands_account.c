/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about a user's account on the network: user name and password. They are stored by
 * account.c, the password sealed. The event that brought a password is taken out of the room, and
 * no answer repeats it.
 */
#include "bridges/irc/commands_internal.h"

#include "bridges/irc/account.h"

/* A change on its way into the store. */
struct storing {
	struct tr_command *command;
	char *done; /* what is said when it is stored */
};

static void stored(void *arg, const struct tr_error *error)
{
	struct storing *storing = arg;
	if (error != NULL) {
		tr_command_reply(storing->command, "That could not be stored: %s", error->text);
	} else {
		tr_command_reply(storing->command, "%s", storing->done);
	}
	tr_command_end(storing->command);
	tr_free(storing->done);
	tr_free(storing);
}

static struct storing *storing_create(struct tr_command *command, char *done_take)
{
	struct storing *storing = tr_alloc(sizeof(*storing));
	storing->command = command;
	storing->done = done_take;
	return storing;
}

static void not_begun(struct storing *storing, const char *text)
{
	tr_irc_command_end_with(storing->command, text);
	tr_free(storing->done);
	tr_free(storing);
}

static bool is_username(struct tr_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char byte = (unsigned char)name.ptr[i];
		if (byte <= ' ' || byte == 0x7f) {
			return false;
		}
	}
	return name.len > 0 && name.len <= TR_IRC_USERNAME_MAX && name.ptr[0] != ':' &&
	       tr_utf8_valid(name);
}

void tr_irc_command_username(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str name = tr_irc_command_rest(network, command);
	if (tr_str_empty(name)) {
		tr_command_usage(command);
		return;
	}
	if (!is_username(name)) {
		tr_command_reply(command,
			"That is no user name: it has no spaces, and at most %d characters.",
			TR_IRC_USERNAME_MAX);
		tr_command_end(command);
		return;
	}
	struct tr_error error;
	struct storing *storing = storing_create(command,
		tr_asprintf(
			"Successfully stored username for %s. Use !reconnect to use this username now.",
			network->config->name));
	if (tr_irc_account_set_username(network->accounts, tr_command_user(command), name, stored,
		    storing, &error) != 0) {
		not_begun(storing, error.text);
	}
}

void tr_irc_command_storepass(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str password = tr_irc_command_rest(network, command);
	struct tr_error error;
	if (tr_str_empty(password)) {
		tr_command_usage(command);
		return;
	}
	tr_command_redact(command);
	if (tr_bridge_seal(network->bridge) == NULL) {
		tr_irc_command_end_with(command, "Password encryption is not configured.");
		return;
	}
	struct storing *storing = storing_create(command,
		tr_asprintf(
			"Successfully stored password for %s. Use !reconnect to use this password now.",
			network->config->name));
	if (tr_irc_account_set_password(network->accounts, tr_command_user(command), password,
		    stored, storing, &error) != 0) {
		not_begun(storing, error.text);
	}
}

void tr_irc_command_removepass(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str wrong;
	struct tr_error error;
	if (tr_irc_command_argument(network, command, &wrong)) {
		tr_command_usage(command);
		return;
	}
	struct storing *storing =
		storing_create(command, tr_strdup("Successfully removed password."));
	if (tr_irc_account_set_password(network->accounts, tr_command_user(command),
		    (struct tr_str){NULL, 0}, stored, storing, &error) != 0) {
		not_begun(storing, error.text);
	}
}
