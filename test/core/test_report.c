/* test_report.c: what a report says of the days that it is made of, which day is due, and how much of it is shown. */
#include "shunt/core/report.h"
#include "shunt/core/when.h"

#include "../scarce.h"
#include "stats_day.h"

#define NOON INT64_C(1770375600000) /* 2026-02-06 12:00 in Berlin */
#define ZONE "CET-1CEST,M3.5.0,M10.5.0/3"

static const struct report_brand brand = {"shunt", "#1F6FEB", "#000000", "Arial"};

static json_t *days_of(const struct stats *first, const struct stats *second)
{
    return json_pack("{s:o, s:o*}", "0", stats_to_json(first), "1", second ? stats_to_json(second) : NULL);
}

static void check_number(const json_t *report, const char *path, double expected)
{
    const json_t *at = report;
    char copy[200], *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key; (key = strsep(&rest, "."));)
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    if (!json_is_number(at) || json_number_value(at) < expected - 1e-6 || json_number_value(at) > expected + 1e-6)
        fail_msg("%s is %f, not %f", path, json_number_value(at), expected);
}

static const char *text_at(const json_t *list, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(list, i), key));
}

static void the_numbers_of_all_instances_are_summed_up(void **state)
{
    (void)state;
    set_zone(ZONE);
    struct stats *a = busy_day(), *b = busy_day();
    struct stats_outcome o = outcome("BISSELL", "CELTRA", WAY_PERIODIC);
    for (int i = 0; i < 3; i++)
        stats_processed(b, &o);
    stats_delivered(b, &(struct stats_slow){"BISSELL", "slow.json", "x", 9000, NOON});
    json_t *days = days_of(a, b), *before = days_of(a, NULL);
    const struct report_source source = {
        .day = DAY, .days = days, .days_before = before, .now_ms = NOON + 12 * HOUR_MS + 3000};
    json_t *r = report_new(&source);
    check_number(r, "totals.processed", 5);
    check_number(r, "totals.errors", 2);
    check_number(r, "totals.success_percent", 71.4);
    check_number(r, "totals.average_ms", 100);
    check_number(r, "totals.average_batch", 2);
    check_number(r, "totals.failed_attempts", 2);
    check_number(r, "scans.completed", 2);
    check_number(r, "scans.average_ms", 1234.5);
    check_number(r, "ways.STARTUP", 2);
    check_number(r, "hours.15.processed", 5);
    check_number(r, "day_before.processed", 1);
    assert_true(json_is_null(json_object_get(r, "week_before")));
    assert_true(json_is_true(json_object_get(r, "complete")));
    assert_true(json_is_true(json_object_get(r, "counted")));
    /* The busiest first, and nothing of which nothing came. */
    const json_t *clients = json_object_get(r, "clients");
    assert_int_equal(json_array_size(clients), 3);
    assert_int_equal(json_array_size(json_object_get(r, "destinations")), 2);
    check_number(r, "clients.0.processed", 3);
    check_number(r, "clients.0.categories.CELTRA", 3);
    assert_string_equal(text_at(json_object_get(r, "slowest"), 0, "file"), "slow.json");
    assert_int_equal(json_array_size(json_object_get(r, "last_errors")), 2);
    json_decref(r);
    json_decref(days);
    json_decref(before);
    stats_free(a);
    stats_free(b);
    set_zone("UTC0");
}

static void a_day_of_which_nothing_is_kept_or_that_is_damaged_is_empty(void **state)
{
    (void)state;
    json_t *damaged = json_pack("{s:{s:i}}", "0", "date", DAY);
    const struct report_source sources[] = {{.day = DAY, .now_ms = NOON},
                                            {.day = DAY, .now_ms = NOON, .days = damaged}};
    for (size_t i = 0; i < 2; i++) {
        json_t *r = report_new(&sources[i]);
        assert_non_null(r);
        assert_false(json_is_true(json_object_get(r, "counted")));
        assert_false(json_is_true(json_object_get(r, "complete")));
        assert_true(json_is_null(json_object_get(json_object_get(r, "totals"), "success_percent")));
        assert_int_equal(json_array_size(json_object_get(r, "clients")), 0);
        json_t *view = report_view(r, &brand, REPORT_ROWS);
        assert_true(json_is_true(json_object_get(view, "uncounted")));
        json_decref(view);
        json_decref(r);
    }
    json_decref(damaged);
}

