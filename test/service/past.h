/* past.h: what an earlier run recorded of a ticket, and a job that takes it up. */
#ifndef SHUNT_TEST_PAST_H
#define SHUNT_TEST_PAST_H

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
static inline struct past *past_of(struct parts *p)
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

static inline struct parts *bench_new(void **state, struct faulty **f)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_TWO);
    *f = faulty_new(p);
    make_folder(p->s, "under/0/RANK");
    return p;
}

static inline void bench_free(struct parts *p, struct faulty *f)
{
    recall_fini(&p->recall);
    parts_free(p);
    free(f);
}

static inline void record_past(struct parts *p, const struct store_job *row)
{
    struct error e = {0};
    assert_int_equal(store_record(p->storage.store, row, 1, &e), 0);
}

static inline void load(struct parts *p)
{
    struct error e = {0};
    assert_int_equal(recall_load(&p->recall, &p->storage, &p->instance, &e), 0);
}

/* Takes x.json up where it lies: in underprocess, or in hot. */
static inline struct job *take(struct parts *p, bool claimed)
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

static inline void assert_states(const struct job *job, enum delivery_state archive, enum delivery_state a,
                                 enum delivery_state b)
{
    assert_int_equal(job->n_deliveries, 3);
    assert_int_equal(job->deliveries[0].state, archive);
    assert_int_equal(job->deliveries[1].state, a);
    assert_int_equal(job->deliveries[2].state, b);
}

static inline void assert_new(const struct job *job)
{
    assert_string_not_equal(job->id, ID);
    assert_true(job->created_ms > OLDER_MS);
    assert_states(job, DELIVERY_QUEUED, DELIVERY_QUEUED, DELIVERY_QUEUED);
}

/* A crash came between its record and its removal. */
static inline struct store_job *completed(struct parts *p)
{
    struct past *past = past_of(p);
    struct stat st;
    assert_int_equal(stat(in(p->s, "under/0/RANK/x.json"), &st), 0);
    past->row.status = STATUS_COMPLETED;
    past->row.completed_ms = OLDER_MS + 9;
    past->deliveries[2].state = DELIVERY_DONE;
    past->row.claim = record_claim(&st);
    return &past->row;
}

/* Its bytes lie there, in another file than the one that was completed. */
static inline void record_completed_of_another_file(struct parts *p)
{
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    struct store_job *row = completed(p);
    row->claim.inode++;
    record_past(p, row);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
