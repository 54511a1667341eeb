/* SPDX-License-Identifier: Apache-2.0 */
/* Reads 005 with bounds; folds names and pairs modes by what it says. */
#include "bridges/irc/isupport.h"

#include "core/base/alloc.h"

#include <stddef.h>
#include <string.h>

enum { VALUE_MAX = 512, UNLIMITED = 1000000 };

static void copy_text(char *out, size_t size, struct tr_str text)
{
	if (text.len < size) {
		memcpy(out, text.ptr ? text.ptr : "", text.len);
		out[text.len] = '\0';
	}
}

void tr_irc_isupport_init(struct tr_irc_isupport *isupport)
{
	memset(isupport, 0, sizeof(*isupport));
	isupport->casemapping = TR_IRC_CASE_RFC1459;
	isupport->nick_len = 9;
	isupport->channel_len = 200;
	isupport->line_len = TR_IRC_LINE_BYTES;
	isupport->modes = 3;
	copy_text(isupport->chan_types, sizeof(isupport->chan_types), TR_STR("#&"));
	copy_text(isupport->prefix_modes, sizeof(isupport->prefix_modes), TR_STR("ov"));
	copy_text(isupport->prefix_symbols, sizeof(isupport->prefix_symbols), TR_STR("@+"));
	copy_text(isupport->chan_modes[0], sizeof(isupport->chan_modes[0]), TR_STR("beI"));
	copy_text(isupport->chan_modes[1], sizeof(isupport->chan_modes[1]), TR_STR("k"));
	copy_text(isupport->chan_modes[2], sizeof(isupport->chan_modes[2]), TR_STR("l"));
}

/* A number within sane bounds, else *out stays. */
static void take_number(struct tr_str value, unsigned min, unsigned max, unsigned *out)
{
	uint64_t number;
	if (tr_str_to_u64(value, &number) && number >= min && number <= max) {
		*out = (unsigned)number;
	}
}

static void take_casemapping(struct tr_irc_isupport *isupport, struct tr_str value)
{
	if (tr_str_eq_nocase(value, TR_STR("ascii"))) {
		isupport->casemapping = TR_IRC_CASE_ASCII;
	} else if (tr_str_eq_nocase(value, TR_STR("rfc1459-strict")) ||
		   tr_str_eq_nocase(value, TR_STR("strict-rfc1459"))) {
		isupport->casemapping = TR_IRC_CASE_RFC1459_STRICT;
	} else if (tr_str_eq_nocase(value, TR_STR("rfc1459"))) {
		isupport->casemapping = TR_IRC_CASE_RFC1459;
	} else if (!tr_str_empty(value)) {
		isupport->casemapping = TR_IRC_CASE_ASCII; /* rfc7613 and the like */
	}
}

