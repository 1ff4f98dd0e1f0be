/* The scheduler of a service whose loop does not turn, on a clock that the test sets. Tasks are scans: that programs are
 * run is seen from outside (e2e). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>
#include <uv.h>

#include "shunt/service/reporter.h"
#include "shunt/service/scheduler.h"
#include "shunt/service/upkeep.h"

#include "../scarce.h"
#include "running.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct bench {
    struct scratch *s;
    struct clock_virtual clock;
    const struct clock *runs_by; /* NULL: that one */
    bool reports;
    struct service *service;
};

static int64_t at(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};
    return (int64_t)mktime(&tm) * 1000;
}

static void bench_begin(struct bench *b, void **state, int64_t wall, const char *settings)
{
    struct error e = {0};
    b->s = *state;
    clock_virtual_init(&b->clock, wall);
    b->service = service_new(make_config(b->s, settings, ROUTES_ONE), b->runs_by ? b->runs_by : &b->clock.clock,
                             !b->reports, &e);
    if (!b->service)
        fail_msg("%s", e.text);
}

static void turn(struct bench *b)
{
    uv_timer_t *timer = &b->service->rt.timer;
    if (timer->timer_cb)
        timer->timer_cb(timer);
}

static void start_tasks(struct bench *b)
{
    scheduler_start(b->service->scheduler);
    turn(b);
}

/* Time goes by, and the timer with it. */
static void pass(struct bench *b, int64_t ms)
{
    for (int64_t step; ms > 0; ms -= step) {
        step = ms < SECOND ? ms : SECOND;
        clock_virtual_advance(&b->clock, step);
        turn(b);
    }
}

/* The wall clock alone; seen within seconds. */
static void set_wall(struct bench *b, int64_t wall)
{
    b->clock.wall = wall;
    pass(b, 5 * SECOND);
}

static json_int_t number_of(const struct bench *b, const char *name, const char *key)
{
    json_t *schedule = scheduler_json(b->service->scheduler, 1), *task;
    json_int_t found = -1;
    size_t i;
    json_array_foreach (json_object_get(schedule, "tasks"), i, task) {
        if (strcmp(json_string_value(json_object_get(task, "name")), name) == 0)
            found = json_integer_value(json_object_get(task, key));
    }
    json_decref(schedule);
    return found;
}

static json_int_t runs(const struct bench *b, const char *name)
{
    return number_of(b, name, "runs");
}

static void settle(struct service *s)
{
    for (storage_pump(&s->storage); !storage_idle(&s->storage) || !reporter_idle(s->reporter);
         storage_pump(&s->storage))
        uv_run(&s->loop, UV_RUN_ONCE);
}

/* The day before is done with. */
static void begin_reports(struct bench *b)
{
    upkeep_save_now(b->service->upkeep);
    settle(b->service);
    reporter_look(b->service->reporter, b->clock.wall);
    settle(b->service);
}

static void bench_end(struct bench *b)
{
    service_free(b->service);
}

#define DAILY   "[task daily]\nat = 00:00\nrun = scan\n"
#define CATCHES DAILY "catch_up = yes\n"

static void a_time_of_the_day_comes_once_each_day_of_a_year(void **state)
{
    struct bench b = {0};
    int64_t first = at(2026, 1, 1, 12, 0);
    bench_begin(&b, state, first, DAILY "[task night]\nat = 02:30\nrun = scan\n[intake]\nscan_interval = 1d\n");
    start_tasks(&b);
    for (int day = 1; day <= 365; day++) {
        while (b.clock.wall < at(2026, 1, 1 + day, 12, 0)) {
            clock_virtual_advance(&b.clock, 30 * MINUTE);
            turn(&b);
        }
        assert_int_equal(runs(&b, "daily"), day);
        assert_int_equal(runs(&b, "night"), day);
    }
    bench_end(&b);
}

