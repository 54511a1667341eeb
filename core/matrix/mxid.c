/* SPDX-License-Identifier: Apache-2.0 */
/* Checking, splitting and escaping identifiers (Matrix specification 1.19, appendix "Identifier
 * grammar"). */
#include "core/matrix/mxid.h"

#include "core/base/encode.h"
#include "core/base/error.h"

enum { SERVER_NAME_MAX = 230 };

static bool ascii_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_of(struct tr_str text, bool (*allowed)(char c))
{
	for (size_t i = 0; i < text.len; i++) {
		if (!allowed(text.ptr[i])) {
			return false;
		}
	}
	return true;
}

static bool host_char(char c)
{
	return ascii_alnum(c) || c == '-' || c == '.';
}

static bool ipv6_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') || c == ':' ||
	       c == '.';
}

static bool digit_char(char c)
{
	return c >= '0' && c <= '9';
}

bool tr_server_name_valid(struct tr_str name)
{
	struct tr_str host = name;
	struct tr_str port = TR_STR("1");
	ptrdiff_t end;

	if (name.len == 0 || name.len > SERVER_NAME_MAX) {
		return false;
	}
	if (name.ptr[0] == '[') {
		end = tr_str_find_char(name, ']');
		if (end < 3 || !all_of(tr_str_slice(name, 1, (size_t)end - 1), ipv6_char)) {
			return false;
		}
		host = tr_str_from_index(name, (size_t)end + 1);
		if (host.len > 0) {
			port = tr_str_from_index(host, 1);
		}
		return (host.len == 0 || host.ptr[0] == ':') && port.len >= 1 && port.len <= 5 &&
		       all_of(port, digit_char);
	}
	end = tr_str_find_char(name, ':');
	if (end >= 0) {
		host = tr_str_slice(name, 0, (size_t)end);
		port = tr_str_from_index(name, (size_t)end + 1);
	}
	return host.len > 0 && all_of(host, host_char) && port.len >= 1 && port.len <= 5 &&
	       all_of(port, digit_char);
}

/* What holds for every identifier. */
static bool plausible(struct tr_str id, char sigil)
{
	return id.len > 1 && id.len <= TR_MXID_MAX && id.ptr[0] == sigil && tr_utf8_valid(id) &&
	       tr_str_find_char(id, '\0') < 0;
}

static bool parse(struct tr_str id, char sigil, struct tr_mxid *parts)
{
	ptrdiff_t colon = tr_str_find_char(id, ':');
	struct tr_str server;

	if (!plausible(id, sigil) || colon < 0) {
		return false;
	}
	server = tr_str_from_index(id, (size_t)colon + 1);
	if (!tr_server_name_valid(server)) {
		return false;
	}
	if (parts) {
		parts->localpart = tr_str_slice(id, 1, (size_t)colon - 1);
		parts->server = server;
	}
	return true;
}

bool tr_user_id_parse(struct tr_str id, struct tr_mxid *parts)
{
	return parse(id, '@', parts);
}

bool tr_alias_parse(struct tr_str alias, struct tr_mxid *parts)
{
	return parse(alias, '#', parts);
}

bool tr_room_id_valid(struct tr_str id)
{
	return plausible(id, '!');
}

bool tr_event_id_valid(struct tr_str id)
{
	return plausible(id, '$');
}

static bool strict_char(char c)
{
	return (c >= 'a' && c <= 'z') || digit_char(c) ||
	       tr_str_find_char(TR_STR("._=-/+"), c) >= 0;
}

bool tr_localpart_is_strict(struct tr_str localpart)
{
	return localpart.len > 0 && all_of(localpart, strict_char);
}

static bool upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static void escape_byte(struct tr_buf *out, char c)
{
	tr_buf_add_char(out, '=');
	tr_hex_encode(out, &c, 1);
}

/* Text stays; ':' and NUL are what no id can have. */
static void escape_nothing(struct tr_buf *out, struct tr_str text)
{
	for (size_t i = 0; i < text.len;) {
		size_t len = tr_utf8_length(text, i);

		if (len == 0 || text.ptr[i] == ':' || text.ptr[i] == '\0') {
			escape_byte(out, text.ptr[i]);
			i++;
		} else {
			tr_buf_add(out, tr_str_slice(text, i, len));
			i += len;
		}
	}
}

int tr_localpart_escape(struct tr_buf *out, struct tr_str text, enum tr_escaping escaping)
{
	if (escaping == TR_ESCAPE_NOTHING) {
		escape_nothing(out, text);
		return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (escaping == TR_ESCAPE_CASE && (upper(c) || c == '_')) {
			tr_buf_add_char(out, '_');
		}
		if (upper(c)) {
			tr_buf_add_char(out, (char)(c + ('a' - 'A')));
		} else if (strict_char(c) && c != '=') {
			tr_buf_add_char(out, c);
		} else {
			escape_byte(out, c);
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

static int unescape(struct tr_buf *out, struct tr_str localpart, enum tr_escaping escaping)
{
	for (size_t i = 0; i < localpart.len; i++) {
		char c = localpart.ptr[i];
		char next = i + 1 < localpart.len ? localpart.ptr[i + 1] : '\0';

		if (c == '=') {
			if (tr_hex_decode(out, tr_str_slice(localpart, i + 1, 2)) != 0 ||
				localpart.len - i < 3) {
				return TR_E_INVALID;
			}
			i += 2;
		} else if (c == '_' && escaping == TR_ESCAPE_CASE) {
			if (next != '_' && !(next >= 'a' && next <= 'z')) {
				return TR_E_INVALID;
			}
			tr_buf_add_char(out, next == '_' ? '_' : (char)(next - ('a' - 'A')));
			i++;
		} else if (!strict_char(c)) {
			return TR_E_INVALID;
		} else {
			tr_buf_add_char(out, c);
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

/* Only the escapes that escape_nothing() writes are read; any other '=' is text. */
static int unescape_nothing(struct tr_buf *out, struct tr_str localpart)
{
	for (size_t i = 0; i < localpart.len; i++) {
		struct tr_str three = tr_str_slice(localpart, i, 3);

		if (tr_str_eq_c(three, "=3a") || tr_str_eq_c(three, "=00")) {
			tr_buf_add_char(out, three.ptr[1] == '3' ? ':' : '\0');
			i += 2;
		} else {
			tr_buf_add_char(out, localpart.ptr[i]);
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

int tr_localpart_unescape(struct tr_buf *out, struct tr_str localpart, enum tr_escaping escaping)
{
	size_t start = out->len;
	int rc;

	if (escaping == TR_ESCAPE_NOTHING) {
		rc = unescape_nothing(out, localpart);
	} else {
		rc = unescape(out, localpart, escaping);
	}
	if (rc != 0) {
		tr_buf_truncate(out, start);
	}
	return rc;
}
