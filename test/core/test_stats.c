/* test_stats.c: counting, limits, texts and the ledger. */
#include "../scarce.h"
#include "stats_day.h"

static void nothing_yet_is_a_full_success(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    check_line(s, "Today: 0 processed (startup: 0) (periodic: 0), 0 errors, 100.0% success");
    assert_int_equal(stats_date(s), DAY);
    assert_int_equal(stats_changes(s), 0);
    stats_free(s);
    stats_free(NULL);
}

static void the_line_reads_as_operators_grep_it(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    struct stats_outcome o = outcome("RANK", "PRODUCTION", WAY_STARTUP);
    for (int i = 0; i < 50; i++)
        stats_processed(s, &o);
    o.way = WAY_REALTIME;
    stats_processed(s, &o);
    stats_failed(s, &o, "x.json", "bad", 0);
    check_line(s, "Today: 51 processed (startup: 50) (periodic: 0), 1 errors, 98.0% success");
    stats_free(s);
}

static void a_single_error_is_never_a_full_success(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    struct stats_outcome o = outcome("RANK", NULL, WAY_PERIODIC);
    for (int i = 0; i < 100000; i++)
        stats_processed(s, &o);
    stats_failed(s, &o, "x.json", "bad", 0);
    check_line(s, "Today: 100000 processed (startup: 0) (periodic: 100000), 1 errors, 99.9% success");
    stats_free(s);
}

static void outcomes_are_counted_by_client_category_destination_and_hour(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    const char *const both[] = {"Monday Rank", "Celtra"};
    struct stats_outcome o = outcome("RANK", "CELTRA", WAY_REALTIME);
    o.destinations = both;
    o.n_destinations = 2;
    o.celtra = true;
    stats_processed(s, &o);
    o.hour = 23;
    o.category = "PRODUCTION";
    o.celtra = false;
    o.n_destinations = 1;
    stats_processed(s, &o);
    struct stats_outcome archived = outcome("CIBC", "PRODUCTION", WAY_ONCE);
    stats_processed(s, &archived);
    struct stats_outcome bad = outcome("RANK", NULL, WAY_PERIODIC);
    stats_failed(s, &bad, "x.json", "bad", 0);
    stats_delivery_failed(s, "Celtra");
    stats_delivery_failed(s, "Celtra");

    const struct {
        const char *path;
        json_int_t n;
    } expected[] = {
        {"totals.processed", 3},
        {"totals.errors", 1},
        {"ways.REALTIME", 2},
        {"ways.ONCE", 1},
        {"ways.PERIODIC", 0},
        {"clients.RANK.processed", 2},
        {"clients.RANK.errors", 1},
        {"clients.RANK.routed", 2},
        {"clients.RANK.celtra", 1},
        {"clients.RANK.categories.CELTRA", 1},
        {"clients.RANK.categories.PRODUCTION", 1},
        {"clients.CIBC.processed", 1},
        {"clients.CIBC.routed", 0},
        {"clients.(others).processed", 0},
        {"destinations.Monday Rank.delivered", 2},
        {"destinations.Celtra.delivered", 1},
        {"destinations.Celtra.failed_attempts", 2},
        {"hours.15.processed", 2},
        {"hours.15.errors", 1},
        {"hours.23.processed", 1},
        {"hours.0.processed", 0},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(number_in(s, expected[i].path), expected[i].n);
    const struct stats_totals *t = stats_totals_of(s);
    assert_true(t->total_ms > 299.9 && t->total_ms < 300.1);
    stats_free(s);
}

static void scans_and_batches_are_counted(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    stats_scan(s, false, 100);
    stats_scan(s, true, 31000);
    stats_scan_skipped(s);
    stats_scan_timed_out(s);
    stats_found_by_scan_only(s, 3);
    stats_batch(s, 10);
    stats_batch(s, 5);
    const struct stats_totals *t = stats_totals_of(s);
    assert_int_equal(t->scans, 2);
    assert_int_equal(t->scans_slow, 1);
    assert_int_equal(t->scans_skipped, 1);
    assert_int_equal(t->scans_timed_out, 1);
    assert_int_equal(t->scan_only, 3);
    assert_int_equal(t->batches, 2);
    assert_int_equal(t->batch_tickets, 15);
    stats_free(s);
}

static void tickets_are_news_and_scans_are_none(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    struct stats_outcome o = outcome("RANK", NULL, WAY_PERIODIC);
    uint64_t before = 0;
#define CHANGES(call)                                                                                                  \
    do {                                                                                                               \
        call;                                                                                                          \
        assert_true(stats_changes(s) > before);                                                                        \
        before = stats_changes(s);                                                                                     \
    } while (0)
    CHANGES(stats_processed(s, &o));
    CHANGES(stats_failed(s, &o, "x", "y", 0));
    CHANGES(stats_delivery_failed(s, "d"));
    CHANGES(stats_batch(s, 1));
    CHANGES(stats_found_by_scan_only(s, 1));
#undef CHANGES
    stats_scan(s, false, 1);
    stats_scan_skipped(s);
    stats_scan_timed_out(s);
    stats_found_by_scan_only(s, 0);
    json_decref(stats_to_json(s));
    check_line(s, "Today: 1 processed (startup: 0) (periodic: 1), 1 errors, 50.0% success");
    assert_int_equal(stats_changes(s), before);
    stats_free(s);
}

static void names_beyond_the_limit_are_counted_together(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    for (int i = 0; i < STATS_KEYS_MAX + 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "N%d", i);
        const char *const to[] = {name};
        struct stats_outcome o = outcome(name, "C", WAY_REALTIME);
        o.destinations = to;
        o.n_destinations = 1;
        stats_processed(s, &o);
        o = outcome("ONE", name, WAY_REALTIME);
        stats_processed(s, &o);
    }
    /* Client ONE took a place. */
    assert_int_equal(number_in(s, "clients.(others).processed"), 51);
    assert_int_equal(number_in(s, "clients.(others).categories.C"), 51);
    assert_int_equal(number_in(s, "clients.N998.processed"), 1);
    assert_int_equal(number_in(s, "clients.ONE.processed"), STATS_KEYS_MAX + 50);
    assert_int_equal(number_in(s, "clients.ONE.categories.(others)"), 50);
    assert_int_equal(number_in(s, "destinations.(others).delivered"), 50);

    struct stats *again = new_stats();
    json_t *j = stats_to_json(s);
    assert_int_equal(stats_from_json(again, j), 0);
    json_t *j2 = stats_to_json(again);
    assert_true(json_equal(j, j2));
    json_decref(j);
    json_decref(j2);
    stats_free(again);
    stats_free(s);
}

