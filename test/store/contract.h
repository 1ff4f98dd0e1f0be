/* contract.h: what the tests of the contract of store.h share: each is held against every driver in the table. What only
 * the SQLite driver promises: test_sqlite*.c */
#ifndef SHUNT_TEST_CONTRACT_H
#define SHUNT_TEST_CONTRACT_H

#include "samples.h"

#define EACH_DRIVER(test) ON(test, "sqlite:shunt.db"), ON(test, "memory:")

struct found {
    unsigned count, stop_after;
    char names[256];
    struct store_job job; /* the last; its texts are gone */
    struct store_delivery delivery;
};

static inline int note(void *user, const struct store_job *job)
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

static inline void put_variety(struct store *s)
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

static inline int refusal(struct store *s, const char *id)
{
    struct error e = {0};
    json_t *out;
    int rc = store_show(s, id, &out, &e);
    assert_null(out);
    assert_int_not_equal(e.text[0], '\0');
    return rc;
}

static inline struct store_job ended(struct sample *m, int n, unsigned instance, uint64_t outcome)
{
    struct store_job job = sample(m, n)->job;
    job.instance = instance;
    job.outcome = outcome;
    return job;
}

#endif
