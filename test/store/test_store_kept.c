/* What is kept beside the jobs, and how long they stay themselves. */
#include "contract.h"

/* ---- retention ---- */

static size_t retain(struct store *s, struct store_retention r)
{
    struct error e = {0};
    size_t removed;
    assert_int_equal(store_retain(s, &r, &removed, &e), 0);
    return removed;
}

static void old_finished_jobs_go(void **state)
{
    (void)state;
    struct store *s = opened();
    put_variety(s);
    assert_int_equal(retain(s, (struct store_retention){.most = 100}), 0);
    assert_int_equal(retain(s, (struct store_retention){.before_ms = NOON + 60000, .most = 2}), 2);
    assert_string_equal(names(list(s, (struct store_filter){0})), "other t5 t4 t3 t2");
    assert_int_equal(retain(s, (struct store_retention){.before_ms = NOON + 4000, .most = 100}), 2);
    assert_string_equal(names(list(s, (struct store_filter){0})), "other t5 t4");
    assert_int_equal(retain(s, (struct store_retention){.before_ms = NOON + 60000, .most = 100}), 1);
    assert_string_equal(names(list(s, (struct store_filter){0})), "other t5"); /* they are not finished */
    assert_json(totals(s), "{\"pending\":1, \"processing\":1, \"completed\":0, \"failed\":0, \"cancelled\":0,"
                           " \"oldest_pending_at\":\"2026-09-21T14:13:25.000Z\"}");
    assert_int_equal(refusal(s, "t1.json"), ERR_GONE);
    assert_no_findings(s);
    store_close(s);
}

static void no_more_jobs_stay_than_are_kept(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    sample(&m, 0)->job.status = STATUS_PENDING;
    record(s, &m.job, 1);
    record_samples(s, 1, 3000);
    assert_int_equal(retain(s, (struct store_retention){.keep_rows = 5, .most = 1000}), 1000);
    assert_int_equal(total_of(s, "completed"), 1999);
    while (retain(s, (struct store_retention){.keep_rows = 5, .most = 1000}) == 1000) {}
    assert_string_equal(names(list(s, (struct store_filter){0})), "t2999 t2998 t2997 t2996 t0");
    assert_int_equal(total_of(s, "completed"), 4);
    record_samples(s, 3000, 3001);
    assert_string_equal(names(list(s, (struct store_filter){.client = "rank"})), "t3000 t2999 t2998 t2997 t2996 t0");
    assert_string_equal(names(list(s, (struct store_filter){.until_ms = NOON + 1})), "t0");
    assert_int_equal(retain(s, (struct store_retention){.before_ms = NOON + 9000000, .most = 1000}), 5);
    record_samples(s, 4000, 4001);
    assert_string_equal(names(list(s, (struct store_filter){.destination = "monday"})), "t4000 t0");
    assert_no_findings(s);
    store_close(s);
}

/* ---- what else is kept ---- */

static json_t *loaded(struct store *s, unsigned instance)
{
    struct error e = {0};
    json_t *value;
    assert_int_equal(store_load_snapshot(s, instance, &value, &e), 0);
    return value;
}

static void save(struct store *s, unsigned instance, json_t *value)
{
    struct error e = {0};
    assert_int_equal(store_save_snapshot(s, instance, value, &e), 0);
    json_decref(value);
}

static void each_instance_has_its_snapshot(void **state)
{
    (void)state;
    struct store *s = opened();
    save(s, 0, json_pack("{s:i, s:[s,s]}", "processed", 51, "clients", "RANK", "LOREAL"));
    save(s, 1, json_pack("{s:i}", "processed", 1));
    save(s, 0, json_pack("{s:i}", "processed", 52));
    assert_json(loaded(s, 0), "{\"processed\":52}");
    assert_json(loaded(s, 1), "{\"processed\":1}");
    assert_null(loaded(s, 2));
    store_close(s);
}

static void any_snapshot_comes_back_as_it_was(void **state)
{
    (void)state;
    struct store *s = opened();
    static const char odd[] = "caf\xC3\xA9 \xF0\x9F\x98\x80 \"\\/\n\x1b \0 %s";
    json_t *many = json_array();
    for (int i = 0; i < 20000; i++) {
        json_array_append_new(many, json_pack("{s:i, s:s}", "n", i, "text", "some words that take room"));
    }
    json_t *value = json_pack("{s:s%, s:f, s:I, s:n, s:o}", "odd", odd, sizeof odd - 1, "f", 0.1, "big",
                              (json_int_t)INT64_MAX, "null", "many", many);
    save(s, 0, json_incref(value));
    json_t *back = loaded(s, 0);
    assert_true(json_equal(back, value));
    json_decref(back);
    json_decref(value);
    store_close(s);
}

