/* test_incidents.c: alerts that the upkeep opens and closes, also over a start. */
#include <sys/file.h>

#include "left.h"

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

static void a_destination_that_is_held_is_told_with_who_holds_it_and_since_when(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    json_t *list;
    char at[CLOCK_STAMP_MAX], wanted[64];
    struct service *service = set_up(s);
    assert_int_equal(lanes_hold(&service->lanes, "a", "anna"), 0);
    lane_of(service, "a")->queued = 1;
    tick(service);
    assert_int_equal(store_alerts(service->storage.store, true, 0, &list, &e), 0);
    clock_plain(wall_now_ms, at);
    snprintf(wanted, sizeof wanted, "Held by anna since %s:", at);
    assert_non_null(strstr(json_string_value(json_object_get(json_array_get(list, 0), "text")), wanted));
    json_decref(list);
    lane_of(service, "a")->queued = 0;
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

static void what_a_dead_instance_left_open_is_closed_and_what_a_living_one_opened_is_not(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct service *service = set_up(s);
    const struct store_alert left[] = {
        {.kind = "destination_hangs", .subject = "a (instance 1)", .at_ms = NOON, .text = "why"},
        {.kind = "destination_hangs", .subject = "a (instance 2)", .at_ms = NOON, .text = "why"}};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(store_alert(service->storage.store, &left[i], true, &e), 0);
    make_folder(s, "under/1");
    make_folder(s, "under/2");
    int lives = open(in(s, "under/1"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(lives, LOCK_EX | LOCK_NB), 0);
    service = start_again(s, service);
    tick(service);
    tick(service);
    assert_string_equal(alerts(service, true), "destination_hangs a (instance 1)");
    close(lives);
    service_free(service);
    log_close();
}

static void that_nothing_is_taken_up_is_over_also_while_the_first_scan_runs(void **state)
{
    struct service *service = set_up(*state);
    service->scanner.full = true;
    service->scanner.way = WAY_STARTUP;
    error_set(&service->scanner.missing, ERR_NOPLACE, "it is away");
    tick(service);
    assert_string_equal(alerts(service, true), "intake_stopped instance 0");
    error_clear(&service->scanner.missing);
    tick(service);
    assert_string_equal(alerts(service, true), "");
    service_free(service);
    log_close();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_wrong_is_an_alert_until_it_is_over),
        T(a_destination_that_is_held_is_told_with_who_holds_it_and_since_when),
        T(a_store_that_was_away_is_told_with_the_time_it_began),
        T(an_alert_that_was_open_at_the_end_goes_on_until_it_is_over),
        T(what_a_dead_instance_left_open_is_closed_and_what_a_living_one_opened_is_not),
        T(that_nothing_is_taken_up_is_over_also_while_the_first_scan_runs),
        SWEEP_OF(no_memory_for_an_alert_puts_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
