/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says and the control port may change later ("set"). */
#ifndef SCRIPTED_IRCD_OPTIONS_H
#define SCRIPTED_IRCD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IRCD_ACCOUNTS_MAX 64
#define IRCD_ISUPPORT_MAX 64

/* What happens to whoever connects. */
enum ircd_refuse {
	IRCD_REFUSE_NONE,
	IRCD_REFUSE_OFF,   /* nothing listens */
	IRCD_REFUSE_RESET, /* accepted, then RST */
	IRCD_REFUSE_CLOSE, /* accepted, then closed */
	IRCD_REFUSE_ERROR, /* accepted, an ERROR line, then closed */
	IRCD_REFUSE_STALL, /* accepted and never read */
};

enum ircd_tls_mode {
	IRCD_TLS_OK,
	IRCD_TLS_STALL, /* takes the ClientHello and says nothing */
	IRCD_TLS_CLOSE, /* closes on the ClientHello */
	IRCD_TLS_RESET, /* resets on the ClientHello */
	IRCD_TLS_PLAIN, /* answers the ClientHello in plain text */
};

struct ircd_options {
	const char *listen; /* host:port; NULL when there is none */
	const char *tls_listen;
	const char *control;
	char *tls_cert;
	char *tls_key;
	enum ircd_tls_mode tls_mode;
	bool tls_ask_cert;
	const char *name;    /* the server's own name */
	const char *network; /* NETWORK= */
	char *caps;          /* comma list; NULL: the server does not know CAP at all */
	int cap_line_bytes;
	char *isupport[IRCD_ISUPPORT_MAX]; /* TOKEN=value to set, -TOKEN to take away */
	int isupport_count;
	bool cut_long;  /* cut what is over LINELEN; else 417 */
	bool cut_nicks; /* cut a nick over NICKLEN; else 432 */
	bool msgid;
	bool echo_colon; /* AUTHENTICATE :+ rather than AUTHENTICATE + */
	bool require_sasl;
	bool deaf_locked;  /* who is deaf stays so */
	bool deaf_no_echo; /* who is deaf is not sent the echo of their own lines either */
	bool ping_cookie;
	bool label_outer; /* a labeled chathistory batch goes inside a labeled-response batch */
	const char *history_unknown; /* empty, fail or all: the answer for a msgid not known */
	const char *user_host;       /* mask shown of a client: %u its user name, %n its nick */
	const char *password;
	const char *accounts[IRCD_ACCOUNTS_MAX]; /* name:password */
	int account_count;
	int history_depth;
	int history_limit;
	int join_list;
	int history_errors; /* the next so many CHATHISTORYs fail for a moment */
	int delay_ms;
	int flood_lines; /* a queue longer than this is Excess Flood; 0: no limit */
	size_t recvq;
	size_t sendq;
	int gather_ms;
	int ping_every_ms;
	int ping_timeout_ms;
	const char *channel_modes;
	char *reader; /* nick of the bridge's reader, for the ledger */
	char *kline;  /* text; everybody who registers is turned away with it */
	enum ircd_refuse refuse;
	char *refuse_text;
	int nick_in_use;    /* the next so many NICKs get 433 */
	int nick_erroneous; /* the next so many NICKs get 432 */
	const char *ledger;
	const char *log_bytes;
};

/* Fills options with the defaults and then the command line. 0, or -1 after saying on stderr what
 * is wrong; 1 when help was asked for and printed. */
int ircd_options_parse(struct ircd_options *options, int argc, char **argv);

/* enum values by name; -1 for an unknown name. */
int ircd_refuse_by_name(const char *name);
int ircd_tls_mode_by_name(const char *name);
/* Replaces an owned text. */
void ircd_option_set_text(char **slot, const char *text);

#define IRCD_ALL_CAPS                                                                      \
 "account-notify,account-tag,away-notify,batch,cap-notify,draft/chathistory,echo-message," \
 "extended-join,labeled-response,message-tags,multi-prefix,sasl=PLAIN,server-time,"        \
 "userhost-in-names"

#endif
