/* Pages of jobs, one job, and how many there are. */
#include "contract.h"

static void each_filter_selects(void **state)
{
    (void)state;
    struct store *s = opened();
    put_variety(s);
    const unsigned failed = 1u << STATUS_FAILED, cancelled = 1u << STATUS_CANCELLED, pending = 1u << STATUS_PENDING,
                   completed = 1u << STATUS_COMPLETED;
    const struct {
        struct store_filter filter;
        const char *names;
    } cases[] = {
        {{0}, "other t5 t4 t3 t2 t1 t0"},
        {{.statuses = failed}, "t3"},
        {{.statuses = failed | cancelled | pending}, "t5 t4 t3"},
        {{.statuses = completed | pending}, "t5 t2 t1 t0"},
        {{.client = "l'oreal"}, "t2"},
        {{.client = "rank"}, "other t4 t3 t1 t0"},
        {{.client = "RAN"}, ""},
        {{.client = "RANK", .statuses = failed | pending}, "t3"},
        {{.category = "PRINT"}, "t2"},
        {{.category = "print", .client = "rank"}, ""},
        {{.destination = "celtra"}, "t4"},
        {{.destination = "monday", .client = "RANK"}, "other t3 t1 t0"},
        {{.destination = "gone"}, ""},
        {{.error = "no SPACE"}, "t3"},
        {{.error = "100%)"}, "t3"},
        {{.error = "%"}, "t3"},
        {{.error = "space", .statuses = completed}, ""},
        {{.text = "sp_cial"}, "t4"},
        {{.text = "S%l"}, ""},
        {{.text = "_"}, "t4"},
        {{.text = "T5.J"}, "t5"},
        {{.text = "-000000000001"}, "t1"},
        {{.text = "left on"}, "t3"},
        {{.folder = "LOREAL"}, "t2"},
        {{.folder = "loreal"}, ""},
        {{.name = "other.json"}, "other"},
        {{.name = "other.json", .folder = "RANK", .statuses = 1u << STATUS_PROCESSING}, "other"},
        {{.name = "other"}, ""},
        {{.since_ms = NOON + 4000}, "other t5 t4"},
        {{.until_ms = NOON + 1000}, "t0"},
        {{.since_ms = NOON + 1000, .until_ms = NOON + 3000}, "t2 t1"},
        {{.since_ms = NOON + 1000, .until_ms = NOON + 3000, .client = "RANK", .text = "title"}, "t1"},
        {{.limit = 2}, "other t5"},
        {{.limit = 1, .client = "RANK", .name = "t0.json"}, "t0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = names(list(s, cases[i].filter));
        if (strcmp(found, cases[i].names) != 0) {
            fail_msg("case %zu: %s instead of %s", i, found, cases[i].names);
        }
    }
    store_close(s);
}

static void jobs_that_were_sent_together_are_found(void **state)
{
    (void)state;
    struct store *s = opened();
    for (int n = 0; n < 6; n++) {
        struct sample m;
        sample(&m, n)->job.batch = n % 2 ? "b1" : n == 2 ? "b2" : NULL;
        m.job.status = STATUS_PENDING;
        record(s, &m.job, 1);
        m.job.batch = NULL; /* who goes on with it need not know */
        m.job.status = n == 3 ? STATUS_FAILED : STATUS_COMPLETED;
        record(s, &m.job, 1);
    }
    assert_string_equal(names(list(s, (struct store_filter){.batch = "b1"})), "t5 t3 t1");
    assert_string_equal(names(list(s, (struct store_filter){.batch = "b1", .limit = 2})), "t5 t3");
    assert_string_equal(names(list(s, (struct store_filter){.batch = "b1", .statuses = 1u << STATUS_FAILED})), "t3");
    assert_string_equal(names(list(s, (struct store_filter){.batch = "b2", .client = "rank"})), "t2");
    assert_string_equal(names(list(s, (struct store_filter){.batch = "B1"})), "");
    json_t *page = list(s, (struct store_filter){.batch = "b1", .limit = 2});
    const char *next = json_string_value(json_object_get(page, "next"));
    assert_non_null(next);
    assert_string_equal(names(list(s, (struct store_filter){.batch = "b1", .before = next})), "t1");
    assert_string_equal(text_of(json_array_get(json_object_get(page, "jobs"), 0), "batch_id"), "b1");
    json_decref(page);
    store_close(s);
}

static void pages_follow_one_another(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 0, 60);
    char before[32], all[8192] = "";
    struct store_filter f = {.limit = 7};
    int pages = 0;
    for (bool more = true; more; pages++) {
        json_t *page = list(s, f);
        const json_t *next = json_object_get(page, "next");
        more = json_is_string(next);
        snprintf(before, sizeof before, "%s", more ? json_string_value(next) : "");
        f.before = before;
        record_samples(s, 100 + pages, 101 + pages); /* what comes meanwhile moves nothing */
        strcat(all, " ");
        strncat(all, names(page), sizeof all - strlen(all) - 1);
    }
    assert_int_equal(pages, 9);
    char expected[1024] = "";
    for (int i = 59; i >= 0; i--) {
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, " t%d", i);
    }
    assert_string_equal(all, expected);
    json_t *page = list(s, (struct store_filter){0});
    assert_int_equal(json_array_size(json_object_get(page, "jobs")), 50);
    json_decref(page);
    page = list(s, (struct store_filter){.limit = 69}); /* all that there are */
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
    store_close(s);
}

