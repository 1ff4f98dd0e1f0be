/* test_reconcile.c: what a start makes of rows that an earlier run left, and the alerts and days that the upkeep keeps. The
 * rows are put into the store by hand; the service is made, and ticks, but does not run. */
#define SCARCE_STRIDE 3

#include "shunt/service/reconcile.h"
#include "shunt/service/service.h"
#include "shunt/service/upkeep.h"

#include "../scarce.h"
#include "parts.h"

#define NOON   INT64_C(1790000000000) /* 2026-09-21T14:13:20Z */
#define DAY_MS (24 * 3600 * INT64_C(1000))

static int64_t wall_now_ms;
static int64_t set_wall(const struct clock *clock)
{
    (void)clock;
    return wall_now_ms;
}
static const struct clock clock_set = {.mono_ms = fast_mono, .wall_ms = set_wall};

static struct service *start(struct scratch *s)
{
    struct error e = {0};
    struct service *service = service_new(load_config(s), &clock_set, false, &e);
    if (!service)
        fail_msg("%s", e.text);
    return service;
}

/* A row that an earlier run left; tests change it as they like. */
struct left {
    char id[JOB_ID_SIZE], name[32], path[256];
    uint8_t sha256[STORE_HASH_SIZE];
    struct store_delivery deliveries[3];
    struct store_job job;
};

/* Completed, delivered to a and b, the n-th outcome of this instance, a second after noon for each. */
static struct store_job *left(struct scratch *s, struct left *l, unsigned n)
{
    *l = (struct left){0};
    int64_t at = NOON + 1000 * (int64_t)n;
    snprintf(l->id, sizeof l->id, "01990000-0000-7000-8000-%012x", n);
    snprintf(l->name, sizeof l->name, "t%u.json", n);
    snprintf(l->path, sizeof l->path, "%s/t%u.json", in(s, "under/0/RANK"), n);
    l->deliveries[0] = (struct store_delivery){"archive", "archive", DELIVERY_DONE, 0, 0, at, l->name, NULL};
    l->deliveries[1] = (struct store_delivery){"a", "to a", DELIVERY_DONE, 0, 0, at, l->name, NULL};
    l->deliveries[2] = (struct store_delivery){"b", "to b", DELIVERY_DONE, 0, 0, at, l->name, NULL};
    l->job = (struct store_job){.id = l->id,
                                .source = "ticket",
                                .phase = "PERIODIC",
                                .folder = "RANK",
                                .name = l->name,
                                .client = "RANK",
                                .category = "X",
                                .path = l->path,
                                .size = strlen(TICKET("RANK")),
                                .sha256 = l->sha256,
                                .claim = {1, n, at},
                                .status = STATUS_COMPLETED,
                                .created_ms = at,
                                .started_ms = at,
                                .completed_ms = at + 40,
                                .deliveries = l->deliveries,
                                .n_deliveries = 3,
                                .outcome = n};
    return &l->job;
}

