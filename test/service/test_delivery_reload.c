/* test_delivery_reload.c: what becomes of the lanes when the routes are read anew. */
#include "lanes.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(equal_destinations_keep_their_lane_over_a_reload),
        T(an_altered_destination_gets_a_new_lane_and_a_removed_one_goes),
        T(jobs_in_flight_end_under_the_lane_that_they_were_routed_to),
        T(a_table_that_a_look_holds_keeps_its_lanes),
        T(a_reload_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
