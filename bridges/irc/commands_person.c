/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about people: who somebody is on IRC, and what a user wants for himself. The answer to
 * WHOIS is put into words here; asking is query.c's.
 */
#include "bridges/irc/commands_internal.h"

#include "bridges/irc/dynamic.h"
#include "bridges/irc/feature.h"
#include "bridges/irc/puppet.h"
#include "bridges/irc/query.h"
#include "bridges/irc/roster.h"
#include "bridges/irc/text.h"

enum { ANSWER_MAX = 8 * 1024, NICK_MAX = 128 };

struct whois {
	struct tr_irc_network *network;
	struct tr_command *command;
	char *nick;
	bool by_bot; /* asked on the bot's connection, which is in channels that the user is not */
	bool found;
	bool account_told;
	struct tr_buf text;
};

struct nick_change {
	struct tr_command *command;
	char *before;
};

/* A parameter as people may see it. */
static void add_plain(struct tr_buf *text, struct tr_str raw)
{
	struct tr_buf plain = TR_BUF_INIT(ANSWER_MAX);
	tr_irc_text_plain(raw, &plain);
	tr_buf_add(text, tr_buf_str(&plain));
	tr_buf_finish(&plain);
}

static void add_field(struct tr_buf *text, const char *name, struct tr_str value)
{
	tr_buf_addf(text, "\n%s: ", name);
	add_plain(text, value);
}

/* 317: seconds idle, and perhaps the time of signing on. */
static void add_idle(struct tr_buf *text, struct tr_str seconds)
{
	uint64_t idle;
	if (!tr_str_to_u64(seconds, &idle)) {
		return;
	}
	tr_buf_add_c(text, "\nIdle: ");
	if (idle >= 3600) {
		tr_buf_addf(text, "%llu h ", (unsigned long long)(idle / 3600));
	}
	if (idle >= 60) {
		tr_buf_addf(text, "%llu min ", (unsigned long long)(idle / 60 % 60));
	}
	tr_buf_addf(text, "%llu s", (unsigned long long)(idle % 60));
}

static void add_whois_line(struct whois *whois, const struct tr_irc_line *line)
{
	struct tr_buf *text = &whois->text;
	struct tr_str last =
		line->param_count > 0 ? line->params[line->param_count - 1] : TR_STR("");
	switch (line->numeric) {
	case 311: /* nick user host * :real name */
		whois->found = true;
		tr_buf_add_c(text, "Nick: ");
		add_plain(text, tr_irc_param(line, 1));
		tr_buf_add_c(text, "\nMask: ");
		add_plain(text, tr_irc_param(line, 2));
		tr_buf_add_char(text, '@');
		add_plain(text, tr_irc_param(line, 3));
		add_field(text, "Name", last);
		break;
	case 312: /* nick server :info */
		add_field(text, "Server", tr_irc_param(line, 2));
		break;
	case 319: /* nick :channels */
		if (!whois->by_bot) {
			add_field(text, "Channels", tr_str_trim(last));
		}
		break;
	case 330: /* nick account :is logged in as */
		whois->account_told = true;
		add_field(text, "Account", tr_irc_param(line, 2));
		break;
	case 301: /* nick :away text */
		add_field(text, "Away", last);
		break;
	case 313: /* operator */
	case 335: /* bot */
	case 671: /* secure connection */
		tr_buf_add_char(text, '\n');
		add_plain(text, last);
		break;
	case 317:
		add_idle(text, tr_irc_param(line, 2));
		break;
	default:
		break;
	}
}

/* What is known without asking; false when that is nothing. */
static bool add_known(struct whois *whois)
{
	struct tr_irc_person person;
	if (!tr_irc_roster_person(whois->network, tr_str_from(whois->nick), &person)) {
		return false;
	}
	if (!whois->found) {
		tr_buf_addf(&whois->text, "Nick: %s", whois->nick);
	}
	if (!whois->found && !tr_str_empty(person.mask)) {
		add_field(&whois->text, "Mask", person.mask);
	}
	if (!whois->account_told && !tr_str_empty(person.account)) {
		add_field(&whois->text, "Account", person.account);
	}
	return true;
}

static void whois_end(struct whois *whois)
{
	tr_command_end(whois->command);
	tr_buf_finish(&whois->text);
	tr_free(whois->nick);
	tr_free(whois);
}

static void whois_answered(
	void *arg, const struct tr_str *lines, size_t count, const struct tr_error *error)
{
	struct whois *whois = arg;
	for (size_t i = 0; i < count; i++) {
		struct tr_irc_line line;
		if (tr_irc_line_parse(lines[i], &line) &&
			tr_str_eq_nocase(tr_irc_param(&line, 1), tr_str_from(whois->nick))) {
			add_whois_line(whois, &line);
		}
	}
	bool known = (error != NULL || whois->found) && add_known(whois);
	if (error != NULL && !known) {
		tr_command_reply(whois->command, "Nothing is known: %s", error->text);
	} else if (!whois->found && !known) {
		tr_command_reply(whois->command, "User not found");
	} else {
		tr_command_reply(whois->command, "%s", tr_buf_c(&whois->text));
	}
	whois_end(whois);
}

