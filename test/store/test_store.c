/* What is recorded of a job, and stores by their URL. */
#include "contract.h"

static void a_new_store_holds_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    assert_json(list(s, (struct store_filter){0}), "{\"jobs\": [], \"next\": null}");
    assert_json(totals(s), "{\"pending\":0, \"processing\":0, \"completed\":0, \"failed\":0, \"cancelled\":0,"
                           " \"oldest_pending_at\":null}");
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_load_snapshot(s, 0, &out, &e), 0);
    assert_null(out);
    assert_int_equal(store_load_day(s, 20260921, &out, &e), 0);
    assert_json(out, "{}");
    assert_int_equal(store_alerts(s, false, 0, &out, &e), 0);
    assert_json(out, "[]");
    assert_no_findings(s);
    store_close(s);
    store_close(NULL);
}

#define JOB_7                                                                                                          \
    "\"id\":\"01990000-0000-7000-8000-000000000007\", \"source\":\"ticket\", \"phase\":\"REALTIME\","                  \
    "\"status\":\"completed\", \"folder\":\"RANK\", \"file\":\"t7.json\", \"client\":\"RANK\","                        \
    "\"category\":\"CELTRA\", \"studio\":\"West\", \"title\":\"A title\","                                             \
    "\"path\":\"/data/JSON_STORE/RANK/t7.json\", \"size\":2345,"                                                       \
    "\"sha256\":\"0707070707070707070707070707070707070707070707070707070707070707\", \"retry_count\":1,"              \
    "\"crashes\":0, \"created_at\":\"2026-09-21T14:13:27.000Z\", \"started_at\":\"2026-09-21T14:13:27.001Z\","         \
    "\"completed_at\":\"2026-09-21T14:13:27.040Z\", \"error_message\":null, \"batch_id\":null,"                        \
    "\"destinations\":[{\"name\":\"archive\", \"label\":\"Archive\", \"state\":\"done\"},"                             \
    "{\"name\":\"monday\", \"label\":\"Monday Rank\", \"state\":\"done\"}]"

static void a_recorded_job_is_listed_and_shown_whole(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 7, 8);
    assert_json(list(s, (struct store_filter){0}), "{\"jobs\":[{" JOB_7 "}], \"next\":null}");
    assert_json(show(s, "t7.json"),
                "{" JOB_7 ", \"deliveries\":[{\"name\":\"archive\", \"label\":\"Archive\", \"state\":\"done\","
                "\"attempts\":0, \"next_at\":null, \"done_at\":\"2026-09-21T14:13:27.020Z\","
                "\"final_name\":\"t7.json\", \"error\":null}, {\"name\":\"monday\", \"label\":\"Monday Rank\","
                "\"state\":\"done\", \"attempts\":1, \"next_at\":null, \"done_at\":\"2026-09-21T14:13:27.030Z\","
                "\"final_name\":\"t7.json\", \"error\":\"was full\"}],"
                "\"events\":[{\"at\":\"2026-09-21T14:13:27.000Z\", \"event\":\"claimed\", \"destination\":null,"
                "\"text\":\"REALTIME\"}, {\"at\":\"2026-09-21T14:13:27.030Z\", \"event\":\"delivered\","
                "\"destination\":\"monday\", \"text\":null}]}");
    store_close(s);
}

static void what_is_not_known_is_null(void **state)
{
    (void)state;
    struct store *s = opened();
    record(s, &(struct store_job){.id = "a", .status = STATUS_PENDING, .created_ms = NOON}, 1);
    assert_json(show(s, "a"),
                "{\"id\":\"a\", \"source\":null, \"phase\":null, \"status\":\"pending\", \"folder\":null,"
                "\"file\":null, \"client\":null, \"category\":null, \"studio\":null, \"title\":null, \"path\":null,"
                "\"size\":0, \"sha256\":null, \"retry_count\":0, \"crashes\":0,"
                "\"created_at\":\"2026-09-21T14:13:20.000Z\", \"started_at\":null, \"completed_at\":null,"
                "\"error_message\":null, \"batch_id\":null, \"destinations\":[], \"deliveries\":[], \"events\":[]}");
    store_close(s);
}