static void an_interval_counts_real_time_whatever_the_wall_clock_does(void **state)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2026, 3, 10, 12, 0), "[task often]\nevery = 1m\nrun = scan\n");
    start_tasks(&b);
    pass(&b, 59 * SECOND);
    assert_int_equal(runs(&b, "often"), 0);
    assert_int_equal(runs(&b, "scan"), 0);
    pass(&b, SECOND);
    assert_int_equal(runs(&b, "often"), 1);
    assert_int_equal(runs(&b, "scan"), 1);
    set_wall(&b, b.clock.wall + 3 * DAY);
    assert_int_equal(runs(&b, "often"), 1);
    set_wall(&b, b.clock.wall - 30 * DAY);
    pass(&b, 49 * SECOND);
    assert_int_equal(runs(&b, "often"), 1);
    pass(&b, SECOND);
    assert_int_equal(runs(&b, "often"), 2);
    bench_end(&b);
}

static void a_clock_that_is_set_back_makes_no_time_come_again(void **state)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2026, 3, 10, 23, 59), DAILY);
    start_tasks(&b);
    pass(&b, 2 * MINUTE);
    assert_int_equal(runs(&b, "daily"), 1);
    set_wall(&b, at(2026, 3, 10, 22, 0));
    pass(&b, 3 * HOUR);
    assert_int_equal(runs(&b, "daily"), 1);
    pass(&b, 24 * HOUR);
    assert_int_equal(runs(&b, "daily"), 2);
    bench_end(&b);
}

/* Its wall clock is set back right after it was read for the n-th time. */
struct clock_set_back {
    struct clock clock;
    struct bench *b;
    size_t after; /* 0: not any more */
};

static int64_t mono_of_the_bench(const struct clock *clock)
{
    return ((const struct clock_set_back *)clock)->b->clock.mono;
}

static int64_t wall_that_is_set_back(const struct clock *clock)
{
    struct clock_set_back *c = (struct clock_set_back *)(uintptr_t)clock;
    int64_t wall = c->b->clock.wall;
    if (c->after > 0 && --c->after == 0)
        c->b->clock.wall -= MINUTE;
    return wall;
}

static void a_clock_that_is_set_back_while_a_task_begins_makes_no_time_come_again(void **state)
{
    struct bench b = {0};
    struct clock_set_back c = {{mono_of_the_bench, wall_that_is_set_back}, &b, 0};
    size_t n = 0;
    b.runs_by = &c.clock;
    do {
        bench_begin(&b, state, at(2026, 3, 10, 23, 59), DAILY);
        start_tasks(&b);
        pass(&b, MINUTE - SECOND);
        assert_int_equal(runs(&b, "daily"), 0);
        c.after = ++n;
        pass(&b, SECOND);
        c.after = 0;
        pass(&b, HOUR);
        assert_int_equal(runs(&b, "daily"), 1);
        bench_end(&b);
    } while (b.clock.wall < at(2026, 3, 11, 1, 0));
    assert_true(n > 2);
}

static void a_clock_that_is_set_back_while_the_report_begins_does_not_put_it_off_for_a_day(void **state)
{
    struct bench b = {.reports = true};
    struct clock_set_back c = {{mono_of_the_bench, wall_that_is_set_back}, &b, 0};
    size_t n = 0;
    bool set_back;
    b.runs_by = &c.clock;
    do {
        bench_begin(&b, state, at(2026, 3, 10, 23, 59), "[report]\nat = 00:00\n");
        begin_reports(&b);
        start_tasks(&b);
        pass(&b, MINUTE - SECOND);
        assert_true(reporter_idle(b.service->reporter));
        c.after = ++n;
        pass(&b, SECOND);
        set_back = c.after == 0;
        c.after = 0;
        pass(&b, MINUTE);
        if (reporter_idle(b.service->reporter))
            fail_msg("set back after %zu readings: nobody looks for the report", n);
        bench_end(&b);
    } while (set_back);
}

