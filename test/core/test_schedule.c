/* Two years of minutes in several zones, against a reference that does nothing but look at the local clock minute by
 * minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/core/schedule.h"

#define MINUTE  INT64_C(60000)
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)
#define FIRST   INT64_C(29399040) /* 2025-11-24 00:00 UTC, in minutes */
#define MINUTES ((int64_t)(2 * 366 + 60) * 1440)

static const struct zone {
    const char *name;
    int changes; /* of the offset in that time */
} zones[] = {
    {"Europe/Berlin", 4},
    {"America/New_York", 4},
    {"Australia/Sydney", 4},
    {"Asia/Kolkata", 0},
    {"UTC", 0},
    {"Australia/Lord_Howe", 4},
    {"Asia/Beirut", 4} /* its gap is at midnight */,
};
#define N_ZONES (sizeof zones / sizeof *zones)

/* --- what the local clock shows --- */

struct shown {
    int64_t count; /* grows with date and time, for comparing */
    int minute;    /* of the day */
    int mday, month, weekday;
};
static struct shown clock_of[MINUTES];

static void look_at_clock(const struct zone *zone)
{
    int changes = 0;
    setenv("TZ", zone->name, 1);
    tzset();
    for (int64_t i = 0; i < MINUTES; i++) {
        time_t t = (time_t)((FIRST + i) * 60);
        struct tm tm;
        localtime_r(&t, &tm);
        clock_of[i] = (struct shown){
            .count = ((((int64_t)tm.tm_year * 12 + tm.tm_mon) * 31 + tm.tm_mday) * 24 + tm.tm_hour) * 60 + tm.tm_min,
            .minute = tm.tm_hour * 60 + tm.tm_min,
            .mday = tm.tm_mday,
            .month = tm.tm_mon + 1,
            .weekday = tm.tm_wday};
        changes += i > 0 && (clock_of[i].minute - clock_of[i - 1].minute + 1440) % 1440 != 1;
    }
    assert_int_equal(changes, zone->changes);
}

/* --- the reference --- */

struct rule {
    const char *name;
    bool dense;       /* so many runs that two zones must do */
    int64_t every;    /* minutes; 0: */
    const char *cron; /* or */
    const char *at[3];
    bool (*due)(int minute, int mday, int month, int weekday); /* of cron and at: by the wall */
};

static bool due_at_1900(int minute, int mday, int month, int weekday)
{
    (void)mday, (void)month, (void)weekday;
    return minute == 19 * 60;
}
static bool due_at_0230_2310(int minute, int mday, int month, int weekday)
{
    (void)mday, (void)month, (void)weekday;
    return minute == 150 || minute == 23 * 60 + 10;
}
static bool due_at_midnight(int minute, int mday, int month, int weekday)
{
    (void)mday, (void)month, (void)weekday;
    return minute == 0;
}
static bool due_office(int minute, int mday, int month, int weekday)
{
    (void)mday, (void)month;
    return minute % 5 == 0 && minute / 60 >= 8 && minute / 60 <= 18 && weekday >= 1 && weekday <= 5;
}
static bool due_nights(int minute, int mday, int month, int weekday)
{
    (void)mday, (void)month, (void)weekday;
    return minute % 20 == 7 && minute / 60 <= 4;
}
static bool due_13th_or_friday(int minute, int mday, int month, int weekday)
{
    (void)month;
    return minute == 3 * 60 + 15 && (mday == 13 || weekday == 5);
}
static bool due_quarter(int minute, int mday, int month, int weekday)
{
    (void)weekday;
    return minute == 1 && mday == 1 && month % 3 == 1;
}
static bool due_always(int minute, int mday, int month, int weekday)
{
    (void)minute, (void)mday, (void)month, (void)weekday;
    return true;
}

