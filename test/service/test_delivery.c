/* test_delivery.c: lanes with a driver of the test's own: it keeps the batches it is given until the test answers. */
#include "parts.h"

#define REQUESTS_MAX 32
#define SETTINGS                                                                                                       \
    "[intake]\nbatch_size = 3\n[delivery]\nconcurrency = 2\nbreaker_failures = 4\nbreaker_pause = 10s\n"               \
    "breaker_max = 30s\nhang = 5s\n[retry]\nattempts = 3\nfirst = 100ms\nfactor = 1\nmax = 100ms\n"

static struct batch *requests[REQUESTS_MAX];
static size_t n_requests;
static bool driver_refuses;

static int fake_start(struct batch *batch, struct error *e)
{
    if (driver_refuses)
        return error_set(e, ERR_NOMEM, "out of memory");
    assert_true(n_requests < REQUESTS_MAX);
    requests[n_requests++] = batch;
    return 0;
}

static const struct destination_driver fake = {.name = "fake", .start = fake_start};

static struct parts *bench_new(void **state, const char *settings, const char *routes)
{
    struct parts *p = parts_new(*state, settings, routes);
    for (struct lane *lane = p->lanes.lanes; lane; lane = lane->next)
        lane->driver = &fake;
    n_requests = 0;
    driver_refuses = false;
    return p;
}

static void answer_item(struct batch *batch, size_t i, int code)
{
    error_clear(&batch->items[i].error);
    if (code != 0)
        error_set(&batch->items[i].error, code, "told by the test");
    batch->items[i].placed = PLACED_NEW;
    snprintf(batch->items[i].final_name, NAME_SIZE, "%s", batch->items[i].name);
}

static void forget(struct batch *batch)
{
    size_t at = 0;
    while (at < n_requests && requests[at] != batch)
        at++;
    assert_true(at < n_requests);
    for (n_requests--; at < n_requests; at++)
        requests[at] = requests[at + 1];
}

/* All items of the request end with this code; what becomes possible is started. */
static void answer(struct parts *p, struct batch *batch, int code)
{
    forget(batch);
    for (size_t i = 0; i < batch->count; i++)
        answer_item(batch, i, code);
    batch->done(batch);
    lanes_pump(&p->lanes);
}

static struct batch *request_of(const struct lane *lane)
{
    for (size_t i = 0; i < n_requests; i++)
        if (requests[i]->place == &lane->place)
            return requests[i];
    return NULL;
}

static size_t requests_of(const struct lane *lane)
{
    size_t n = 0;
    for (size_t i = 0; i < n_requests; i++)
        n += requests[i]->place == &lane->place;
    return n;
}

static void answer_all(struct parts *p, const struct lane *lane, int code)
{
    struct batch *batch;
    while ((batch = request_of(lane)) != NULL)
        answer(p, batch, code);
}

/* So that only the destinations are looked at. */
static void archive_all(struct parts *p)
{
    lanes_pump(&p->lanes);
    answer_all(p, p->lanes.archive, 0);
}

static void bench_free(struct parts *p)
{
    while (n_requests > 0)
        answer(p, requests[0], ERR_CHANGED);
    parts_free(p);
}

static void a_lane_has_no_more_requests_at_once_than_its_limit(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    for (int i = 0; i < 10; i++)
        begin(p);
    archive_all(p);
    assert_int_equal(requests_of(a), 2);
    assert_int_equal(request_of(a)->count, 3);
    assert_int_equal(a->queued, 4);
    answer(p, request_of(a), 0);
    assert_int_equal(requests_of(a), 2);
    assert_int_equal(a->queued, 1);
    answer(p, request_of(a), 0);
    assert_int_equal(requests_of(a), 2);
    answer_all(p, a, 0);
    assert_int_equal(a->delivered, 10);
    assert_true(lanes_idle(&p->lanes));
    bench_free(p);
}

static void destinations_together_keep_to_their_share_of_the_pool_and_the_archive_has_its_own(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    p->lanes.limit = 3;
    for (int i = 0; i < 12; i++)
        begin(p);
    lanes_pump(&p->lanes);
    assert_true(requests_of(p->lanes.archive) > 0);
    assert_int_equal(n_requests - requests_of(p->lanes.archive), 3);
    for (int i = 0; i < 100 && n_requests > 0; i++) {
        answer(p, requests[0], 0);
        assert_true(n_requests - requests_of(p->lanes.archive) <= 3);
    }
    assert_int_equal(lane_named(p, "a")->delivered, 12);
    assert_int_equal(lane_named(p, "b")->delivered, 12);
    assert_int_equal(p->lanes.archive->delivered, 12);
    bench_free(p);
}

