/* posting.h: an outbox on a storage, without a service around it. Servers and what they answer: test/e2e/test_mail.py
 * and test_incidents.py. */
#ifndef SHUNT_TEST_POSTING_H
#define SHUNT_TEST_POSTING_H

#include "shunt/service/outbox.h"

#include "faulty.h"

#define STORE "[store]\nurl = memory:\n"
#define SETTINGS                                                                                                       \
    STORE                                                                                                              \
    "[mail]\nserver = 127.0.0.1:1\ntls = none\nfrom = a@example.com\nto = b@example.com\npause = 1m\nexpire = 10m\n"

struct bench {
    struct parts *p;
    struct faulty *store; /* NULL: none */
    struct outbox *o;
    unsigned saved;
};

static inline struct bench bench_new(void **state, const char *settings, bool faulty)
{
    struct bench b = {.p = parts_new(*state, settings, ROUTES_ONE)};
    struct error e = {0};
    if (faulty)
        b.store = faulty_new(b.p);
    else
        assert_int_equal(storage_open(&b.p->storage, &b.p->rt, 0, &e), 0);
    b.o = outbox_new(&b.p->rt, &b.p->storage);
    assert_non_null(b.o);
    return b;
}

static inline void bench_free(struct bench *b)
{
    outbox_last(b->o);
    storage_last(&b->p->storage, NULL);
    uv_run(&b->p->loop, UV_RUN_NOWAIT);
    runtime_close(&b->p->rt);
    uv_run(&b->p->loop, UV_RUN_DEFAULT);
    outbox_free(b->o);
    uv_timer_init(&b->p->loop, &b->p->rt.timer); /* parts_free closes it */
    parts_free(b->p);
    free(b->store);
}

static inline void pump(struct bench *b)
{
    outbox_pump(b->o);
    storage_pump(&b->p->storage);
}

/* Until nothing is in work any more, or the store is left alone for a while. */
static inline void settle(struct bench *b)
{
    struct storage *st = &b->p->storage;
    for (pump(b); st->active || (!outbox_idle(b->o) && (st->degraded || !due_listed(&st->again.due))); pump(b))
        uv_run(&b->p->loop, UV_RUN_ONCE);
}

static inline void on_saved(void *user)
{
    ++*(unsigned *)user;
}

/* to: taken; NULL: whom the settings name. */
static inline bool put_mail(struct bench *b, const char *key, bool urgent, json_t *to)
{
    json_t *document = json_pack("{s:s, s:s, s:o*}", "subject", "A day", "text", "Hello", "to", to);
    bool done = (urgent ? outbox_put_urgent : outbox_put)(b->o, OUTBOX_MAIL, key, document, on_saved, &b->saved);
    json_decref(document);
    return done;
}

/* The rows, newest first. */
static inline json_t *rows(struct bench *b)
{
    struct error e = {0};
    json_t *out = NULL;
    struct store *store = b->store ? b->store->inner : b->p->storage.store;
    assert_int_equal(store_outbox_list(store, 0, 0, &out, &e), 0);
    return out;
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