static void what_is_no_document_is_refused(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    json_t *value = json_integer(1);
    assert_int_equal(store_save_snapshot(s, 0, value, &e), ERR_INTERNAL);
    assert_null(loaded(s, 0));
    json_decref(value);
    store_close(s);
}

static void a_day_is_kept_for_each_instance(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    const struct {
        unsigned instance;
        int date, n;
    } days[] = {{0, 20260921, 1}, {1, 20260921, 2}, {0, 20260922, 3}, {0, 20260921, 4}};
    for (size_t i = 0; i < 4; i++) {
        json_t *day = json_pack("{s:i}", "n", days[i].n);
        assert_int_equal(store_save_day(s, days[i].instance, days[i].date, day, &e), 0);
        json_decref(day);
    }
    json_t *out;
    assert_int_equal(store_load_day(s, 20260921, &out, &e), 0);
    assert_json(out, "{\"0\":{\"n\":4}, \"1\":{\"n\":2}}");
    store_close(s);
}

static void save_report(struct store *s, int date, const char *text)
{
    struct error e = {0};
    json_t *report = json_pack("{s:s}", "text", text);
    assert_int_equal(store_save_report(s, date, report, &e), 0);
    json_decref(report);
}

static void a_date_has_one_report_the_first(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_load_report(s, 20260921, &out, &e), 0);
    assert_null(out);
    assert_int_equal(store_reports(s, &out, &e), 0);
    assert_json(out, "[]");
    save_report(s, 20260921, "first");
    save_report(s, 20260921, "second");
    save_report(s, 20260923, "other");
    save_report(s, 20260922, "late");
    assert_int_equal(store_load_report(s, 20260921, &out, &e), 0);
    assert_json(out, "{\"text\":\"first\"}");
    assert_int_equal(store_reports(s, &out, &e), 0);
    assert_json(out, "[20260923, 20260922, 20260921]");
    store_close(s);
}

static void put_alert(struct store *s, const char *subject, int64_t at_ms, const char *text, bool open)
{
    struct error e = {0};
    assert_int_equal(store_alert(s, &(struct store_alert){"destination_down", subject, at_ms, text}, open, &e), 0);
}

static void an_alert_is_open_once_and_counts(void **state)
{
    (void)state;
    struct store *s = opened();
    put_alert(s, "monday", NOON, "no route to host", true);
    put_alert(s, "celtra", NOON + 1000, "full", true);
    put_alert(s, "monday", NOON + 2000, "timed out", true);
    put_alert(s, "monday", NOON + 3000, NULL, false);
    put_alert(s, "monday", NOON + 4000, NULL, false); /* none is open */
    put_alert(s, "monday", NOON + 5000, NULL, true);
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_alerts(s, false, 0, &out, &e), 0);
    assert_json(out,
                "[{\"kind\":\"destination_down\", \"subject\":\"monday\", \"opened_at\":\"2026-09-21T14:13:25.000Z\","
                "\"last_at\":\"2026-09-21T14:13:25.000Z\", \"closed_at\":null, \"count\":1, \"text\":null},"
                "{\"kind\":\"destination_down\", \"subject\":\"celtra\", \"opened_at\":\"2026-09-21T14:13:21.000Z\","
                "\"last_at\":\"2026-09-21T14:13:21.000Z\", \"closed_at\":null, \"count\":1, \"text\":\"full\"},"
                "{\"kind\":\"destination_down\", \"subject\":\"monday\", \"opened_at\":\"2026-09-21T14:13:20.000Z\","
                "\"last_at\":\"2026-09-21T14:13:22.000Z\", \"closed_at\":\"2026-09-21T14:13:23.000Z\", \"count\":2,"
                "\"text\":\"timed out\"}]");
    assert_int_equal(store_alerts(s, false, 1, &out, &e), 0);
    assert_int_equal(json_array_size(out), 1);
    json_decref(out);
    store_close(s);
}

static void the_open_alerts_are_asked_for_alone(void **state)
{
    (void)state;
    struct store *s = opened();
    put_alert(s, "celtra", NOON, "full", true);
    put_alert(s, "monday", NOON + 1000, "timed out", true);
    put_alert(s, "archive", NOON + 2000, "full", true);
    put_alert(s, "monday", NOON + 3000, NULL, false);
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_alerts(s, true, 0, &out, &e), 0);
    assert_int_equal(json_array_size(out), 2);
    assert_string_equal(text_of(json_array_get(out, 0), "subject"), "archive");
    assert_string_equal(text_of(json_array_get(out, 1), "subject"), "celtra");
    json_decref(out);
    assert_int_equal(store_alerts(s, true, 1, &out, &e), 0);
    assert_int_equal(json_array_size(out), 1);
    json_decref(out);
    store_close(s);
}

