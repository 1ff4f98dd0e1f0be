/* test_recall.c: what a job that takes a ticket up makes of what is remembered of it since the start. */
#include "past.h"

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
    record_completed_of_another_file(p);
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
    assert_int_equal(store_last(p->storage.store, "RANK", "x.json", NULL, status_of, &status, &e), 0);
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
        T(a_store_that_cannot_tell_is_told_and_work_begins_without_it),
        T(without_memory_nothing_is_half_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
