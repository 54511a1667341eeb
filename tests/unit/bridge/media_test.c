/* SPDX-License-Identifier: Apache-2.0 */
/* Files through the bridge: within the limits, as bytes, and never of a type that runs. */
#include "tests/unit/bridge/world_helper.h"

#include "core/bridge/media.h"

#include <fcntl.h>
#include <sys/stat.h>

struct end {
	bool ended;
	char text[128]; /* mxc or type */
	uint64_t size;
	struct tr_error error;
};

static void uploaded(void *arg, const char *mxc, const struct tr_error *error)
{
	struct end *end = arg;
	end->ended = true;
	if (error != NULL) {
		assert_null(mxc);
		end->error = *error;
	} else {
		(void)snprintf(end->text, sizeof(end->text), "%s", mxc);
	}
}

static void downloaded(
	void *arg, const char *content_type, uint64_t size, const struct tr_error *error)
{
	struct end *end = arg;
	end->ended = true;
	end->size = size;
	if (error != NULL) {
		end->error = *error;
	} else {
		(void)snprintf(end->text, sizeof(end->text), "%s", content_type);
	}
}

static struct end upload(struct world *world, const char *type, const char *bytes)
{
	struct end end = {0};
	const struct tr_media_upload what = {
		.content_type = type, .file_name = "a b.png", .bytes = tr_str_from(bytes)};
	tr_bridge_upload(world->bridge, &what, uploaded, &end);
	assert_false(end.ended);
	TURN_UNTIL(world->loop, end.ended);
	return end;
}

static void file_goes_up_and_comes_down_again(void **state)
{
	struct world *world = *state;
	world_start(world);
	struct end end = upload(world, "image/png", "\x89PNG bytes");
	assert_int_equal(end.error.code, TR_E_OK);
	assert_string_equal(end.text, "mxc://hs/file");
	assert_string_equal(world->file_type, "image/png");
	char *path = tr_asprintf("%s/file", world->dir);
	struct end down = {0};
	tr_bridge_download(world->bridge, "mxc://hs/file", path, 0, downloaded, &down);
	TURN_UNTIL(world->loop, down.ended);
	assert_int_equal(down.error.code, TR_E_OK);
	assert_string_equal(down.text, "image/png");
	assert_int_equal(down.size, 10);
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_size, 10);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* From a file, too. */
	struct end again = {0};
	const struct tr_media_upload what = {.path = path};
	tr_bridge_upload(world->bridge, &what, uploaded, &again);
	TURN_UNTIL(world->loop, again.ended);
	assert_int_equal(again.error.code, TR_E_OK);
	assert_string_equal(world->file_type, "application/octet-stream");
	(void)unlink(path);
	tr_free(path);
}

static void file_over_the_limit_is_refused_in_both_directions(void **state)
{
	struct world *world = *state;
	world_start(world);
	struct end end = upload(world, "image/png", "more than sixteen bytes");
	assert_int_equal(end.error.code, TR_E_TOO_BIG);
	assert_int_equal(world->file.len, 0);
	end = upload(world, "image/png", "just enough");
	assert_int_equal(end.error.code, TR_E_OK);
	char *path = tr_asprintf("%s/file", world->dir);
	struct end down = {0};
	tr_bridge_download(world->bridge, "mxc://hs/file", path, 5, downloaded, &down);
	TURN_UNTIL(world->loop, down.ended);
	assert_int_equal(down.error.code, TR_E_TOO_BIG);
	assert_int_not_equal(access(path, F_OK), 0);
	tr_free(path);
}

static void type_that_runs_or_is_none_is_just_bytes(void **state)
{
	static const char *const bad[] = {"text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml",
		"application/javascript", "", "nonsense", "a/b/c", "image/png\r\nX: y", "/png",
		"image/"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(bad); i++) {
		char *type = tr_media_type(tr_str_from(bad[i]));
		assert_string_equal(type, "application/octet-stream");
		tr_free(type);
	}
	char *type = tr_media_type(TR_STR("text/plain; charset=utf-8"));
	assert_string_equal(type, "text/plain");
	tr_free(type);
}

static void transfers_under_way_end_with_the_bridge(void **state)
{
	struct world *world = *state;
	struct end end = {0};
	const struct tr_media_upload what = {.bytes = TR_STR("bytes")};
	world_start(world);
	tr_bridge_upload(world->bridge, &what, uploaded, &end);
	tr_bridge_download(world->bridge, "mxc://hs/file", "/nonexistent/x", 0, downloaded, &end);
	world_drop(world);
	turn_for(world->loop, 20);
	assert_false(end.ended);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(file_goes_up_and_comes_down_again),
		WORLD_TEST(file_over_the_limit_is_refused_in_both_directions),
		cmocka_unit_test(type_that_runs_or_is_none_is_just_bytes),
		WORLD_TEST(transfers_under_way_end_with_the_bridge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
