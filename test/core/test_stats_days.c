/* test_stats_days.c: midnight on a virtual clock: each day ends once, whatever the clock does. */
#include "../scarce.h"
#include "stats_day.h"

static int date_of(const struct clock_virtual *c)
{
    return clock_local_date(c->clock.wall_ms(&c->clock));
}

static unsigned turns_until(struct stats *s, struct clock_virtual *c, int64_t end_wall, int64_t step)
{
    unsigned turns = 0;
    while (c->wall < end_wall) {
        json_t *ended;
        clock_virtual_advance(c, step);
        if (stats_turn(s, date_of(c), &ended)) {
            assert_non_null(ended);
            turns++;
        } else {
            assert_null(ended);
        }
        json_decref(ended);
    }
    return turns;
}

static void a_day_ends_once_with_all_its_numbers(void **state)
{
    (void)state;
    struct stats *s = busy_day();
    json_t *whole = stats_to_json(s), *ended = NULL;
    assert_false(stats_turn(s, DAY, &ended));
    assert_null(ended);
    assert_true(stats_turn(s, DAY + 1, &ended));
    assert_true(json_equal(whole, ended));
    assert_int_equal(stats_date(s), DAY + 1);
    check_line(s, "Today: 0 processed (startup: 0) (periodic: 0), 0 errors, 100.0% success");
    json_t *empty = stats_to_json(s);
    assert_int_equal(json_object_size(json_object_get(empty, "clients")), 1);
    assert_int_equal(json_array_size(json_object_get(empty, "last_errors")), 0);
    json_decref(empty);
    json_decref(whole);
    json_decref(ended);
    stats_free(s);
}

/* Each number of the JSON, but for those that tell which day and how slow. */
static void check_doubled(const json_t *one, const json_t *two)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)one, key, value) {
        const json_t *other = json_object_get(two, key);
        if (strcmp(key, "date") == 0 || strcmp(key, "version") == 0)
            continue;
        assert_non_null(other);
        if (json_is_object(value))
            check_doubled(value, other);
        else if (json_is_number(value) && json_number_value(other) != 2 * json_number_value(value))
            fail_msg("%s: %f, then %f", key, json_number_value(value), json_number_value(other));
    }
    assert_int_equal(json_object_size(one), json_object_size(two));
}

static void parts_of_a_day_are_summed_up(void **state)
{
    (void)state;
    struct stats *s = busy_day(), *later = busy_day();
    stats_retried(s);
    stats_retried(later);
    stats_scan_skipped(s);
    stats_scan_skipped(later);
    stats_scan_timed_out(s);
    stats_scan_timed_out(later);
    stats_found_by_scan_only(s, 3);
    stats_found_by_scan_only(later, 3);
    json_t *one = stats_to_json(s);
    stats_add(s, later);
    json_t *two = stats_to_json(s);
    check_doubled(one, two);
    assert_int_equal(number_in(s, "hours.15.processed"), 2);
    assert_int_equal(number_in(s, "hours.15.errors"), 2);
    assert_int_equal(json_array_size(json_object_get(two, "last_errors")), 2);
    assert_int_equal(json_array_size(json_object_get(two, "slowest")), 2);
    json_decref(one);
    json_decref(two);
    stats_free(later);
    stats_free(s);
}

static void of_two_full_parts_the_newest_errors_and_the_slowest_deliveries_stay(void **state)
{
    (void)state;
    struct stats *s = new_stats(), *later = new_stats();
    struct stats_outcome o = outcome("RANK", NULL, WAY_STARTUP);
    char name[32];
    for (int i = 0; i < STATS_KEYS_MAX + 7; i++) {
        snprintf(name, sizeof name, "c%d", i);
        o.client = name;
        stats_failed(s, &o, "old.json", "bad", i);
        snprintf(name, sizeof name, "d%d", i);
        stats_failed(later, &o, i % 2 ? "odd.json" : "even.json", "bad", i);
        stats_delivered(s, &(struct stats_slow){"RANK", "s", "x", i, 1});
        stats_delivered(later, &(struct stats_slow){"RANK", "l", "x", i + 0.5, 1});
    }
    stats_add(s, later);
    json_t *sum = stats_to_json(s), *again;
    const json_t *last = json_array_get(json_object_get(sum, "last_errors"), STATS_ERRORS_MAX - 1);
    assert_int_equal(json_integer_value(json_object_get(last, "time")), STATS_KEYS_MAX + 6);
    assert_string_equal(json_string_value(json_object_get(last, "file")), "even.json");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(sum, "slowest"), 0), "file")),
                        "l");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(sum, "slowest"), 1), "file")),
                        "s");
    assert_int_equal(number_in(s, "totals.errors"), 2 * (STATS_KEYS_MAX + 7));
    assert_int_equal(number_in(s, "clients.(others).errors"), STATS_KEYS_MAX + 14);
    struct stats *read = new_stats();
    assert_int_equal(stats_from_json(read, sum), 0);
    again = stats_to_json(read);
    assert_true(json_equal(sum, again));
    json_decref(sum);
    json_decref(again);
    stats_free(read);
    stats_free(later);
    stats_free(s);
}

