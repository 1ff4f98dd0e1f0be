/* Pauses between attempts and the breaker, over simulated hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/retry.h"

static const struct retry_policy policy = {.attempts = 3, .first_ms = 1000, .max_ms = 60000, .factor = 2};
static const struct breaker_policy rules = {.failures = 3, .pause_ms = 5000, .max_ms = 60000};

/* The smallest and largest pause that any random number gives. */
static void check_pause(const struct retry_policy *p, unsigned attempt, int64_t lowest, int64_t highest)
{
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t random = 0; random < 100000; random++) {
        int64_t pause = retry_pause_ms(p, attempt, random * UINT64_C(0x9e3779b97f4a7c15));
        least = pause < least ? pause : least;
        most = pause > most ? pause : most;
    }
    assert_in_range(least, lowest, lowest + (highest - lowest) / 100);
    assert_in_range(most, highest - (highest - lowest) / 100, highest);
}

static void pauses_grow_up_to_the_limit_and_are_spread(void **state)
{
    (void)state;
    check_pause(&policy, 1, 750, 1250);
    check_pause(&policy, 2, 1500, 2500);
    check_pause(&policy, 3, 3000, 5000);
    check_pause(&policy, 6, 24000, 40000);
    check_pause(&policy, 7, 45000, 75000);
    check_pause(&policy, 100, 45000, 75000);
    check_pause(&policy, UINT32_MAX, 45000, 75000);
}

static void odd_policies_give_sound_pauses(void **state)
{
    (void)state;
    const struct retry_policy still = {.first_ms = 400, .max_ms = 60000, .factor = 1};
    check_pause(&still, 50, 300, 500);
    const struct retry_policy none = {.first_ms = 0, .max_ms = 60000, .factor = 1e308};
    assert_int_equal(retry_pause_ms(&none, 1, 7), 0);
    assert_in_range(retry_pause_ms(&none, 9, 7), 0, 75000);
    const struct retry_policy vast = {.first_ms = INT64_MAX, .max_ms = INT64_MAX, .factor = 10};
    assert_true(retry_pause_ms(&vast, 5, UINT64_MAX) > 0);
    const struct retry_policy small = {.first_ms = 1, .max_ms = 1, .factor = 2};
    assert_int_equal(retry_pause_ms(&small, 5, UINT64_MAX), 1);
}

static void attempts_run_out(void **state)
{
    (void)state;
    assert_false(retry_exhausted(&policy, 0));
    assert_false(retry_exhausted(&policy, 2));
    assert_true(retry_exhausted(&policy, 3));
    assert_true(retry_exhausted(&policy, 4));
    const struct retry_policy endless = {.attempts = 0};
    assert_false(retry_exhausted(&endless, UINT32_MAX));
}

static void failures_in_a_row_open_it_and_a_success_between_does_not_count(void **state)
{
    (void)state;
    struct breaker b = {0};
    bool probe;
    for (int i = 0; i < 10; i++) {
        assert_false(breaker_failure(&b, &rules, 0));
        assert_false(breaker_failure(&b, &rules, 0));
        assert_false(breaker_success(&b));
    }
    assert_true(breaker_allows(&b, 0, &probe));
    assert_false(probe);
    assert_false(breaker_failure(&b, &rules, 100));
    assert_false(breaker_failure(&b, &rules, 200));
    assert_true(breaker_failure(&b, &rules, 300));
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(b.since_ms, 300);
    assert_false(breaker_allows(&b, 300, &probe));
    assert_false(breaker_allows(&b, 5299, &probe));
    assert_false(probe);
}

static void open_at(struct breaker *b, int64_t now)
{
    *b = (struct breaker){0};
    breaker_failure(b, &rules, now);
    breaker_failure(b, &rules, now);
    assert_true(breaker_failure(b, &rules, now));
}

static void one_probe_is_let_through_and_its_success_closes_it(void **state)
{
    (void)state;
    struct breaker b;
    bool probe;
    open_at(&b, 1000);
    assert_true(breaker_allows(&b, 6000, &probe));
    assert_true(probe);
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_false(breaker_allows(&b, 6000, &probe));
    assert_false(probe);
    assert_false(breaker_allows(&b, 600000, &probe));
    assert_true(breaker_success(&b));
    assert_true(breaker_allows(&b, 6001, &probe));
    assert_false(probe);
    /* And it counts from zero again. */
    assert_false(breaker_failure(&b, &rules, 6002));
    assert_false(breaker_failure(&b, &rules, 6002));
    assert_true(breaker_failure(&b, &rules, 6002));
    assert_int_equal(b.pause_ms, 5000);
}

