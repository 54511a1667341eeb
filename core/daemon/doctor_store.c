/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of --doctor about the store: is it there, can it be opened and read, does this program
 * know its tables. Nothing is created and nothing migrated.
 */
#include "core/daemon/doctor_internal.h"

#include "core/base/alloc.h"
#include "core/bridge/schema.h"
#include "core/delivery/schema.h"
#include "core/store/db.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct tr_db_statement read_versions = {
	"SELECT component, version FROM trestle_schema ORDER BY component"};

struct reading {
	const struct tr_doctor_bridge *bridge;
	bool done;
};

static const char *mend_path = "write the right path under database, or give the daemon's user "
			       "the right to write there";

/* A file that is not there yet: can it be made? */
static void check_folder(const struct tr_doctor_bridge *bridge, const char *path)
{
	struct tr_doctor *doctor = bridge->doctor;
	const char *slash = strrchr(path, '/');
	char *folder = slash && slash != path ? tr_strndup(path, (size_t)(slash - path))
					      : tr_strdup(slash ? "/" : ".");
	if (access(folder, W_OK | X_OK) == 0) {
		tr_doctor_good(doctor,
			"the store %s is not there yet and will be made at the "
			"first start",
			path);
	} else {
		tr_doctor_bad(
			doctor, "the store cannot be made in %s: %s", folder, strerror(errno));
		tr_doctor_mend(doctor, "%s", mend_path);
	}
	tr_free(folder);
}

/* true = the check is over. */
static bool check_file(const struct tr_doctor_bridge *bridge)
{
	struct tr_str url = tr_str_from(bridge->options.database);
	struct stat info;
	if (!tr_str_starts(url, TR_STR("sqlite:"))) {
		return false;
	}
	const char *path = bridge->options.database + strlen("sqlite:");
	if (strcmp(path, ":memory:") == 0) {
		tr_doctor_bad(bridge->doctor,
			"the store is in memory: what is on its way is lost when the daemon ends");
		tr_doctor_mend(bridge->doctor, "write database: \"sqlite:trestle.db\"");
		return true;
	}
	if (stat(path, &info) != 0 && errno == ENOENT) {
		check_folder(bridge, path);
		return true;
	}
	return false;
}

/* The newest version this program knows of these tables; 0 = it cannot tell. */
static size_t known_version(const struct tr_protocol *protocol, struct tr_str component)
{
	if (tr_str_eq_c(component, "delivery")) {
		return tr_delivery_migration_count;
	}
	if (tr_str_eq_c(component, "bridge")) {
		return tr_bridge_migration_count;
	}
	return tr_str_eq_c(component, protocol->id) ? protocol->migration_count : 0;
}

static void say_versions(const struct tr_doctor_bridge *bridge, const struct tr_db_result *result)
{
	struct tr_doctor *doctor = bridge->doctor;
	struct tr_buf list = TR_BUF_INIT(TR_DOCTOR_TEXT_MAX);
	bool newer = false;
	for (size_t i = 0; i < tr_db_rows(result, 0); i++) {
		struct tr_str component = tr_db_text(result, 0, i, 0);
		long long version = tr_db_int(result, 0, i, 1);
		size_t known = known_version(bridge->options.protocol, component);
		if (known > 0 && version > (long long)known) {
			newer = true;
			tr_doctor_bad(doctor,
				"the store's tables of %.*s are of version %lld, and this program "
				"knows them up to %zu",
				TR_STR_ARG(component), version, known);
			tr_doctor_mend(doctor,
				"use the newer program that made them, or restore a backup");
		}
		tr_buf_addf(
			&list, "%s%.*s %lld", list.len ? ", " : "", TR_STR_ARG(component), version);
	}
	if (!newer) {
		tr_doctor_good(doctor, "the store can be opened (versions of its tables: %s)",
			list.len ? tr_buf_c(&list) : "none yet");
	}
	tr_buf_finish(&list);
}

static void on_versions(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct reading *reading = arg;
	reading->done = true;
	if (reading->bridge == NULL) {
		return; /* given up on */
	}
	struct tr_doctor *doctor = reading->bridge->doctor;
	if (error == NULL) {
		say_versions(reading->bridge, result);
	} else if (tr_str_find(tr_str_from(error->text), TR_STR("trestle_schema")) >= 0) {
		tr_doctor_good(doctor, "the store can be opened and is still empty");
	} else {
		tr_doctor_bad(doctor, "the store cannot be read: %s", error->text);
		tr_doctor_mend(doctor, "restore a backup, or name another store under database");
	}
}

static void say_cannot_open(const struct tr_doctor_bridge *bridge, const struct tr_error *error)
{
	struct tr_doctor *doctor = bridge->doctor;
	if (error->code == TR_E_EXISTS && doctor->daemon_runs) {
		tr_doctor_good(doctor, "the store is in use by the running daemon");
		return;
	}
	tr_doctor_bad(doctor, "the store cannot be opened: %s", error->text);
	if (error->code == TR_E_EXISTS) {
		tr_doctor_mend(doctor, "end the other process, or give this bridge a store of its "
				       "own under database");
	} else {
		tr_doctor_mend(doctor, "%s", mend_path);
	}
}

/* The log's own line begins with time and level. */
static const char *last_reason(const struct tr_doctor *doctor)
{
	const char *found =
		doctor->last_warning ? strstr(doctor->last_warning, "PostgreSQL ") : NULL;
	return found ? found : "no answer";
}

void tr_doctor_check_store(const struct tr_doctor_bridge *bridge)
{
	struct tr_doctor *doctor = bridge->doctor;
	struct tr_error error;
	struct reading reading = {bridge, false};
	if (check_file(bridge)) {
		return;
	}
	const struct tr_db_options options = {.url = bridge->options.database, .unlocked = true};
	struct tr_db *db = tr_db_open(doctor->loop, &options, &error);
	if (db == NULL) {
		say_cannot_open(bridge, &error);
		return;
	}
	struct tr_db_batch *batch = tr_db_batch_create(db);
	tr_db_batch_add(batch, &read_versions, NULL, 0);
	tr_db_submit_take(batch, on_versions, &reading);
	if (!tr_doctor_wait(doctor, &reading.done)) {
		/* The callback that comes from closing has nothing to add. */
		tr_doctor_bad(
			doctor, "the store does not answer within 15 s: %s", last_reason(doctor));
		tr_doctor_mend(doctor,
			"start PostgreSQL, or correct database (or the postgres_ keys): host, port, "
			"user, password and name");
		reading.bridge = NULL;
	}
	tr_db_close(db);
}