static void a_failed_delivery_is_tried_again_after_its_pause_and_fails_at_the_limit(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    struct job *job = begin(p);
    archive_all(p);
    answer(p, request_of(b), 0);
    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        assert_int_equal(requests_of(a), 1);
        assert_int_equal(job->state, JOB_DELIVERING);
        answer(p, request_of(a), ERR_IO);
        assert_int_equal(job->deliveries[1].attempts, attempt);
        if (attempt == 3)
            break;
        assert_int_equal(job->state, JOB_WAITING);
        assert_int_equal(job->source.fd, -1); /* nothing is held while it waits */
        assert_null(job->content.bytes);
        advance(p, 74);
        lanes_pump(&p->lanes);
        assert_int_equal(n_requests, 0);
        advance(p, 51);
        lanes_pump(&p->lanes);
    }
    assert_int_equal(job->state, JOB_FAILING);
    assert_non_null(strstr(job->error.text, "after 3 attempts"));
    assert_int_equal(n_requests, 0); /* b was not sent it again */
    assert_int_equal(b->delivered, 1);
    assert_int_equal(a->failures, 3);
    assert_ptr_equal(p->settle.aside.head, job);
    bench_free(p);
}

static void an_invalid_ticket_is_not_tried_again_and_does_not_count_against_the_place(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    for (int i = 0; i < 9; i++) {
        struct job *job = begin(p);
        archive_all(p);
        answer(p, request_of(a), ERR_CONFLICT);
        assert_int_equal(job->state, JOB_FAILING);
    }
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    bench_free(p);
}

static void the_archive_is_tried_without_limit(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *archive = p->lanes.archive;
    archive->breaker_policy.failures = 0;
    struct job *job = begin(p);
    lanes_pump(&p->lanes);
    answer(p, request_of(lane_named(p, "a")), 0);
    for (int i = 0; i < 20; i++) {
        answer(p, request_of(archive), ERR_NOSPACE);
        assert_int_equal(job->state, JOB_WAITING);
        advance(p, 125);
        lanes_pump(&p->lanes);
    }
    answer(p, request_of(archive), 0);
    assert_int_equal(job->state, JOB_SETTLING);
    bench_free(p);
}

/* One failure more than the breaker bears, each of another ticket. Returns the last job. */
static struct job *bring_down(struct parts *p, struct lane *lane, unsigned tickets)
{
    struct job *job = NULL;
    for (unsigned i = 0; i < tickets; i++) {
        job = begin(p);
        archive_all(p);
        if (request_of(lane))
            answer(p, request_of(lane), ERR_IO);
    }
    return job;
}

static void the_breaker_opens_after_failures_in_a_row_and_a_probe_closes_it(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *opened_by = bring_down(p, a, 4), *later = begin(p);
    archive_all(p);
    assert_int_equal(a->breaker.state, BREAKER_OPEN);
    assert_int_equal(opened_by->deliveries[1].attempts, 0);
    assert_int_equal(later->state, JOB_WAITING);
    advance(p, 9999); /* those that failed before it opened are due meanwhile: they wait too */
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_int_equal(a->queued, 5);
    advance(p, 1);
    lanes_pump(&p->lanes);
    assert_int_equal(requests_of(a), 1);
    assert_int_equal(request_of(a)->count, 1);
    answer(p, request_of(a), ERR_IO);
    assert_int_equal(a->breaker.state, BREAKER_OPEN);
    advance(p, 19999); /* twice as long */
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    advance(p, 1);
    lanes_pump(&p->lanes);
    answer(p, request_of(a), 0);
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    answer_all(p, a, 0);
    assert_int_equal(a->delivered, 5);
    assert_int_equal(p->rt.ledger.waiting, 0);
    assert_int_equal(logged(*state, "destination_down"), 1);
    assert_int_equal(logged(*state, "destination_up"), 1);
    bench_free(p);
}

static void probes_are_not_counted_as_attempts(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = bring_down(p, a, 4);
    for (int i = 0; i < 20; i++) {
        advance(p, 30000);
        lanes_pump(&p->lanes);
        answer(p, request_of(a), ERR_NOPLACE);
    }
    assert_int_equal(job->deliveries[1].attempts, 0);
    assert_int_equal(job->state, JOB_WAITING);
    assert_int_equal(p->rt.ledger.waiting, 4);
    bench_free(p);
}

