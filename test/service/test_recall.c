/* test_recall.c: what an earlier run recorded of a ticket, and what a job that takes it up makes of that. */
#include "faulty.h"

#define SETTINGS "[store]\nurl = memory:\n"
#define TEXT     TICKET("RANK")
#define ID       "01990000-0000-7000-8000-000000000001"
#define OLDER_MS 1770000000000

struct past { /* .row is changed by tests as they like */
    char path[600];
    uint8_t sha256[SHA256_SIZE];
    struct store_delivery deliveries[3];
    struct store_job row;
};

/* A job of underprocess/0/RANK/x.json: archived, delivered to a, waiting for b after two attempts. */
static struct past *past_of(struct parts *p)
{
    static struct past past;
    past = (struct past){0};
    snprintf(past.path, sizeof past.path, "%s/RANK/x.json", p->instance.path);
    files_sha256(TEXT, strlen(TEXT), past.sha256);
    past.deliveries[0] = (struct store_delivery){.destination = "archive",
                                                 .label = "Archive",
                                                 .state = DELIVERY_DONE,
                                                 .done_ms = OLDER_MS + 5,
                                                 .final_name = "x.json"};
    past.deliveries[1] = (struct store_delivery){.destination = "a",
                                                 .label = "a",
                                                 .state = DELIVERY_DONE,
                                                 .done_ms = OLDER_MS + 6,
                                                 .final_name = "x (RANK).json"};
    past.deliveries[2] = (struct store_delivery){
        .destination = "b", .label = "b", .state = DELIVERY_WAITING, .attempts = 2, .error = "full"};
    past.row = (struct store_job){.id = ID,
                                  .folder = "RANK",
                                  .name = "x.json",
                                  .client = "RANK",
                                  .path = past.path,
                                  .size = strlen(TEXT),
                                  .sha256 = past.sha256,
                                  .status = STATUS_PENDING,
                                  .created_ms = OLDER_MS,
                                  .started_ms = OLDER_MS + 1,
                                  .deliveries = past.deliveries,
                                  .n_deliveries = 3};
    return &past;
}

static struct parts *bench_new(void **state, struct faulty **f)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_TWO);
    *f = faulty_new(p);
    make_folder(p->s, "under/0/RANK");
    return p;
}

static void bench_free(struct parts *p, struct faulty *f)
{
    recall_fini(&p->recall);
    parts_free(p);
    free(f);
}

static void record_past(struct parts *p, const struct store_job *row)
{
    struct error e = {0};
    assert_int_equal(store_record(p->storage.store, row, 1, &e), 0);
}

static void load(struct parts *p)
{
    struct error e = {0};
    assert_int_equal(recall_load(&p->recall, &p->storage, &p->instance, &e), 0);
}

/* Takes x.json up where it lies: in underprocess, or in hot. */
static struct job *take(struct parts *p, bool claimed)
{
    struct take_item item = {
        .client = "RANK", .name = "x.json", .kind = NAME_TICKET, .claimed = claimed, .source.fd = -1};
    struct take_batch batch = {.config = p->config,
                               .clock = &p->clock.clock,
                               .underprocess = p->instance.path,
                               .routes = p->rt.routes,
                               .items = &item,
                               .count = 1};
    take_run(&batch);
    assert_int_equal(item.taken, TAKEN_CLAIMED);
    assert_int_equal(jobs_begin(&p->jobs, &item, p->rt.routes, WAY_STARTUP, 1, false), 0);
    take_item_fini(&item);
    struct job *job = jobs_find(&p->jobs, "RANK", "x.json");
    assert_non_null(job);
    return job;
}

static void assert_states(const struct job *job, enum delivery_state archive, enum delivery_state a,
                          enum delivery_state b)
{
    assert_int_equal(job->n_deliveries, 3);
    assert_int_equal(job->deliveries[0].state, archive);
    assert_int_equal(job->deliveries[1].state, a);
    assert_int_equal(job->deliveries[2].state, b);
}

static void assert_new(const struct job *job)
{
    assert_string_not_equal(job->id, ID);
    assert_true(job->created_ms > OLDER_MS);
    assert_states(job, DELIVERY_QUEUED, DELIVERY_QUEUED, DELIVERY_QUEUED);
}

