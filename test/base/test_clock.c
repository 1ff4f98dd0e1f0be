#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/base/clock.h"

static void zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

/* POSIX zones, so that no time zone files are needed */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void times_are_written_in_the_local_zone(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_MAX];
    const int64_t wall = INT64_C(1770388246123); /* 2026-02-06T14:30:46.123Z */
    zone(BERLIN);
    clock_rfc3339(wall, text);
    assert_string_equal(text, "2026-02-06T15:30:46.123+01:00");
    clock_plain(wall, text);
    assert_string_equal(text, "2026-02-06 15:30:46");
    clock_file_stamp(wall, text);
    assert_string_equal(text, "20260206_153046");
    zone("UTC0");
    clock_rfc3339(wall, text);
    assert_string_equal(text, "2026-02-06T14:30:46.123Z");
    zone("NST3:30");
    clock_rfc3339(wall, text);
    assert_string_equal(text, "2026-02-06T11:00:46.123-03:30");
    zone("IST-5:30");
    clock_rfc3339(wall, text);
    assert_string_equal(text, "2026-02-06T20:00:46.123+05:30");
}

static void the_day_turns_at_local_midnight(void **state)
{
    (void)state;
    zone(BERLIN);
    const int64_t midnight = INT64_C(1770418800000); /* 2026-02-07T00:00:00+01:00 */
    assert_int_equal(clock_local_date(midnight - 1), 20260206);
    assert_int_equal(clock_local_hour(midnight - 1), 23);
    assert_int_equal(clock_local_date(midnight), 20260207);
    assert_int_equal(clock_local_hour(midnight), 0);
}

static void summer_time_moves_the_offset(void **state)
{
    (void)state;
    zone(BERLIN);
    char text[CLOCK_RFC3339_MAX];
    const int64_t change = INT64_C(1774746000000); /* 2026-03-29T01:00:00Z */
    clock_rfc3339(change - 1, text);
    assert_string_equal(text, "2026-03-29T01:59:59.999+01:00");
    clock_rfc3339(change, text);
    assert_string_equal(text, "2026-03-29T03:00:00.000+02:00");
}

static void times_before_1970_and_far_ahead_do_not_break(void **state)
{
    (void)state;
    zone("UTC0");
    char text[CLOCK_RFC3339_MAX];
    clock_rfc3339(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    clock_rfc3339(INT64_MAX, text);
    clock_plain(INT64_MIN, text);
    clock_file_stamp(INT64_MAX, text);
}

static void the_real_clock_runs(void **state)
{
    (void)state;
    int64_t mono = clock_real.mono_ms(&clock_real);
    assert_true(clock_real.mono_ms(&clock_real) >= mono);
    assert_true(clock_real.wall_ms(&clock_real) > INT64_C(1700000000000));
}

static void a_virtual_clock_stands_until_told(void **state)
{
    (void)state;
    struct clock_virtual c;
    clock_virtual_init(&c, 5000);
    int64_t mono = c.clock.mono_ms(&c.clock);
    assert_int_equal(c.clock.wall_ms(&c.clock), 5000);
    clock_virtual_advance(&c, 250);
    assert_int_equal(c.clock.wall_ms(&c.clock), 5250);
    assert_int_equal(c.clock.mono_ms(&c.clock), mono + 250);
    c.wall = 1;
    assert_int_equal(c.clock.wall_ms(&c.clock), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_the_local_zone),
        cmocka_unit_test(the_day_turns_at_local_midnight),
        cmocka_unit_test(summer_time_moves_the_offset),
        cmocka_unit_test(times_before_1970_and_far_ahead_do_not_break),
        cmocka_unit_test(the_real_clock_runs),
        cmocka_unit_test(a_virtual_clock_stands_until_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
