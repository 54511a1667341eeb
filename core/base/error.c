/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in errors and naming their codes and classes. */
#include "core/base/error.h"

#include "core/base/alloc.h"
#include "core/base/str.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum tr_error_class cls;
} codes[] = {
	[-TR_E_OK] = {"ok", TR_CLASS_BUG},
	[-TR_E_INVALID] = {"invalid", TR_CLASS_PERMANENT},
	[-TR_E_TOO_BIG] = {"too_big", TR_CLASS_PERMANENT},
	[-TR_E_NOT_FOUND] = {"not_found", TR_CLASS_PERMANENT},
	[-TR_E_EXISTS] = {"exists", TR_CLASS_PERMANENT},
	[-TR_E_DENIED] = {"denied", TR_CLASS_DENIED},
	/* Nothing works until the administrator mends the credentials, and then everything must
	 * still be there. */
	[-TR_E_AUTH] = {"auth", TR_CLASS_RETRY},
	[-TR_E_NETWORK] = {"network", TR_CLASS_RETRY},
	[-TR_E_TLS] = {"tls", TR_CLASS_RETRY},
	[-TR_E_TIMEOUT] = {"timeout", TR_CLASS_RETRY},
	[-TR_E_CLOSED] = {"closed", TR_CLASS_RETRY},
	[-TR_E_CANCELED] = {"canceled", TR_CLASS_RETRY},
	[-TR_E_PROTOCOL] = {"protocol", TR_CLASS_RETRY},
	[-TR_E_UNAVAILABLE] = {"unavailable", TR_CLASS_RETRY},
	[-TR_E_STORE] = {"store", TR_CLASS_RETRY},
	[-TR_E_SYSTEM] = {"system", TR_CLASS_RETRY},
	[-TR_E_UNSUPPORTED] = {"unsupported", TR_CLASS_PERMANENT},
	[-TR_E_CONFIG] = {"config", TR_CLASS_PERMANENT},
	[-TR_E_BUG] = {"bug", TR_CLASS_BUG},
	[-TR_E_WITHHELD] = {"withheld", TR_CLASS_PERMANENT},
};

static size_t code_index(enum tr_error_code code)
{
	size_t index = (size_t) - (int)code;

	return index < TR_ARRAY_LEN(codes) ? index : (size_t)-TR_E_BUG;
}

/* One line of whole code points that fits: newlines of a peer's words become spaces. */
static void tidy(char *text, size_t cap, int wanted)
{
	size_t len = strlen(text);

	if (wanted >= 0 && (size_t)wanted >= cap) {
		/* snprintf() may have cut inside a code point; look one byte less far to see it. */
		size_t start = len;

		while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
			start--;
		}
		if (start > 0 && (unsigned char)text[start - 1] >= 0xc0 &&
			tr_utf8_length(tr_str_of(text, len), start - 1) == 0) {
			text[start - 1] = '\0';
		}
	}
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			*p = ' ';
		}
	}
}

static int set(struct tr_error *error, enum tr_error_code code, enum tr_error_class cls,
	const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static int set(struct tr_error *error, enum tr_error_code code, enum tr_error_class cls,
	const char *format, va_list args)
{
	char text[sizeof(error->text)];
	int wanted;

	if (!error) {
		return code;
	}
	/* Formatted aside: the arguments may point into the error that is being replaced. */
	wanted = vsnprintf(text, sizeof(text), format, args);
	tidy(text, sizeof(text), wanted);
	memset(error, 0, sizeof(*error));
	error->code = code;
	error->cls = cls;
	memcpy(error->text, text, sizeof(text));
	return code;
}

int tr_error_set(struct tr_error *error, enum tr_error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(error, code, tr_error_usual_class(code), format, args);
	va_end(args);
	return code;
}

int tr_error_set_class(struct tr_error *error, enum tr_error_code code, enum tr_error_class cls,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(error, code, cls, format, args);
	va_end(args);
	return code;
}

int tr_error_prefix(struct tr_error *error, const char *format, ...)
{
	char prefix[sizeof(error->text)];
	char whole[2 * sizeof(error->text) + 2];
	va_list args;

	if (!error) {
		return TR_E_BUG;
	}
	va_start(args, format);
	vsnprintf(prefix, sizeof(prefix), format, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "%s: %s", prefix, error->text);
	tidy(error->text, sizeof(error->text),
		snprintf(
			error->text, sizeof(error->text), "%.*s", (int)sizeof(error->text), whole));
	return error->code;
}

enum tr_error_class tr_error_usual_class(enum tr_error_code code)
{
	return codes[code_index(code)].cls;
}

const char *tr_error_code_name(enum tr_error_code code)
{
	return codes[code_index(code)].name;
}

const char *tr_error_class_name(enum tr_error_class cls)
{
	switch (cls) {
	case TR_CLASS_RETRY:
		return "retry";
	case TR_CLASS_RETRY_AFTER:
		return "retry_after";
	case TR_CLASS_PERMANENT:
		return "permanent";
	case TR_CLASS_DENIED:
		return "denied";
	case TR_CLASS_GONE:
		return "gone";
	case TR_CLASS_BUG:
		break;
	}
	return "bug";
}
