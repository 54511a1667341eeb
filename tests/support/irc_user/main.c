/* SPDX-License-Identifier: Apache-2.0 */
/* trestle-irc-user: a person on IRC for the quickstart and the tests. Reads lines on stdin, prints
 * events on stdout; or says one thing and goes, or waits for one. Usage is printed by --help. */
#include "session.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX 65536
#define GOODBYE_S 2.0 /* how long the end of the connection is waited for after QUIT */

enum exit_status {
	EXIT_DONE = 0,
	EXIT_NOT_SEEN = 1, /* the timeout came first */
	EXIT_LOST = 2,     /* refused or disconnected */
	EXIT_USAGE = 64,
};

enum goal {
	GOAL_SAY,     /* --say: until it is confirmed */
	GOAL_WAIT,    /* --wait-for: until it was seen */
	GOAL_TALK,    /* lines of stdin */
	GOAL_CONFIRM, /* stdin has ended: until all is confirmed */
	GOAL_STAY,
	GOAL_LEAVE,
};

struct program {
	struct irc_user_options options;
	struct irc_user *user;
	enum goal goal;
	bool said;
	double started, left_at;
	char input[INPUT_MAX];
	size_t input_len;
	const char *reason;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void usage(FILE *to)
{
	fputs("usage: trestle-irc-user --host HOST --port PORT --nick NICK --channel CHANNEL\n"
	      "           [--password PASSWORD] [--say TEXT] [--wait-for REGEX] [--timeout SECONDS] [--stay]\n"
	      "Joins the channel (plain TCP). Each line of standard input is said there;\n"
	      "  #other text   /me text   /msg NICK text   /notice TARGET text   /join #c   /part #c\n"
	      "  /nick NICK   /quit [reason]\n"
	      "Prints each event as a line: time, event, nick, target, text, separated by tabs.\n"
	      "--say says TEXT and goes once the server has taken it; --wait-for goes once a message\n"
	      "matches; both: first the one, then the other. --stay goes on after the end of input.\n"
	      "Exit status: 0 done, 1 not seen in time, 2 refused or disconnected.\n",
		to);
}

static bool is_channel(const char *word)
{
	return *word == '#' || *word == '&' || *word == '+' || *word == '!';
}

/* Cuts the first word off; what is left is returned. */
static char *cut_word(char *text)
{
	char *space = strchr(text, ' ');
	if (!space) {
		return text + strlen(text);
	}
	*space = '\0';
	return space + 1;
}

static bool take_command(struct program *program, char *line)
{
	char *rest = cut_word(line);
	if (strcmp(line, "/me") == 0) {
		return irc_user_send_action(program->user, program->options.channel, rest);
	}
	if (strcmp(line, "/quit") == 0) {
		program->goal = GOAL_CONFIRM;
		program->reason = "quit";
		irc_user_ask_confirmation(program->user);
		return true;
	}
	char *text = rest + strcspn(rest, " ");
	bool has_text = *text != '\0';
	text = cut_word(rest);
	if (strcmp(line, "/msg") == 0 && has_text) {
		return irc_user_send(program->user, "PRIVMSG", rest, text);
	}
	if (strcmp(line, "/notice") == 0 && has_text) {
		return irc_user_send(program->user, "NOTICE", rest, text);
	}
	if (strcmp(line, "/join") == 0 && *rest) {
		return irc_user_send(program->user, "JOIN", rest, NULL);
	}
	if (strcmp(line, "/part") == 0 && *rest) {
		return irc_user_send(program->user, "PART", rest, NULL);
	}
	if (strcmp(line, "/nick") == 0 && *rest) {
		return irc_user_send(program->user, "NICK", rest, NULL);
	}
	return false;
}

static void take_line(struct program *program, char *line)
{
	size_t len = strlen(line);
	bool ok = true;
	if (len && line[len - 1] == '\r') {
		line[len - 1] = '\0';
	}
	if (*line == '/') {
		ok = take_command(program, line);
	} else if ((*line == '#' || *line == '&') && strchr(line, ' ')) {
		char *text = cut_word(line);
		ok = irc_user_send(program->user, "PRIVMSG", line, text);
	} else if (*line) {
		ok = irc_user_send(program->user, "PRIVMSG", program->options.channel, line);
	}
	if (!ok) {
		fprintf(stderr, "trestle-irc-user: not understood: %s\n", line);
	}
}

static void end_of_input(struct program *program)
{
	if (program->input_len) {
		program->input[program->input_len] = '\0';
		take_line(program, program->input);
		program->input_len = 0;
	}
	if (program->goal == GOAL_TALK && program->options.stay) {
		program->goal = GOAL_STAY;
	} else if (program->goal == GOAL_TALK) {
		program->goal = GOAL_CONFIRM;
		program->reason = "end of input";
		irc_user_ask_confirmation(program->user);
	}
}

static void read_input(struct program *program)
{
	size_t room = sizeof(program->input) - 1 - program->input_len;
	ssize_t n = read(STDIN_FILENO, program->input + program->input_len, room);
	if (n <= 0) {
		end_of_input(program);
		return;
	}
	program->input_len += (size_t)n;
	char *start = program->input;
	char *end;
	size_t left = program->input_len;
	while (program->goal == GOAL_TALK && (end = memchr(start, '\n', left))) {
		*end = '\0';
		take_line(program, start);
		left -= (size_t)(end + 1 - start);
		start = end + 1;
	}
	if (left == sizeof(program->input) - 1) {
		left = 0; /* a line of that length is no chat */
	}
	memmove(program->input, start, left);
	program->input_len = left;
}

static void leave(struct program *program)
{
	program->goal = GOAL_LEAVE;
	program->left_at = now();
	irc_user_quit(program->user, program->reason ? program->reason : "done");
}

/* Moves on when the present goal is reached. */
static void advance(struct program *program)
{
	struct irc_user *user = program->user;
	if (irc_user_state(user) != IRC_USER_READY || program->goal == GOAL_LEAVE) {
		return;
	}
	if (program->goal == GOAL_SAY && !program->said) {
		program->said = true;
		take_line(program, program->options.say);
		irc_user_ask_confirmation(user);
	} else if (program->goal == GOAL_SAY && irc_user_confirmed(user)) {
		program->goal = GOAL_WAIT;
	}
	if (program->goal == GOAL_WAIT && (!program->options.wait_for || irc_user_matched(user))) {
		leave(program);
	}
	if (program->goal == GOAL_CONFIRM && irc_user_confirmed(user)) {
		leave(program);
	}
}

/* One round of select. */
static void turn(struct program *program)
{
	fd_set in;
	fd_set out;
	int max_fd = -1;
	struct timeval wait = {.tv_usec = 100000};
	bool reads = program->goal == GOAL_TALK && irc_user_state(program->user) == IRC_USER_READY;
	FD_ZERO(&in);
	FD_ZERO(&out);
	irc_user_watch(program->user, &in, &out, &max_fd);
	if (reads) {
		FD_SET(STDIN_FILENO, &in);
		max_fd = max_fd > STDIN_FILENO ? max_fd : STDIN_FILENO;
	}
	int found = select(max_fd + 1, &in, &out, NULL, &wait);
	if (found < 0) {
		return; /* EINTR: the sets say nothing, and the library would spin on them */
	}
	if (reads && FD_ISSET(STDIN_FILENO, &in)) {
		FD_CLR(STDIN_FILENO, &in);
		read_input(program);
	}
	irc_user_handle(program->user, &in, &out);
}

static int run(struct program *program)
{
	program->started = now();
	for (;;) {
		turn(program);
		if (program->goal == GOAL_LEAVE) {
			if (irc_user_state(program->user) == IRC_USER_FAILED ||
				now() - program->left_at > GOODBYE_S) {
				return EXIT_DONE;
			}
			continue;
		}
		if (irc_user_state(program->user) == IRC_USER_FAILED) {
			return EXIT_LOST;
		}
		advance(program);
		if (interrupted) {
			interrupted = 0;
			program->reason = "interrupted";
			leave(program);
		}
		if (program->options.timeout > 0 && program->goal != GOAL_LEAVE &&
			now() - program->started > program->options.timeout) {
			irc_user_quit(program->user, "timeout");
			turn(program);
			return EXIT_NOT_SEEN;
		}
	}
}

/* The library takes the nick and the password as formats, and cuts the password at 250 bytes. */
static bool is_safe(const char *word, size_t most)
{
	return *word && strlen(word) <= most && !strpbrk(word, "% \r\n");
}

static bool read_options(struct irc_user_options *options, int argc, char **argv)
{
	static const struct option longs[] = {{"host", required_argument, NULL, 'h'},
		{"port", required_argument, NULL, 'p'}, {"nick", required_argument, NULL, 'n'},
		{"channel", required_argument, NULL, 'c'},
		{"password", required_argument, NULL, 'P'}, {"say", required_argument, NULL, 's'},
		{"wait-for", required_argument, NULL, 'w'},
		{"timeout", required_argument, NULL, 't'}, {"stay", no_argument, NULL, 'S'},
		{"help", no_argument, NULL, '?'}, {NULL, 0, NULL, 0}};
	int c;
	options->host = "127.0.0.1";
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'h':
			options->host = optarg;
			break;
		case 'p':
			options->port = (unsigned short)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			options->nick = optarg;
			break;
		case 'c':
			options->channel = optarg;
			break;
		case 'P':
			options->password = optarg;
			break;
		case 's':
			options->say = optarg;
			break;
		case 'w':
			options->wait_for = optarg;
			break;
		case 't':
			options->timeout = strtod(optarg, NULL);
			break;
		case 'S':
			options->stay = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc && options->port && options->nick && options->channel &&
	       is_safe(options->nick, 50) && is_channel(options->channel) &&
	       is_safe(options->channel, 64) &&
	       (!options->password || is_safe(options->password, 250));
}

int main(int argc, char **argv)
{
	static struct program program;
	struct sigaction action = {.sa_handler = on_signal};
	if (!read_options(&program.options, argc, argv)) {
		bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;
		usage(asked ? stdout : stderr);
		return asked ? EXIT_DONE : EXIT_USAGE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	program.goal = program.options.say        ? GOAL_SAY
		       : program.options.wait_for ? GOAL_WAIT
						  : GOAL_TALK;
	program.user = irc_user_create(&program.options);
	if (!program.user) {
		return EXIT_LOST;
	}
	int status = run(&program);
	irc_user_destroy(program.user);
	return status;
}
