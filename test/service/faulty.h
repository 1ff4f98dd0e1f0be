/* faulty.h: a store that fails, hangs or is locked when a test says so, before one in memory; and it remembers what was
 * recorded in which order. The storage owns it once it has it. */
#ifndef SHUNT_TEST_FAULTY_H
#define SHUNT_TEST_FAULTY_H

#include <pthread.h>

#include "parts.h"

#define FAULTY_MANY 60000

struct faulty {
    struct store store;
    struct store *inner; /* NULL: closed */
    pthread_mutex_t lock;
    pthread_cond_t change;
    int fails; /* the code that every call answers; 0: none */
    bool hangs, inside;
    bool forgets;      /* only counts what is recorded: the one in memory looks through all */
    unsigned tries;    /* calls to record */
    size_t batches[8]; /* how many each of them recorded, if it did */
    unsigned n_batches;
    unsigned saved; /* snapshots */
    size_t recorded;
    unsigned order[FAULTY_MANY]; /* the numbers that their names are */
};

static inline struct faulty *faulty_of(struct store *store)
{
    return (struct faulty *)store;
}

/* Waits as long as it is to hang, then fails as it is to fail. */
static inline int faulty_begin(struct faulty *f, struct error *e)
{
    pthread_mutex_lock(&f->lock);
    f->inside = true;
    pthread_cond_broadcast(&f->change);
    while (f->hangs)
        pthread_cond_wait(&f->change, &f->lock);
    f->inside = false;
    int code = f->fails;
    pthread_mutex_unlock(&f->lock);
    return code == 0 ? 0 : error_set(e, code, "it was told to fail");
}

static inline void faulty_hang(struct faulty *f, bool hangs)
{
    pthread_mutex_lock(&f->lock);
    f->hangs = hangs;
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
}

static inline void faulty_wait_inside(struct faulty *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->inside)
        pthread_cond_wait(&f->change, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static inline int faulty_record(struct store *store, const struct store_job *jobs, size_t count, struct error *e)
{
    struct faulty *f = faulty_of(store);
    f->tries++;
    int rc = faulty_begin(f, e);
    rc = rc || f->forgets ? rc : store_record(f->inner, jobs, count, e);
    for (size_t i = 0; rc == 0 && i < count && f->recorded < FAULTY_MANY; i++)
        f->order[f->recorded++] = (unsigned)strtoul(jobs[i].name, NULL, 10);
    if (rc == 0 && f->n_batches < sizeof f->batches / sizeof f->batches[0])
        f->batches[f->n_batches++] = count;
    return rc;
}

static inline int faulty_unfinished(struct store *store, store_each_cb each, void *user, struct error *e)
{
    int rc = faulty_begin(faulty_of(store), e);
    return rc ? rc : store_unfinished(faulty_of(store)->inner, each, user, e);
}

static inline int faulty_last(struct store *store, const char *folder, const char *name, const struct store_claim *file,
                              store_each_cb each, void *user, struct error *e)
{
    int rc = faulty_begin(faulty_of(store), e);
    return rc ? rc : store_last(faulty_of(store)->inner, folder, name, file, each, user, e);
}

static inline int faulty_retain(struct store *store, const struct store_retention *r, size_t *removed, struct error *e)
{
    return store_retain(faulty_of(store)->inner, r, removed, e);
}

static inline int faulty_save_snapshot(struct store *store, unsigned instance, const json_t *snapshot, struct error *e)
{
    struct faulty *f = faulty_of(store);
    int rc = faulty_begin(f, e);
    rc = rc ? rc : store_save_snapshot(f->inner, instance, snapshot, e);
    f->saved += rc == 0;
    return rc;
}

static inline int faulty_outbox_put(struct store *store, const struct store_message *m, struct error *e)
{
    int rc = faulty_begin(faulty_of(store), e);
    return rc ? rc : store_outbox_put(faulty_of(store)->inner, m, e);
}

static inline int faulty_outbox_take(struct store *store, const struct store_taking *taking, json_t **out,
                                     struct error *e)
{
    int rc = faulty_begin(faulty_of(store), e);
    return rc ? rc : store_outbox_take(faulty_of(store)->inner, taking, out, e);
}

static inline int faulty_outbox_release(struct store *store, unsigned instance, int64_t now_ms, struct error *e)
{
    int rc = faulty_begin(faulty_of(store), e);
    return rc ? rc : store_outbox_release(faulty_of(store)->inner, instance, now_ms, e);
}

static inline int faulty_outbox_record(struct store *store, const struct store_sent *sent, struct error *e)
{
    int rc = faulty_begin(faulty_of(store), e);
    return rc ? rc : store_outbox_record(faulty_of(store)->inner, sent, e);
}

static inline void faulty_close(struct store *store)
{
    store_close(faulty_of(store)->inner);
    faulty_of(store)->inner = NULL;
}

static const struct store_driver faulty_driver = {
    .scheme = "faulty",
    .close = faulty_close,
    .record = faulty_record,
    .unfinished = faulty_unfinished,
    .last = faulty_last,
    .retain = faulty_retain,
    .save_snapshot = faulty_save_snapshot,
    .outbox_put = faulty_outbox_put,
    .outbox_take = faulty_outbox_take,
    .outbox_release = faulty_outbox_release,
    .outbox_record = faulty_outbox_record,
};

/* Opens the storage of p, and puts itself before its store. free() it after parts_free. */
static inline struct faulty *faulty_new(struct parts *p)
{
    struct error e = {0};
    struct faulty *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const struct storage joined = p->storage;
    assert_int_equal(storage_open(&p->storage, &p->rt, 0, &e), 0);
    assert_non_null(p->storage.store);
    p->storage.recorded = joined.recorded;
    p->storage.matched = joined.matched;
    p->storage.user = joined.user;
    f->store.driver = &faulty_driver;
    f->inner = p->storage.store;
    p->storage.store = &f->store;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->change, NULL);
    return f;
}

#endif
