/* SPDX-License-Identifier: Apache-2.0 */
/* The figures: exact text of the exposition, escaping, histograms, the cap on series, collectors.
 */
#include "core/base/error.h"
#include "core/io/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = tr_metrics_create();
	return 0;
}

static int teardown(void **state)
{
	tr_metrics_destroy(*state);
	return 0;
}

static void assert_printed(struct tr_metrics *metrics, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(1 << 20);

	assert_int_equal(tr_metrics_print(metrics, &out), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void counters_and_gauges_are_printed_in_order_of_creation(void **state)
{
	struct tr_metrics *metrics = *state;
	struct tr_metric *sent;

	sent = tr_metrics_get(metrics, TR_METRIC_COUNTER, "sent_total", "", "Messages\nsent.");
	tr_metric_add(sent, 2);
	tr_metric_add(sent, 1);
	tr_metric_set(
		tr_metrics_get(metrics, TR_METRIC_GAUGE, "depth", "lane=\"a\"", "Depth."), 0.1);
	tr_metric_add(tr_metrics_get(metrics, TR_METRIC_GAUGE, "depth", "lane=\"b\"", NULL), -7);
	assert_printed(metrics,
		"# HELP sent_total Messages\\nsent.\n# TYPE sent_total counter\nsent_total 3\n"
		"# HELP depth Depth.\n# TYPE depth gauge\n"
		"depth{lane=\"a\"} 0.1\ndepth{lane=\"b\"} -7\n");
}

static void the_same_name_and_labels_are_the_same_series(void **state)
{
	struct tr_metrics *metrics = *state;
	struct tr_metric *one = tr_metrics_get(metrics, TR_METRIC_COUNTER, "n", "a=\"1\"", "N");

	assert_ptr_equal(one, tr_metrics_get(metrics, TR_METRIC_COUNTER, "n", "a=\"1\"", NULL));
	assert_ptr_not_equal(one, tr_metrics_get(metrics, TR_METRIC_COUNTER, "n", "a=\"2\"", NULL));
	tr_metric_add(one, 4);
	assert_true(tr_metric_value(one) == 4);
}

static void label_values_are_escaped_and_mended(void **state)
{
	struct tr_buf labels = TR_BUF_INIT(1000);

	(void)state;
	tr_metrics_label(&labels, "a", TR_STR("q\"b\\n\nz"));
	tr_metrics_label(&labels, "b", tr_str_of("x\xff\0y", 4));
	assert_string_equal(
		tr_buf_c(&labels), "a=\"q\\\"b\\\\n\\nz\",b=\"x\xEF\xBF\xBD\xEF\xBF\xBDy\"");
	tr_buf_finish(&labels);
}

static void a_histogram_counts_cumulatively(void **state)
{
	struct tr_metrics *metrics = *state;
	struct tr_metric *metric =
		tr_metrics_get(metrics, TR_METRIC_HISTOGRAM, "t", "op=\"x\"", "Time.");
	struct tr_buf out = TR_BUF_INIT(1 << 20);

	tr_metric_observe(metric, 0.001);
	tr_metric_observe(metric, 0.25);
	tr_metric_observe(metric, 0.5);
	tr_metric_observe(metric, 100);
	assert_int_equal(tr_metrics_print(metrics, &out), 0);
	assert_non_null(strstr(tr_buf_c(&out), "# TYPE t histogram\n"
					       "t_bucket{op=\"x\",le=\"0.001\"} 1\n"
					       "t_bucket{op=\"x\",le=\"0.0025\"} 1\n"));
	assert_non_null(strstr(tr_buf_c(&out), "t_bucket{op=\"x\",le=\"0.25\"} 2\n"
					       "t_bucket{op=\"x\",le=\"0.5\"} 3\n"));
	assert_non_null(strstr(tr_buf_c(&out), "t_bucket{op=\"x\",le=\"60\"} 3\n"
					       "t_bucket{op=\"x\",le=\"+Inf\"} 4\n"
					       "t_sum{op=\"x\"} 100.751\n"
					       "t_count{op=\"x\"} 4\n"));
	tr_buf_finish(&out);
}

static void beyond_a_thousand_series_one_takes_all(void **state)
{
	struct tr_metrics *metrics = *state;
	struct tr_buf out = TR_BUF_INIT(1 << 20);
	int i;

	for (i = 0; i < 1500; i++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "peer=\"%d\"", i);
		tr_metric_add(tr_metrics_get(metrics, TR_METRIC_COUNTER, "bytes", labels, "B"), 1);
	}
	assert_int_equal(tr_metrics_print(metrics, &out), 0);
	assert_non_null(strstr(tr_buf_c(&out), "\nbytes{peer=\"999\"} 1\n"));
	assert_null(strstr(tr_buf_c(&out), "peer=\"1000\""));
	assert_non_null(strstr(tr_buf_c(&out), "\nbytes{overflow=\"true\"} 500\n"));
	tr_buf_finish(&out);
}

static void special_numbers_have_their_names(void **state)
{
	struct tr_metrics *metrics = *state;

	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "a", "", ""), (double)INFINITY);
	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "b", "", ""), (double)NAN);
	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "c", "", ""), 9007199254740991.0);
	assert_printed(metrics, "# HELP a \n# TYPE a gauge\na +Inf\n"
				"# HELP b \n# TYPE b gauge\nb NaN\n"
				"# HELP c \n# TYPE c gauge\nc 9007199254740991\n");
}

static void set_gauge(struct tr_metrics *metrics, void *arg)
{
	int *value = arg;

	tr_metric_set(tr_metrics_get(metrics, TR_METRIC_GAUGE, "g", "", "G"), ++*value);
}

static void collectors_run_before_each_exposition_until_removed(void **state)
{
	struct tr_metrics *metrics = *state;
	int value = 0;

	tr_metrics_add_collector(metrics, set_gauge, &value);
	assert_printed(metrics, "# HELP g G\n# TYPE g gauge\ng 1\n");
	assert_printed(metrics, "# HELP g G\n# TYPE g gauge\ng 2\n");
	tr_metrics_remove_collector(metrics, set_gauge, &value);
	assert_printed(metrics, "# HELP g G\n# TYPE g gauge\ng 2\n");
	tr_metrics_add_collector(metrics, set_gauge, &value);
}

static void a_full_buffer_is_reported(void **state)
{
	struct tr_metrics *metrics = *state;
	struct tr_buf out = TR_BUF_INIT(10);

	(void)tr_metrics_get(metrics, TR_METRIC_GAUGE, "gauge", "", "help");
	assert_int_equal(tr_metrics_print(metrics, &out), TR_E_TOO_BIG);
	tr_buf_finish(&out);
}

int main(void)
{
#define WITH_METRICS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_METRICS(counters_and_gauges_are_printed_in_order_of_creation),
		WITH_METRICS(the_same_name_and_labels_are_the_same_series),
		WITH_METRICS(label_values_are_escaped_and_mended),
		WITH_METRICS(a_histogram_counts_cumulatively),
		WITH_METRICS(beyond_a_thousand_series_one_takes_all),
		WITH_METRICS(special_numbers_have_their_names),
		WITH_METRICS(collectors_run_before_each_exposition_until_removed),
		WITH_METRICS(a_full_buffer_is_reported),
	};

	return cmocka_run_group_tests_name("io/metrics", tests, NULL, NULL);
}
