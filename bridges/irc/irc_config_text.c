/* SPDX-License-Identifier: Apache-2.0 */
/* What single texts of the IRC configuration look like. A name that comes from a file goes into
 * lines to the server just as one from a person does, so the same grammar holds for it; what
 * spans several keys is irc_config.c's. */
#include "bridges/irc/irc_config_tables.h"

#include "bridges/irc/encoding.h"

#include <string.h>

static int wrong(struct tr_error *error, const char *text, const char *right)
{
	return tr_error_set(error, TR_E_CONFIG, "is \"%.60s\": write %s", text, right);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether all of `text` is letters, digits and bytes of `more`. */
static bool made_of(const char *text, const char *more)
{
	for (; *text; text++) {
		if (!is_letter(*text) && !is_digit(*text) && !strchr(more, *text)) {
			return false;
		}
	}
	return true;
}

/* RFC 2812 1.3, '#' only; 199 characters as in GHSA-c3hj-hg7p-rrq5. */
int tr_irc_check_channel(const char *text, struct tr_error *error)
{
	size_t length = strlen(text);
	if (text[0] != '#' || length < 2 || length > 200 || strpbrk(text, " ,\a\t\r\n")) {
		return wrong(error, text,
			"a channel in quotes, such as \"#welcome\": it begins with # and has no space "
			"and no comma");
	}
	return 0;
}

int tr_irc_check_nick(const char *text, struct tr_error *error)
{
	bool good = *text && strlen(text) <= 64 && !is_digit(*text) && *text != '-';
	for (const char *p = text; good && *p; p++) {
		good = is_letter(*p) || is_digit(*p) || (unsigned char)*p >= 0x80 ||
		       strchr("-[]\\`_^{|}", *p);
	}
	return good ? 0
		    : wrong(error, text,
			      "a nick such as MatrixBot: letters, digits and -[]\\`_^{|}, the first "
			      "one no digit and no -");
}

int tr_irc_check_username(const char *text, struct tr_error *error)
{
	return *text && strlen(text) <= 64 && made_of(text, "-_.~[]\\`^{|}")
		       ? 0
		       : wrong(error, text,
				 "a user name such as matrixbot: letters, digits, - _ .");
}

/* What may stand in a localpart, historical ids included, with the variables. */
static bool is_template(const char *text, char sigil)
{
	return text[0] == sigil && !strpbrk(text + 1, ": \t") && strlen(text) <= 200;
}

int tr_irc_check_user_template(const char *text, struct tr_error *error)
{
	return is_template(text, '@') && strstr(text, "$NICK")
		       ? 0
		       : wrong(error, text,
				 "a template such as \"@irc_$NICK\": it begins with @, contains "
				 "$NICK and has no colon");
}

int tr_irc_check_alias_template(const char *text, struct tr_error *error)
{
	static const char tail[] = "$CHANNEL";
	size_t length = strlen(text);
	bool ends =
		length >= sizeof(tail) - 1 && strcmp(text + length - (sizeof(tail) - 1), tail) == 0;
	return ends && (is_template(text, '#') || strcmp(text, tail) == 0)
		       ? 0
		       : wrong(error, text,
				 "a template such as \"#irc_$CHANNEL\": it begins with # and ends "
				 "with $CHANNEL");
}

int tr_irc_check_nick_template(const char *text, struct tr_error *error)
{
	bool named =
		strstr(text, "$DISPLAY") || strstr(text, "$LOCALPART") || strstr(text, "$USERID");
	return named && !strpbrk(text, " :,!@#*?\t")
		       ? 0
		       : wrong(error, text,
				 "a template such as \"M-$DISPLAY\": it contains $DISPLAY, "
				 "$LOCALPART or $USERID");
}

int tr_irc_check_localpart(const char *text, struct tr_error *error)
{
	bool good = *text && strlen(text) <= 200;
	for (const char *p = text; good && *p; p++) {
		good = (*p >= 'a' && *p <= 'z') || is_digit(*p) || strchr("._=-/+", *p);
	}
	return good ? 0
		    : wrong(error, text,
			      "the part of a user id between @ and the colon, such as ircbridgebot: "
			      "small letters, digits and ._=-/+");
}

int tr_irc_check_prefix(const char *text, struct tr_error *error)
{
	return *text && strlen(text) <= 100 && made_of(text, "._=-/+")
		       ? 0
		       : wrong(error, text, "a prefix such as irc_: letters, digits and ._=-/+");
}

/* A host name, an IPv4 or an IPv6 address. */
int tr_irc_check_host(const char *text, struct tr_error *error)
{
	bool v6 = strchr(text, ':') && made_of(text, ":.");
	ptrdiff_t colon = tr_str_rfind_char(tr_str_from(text), ':');
	if (strlen(text) <= 253 && ((*text && *text != '-' && made_of(text, ".-_")) ||
					   (v6 && strchr(text, ':') != text + colon))) {
		return 0;
	}
	if (colon > 0 && !strstr(text, "//")) {
		return wrong(error, text, "the host only; the port goes into parameters.port");
	}
	return wrong(error, text, "a host name or address, such as irc.example.com");
}

int tr_irc_check_network_id(const char *text, struct tr_error *error)
{
	return *text && made_of(text, "")
		       ? 0
		       : wrong(error, text, "letters and digits only, such as example");
}

int tr_irc_check_mode_letter(const char *text, struct tr_error *error)
{
	return is_letter(text[0]) && !text[1] ? 0
					      : wrong(error, text, "one mode letter, such as o");
}

int tr_irc_check_user_modes(const char *text, struct tr_error *error)
{
	for (const char *p = text; *p; p++) {
		if (!is_letter(*p)) {
			return wrong(error, text, "mode letters, such as Ri, without + and -");
		}
	}
	return 0;
}

int tr_irc_check_icon(const char *text, struct tr_error *error)
{
	return strncmp(text, "mxc://", 6) == 0 ? 0
					       : wrong(error, text, "an mxc:// URL of an image");
}

int tr_irc_check_encoding(const char *text, struct tr_error *error)
{
	struct tr_irc_encoding *encoding = tr_irc_encoding_open(text, NULL);
	bool good = encoding != NULL;
	tr_irc_encoding_close(encoding);
	return good ? 0
		    : wrong(error, text,
			      "an encoding that iconv knows (iconv -l) and that has ASCII in it, such "
			      "as ISO-8859-15");
}