static void what_was_delivered_before_is_not_delivered_again(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    record_past(p, &past_of(p)->row);
    load(p);
    assert_true(recall_waited(&p->recall, "RANK", "x.json"));
    assert_false(recall_waited(&p->recall, "RANK", "y.json"));
    struct job *job = take(p, true);
    assert_string_equal(job->id, ID);
    assert_int_equal(job->created_ms, OLDER_MS);
    assert_states(job, DELIVERY_DONE, DELIVERY_DONE, DELIVERY_QUEUED);
    assert_int_equal(job->deliveries[1].done_ms, OLDER_MS + 6);
    assert_string_equal(job->deliveries[1].final_name, "x (RANK).json");
    assert_false(job->deliveries[1].before); /* the job has not ended yet: it is counted when it does */
    assert_int_equal(job->deliveries[2].attempts, 2);
    assert_int_equal(p->recall.count, 0); /* once */
    bench_free(p, f);
}

static void other_bytes_of_that_name_are_another_job(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TICKET("RANK") "\n");
    record_past(p, &past_of(p)->row);
    load(p);
    assert_new(take(p, true));
    bench_free(p, f);
}

static void one_that_was_in_work_and_not_read_is_another_job(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    struct past *past = past_of(p);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    past->row.sha256 = NULL;
    past->row.status = STATUS_PROCESSING;
    record_past(p, &past->row);
    load(p);
    assert_false(recall_waited(&p->recall, "RANK", "x.json"));
    assert_new(take(p, true));
    bench_free(p, f);
}

/* A crash came between its record and its removal. */
static struct store_job *completed(struct parts *p)
{
    struct past *past = past_of(p);
    struct stat st;
    assert_int_equal(stat(in(p->s, "under/0/RANK/x.json"), &st), 0);
    past->row.status = STATUS_COMPLETED;
    past->row.completed_ms = OLDER_MS + 9;
    past->deliveries[2].state = DELIVERY_DONE;
    past->row.claim = (struct store_claim){.device = st.st_dev,
                                           .inode = st.st_ino,
                                           .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec};
    return &past->row;
}

static void a_completed_one_that_still_lies_there_is_only_removed(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    record_past(p, completed(p));
    load(p);
    assert_int_equal(p->recall.count, 1);
    struct job *job = take(p, true);
    assert_string_equal(job->id, ID);
    assert_states(job, DELIVERY_DONE, DELIVERY_DONE, DELIVERY_DONE);
    assert_int_equal(job->state, JOB_SETTLING);
    bench_free(p, f);
}

static void the_same_bytes_in_another_file_than_the_completed_one_are_another_job(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    struct store_job *row = completed(p);
    row->claim.inode++;
    record_past(p, row);
    load(p);
    assert_new(take(p, true));
    bench_free(p, f);
}

static void completed_ones_whose_tickets_are_gone_are_not_remembered(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    record_past(p, completed(p));
    assert_int_equal(unlink(in(p->s, "under/0/RANK/x.json")), 0);
    load(p);
    assert_int_equal(p->recall.count, 0);
    bench_free(p, f);
}

/* As a retry does it: the ticket lies in hot again. */
static struct job *retried(struct parts *p, enum job_status status, bool anew)
{
    struct past *past = past_of(p);
    past->row.status = status;
    past->deliveries[2].state = DELIVERY_FAILED;
    put(in(p->s, "hot/RANK/x.json"), TEXT);
    recall_expect(&p->recall, record_copy(&past->row), anew);
    return take(p, false);
}

static void a_failed_or_cancelled_one_that_is_put_back_goes_only_where_it_was_not(void **state)
{
    static const enum job_status ended[] = {STATUS_FAILED, STATUS_CANCELLED};
    for (size_t i = 0; i < 2; i++) {
        struct faulty *f;
        struct parts *p = bench_new(state, &f);
        const struct job *job = retried(p, ended[i], false);
        assert_string_equal(job->id, ID);
        assert_states(job, DELIVERY_DONE, DELIVERY_DONE, DELIVERY_QUEUED);
        assert_int_equal(job->deliveries[2].attempts, 0); /* it has all of them again */
        assert_string_equal(job->events->event, "retried");
        bench_free(p, f);
        assert_int_equal(unlink(in(*state, "under/0/RANK/x.json")), 0);
    }
}

