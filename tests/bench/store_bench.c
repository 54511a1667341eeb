/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_bench URL: how many batches a second the database takes, and what one costs in time of this
 * process, with 1, 16 and 256 in flight and for two kinds of batch. Tables named bench_* are made
 * and dropped. Figures of the server behind PostgreSQL are not part of the CPU.
 */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BODY = 1200, SAMPLES_MAX = 100000 };

static const char schema[] =
	"CREATE TABLE bench_small(n {BIGINT}, t {TEXT});"
	"CREATE TABLE bench_event(seq {SERIAL}, event_id {TEXT} NOT NULL UNIQUE, room_id {TEXT}, "
	"lane {TEXT}, ts {BIGINT}, state {BIGINT} NOT NULL, body {TEXT});"
	"CREATE INDEX bench_event_open ON bench_event(lane, seq) WHERE state < 2";

static const struct tr_db_statement insert_small = {"INSERT INTO bench_small(n, t) VALUES($1, $2)"};
static const struct tr_db_statement insert_event = {
	"INSERT INTO bench_event(event_id, room_id, lane, ts, state, body) "
	"VALUES($1, $2, $3, $4, 0, $5) ON CONFLICT(event_id) DO NOTHING"};

struct kind {
	const char *name;
	size_t inserts;
	bool event;
};

static const struct kind kinds[] = {
	{"1 small row", 1, false},
	{"1 event row", 1, true},
	{"10 event rows", 10, true},
};

struct bench {
	struct tr_db *db;
	const struct kind *kind;
	uint64_t end_us;
	size_t done;
	uint64_t *started; /* of each in flight, by submission */
	uint32_t *samples; /* microseconds */
	size_t submitted;
};

static int64_t next_id;
static char body[BODY];

static void submit(struct bench *bench);

static void on_done(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct bench *bench = arg;
	uint64_t now = tr_clock_mono_us();

	(void)result;
	if (error) {
		fprintf(stderr, "store_bench: %s\n", error->text);
		exit(1);
	}
	if (bench->done < SAMPLES_MAX) {
		bench->samples[bench->done] = (uint32_t)(now - bench->started[bench->done]);
	}
	bench->done++;
	if (now < bench->end_us) {
		submit(bench);
	}
}

static void submit(struct bench *bench)
{
	struct tr_db_batch *batch = tr_db_batch_create(bench->db);
	char id[64];
	size_t i;

	for (i = 0; i < bench->kind->inserts; i++) {
		next_id++;
		if (bench->kind->event) {
			snprintf(id, sizeof(id), "$%016llx-event-of-the-bench-x",
				(unsigned long long)next_id * 0x9E3779B97F4A7C15ULL);
			TR_DB_ADD(batch, &insert_event, TR_DB_TC(id),
				TR_DB_TC("!MLdeIFVsWCgrPkcYkL:example.com"), TR_DB_TC("#welcome"),
				TR_DB_N(next_id), TR_DB_T(tr_str_of(body, sizeof(body))));
		} else {
			TR_DB_ADD(batch, &insert_small, TR_DB_N(next_id),
				TR_DB_TC("a short text, as a mapping has it"));
		}
	}
	if (bench->submitted < SAMPLES_MAX) {
		bench->started[bench->submitted] = tr_clock_mono_us();
	}
	bench->submitted++;
	tr_db_submit_take(batch, on_done, bench);
}

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void run(struct tr_loop *loop, struct tr_db *db, const struct kind *kind, size_t in_flight)
{
	struct bench bench = {.db = db, .kind = kind};
	uint64_t start = tr_clock_mono_us();
	double cpu = cpu_us();
	size_t samples;
	double seconds;
	size_t i;

	bench.started = tr_alloc_array(SAMPLES_MAX, sizeof(*bench.started));
	bench.samples = tr_alloc_array(SAMPLES_MAX, sizeof(*bench.samples));
	bench.end_us = start + 2000000;
	for (i = 0; i < in_flight; i++) {
		submit(&bench);
	}
	while (tr_db_pending(db) > 0) {
		tr_loop_turn(loop, true);
	}
	seconds = (double)(tr_clock_mono_us() - start) / 1e6;
	cpu = cpu_us() - cpu;
	samples = bench.done < SAMPLES_MAX ? bench.done : SAMPLES_MAX;
	qsort(bench.samples, samples, sizeof(*bench.samples), compare);
	printf("%-14s %4zu in flight  %8.0f batches/s  %7.1f us CPU/batch  p50 %6u us  p99 %6u us\n",
		kind->name, in_flight, (double)bench.done / seconds, cpu / (double)bench.done,
		bench.samples[samples / 2], bench.samples[samples * 99 / 100]);
	tr_free(bench.started);
	tr_free(bench.samples);
}

static void run_script(struct tr_loop *loop, struct tr_db *db, const char *script)
{
	struct tr_db_batch *batch = tr_db_batch_create(db);

	tr_db_batch_add_script(batch, script);
	tr_db_submit_take(batch, NULL, NULL);
	while (tr_db_pending(db) > 0) {
		tr_loop_turn(loop, true);
	}
}

int main(int argc, char **argv)
{
	static const size_t depths[] = {1, 16, 256};
	struct tr_loop *loop = tr_loop_create();
	struct tr_db_options options = {.url = argc == 2 ? argv[1] : "sqlite:store_bench.db"};
	struct tr_error error;
	struct tr_db *db = tr_db_open(loop, &options, &error);
	size_t i;
	size_t j;

	if (!db) {
		fprintf(stderr, "store_bench: %s\n", error.text);
		return 1;
	}
	memset(body, 'b', sizeof(body));
	run_script(loop, db, schema);
	for (i = 0; i < TR_ARRAY_LEN(kinds); i++) {
		for (j = 0; j < TR_ARRAY_LEN(depths); j++) {
			run(loop, db, &kinds[i], depths[j]);
		}
	}
	run_script(loop, db, "DROP TABLE bench_small; DROP TABLE bench_event");
	tr_db_close(db);
	tr_loop_destroy(loop);
	return 0;
}
