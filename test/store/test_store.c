/* The contract of store.h, held against every driver in the table. What only the SQLite driver promises: test_sqlite.c */
#include <fcntl.h>

#include "samples.h"

/* ---- recording ---- */

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

/* ---- taking up again ---- */

struct found {
    unsigned count, stop_after;
    char names[256];
    struct store_job job; /* the last; its texts are gone */
    struct store_delivery delivery;
};

static int note(void *user, const struct store_job *job)
{
    struct found *f = user;
    f->count++;
    f->job = *job;
    f->delivery = job->n_deliveries > 1 ? job->deliveries[1] : (struct store_delivery){0};
    size_t n = strlen(f->names);
    snprintf(f->names + n, sizeof f->names - n, "%s/%s(%s) ", job->folder, job->name,
             job->n_deliveries > 1 ? job->deliveries[1].error : "");
    return f->count == f->stop_after ? 77 : 0;
}

static void unfinished_jobs_come_back_as_they_were(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    record_samples(s, 0, 3);
    sample(&m, 3)->job.status = STATUS_PENDING;
    m.deliveries[1].state = DELIVERY_WAITING;
    m.deliveries[1].next_ms = NOON + 5;
    m.deliveries[1].attempts = 4;
    m.job.crashes = 1;
    record(s, &m.job, 1);
    struct error e = {0};
    struct found f = {0};
    assert_int_equal(store_unfinished(s, note, &f, &e), 0);
    assert_string_equal(f.names, "RANK/t3.json(was full) ");
    assert_int_equal(f.job.status, STATUS_PENDING);
    assert_int_equal(f.job.crashes, 1);
    assert_int_equal(f.job.claim.device, 0xffffffffffff0001u);
    assert_int_equal(f.job.claim.inode, 3);
    assert_int_equal(f.job.claim.mtime_ns, (NOON + 3000) * 1000000 + 1);
    assert_int_equal(f.job.n_deliveries, 2);
    assert_int_equal(f.job.n_events, 0);
    assert_int_equal(f.delivery.state, DELIVERY_WAITING);
    assert_int_equal(f.delivery.next_ms, NOON + 5);
    assert_int_equal(f.delivery.attempts, 4);

    sample(&m, 4)->job.status = STATUS_PROCESSING;
    record(s, &m.job, 1);
    f = (struct found){.stop_after = 1};
    assert_int_equal(store_unfinished(s, note, &f, &e), 77);
    assert_int_equal(f.count, 1);
    f = (struct found){0};
    assert_int_equal(store_unfinished(s, note, &f, &e), 0);
    assert_int_equal(f.count, 2);
    store_close(s);
}

