#include <sys/resource.h>

#include "shunt/io/watch.h"

#include "scratch.h"

/* A watch with what it saw. The loop is turned by what happens in the folder, never by a pause. */
struct seen {
    struct watch watch;
    uv_loop_t loop;
    char names[64][64]; /* "(none)" for a nameless one */
    bool moved[64];
    size_t count, closed;
};

static void on_event(struct watch *watch, const char *name, bool moved)
{
    struct seen *seen = (struct seen *)(void *)watch;
    if (seen->count == 64)
        return;
    snprintf(seen->names[seen->count], sizeof seen->names[0], "%s", name ? name : "(none)");
    seen->moved[seen->count++] = moved;
}

static void on_closed(struct watch *watch)
{
    ((struct seen *)(void *)watch)->closed++;
}

static bool saw(const struct seen *seen, const char *name, bool moved)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->names[i], name) == 0 && seen->moved[i] == moved)
            return true;
    }
    return false;
}

static struct seen *seen_new(const char *path)
{
    struct seen *seen = calloc(1, sizeof *seen);
    uv_loop_init(&seen->loop);
    seen->watch.on_event = on_event;
    seen->watch.on_closed = on_closed;
    assert_int_equal(watch_start(&seen->loop, &seen->watch, path, NULL), 0);
    assert_true(seen->watch.active);
    return seen;
}

/* Inotify events are there as soon as the system call that made them is over. */
static void turn(struct seen *seen)
{
    uv_run(&seen->loop, UV_RUN_NOWAIT);
}

static void seen_free(struct seen *seen)
{
    watch_close(&seen->watch);
    assert_int_equal(seen->closed, 0); /* later, not from inside */
    uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->closed, 1);
    assert_int_equal(uv_loop_close(&seen->loop), 0);
    free(seen);
}

static void files_that_come_and_change_are_told_by_name(void **state)
{
    struct scratch *s = *state;
    put(in(s, "old"), "x");
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    put(in(s, "hot/new"), "x");
    assert_int_equal(rename(in(s, "old"), in(s, "hot/in")), 0);
    turn(seen);
    assert_true(saw(seen, "new", true));
    assert_true(saw(seen, "new", false));
    assert_true(saw(seen, "in", true));
    assert_false(seen->watch.gone);
    seen_free(seen);
}

static void a_folder_that_is_removed_is_told_as_gone(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(rmdir(in(s, "hot")), 0);
    turn(seen);
    assert_true(seen->watch.gone);
    assert_true(saw(seen, "(none)", true));
    /* The same path made again is not what was watched. */
    seen->count = 0;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_int_equal(seen->count, 0);
    seen_free(seen);
    seen = seen_new(in(s, "hot"));
    assert_false(seen->watch.gone);
    put(in(s, "hot/y"), "");
    turn(seen);
    assert_true(saw(seen, "y", true));
    seen_free(seen);
}

static void a_folder_that_is_moved_away_is_told_as_gone(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(rename(in(s, "hot"), in(s, "cold")), 0);
    turn(seen);
    assert_true(seen->watch.gone);
    assert_true(saw(seen, "(none)", true));
    seen_free(seen);
}

static void a_changed_mode_of_the_folder_is_not_its_end(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(chmod(in(s, "hot"), 0700), 0);
    turn(seen);
    assert_false(seen->watch.gone);
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void a_start_that_fails_can_be_tried_again_or_closed(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct seen *seen = calloc(1, sizeof *seen);
    uv_loop_init(&seen->loop);
    seen->watch.on_event = on_event;
    seen->watch.on_closed = on_closed;
    assert_int_equal(watch_start(&seen->loop, &seen->watch, in(s, "hot"), &e), ERR_NOPLACE);
    assert_false(seen->watch.active);
    assert_non_null(strstr(e.text, "hot"));
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    assert_int_equal(watch_start(&seen->loop, &seen->watch, in(s, "hot"), NULL), 0);
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);

    seen = calloc(1, sizeof *seen);
    uv_loop_init(&seen->loop);
    seen->watch.on_closed = on_closed;
    assert_int_equal(watch_start(&seen->loop, &seen->watch, in(s, "none"), NULL), ERR_NOPLACE);
    seen_free(seen);
}

static void a_want_of_descriptors_is_told_and_passes(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct rlimit before;
    struct seen *seen = calloc(1, sizeof *seen);
    uv_loop_init(&seen->loop);
    seen->watch.on_event = on_event;
    seen->watch.on_closed = on_closed;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int rc = watch_start(&seen->loop, &seen->watch, s->root, &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, ERR_NOFILES);
    assert_non_null(strstr(e.text, "max_user_instances"));
    assert_int_equal(watch_start(&seen->loop, &seen->watch, s->root, NULL), 0);
    put(in(s, "x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void a_want_of_memory_is_told_and_passes(void **state)
{
    struct scratch *s = *state;
    SCARCE_SWEEP (n) {
        struct error e = {0};
        struct seen *seen = calloc(1, sizeof *seen);
        uv_loop_init(&seen->loop);
        seen->watch.on_event = on_event;
        seen->watch.on_closed = on_closed;
        scarce_begin(n, 1);
        int rc = watch_start(&seen->loop, &seen->watch, s->root, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        assert_int_equal(e.code, rc);
        if (rc != 0)
            assert_int_equal(watch_start(&seen->loop, &seen->watch, s->root, NULL), 0);
        put(in(s, "x"), "");
        turn(seen);
        assert_true(saw(seen, "x", true));
        remove(in(s, "x"));
        seen_free(seen);
    }
}

static void closing_from_inside_an_event(struct watch *watch, const char *name, bool moved)
{
    on_event(watch, name, moved);
    watch_close(watch);
}

static void a_watch_may_be_closed_from_its_own_event(void **state)
{
    struct scratch *s = *state;
    struct seen *seen = seen_new(s->root);
    seen->watch.on_event = closing_from_inside_an_event;
    put(in(s, "a"), "x");
    put(in(s, "b"), "x");
    uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->count, 1);
    assert_int_equal(seen->closed, 1);
    assert_int_equal(uv_loop_close(&seen->loop), 0);
    free(seen);
}

static void the_size_of_the_kernels_queue_is_known(void **state)
{
    (void)state;
    unsigned long size = 16384;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (f) {
        assert_int_equal(fscanf(f, "%lu", &size), 1);
        fclose(f);
    }
    assert_int_equal(watch_queue_size(), size);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_that_come_and_change_are_told_by_name),
        TEST(a_folder_that_is_removed_is_told_as_gone),
        TEST(a_folder_that_is_moved_away_is_told_as_gone),
        TEST(a_changed_mode_of_the_folder_is_not_its_end),
        TEST(a_start_that_fails_can_be_tried_again_or_closed),
        TEST(a_want_of_descriptors_is_told_and_passes),
        TEST(a_want_of_memory_is_told_and_passes),
        TEST(a_watch_may_be_closed_from_its_own_event),
        TEST(the_size_of_the_kernels_queue_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