static void foreign_names_become_sound_text(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer + 253, "\xe2\x82\xac", 3); /* a character across the limit */
    struct stats_outcome o = outcome("B\xff"
                                     "D",
                                     longer, WAY_REALTIME);
    stats_failed(s, &o, "a\nb\x1b.json", "\xc3", 0);
    assert_int_equal(number_in(s, "clients.B?D.errors"), 1);
    longer[253] = '\0';
    char path[1100];
    snprintf(path, sizeof path, "clients.B?D.categories.%s", longer);
    assert_int_equal(number_in(s, path), 1);
    struct str out = STR_INIT;
    stats_text(s, &out);
    assert_non_null(strstr(out.bytes, "B?D/a\\nb\\x1b.json: ?"));
    str_fini(&out);
    stats_free(s);
}

static void the_last_errors_are_kept_in_order(void **state)
{
    (void)state;
    struct stats *s = new_stats();
    struct stats_outcome o = outcome("RANK", NULL, WAY_REALTIME);
    for (int i = 0; i < STATS_ERRORS_MAX + 3; i++) {
        char file[32];
        snprintf(file, sizeof file, "%d.json", i);
        stats_failed(s, &o, file, "bad", 1000 + i);
    }
    json_t *j = stats_to_json(s);
    const json_t *errors = json_object_get(j, "last_errors");
    assert_int_equal(json_array_size(errors), STATS_ERRORS_MAX);
    assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 0), "file")), "3.json");
    assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 9), "file")), "12.json");
    assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 9), "client")), "RANK");
    assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 9), "error")), "bad");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 9), "time")), 1012);
    json_decref(j);
    struct str out = STR_INIT;
    stats_text(s, &out);
    const char *first = strstr(out.bytes, "\nError ");
    assert_non_null(first);
    assert_non_null(strstr(first, "RANK/3.json: bad\n"));
    assert_null(strstr(strstr(first, "RANK/12.json") + 1, "\nError "));
    assert_true(strstr(first + 1, "\nError ") > strstr(first, "RANK/3.json"));
    str_fini(&out);
    stats_free(s);
}

static void the_text_tells_people_everything(void **state)
{
    (void)state;
    set_zone("UTC0");
    struct stats *s = busy_day();
    struct str out = STR_INIT;
    stats_text(s, &out);
    assert_string_equal(
        out.bytes,
        "Statistics of 2026-02-06\n"
        "Today: 1 processed (startup: 1) (periodic: 0), 1 errors, 50.0% success\n"
        "By way: startup 1, realtime 0, periodic 0, once 0\n"
        "Batches: 1, on average 2.0 tickets; a ticket took 0.10s on average\n"
        "Scans: 1 completed (1.23s on average), 0 skipped, 1 slow, 0 timed out; 0 tickets that only a scan found\n"
        "Client CIBC: 0 processed, 1 routed, 0 Celtra, 1 errors; categories: PRODUCTION 1\n"
        "Client RANK: 1 processed, 1 routed, 0 Celtra, 0 errors; categories: PRODUCTION 1\n"
        "Destination Celtra: 0 delivered, 1 failed attempts\n"
        "Destination Monday Rank: 2 delivered, 0 failed attempts\n"
        "Hour 15: 1 processed, 1 errors\n"
        "Error 2026-02-06 14:30:46 CIBC/x.json: bad");
    str_fini(&out);
    stats_free(s);
}