static void the_newest_job_of_a_file_is_found(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    for (int i = 0; i < 5; i++) {
        sample(&m, i)->job.name = "same.json";
        m.job.folder = i == 4 ? "LOREAL" : "RANK";
        m.job.size = (uint64_t)i;
        record(s, &m.job, 1);
    }
    struct error e = {0};
    struct found f = {0};
    assert_int_equal(store_last(s, "RANK", "same.json", note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.job.size, 3);
    assert_int_equal(store_last(s, "RANK", "Same.json", note, &f, &e), 0);
    assert_int_equal(store_last(s, "", "same.json", note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    f = (struct found){.stop_after = 1};
    assert_int_equal(store_last(s, "LOREAL", "same.json", note, &f, &e), 77);
    store_close(s);
}

static void a_job_is_found_by_its_whole_id(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    struct error e = {0};
    struct found f = {0};
    char id[JOB_ID_SIZE];
    for (int i = 0; i < 3; i++) {
        sample(&m, i)->job.size = (uint64_t)i;
        record(s, &m.job, 1);
        if (i == 1)
            memccpy(id, m.job.id, '\0', sizeof id);
    }
    assert_int_equal(store_find(s, id, note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.job.size, 1);
    assert_int_equal(f.job.n_deliveries, m.job.n_deliveries);
    id[strlen(id) - 1] = '\0'; /* its beginning is not it */
    assert_int_equal(store_find(s, id, note, &f, &e), 0);
    assert_int_equal(store_find(s, "x", note, &f, &e), 0);
    assert_int_equal(store_find(s, "", note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    assert_int_equal(e.code, 0);
    store_close(s);
}

/* As a new file of the n-th sample's folder, with a name and bytes. */
static struct store_seen seen(struct store *s, const char *name, int byte, int64_t since_ms)
{
    struct error e = {0};
    struct store_seen out;
    uint8_t hash[STORE_HASH_SIZE];
    memset(hash, byte, sizeof hash);
    struct store_job job = {.folder = "RANK", .name = name, .sha256 = hash, .claim = {.inode = 4711, .mtime_ns = 1}};
    assert_int_equal(store_seen(s, &job, since_ms, &out, &e), 0);
    assert_int_equal(out.completed_ms == 0, out.id[0] == '\0');
    return out;
}

static int64_t seen_at(struct store *s, const char *name, int byte, int64_t since_ms)
{
    return seen(s, name, byte, since_ms).completed_ms;
}

static void the_same_bytes_completed_before_are_known(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    record_samples(s, 1, 4);
    sample(&m, 4)->job.status = STATUS_FAILED;
    record(s, &m.job, 1);
    assert_int_equal(seen_at(s, "t2.json", 2, 0), NOON + 2040);
    assert_string_equal(seen(s, "t2.json", 2, 0).id, sample(&m, 2)->id);
    assert_int_equal(seen_at(s, "t2.json", 2, NOON + 2040), NOON + 2040);
    assert_int_equal(seen_at(s, "t2.json", 2, NOON + 2041), 0);
    assert_int_equal(seen_at(s, "t2.json", 3, 0), 0);
    assert_int_equal(seen_at(s, "t9.json", 2, 0), 0);
    assert_int_equal(seen_at(s, "t4.json", 4, 0), 0); /* it was never delivered */
    /* begun before, completed within */
    sample(&m, 5)->job.status = STATUS_PENDING;
    m.job.completed_ms = 0;
    record(s, &m.job, 1);
    m.job.status = STATUS_COMPLETED;
    m.job.completed_ms = NOON + 900000;
    record(s, &m.job, 1);
    assert_int_equal(seen_at(s, "t5.json", 5, NOON + 800000), NOON + 900000);
    store_close(s);
}

/* The n-th sample under the first one's name, with bytes of its own. */
static void record_version(struct store *s, int n, int byte, enum job_status status, const char *error)
{
    struct sample m;
    sample(&m, n);
    m.job.name = "t1.json";
    m.job.status = status;
    m.job.error = error;
    memset(m.sha256, byte, sizeof m.sha256);
    record(s, &m.job, 1);
}

static void only_the_version_delivered_last_is_the_same(void **state)
{
    (void)state;
    struct store *s = opened();
    record_version(s, 1, 'A', STATUS_COMPLETED, NULL);
    record_version(s, 2, 'B', STATUS_COMPLETED, NULL);
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), 0);
    assert_int_equal(seen_at(s, "t1.json", 'B', 0), NOON + 2040);
    record_version(s, 3, 'A', STATUS_COMPLETED, NULL);
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 3040);
    assert_int_equal(seen_at(s, "t1.json", 'B', 0), 0);
    record_version(s, 4, 'C', STATUS_FAILED, "out of attempts");
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 3040);
    store_close(s);
}

static void a_duplicate_that_was_skipped_was_not_delivered(void **state)
{
    (void)state;
    struct store *s = opened();
    record_version(s, 1, 'A', STATUS_COMPLETED, NULL);
    record_version(s, 2, 'A', STATUS_COMPLETED, "duplicate");
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 1040);
    assert_int_equal(seen_at(s, "t1.json", 'A', NOON + 1041), 0);
    store_close(s);
}

static void what_failed_and_is_put_back_is_no_duplicate(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    struct error e = {0};
    struct store_seen out;
    record_version(s, 1, 'A', STATUS_COMPLETED, NULL);
    record_version(s, 2, 'A', STATUS_FAILED, "duplicate");
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 1040); /* another file */
    sample(&m, 2)->job.name = "t1.json";
    memset(m.sha256, 'A', sizeof m.sha256);
    assert_int_equal(store_seen(s, &m.job, 0, &out, &e), 0);
    assert_int_equal(out.completed_ms, 0);
    record_version(s, 3, 'A', STATUS_COMPLETED, NULL);
    assert_int_equal(store_seen(s, &m.job, 0, &out, &e), 0);
    assert_int_equal(out.completed_ms, 0);
    record_version(s, 2, 'A', STATUS_CANCELLED, "it changed"); /* and was taken up again, by nobody's wish */
    assert_int_equal(store_seen(s, &m.job, 0, &out, &e), 0);
    assert_int_equal(out.completed_ms, NOON + 3040);
    store_close(s);
}

