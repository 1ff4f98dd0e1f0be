/* Job and delivery states, and job ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/job.h"

static void only_the_drawn_steps_of_a_job_are_allowed(void **state)
{
    (void)state;
    static const bool allowed[JOB_STATES][JOB_STATES] = {
        [JOB_TAKEN] = {[JOB_DELIVERING] = true, [JOB_FAILING] = true},
        [JOB_DELIVERING] = {[JOB_WAITING] = true, [JOB_SETTLING] = true, [JOB_FAILING] = true},
        [JOB_WAITING] = {[JOB_DELIVERING] = true, [JOB_SETTLING] = true, [JOB_FAILING] = true},
        [JOB_SETTLING] = {[JOB_DONE] = true, [JOB_RETURNED] = true},
        [JOB_FAILING] = {[JOB_FAILED] = true, [JOB_RETURNED] = true},
    };
    for (enum job_state from = 0; from < JOB_STATES; from++)
        for (enum job_state to = 0; to < JOB_STATES; to++)
            assert_int_equal(job_allows(from, to), allowed[from][to]);
}

static void every_job_can_end_and_an_end_is_final(void **state)
{
    (void)state;
    bool ends[JOB_STATES] = {[JOB_DONE] = true, [JOB_FAILED] = true, [JOB_RETURNED] = true};
    for (int round = 0; round < JOB_STATES; round++)
        for (enum job_state from = 0; from < JOB_STATES; from++)
            for (enum job_state to = 0; to < JOB_STATES; to++)
                ends[from] |= job_allows(from, to) && ends[to];
    for (enum job_state s = 0; s < JOB_STATES; s++) {
        assert_true(ends[s]);
        assert_false(job_allows(JOB_DONE, s));
        assert_false(job_allows(JOB_FAILED, s));
        assert_false(job_allows(JOB_RETURNED, s));
    }
}

static void a_delivery_is_done_only_from_work_and_fails_from_there_or_while_it_waits(void **state)
{
    (void)state;
    for (enum delivery_state from = 0; from < DELIVERY_STATES; from++) {
        /* queued: an earlier run delivered it; waiting: cancelled */
        assert_int_equal(delivery_allows(from, DELIVERY_DONE), from == DELIVERY_ACTIVE || from == DELIVERY_QUEUED);
        assert_int_equal(delivery_allows(from, DELIVERY_FAILED), from == DELIVERY_ACTIVE || from == DELIVERY_WAITING);
        assert_false(delivery_allows(DELIVERY_DONE, from));
        assert_false(delivery_allows(DELIVERY_FAILED, from));
        assert_false(delivery_allows(from, from));
    }
    assert_true(delivery_allows(DELIVERY_QUEUED, DELIVERY_ACTIVE));
    assert_true(delivery_allows(DELIVERY_QUEUED, DELIVERY_WAITING));
    assert_true(delivery_allows(DELIVERY_ACTIVE, DELIVERY_WAITING));
    assert_false(delivery_allows(DELIVERY_ACTIVE, DELIVERY_QUEUED));
    assert_true(delivery_allows(DELIVERY_WAITING, DELIVERY_QUEUED));
    assert_false(delivery_allows(DELIVERY_WAITING, DELIVERY_ACTIVE));
}

static enum job_state state_of(unsigned queued, unsigned active, unsigned waiting, unsigned done, unsigned failed)
{
    struct delivery_counts counts = {{[DELIVERY_QUEUED] = queued,
                                      [DELIVERY_ACTIVE] = active,
                                      [DELIVERY_WAITING] = waiting,
                                      [DELIVERY_DONE] = done,
                                      [DELIVERY_FAILED] = failed}};
    return job_state_of(&counts);
}

