#include <sys/resource.h>

#include "shunt/io/watch.h"

#include "scratch.h"

/* A watched folder with what was told of it. The loop is turned by what happens in the folder, never by a pause. */
struct seen {
    struct watches watches;
    struct watch watch;
    uv_loop_t loop;
    char names[64][64]; /* "(none)" for a nameless one */
    bool moved[64];
    size_t count, lost;
    bool closes; /* from inside */
};

static void on_event(struct watches *watches, struct watch *watch, const char *name, bool moved)
{
    struct seen *seen = (struct seen *)(void *)watches;
    assert_ptr_equal(watch, &seen->watch);
    if (seen->closes)
        watches_close(watches);
    if (seen->count == 64)
        return;
    snprintf(seen->names[seen->count], sizeof seen->names[0], "%s", name ? name : "(none)");
    seen->moved[seen->count++] = moved;
}

static void on_lost(struct watches *watches)
{
    ((struct seen *)(void *)watches)->lost++;
}

static bool saw(const struct seen *seen, const char *name, bool moved)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->names[i], name) == 0 && seen->moved[i] == moved)
            return true;
    }
    return false;
}

static struct seen *seen_idle(void)
{
    struct seen *seen = calloc(1, sizeof *seen);
    uv_loop_init(&seen->loop);
    seen->watches.on_event = on_event;
    seen->watches.on_lost = on_lost;
    return seen;
}

static bool start(struct seen *seen, const char *path)
{
    unsigned drops = seen->watches.drops;
    int id = watch_add(&seen->watches, path, NULL);
    assert_true(id > 0);
    return watch_take(&seen->watches, &seen->watch, id, drops);
}

static struct seen *seen_new(const char *path)
{
    struct seen *seen = seen_idle();
    assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
    assert_true(start(seen, path));
    return seen;
}

/* Inotify events are there as soon as the system call that made them is over; a read takes some of them. */
static void turn(struct seen *seen)
{
    for (int i = 0; i < 100; i++)
        uv_run(&seen->loop, UV_RUN_NOWAIT);
}

static void seen_free(struct seen *seen)
{
    watches_close(&seen->watches);
    watch_drop(&seen->watches, &seen->watch);
    assert_int_equal(seen->watch.id, 0);
    uv_run(&seen->loop, UV_RUN_DEFAULT);
    watches_fini(&seen->watches);
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
    assert_false(saw(seen, "in", false));
    assert_int_not_equal(seen->watch.id, 0);
    assert_int_equal(seen->lost, 0);
    seen_free(seen);
}

static void a_folder_that_is_removed_is_told_and_watched_no_more(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(rmdir(in(s, "hot")), 0);
    turn(seen);
    assert_int_equal(seen->watch.id, 0);
    assert_true(saw(seen, "(none)", true));
    /* The same path made again is not what was watched. */
    seen->count = 0;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_int_equal(seen->count, 0);
    assert_true(start(seen, in(s, "hot")));
    put(in(s, "hot/y"), "");
    turn(seen);
    assert_true(saw(seen, "y", true));
    seen_free(seen);
}

static void a_folder_that_is_moved_away_is_told_and_watched_no_more(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(rename(in(s, "hot"), in(s, "cold")), 0);
    put(in(s, "cold/x"), "");
    turn(seen);
    assert_int_equal(seen->watch.id, 0);
    assert_true(saw(seen, "(none)", true));
    assert_false(saw(seen, "x", true));
    seen_free(seen);
}