/* ---- lists ---- */

static void put_variety(struct store *s)
{
    struct sample m;
    record_samples(s, 0, 2);
    sample(&m, 2)->job.client = "L'Oreal";
    m.job.folder = "LOREAL";
    m.job.category = "Print";
    record(s, &m.job, 1);
    sample(&m, 3)->job.status = STATUS_FAILED;
    m.job.error = "monday: No space left on device (100%)";
    record(s, &m.job, 1);
    sample(&m, 4)->job.status = STATUS_CANCELLED;
    m.job.title = "Sp_cial 100x";
    m.deliveries[1].destination = "celtra";
    record(s, &m.job, 1);
    sample(&m, 5)->job.status = STATUS_PENDING;
    m.job.client = NULL;
    m.job.title = NULL;
    record(s, &m.job, 1);
    sample(&m, 6)->job.status = STATUS_PROCESSING;
    m.job.name = "other.json";
    record(s, &m.job, 1);
}

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

static int refusal(struct store *s, const char *id)
{
    struct error e = {0};
    json_t *out;
    int rc = store_show(s, id, &out, &e);
    assert_null(out);
    assert_int_not_equal(e.text[0], '\0');
    return rc;
}

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
    assert_int_equal(store_last(s, "RANK", bad, note, &f, &e), 0); /* bytes as they were */
    assert_int_equal(f.count, 1);
    assert_no_findings(s);
    store_close(s);
}

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

static struct store_job ended(struct sample *m, int n, unsigned instance, uint64_t outcome)
{
    struct store_job job = sample(m, n)->job;
    job.instance = instance;
    job.outcome = outcome;
    return job;
}

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

/* ---- the outbox ---- */

static void put_message(struct store *s, const char *key, int64_t due_ms)
{
    struct error e = {0};
    json_t *document =
        json_pack("{s:s, s:[s, s], s:s}", "subject", "A day", "to", "a@example.com", "b@example.com", "text", "Hello");
    const struct store_message m = {.kind = "mail",
                                    .key = key,
                                    .document = document,
                                    .created_ms = NOON,
                                    .due_ms = due_ms,
                                    .expires_ms = NOON + 90000};
    assert_int_equal(store_outbox_put(s, &m, &e), 0);
    json_decref(document);
}

/* The keys that are taken, "a b"; until: when those are due again. */
static const char *taken(struct store *s, int64_t now_ms, int64_t until_ms, size_t most, int64_t *next)
{
    static char text[256];
    struct error e = {0};
    json_t *out, *one;
    size_t i;
    text[0] = '\0';
    const struct store_taking taking = {.instance = 1, .now_ms = now_ms, .until_ms = until_ms, .most = most};
    assert_int_equal(store_outbox_take(s, &taking, &out, &e), 0);
    json_array_foreach (json_object_get(out, "messages"), i, one) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? " " : "", text_of(one, "key"));
    }
    *next = json_integer_value(json_object_get(out, "next_ms"));
    json_decref(out);
    return text;
}

static void record_sent(struct store *s, const struct store_sent *sent)
{
    struct error e = {0};
    if (store_outbox_record(s, sent, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

static json_t *outbox(struct store *s, unsigned states, size_t limit)
{
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_outbox_list(s, states, limit, &out, &e), 0);
    return out;
}

#define TIMES_OF_A_MESSAGE "\"created_at\":\"2026-09-21T14:13:20.000Z\", \"expires_at\":\"2026-09-21T14:14:50.000Z\""

static void a_message_of_the_same_key_is_there_once(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "report:1", NOON);
    put_message(s, "report:1", NOON + 5000);
    json_t *all = outbox(s, 0, 0);
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
    assert_string_equal(taken(s, NOON, NOON + 1000, 10, &next), "report:1");
    record_sent(s, &(struct store_sent){.key = "report:1", .attempt = 1, .state = OUTBOX_SENT, .at_ms = NOON + 10});
    put_message(s, "report:1", NOON);
    assert_string_equal(taken(s, NOON + 9000, NOON + 10000, 10, &next), "");
    assert_int_equal(next, 0);
    store_close(s);
}

static void a_message_is_taken_when_it_is_due_and_by_nobody_else_meanwhile(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "late", NOON + 2000);
    put_message(s, "second", NOON + 100);
    put_message(s, "first", NOON);
    assert_string_equal(taken(s, NOON - 1, NOON + 60000, 10, &next), "");
    assert_int_equal(next, NOON);
    assert_string_equal(taken(s, NOON + 100, NOON + 60000, 0, &next), "");
    assert_string_equal(taken(s, NOON + 100, NOON + 59999, 1, &next), "first");
    assert_int_equal(next, NOON + 100);
    assert_string_equal(taken(s, NOON + 100, NOON + 60000, 10, &next), "second");
    assert_int_equal(next, NOON + 2000);
    assert_string_equal(taken(s, NOON + 2000, NOON + 60001, 10, &next), "late");
    assert_int_equal(next, NOON + 59999);
    assert_string_equal(taken(s, NOON + 60001, NOON + 80000, 10, &next), "first second late");
    store_close(s);
}