static void alerts_are_those_of_the_day(void **state)
{
    (void)state;
    set_zone(ZONE);
    json_t *alerts = json_pack("[{s:s,s:s,s:n}, {s:s,s:s,s:s}, {s:s,s:s,s:s}, {s:s,s:s,s:n}]", "subject", "open",
                               "opened_at", "2026-02-01T00:00:00.000Z", "closed_at", "subject", "over", "opened_at",
                               "2026-02-05T00:00:00.000Z", "closed_at", "2026-02-05T22:59:59.999Z", "subject", "within",
                               "opened_at", "2026-02-05T23:00:00.000Z", "closed_at", "2026-02-05T23:00:01.000Z",
                               "subject", "next", "opened_at", "2026-02-06T23:00:00.000Z", "closed_at");
    const struct report_source source = {.day = DAY, .now_ms = NOON, .alerts = alerts};
    json_t *r = report_new(&source);
    const json_t *list = json_object_get(r, "alerts");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_at(list, 0, "subject"), "open");
    assert_string_equal(text_at(list, 1, "subject"), "within");
    json_decref(r);
    json_decref(alerts);
    set_zone("UTC0");
}

/* Looked at every ten minutes: how often does a later day become due? */
static unsigned days_due(int64_t from_ms, int64_t to_ms, int at_minutes)
{
    unsigned days = 0;
    int last = report_due_day(from_ms, at_minutes);
    for (int64_t now = from_ms; now < to_ms; now += 600000) {
        int due = report_due_day(now, at_minutes);
        days += due > last; /* it goes back where an hour is there twice: then it is made already */
        last = due > last ? due : last;
    }
    return days;
}

static void each_day_of_a_year_is_due_once_whatever_summer_time_does(void **state)
{
    (void)state;
    static const char *const zones[] = {ZONE, "<-03>3<-02>,M10.3.0/0,M2.3.0/0", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                                        "UTC0"};
    static const char *const times[] = {"00:00", "00:30", "02:30", "03:00", "23:59"};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        set_zone(zones[i]);
        for (size_t k = 0; k < sizeof times / sizeof *times; k++)
            assert_int_equal(days_due(NOON, NOON + 365 * 24 * HOUR_MS, report_at_minutes(times[k])), 365);
    }
    set_zone("UTC0");
}