static void a_job_recorded_again_takes_on_what_is_given(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    sample(&m, 1);
    m.job.status = STATUS_PROCESSING;
    m.job.completed_ms = 0;
    record(s, &m.job, 1);
    record_samples(s, 2, 3);
    sample(&m, 1);
    m.job.status = STATUS_FAILED;
    m.job.client = NULL;
    m.job.error = "no space";
    m.job.crashes = 1;
    m.job.n_deliveries = 1;
    m.deliveries[0].state = DELIVERY_FAILED;
    m.events[0] = (struct store_event){NOON + 9000, "failed", NULL, "out of attempts"};
    m.job.n_events = 1;
    record(s, &m.job, 1);

    json_t *job = show(s, m.id);
    assert_string_equal(text_of(job, "status"), "failed");
    assert_string_equal(text_of(job, "client"), "null");
    assert_string_equal(text_of(job, "error_message"), "no space");
    assert_int_equal(json_integer_value(json_object_get(job, "crashes")), 1);
    assert_json(json_incref(json_object_get(job, "destinations")),
                "[{\"name\":\"archive\", \"label\":\"Archive\", \"state\":\"failed\"}]");
    assert_int_equal(json_array_size(json_object_get(job, "events")), 3);
    assert_string_equal(text_of(json_array_get(json_object_get(job, "events"), 2), "text"), "out of attempts");
    json_decref(job);
    assert_int_equal(total_of(s, "processing"), 0);
    assert_int_equal(total_of(s, "failed"), 1);
    assert_int_equal(total_of(s, "completed"), 1);
    assert_string_equal(names(list(s, (struct store_filter){0})), "t2 t1"); /* where it was */
    store_close(s);
}

static void recording_the_same_again_changes_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    sample(&m, 1);
    m.events[2] = m.events[1]; /* the same may happen twice */
    m.job.n_events = 3;
    record(s, &m.job, 1);
    json_t *before = show(s, m.id), *counts = totals(s);
    assert_int_equal(json_array_size(json_object_get(before, "events")), 3);
    record(s, &m.job, 1);
    json_t *after = show(s, m.id), *counts_after = totals(s);
    assert_true(json_equal(before, after));
    assert_true(json_equal(counts, counts_after));
    json_decref(before);
    json_decref(after);
    json_decref(counts);
    json_decref(counts_after);
    store_close(s);
}

static void a_batch_may_hold_a_job_twice(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m[3];
    struct store_job jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = sample(&m[i], i == 1 ? 1 : 0)->job;
    }
    jobs[0].status = STATUS_PENDING;
    jobs[2].status = STATUS_CANCELLED;
    record(s, jobs, 3);
    assert_int_equal(total_of(s, "pending"), 0);
    assert_int_equal(total_of(s, "cancelled"), 1);
    assert_string_equal(names(list(s, (struct store_filter){0})), "t1 t0");
    store_close(s);
}

static void a_long_life_keeps_its_beginning_and_its_newest_events(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    record(s, &sample(&m, 1)->job, 1);
    for (int i = 0; i < 3000; i++) {
        char text[64];
        snprintf(text, sizeof text, "attempt %d: the destination cannot be reached", i);
        m.events[0] = (struct store_event){NOON + 60000 * (int64_t)i, "attempt_failed", "monday", text};
        m.job.n_events = 1;
        record(s, &m.job, 1);
    }
    json_t *job = show(s, m.id);
    const json_t *events = json_object_get(job, "events");
    size_t n = json_array_size(events);
    assert_in_range(n, 100, 1500);
    assert_string_equal(text_of(json_array_get(events, 0), "event"), "claimed");
    assert_string_equal(text_of(json_array_get(events, n - 1), "text"),
                        "attempt 2999: the destination cannot be reached");
    json_decref(job);
    store_close(s);
}

static void an_unknown_kind_is_refused_with_the_known_ones(void **state)
{
    (void)state;
    struct store *s;
    struct error e = {0};
    assert_int_equal(store_open(&s, "postgres://me:secret@host/db", "/", STORE_WRITE, &e), ERR_CONFIG);
    assert_null(s);
    assert_string_equal(e.text, "postgres: is no kind of store; known: sqlite:, memory:");
    error_clear(&e);
    assert_int_equal(store_open(&s, "shunt.db", "/", STORE_WRITE, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "does not begin with its kind"));
}

static void a_status_has_a_word(void **state)
{
    (void)state;
    enum job_status back;
    for (enum job_status i = 0; i < JOB_STATUSES; i++) {
        back = JOB_STATUSES;
        assert_true(job_status_from(job_status_word(i), &back));
        assert_int_equal(back, i);
    }
    assert_false(job_status_from("done", &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_DRIVER(a_new_store_holds_nothing),
        EACH_DRIVER(a_recorded_job_is_listed_and_shown_whole),
        EACH_DRIVER(what_is_not_known_is_null),
        EACH_DRIVER(a_job_recorded_again_takes_on_what_is_given),
        EACH_DRIVER(recording_the_same_again_changes_nothing),
        EACH_DRIVER(a_batch_may_hold_a_job_twice),
        EACH_DRIVER(a_long_life_keeps_its_beginning_and_its_newest_events),
        cmocka_unit_test(an_unknown_kind_is_refused_with_the_known_ones),
        cmocka_unit_test(a_status_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