static void what_is_taken_says_all_that_is_needed_to_send_it(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    json_t *out;
    const struct store_taking taking = {.now_ms = NOON, .until_ms = NOON + 10, .most = 10};
    put_message(s, "a", NOON);
    assert_int_equal(store_outbox_take(s, &taking, &out, &e), 0);
    assert_json(out, "{\"messages\":[{\"kind\":\"mail\", \"key\":\"a\", \"attempt\":1, \"created_ms\":1790000000000,"
                     "\"expires_ms\":1790000090000, \"document\":{\"subject\":\"A day\", \"text\":\"Hello\","
                     "\"to\":[\"a@example.com\", \"b@example.com\"]}}], \"next_ms\":1790000000010}");
    store_close(s);
}

static void what_an_instance_had_in_hand_is_due_again_when_it_is_released(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    int64_t next;
    const struct store_taking other = {.instance = 2, .now_ms = NOON, .until_ms = NOON + 60000, .most = 1};
    json_t *out;
    put_message(s, "a", NOON);
    put_message(s, "b", NOON + 1);
    put_message(s, "c", NOON + 1);
    assert_int_equal(store_outbox_take(s, &other, &out, &e), 0); /* a */
    json_decref(out);
    assert_string_equal(taken(s, NOON + 10, NOON + 60000, 2, &next), "b c");
    record_sent(s, &(struct store_sent){
                       .key = "c", .attempt = 1, .state = OUTBOX_WAITING, .at_ms = NOON, .due_ms = NOON + 30000});
    assert_int_equal(store_outbox_release(s, 0, NOON + 20, &e), 0);
    assert_string_equal(taken(s, NOON + 20, NOON + 60000, 10, &next), "");
    assert_int_equal(store_outbox_release(s, 1, NOON + 20, &e), 0); /* not c: its pause goes on */
    assert_string_equal(taken(s, NOON + 20, NOON + 60000, 10, &next), "b");
    assert_int_equal(next, NOON + 30000);
    /* What the dead one would have recorded is not: it was taken anew. */
    record_sent(s, &(struct store_sent){.key = "b", .attempt = 1, .state = OUTBOX_SENT, .at_ms = NOON + 20});
    assert_string_equal(taken(s, NOON + 60000, NOON + 90000, 10, &next), "c a b");
    store_close(s);
}

static void a_message_that_failed_for_now_is_due_again_with_what_is_left_of_it(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    int64_t next;
    const struct store_taking again = {.now_ms = NOON + 7000, .until_ms = NOON + 60000, .most = 10};
    json_t *out, *left = json_pack("{s:s, s:[s]}", "subject", "A day", "to", "b@example.com");
    put_message(s, "a", NOON);
    assert_string_equal(taken(s, NOON, NOON + 60000, 10, &next), "a");
    record_sent(s, &(struct store_sent){.key = "a",
                                        .attempt = 1,
                                        .state = OUTBOX_WAITING,
                                        .at_ms = NOON,
                                        .due_ms = NOON + 7000,
                                        .error = "451 later",
                                        .document = left});
    json_decref(left);
    assert_json(outbox(s, 0, 0),
                "[{\"kind\":\"mail\", \"key\":\"a\", \"state\":\"waiting\", \"subject\":\"A day\","
                "\"to\":[\"b@example.com\"], " TIMES_OF_A_MESSAGE ", \"due_at\":\"2026-09-21T14:13:27.000Z\","
                "\"ended_at\":null, \"attempts\":1, \"error\":\"451 later\"}]");
    assert_string_equal(taken(s, NOON + 6999, NOON + 60000, 10, &next), "");
    assert_int_equal(store_outbox_take(s, &again, &out, &e), 0);
    assert_json(json_incref(json_array_get(json_object_get(out, "messages"), 0)),
                "{\"kind\":\"mail\", \"key\":\"a\", \"attempt\":2, \"created_ms\":1790000000000,"
                "\"expires_ms\":1790000090000,\"document\":{\"subject\":\"A day\", \"to\":[\"b@example.com\"]}}");
    json_decref(out);
    store_close(s);
}