static bool is_alpha(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Modes are letters. */
static bool all_modes(struct tr_str modes)
{
	for (size_t i = 0; i < modes.len; i++) {
		if (!is_alpha(modes.ptr[i])) {
			return false;
		}
	}
	return true;
}

/* Signs before names: never what a nick may begin with, or nicks would be taken for something else.
 */
static bool all_signs(struct tr_str signs)
{
	for (size_t i = 0; i < signs.len; i++) {
		char byte = signs.ptr[i];
		if (byte <= ' ' || byte >= 0x7f || is_alpha(byte) || (byte >= '0' && byte <= '9') ||
			strchr(":,[]\\`_^{|}-", byte) != NULL) {
			return false;
		}
	}
	return true;
}

/* "(ov)@+"; nothing = there are no such modes. */
static void take_prefix(struct tr_irc_isupport *isupport, struct tr_str value)
{
	if (tr_str_empty(value)) {
		isupport->prefix_modes[0] = isupport->prefix_symbols[0] = '\0';
		return;
	}
	ptrdiff_t close = tr_str_find_char(value, ')');
	if (close < 1 || value.ptr[0] != '(') {
		return;
	}
	struct tr_str modes = tr_str_slice(value, 1, (size_t)close - 1);
	struct tr_str symbols = tr_str_from_index(value, (size_t)close + 1);
	if (modes.len == symbols.len && modes.len < sizeof(isupport->prefix_modes) &&
		all_modes(modes) && all_signs(symbols)) {
		copy_text(isupport->prefix_modes, sizeof(isupport->prefix_modes), modes);
		copy_text(isupport->prefix_symbols, sizeof(isupport->prefix_symbols), symbols);
	}
}

static void take_chanmodes(struct tr_irc_isupport *isupport, struct tr_str value)
{
	struct tr_str kind;
	for (size_t i = 0; i < 4 && tr_str_split(&value, ',', &kind); i++) {
		if (!all_modes(kind)) {
			continue;
		}
		copy_text(isupport->chan_modes[i], sizeof(isupport->chan_modes[i]), kind);
	}
}

/* "PRIVMSG:4,NOTICE:4,JOIN:" */
static void take_targmax(struct tr_irc_isupport *isupport, struct tr_str value)
{
	struct tr_str entry;
	while (tr_str_split(&value, ',', &entry)) {
		ptrdiff_t colon = tr_str_find_char(entry, ':');
		if (colon < 0) {
			continue;
		}
		struct tr_str command = tr_str_slice(entry, 0, (size_t)colon);
		struct tr_str count = tr_str_from_index(entry, (size_t)colon + 1);
		if (tr_str_eq_nocase(command, TR_STR("PRIVMSG"))) {
			take_number(count, 1, 1000, &isupport->targ_max_privmsg);
		} else if (tr_str_eq_nocase(command, TR_STR("JOIN"))) {
			take_number(count, 1, 1000, &isupport->targ_max_join);
		}
	}
}

/* EXCEPTS and INVEX: a letter, or nothing for the usual one. */
static void take_mode(struct tr_str value, char usual, char *out)
{
	if (tr_str_empty(value)) {
		*out = usual;
	} else if (value.len == 1 && is_alpha(value.ptr[0])) {
		*out = value.ptr[0];
	}
}

#define FIELD(member) \
 offsetof(struct tr_irc_isupport, member), sizeof(((struct tr_irc_isupport *)0)->member)

/* Tokens that are numbers, with what is believed of them. */
static const struct {
	const char *key;
	size_t offset, size;
	unsigned min, max;
} numbers[] = {
	{"NICKLEN", FIELD(nick_len), 1, 512},
	{"MAXNICKLEN", FIELD(nick_len), 1, 512},
	{"CHANNELLEN", FIELD(channel_len), 1, 512},
	{"TOPICLEN", FIELD(topic_len), 1, 8192},
	{"KICKLEN", FIELD(kick_len), 1, 8192},
	{"AWAYLEN", FIELD(away_len), 1, 8192},
	{"LINELEN", FIELD(line_len), TR_IRC_LINE_BYTES, 65536},
	{"MODES", FIELD(modes), 1, TR_IRC_PARAMS_MAX},
	{"MAXTARGETS", FIELD(targ_max_privmsg), 1, 1000},
	{"CHATHISTORY", FIELD(chathistory_max), 1, 100000},
	{"draft/CHATHISTORY", FIELD(chathistory_max), 1, 100000},
	{"MONITOR", FIELD(monitor_max), 1, UNLIMITED},
	{"WATCH", FIELD(watch_max), 1, UNLIMITED},
};

/* The others. */
static const struct {
	const char *key;
	size_t offset, size;
} texts[] = {
	{"CASEMAPPING", FIELD(casemapping)},
	{"PREFIX", FIELD(prefix_modes)},
	{"PREFIX", FIELD(prefix_symbols)},
	{"CHANMODES", FIELD(chan_modes)},
	{"CHANTYPES", FIELD(chan_types)},
	{"STATUSMSG", FIELD(status_msg)},
	{"NETWORK", FIELD(network)},
	{"TARGMAX", FIELD(targ_max_privmsg)},
	{"TARGMAX", FIELD(targ_max_join)},
	{"EXCEPTS", FIELD(except_mode)},
	{"INVEX", FIELD(invex_mode)},
	{"DEAF", FIELD(deaf_mode)},
	{"UTF8ONLY", FIELD(utf8_only)},
	{"MSGREFTYPES", FIELD(history_by_time_only)},
};

static void reset(struct tr_irc_isupport *isupport, const struct tr_irc_isupport *defaults,
	size_t offset, size_t size)
{
	memcpy((char *)isupport + offset, (const char *)defaults + offset, size);
}

/* "-TOKEN": it holds no longer. */
static void take_back(struct tr_irc_isupport *isupport, struct tr_str key)
{
	struct tr_irc_isupport defaults;
	tr_irc_isupport_init(&defaults);
	for (size_t i = 0; i < TR_ARRAY_LEN(numbers); i++) {
		if (tr_str_eq_nocase(key, tr_str_from(numbers[i].key))) {
			reset(isupport, &defaults, numbers[i].offset, numbers[i].size);
		}
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(texts); i++) {
		if (tr_str_eq_nocase(key, tr_str_from(texts[i].key))) {
			reset(isupport, &defaults, texts[i].offset, texts[i].size);
		}
	}
}

/* Of a list with commas. */
static bool has_item(struct tr_str list, struct tr_str wanted)
{
	struct tr_str item;
	while (tr_str_split(&list, ',', &item)) {
		if (tr_str_eq_nocase(item, wanted)) {
			return true;
		}
	}
	return false;
}

static void take_text(struct tr_irc_isupport *isupport, struct tr_str key, struct tr_str value)
{
	if (tr_str_eq_nocase(key, TR_STR("CASEMAPPING"))) {
		take_casemapping(isupport, value);
	} else if (tr_str_eq_nocase(key, TR_STR("PREFIX"))) {
		take_prefix(isupport, value);
	} else if (tr_str_eq_nocase(key, TR_STR("CHANMODES"))) {
		take_chanmodes(isupport, value);
	} else if (tr_str_eq_nocase(key, TR_STR("CHANTYPES")) && !tr_str_empty(value) &&
		   all_signs(value)) {
		copy_text(isupport->chan_types, sizeof(isupport->chan_types), value);
	} else if (tr_str_eq_nocase(key, TR_STR("STATUSMSG")) && all_signs(value)) {
		copy_text(isupport->status_msg, sizeof(isupport->status_msg), value);
	} else if (tr_str_eq_nocase(key, TR_STR("NETWORK")) && tr_utf8_valid(value)) {
		copy_text(isupport->network, sizeof(isupport->network), value);
	} else if (tr_str_eq_nocase(key, TR_STR("TARGMAX"))) {
		take_targmax(isupport, value);
	} else if (tr_str_eq_nocase(key, TR_STR("EXCEPTS"))) {
		take_mode(value, 'e', &isupport->except_mode);
	} else if (tr_str_eq_nocase(key, TR_STR("INVEX"))) {
		take_mode(value, 'I', &isupport->invex_mode);
	} else if (tr_str_eq_nocase(key, TR_STR("DEAF"))) {
		take_mode(value, 'D', &isupport->deaf_mode);
	} else if (tr_str_eq_nocase(key, TR_STR("UTF8ONLY"))) {
		isupport->utf8_only = true;
	} else if (tr_str_eq_nocase(key, TR_STR("MSGREFTYPES"))) {
		isupport->history_by_time_only =
			has_item(value, TR_STR("timestamp")) && !has_item(value, TR_STR("msgid"));
	}
}

static void take_token(struct tr_irc_isupport *isupport, struct tr_str key, struct tr_str value)
{
	for (size_t i = 0; i < TR_ARRAY_LEN(numbers); i++) {
		if (tr_str_eq_nocase(key, tr_str_from(numbers[i].key))) {
			unsigned number;
			memcpy(&number, (char *)isupport + numbers[i].offset, sizeof(number));
			take_number(value, numbers[i].min, numbers[i].max, &number);
			bool all =
				tr_str_empty(value) &&
				numbers[i].offset == offsetof(struct tr_irc_isupport, monitor_max);
			number = all ? UNLIMITED : number; /* MONITOR without a number */
			memcpy((char *)isupport + numbers[i].offset, &number, sizeof(number));
			return;
		}
	}
	take_text(isupport, key, value);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* "\x20" and the like as bytes. false: longer than any value that is used, or not text. */
static bool unescape(struct tr_str value, char *out, size_t size, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < value.len; i++) {
		int byte = (unsigned char)value.ptr[i];
		if (byte == '\\' && i + 3 < value.len && value.ptr[i + 1] == 'x' &&
			hex_digit(value.ptr[i + 2]) >= 0 && hex_digit(value.ptr[i + 3]) >= 0) {
			byte = hex_digit(value.ptr[i + 2]) * 16 + hex_digit(value.ptr[i + 3]);
			i += 3;
		}
		if (byte < ' ' || *len == size) {
			return false;
		}
		out[(*len)++] = (char)byte;
	}
	return true;
}

/* "004 nick server version usermodes ..". InspIRCd with its module deaf and UnrealIRCd have the
 * mode and no DEAF in 005; with others a d means this and that. */
void tr_irc_isupport_take_version(struct tr_irc_isupport *isupport, const struct tr_irc_line *line)
{
	struct tr_str version = tr_irc_param(line, 2);
	bool known = tr_str_starts(version, TR_STR("InspIRCd")) ||
		     tr_str_starts(version, TR_STR("Unreal"));
	if (known && line->param_count > 4 && tr_str_find_char(tr_irc_param(line, 3), 'd') >= 0) {
		isupport->deaf_mode = 'd';
	}
}

void tr_irc_isupport_take(struct tr_irc_isupport *isupport, const struct tr_irc_line *line)
{
	char text[VALUE_MAX];
	size_t len;
	/* The first parameter is our nick, the last "are supported by this server". */
	for (size_t i = 1; i + 1 < line->param_count; i++) {
		struct tr_str token = line->params[i];
		ptrdiff_t equals = tr_str_find_char(token, '=');
		struct tr_str key = equals < 0 ? token : tr_str_slice(token, 0, (size_t)equals);
		struct tr_str value = equals < 0 ? (struct tr_str){NULL, 0}
						 : tr_str_from_index(token, (size_t)equals + 1);
		if (tr_str_starts(key, TR_STR("-"))) {
			take_back(isupport, tr_str_from_index(key, 1));
		} else if (unescape(value, text, sizeof(text), &len)) {
			take_token(isupport, key, tr_str_of(text, len));
		}
	}
}

static char fold_byte(enum tr_irc_casemapping mapping, char byte)
{
	if (byte >= 'A' && byte <= 'Z') {
		return (char)(byte + ('a' - 'A'));
	}
	if (mapping == TR_IRC_CASE_ASCII) {
		return byte;
	}
	switch (byte) {
	case '[':
		return '{';
	case ']':
		return '}';
	case '\\':
		return '|';
	case '^':
	case '~':
		return mapping == TR_IRC_CASE_RFC1459 ? '~' : byte;
	default:
		return byte;
	}
}

int tr_irc_fold(const struct tr_irc_isupport *isupport, struct tr_str name, struct tr_buf *out)
{
	for (size_t i = 0; i < name.len; i++) {
		tr_buf_add_char(out, fold_byte(isupport->casemapping, name.ptr[i]));
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

bool tr_irc_same(const struct tr_irc_isupport *isupport, struct tr_str a, struct tr_str b)
{
	if (a.len != b.len) {
		return false;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (fold_byte(isupport->casemapping, a.ptr[i]) !=
			fold_byte(isupport->casemapping, b.ptr[i])) {
			return false;
		}
	}
	return true;
}

/* NEL, NBSP and the spaces and line ends of Unicode: no separators on IRC, but for everybody who
 * looks at the name. */
static bool has_wide_space(struct tr_str name)
{
	size_t i = 0;
	while (i < name.len) {
		uint32_t c = tr_utf8_next(name, &i);
		if ((c >= 0x80 && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) ||
			c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 ||
			c == 0xfeff) {
			return true;
		}
	}
	return false;
}

bool tr_irc_is_channel(const struct tr_irc_isupport *isupport, struct tr_str name)
{
	if (name.len < 2 || name.len > isupport->channel_len || name.ptr[0] == '\0' ||
		strchr(isupport->chan_types, name.ptr[0]) == NULL) {
		return false;
	}
	for (size_t i = 1; i < name.len; i++) {
		unsigned char byte = (unsigned char)name.ptr[i];
		if (byte <= 0x20 || byte == ',' || byte == ':' || byte == 0x7f) {
			return false;
		}
	}
	return !has_wide_space(name);
}

struct tr_str tr_irc_strip_prefix(const struct tr_irc_isupport *isupport, struct tr_str name)
{
	while (name.len > 0 && name.ptr[0] != '\0' &&
		strchr(isupport->prefix_symbols, name.ptr[0]) != NULL) {
		name = tr_str_from_index(name, 1);
	}
	return name;
}

static bool in_set(const char *set, char mode)
{
	return mode != '\0' && strchr(set, mode) != NULL;
}

/* Lists and keys always take an argument, limits only when set, prefixes always. */
static bool takes_argument(const struct tr_irc_isupport *isupport, char mode, bool add)
{
	return in_set(isupport->prefix_modes, mode) || in_set(isupport->chan_modes[0], mode) ||
	       in_set(isupport->chan_modes[1], mode) ||
	       (add && in_set(isupport->chan_modes[2], mode));
}

size_t tr_irc_modes_parse(const struct tr_irc_isupport *isupport, const struct tr_str *params,
	size_t count, struct tr_irc_mode_change *changes, size_t max)
{
	if (count == 0) {
		return 0;
	}
	size_t next = 1;
	size_t written = 0;
	bool add = true;
	for (size_t i = 0; i < params[0].len && written < max; i++) {
		char mode = params[0].ptr[i];
		if (mode == '+' || mode == '-') {
			add = mode == '+';
			continue;
		}
		struct tr_irc_mode_change *change = &changes[written++];
		*change = (struct tr_irc_mode_change){add, mode, {NULL, 0}};
		if (takes_argument(isupport, mode, add) && next < count) {
			change->argument = params[next++];
		}
	}
	return written;
}

int tr_irc_fold_stable(struct tr_str name, struct tr_buf *out)
{
	for (size_t i = 0; i < name.len; i++) {
		tr_buf_add_char(out, fold_byte(TR_IRC_CASE_ASCII, name.ptr[i]));
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}
