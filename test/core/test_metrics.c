/* The metrics: what is counted is told, in a text that Prometheus reads, whatever clients are called. */
#include <stdio.h>
#include <string.h>

#include "shunt/core/exposition.h"
#include "shunt/core/metrics.h"

#include "../scarce.h"

#define MS UINT64_C(1000000)

static struct str text;

static const char *told(const struct metrics *m)
{
    str_clear(&text);
    metrics_text(m, &text);
    assert_false(str_failed(&text));
    return text.bytes;
}

/* The line stands in the text, whole and once. */
static void assert_line(const struct metrics *m, const char *line)
{
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    const char *found = strstr(told(m), wanted);
    if (!found)
        fail_msg("not told: %s", line);
    if (strstr(found + 1, wanted))
        fail_msg("told twice: %s", line);
}

static void assert_no_line(const struct metrics *m, const char *part)
{
    if (strstr(told(m), part))
        fail_msg("told: %s", part);
}

static int set_up(void **state)
{
    str_init(&text);
    *state = metrics_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    metrics_free(*state);
    str_fini(&text);
    return 0;
}

static void a_ticket_is_counted_by_client_and_outcome(void **state)
{
    struct metrics *m = *state;
    metrics_ticket_taken(m, "RANK", 3 * MS, 2 * MS);
    metrics_ticket_ended(m, "RANK", TICKET_END_DELIVERED, 1 * MS, 40 * MS);
    metrics_ticket_taken(m, "RANK", 3 * MS, 2 * MS);
    metrics_ticket_ended(m, "RANK", TICKET_END_FAILED, 1 * MS, 40 * MS);
    metrics_ticket_taken(m, "LOREAL", 3 * MS, 2 * MS);
    assert_line(m, "shunt_tickets_taken_total{client=\"RANK\"} 2");
    assert_line(m, "shunt_tickets_taken_total{client=\"LOREAL\"} 1");
    assert_line(m, "shunt_tickets_total{client=\"RANK\",outcome=\"delivered\"} 1");
    assert_line(m, "shunt_tickets_total{client=\"RANK\",outcome=\"failed\"} 1");
    assert_line(m, "shunt_tickets_total{client=\"LOREAL\",outcome=\"delivered\"} 0");
    assert_line(m, "shunt_ticket_take_duration_seconds_count 3");
    assert_line(m, "shunt_ticket_settle_duration_seconds_sum 0.002000000");
    assert_line(m, "shunt_ticket_wait_duration_seconds_bucket{client=\"RANK\",le=\"0.0025\"} 0");
    assert_line(m, "shunt_ticket_wait_duration_seconds_bucket{client=\"RANK\",le=\"0.005\"} 2");
}

static void a_delivery_is_counted_by_destination_and_each_of_its_tries(void **state)
{
    struct metrics *m = *state;
    metrics_attempt(m, "a", false, 5 * MS);
    metrics_attempt(m, "a", true, 5 * MS);
    metrics_delivery_ended(m, "a", DELIVERY_END_DELIVERED, 20000 * MS);
    metrics_delivery_ended(m, "b", DELIVERY_END_RETURNED, 20000 * MS);
    assert_line(m, "shunt_delivery_attempts_total{destination=\"a\",outcome=\"failed\"} 1");
    assert_line(m, "shunt_delivery_attempts_total{destination=\"a\",outcome=\"delivered\"} 1");
    assert_line(m, "shunt_deliveries_total{destination=\"a\",outcome=\"delivered\"} 1");
    assert_line(m, "shunt_deliveries_total{destination=\"b\",outcome=\"returned\"} 1");
    assert_line(m, "shunt_delivery_duration_seconds_bucket{destination=\"a\",le=\"10\"} 0");
    assert_line(m, "shunt_delivery_duration_seconds_bucket{destination=\"a\",le=\"30\"} 1");
    assert_line(m, "shunt_delivery_duration_seconds_count{destination=\"b\"} 0");
}