static void of_an_ended_message_stays_what_lists_show(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "a", NOON);
    put_message(s, "b", NOON + 1);
    (void)taken(s, NOON, NOON + 60000, 10, &next);
    record_sent(s, &(struct store_sent){
                       .key = "a", .attempt = 1, .state = OUTBOX_FAILED, .at_ms = NOON + 1000, .error = "550 no"});
    assert_json(outbox(s, 1u << OUTBOX_FAILED, 0),
                "[{\"kind\":\"mail\", \"key\":\"a\", \"state\":\"failed\", \"subject\":\"A day\","
                "\"to\":[\"a@example.com\", \"b@example.com\"], " TIMES_OF_A_MESSAGE ", \"due_at\":null,"
                "\"ended_at\":\"2026-09-21T14:13:21.000Z\", \"attempts\":1, \"error\":\"550 no\"}]");
    json_t *all = outbox(s, 0, 1);
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(text_of(json_array_get(all, 0), "key"), "b"); /* the newest first */
    json_decref(all);
    store_close(s);
}

static void a_result_that_comes_after_another_took_the_message_counts_for_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "a", NOON);
    assert_string_equal(taken(s, NOON, NOON + 1000, 1, &next), "a");
    assert_string_equal(taken(s, NOON + 1000, NOON + 60000, 1, &next), "a");
    record_sent(s, &(struct store_sent){
                       .key = "a", .attempt = 1, .state = OUTBOX_FAILED, .at_ms = NOON + 1000, .error = "old"});
    record_sent(s, &(struct store_sent){.key = "none", .attempt = 1, .state = OUTBOX_SENT, .at_ms = NOON});
    json_t *all = outbox(s, 0, 0);
    assert_string_equal(text_of(json_array_get(all, 0), "state"), "waiting");
    json_decref(all);
    record_sent(s, &(struct store_sent){.key = "a", .attempt = 2, .state = OUTBOX_SENT, .at_ms = NOON + 2000});
    record_sent(s, &(struct store_sent){.key = "a", .attempt = 2, .state = OUTBOX_FAILED, .at_ms = NOON + 3000});
    all = outbox(s, 1u << OUTBOX_SENT, 0);
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
    store_close(s);
}

static void a_message_that_expires_keeps_its_last_error(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "a", NOON);
    (void)taken(s, NOON, NOON + 1000, 1, &next);
    struct store_sent sent = {.key = "a", .attempt = 1, .state = OUTBOX_WAITING, .due_ms = NOON, .error = "451 later"};
    record_sent(s, &sent);
    (void)taken(s, NOON, NOON + 1000, 1, &next);
    sent = (struct store_sent){.key = "a", .attempt = 2, .state = OUTBOX_EXPIRED, .at_ms = NOON};
    record_sent(s, &sent);
    json_t *all = outbox(s, 1u << OUTBOX_EXPIRED, 0);
    assert_string_equal(text_of(json_array_get(all, 0), "error"), "451 later");
    json_decref(all);
    store_close(s);
}

/* ---- no memory: the n-th allocation of a whole life fails, alone or with all after it ---- */

static long countdown;
static bool lasting, hit;

static bool refused(void)
{
    if (countdown != 0) {
        countdown -= countdown > 0;
        return false;
    }
    countdown = lasting ? 0 : -1;
    hit = true;
    return true;
}

static void *scarce_alloc(size_t size)
{
    return refused() ? NULL : malloc(size);
}

static void *scarce_resize(void *p, size_t size)
{
    return refused() ? NULL : realloc(p, size);
}

static const struct mem_functions scarce = {.alloc = scarce_alloc, .resize = scarce_resize, .free = free};

static void let_go(json_t **out)
{
    json_decref(*out);
    *out = NULL;
}

static int note_jobs(struct store *s, struct error *e)
{
    struct sample m[4];
    struct store_job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = ended(&m[i], i, 0, (uint64_t)i);
    }
    jobs[3].status = STATUS_PENDING;
    jobs[3].client = "\xff a client whose name is longer than what is remembered of words";
    int rc = store_record(s, jobs, 4, e);
    return rc ? rc : store_record(s, jobs, 4, e);
}