static void a_changed_mode_of_the_folder_is_not_its_end(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(chmod(in(s, "hot"), 0700), 0);
    turn(seen);
    assert_true(saw(seen, "(none)", false));
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void a_child_that_bears_the_folders_name_is_a_child(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    put(in(s, "hot/hot"), "");
    assert_int_equal(remove(in(s, "hot/hot")), 0);
    turn(seen);
    assert_true(saw(seen, "hot", true));
    assert_false(saw(seen, "(none)", true));
    assert_int_not_equal(seen->watch.id, 0);
    seen_free(seen);
}

static void what_cannot_be_watched_is_told_and_can_be_tried_again(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct seen *seen = seen_new(s->root);
    assert_int_equal(watch_add(&seen->watches, in(s, "hot"), &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, "hot"));
    put(in(s, "file"), "");
    assert_int_equal(watch_add(&seen->watches, in(s, "file"), NULL), ERR_NOPLACE);
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    assert_int_equal(symlink("hot", in(s, "link")), 0);
    assert_int_equal(watch_add(&seen->watches, in(s, "link"), NULL), ERR_NOPLACE);
    watch_drop(&seen->watches, &seen->watch);
    assert_true(start(seen, in(s, "hot")));
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void what_came_before_it_was_taken_is_nobodys(void **state)
{
    struct scratch *s = *state;
    struct seen *seen = seen_idle();
    assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
    int id = watch_add(&seen->watches, s->root, NULL);
    put(in(s, "early"), "");
    turn(seen);
    assert_true(watch_take(&seen->watches, &seen->watch, id, 0));
    put(in(s, "late"), "");
    turn(seen);
    assert_false(saw(seen, "early", true));
    assert_true(saw(seen, "late", true));
    seen_free(seen);
}

static void one_folder_under_two_names_is_the_last_ones(void **state)
{
    struct scratch *s = *state;
    struct watch first = {0};
    struct seen *seen = seen_idle();
    assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
    assert_true(watch_take(&seen->watches, &first, watch_add(&seen->watches, s->root, NULL), 0));
    assert_true(start(seen, in(s, ".")));
    assert_int_equal(first.id, 0);
    watch_drop(&seen->watches, &first); /* not the other's */
    put(in(s, "x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void an_id_that_was_dropped_meanwhile_is_not_taken(void **state)
{
    struct scratch *s = *state;
    struct seen *seen = seen_new(s->root);
    struct watch second = {0};
    unsigned drops = seen->watches.drops;
    int id = watch_add(&seen->watches, s->root, NULL);
    assert_int_equal(id, seen->watch.id);
    watch_drop(&seen->watches, &seen->watch);
    assert_false(watch_take(&seen->watches, &second, id, drops));
    assert_int_equal(second.id, 0);
    assert_true(start(seen, s->root));
    put(in(s, "x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void a_watch_that_takes_another_folder_lets_go_of_the_first(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_new(in(s, "hot"));
    assert_int_equal(rename(in(s, "hot"), in(s, "cold")), 0);
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    assert_true(start(seen, in(s, "hot")));
    put(in(s, "cold/x"), "");
    put(in(s, "hot/y"), "");
    turn(seen);
    assert_false(saw(seen, "(none)", true));
    assert_false(saw(seen, "x", true));
    assert_true(saw(seen, "y", true));
    watch_drop(&seen->watches, &seen->watch);
    assert_null(seen->watches.by_id);
    seen_free(seen);
}

static void a_folder_that_went_before_it_was_taken_is_not_taken(void **state)
{
    struct scratch *s = *state;
    struct seen *seen = seen_idle();
    assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
    for (int moved = 0; moved < 2; moved++) {
        unsigned drops = seen->watches.drops;
        assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
        int id = watch_add(&seen->watches, in(s, "hot"), NULL);
        assert_int_equal(moved ? rename(in(s, "hot"), in(s, "cold")) : rmdir(in(s, "hot")), 0);
        turn(seen);
        assert_false(watch_take(&seen->watches, &seen->watch, id, drops));
        assert_int_equal(seen->watch.id, 0);
        assert_int_not_equal(seen->watches.drops, drops);
    }
    seen_free(seen);
}

static void a_folder_that_is_dropped_meanwhile_is_no_hindrance_to_a_new_one(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    struct seen *seen = seen_idle();
    struct watch other = {0};
    assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
    assert_true(watch_take(&seen->watches, &other, watch_add(&seen->watches, s->root, NULL), 0));
    int id = watch_add(&seen->watches, in(s, "hot"), NULL);
    watch_drop(&seen->watches, &other);
    assert_true(watch_take(&seen->watches, &seen->watch, id, 0));
    put(in(s, "hot/x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void a_dropped_watch_tells_nothing_more(void **state)
{
    struct scratch *s = *state;
    struct seen *seen = seen_new(s->root);
    put(in(s, "x"), "");
    watch_drop(&seen->watches, &seen->watch);
    turn(seen);
    assert_int_equal(seen->count, 0);
    seen_free(seen);
}

static void a_queue_that_overflows_is_told(void **state)
{
    struct scratch *s = *state;
    unsigned long size = 16384;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (f) {
        assert_int_equal(fscanf(f, "%lu", &size), 1);
        fclose(f);
    }
    if (size > 1000000)
        skip();
    struct seen *seen = seen_new(s->root);
    for (unsigned long i = 0; i <= size / 2; i++) {
        put(in(s, "x"), "");
        assert_int_equal(remove(in(s, "x")), 0);
    }
    while (seen->lost == 0)
        uv_run(&seen->loop, UV_RUN_ONCE);
    assert_int_equal(seen->lost, 1);
    seen->count = 0;
    put(in(s, "y"), "");
    turn(seen);
    assert_true(saw(seen, "y", true));
    seen_free(seen);
}

static void a_want_of_descriptors_is_told_and_passes(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct rlimit before;
    struct seen *seen = seen_idle();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int rc = watches_open(&seen->loop, &seen->watches, &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, ERR_NOFILES);
    assert_non_null(strstr(e.text, "max_user_instances"));
    assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
    assert_true(start(seen, s->root));
    put(in(s, "x"), "");
    turn(seen);
    assert_true(saw(seen, "x", true));
    seen_free(seen);
}

static void without_memory_it_stays_unwatched_and_can_be_tried_again(void **state)
{
    struct scratch *s = *state;
    SCARCE_SWEEP (n) {
        struct seen *seen = seen_idle();
        scarce_begin(n, 1);
        int rc = watches_open(&seen->loop, &seen->watches, NULL);
        bool taken = rc == 0 && start(seen, s->root);
        assert_int_equal(taken, !scarce_end());
        assert_int_equal(seen->watch.id != 0, taken);
        assert_int_equal(watches_open(&seen->loop, &seen->watches, NULL), 0);
        assert_true(taken || start(seen, s->root));
        put(in(s, "x"), "");
        turn(seen);
        assert_true(saw(seen, "x", true));
        remove(in(s, "x"));
        seen_free(seen);
    }
}

static void a_watches_may_be_closed_from_its_own_event(void **state)
{
    struct scratch *s = *state;
    struct seen *seen = seen_new(s->root);
    seen->closes = true;
    put(in(s, "a"), "x");
    put(in(s, "b"), "x");
    uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->count, 1);
    seen_free(seen);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_that_come_and_change_are_told_by_name),
        TEST(a_folder_that_is_removed_is_told_and_watched_no_more),
        TEST(a_folder_that_is_moved_away_is_told_and_watched_no_more),
        TEST(a_changed_mode_of_the_folder_is_not_its_end),
        TEST(a_child_that_bears_the_folders_name_is_a_child),
        TEST(what_cannot_be_watched_is_told_and_can_be_tried_again),
        TEST(what_came_before_it_was_taken_is_nobodys),
        TEST(one_folder_under_two_names_is_the_last_ones),
        TEST(an_id_that_was_dropped_meanwhile_is_not_taken),
        TEST(a_watch_that_takes_another_folder_lets_go_of_the_first),
        TEST(a_folder_that_went_before_it_was_taken_is_not_taken),
        TEST(a_folder_that_is_dropped_meanwhile_is_no_hindrance_to_a_new_one),
        TEST(a_dropped_watch_tells_nothing_more),
        TEST(a_queue_that_overflows_is_told),
        TEST(a_want_of_descriptors_is_told_and_passes),
        TEST(without_memory_it_stays_unwatched_and_can_be_tried_again),
        TEST(a_watches_may_be_closed_from_its_own_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
