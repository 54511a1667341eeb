/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: what went wrong (code), what to do about it (class) and a sentence for people (text).
 *
 * A function that can fail returns 0 or a negative tr_error_code and, where it takes one, fills a
 * struct tr_error; on success it leaves it alone. Lanes switch on the class and on nothing else.
 * A NULL error pointer is allowed everywhere and means the caller needs only the code.
 */
#ifndef TRESTLE_BASE_ERROR_H
#define TRESTLE_BASE_ERROR_H

#include <stdarg.h>
#include <stdint.h>

enum tr_error_code {
	TR_E_OK = 0,
	TR_E_INVALID = -1, /* the input is malformed */
	TR_E_TOO_BIG = -2, /* a stated maximum was exceeded */
	TR_E_NOT_FOUND = -3,
	TR_E_EXISTS = -4,
	TR_E_DENIED = -5,  /* the peer or the permissions say no */
	TR_E_AUTH = -6,    /* our credentials are wrong */
	TR_E_NETWORK = -7, /* connect, read or write failed, name not resolved */
	TR_E_TLS = -8,     /* handshake or certificate */
	TR_E_TIMEOUT = -9,
	TR_E_CLOSED = -10, /* the object was closed meanwhile */
	TR_E_CANCELED = -11,
	TR_E_PROTOCOL = -12,    /* the peer broke its protocol */
	TR_E_UNAVAILABLE = -13, /* the peer is there but cannot serve now (5xx, 429) */
	TR_E_STORE = -14,       /* the database failed */
	TR_E_SYSTEM = -15,      /* an operating system call failed */
	TR_E_UNSUPPORTED = -16,
	TR_E_CONFIG = -17,
	TR_E_BUG = -18,
	TR_E_WITHHELD = -19, /* by a setting, not by a failure */
};

enum tr_error_class {
	TR_CLASS_RETRY,       /* transient: the same again later, with backoff */
	TR_CLASS_RETRY_AFTER, /* transient, and the peer said when: retry_after_ms */
	TR_CLASS_PERMANENT,   /* the same again will fail again */
	TR_CLASS_DENIED,      /* no permission: repair once (join, power level), else permanent */
	TR_CLASS_GONE,        /* the target does not exist any more */
	TR_CLASS_BUG,         /* ours; counted, logged loudly, treated as permanent */
};

struct tr_error {
	enum tr_error_code code;
	enum tr_error_class cls;
	uint64_t retry_after_ms; /* with TR_CLASS_RETRY_AFTER only */
	int status;              /* HTTP status or IRC numeric where there is one, else 0 */
	char text[240];          /* NUL-terminated UTF-8 sentence without newline; never a secret */
};

/* Fills *error (if any) with the usual class of `code` and returns `code`. */
int tr_error_set(struct tr_error *error, enum tr_error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with the class said. */
int tr_error_set_class(struct tr_error *error, enum tr_error_code code, enum tr_error_class cls,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Puts "prefix: " before the text on the way up. Returns error->code (or TR_E_BUG for NULL). */
int tr_error_prefix(struct tr_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* TR_E_NETWORK -> TR_CLASS_RETRY and so on; what tr_error_set() uses. */
enum tr_error_class tr_error_usual_class(enum tr_error_code code);
/* Short stable names for logs and metrics labels: "network", "retry". */
const char *tr_error_code_name(enum tr_error_code code);
const char *tr_error_class_name(enum tr_error_class cls);

#endif