static void a_cursor_that_is_none_is_refused(void **state)
{
    (void)state;
    struct store *s = opened();
    const char *const cursors[] = {"", "x", "-1", "1 OR 1=1", "99999999999999999999"};
    for (size_t i = 0; i < 5; i++) {
        struct error e = {0};
        json_t *out;
        assert_int_equal(store_list(s, &(struct store_filter){.before = cursors[i]}, &out, &e), ERR_USAGE);
        assert_null(out);
    }
    record_samples(s, 0, 1);
    assert_json(list(s, (struct store_filter){.before = "0"}), "{\"jobs\":[], \"next\":null}");
    store_close(s);
}

static void a_clock_that_jumps_back_changes_no_order(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 500, 502);
    record_samples(s, 0, 2);
    record_samples(s, 900, 901);
    assert_string_equal(names(list(s, (struct store_filter){0})), "t900 t1 t0 t501 t500");
    assert_string_equal(names(list(s, (struct store_filter){.since_ms = NOON + 1000})), "t900 t1 t501 t500");
    assert_string_equal(names(list(s, (struct store_filter){.until_ms = NOON + 1000})), "t0");
    assert_string_equal(names(list(s, (struct store_filter){.since_ms = NOON + 2000, .until_ms = NOON + 900000})),
                        "t501 t500");
    store_close(s);
}

/* ---- one job ---- */

static void a_job_is_shown_by_id_by_its_beginning_and_by_name(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    record_samples(s, 0, 2);
    sample(&m, 2);
    strcpy(m.id, "01990000-0000-7000-9");
    m.job.name = "t0.json";
    record(s, &m.job, 1);
    strcpy(m.id, "01990000-0000-7000-9abc");
    m.job.name = NULL;
    record(s, &m.job, 1);
    json_t *job = show(s, "01990000-0000-7000-8000-000000000001");
    assert_string_equal(text_of(job, "file"), "t1.json");
    json_decref(job);
    job = show(s, "01990000-0000-7000-9"); /* whole, though another begins so */
    assert_string_equal(text_of(job, "file"), "t0.json");
    json_decref(job);
    job = show(s, "01990000-0000-7000-9a");
    assert_string_equal(text_of(job, "id"), "01990000-0000-7000-9abc");
    json_decref(job);
    job = show(s, "t0.json"); /* the newest */
    assert_string_equal(text_of(job, "id"), "01990000-0000-7000-9");
    json_decref(job);
    assert_int_equal(refusal(s, "0199"), ERR_CONFLICT);
    assert_int_equal(refusal(s, "t3.json"), ERR_GONE);
    assert_int_equal(refusal(s, "0199%"), ERR_GONE);
    assert_int_equal(refusal(s, ""), ERR_GONE);
    assert_int_equal(refusal(s, "\xff"), ERR_GONE);
    store_close(s);
}

static void totals_know_the_oldest_that_waits(void **state)
{
    (void)state;
    struct store *s = opened();
    put_variety(s);
    assert_json(totals(s), "{\"pending\":1, \"processing\":1, \"completed\":3, \"failed\":1, \"cancelled\":1,"
                           " \"oldest_pending_at\":\"2026-09-21T14:13:25.000Z\"}");
    store_close(s);
}

static void hostile_texts_come_back_and_break_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    static const char quotes[] = "'; DROP TABLE processing_jobs; --\"\\\n\x1b[31m</script>";
    static const char bad[] = "caf\xc3\xa9 \xff\xfe \xed\xa0\x80";
    struct sample m;
    sample(&m, 1)->job.name = bad;
    m.job.client = quotes;
    m.job.title = bad;
    m.job.error = quotes;
    m.deliveries[1].destination = quotes;
    m.deliveries[1].error = bad;
    m.events[0].text = bad;
    m.events[1].text = "],[1,\"x\"";
    record(s, &m.job, 1);
    json_t *page = list(s, (struct store_filter){.client = quotes, .name = bad, .destination = quotes});
    const json_t *job = json_array_get(json_object_get(page, "jobs"), 0);
    assert_string_equal(text_of(job, "client"), quotes);
    assert_string_equal(text_of(job, "title"),
                        "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    json_decref(page);
    json_t *whole = show(s, bad);
    assert_int_equal(json_array_size(json_object_get(whole, "events")), 2);
    assert_string_equal(text_of(json_array_get(json_object_get(whole, "events"), 1), "text"), "],[1,\"x\"");
    char *dump = json_dumps(whole, 0);
    assert_non_null(dump);
    free(dump);
    json_decref(whole);
    struct error e = {0};
    struct found f = {0};
    assert_int_equal(store_last(s, "RANK", bad, NULL, note, &f, &e), 0); /* bytes as they were */
    assert_int_equal(f.count, 1);
    assert_no_findings(s);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_DRIVER(each_filter_selects),
        EACH_DRIVER(jobs_that_were_sent_together_are_found),
        EACH_DRIVER(pages_follow_one_another),
        EACH_DRIVER(a_cursor_that_is_none_is_refused),
        EACH_DRIVER(a_clock_that_jumps_back_changes_no_order),
        EACH_DRIVER(a_job_is_shown_by_id_by_its_beginning_and_by_name),
        EACH_DRIVER(totals_know_the_oldest_that_waits),
        EACH_DRIVER(hostile_texts_come_back_and_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