static void deliveries_decide_what_the_job_is(void **state)
{
    (void)state;
    assert_int_equal(state_of(0, 0, 0, 3, 0), JOB_SETTLING);
    assert_int_equal(state_of(0, 0, 0, 2, 1), JOB_FAILING);
    assert_int_equal(state_of(0, 0, 0, 0, 3), JOB_FAILING);
    assert_int_equal(state_of(1, 0, 1, 1, 1), JOB_DELIVERING);
    assert_int_equal(state_of(0, 1, 1, 0, 1), JOB_DELIVERING);
    /* What waits is still tried, also where another delivery has failed for good. */
    assert_int_equal(state_of(0, 0, 1, 1, 1), JOB_WAITING);
    assert_int_equal(state_of(0, 0, 2, 0, 0), JOB_WAITING);
}

static void words_are_different_and_known(void **state)
{
    (void)state;
    for (enum job_state a = 0; a < JOB_STATES; a++)
        for (enum job_state b = 0; b < a; b++)
            assert_string_not_equal(job_state_word(a), job_state_word(b));
    assert_string_equal(job_state_word(JOB_TAKEN), "taken");
    assert_string_equal(job_state_word(JOB_RETURNED), "returned");
    assert_string_equal(delivery_state_word(DELIVERY_QUEUED), "queued");
    assert_string_equal(delivery_state_word(DELIVERY_FAILED), "failed");
    assert_string_equal(way_word(WAY_STARTUP), "STARTUP");
    assert_string_equal(way_word(WAY_REALTIME), "REALTIME");
    assert_string_equal(way_word(WAY_PERIODIC), "PERIODIC");
    assert_string_equal(way_word(WAY_ONCE), "ONCE");
}

/* The example of RFC 9562, appendix A.6. */
static void an_id_is_a_uuid_of_version_7(void **state)
{
    (void)state;
    const uint8_t random[10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    char id[JOB_ID_SIZE];
    job_id_make(INT64_C(0x017f22e279b0), random, id);
    assert_string_equal(id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void version_and_variant_stand_whatever_the_random_bytes(void **state)
{
    (void)state;
    uint8_t random[10];
    char id[JOB_ID_SIZE];
    memset(random, 0xff, sizeof random);
    job_id_make(INT64_C(1770388246123), random, id);
    assert_string_equal(id + 13, "-7fff-bfff-ffffffffffff");
    memset(random, 0, sizeof random);
    job_id_make(INT64_C(1770388246123), random, id);
    assert_string_equal(id + 13, "-7000-8000-000000000000");
    assert_int_equal(strlen(id), JOB_ID_SIZE - 1);
}

static void every_random_bit_that_is_used_makes_another_id(void **state)
{
    (void)state;
    char ids[81][JOB_ID_SIZE];
    unsigned same = 0;
    for (int bit = 0; bit <= 80; bit++) {
        uint8_t random[10] = {0};
        if (bit < 80)
            random[bit / 8] = (uint8_t)(1 << bit % 8);
        job_id_make(1, random, ids[bit]);
    }
    for (int bit = 0; bit < 80; bit++)
        same += strcmp(ids[bit], ids[80]) == 0;
    assert_int_equal(same, 6); /* four bits of the version, two of the variant */
}

static void ids_sort_by_time(void **state)
{
    (void)state;
    uint8_t high[10], low[10] = {0};
    memset(high, 0xff, sizeof high);
    char before[JOB_ID_SIZE], after[JOB_ID_SIZE];
    for (int64_t ms = 1; ms < INT64_C(1) << 47; ms *= 3) {
        job_id_make(ms, high, before);
        job_id_make(ms + 1, low, after);
        assert_true(strcmp(before, after) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_drawn_steps_of_a_job_are_allowed),
        cmocka_unit_test(every_job_can_end_and_an_end_is_final),
        cmocka_unit_test(a_delivery_is_done_only_from_work_and_fails_from_there_or_while_it_waits),
        cmocka_unit_test(deliveries_decide_what_the_job_is),
        cmocka_unit_test(words_are_different_and_known),
        cmocka_unit_test(an_id_is_a_uuid_of_version_7),
        cmocka_unit_test(version_and_variant_stand_whatever_the_random_bytes),
        cmocka_unit_test(every_random_bit_that_is_used_makes_another_id),
        cmocka_unit_test(ids_sort_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
