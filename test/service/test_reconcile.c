/* test_reconcile.c: what a start makes of rows that an earlier run left, and of days whose store is read late. */
#include "left.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))

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
        SWEEP_OF(no_memory_for_a_day_that_is_read_late_puts_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