static const struct rule rules[] = {
    {.name = "every 3m", .dense = true, .every = 3},
    {.name = "every 45m", .every = 45},
    {.name = "every 7h", .every = 420},
    {.name = "at 19:00", .at = {"19:00"}, .due = due_at_1900},
    {.name = "at 2:30, 23:10", .at = {"2:30", "23:10"}, .due = due_at_0230_2310},
    {.name = "at 0:00", .at = {"00:00"}, .due = due_at_midnight},
    {.name = "office", .dense = true, .cron = "*/5 8-18 * * mon-fri", .due = due_office},
    {.name = "nights", .cron = "7-59/20 0-4 * * *", .due = due_nights},
    {.name = "13th or Friday", .cron = "15 3 13 * 5", .due = due_13th_or_friday},
    {.name = "quarter", .cron = "\"1 0 1 jan,apr,jul,oct *\"", .due = due_quarter},
    {.name = "always", .dense = true, .cron = "* * * * *", .due = due_always},
};
#define N_RULES (sizeof rules / sizeof *rules)

static bool reference_off(int64_t i)
{
    const struct shown *c = &clock_of[i];
    return c->weekday == 0 || c->weekday == 6 || c->minute >= 22 * 60 || c->minute < 5 * 60;
}

/* May it start in this minute, as far as the cadence goes? */
static bool reference_free(int64_t i)
{
    return !reference_off(i) || clock_of[i].minute % 30 == 0;
}

/* Is a wall time that it asks for reached in this minute, for the first time? Walls in a gap are reached at its end. */
static bool reference_reached(const struct rule *rule, int64_t i, int64_t *most)
{
    const struct shown *c = &clock_of[i], *before = &clock_of[i - 1];
    bool reached = c->count > *most && rule->due(c->minute, c->mday, c->month, c->weekday);
    int gap = (c->minute - before->minute + 1440) % 1440; /* over midnight the skipped walls are of the new day */
    if (c->count > *most && gap > 1 && gap < 720)
        for (int k = 1; k < gap; k++)
            reached = reached || rule->due((before->minute + k) % 1440, c->mday, c->month, c->weekday);
    *most = c->count > *most ? c->count : *most;
    return reached;
}

static bool runs[MINUTES];

static void make_reference(const struct rule *rule, bool cadence)
{
    int64_t most = clock_of[0].count, last = 0;
    bool pending = false;
    memset(runs, 0, sizeof runs);
    for (int64_t i = 1; i < MINUTES; i++) {
        bool off = cadence && reference_off(i);
        if (rule->every > 0)
            pending = i - last >= rule->every + (off ? 30 : 0);
        else
            pending = reference_reached(rule, i, &most) || pending;
        runs[i] = pending && (!cadence || reference_free(i));
        if (runs[i]) {
            last = i;
            pending = false;
        }
    }
}

/* --- ours --- */

static void make_schedule(const struct rule *rule, struct schedule *s)
{
    size_t n = 0;
    char times[3][8];
    char *items[3];
    for (; n < 3 && rule->at[n]; n++) {
        snprintf(times[n], sizeof times[n], "%s", rule->at[n]);
        items[n] = times[n];
    }
    if (rule->every > 0)
        schedule_every(s, rule->every * MINUTE);
    else if (rule->cron)
        assert_int_equal(schedule_cron(s, rule->cron, NULL), 0);
    else
        assert_int_equal(schedule_at(s, items, n, NULL), 0);
}

static struct off_hours the_off_hours(void)
{
    struct off_hours off = {.on = true, .add_ms = 30 * MINUTE};
    char sat[] = "sat", sun[] = "sun", zero[] = "0", thirty[] = "30";
    assert_int_equal(off_hours_span(&off, "22:00-05:00", NULL), 0);
    assert_int_equal(off_hours_days(&off, (char *[]){sat, sun}, 2, NULL), 0);
    assert_int_equal(off_hours_minutes(&off, (char *[]){zero, thirty}, 2, NULL), 0);
    return off;
}

