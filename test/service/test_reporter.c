/* test_reporter.c: when a report is looked for again. What is made, and when it is due: test/e2e/test_report.py. */
#define FASTER 40

#include "shunt/service/scheduler.h"

#include "../scarce.h"
#include "running.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))

/* How many rows there are. */
static size_t reports(struct service *service)
{
    json_t *dates = NULL;
    struct error e = {0};
    assert_int_equal(store_reports(service->storage.store, &dates, &e), 0);
    size_t n = json_array_size(dates);
    json_decref(dates);
    return n;
}

/* The first date is noted, then a day ends while there is no memory at all, then its report is made. */
static bool the_ended_day_is_reported(struct watcher *w)
{
    struct service *service = w->service;
    if (!storage_idle(&service->storage) || !service->storage.store || service->loop.active_reqs.count > 0)
        return false; /* no worker may allocate while the allocator is exchanged */
    if (w->step == 0 && reports(service) == 1) {
        w->step = 1;
        wall_now_ms += DAY_MS;
        fill_waits(&service->rt, 0);
        scarce_begin(1, SCARCE_FOR_EVER);
        scheduler_start(service->scheduler);
        scarce_end();
    }
    return w->step == 1 && reports(service) == 2;
}

static void without_memory_to_wait_a_report_is_looked_for_again_all_the_same(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_ONE);
    wall_now_ms = clock_real.wall_ms(&clock_real);
    struct service *service = start_by(s, false, &clock_set);
    run_until(service, s, the_ended_day_is_reported);
    service_free(service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_memory_to_wait_a_report_is_looked_for_again_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