static void a_day_is_due_when_its_time_has_come(void **state)
{
    (void)state;
    set_zone(ZONE);
    assert_int_equal(report_due_day(NOON + 12 * HOUR_MS - 1, 0), 20260205);
    assert_int_equal(report_due_day(NOON + 12 * HOUR_MS, 0), 20260206);
    assert_int_equal(report_due_day(NOON + 12 * HOUR_MS, 390), 20260205);
    assert_int_equal(report_due_day(NOON + 18 * HOUR_MS + HOUR_MS / 2, 390), 20260206);
    assert_false(report_is_late(20260206, 390, NOON + 18 * HOUR_MS + HOUR_MS / 2 + 60000));
    assert_true(report_is_late(20260206, 390, NOON + 19 * HOUR_MS));
    assert_true(report_is_late(20260205, 0, NOON));
    assert_int_equal(report_at_minutes("23:59"), 1439);
    static const char *const bad[] = {"24:00", "12:60", "1:00", "12:3", "12:300", "ab:cd", "", "12.30"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(report_at_minutes(bad[i]), -1);
    set_zone("UTC0");
}

static bool is_even(void *user, int day)
{
    (void)user;
    return day % 2 == 0;
}

static bool is_never(void *user, int day)
{
    (void)user;
    (void)day;
    return false;
}

static void what_was_missed_is_made_up_for_day_by_day(void **state)
{
    (void)state;
    json_t *made = json_pack("[i]", 20260225);
    /* From the last on, also days without statistics, over the end of a month. */
    const int expected[] = {20260226, 20260227, 20260228, 20260301, 20260302, 0};
    for (size_t i = 0; i < 6; i++) {
        int day = report_next_day(20260302, made, is_never, NULL);
        assert_int_equal(day, expected[i]);
        json_array_append_new(made, json_integer(day));
    }
    json_decref(made);
    /* After a long time only days of which something is kept, of a week at most, and the one on which it began. */
    made = json_pack("[i]", 20250101);
    assert_int_equal(report_next_day(20260320, made, is_never, NULL), 0);
    assert_int_equal(report_next_day(20260320, made, is_even, NULL), 20260312);
    json_array_append_new(made, json_integer(20260312));
    assert_int_equal(report_next_day(20260320, made, is_even, NULL), 20260314);
    json_array_remove(made, 1);
    json_array_append_new(made, json_integer(20260320));
    assert_int_equal(report_next_day(20260319, made, is_never, NULL), 0); /* the clock went back */
    json_decref(made);
    /* Of what was before the first there is none. */
    made = json_pack("[i]", 20260320);
    assert_int_equal(report_next_day(20260320, made, is_even, NULL), 0);
    assert_int_equal(report_next_day(20260321, made, is_never, NULL), 20260321);
    json_decref(made);
}

static void texts_are_one_line_and_short_whatever_a_name_holds(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    char error[20000];
    memset(error, '<', sizeof error);
    error[sizeof error - 1] = '\0';
    memcpy(error, "a\nb\r\x1b[31m\xe2\x80\xae", 12);
    const struct stats_outcome o = outcome("x\n\"><script>", "c\td", WAY_REALTIME);
    stats_failed(s, &o, "f\n.json", error, NOON);
    json_t *days = days_of(s, NULL);
    const struct report_source source = {.day = DAY, .now_ms = NOON, .days = days};
    json_t *r = report_new(&source), *view = report_view(r, &brand, REPORT_ROWS);
    const json_t *e = json_array_get(json_object_get(view, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(e, "client")), "x\\n\"><script>");
    const char *text = json_string_value(json_object_get(e, "error"));
    assert_memory_equal(text, "a\\nb\\r\\x1b[31m\\u202e<<", 22);
    assert_true(strlen(text) < 260);
    for (const char *line = json_string_value(json_object_get(e, "error_lines")), *end; line;
         line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        assert_true((end ? (size_t)(end - line) : strlen(line)) <= REPORT_COLUMNS + 2); /* the ellipsis is 3 bytes */
    }
    json_decref(view);
    json_decref(r);
    json_decref(days);
    stats_free(s);
}

static void of_many_clients_the_first_are_shown_and_the_rest_is_counted(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "C%03d", i);
        const struct stats_outcome o = outcome(name, "P", WAY_REALTIME);
        for (int k = 0; k <= i / 100; k++)
            stats_processed(s, &o);
    }
    json_t *days = days_of(s, NULL);
    const struct report_source source = {.day = DAY, .now_ms = NOON, .days = days};
    json_t *r = report_new(&source), *view = report_view(r, &brand, 40);
    const json_t *clients = json_object_get(view, "clients");
    assert_int_equal(json_array_size(json_object_get(clients, "rows")), 40);
    assert_string_equal(text_at(json_object_get(clients, "rows"), 0, "name"), "C400");
    assert_string_equal(json_string_value(json_object_get(clients, "more")), "and 460 more clients with 1,300 tickets");
    json_decref(view);
    json_decref(r);
    json_decref(days);
    stats_free(s);
}

static void want_of_memory_makes_no_report(void **state)
{
    (void)state;
    struct stats *s = busy_day();
    json_t *days = days_of(s, s);
    const struct report_source source = {
        .day = DAY, .now_ms = NOON, .days = days, .days_before = days, .days_week = days};
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        json_t *r = report_new(&source), *view = r ? report_view(r, &brand, REPORT_ROWS) : NULL;
        bool hit = scarce_end();
        assert_true(hit || view);
        json_decref(view);
        json_decref(r);
    }
    json_decref(days);
    stats_free(s);
}

int main(void)
{
    set_zone("UTC0");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_of_all_instances_are_summed_up),
        cmocka_unit_test(a_day_of_which_nothing_is_kept_or_that_is_damaged_is_empty),
        cmocka_unit_test(alerts_are_those_of_the_day),
        cmocka_unit_test(each_day_of_a_year_is_due_once_whatever_summer_time_does),
        cmocka_unit_test(a_day_is_due_when_its_time_has_come),
        cmocka_unit_test(what_was_missed_is_made_up_for_day_by_day),
        cmocka_unit_test(texts_are_one_line_and_short_whatever_a_name_holds),
        cmocka_unit_test(of_many_clients_the_first_are_shown_and_the_rest_is_counted),
        cmocka_unit_test(want_of_memory_makes_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