static void one_ticket_that_a_place_does_not_bear_cannot_keep_it_down(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 3);
    struct job *poison = bring_down(p, a, 1);
    for (int i = 0; i < 10 && a->breaker.state != BREAKER_CLOSED; i++) {
        advance(p, 30000);
        lanes_pump(&p->lanes);
        struct batch *probe = request_of(a);
        assert_non_null(probe);
        answer(p, probe, strcmp(probe->items[0].name, poison->name) == 0 ? ERR_IO : 0);
    }
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    bench_free(p);
}

static void a_probe_that_ran_out_of_our_memory_decides_nothing(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 4);
    advance(p, 10000);
    lanes_pump(&p->lanes);
    answer(p, request_of(a), ERR_NOMEM);
    assert_int_equal(n_requests, 0);
    advance(p, 1000);
    lanes_pump(&p->lanes);
    assert_int_equal(requests_of(a), 1);
    answer(p, request_of(a), 0);
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    bench_free(p);
}

static void our_own_shortage_is_no_failure_of_the_place_or_the_ticket(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = begin(p);
    archive_all(p);
    for (int i = 0; i < 10; i++) {
        answer(p, request_of(a), i % 3 == 0 ? ERR_NOMEM : i % 3 == 1 ? ERR_NOFILES : ERR_SOURCE);
        assert_int_equal(job->state, JOB_WAITING);
        advance(p, 1000);
        lanes_pump(&p->lanes);
    }
    answer(p, request_of(a), 0);
    assert_int_equal(job->state, JOB_SETTLING);
    assert_int_equal(job->deliveries[1].attempts, 0);
    assert_int_equal(a->failures, 0);
    bench_free(p);
}

static void a_request_that_cannot_be_started_is_started_later(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = begin(p);
    archive_all(p);
    answer(p, request_of(a), 0);
    job = begin(p);
    driver_refuses = true;
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_int_equal(job->state, JOB_DELIVERING);
    driver_refuses = false;
    assert_true(due_listed(&a->probe.due)); /* the loop is woken for it */
    advance(p, 1000);
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 2);
    bench_free(p);
}

static void a_probe_that_cannot_be_started_is_started_later(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 4);
    driver_refuses = true;
    advance(p, 10000);
    lanes_pump(&p->lanes);
    driver_refuses = false;
    advance(p, 1000);
    lanes_pump(&p->lanes);
    assert_int_equal(requests_of(a), 1);
    answer(p, request_of(a), 0);
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    bench_free(p);
}

static void an_original_that_changed_or_is_gone_ends_its_job_as_returned(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    const int codes[] = {ERR_CHANGED, ERR_GONE};
    for (size_t i = 0; i < 10; i++) {
        begin(p);
        archive_all(p);
        answer(p, request_of(a), codes[i % 2]);
        assert_int_equal(p->returned, i + 1);
        assert_int_equal(p->jobs.count, 0);
    }
    assert_int_equal(p->rt.ledger.returned, 10);
    assert_int_equal(a->failures, 0);
    assert_int_equal(a->deliveries, 0);
    int64_t difference;
    assert_true(ledger_balances(&p->rt.ledger, &difference));
    bench_free(p);
}

static void a_job_that_changed_waits_for_its_other_requests_and_leaves_their_queues(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    bring_down(p, b, 0);
    begin(p);
    archive_all(p);
    answer(p, request_of(a), ERR_CHANGED);
    assert_int_equal(p->returned, 0); /* b still reads it */
    answer(p, request_of(b), ERR_IO); /* and would wait for another try */
    assert_int_equal(p->returned, 1);
    advance(p, 10000);
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_int_equal(b->deliveries, 0);
    bench_free(p);
}

static void a_place_that_hangs_gets_nothing_more_and_others_go_on(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    begin(p);
    archive_all(p);
    answer(p, request_of(b), 0);
    struct batch *hung = request_of(a);
    advance(p, 4999);
    assert_int_equal(a->hanging, 0);
    advance(p, 1);
    assert_int_equal(a->hanging, 1);
    assert_int_equal(logged(*state, "destination_hangs"), 1);
    begin(p);
    archive_all(p);
    assert_int_equal(requests_of(a), 1);
    answer_all(p, b, 0);
    assert_int_equal(b->delivered, 2);
    assert_true(lanes_idle(&p->lanes)); /* a stop does not wait for it */
    answer(p, hung, 0);
    assert_int_equal(a->hanging, 0);
    assert_int_equal(requests_of(a), 1);
    answer(p, request_of(a), 0);
    assert_int_equal(a->delivered, 2);
    assert_int_equal(logged(*state, "destination_answers"), 1);
    bench_free(p);
}