static void a_bucket_holds_its_bound_and_the_last_one_everything(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, 0);
    histogram_add(&h, 1 * MS);
    histogram_add(&h, 1 * MS + 1);
    histogram_add(&h, 300000 * MS);
    histogram_add(&h, 300000 * MS + 1);
    exposition_histogram(&text, "x", NULL, 0, &h);
    assert_int_equal(histogram_count(&h), 5);
    assert_non_null(strstr(text.bytes, "x_bucket{le=\"0.001\"} 2\nx_bucket{le=\"0.0025\"} 3\n"));
    assert_non_null(
        strstr(text.bytes, "x_bucket{le=\"300\"} 4\nx_bucket{le=\"+Inf\"} 5\nx_sum 600.002000002\nx_count 5\n"));
}

static void a_label_is_escaped(void **state)
{
    (void)state;
    struct label label = {"client", "a\"b\\c\nd"};
    exposition_count(&text, "x", &label, 1, 1);
    assert_string_equal(text.bytes, "x{client=\"a\\\"b\\\\c\\nd\"} 1\n");
}

static void a_label_is_made_utf8_and_cut_at_a_character(void **state)
{
    (void)state;
    char clean[LABEL_VALUE_MAX + 1], name[LABEL_VALUE_MAX + 3];
    label_clean("a\xff"
                "b\xc3\xa9\xc3",
                clean);
    assert_string_equal(clean, "a\xef\xbf\xbd"
                               "b\xc3\xa9\xef\xbf\xbd");
    label_clean("", clean);
    assert_string_equal(clean, "");
    memset(name, 'x', sizeof name);
    memcpy(name + LABEL_VALUE_MAX - 1, "\xc3\xa9", 3);
    label_clean(name, clean);
    assert_int_equal(strlen(clean), LABEL_VALUE_MAX - 1);
}

static void names_that_read_the_same_are_one(void **state)
{
    struct metrics *m = *state;
    metrics_ticket_taken(m, "x\xfe", 0, 0);
    metrics_ticket_taken(m, "x\xff", 0, 0);
    assert_line(m, "shunt_tickets_taken_total{client=\"x\xef\xbf\xbd\"} 2");
}

static void numbers_are_told_as_prometheus_reads_them(void **state)
{
    (void)state;
    exposition_value(&text, "x", NULL, 0, 0.25);
    exposition_value(&text, "x", NULL, 0, 1e300 * 1e300);
    exposition_value(&text, "x", NULL, 0, -1e300 * 1e300);
    exposition_value(&text, "x", NULL, 0, 1e300 * 1e300 * 0);
    exposition_count(&text, "x", NULL, 0, UINT64_MAX);
    assert_string_equal(text.bytes, "x 0.25\nx +Inf\nx -Inf\nx NaN\nx 18446744073709551615\n");
}

static void names_beyond_the_bound_are_the_others(void **state)
{
    struct metrics *m = *state;
    char name[32];
    for (unsigned i = 0; i < METRICS_LABELS_MAX + 50; i++) {
        snprintf(name, sizeof name, "C%03u", i);
        metrics_ticket_taken(m, name, 0, 0);
        metrics_attempt(m, name, true, 0);
    }
    metrics_ticket_taken(m, "C000", 0, 0);
    assert_line(m, "shunt_tickets_taken_total{client=\"C000\"} 2");
    assert_line(m, "shunt_tickets_taken_total{client=\"C199\"} 1");
    assert_no_line(m, "C200");
    assert_line(m, "shunt_tickets_taken_total{client=\"(others)\"} 50");
    assert_line(m, "shunt_delivery_attempts_total{destination=\"(others)\",outcome=\"delivered\"} 50");
}

static void nobody_is_among_the_others_who_has_not_been_counted(void **state)
{
    metrics_ticket_taken(*state, "RANK", 0, 0);
    assert_no_line(*state, "(others)");
    metrics_ticket_taken(*state, "(others)", 0, 0); /* somebody calls himself so */
    assert_line(*state, "shunt_tickets_taken_total{client=\"(others)\"} 1");
}