static int64_t ms_of(int64_t i)
{
    return (FIRST + i) * MINUTE;
}

/* From run to run, and from moments between them. */
static void compare(const char *zone, const struct rule *rule, const struct off_hours *off)
{
    struct schedule s;
    make_schedule(rule, &s);
    make_reference(rule, off != NULL);
    int64_t last = 0, runs_seen = 0;
    for (int64_t i = 1; i < MINUTES; i++) {
        if (!runs[i])
            continue;
        const int64_t after[] = {last, last + (i - last) / 2, i - 1};
        for (size_t k = 0; k < (rule->dense ? 1 : 3) && last >= 1440;
             k++) { /* the reference knows nothing of the time before it begins */
            int64_t next = schedule_next(&s, off, ms_of(last), ms_of(after[k]));
            if (next != ms_of(i))
                fail_msg("%s, %s%s: after minute %lld comes %lld, not %lld", zone, rule->name, off ? ", off hours" : "",
                         (long long)after[k], (long long)(next / MINUTE - FIRST), (long long)i);
        }
        last = i;
        runs_seen++;
    }
    assert_true(runs_seen >= 8);
}

static void every_run_of_two_years_is_that_of_the_reference(void **state)
{
    (void)state;
    for (size_t z = 0; z < N_ZONES; z++) {
        look_at_clock(&zones[z]);
        for (size_t r = 0; r < N_RULES; r++)
            if (!rules[r].dense || z == 0 || z == 5)
                compare(zones[z].name, &rules[r], NULL);
    }
}

static void in_off_hours_tasks_run_less_often_and_at_the_named_minutes(void **state)
{
    (void)state;
    const struct off_hours off = the_off_hours();
    for (size_t z = 0; z < N_ZONES; z++) {
        look_at_clock(&zones[z]);
        for (size_t r = 0; r < N_RULES; r++)
            if (!rules[r].dense || z == 0 || z == 5)
                compare(zones[z].name, &rules[r], &off);
    }
}

/* What is promised, said without the reference. */
static void the_cadence_keeps_its_promises(void **state)
{
    (void)state;
    const struct off_hours off = the_off_hours();
    struct schedule s;
    schedule_every(&s, 3 * MINUTE);
    for (size_t z = 0; z < N_ZONES; z++) {
        look_at_clock(&zones[z]);
        for (int64_t last = ms_of(0), next; last < ms_of(MINUTES - 3000); last = next) {
            next = schedule_next(&s, &off, last, last);
            int64_t i = next / MINUTE - FIRST;
            bool in_off = reference_off(i);
            assert_true(next >= last + 3 * MINUTE);
            assert_int_equal(off_hours_at(&off, next), in_off);
            assert_true(!in_off || (next >= last + 33 * MINUTE && clock_of[i].minute % 30 == 0));
            /* 33 minutes, and at most an hour until minute 0 or 30 comes, also where the clock is set */
            assert_true(next - last <= (in_off || reference_off(last / MINUTE - FIRST) ? 93 : 3) * MINUTE);
        }
    }
}

static void an_interval_counts_from_the_last_run_and_not_to_the_minute(void **state)
{
    (void)state;
    struct schedule s;
    struct off_hours off = the_off_hours();
    look_at_clock(&zones[4]); /* UTC */
    int64_t monday = ms_of(14 * 1440);
    schedule_every(&s, 1500);
    assert_int_equal(schedule_next(&s, NULL, monday, monday), monday + 1500);
    assert_int_equal(schedule_next(&s, NULL, monday, monday + 9999), monday + 10000);
    /* Friday 21:59:59.500 + 1.5 s is in the off hours */
    int64_t friday = monday + 4 * DAY + 22 * HOUR - 500;
    assert_int_equal(schedule_next(&s, &off, friday, friday), monday + 4 * DAY + 23 * HOUR);
    /* Monday 04:30 + 1.5 s: at their end */
    assert_int_equal(schedule_next(&s, &off, monday + 4 * HOUR + 30 * MINUTE, monday + 4 * HOUR + 30 * MINUTE),
                     monday + 5 * HOUR);
    off.on = false;
    assert_int_equal(schedule_next(&s, &off, friday, friday), friday + 1500);
}

