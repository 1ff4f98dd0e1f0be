/* The last hour minute by minute, and the last minute, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/minutes.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static uint64_t in_minute(const struct minutes *m, int64_t now_ms, int ago)
{
    uint64_t counts[MINUTES_KEPT];
    minutes_hour(m, now_ms, counts);
    return counts[MINUTES_KEPT - 1 - ago];
}

static uint64_t in_hour(const struct minutes *m, int64_t now_ms)
{
    uint64_t counts[MINUTES_KEPT], sum = 0;
    minutes_hour(m, now_ms, counts);
    for (int i = 0; i < MINUTES_KEPT; i++)
        sum += counts[i];
    return sum;
}

static void nothing_counted_is_nothing_at_any_time(void **state)
{
    (void)state;
    const int64_t times[] = {0, 1, MINUTE, HOUR - 1, HOUR, 1000 * HOUR};
    struct minutes m = {0};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(in_hour(&m, times[i]), 0);
        assert_int_equal(minutes_rate(&m, times[i]), 0);
    }
}

static void each_minute_keeps_its_own_until_an_hour_is_over(void **state)
{
    (void)state;
    struct minutes m = {0};
    int64_t begin = 100 * HOUR;
    for (int minute = 0; minute < 3; minute++)
        for (int n = 0; n <= minute; n++)
            minutes_count(&m, begin + minute * MINUTE + n * SECOND);
    int64_t now = begin + 2 * MINUTE + 59 * SECOND;
    assert_int_equal(in_minute(&m, now, 0), 3);
    assert_int_equal(in_minute(&m, now, 1), 2);
    assert_int_equal(in_minute(&m, now, 2), 1);
    assert_int_equal(in_minute(&m, now, 3), 0);
    assert_int_equal(in_minute(&m, now + MINUTE, 0), 0);
    assert_int_equal(in_minute(&m, now + MINUTE, 1), 3);
    assert_int_equal(in_hour(&m, begin + HOUR - 1), 6);
    assert_int_equal(in_hour(&m, begin + HOUR), 5);
    assert_int_equal(in_hour(&m, begin + 3 * MINUTE + HOUR), 0);
}

static void the_rate_is_that_of_the_last_sixty_seconds(void **state)
{
    (void)state;
    struct minutes m = {0};
    int64_t begin = 7 * HOUR + 30 * SECOND;
    for (int n = 0; n < 10; n++)
        minutes_count(&m, begin + n * SECOND);
    assert_int_equal(minutes_rate(&m, begin + 9 * SECOND), 10);
    assert_int_equal(minutes_rate(&m, begin + MINUTE - 1), 10);
    assert_int_equal(minutes_rate(&m, begin + MINUTE), 9);
    assert_int_equal(minutes_rate(&m, begin + MINUTE + 8 * SECOND), 1);
    assert_int_equal(minutes_rate(&m, begin + MINUTE + 9 * SECOND), 0);
}

static void what_was_counted_long_ago_does_not_come_back(void **state)
{
    (void)state;
    const int64_t pauses[] = {59 * MINUTE, HOUR, HOUR + MINUTE, 2 * HOUR, 1000 * HOUR};
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        struct minutes m = {0};
        for (int minute = 0; minute < MINUTES_KEPT; minute++)
            minutes_count(&m, minute * MINUTE);
        int64_t now = (MINUTES_KEPT - 1) * MINUTE + pauses[i];
        minutes_count(&m, now);
        assert_int_equal(in_hour(&m, now), pauses[i] < HOUR ? 2 : 1);
        assert_int_equal(minutes_rate(&m, now), 1);
    }
}

static void the_first_minute_of_all_is_counted_too(void **state)
{
    (void)state;
    struct minutes m = {0};
    minutes_count(&m, 0);
    minutes_count(&m, 5);
    assert_int_equal(in_minute(&m, 10, 0), 2);
    assert_int_equal(in_hour(&m, 10), 2);
    assert_int_equal(minutes_rate(&m, 10), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_counted_is_nothing_at_any_time),
        cmocka_unit_test(each_minute_keeps_its_own_until_an_hour_is_over),
        cmocka_unit_test(the_rate_is_that_of_the_last_sixty_seconds),
        cmocka_unit_test(what_was_counted_long_ago_does_not_come_back),
        cmocka_unit_test(the_first_minute_of_all_is_counted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