/* As the row's ticket would lie there. */
static void put_ticket(struct scratch *s, const char *folder, const char *name, struct store_job *job)
{
    char path[128];
    struct stat st;
    make_folder(s, folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    put(in(s, path), TICKET("RANK"));
    assert_int_equal(lstat(in(s, path), &st), 0);
    job->claim =
        (struct store_claim){st.st_dev, st.st_ino, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec};
}

static void record(struct service *service, const struct store_job *job)
{
    struct error e = {0};
    if (store_record(service->storage.store, job, 1, &e) != 0)
        fail_msg("%s", e.text);
}

static json_t *statistics(struct service *service)
{
    json_t *day = stats_to_json(service->rt.stats);
    assert_non_null(day);
    return day;
}

static json_int_t number_at(const json_t *json, const char *a, const char *b, const char *c)
{
    const json_t *found = json_object_get(json, a);
    found = b ? json_object_get(found, b) : found;
    found = c ? json_object_get(found, c) : found;
    return json_integer_value(found);
}

static void assert_counted(struct service *service, uint64_t processed, uint64_t errors)
{
    assert_int_equal(stats_totals_of(service->rt.stats)->processed, processed);
    assert_int_equal(stats_totals_of(service->rt.stats)->errors, errors);
}

static json_t *kept_day(struct service *service, int date)
{
    struct error e = {0};
    json_t *days;
    assert_int_equal(store_load_day(service->storage.store, date, &days, &e), 0);
    json_t *day = json_incref(json_object_get(days, "0"));
    json_decref(days);
    return day;
}

static const char *status_of(struct service *service, const char *id)
{
    static char word[32];
    struct error e = {0};
    json_t *job;
    assert_int_equal(store_show(service->storage.store, id, &job, &e), 0);
    snprintf(word, sizeof word, "%s", json_string_value(json_object_get(job, "status")));
    json_decref(job);
    return word;
}

static struct service *set_up(struct scratch *s)
{
    wall_now_ms = NOON;
    open_log(s);
    put_config(s, "[delivery]\ndurability = none\n[report]\nenabled = no\n", ROUTES_TWO);
    return start(s);
}

static struct service *start_again(struct scratch *s, struct service *service)
{
    service_free(service);
    return start(s);
}

/* One tick of the upkeep, and what it gives to the store is written. */
static void tick(struct service *service)
{
    upkeep_start(service->upkeep);
    storage_pump(&service->storage);
    while (!storage_idle(&service->storage) || service->storage.active)
        uv_run(&service->loop, UV_RUN_ONCE);
}

/* ---- statistics ---- */

static void jobs_that_ended_after_the_last_snapshot_are_counted_once(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    record(service, left(s, &l, 1));
    left(s, &l, 2)->status = STATUS_FAILED;
    l.job.error = "b was full";
    l.deliveries[2].state = DELIVERY_FAILED;
    record(service, &l.job);
    left(s, &l, 3)->status = STATUS_CANCELLED; /* by a person: it lies in the failed folder */
    record(service, &l.job);
    left(s, &l, 4)->started_ms = NOON + 4500; /* put back after it had failed: what was delivered before is counted */
    l.deliveries[2].done_ms = NOON + 4600;
    record(service, &l.job);
    left(s, &l, 5)->instance = 1;
    record(service, &l.job);
    left(s, &l, 6)->outcome = 0;
    record(service, &l.job);
    for (int i = 0; i < 2; i++) {
        service = start_again(s, service);
        assert_counted(service, 2, 2);
        json_t *day = statistics(service);
        assert_int_equal(number_at(day, "clients", "RANK", "processed"), 2);
        assert_int_equal(number_at(day, "clients", "RANK", "errors"), 2);
        assert_int_equal(number_at(day, "destinations", "to a", "delivered"), 3);
        assert_int_equal(number_at(day, "destinations", "to b", "delivered"), 3);
        assert_int_equal(number_at(day, "ways", "PERIODIC", NULL), 2);
        const json_t *error = json_array_get(json_object_get(day, "last_errors"), 0);
        assert_string_equal(json_string_value(json_object_get(error, "file")), "t2.json");
        json_decref(day);
        assert_int_equal(logged(s, "reconciled"), 2 + (size_t)i);
    }
    service_free(service);
    log_close();
}

static void a_job_whose_ticket_is_still_there_is_counted_when_it_ends(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    left(s, &l, 1);
    put_ticket(s, "under/0/RANK", "t1.json", &l.job);
    record(service, &l.job);
    left(s, &l, 2);
    put_ticket(s, "under/0/RANK", "t2.json", &l.job);
    l.job.claim.inode++; /* another one of its name: its own is gone */
    record(service, &l.job);
    service = start_again(s, service);
    assert_counted(service, 1, 0);
    assert_int_equal(service->recall.finished, 1);
    assert_int_equal(service->recall.unknown, 1);
    service_free(service);
    log_close();
}

static void each_day_counts_what_ended_on_it_and_is_kept(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    int today = clock_local_date(NOON), tomorrow = clock_local_date(NOON + DAY_MS);
    record(service, left(s, &l, 1));
    left(s, &l, 2)->completed_ms =
        NOON - 5 * DAY_MS; /* the clock was another: the day of the statistics is not gone back */
    record(service, &l.job);
    left(s, &l, 3)->completed_ms = NOON + DAY_MS;
    record(service, &l.job);
    left(s, &l, 4)->completed_ms = NOON + 9 * DAY_MS; /* a time that is yet to come */
    record(service, &l.job);
    wall_now_ms = NOON + 2 * DAY_MS;
    service = start_again(s, service);
    assert_counted(service, 1, 0);
    assert_int_equal(stats_date(service->rt.stats), clock_local_date(wall_now_ms));
    tick(service);
    json_t *first = kept_day(service, today), *second = kept_day(service, tomorrow);
    assert_int_equal(number_at(first, "totals", "processed", NULL), 2);
    assert_int_equal(number_at(second, "totals", "processed", NULL), 1);
    assert_null(kept_day(service, clock_local_date(wall_now_ms)));
    json_decref(first);
    json_decref(second);
    service = start_again(s, service);
    assert_counted(service, 1, 0);
    service_free(service);
    log_close();
}

static void the_clock_behind_the_saved_day_does_not_begin_a_day_twice(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    record(service, left(s, &l, 1));
    service = start_again(s, service);
    wall_now_ms = NOON - DAY_MS;
    service = start_again(s, service);
    assert_int_equal(stats_date(service->rt.stats), clock_local_date(NOON));
    assert_counted(service, 1, 0);
    service_free(service);
    log_close();
}

/* ---- jobs without their tickets ---- */

static void what_lost_its_ticket_ends_as_what_became_of_it(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left gone, failing, failed, hot, adopted, others;
    struct left *all[] = {&gone, &failing, &failed, &hot, &adopted, &others};
    for (unsigned i = 0; i < 6; i++) {
        left(s, all[i], i + 1)->status = STATUS_PENDING;
        all[i]->job.completed_ms = 0;
        all[i]->job.outcome = 0;
    }
    failing.job.error = "out of attempts"; /* it stood in the store before the ticket was moved */
    put_ticket(s, "failed/RANK", "20260921_161320_3_t3.json", &failed.job);
    put_ticket(s, "hot/RANK", "t4.json", &hot.job);
    put_ticket(s, "under/7/RANK", "t5.json", &adopted.job);
    snprintf(others.path, sizeof others.path, "%s", in(s, "under/3/RANK/t6.json"));
    for (unsigned i = 0; i < 6; i++)
        record(service, &all[i]->job);
    put(in(s, "failed/RANK/20260921_161320_t3.json"), "another of its name");
    service = start_again(s, service);
    assert_string_equal(status_of(service, gone.id), "cancelled");
    assert_string_equal(status_of(service, failing.id), "failed");
    assert_string_equal(status_of(service, failed.id), "failed");
    assert_string_equal(status_of(service, hot.id), "pending");
    assert_string_equal(status_of(service, adopted.id), "pending");
    assert_string_equal(status_of(service, others.id), "pending");
    assert_counted(service, 0, 2);
    assert_int_equal(logged(s, "ticket_gone"), 1);
    service = start_again(s, service);
    assert_counted(service, 0, 2);
    assert_int_equal(logged(s, "ticket_gone"), 1);
    service_free(service);
    log_close();
}

/* Whatever allocation fails at the start: it is told, or all is counted and mended; in the end exactly. */
static void no_memory_at_the_start_counts_nothing_twice(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    struct error e = {0};
    unsigned next = 1, ended = 0;
    SCARCE_SWEEP (n) {
        record(service, left(s, &l, next++));
        left(s, &l, next++)->status = STATUS_PENDING;
        l.job.outcome = 0;
        put_ticket(s, "failed/RANK", "20260921_161320_t.json", &l.job);
        l.job.name = "t.json";
        record(service, &l.job);
        ended++;
        wall_now_ms += 1000;
        service_free(service);
        struct config *config = load_config(s);
        error_clear(&e);
        scarce_begin(n, 1);
        scarce_spare_json();
        service = service_new(config, &clock_set, false, &e);
        bool hit = scarce_end();
        assert_true(service || hit);
        if (!service)
            service = start(s);
        assert_counted(service, ended, ended);
    }
    service_free(service);
    log_close();
}

/* ---- the storage ---- */

static void a_snapshot_counts_also_records_that_wait_before_it(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    tick(service);
    for (unsigned i = 1; i <= 1300; i++) /* more than one request takes */
        storage_add(&service->storage, record_copy(left(s, &l, i)), NULL);
    service->jobs.outcomes = 1300;
    tick(service);
    while (service->storage.queued > 0 || service->storage.snapshot || service->storage.active) {
        storage_pump(&service->storage);
        uv_run(&service->loop, UV_RUN_ONCE);
    }
    service = start_again(s, service);
    assert_counted(service, 0, 0);
    service_free(service);
    log_close();
}

/* ---- alerts ---- */

/* "kind subject" of each, newest first; those that are closed with a '-'. */
static const char *alerts(struct service *service, bool open)
{
    static char text[512];
    struct error e = {0};
    json_t *list;
    size_t i;
    const json_t *alert;
    text[0] = '\0';
    assert_int_equal(store_alerts(service->storage.store, open, 0, &list, &e), 0);
    json_array_foreach (list, i, alert) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%s%s %s", len ? ", " : "",
                 json_is_null(json_object_get(alert, "closed_at")) ? "" : "-",
                 json_string_value(json_object_get(alert, "kind")),
                 json_string_value(json_object_get(alert, "subject")));
    }
    json_decref(list);
    return text;
}