/* ---- what the statistics do not count yet ---- */

static int note_name(void *user, const struct store_job *job)
{
    char one[48];
    snprintf(one, sizeof one, " %.*s:%d", (int)strcspn(job->name, "."), job->name, (int)job->outcome);
    strcat(user, one);
    assert_int_equal(job->n_deliveries, 2);
    assert_string_equal(job->deliveries[1].label, "Monday Rank");
    return 0;
}

static void assert_uncounted(struct store *s, unsigned instance, const char *expected)
{
    char found[512] = "";
    struct error e = {0};
    assert_int_equal(store_uncounted(s, instance, note_name, found, &e), 0);
    assert_string_equal(found, expected);
}

static void count_up_to(struct store *s, unsigned instance, json_t *counted)
{
    json_t *snapshot = json_pack("{s:i, s:o}", "n", 1, "counted", counted);
    struct error e = {0};
    assert_int_equal(store_save_snapshot(s, instance, snapshot, &e), 0);
    json_decref(snapshot);
}

static void ended_jobs_are_uncounted_until_a_snapshot_counts_them(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m[6];
    const struct store_job jobs[] = {ended(&m[0], 0, 0, 0), ended(&m[1], 1, 0, 3), ended(&m[2], 2, 0, 1),
                                     ended(&m[3], 3, 1, 2), ended(&m[4], 4, 0, 2), ended(&m[5], 5, 0, 5)};
    record(s, jobs, 6);
    assert_uncounted(s, 0, " t2:1 t4:2 t1:3 t5:5");
    assert_uncounted(s, 1, " t3:2");
    assert_uncounted(s, 2, "");
    count_up_to(s, 0, json_pack("{s:i, s:[i]}", "to", 3, "but", 2));
    assert_uncounted(s, 0, " t4:2 t5:5");
    assert_uncounted(s, 1, " t3:2");
    count_up_to(s, 0, json_pack("{s:i, s:[]}", "to", 5, "but"));
    assert_uncounted(s, 0, "");
    count_up_to(s, 1, json_pack("{}"));
    assert_uncounted(s, 1, " t3:2");
    store_close(s);
}

static void a_job_recorded_again_is_uncounted_as_it_is_now(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m[3];
    struct store_job jobs[] = {ended(&m[0], 0, 0, 1), ended(&m[1], 1, 0, 2), ended(&m[2], 2, 0, 3)};
    jobs[0].status = STATUS_PROCESSING; /* about to fail */
    record(s, jobs, 3);
    jobs[0].status = STATUS_FAILED;
    jobs[1].outcome = 0;  /* it was returned */
    jobs[2].instance = 1; /* another took it up */
    jobs[2].outcome = 7;
    record(s, jobs, 3);
    assert_uncounted(s, 0, " t0:1");
    assert_uncounted(s, 1, " t2:7");
    store_close(s);
}

static void removed_jobs_are_not_uncounted(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    const struct store_job job = ended(&m, 0, 0, 1);
    record(s, &job, 1);
    struct error e = {0};
    size_t removed;
    assert_int_equal(store_retain(s, &(struct store_retention){NOON + 1, 0, 10}, &removed, &e), 0);
    assert_int_equal(removed, 1);
    assert_uncounted(s, 0, "");
    assert_no_findings(s);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_DRIVER(old_finished_jobs_go),
        EACH_DRIVER(no_more_jobs_stay_than_are_kept),
        EACH_DRIVER(each_instance_has_its_snapshot),
        EACH_DRIVER(any_snapshot_comes_back_as_it_was),
        EACH_DRIVER(what_is_no_document_is_refused),
        EACH_DRIVER(a_day_is_kept_for_each_instance),
        EACH_DRIVER(a_date_has_one_report_the_first),
        EACH_DRIVER(an_alert_is_open_once_and_counts),
        EACH_DRIVER(the_open_alerts_are_asked_for_alone),
        EACH_DRIVER(ended_jobs_are_uncounted_until_a_snapshot_counts_them),
        EACH_DRIVER(a_job_recorded_again_is_uncounted_as_it_is_now),
        EACH_DRIVER(removed_jobs_are_not_uncounted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