static void what_starts_late_waits_for_a_named_minute(void **state)
{
    (void)state;
    const struct off_hours off = the_off_hours();
    look_at_clock(&zones[4]);
    int64_t night = ms_of(14 * 1440) + 2 * HOUR;
    assert_int_equal(off_hours_start(&off, night + 59999), night + 59999);
    assert_int_equal(off_hours_start(&off, night + MINUTE), night + 30 * MINUTE);
    assert_int_equal(off_hours_start(&off, night + 4 * HOUR + 1), night + 4 * HOUR + 1);
    assert_int_equal(off_hours_start(NULL, night + MINUTE), night + MINUTE);
}

static void a_skipped_day_is_made_up_for_at_its_end(void **state)
{
    (void)state;
    struct schedule s;
    char noon[] = "12:00";
    setenv("TZ", "Pacific/Apia", 1); /* there was no 2011-12-30 */
    tzset();
    assert_int_equal(schedule_at(&s, (char *[]){noon}, 1, NULL), 0);
    int64_t thursday = INT64_C(1325196000000); /* 2011-12-29 12:00 local, -10:00 */
    assert_int_equal(schedule_next(&s, NULL, 0, thursday - 1), thursday);
    assert_int_equal(schedule_next(&s, NULL, 0, thursday), thursday + 12 * HOUR);
    assert_int_equal(schedule_next(&s, NULL, 0, thursday + 12 * HOUR), thursday + DAY);
}

static void leap_days_are_found_and_what_never_comes_is_known(void **state)
{
    (void)state;
    struct schedule s;
    look_at_clock(&zones[4]);
    assert_int_equal(schedule_cron(&s, "0 0 29 2 *", NULL), 0);
    assert_int_equal(schedule_next(&s, NULL, 0, ms_of(0)), INT64_C(1835395200000)); /* 2028-02-29 */
    int64_t leap_2096 = INT64_C(3981312000000);
    assert_int_equal(schedule_next(&s, NULL, 0, leap_2096), leap_2096 + (8 * 365 + 1) * DAY); /* 2104 */
    assert_int_equal(schedule_cron(&s, "0 0 30 feb *", NULL), 0);
    assert_true(schedule_next(&s, NULL, 0, ms_of(0)) == SCHEDULE_NEVER);
    const struct off_hours off = the_off_hours();
    assert_true(schedule_next(&s, &off, 0, ms_of(0)) == SCHEDULE_NEVER);
}

static void bad_schedules_are_refused(void **state)
{
    (void)state;
    static const char *const bad_crons[] = {
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "1,,2 * * * *",
        "1, * * * *",
        "3/5 * * * *",
        "-1 * * * *",
        "* * * foo *",
        "* * * * monday",
        "\"* * * *\"",
        "1-2-3 * * * *",
        "*5 * * * *",
        "* * * * fri-tue",
        "9999 * * * *",
        "* * * * *\"",
    };
    struct schedule s;
    for (size_t i = 0; i < sizeof bad_crons / sizeof *bad_crons; i++) {
        struct error e = {0};
        if (schedule_cron(&s, bad_crons[i], &e) != ERR_CONFIG || e.text[0] == '\0')
            fail_msg("%s was taken", bad_crons[i]);
    }
    static const char *const bad_times[] = {"",         "7",     "24:00",  "07:60", "7:5",
                                            "07:00:00", "x7:00", "07:00 ", "-1:00", ":30"};
    for (size_t i = 0; i < sizeof bad_times / sizeof *bad_times; i++) {
        char text[16];
        snprintf(text, sizeof text, "%s", bad_times[i]);
        if (schedule_at(&s, (char *[]){text}, 1, NULL) != ERR_CONFIG)
            fail_msg("%s was taken", text);
    }
    static const char *const bad_spans[] = {"22:00", "22:00-", "22:00-25:00", "22:00-05:00x", "22-5"};
    struct off_hours off = {0};
    for (size_t i = 0; i < sizeof bad_spans / sizeof *bad_spans; i++)
        if (off_hours_span(&off, bad_spans[i], NULL) != ERR_CONFIG)
            fail_msg("%s was taken", bad_spans[i]);
}