static struct lane *lane_of(struct service *service, const char *name)
{
    struct lane *lane = service->lanes.lanes;
    while (lane && strcmp(lane->name, name) != 0)
        lane = lane->next;
    assert_non_null(lane);
    return lane;
}

static void what_is_wrong_is_an_alert_until_it_is_over(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    tick(service);
    assert_string_equal(alerts(service, false), "");
    lane_of(service, "a")->breaker.state = BREAKER_OPEN;
    service->jobs.ledger_difference = 3;
    service->rt.ledger.taken = 3;
    tick(service);
    tick(service);
    assert_string_equal(alerts(service, false), "ledger instance 0, destination_down a");
    lane_of(service, "a")->breaker.state = BREAKER_CLOSED;
    lane_of(service, "b")->breaker.state = BREAKER_OPEN;
    service->rt.ledger.taken = 0;
    tick(service);
    assert_string_equal(alerts(service, false), "destination_down b, -ledger instance 0, -destination_down a");
    service_free(service);
    log_close();
}

static void a_store_that_was_away_is_told_with_the_time_it_began(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    tick(service);
    service->storage.degraded_ms = NOON - 5000; /* it was, and is over again, between two looks */
    wall_now_ms = NOON + 1000;
    tick(service);
    tick(service);
    assert_string_equal(alerts(service, false), "-store_degraded instance 0");
    json_t *list;
    struct error e = {0};
    assert_int_equal(store_alerts(service->storage.store, false, 0, &list, &e), 0);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "opened_at")),
                        "2026-09-21T14:13:15.000Z");
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "closed_at")),
                        "2026-09-21T14:13:21.000Z");
    json_decref(list);
    service_free(service);
    log_close();
}