static int look(struct store *s, struct error *e)
{
    json_t *out = NULL;
    struct found f = {0};
    struct store_seen seen;
    struct sample m;
    const struct store_job first = ended(&m, 0, 0, 0);
    int rc = store_unfinished(s, note, &f, e);
    rc = rc ? rc : store_last(s, "RANK", "t1.json", note, &f, e);
    rc = rc ? rc : store_uncounted(s, 0, note, &f, e);
    rc = rc ? rc : store_seen(s, &first, 0, &seen, e);
    rc = rc ? rc : store_list(s, &(struct store_filter){.client = "rank", .destination = "monday"}, &out, e);
    let_go(&out);
    rc = rc ? rc : store_list(s, &(struct store_filter){.statuses = 1u << STATUS_PENDING}, &out, e);
    let_go(&out);
    rc = rc ? rc : store_show(s, "t3.json", &out, e);
    let_go(&out);
    rc = rc ? rc : store_show(s, "01990000-0000-7000-8000-000000000001", &out, e);
    let_go(&out);
    return rc;
}

static int keep(struct store *s, struct error *e)
{
    const struct store_alert alert = {"kind", "subject", NOON, "text"};
    json_t *counts = NULL, *out = NULL, *report = json_object();
    int rc = store_totals(s, &counts, e);
    rc = rc || report ? rc : ERR_NOMEM;
    rc = rc || !counts || json_object_set_new(counts, "counted", json_pack("{s:i, s:[i]}", "to", 2, "but", 1)) == 0
             ? rc
             : ERR_NOMEM;
    rc = rc ? rc : store_save_snapshot(s, 0, counts, e);
    rc = rc ? rc : store_save_day(s, 0, 20260921, counts, e);
    let_go(&counts);
    rc = rc ? rc : store_load_snapshot(s, 0, &out, e);
    let_go(&out);
    rc = rc ? rc : store_load_day(s, 20260921, &out, e);
    let_go(&out);
    rc = rc ? rc : store_save_report(s, 20260921, report, e);
    let_go(&report);
    rc = rc ? rc : store_load_report(s, 20260921, &out, e);
    let_go(&out);
    rc = rc ? rc : store_reports(s, &out, e);
    let_go(&out);
    rc = rc ? rc : store_alert(s, &alert, true, e);
    rc = rc ? rc : store_alert(s, &alert, true, e);
    rc = rc ? rc : store_alerts(s, false, 0, &out, e);
    let_go(&out);
    return rc;
}

static int send(struct store *s, struct error *e)
{
    const struct store_taking taking = {.now_ms = 1, .until_ms = 2, .most = 2};
    json_t *document = json_pack("{s:s, s:[s]}", "subject", "A day", "to", "a@example.com"), *out = NULL;
    const struct store_message m = {.kind = "mail", .key = "a", .document = document, .due_ms = 1};
    int rc = document ? store_outbox_put(s, &m, e) : ERR_NOMEM;
    rc = rc ? rc : store_outbox_take(s, &taking, &out, e);
    let_go(&out);
    struct store_sent sent = {
        .key = "a", .attempt = 1, .state = OUTBOX_WAITING, .error = "later", .document = document};
    rc = rc ? rc : store_outbox_release(s, 0, 1, e);
    rc = rc ? rc : store_outbox_record(s, &sent, e);
    sent.state = OUTBOX_SENT;
    rc = rc ? rc : store_outbox_record(s, &sent, e);
    rc = rc ? rc : store_outbox_list(s, 0, 0, &out, e);
    let_go(&out);
    json_decref(document);
    return rc;
}

static int tidy(struct store *s, struct error *e)
{
    json_t *out = NULL;
    int rc = store_check(s, &out, e);
    rc = rc || json_array_size(out) == 0 ? rc : ERR_INTERNAL;
    let_go(&out);
    size_t removed;
    return rc ? rc : store_retain(s, &(struct store_retention){.keep_rows = 3, .most = 10}, &removed, e);
}

/* Of a life, each from what those before it left. */
static int (*const parts[])(struct store *s, struct error *e) = {note_jobs, look, keep, send, tidy};
#define PARTS (sizeof parts / sizeof *parts)