static void a_clock_that_was_wrong_is_believed_when_it_is_right(void **state)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2031, 3, 10, 23, 59), DAILY);
    start_tasks(&b);
    pass(&b, 2 * MINUTE);
    set_wall(&b, at(2026, 3, 10, 23, 59));
    pass(&b, 2 * MINUTE);
    assert_int_equal(runs(&b, "daily"), 2);
    bench_end(&b);
}

static void a_time_that_the_clock_jumps_over_is_made_up_for_if_it_is_not_long_ago(void **state)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2026, 3, 10, 23, 0), DAILY "[task caught]\nat = 00:00\nrun = scan\ncatch_up = yes\n");
    start_tasks(&b);
    set_wall(&b, at(2026, 3, 11, 2, 0));
    assert_int_equal(runs(&b, "daily"), 1);
    assert_int_equal(runs(&b, "caught"), 1);
    set_wall(&b, at(2026, 3, 15, 4, 0)); /* several are one */
    assert_int_equal(runs(&b, "daily"), 1);
    assert_int_equal(runs(&b, "caught"), 2);
    pass(&b, DAY);
    assert_int_equal(runs(&b, "daily"), 2);
    assert_int_equal(runs(&b, "caught"), 3);
    bench_end(&b);
}

/* Two services after one another: what the first knew is given to the second. */
static json_int_t runs_after_restart(void **state, const char *settings, int64_t ran_until, int64_t restarted)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2026, 3, 10, 12, 0), settings);
    start_tasks(&b);
    pass(&b, ran_until - b.clock.wall);
    json_t *known = scheduler_known(b.service->scheduler);
    bench_end(&b);
    bench_begin(&b, state, restarted, settings);
    scheduler_recall(b.service->scheduler, known);
    json_decref(known);
    start_tasks(&b);
    pass(&b, SECOND);
    json_int_t count = runs(&b, "daily");
    bench_end(&b);
    return count;
}

static void what_was_missed_while_it_was_down_is_made_up_for_once_where_it_is_wanted(void **state)
{
    int64_t noon = at(2026, 3, 10, 12, 1);
    assert_int_equal(runs_after_restart(state, CATCHES, noon, noon + 3 * DAY), 1);
    assert_int_equal(runs_after_restart(state, DAILY, noon, noon + 3 * DAY), 0);
    assert_int_equal(runs_after_restart(state, CATCHES, noon, noon + HOUR), 0);
}

static void an_interval_goes_on_over_a_restart(void **state)
{
    static const char every[] = "[task daily]\nevery = 1h\nrun = scan\n";
    int64_t ran = at(2026, 3, 10, 13, 30); /* at 13:00 last */
    assert_int_equal(runs_after_restart(state, every, ran, ran + 29 * MINUTE), 0);
    assert_int_equal(runs_after_restart(state, every, ran, ran + 30 * MINUTE), 1);
    assert_int_equal(runs_after_restart(state, every, ran, ran + 9 * HOUR), 1);
    assert_int_equal(runs_after_restart(state, every, ran, ran - 2 * HOUR), 0); /* by a clock that was set back */
}

static void in_off_hours_nothing_that_is_late_starts_outside_the_named_minutes(void **state)
{
    struct bench b = {0};
    bench_begin(
        &b, state, at(2026, 3, 10, 21, 58),
        "[schedule]\noff_cadence = yes\n[task often]\nevery = 3m\nrun = scan\n[task at]\nat = 22:10\nrun = scan\n"
        "[task exempt]\nat = 22:10\nrun = scan\nexempt = yes\n");
    start_tasks(&b);
    pass(&b, 15 * MINUTE); /* 22:13 */
    assert_int_equal(runs(&b, "often"), 0);
    assert_int_equal(runs(&b, "at"), 0);
    assert_int_equal(runs(&b, "exempt"), 1);
    b.clock.wall += 25 * MINUTE; /* stopped for a while: 22:38, past the half hour */
    b.clock.mono += 25 * MINUTE;
    turn(&b);
    assert_int_equal(runs(&b, "often"), 0);
    assert_int_equal(runs(&b, "at"), 0);
    pass(&b, 22 * MINUTE);
    assert_int_equal(runs(&b, "often"), 1);
    assert_int_equal(runs(&b, "at"), 1);
    bench_end(&b);
}