static void one_that_is_put_back_anew_goes_everywhere_under_its_id(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    const struct job *job = retried(p, STATUS_FAILED, true);
    assert_string_equal(job->id, ID);
    assert_states(job, DELIVERY_QUEUED, DELIVERY_QUEUED, DELIVERY_QUEUED);
    bench_free(p, f);
}

static void who_put_it_back_and_when_stands_in_its_story(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    assert_true(hands_note(&p->recall.hands, "RANK", "x.json", OLDER_MS + 9, "retried", "put back by anna"));
    assert_false(hands_note(&p->recall.hands, "RANK", "x.json", OLDER_MS + 10, "uploaded", "sent by bert"));
    assert_true(hands_note(&p->recall.hands, "OTHER", "x.json", OLDER_MS + 10, "uploaded", "sent by bert"));
    const struct job *job = retried(p, STATUS_FAILED, false);
    assert_string_equal(job->events->event, "retried");
    assert_string_equal(job->events->text, "put back by anna");
    assert_int_equal(job->events->at_ms, OLDER_MS + 9);
    assert_null(job->events->next);
    /* told once */
    assert_true(hands_note(&p->recall.hands, "RANK", "x.json", OLDER_MS, "uploaded", "sent by bert"));
    hands_forget(&p->recall.hands, "RANK", "x.json");
    assert_true(hands_note(&p->recall.hands, "RANK", "x.json", OLDER_MS, "uploaded", "sent by bert"));
    bench_free(p, f);
}

static void of_very_many_that_are_not_taken_up_the_newest_are_known(void **state)
{
    (void)state;
    struct hands hands = {0};
    char name[32];
    for (int i = 0; i <= HANDS_MAX; i++) {
        snprintf(name, sizeof name, "%d.json", i);
        assert_true(hands_note(&hands, "RANK", name, 1, "uploaded", "sent by anna"));
    }
    assert_false(hands_note(&hands, "RANK", name, 1, "uploaded", "sent by anna"));
    assert_false(hands_note(&hands, "RANK", "1.json", 1, "uploaded", "sent by anna"));
    assert_true(hands_note(&hands, "RANK", "0.json", 1, "uploaded", "sent by anna"));
    hands_fini(&hands);
}

static void one_that_was_not_put_back_after_all_is_forgotten(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    assert_false(recall_expect(&p->recall, NULL, false)); /* the store knew nothing */
    assert_null(recall_expected(&p->recall, "RANK", "x.json"));
    assert_true(recall_expect(&p->recall, record_copy(&past_of(p)->row), false));
    assert_false(recall_expect(&p->recall, record_copy(&past_of(p)->row), true)); /* it is on its way already */
    assert_string_equal(recall_expected(&p->recall, "RANK", "x.json"), ID);
    assert_int_equal(p->recall.count, 1);
    recall_forget(&p->recall, "RANK", "y.json");
    assert_int_equal(p->recall.count, 1);
    recall_forget(&p->recall, "RANK", "x.json");
    assert_int_equal(p->recall.count, 0);
    put(in(p->s, "hot/RANK/x.json"), TEXT);
    assert_new(take(p, false));
    bench_free(p, f);
}

static int status_of(void *user, const struct store_job *row)
{
    *(enum job_status *)user = row->status;
    return 0;
}

static enum job_status status_now(struct parts *p)
{
    enum job_status status = JOB_STATUSES;
    struct error e = {0};
    assert_int_equal(store_last(p->storage.store, "RANK", "x.json", status_of, &status, &e), 0);
    return status;
}

/* The queued records, as the storage would write them. */
static const struct store_job *queued(const struct parts *p, const char *id)
{
    const struct store_job *found = NULL;
    for (const struct record *r = p->storage.queue; r; r = r->next)
        if (strcmp(r->row.id, id) == 0)
            found = &r->row;
    return found;
}