static void ask_whois(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str nick)
{
	struct tr_irc_session *session = tr_irc_command_session(network, command);
	if (session == NULL || !tr_irc_session_online(session)) {
		session = network->bot;
	}
	struct whois *whois = tr_alloc(sizeof(*whois));
	whois->command = command;
	whois->network = network;
	whois->nick = tr_str_dup(nick);
	whois->by_bot = session == network->bot;
	tr_buf_init(&whois->text, ANSWER_MAX);
	const struct tr_irc_out line = {
		.command = "WHOIS", .params = {tr_str_from(whois->nick)}, .param_count = 1};
	int failed = session ? tr_irc_query(session, &line, whois_answered, whois) : TR_E_CLOSED;
	if (failed == TR_E_CLOSED) {
		tr_command_reply(command, "%s is not connected now.", network->config->name);
		whois_end(whois);
	} else if (failed) {
		tr_command_reply(command, "%.*s is not a nick.", TR_STR_ARG(nick));
		whois_end(whois);
	}
}

/* A Matrix user: what he is called on IRC. */
static void show_matrix_user(
	struct tr_irc_network *network, struct tr_command *command, struct tr_str user_id)
{
	const struct tr_irc_session *session = tr_map_get(&network->sessions, user_id);
	if (session != NULL && tr_irc_session_online(session)) {
		tr_command_reply(command, "%.*s is connected to %s as %s.", TR_STR_ARG(user_id),
			network->config->name, tr_irc_connection_nick(session->connection));
	} else {
		tr_command_reply(command, "%.*s has no connection to %s.", TR_STR_ARG(user_id),
			network->config->name);
	}
	tr_command_end(command);
}

void tr_irc_command_whois(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str who;
	struct tr_str more;
	if (!tr_irc_command_argument(network, command, &who) ||
		tr_command_argument(command, &more)) {
		tr_command_usage(command);
	} else if (tr_str_starts(who, TR_STR("@"))) {
		show_matrix_user(network, command, who);
	} else if (!tr_irc_could_be_nick(&network->isupport, who)) {
		tr_command_reply(command, "%.*s is not a nick.", TR_STR_ARG(who));
		tr_command_end(command);
	} else {
		ask_whois(network, command, who);
	}
}

static const char *choice_text(enum tr_irc_choice choice)
{
	return choice == TR_IRC_CHOICE_ON    ? "on"
	       : choice == TR_IRC_CHOICE_OFF ? "off"
					     : "as the bridge is set (default)";
}

static bool choice_of(struct tr_str word, enum tr_irc_choice *choice)
{
	if (tr_str_eq_nocase(word, TR_STR("on")) || tr_str_eq_nocase(word, TR_STR("true"))) {
		*choice = TR_IRC_CHOICE_ON;
	} else if (tr_str_eq_nocase(word, TR_STR("off")) ||
		   tr_str_eq_nocase(word, TR_STR("false"))) {
		*choice = TR_IRC_CHOICE_OFF;
	} else if (tr_str_eq_nocase(word, TR_STR("default"))) {
		*choice = TR_IRC_CHOICE_DEFAULT;
	} else {
		return false;
	}
	return true;
}

void tr_irc_command_feature(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	const char *user_id = tr_command_user(command);
	struct tr_str feature;
	struct tr_str word;
	enum tr_irc_choice choice;
	if (!tr_command_argument(command, &feature) ||
		!tr_str_eq_nocase(feature, TR_STR(TR_IRC_FEATURE_MENTIONS))) {
		tr_command_usage(command);
		return;
	}
	if (tr_command_argument(command, &word)) {
		if (!choice_of(word, &choice)) {
			tr_command_usage(command);
			return;
		}
		tr_irc_feature_set(network->features, user_id, TR_IRC_FEATURE_MENTIONS, choice);
	}
	choice = tr_irc_feature_get(network->features, user_id, TR_IRC_FEATURE_MENTIONS);
	tr_command_reply(command, "Mentions are %s for you.", choice_text(choice));
	tr_command_end(command);
}

static void nick_settled(void *arg, const char *nick, const struct tr_error *error)
{
	struct nick_change *change = arg;
	if (error != NULL) {
		tr_command_reply(change->command, "%s", error->text);
	} else {
		tr_command_reply(
			change->command, "Nick changed from '%s' to '%s'.", change->before, nick);
	}
	tr_command_end(change->command);
	tr_free(change->before);
	tr_free(change);
}

void tr_irc_command_nick(void *self, struct tr_command *command)
{
	struct tr_irc_network *network = self;
	struct tr_str nick;
	struct tr_str more;
	if (!network->config->ircClients.allowNickChanges) {
		tr_irc_command_end_with(
			command, "Nicks cannot be changed on this bridge (allowNickChanges).");
		return;
	}
	struct tr_irc_session *session = tr_irc_session_of(network, tr_command_user(command));
	const char *now = tr_irc_session_online(session)
				  ? tr_irc_connection_nick(session->connection)
				  : session->nick;
	if (!tr_irc_command_argument(network, command, &nick) ||
		tr_command_argument(command, &more)) {
		tr_command_reply(command, "Your nick is %s.", now);
		tr_command_usage(command);
		return;
	}
	if (!tr_irc_could_be_nick(&network->isupport, nick)) {
		tr_command_reply(command, "%.*s is not a nick.", TR_STR_ARG(nick));
		tr_command_end(command);
		return;
	}
	struct nick_change *change = tr_alloc(sizeof(*change));
	change->command = command;
	change->before = tr_strdup(now);
	tr_irc_puppet_set_nick(session, nick, nick_settled, change);
}

void tr_irc_command_active(void *self, struct tr_command *command)
{
	struct tr_irc_session *session = tr_irc_command_session(self, command);
	if (session != NULL) {
		tr_irc_puppet_active(session);
	}
	tr_irc_command_end_with(command, "You are marked as active.");
}