static struct settings *settings_of(const char *text)
{
    struct faults faults;
    faults_init(&faults);
    const struct settings_source source = {.file = "shunt.ini", .text = text, .len = strlen(text)};
    struct settings *s = settings_new(&source, &faults);
    assert_non_null(s);
    return s;
}

static void tasks_come_change_and_go_at_a_reload(void **state)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2026, 3, 10, 12, 0),
                "[task stays]\nevery = 10m\nrun = scan\n[task goes]\nevery = 1m\nrun = scan\n");
    start_tasks(&b);
    pass(&b, 5 * MINUTE);
    struct settings *s = settings_of("[task new]\nat = 12:07\nrun = scan\n[task stays]\nevery = 10m\nrun = scan\n");
    assert_int_equal(scheduler_adopt(b.service->scheduler, s), 0);
    assert_int_equal(runs(&b, "goes"), -1);
    pass(&b, 5 * MINUTE);
    assert_int_equal(runs(&b, "stays"), 1); /* its interval was not begun anew */
    assert_int_equal(runs(&b, "new"), 1);
    assert_int_equal(runs(&b, "scan"), 10);
    bench_end(&b);
    settings_free(s);
}

static void without_memory_a_reload_changes_nothing(void **state)
{
    struct settings *s = settings_of("[task new]\nat = 12:07\nrun = scan\n[task two]\nevery = 10m\nrun = scan\n");
    SCARCE_SWEEP (n) {
        struct bench b = {0};
        bench_begin(&b, state, at(2026, 3, 10, 12, 0), "[task old]\nevery = 1m\nrun = scan\n");
        start_tasks(&b);
        scarce_begin(n, 1);
        int rc = scheduler_adopt(b.service->scheduler, s);
        bool hit = scarce_end();
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
        assert_int_equal(runs(&b, "old") >= 0, rc != 0);
        assert_int_equal(runs(&b, "two") >= 0, rc == 0);
        bench_end(&b);
    }
    settings_free(s);
}

static void without_memory_what_is_told_is_told_as_missing(void **state)
{
    struct bench b = {0};
    bench_begin(&b, state, at(2026, 3, 10, 12, 0), "[task old]\nevery = 1m\nrun = scan\n");
    start_tasks(&b);
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        json_t *schedule = scheduler_json(b.service->scheduler, 3), *known = scheduler_known(b.service->scheduler);
        bool hit = scarce_end();
        assert_int_equal(!schedule || !known, hit);
        json_decref(schedule);
        json_decref(known);
    }
    bench_end(&b);
}

static int in_berlin(void **state)
{
    (void)state;
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_time_of_the_day_comes_once_each_day_of_a_year),
        T(an_interval_counts_real_time_whatever_the_wall_clock_does),
        T(a_clock_that_is_set_back_makes_no_time_come_again),
        T(a_clock_that_is_set_back_while_a_task_begins_makes_no_time_come_again),
        T(a_clock_that_is_set_back_while_the_report_begins_does_not_put_it_off_for_a_day),
        T(a_clock_that_was_wrong_is_believed_when_it_is_right),
        T(a_time_that_the_clock_jumps_over_is_made_up_for_if_it_is_not_long_ago),
        T(what_was_missed_while_it_was_down_is_made_up_for_once_where_it_is_wanted),
        T(an_interval_goes_on_over_a_restart),
        T(in_off_hours_nothing_that_is_late_starts_outside_the_named_minutes),
        T(tasks_come_change_and_go_at_a_reload),
        T(without_memory_a_reload_changes_nothing),
        T(without_memory_what_is_told_is_told_as_missing),
    };
    return cmocka_run_group_tests(tests, in_berlin, NULL);
}
