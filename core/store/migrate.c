/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the tables of a component up to date, one step a transaction, the step and its version
 * together. What the tables are is the component's business.
 */
#include "core/store/migrate.h"

#include "core/base/alloc.h"
#include "core/base/log.h"

static const char schema_sql[] = "CREATE TABLE IF NOT EXISTS trestle_schema("
				 "component {TEXT} PRIMARY KEY, version {BIGINT} NOT NULL)";

static const struct tr_db_statement read_version = {
	"SELECT version FROM trestle_schema WHERE component = $1"};
static const struct tr_db_statement write_version = {
	"INSERT INTO trestle_schema(component, version) VALUES($1, $2) "
	"ON CONFLICT(component) DO UPDATE SET version = excluded.version"};

struct run {
	struct tr_db *db;
	const char *component;
	const struct tr_migration *migrations;
	size_t count;
	tr_migrate_callback *callback;
	void *arg;
	size_t version;             /* of the database, as far as known */
	size_t index;               /* of read_version in its batch */
	struct tr_error step_error; /* of the step from `version` to the next, if it failed */
	bool step_failed;
};

static void read_current(struct run *run);

static void finish(struct run *run, const struct tr_error *error)
{
	run->callback(run->arg, error);
	tr_free(run);
}

static void on_step(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct run *run = arg;

	(void)result;
	/* When the connection was lost in the middle of the commit the step may have been run
	 * twice, and fails because it is there already. The version tells. */
	run->step_failed = error != NULL;
	if (error) {
		run->step_error = *error;
	} else {
		tr_log_info("store", "schema of %s: version %zu", run->component, run->version + 1);
	}
	read_current(run);
}

static void run_step(struct run *run)
{
	const struct tr_migration *step = &run->migrations[run->version];
	struct tr_db_batch *batch = tr_db_batch_create(run->db);

	tr_db_batch_add_script(batch, step->sql);
	TR_DB_ADD(batch, &write_version, TR_DB_TC(run->component), TR_DB_N(step->version));
	tr_db_submit_take(batch, on_step, run);
}

static void refuse_newer(struct run *run, int64_t version)
{
	struct tr_error error;

	tr_error_set_class(&error, TR_E_UNSUPPORTED, TR_CLASS_PERMANENT,
		"the database has version %lld of the schema of %s, this program knows versions up "
		"to %zu: use the newer program that made it, or restore a backup",
		(long long)version, run->component, run->count);
	finish(run, &error);
}

static void on_current(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct run *run = arg;
	size_t before = run->version;
	int64_t version;

	if (error) {
		finish(run, run->step_failed ? &run->step_error : error);
		return;
	}
	version = tr_db_rows(result, run->index) > 0 ? tr_db_int(result, run->index, 0, 0) : 0;
	if (version < 0 || (uint64_t)version > run->count) {
		refuse_newer(run, version);
		return;
	}
	run->version = (size_t)version;
	if (run->step_failed && run->version <= before) {
		tr_error_prefix(&run->step_error, "schema of %s, step to version %zu",
			run->component, before + 1);
		finish(run, &run->step_error);
	} else if (run->version == run->count) {
		finish(run, NULL);
	} else {
		run_step(run);
	}
}

static void read_current(struct run *run)
{
	struct tr_db_batch *batch = tr_db_batch_create(run->db);

	tr_db_batch_add_script(batch, schema_sql);
	run->index = TR_DB_ADD(batch, &read_version, TR_DB_TC(run->component));
	tr_db_submit_take(batch, on_current, run);
}

void tr_migrate(struct tr_db *db, const char *component, const struct tr_migration *migrations,
	size_t count, tr_migrate_callback *callback, void *arg)
{
	struct run *run = tr_alloc(sizeof(*run));
	size_t i;

	for (i = 0; i < count; i++) {
		TR_ASSERT(migrations[i].version == (int)i + 1);
	}
	run->db = db;
	run->component = component;
	run->migrations = migrations;
	run->count = count;
	run->callback = callback;
	run->arg = arg;
	read_current(run);
}
