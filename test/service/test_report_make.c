/* test_report_make.c: a report from the store: of which instances, of which days, by which templates. */
#include "shunt/core/stats.h"
#include "shunt/service/report_make.h"

#include "../scarce.h"
#include "parts.h"

#define DAY 20260206

static struct store *open_store(struct scratch *s)
{
    struct store *store = NULL;
    struct error e = {0};
    assert_int_equal(store_open(&store, "sqlite:shunt.db", s->root, STORE_WRITE, &e), 0);
    return store;
}

/* So many tickets of that client. */
static json_t *day_of(int date, const char *client, int tickets)
{
    struct stats *stats = stats_new(date);
    assert_non_null(stats);
    const struct stats_outcome o = {
        .client = client, .category = "PRODUCTION", .way = WAY_REALTIME, .hour = 9, .ms = 10};
    for (int i = 0; i < tickets; i++)
        stats_processed(stats, &o);
    json_t *day = stats_to_json(stats);
    assert_non_null(day);
    stats_free(stats);
    return day;
}

static void save_day(struct store *store, unsigned instance, int date, int tickets)
{
    struct error e = {0};
    json_t *day = day_of(date, "RANK", tickets);
    assert_int_equal(store_save_day(store, instance, date, day, &e), 0);
    json_decref(day);
}

static void save_snapshot(struct store *store, unsigned instance, int date, int tickets)
{
    struct error e = {0};
    json_t *snapshot = json_pack("{s:o}", "stats", day_of(date, "RANK", tickets));
    assert_int_equal(store_save_snapshot(store, instance, snapshot, &e), 0);
    json_decref(snapshot);
}

static json_int_t processed(struct store *store, struct report_order order)
{
    struct error e = {0};
    json_t *report = NULL;
    order.now_ms = INT64_C(1770400000000);
    int rc = report_make(store, &order, &report, &e);
    json_int_t n = rc ? rc : json_integer_value(json_object_get(json_object_get(report, "totals"), "processed"));
    json_decref(report);
    return n;
}

static void every_instance_is_counted_once_wherever_its_day_is(void **state)
{
    struct store *store = open_store(*state);
    json_t *snapshot = json_pack("{s:o}", "stats", day_of(DAY, "RANK", 1000));
    assert_int_equal(processed(store, (struct report_order){.day = DAY}), ERR_GONE);
    assert_int_equal(processed(store, (struct report_order){.day = DAY, .uncounted = true}), 0);
    save_day(store, 0, DAY, 1);
    save_snapshot(store, 0, DAY, 5); /* the day itself is newer */
    save_snapshot(store, 1, DAY, 10);
    save_snapshot(store, 2, DAY + 1, 100);
    assert_int_equal(processed(store, (struct report_order){.day = DAY}), 11);
    assert_int_equal(processed(store, (struct report_order){.day = DAY + 1}), 100);
    assert_int_equal(processed(store, (struct report_order){.day = DAY, .snapshot = snapshot, .instance = 1}), 1001);
    assert_int_equal(processed(NULL, (struct report_order){.day = DAY, .snapshot = snapshot}), 1000);
    json_decref(snapshot);
    store_close(store);
}

static void what_was_made_stays_as_it_is(void **state)
{
    struct store *store = open_store(*state);
    struct error e = {0};
    json_t *made = json_pack("{s:{s:i}}", "totals", "processed", 7), *none = json_object();
    save_day(store, 0, DAY, 1);
    save_day(store, 0, DAY - 1, 2);
    assert_int_equal(store_save_report(store, DAY, made, &e), 0);
    assert_int_equal(store_save_report(store, DAY - 1, none, &e), 0);
    assert_int_equal(processed(store, (struct report_order){.day = DAY}), 7);
    assert_int_equal(processed(store, (struct report_order){.day = DAY, .anew = true}), 1);
    assert_int_equal(processed(store, (struct report_order){.day = DAY - 1}), 2);
    json_decref(made);
    json_decref(none);
    store_close(store);
}

static void want_of_memory_is_told(void **state)
{
    struct scratch *s = *state;
    struct config *c = make_config(s, "", ROUTES_ONE);
    struct store *store = open_store(s);
    save_day(store, 0, DAY, 3);
    save_snapshot(store, 1, DAY, 3);
    SCARCE_SWEEP (n) {
        struct error e = {0};
        struct str html = STR_INIT, text = STR_INIT;
        json_t *report = NULL;
        const struct report_order order = {.day = DAY};
        scarce_begin(n, 1);
        int rc = report_make(store, &order, &report, &e);
        rc = rc ? rc : report_render(c, report, REPORT_HTML, false, &html, &e);
        rc = rc ? rc : report_render(c, report, REPORT_TEXT, false, &text, &e);
        rc = rc ? rc : report_render(c, report, REPORT_JSON, false, &text, &e);
        bool hit = scarce_end();
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM && e.code == ERR_NOMEM));
        assert_true(rc != 0 || strstr(html.bytes, "</html>"));
        json_decref(report);
        str_fini(&html);
        str_fini(&text);
    }
    store_close(store);
    config_free(c);
}

static void a_broken_template_is_told_and_ours_is_still_there(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(mkdir(in(s, "mine"), 0755), 0);
    struct config *c = make_config(s, "[report]\ntemplates = mine\n", ROUTES_ONE);
    json_t *report = json_object();
    struct str out = STR_INIT;
    struct error e = {0};
    put(in(s, "mine/report.txt"), "one\n{{/two}}\n");
    assert_int_equal(report_render(c, report, REPORT_TEXT, false, &out, &e), ERR_SYNTAX);
    assert_string_equal(e.text, "report.txt:2: this closes no section: two");
    error_clear(&e);
    assert_int_equal(report_render(c, report, REPORT_TEXT, true, &out, &e), 0);
    assert_non_null(strstr(out.bytes, "daily report"));
    struct faults faults;
    faults_init(&faults);
    report_check_templates(c, &faults);
    assert_int_equal(faults.count, 1);
    faults_fini(&faults);
    json_decref(report);
    str_fini(&out);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_instance_is_counted_once_wherever_its_day_is, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_was_made_stays_as_it_is, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(want_of_memory_is_told, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_broken_template_is_told_and_ours_is_still_there, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
