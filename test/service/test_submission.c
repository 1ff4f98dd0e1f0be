/* test_submission.c: what a key gives is always the same, and what a file holds is what its job gets. */
#include "../../src/service/submission.h"
#include "../scarce.h"
#include "parts.h"

static void a_key_always_gives_the_same_ids(void **state)
{
    (void)state;
    char first[JOB_ID_SIZE], other[JOB_ID_SIZE], long_key[KEY_MAX + 1];
    submission_id("k", "job", -1, first);
    submission_id("k", "job", -1, other);
    assert_string_equal(first, other);
    assert_int_equal(first[14], '8'); /* version */
    submission_id("k", "job", 0, other);
    assert_string_not_equal(first, other);
    submission_id("k", "batch", -1, other);
    assert_string_not_equal(first, other);
    memset(long_key, 'k', KEY_MAX);
    long_key[KEY_MAX] = '\0';
    submission_id(long_key, "job", 999, first);
    long_key[KEY_MAX - 1] = 'x';
    submission_id(long_key, "job", 999, other);
    assert_string_not_equal(first, other);
}

static void the_mark_is_the_last_one(void **state)
{
    (void)state;
    assert_string_equal(submission_mark("by x: job request of request ; request abc"), "request abc");
    assert_null(submission_mark("nothing"));
    assert_null(submission_mark(NULL));
}

static const char named[] = "[{\"job_id\": \"a\", \"username\": \"u\", \"campaign\": \"c\", \"file\": \"x/a.json\"},"
                            " {\"job_id\": \"b\", \"username\": \"u\", \"campaign\": \"c\", \"priority\": \"low\","
                            " \"ticket\": " TICKET("RANK") "}]";

static struct config *make_handed(struct scratch *s)
{
    make_folder(s, "hot/RANK");
    make_folder(s, "handed/x");
    put(in(s, "handed/x/a.json"), TICKET("RANK"));
    return make_config(s, "[http]\nlisten = no\nfiles = handed\n", ROUTES_ONE);
}

static int read_named(const struct config *config, struct submission **items, size_t *count)
{
    const struct submission_context context = {
        .config = config, .clock = &clock_real, .spool = "scheduled", .key = "k", .who = "test"};
    struct error e = {0};
    *items = NULL;
    *count = 0;
    int rc = submissions_read(&context, true, named, sizeof named - 1, items, count, &e);
    assert_int_equal(rc, e.code);
    return rc;
}

static void free_items(struct submission *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        submission_fini(&items[i]);
    mem_free(items);
}

static void a_file_is_brought_as_it_was_or_not_at_all(void **state)
{
    struct config *config = make_handed(*state);
    struct submission *items;
    size_t count;
    assert_int_equal(read_named(config, &items, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(items[0].priority, PRIORITY_NORMAL);
    assert_int_equal(items[1].priority, PRIORITY_LOW);
    assert_null(items[0].bytes); /* none waits in memory */
    assert_int_equal(submission_load(config, &items[0]), 0);
    assert_int_equal(items[0].len, strlen(TICKET("RANK")));
    assert_memory_equal(items[0].bytes, TICKET("RANK"), items[0].len);
    submission_unload(&items[0]);
    put(in(*state, "handed/x/a.json"), TICKET("RUNK"));
    assert_int_equal(submission_load(config, &items[0]), ERR_BUSY);
    free_items(items, count);
    config_free(config);
}

static void without_memory_a_named_file_is_refused(void **state)
{
    struct config *config = make_handed(*state);
    SCARCE_SWEEP (n) {
        struct submission *items;
        size_t count;
        scarce_begin(n, 1);
        int rc = read_named(config, &items, &count);
        if (rc == 0 && items[0].error.code == 0)
            (void)submission_load(config, &items[0]);
        bool hit = scarce_end();
        assert_int_equal(hit, rc != 0 || items[0].error.code != 0 || items[1].error.code != 0);
        free_items(items, count);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_brought_as_it_was_or_not_at_all, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(without_memory_a_named_file_is_refused, scratch_setup, scratch_teardown),
        cmocka_unit_test(a_key_always_gives_the_same_ids),
        cmocka_unit_test(the_mark_is_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