/* A year in a zone with daylight saving, looked at every half minute around each change and every 20 minutes else. */
static void a_year_has_365_turns_also_with_daylight_saving(void **state)
{
    (void)state;
    const char *const zones[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "<-03>3<-02>,M10.3.0/0,M2.3.0/0", "UTC0"};
    for (size_t i = 0; i < 3; i++) {
        set_zone(zones[i]);
        struct clock_virtual c;
        clock_virtual_init(&c, INT64_C(1767268800000)); /* 2026-01-01 12:00 UTC */
        struct stats *s = stats_new(date_of(&c));
        assert_int_equal(turns_until(s, &c, c.wall + 365 * 24 * HOUR_MS, HOUR_MS / 3), 365);
        assert_int_equal(stats_date(s), 20270101);
        stats_free(s);
    }
    set_zone("UTC0");
}

static void a_clock_that_steps_over_midnight_and_back_begins_each_date_once(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    struct clock_virtual c;
    clock_virtual_init(&c, INT64_C(1770418500000)); /* 2026-02-06 23:55 local */
    struct stats *s = stats_new(date_of(&c));
    assert_int_equal(stats_date(s), 20260206);
    unsigned turns = 0;
    for (int i = 0; i < 1000; i++) {
        json_t *ended;
        c.wall += i % 2 == 0 ? HOUR_MS : -HOUR_MS;
        turns += stats_turn(s, date_of(&c), &ended);
        json_decref(ended);
        /* What is counted meanwhile belongs to the day that has begun. */
        stats_batch(s, 1);
    }
    assert_int_equal(turns, 1);
    assert_int_equal(stats_date(s), 20260207);
    assert_int_equal(stats_totals_of(s)->batches, 1000);
    c.wall = INT64_C(1770418500000);
    assert_int_equal(turns_until(s, &c, c.wall + 24 * HOUR_MS + HOUR_MS / 6, 30000), 1);
    stats_free(s);
    set_zone("UTC0");
}

static void without_memory_a_day_does_not_end_but_is_kept(void **state)
{
    (void)state;
    SCARCE_SWEEP (n) {
        struct stats *s = busy_day();
        json_t *ended;
        scarce_begin(n, 1);
        bool turned = stats_turn(s, DAY + 1, &ended);
        bool hit = scarce_end();
        assert_int_equal(turned, !hit);
        assert_int_equal(ended == NULL, hit);
        assert_int_equal(stats_totals_of(s)->processed, hit ? 1 : 0);
        if (hit)
            assert_true(stats_turn(s, DAY + 1, &ended));
        assert_int_equal(json_integer_value(json_object_get(ended, "date")), DAY);
        json_decref(ended);
        stats_free(s);
    }
}

static void a_clock_that_was_years_ahead_for_a_moment_does_not_stop_the_days(void **state)
{
    (void)state;
    json_t *ended;
    struct stats *s = stats_new(20260228);
    assert_true(stats_turn(s, 20380119, &ended));
    json_decref(ended);
    assert_false(stats_turn(s, 20380118, &ended)); /* a day back is no more than a clock that is set a little */
    assert_true(stats_turn(s, 20260228, &ended));
    json_decref(ended);
    assert_false(stats_turn(s, 20260227, &ended));
    assert_true(stats_turn(s, 20260301, &ended)); /* no leap year */
    json_decref(ended);
    assert_false(stats_turn(s, 20260228, &ended));
    assert_int_equal(stats_date(s), 20260301);
    stats_free(s);
}

int main(void)
{
    set_zone("UTC0");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_was_years_ahead_for_a_moment_does_not_stop_the_days),
        cmocka_unit_test(a_day_ends_once_with_all_its_numbers),
        cmocka_unit_test(parts_of_a_day_are_summed_up),
        cmocka_unit_test(of_two_full_parts_the_newest_errors_and_the_slowest_deliveries_stay),
        cmocka_unit_test(a_year_has_365_turns_also_with_daylight_saving),
        cmocka_unit_test(a_clock_that_steps_over_midnight_and_back_begins_each_date_once),
        cmocka_unit_test(without_memory_a_day_does_not_end_but_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