static void failures_of_deliveries_under_way_do_not_prolong_the_pause(void **state)
{
    (void)state;
    struct breaker b;
    bool probe;
    open_at(&b, 0);
    for (int64_t now = 1; now < 4900; now += 100)
        assert_false(breaker_failure(&b, &rules, now));
    assert_true(breaker_allows(&b, 5000, &probe));
    assert_true(probe);
}

static void a_late_success_closes_it(void **state)
{
    (void)state;
    struct breaker b;
    open_at(&b, 0);
    assert_true(breaker_success(&b));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void an_undecided_probe_leaves_it_to_the_next_delivery(void **state)
{
    (void)state;
    struct breaker b;
    bool probe;
    open_at(&b, 0);
    breaker_undecided(&b, 10);
    assert_false(breaker_allows(&b, 10, &probe));
    assert_true(breaker_allows(&b, 5000, &probe));
    breaker_undecided(&b, 5100);
    assert_false(breaker_allows(&b, 5099, &probe));
    assert_true(breaker_allows(&b, 5100, &probe));
    assert_true(probe);
    assert_true(breaker_success(&b));
    breaker_undecided(&b, 5200);
    assert_int_equal(b.state, BREAKER_CLOSED);
}

/* Dead for eight hours: tries get rarer up to the limit, it is told once, the return is noticed within the limit. */
static void a_dead_place_costs_few_probes(void **state)
{
    (void)state;
    struct breaker b = {0};
    const int64_t dead_ms = INT64_C(8) * 3600 * 1000;
    unsigned tries = 0, turns = 0;
    int64_t closed_at = -1;
    for (int64_t now = 0; closed_at < 0; now += 100) {
        bool probe;
        assert_true(now < dead_ms + rules.max_ms + 100);
        if (!breaker_allows(&b, now, &probe))
            continue;
        tries++;
        if (now < dead_ms) {
            turns += breaker_failure(&b, &rules, now);
        } else {
            turns += breaker_success(&b);
            closed_at = now;
        }
    }
    assert_int_equal(turns, 2);
    /* 5, 10, 20, 40 s and then one a minute */
    assert_in_range(tries, 8 * 60, 8 * 60 + 8);
}

static void without_a_number_of_failures_it_never_opens(void **state)
{
    (void)state;
    const struct breaker_policy never = {.failures = 0, .pause_ms = 5000, .max_ms = 60000};
    struct breaker b = {0};
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_failure(&b, &never, i));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void words_name_the_states(void **state)
{
    (void)state;
    assert_string_equal(breaker_word(BREAKER_CLOSED), "closed");
    assert_string_equal(breaker_word(BREAKER_OPEN), "open");
    assert_string_equal(breaker_word(BREAKER_PROBING), "probing");
}

static void what_is_ones_own_goes_before_and_the_other_end_of_the_pauses_gives_way(void **state)
{
    (void)state;
    struct retry_policy with = retry_with(&policy, &(struct retry_own){0});
    assert_true(retry_same(&with, &policy));
    with = retry_with(&policy, &(struct retry_own){.attempts = 7, .first_ms = 90000});
    assert_int_equal(with.attempts, 7);
    assert_int_equal(with.first_ms, 90000);
    assert_int_equal(with.max_ms, 90000);
    with = retry_with(&policy, &(struct retry_own){.max_ms = 500, .factor = 4});
    assert_int_equal(with.first_ms, 500);
    assert_int_equal(with.max_ms, 500);
    assert_float_equal(with.factor, 4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ones_own_goes_before_and_the_other_end_of_the_pauses_gives_way),
        cmocka_unit_test(pauses_grow_up_to_the_limit_and_are_spread),
        cmocka_unit_test(odd_policies_give_sound_pauses),
        cmocka_unit_test(attempts_run_out),
        cmocka_unit_test(failures_in_a_row_open_it_and_a_success_between_does_not_count),
        cmocka_unit_test(one_probe_is_let_through_and_its_success_closes_it),
        cmocka_unit_test(failures_of_deliveries_under_way_do_not_prolong_the_pause),
        cmocka_unit_test(a_late_success_closes_it),
        cmocka_unit_test(an_undecided_probe_leaves_it_to_the_next_delivery),
        cmocka_unit_test(a_dead_place_costs_few_probes),
        cmocka_unit_test(without_a_number_of_failures_it_never_opens),
        cmocka_unit_test(words_name_the_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