static void one_that_was_mended_ends_the_job_that_failed(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    struct past *past = past_of(p);
    past->row.status = STATUS_FAILED;
    past->row.sha256 = (const uint8_t *)"another ticket's thirty-two bytes";
    put(in(p->s, "hot/RANK/x.json"), TEXT);
    recall_expect(&p->recall, record_copy(&past->row), false);
    const struct job *job = take(p, false);
    assert_new(job);
    const struct store_job *old = queued(p, ID);
    assert_non_null(old);
    assert_int_equal(old->status, STATUS_CANCELLED);
    assert_non_null(strstr(old->error, job->id)); /* where it goes on */
    assert_string_equal(old->events[0].event, "mended");
    bench_free(p, f);
}

static void one_whose_ticket_was_taken_away_is_lost(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    record_past(p, &past_of(p)->row);
    load(p);
    struct record *lost = recall_lost(&p->recall, &p->instance);
    assert_non_null(lost);
    assert_string_equal(lost->row.id, ID);
    assert_null(lost->next);
    assert_int_equal(p->recall.count, 0);
    assert_null(recall_lost(&p->recall, &p->instance));
    record_free(lost);
    bench_free(p, f);
}

static void one_of_another_instance_is_left_to_it(void **state)
{
    static const char *const others[] = {"/1/RANK/x.json", "/00/RANK/x.json"}; /* the second begins as ours does */
    for (size_t i = 0; i < 2; i++) {
        struct faulty *f;
        struct parts *p = bench_new(state, &f);
        struct past *past = past_of(p);
        snprintf(past->path, sizeof past->path, "%s%s", p->instance.root, others[i]);
        record_past(p, &past->row);
        load(p);
        assert_null(recall_lost(&p->recall, &p->instance));
        assert_int_equal(status_now(p), STATUS_PENDING);
        bench_free(p, f);
    }
}

static void one_that_failed_before_under_that_name_is_another_job(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    struct past *past = past_of(p);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    past->row.status = STATUS_FAILED;
    record_past(p, &past->row);
    load(p);
    assert_new(take(p, true));
    bench_free(p, f);
}

static void turn_until_answered(struct parts *p)
{
    storage_pump(&p->storage);
    while (p->storage.active) {
        uv_run(&p->loop, UV_RUN_ONCE);
        storage_pump(&p->storage);
    }
}

/* Another instance's ticket lies in our underprocess: x.json of underprocess/1. */
static struct past *adopted(struct parts *p, bool known_at_start)
{
    struct past *past = past_of(p);
    snprintf(past->path, sizeof past->path, "%s/1/RANK/x.json", p->instance.root);
    if (known_at_start) { /* as it was then; it has got on since */
        past->deliveries[1].state = DELIVERY_WAITING;
        record_past(p, &past->row);
        past->deliveries[1].state = DELIVERY_DONE;
    }
    load(p);
    assert_true(p->recall.whole);
    p->recall.whole = false; /* as the scanner says when it has adopted */
    record_past(p, &past->row);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    return past;
}

static void what_another_instance_delivered_before_it_died_is_not_delivered_again(void **state)
{
    for (int known = 0; known < 2; known++) {
        struct faulty *f;
        struct parts *p = bench_new(state, &f);
        adopted(p, known != 0);
        struct job *job = take(p, true);
        assert_int_equal(job->state, JOB_TAKEN); /* it waits for the answer */
        turn_until_answered(p);
        assert_string_equal(job->id, ID);
        assert_int_equal(job->created_ms, OLDER_MS);
        assert_states(job, DELIVERY_DONE, DELIVERY_DONE, DELIVERY_QUEUED);
        assert_false(job->unsure);
        bench_free(p, f);
        assert_int_equal(unlink(in(*state, "under/0/RANK/x.json")), 0);
    }
}

static void what_another_instance_still_has_is_not_taken_for_ours(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    adopted(p, false);
    make_folder(p->s, "under/1/RANK");
    put(in(p->s, "under/1/RANK/x.json"), TEXT);
    struct job *job = take(p, true);
    turn_until_answered(p);
    assert_new(job);
    bench_free(p, f);
}

static void a_new_ticket_like_one_that_another_instance_had_at_our_start_is_another_job(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    adopted(p, true);
    assert_int_equal(unlink(in(p->s, "under/0/RANK/x.json")), 0); /* it was delivered by now; the next has its name */
    put(in(p->s, "hot/RANK/x.json"), TEXT);
    assert_new(take(p, false));
    bench_free(p, f);
}