static void an_alert_that_was_open_at_the_end_goes_on_until_it_is_over(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    const char *const open[] = {"a", "b", "no such destination any more"};
    struct error e = {0};
    for (size_t i = 0; i < 3; i++)
        store_alert(service->storage.store, &(struct store_alert){"destination_down", open[i], NOON, NULL}, true, &e);
    store_alert(service->storage.store, &(struct store_alert){"ledger", "instance 0", NOON, NULL}, true, &e);
    store_alert(service->storage.store, &(struct store_alert){"ledger", "instance 1", NOON, NULL}, true, &e);
    service = start_again(s, service);
    tick(service);
    tick(service);
    assert_string_equal(alerts(service, true), "ledger instance 1, destination_down b, destination_down a");
    lane_of(service, "a")->delivered = 1;
    lane_of(service, "b")->breaker.state = BREAKER_OPEN;
    tick(service);
    assert_string_equal(alerts(service, true), "ledger instance 1, destination_down b");
    lane_of(service, "b")->breaker.state = BREAKER_CLOSED;
    tick(service);
    assert_string_equal(alerts(service, true), "ledger instance 1");
    service_free(service);
    log_close();
}

/* A store that could not be written is tried again after a pause. */
static void advance_until_written(struct service *service)
{
    for (int i = 0; i < 2 || service->storage.degraded || service->storage.notes; i++) {
        wait_cancel(&service->rt, &service->storage.again);
        tick(service);
    }
}