static void while_draining_no_place_that_is_down_is_tried(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 4);
    p->rt.draining = true;
    advance(p, 60000);
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_true(lanes_idle(&p->lanes));
    bench_free(p);
}

static void a_large_ticket_is_copied_from_where_it_lies(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    size_t len = TAKE_KEEP_MAX + 1;
    char *text = malloc(len);
    memset(text, ' ', len);
    memcpy(text, TICKET("RANK"), strlen(TICKET("RANK")));
    put_bytes(in(s, "hot/RANK/large.json"), text, len);
    free(text);
    assert_non_null(take_up(p, "large.json"));
    archive_all(p);
    struct batch *batch = request_of(lane_named(p, "a"));
    assert_null(batch->items[0].bytes);
    assert_string_equal(batch->items[0].source, in(s, "under/0/RANK/large.json"));
    assert_int_equal(batch->items[0].size, len);
    bench_free(p);
}

/* --- reload --- */

/* As reload.c does it. */
static void reload(struct parts *p, const char *text)
{
    struct faults faults;
    struct error e = {0};
    faults_init(&faults);
    put(in(p->s, "routes.ini"), text);
    struct routes *routes = config_load_routes(p->config, &faults);
    print_all(&faults);
    faults_fini(&faults);
    assert_non_null(routes);
    assert_int_equal(lanes_adopt(&p->lanes, routes, &e), 0);
    routes_unref(p->rt.routes);
    p->rt.routes = routes;
    lanes_retire(&p->lanes);
}

static size_t count_lanes(const struct parts *p)
{
    size_t n = 0;
    for (const struct lane *lane = p->lanes.lanes; lane; lane = lane->next)
        n++;
    return n;
}

static void equal_destinations_keep_their_lane_over_a_reload(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    a->failures = 7;
    reload(p, "# the same destinations, other routes\n[destination b]\npath = out/b\n[destination a]\npath = out/a\n"
              "[route r]\nclient = X\nto = b\n");
    assert_int_equal(count_lanes(p), 3);
    assert_ptr_equal(lanes_of(&p->lanes, p->rt.routes, 0), b);
    assert_ptr_equal(lanes_of(&p->lanes, p->rt.routes, 1), a);
    assert_int_equal(a->failures, 7);
    parts_free(p);
}

static void an_altered_destination_gets_a_new_lane_and_a_removed_one_goes(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a");
    reload(p, "[destination a]\npath = out/elsewhere\nlabel = a\n[route r]\nclient = *\nto = a\n");
    struct lane *altered = lanes_of(&p->lanes, p->rt.routes, 0);
    assert_ptr_not_equal(altered, a);
    assert_string_equal(altered->place.path + strlen(altered->place.path) - 14, "/out/elsewhere");
    assert_int_equal(count_lanes(p), 2);
    assert_null(lane_named(p, "b"));
    reload(p, ROUTES_TWO);
    assert_int_equal(count_lanes(p), 3);
    for (int i = 0; i < 20; i++) {
        reload(p, i % 2 ? ROUTES_TWO : ROUTES_ONE);
        assert_int_equal(count_lanes(p), i % 2 ? 3 : 2);
    }
    parts_free(p);
}

static void jobs_in_flight_end_under_the_lane_that_they_were_routed_to(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = begin(p);
    archive_all(p);
    answer(p, request_of(a), ERR_IO);
    reload(p, "[destination c]\npath = out/c\n[route r]\nclient = *\nto = c\n");
    assert_ptr_equal(lane_named(p, "a"), a);
    advance(p, 125);
    lanes_pump(&p->lanes);
    lanes_retire(&p->lanes);
    assert_int_equal(requests_of(a), 1);
    answer(p, request_of(a), 0);
    assert_int_equal(job->state, JOB_SETTLING);
    assert_int_equal(lane_named(p, "c")->deliveries, 0);
    jobs_settled(job, 0, NULL);
    lanes_retire(&p->lanes);
    assert_null(lane_named(p, "a"));
    bench_free(p);
}

static void a_table_that_a_look_holds_keeps_its_lanes(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct routes *held = routes_ref(p->rt.routes);
    reload(p, "[destination c]\npath = out/c\n[route r]\nclient = *\nto = c\n");
    assert_ptr_equal(lanes_of(&p->lanes, held, 0), a);
    routes_unref(held);
    lanes_retire(&p->lanes);
    assert_null(lane_named(p, "a"));
    parts_free(p);
}