static void one_that_was_taken_up_unknown_becomes_the_job_that_the_store_has(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    struct store_job *row = completed(p);
    row->status = STATUS_PENDING;
    record_past(p, row);
    f->fails = ERR_NOSPACE;
    load(p);
    struct job *job = take(p, true);
    turn_until_answered(p); /* there is none */
    assert_true(job->unsure);
    assert_new(job);
    char was[JOB_ID_SIZE];
    memcpy(was, job->id, sizeof was);
    storage_add(&p->storage, record_of(job, STATUS_PENDING, NULL), NULL);
    f->fails = 0;
    advance(p, 30000);
    turn_until_answered(p);
    assert_string_equal(job->id, ID);
    struct error e = {0};
    json_t *page;
    const struct store_filter all = {.limit = 10};
    assert_int_equal(store_list(f->inner, &all, &page, &e), 0);
    assert_int_equal(json_array_size(json_object_get(page, "jobs")), 1);
    json_decref(page);
    assert_int_equal(logged(p->s, "known_again"), 1);
    bench_free(p, f);
}

static void another_file_than_the_store_knows_stays_a_job_of_its_own(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    struct store_job *row = completed(p);
    row->claim.inode++;
    record_past(p, row);
    f->fails = ERR_NOSPACE;
    load(p);
    struct job *job = take(p, true);
    turn_until_answered(p);
    storage_add(&p->storage, record_of(job, STATUS_PENDING, NULL), NULL);
    f->fails = 0;
    advance(p, 30000);
    turn_until_answered(p);
    assert_new(job);
    assert_int_equal(logged(p->s, "known_again"), 0);
    bench_free(p, f);
}

static void a_store_that_cannot_tell_is_told_and_work_begins_without_it(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    record_past(p, &past_of(p)->row);
    f->fails = ERR_BUSY;
    load(p);
    f->fails = 0;
    assert_int_equal(logged(p->s, "store_failed"), 1);
    assert_new(take(p, true));
    struct storage none = {.rt = &p->rt};
    struct error e = {0};
    assert_int_equal(recall_load(&p->recall, &none, &p->instance, &e), 0);
    assert_int_equal(p->recall.count, 0);
    bench_free(p, f);
}

static void without_memory_nothing_is_half_remembered(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    record_past(p, &past_of(p)->row);
    SCARCE_SWEEP (n) {
        struct error e = {0};
        scarce_begin(n, 1);
        int rc = recall_load(&p->recall, &p->storage, &p->instance, &e);
        bool hit = scarce_end();
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
        assert_int_equal(p->recall.count, rc == 0 ? 1 : 0);
        recall_fini(&p->recall);
    }
    bench_free(p, f);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_delivered_before_is_not_delivered_again),
        T(other_bytes_of_that_name_are_another_job),
        T(one_that_was_in_work_and_not_read_is_another_job),
        T(a_completed_one_that_still_lies_there_is_only_removed),
        T(the_same_bytes_in_another_file_than_the_completed_one_are_another_job),
        T(completed_ones_whose_tickets_are_gone_are_not_remembered),
        T(a_failed_or_cancelled_one_that_is_put_back_goes_only_where_it_was_not),
        T(one_that_is_put_back_anew_goes_everywhere_under_its_id),
        T(who_put_it_back_and_when_stands_in_its_story),
        T(of_very_many_that_are_not_taken_up_the_newest_are_known),
        T(one_that_was_not_put_back_after_all_is_forgotten),
        T(one_that_was_mended_ends_the_job_that_failed),
        T(one_whose_ticket_was_taken_away_is_lost),
        T(one_of_another_instance_is_left_to_it),
        T(one_that_failed_before_under_that_name_is_another_job),
        T(what_another_instance_delivered_before_it_died_is_not_delivered_again),
        T(what_another_instance_still_has_is_not_taken_for_ours),
        T(a_new_ticket_like_one_that_another_instance_had_at_our_start_is_another_job),
        T(one_that_was_taken_up_unknown_becomes_the_job_that_the_store_has),
        T(another_file_than_the_store_knows_stays_a_job_of_its_own),
        T(a_store_that_cannot_tell_is_told_and_work_begins_without_it),
        T(without_memory_nothing_is_half_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