static void the_ledger_balances_or_says_by_how_much_not(void **state)
{
    (void)state;
    struct ledger l = {
        .taken = 21, .delivered = 1, .archived_only = 2, .failed = 3, .returned = 4, .waiting = 5, .in_work = 6};
    int64_t difference = 99;
    struct str out = STR_INIT;
    assert_true(ledger_balances(&l, &difference));
    assert_int_equal(difference, 0);
    ledger_text(&l, &out);
    assert_string_equal(out.bytes,
                        "21 taken = 1 delivered + 2 archived only + 3 failed + 4 returned + 5 waiting + 6 in work");
    l.in_work = 4;
    assert_false(ledger_balances(&l, &difference));
    assert_int_equal(difference, 2);
    l.in_work = 9;
    assert_false(ledger_balances(&l, &difference));
    assert_int_equal(difference, -3);
    str_clear(&out);
    ledger_text(&l, &out);
    assert_non_null(strstr(out.bytes, "21 taken is not 1 delivered"));
    assert_non_null(strstr(out.bytes, "(difference -3)"));
    str_fini(&out);
}

static void without_memory_counts_are_kept_together_and_nothing_leaks(void **state)
{
    (void)state;
    json_t *j = NULL;
    SCARCE_SWEEP (n) {
        json_decref(j);
        j = NULL;
        scarce_begin(n, 1);
        struct stats *s = stats_new(DAY);
        if (s) {
            const char *const to[] = {"Monday Rank"};
            struct stats_outcome o = outcome("RANK", "CELTRA", WAY_STARTUP);
            o.destinations = to;
            o.n_destinations = 1;
            stats_processed(s, &o);
            stats_failed(s, &o, "x.json", "bad", 0);
            assert_int_equal(stats_totals_of(s)->processed, 1);
            assert_int_equal(stats_totals_of(s)->errors, 1);
            j = stats_to_json(s);
        }
        bool hit = scarce_end();
        assert_true(j || hit);
        if (j) { /* whole, by the names or under "(others)" */
            struct stats *again = new_stats();
            assert_int_equal(stats_from_json(again, j), 0);
            assert_int_equal(stats_totals_of(again)->processed, 1);
            stats_free(again);
        }
        stats_free(s);
    }
    SCARCE_SWEEP (n) {
        struct stats *s = new_stats();
        scarce_begin(n, 1);
        int rc = stats_from_json(s, j);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        assert_int_equal(stats_totals_of(s)->processed, hit ? 0 : 1);
        stats_free(s);
    }
    json_decref(j);
}

static void without_memory_a_text_is_known_as_a_part(void **state)
{
    (void)state;
    struct stats *s = busy_day();
    struct ledger l = {.taken = 21, .delivered = 1};
    SCARCE_SWEEP (n) {
        struct str text = STR_INIT, line = STR_INIT, ledger = STR_INIT;
        scarce_begin(n, 1);
        stats_text(s, &text);
        stats_line(s, &line);
        ledger_text(&l, &ledger);
        bool hit = scarce_end();
        assert_int_equal(str_failed(&text) || str_failed(&line) || str_failed(&ledger), hit);
        str_fini(&text);
        str_fini(&line);
        str_fini(&ledger);
    }
    stats_free(s);
}

int main(void)
{
    set_zone("UTC0");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet_is_a_full_success),
        cmocka_unit_test(the_line_reads_as_operators_grep_it),
        cmocka_unit_test(a_single_error_is_never_a_full_success),
        cmocka_unit_test(outcomes_are_counted_by_client_category_destination_and_hour),
        cmocka_unit_test(scans_and_batches_are_counted),
        cmocka_unit_test(tickets_are_news_and_scans_are_none),
        cmocka_unit_test(names_beyond_the_limit_are_counted_together),
        cmocka_unit_test(foreign_names_become_sound_text),
        cmocka_unit_test(the_last_errors_are_kept_in_order),
        cmocka_unit_test(the_text_tells_people_everything),
        cmocka_unit_test(the_ledger_balances_or_says_by_how_much_not),
        cmocka_unit_test(without_memory_counts_are_kept_together_and_nothing_leaks),
        cmocka_unit_test(without_memory_a_text_is_known_as_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
