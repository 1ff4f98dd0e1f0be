/* test_submission.c: what a key gives is always the same. */
#include "../../src/service/submission.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_always_gives_the_same_ids),
        cmocka_unit_test(the_mark_is_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