/* Whatever allocation fails while it is noticed: it is noticed by the next look. */
static void no_memory_for_an_alert_puts_it_off(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    tick(service);
    SCARCE_SWEEP (n) {
        for (int down = 1; down >= 0; down--) {
            lane_of(service, "a")->breaker.state = down ? BREAKER_OPEN : BREAKER_CLOSED;
            scarce_begin(n, 1);
            tick(service);
            scarce_end();
            advance_until_written(service);
            assert_string_equal(alerts(service, true), down ? "destination_down a" : "");
        }
    }
    service_free(service);
    log_close();
}

/* The store cannot even be opened. */
static struct service *start_without_store(struct scratch *s)
{
    make_folder(s, "shunt.db-wal");
    struct service *service = start(s);
    assert_true(service->storage.degraded);
    assert_int_equal(rmdir(in(s, "shunt.db-wal")), 0);
    return service;
}

/* Whatever allocation fails while it is read: it is taken up once. */
static void no_memory_for_a_day_that_is_read_late_puts_it_off(void **state)
{
    struct scratch *s = *state;
    struct service *service = set_up(s);
    struct left l;
    const struct stats_outcome ours = {.client = "RANK", .way = WAY_REALTIME, .ms = 1};
    unsigned next = 1, counted = 0;
    tick(service);
    SCARCE_SWEEP (n) {
        left(s, &l, next++)->outcome = service->jobs.outcomes + 1; /* ended after the last snapshot */
        record(service, &l.job);
        service_free(service);
        wall_now_ms += 1000;
        service = start_without_store(s);
        stats_processed(service->rt.stats, &ours);
        counted += 2;
        scarce_begin(n, 1);
        tick(service);
        scarce_end();
        advance_until_written(service);
        assert_counted(service, counted, 0);
    }
    service = start_again(s, service);
    assert_counted(service, counted, 0);
    service_free(service);
    log_close();
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

/* Hundreds of services need not wait for a disk. */
static int setup_in_memory(void **state)
{
    bool there = access("/dev/shm", W_OK) == 0;
    return scratch_setup_at(state, there ? "/dev/shm/shunt-test-XXXXXX" : "/tmp/shunt-test-XXXXXX");
}
#define SWEEP_OF(f) cmocka_unit_test_setup_teardown(f, setup_in_memory, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(jobs_that_ended_after_the_last_snapshot_are_counted_once),
        T(a_job_whose_ticket_is_still_there_is_counted_when_it_ends),
        T(each_day_counts_what_ended_on_it_and_is_kept),
        T(the_clock_behind_the_saved_day_does_not_begin_a_day_twice),
        T(what_lost_its_ticket_ends_as_what_became_of_it),
        SWEEP_OF(no_memory_at_the_start_counts_nothing_twice),
        T(a_snapshot_counts_also_records_that_wait_before_it),
        T(what_is_wrong_is_an_alert_until_it_is_over),
        T(a_store_that_was_away_is_told_with_the_time_it_began),
        T(an_alert_that_was_open_at_the_end_goes_on_until_it_is_over),
        SWEEP_OF(no_memory_for_an_alert_puts_it_off),
        SWEEP_OF(no_memory_for_a_day_that_is_read_late_puts_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