static void a_reload_without_memory_changes_nothing(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct faults faults;
    faults_init(&faults);
    put(in(*state, "routes.ini"), "[destination c]\npath = out/c\n[destination d]\npath = out/d\nmount = /\n"
                                  "[route r]\nclient = *\nto = c, d\n");
    struct routes *routes = config_load_routes(p->config, &faults);
    assert_non_null(routes);
    SCARCE_SWEEP (n) {
        struct error e = {0};
        scarce_begin(n, 1);
        int rc = lanes_adopt(&p->lanes, routes, &e);
        if (!scarce_end()) {
            assert_int_equal(rc, 0);
            continue;
        }
        assert_int_equal(rc, ERR_NOMEM);
        assert_int_equal(count_lanes(p), 2);
        assert_non_null(lanes_of(&p->lanes, p->rt.routes, 0));
        assert_int_equal(routes->references, 1);
    }
    assert_int_equal(count_lanes(p), 4);
    routes_unref(routes);
    parts_free(p);
}

/* Whatever allocations fail on the way of a ticket: it is delivered in the end. */
static void delay_by(void **state, size_t in_a_row)
{
    SCARCE_SWEEP (n) {
        struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
        char name[32], under[64];
        snprintf(name, sizeof name, "t.json");
        put(in(*state, "hot/RANK/t.json"), TICKET("RANK"));
        struct take_item item = ticket_item(name);
        struct take_batch batch = batch_of(p, &item);
        take_run(&batch);
        assert_int_equal(item.taken, TAKEN_CLAIMED);
        fill_waits(&p->rt, 0);
        scarce_begin(n, in_a_row);
        int rc = jobs_begin(&p->jobs, &item, p->rt.routes, WAY_REALTIME, 1, false);
        struct job *job = rc == 0 ? p->jobs.count > 0 ? p->lanes.archive->queue->job : NULL : NULL;
        for (int i = 0; rc == 0 && i < 10 && job->state != JOB_SETTLING; i++) {
            lanes_pump(&p->lanes);
            while (n_requests > 0)
                answer(p, requests[0], i == 0 ? ERR_IO : 0);
            advance(p, 1000);
        }
        scarce_end();
        if (rc == 0) {
            assert_int_equal(job->state, JOB_SETTLING);
        } else {
            assert_int_equal(p->jobs.count, 0);
            assert_int_equal(lane_named(p, "a")->deliveries, 0);
            assert_int_equal(p->rt.ledger.taken, 0);
        }
        snprintf(under, sizeof under, "under/0/RANK/t.json");
        assert_true(exists(in(*state, under)));
        unlink(in(*state, under));
        take_item_fini(&item);
        bench_free(p);
    }
}

static void no_memory_on_the_way_only_delays(void **state)
{
    delay_by(state, 1);
    delay_by(state, 5);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_lane_has_no_more_requests_at_once_than_its_limit),
        T(destinations_together_keep_to_their_share_of_the_pool_and_the_archive_has_its_own),
        T(a_failed_delivery_is_tried_again_after_its_pause_and_fails_at_the_limit),
        T(an_invalid_ticket_is_not_tried_again_and_does_not_count_against_the_place),
        T(the_archive_is_tried_without_limit),
        T(the_breaker_opens_after_failures_in_a_row_and_a_probe_closes_it),
        T(probes_are_not_counted_as_attempts),
        T(one_ticket_that_a_place_does_not_bear_cannot_keep_it_down),
        T(a_probe_that_ran_out_of_our_memory_decides_nothing),
        T(our_own_shortage_is_no_failure_of_the_place_or_the_ticket),
        T(a_request_that_cannot_be_started_is_started_later),
        T(a_probe_that_cannot_be_started_is_started_later),
        T(an_original_that_changed_or_is_gone_ends_its_job_as_returned),
        T(a_job_that_changed_waits_for_its_other_requests_and_leaves_their_queues),
        T(a_place_that_hangs_gets_nothing_more_and_others_go_on),
        T(while_draining_no_place_that_is_down_is_tried),
        T(a_large_ticket_is_copied_from_where_it_lies),
        T(equal_destinations_keep_their_lane_over_a_reload),
        T(an_altered_destination_gets_a_new_lane_and_a_removed_one_goes),
        T(jobs_in_flight_end_under_the_lane_that_they_were_routed_to),
        T(a_table_that_a_look_holds_keeps_its_lanes),
        T(a_reload_without_memory_changes_nothing),
        T(no_memory_on_the_way_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