static void fields_mean_what_crontab_says(void **state)
{
    (void)state;
    struct schedule s;
    assert_int_equal(schedule_cron(&s, "0 0 * * 0", NULL), 0);
    assert_int_equal(s.weekdays, 1);
    assert_int_equal(schedule_cron(&s, "0 0 * * 7", NULL), 0);
    assert_int_equal(s.weekdays, 1);
    assert_int_equal(schedule_cron(&s, "0 0 * * FRI-Sun", NULL), 0);
    assert_int_equal(s.weekdays, 0x61);
    assert_int_equal(schedule_cron(&s, "0 0 */2 * mon", NULL), 0); /* begins with a star: both must hold */
    assert_false(s.either);
    assert_int_equal(schedule_cron(&s, "  0\t0  1-31/2 * mon ", NULL), 0);
    assert_true(s.either);
    assert_int_equal(schedule_cron(&s, "0 0 * 1,mar-MAY *", NULL), 0);
    assert_int_equal(s.months, 1 << 1 | 7 << 3);
}

static void reason(const char *expected, const struct schedule *s, const struct off_hours *off, int64_t ms)
{
    struct str out = STR_INIT;
    schedule_reason(s, off, ms, &out);
    assert_string_equal(out.bytes, expected);
    str_fini(&out);
}

static void a_run_tells_why_it_comes(void **state)
{
    (void)state;
    const struct off_hours off = the_off_hours();
    struct schedule s;
    char a[] = "19:00", b[] = "7:00", c[] = "12:30", days[] = "mon-wed", sun[] = "sun";
    look_at_clock(&zones[4]);
    int64_t night = ms_of(14 * 1440), noon = night + 12 * HOUR;
    schedule_every(&s, 3 * MINUTE);
    reason("every 3 min", &s, &off, noon);
    reason("every 3 min; off hours: +30 min, starts only at minutes 0 and 30", &s, &off, night);
    schedule_every(&s, 1500);
    reason("every 1500 ms", &s, NULL, night);
    assert_int_equal(schedule_at(&s, (char *[]){a, b, c}, 3, NULL), 0);
    reason("at 07:00, 12:30 and 19:00", &s, NULL, noon);
    assert_int_equal(schedule_on(&s, (char *[]){sun, days}, 2, NULL), 0);
    reason("at 07:00, 12:30 and 19:00 on Mon, Tue, Wed, Sun", &s, NULL, noon);
    assert_int_equal(schedule_cron(&s, "*/5 * * * *", NULL), 0);
    reason("cron */5 * * * *; off hours: starts only at minutes 0 and 30", &s, &off, night);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_run_of_two_years_is_that_of_the_reference),
        cmocka_unit_test(in_off_hours_tasks_run_less_often_and_at_the_named_minutes),
        cmocka_unit_test(the_cadence_keeps_its_promises),
        cmocka_unit_test(an_interval_counts_from_the_last_run_and_not_to_the_minute),
        cmocka_unit_test(what_starts_late_waits_for_a_named_minute),
        cmocka_unit_test(a_skipped_day_is_made_up_for_at_its_end),
        cmocka_unit_test(leap_days_are_found_and_what_never_comes_is_known),
        cmocka_unit_test(bad_schedules_are_refused),
        cmocka_unit_test(fields_mean_what_crontab_says),
        cmocka_unit_test(a_run_tells_why_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