static void live(struct store *s, size_t from, size_t until)
{
    struct error e = {0};
    for (size_t i = from; i < until; i++) {
        if (parts[i](s, &e) != 0) {
            fail_msg("part %zu of a life: %s", i, e.text);
        }
    }
}

/* All or none, whatever failed. */
static void assert_sound(struct store *s)
{
    assert_no_findings(s);
    json_t *page = list(s, (struct store_filter){0});
    size_t n = json_array_size(json_object_get(page, "jobs"));
    json_decref(page);
    assert_true(n == 0 || n == 4 || n == 3);
    assert_int_equal(total_of(s, "completed") + total_of(s, "pending"), n);
}

static void copy_file(const char *from, const char *to)
{
    unlink(in_folder(to));
    int in = open(in_folder(from), O_RDONLY); /* the driver in memory has none */
    if (in < 0)
        return;
    int out = open(in_folder(to), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char bytes[65536];
    for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

static void begin_scarcity(long n, bool lasts)
{
    countdown = n;
    lasting = lasts;
    hit = false;
    json_set_alloc_funcs(scarce_alloc, free);
    mem_set(&scarce);
}

static void end_scarcity(long n, int rc, const struct error *e)
{
    countdown = -1;
    mem_set(NULL);
    json_set_alloc_funcs(malloc, free);
    if (rc != 0 && rc != ERR_NOMEM)
        fail_msg("allocation %ld: %d, %s", n, rc, e->text);
    assert_true(rc == 0 || hit);
}

/* FNV-1a of a file's bytes; 0: there is none. */
static uint64_t print_of(const char *name)
{
    int in = open(in_folder(name), O_RDONLY);
    uint64_t print = in < 0 ? 0 : 14695981039346656037u;
    char bytes[65536];
    for (ssize_t n; in >= 0 && (n = read(in, bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < n; i++)
            print = (print ^ (unsigned char)bytes[i]) * 1099511628211u;
    if (in >= 0)
        close(in);
    return print;
}

static const char *const files[] = {"shunt.db", "shunt.db-wal", "shunt.db.suspect", "shunt.db-shm"};
#define FILES_TOLD 3 /* of them; the last is made anew whatever it holds */

/* Whether what a failed opening left is, byte for byte, what the one before left: then it is known to be sound. */
static bool is_left_as_before(void)
{
    static uint64_t before[FILES_TOLD];
    uint64_t now[FILES_TOLD];
    for (size_t i = 0; i < FILES_TOLD; i++)
        now[i] = print_of(files[i]);
    bool same = memcmp(before, now, sizeof now) == 0 && now[0] != 0;
    memcpy(before, now, sizeof now);
    return same;
}

/* The n-th allocation of an opening fails; what is opened then is lived in. file: what is there, NULL: nothing yet. */
static bool one_opening(const char *file, long n, bool lasts)
{
    struct error e = {0};
    struct store *s = NULL;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(in_folder(files[i]));
    if (file)
        copy_file(file, "shunt.db");
    begin_scarcity(n, lasts);
    int rc = store_open(&s, url, folder, STORE_WRITE_UNFLUSHED, &e);
    end_scarcity(n, rc, &e);
    assert_true(rc == 0 || !s);
    if (!s && is_left_as_before())
        return hit;
    bool failed = !s;
    s = failed ? opened() : s;
    assert_sound(s);
    if (!failed)
        live(s, 0, PARTS);
    store_close(s);
    return hit;
}

/* A store as the part finds it. Where it is a file a copy is kept, so that the parts before are lived once and not for
 * each allocation. */
static struct store *before_part(size_t part)
{
    char kept[32];
    snprintf(kept, sizeof kept, "part-%zu.db", part);
    bool known = access(in_folder(kept), F_OK) == 0;
    copy_file(kept, "shunt.db");
    struct store *s = opened();
    if (known)
        return s;
    live(s, 0, part);
    if (access(in_folder("shunt.db"), F_OK) != 0)
        return s;
    store_close(s);
    copy_file("shunt.db", kept);
    return opened();
}

static bool one_part(size_t part, long n, bool lasts)
{
    struct error e = {0};
    struct store *s = before_part(part);
    begin_scarcity(n, lasts);
    int rc = parts[part](s, &e);
    end_scarcity(n, rc, &e);
    assert_sound(s);
    store_close(s);
    return hit;
}

#ifdef __SANITIZE_THREAD__
#define STEP 5 /* what leaks or crashes is the other sanitizers' to find */
#else
#define STEP 1
#endif

static void without_memory_it_fails_and_stays_whole(void **state)
{
    (void)state;
    struct store *empty = opened();
    store_close(empty);
    copy_file("shunt.db", "empty.db");
    for (int lasts = 0; lasts < 2; lasts++) {
        const long step = STEP * (lasts ? 7 : 1); /* the second round is much like the first */
        long n = 0;
        while (one_opening(NULL, n, lasts))
            n += step;
        assert_true(n > 0);
        for (n = 0; one_opening("empty.db", n, lasts);)
            n += step;
        assert_true(n > 0);
        for (size_t part = 0; part < PARTS; part++) {
            for (n = 0; one_part(part, n, lasts);)
                n += step;
            assert_true(n > 0);
        }
    }
}

/* ---- by URL ---- */

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
#define EACH(test, url_) cmocka_unit_test_prestate_setup_teardown(test, make_folder, remove_folder, (void *)(url_))
#define CONTRACT(url_)                                                                                                 \
    EACH(a_new_store_holds_nothing, url_), EACH(a_recorded_job_is_listed_and_shown_whole, url_),                       \
        EACH(what_is_not_known_is_null, url_), EACH(a_job_recorded_again_takes_on_what_is_given, url_),                \
        EACH(recording_the_same_again_changes_nothing, url_), EACH(a_batch_may_hold_a_job_twice, url_),                \
        EACH(a_long_life_keeps_its_beginning_and_its_newest_events, url_),                                             \
        EACH(unfinished_jobs_come_back_as_they_were, url_), EACH(a_job_is_found_by_its_whole_id, url_),                \
        EACH(the_newest_job_of_a_file_is_found, url_), EACH(the_same_bytes_completed_before_are_known, url_),          \
        EACH(only_the_version_delivered_last_is_the_same, url_),                                                       \
        EACH(a_duplicate_that_was_skipped_was_not_delivered, url_),                                                    \
        EACH(what_failed_and_is_put_back_is_no_duplicate, url_), EACH(each_filter_selects, url_),                      \
        EACH(jobs_that_were_sent_together_are_found, url_), EACH(pages_follow_one_another, url_),                      \
        EACH(a_cursor_that_is_none_is_refused, url_), EACH(a_clock_that_jumps_back_changes_no_order, url_),            \
        EACH(a_job_is_shown_by_id_by_its_beginning_and_by_name, url_), EACH(totals_know_the_oldest_that_waits, url_),  \
        EACH(hostile_texts_come_back_and_break_nothing, url_), EACH(old_finished_jobs_go, url_),                       \
        EACH(no_more_jobs_stay_than_are_kept, url_), EACH(each_instance_has_its_snapshot, url_),                       \
        EACH(any_snapshot_comes_back_as_it_was, url_), EACH(the_open_alerts_are_asked_for_alone, url_),                \
        EACH(ended_jobs_are_uncounted_until_a_snapshot_counts_them, url_),                                             \
        EACH(a_job_recorded_again_is_uncounted_as_it_is_now, url_), EACH(removed_jobs_are_not_uncounted, url_),        \
        EACH(what_is_no_document_is_refused, url_), EACH(a_day_is_kept_for_each_instance, url_),                       \
        EACH(a_date_has_one_report_the_first, url_), EACH(a_message_of_the_same_key_is_there_once, url_),              \
        EACH(a_message_is_taken_when_it_is_due_and_by_nobody_else_meanwhile, url_),                                    \
        EACH(what_is_taken_says_all_that_is_needed_to_send_it, url_),                                                  \
        EACH(what_an_instance_had_in_hand_is_due_again_when_it_is_released, url_),                                     \
        EACH(a_message_that_failed_for_now_is_due_again_with_what_is_left_of_it, url_),                                \
        EACH(of_an_ended_message_stays_what_lists_show, url_),                                                         \
        EACH(a_message_that_expires_keeps_its_last_error, url_),                                                       \
        EACH(a_result_that_comes_after_another_took_the_message_counts_for_nothing, url_),                             \
        EACH(an_alert_is_open_once_and_counts, url_), EACH(without_memory_it_fails_and_stays_whole, url_)
    const struct CMUnitTest tests[] = {
        CONTRACT("sqlite:shunt.db"),
        CONTRACT("memory:"),
        cmocka_unit_test(an_unknown_kind_is_refused_with_the_known_ones),
        cmocka_unit_test(a_status_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