static void lanes_of_one_name_are_one_destination(void **state)
{
    struct metrics *m = *state;
    struct destination_now one = {.in_hand = 3, .queued = 2, .requests = 1}, other = {.in_hand = 4, .down = true};
    metrics_destination_now(m, "a", &one);
    metrics_destination_now(m, "a", &other);
    assert_line(m, "shunt_destination_deliveries{destination=\"a\"} 7");
    assert_line(m, "shunt_destination_queued_deliveries{destination=\"a\"} 2");
    assert_line(m, "shunt_destination_breaker_open{destination=\"a\"} 1");
    assert_line(m, "shunt_destination_up{destination=\"a\"} 0");
    metrics_destinations_forget(m);
    metrics_destination_now(m, "a", &one);
    assert_line(m, "shunt_destination_deliveries{destination=\"a\"} 3");
    assert_line(m, "shunt_destination_up{destination=\"a\"} 1");
}

static void a_destination_that_is_gone_keeps_its_counters_only(void **state)
{
    struct metrics *m = *state;
    metrics_attempt(m, "a", true, 0);
    metrics_destination_now(m, "a", &(struct destination_now){.held = true});
    assert_line(m, "shunt_destination_held{destination=\"a\"} 1");
    metrics_destinations_forget(m);
    assert_no_line(m, "shunt_destination_held{");
    assert_line(m, "shunt_delivery_attempts_total{destination=\"a\",outcome=\"delivered\"} 1");
}

static void scans_store_and_requests_are_counted(void **state)
{
    struct metrics *m = *state;
    metrics_scan(m, SCAN_COMPLETED, true, 3 * MS);
    metrics_scan(m, SCAN_TIMED_OUT, false, 3 * MS);
    metrics_scan(m, SCAN_SKIPPED, false, 0);
    metrics_store_write(m, true, 500, MS);
    metrics_store_write(m, false, 500, MS);
    metrics_store_lost(m);
    metrics_turn(m, MS);
    for (unsigned status = 0; status < 1000; status += 100)
        metrics_http(m, status + 4);
    assert_line(m, "shunt_scans_total{outcome=\"completed\"} 1");
    assert_line(m, "shunt_scans_total{outcome=\"skipped\"} 1");
    assert_line(m, "shunt_scans_slow_total 1");
    assert_line(m, "shunt_scan_duration_seconds_count 2");
    assert_line(m, "shunt_store_records_total 500");
    assert_line(m, "shunt_store_failures_total 1");
    assert_line(m, "shunt_store_lost_total 1");
    assert_line(m, "shunt_loop_turn_duration_seconds_count 1");
    assert_line(m, "shunt_http_requests_total{code=\"2xx\"} 1");
    assert_line(m, "shunt_http_requests_total{code=\"5xx\"} 1");
}

static void without_memory_all_is_counted_under_the_others(void **state)
{
    (void)state;
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        struct metrics *m = metrics_new();
        if (m) {
            metrics_ticket_taken(m, "RANK", MS, MS);
            metrics_ticket_taken(m, "LOREAL", MS, MS);
            metrics_attempt(m, "a", true, MS);
        }
        struct str out = STR_INIT;
        if (m)
            metrics_text(m, &out);
        bool hit = scarce_end();
        assert_true(m || hit);
        assert_true(hit || !str_failed(&out));
        if (m) {
            const char *all = told(m);
            unsigned of_all = 0;
            for (const char *at = all; (at = strstr(at, "shunt_tickets_taken_total{")); at++)
                of_all += (unsigned)strtoul(strstr(at, "} ") + 2, NULL, 10);
            assert_int_equal(of_all, 2);
        }
        str_fini(&out);
        metrics_free(m);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_is_counted_by_client_and_outcome),
        TEST(a_delivery_is_counted_by_destination_and_each_of_its_tries),
        TEST(a_bucket_holds_its_bound_and_the_last_one_everything),
        TEST(a_label_is_escaped),
        TEST(a_label_is_made_utf8_and_cut_at_a_character),
        TEST(names_that_read_the_same_are_one),
        TEST(numbers_are_told_as_prometheus_reads_them),
        TEST(names_beyond_the_bound_are_the_others),
        TEST(nobody_is_among_the_others_who_has_not_been_counted),
        TEST(lanes_of_one_name_are_one_destination),
        TEST(a_destination_that_is_gone_keeps_its_counters_only),
        TEST(scans_store_and_requests_are_counted),
        TEST(without_memory_all_is_counted_under_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
