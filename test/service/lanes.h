/* lanes.h: lanes with a driver of the test's own: it keeps the batches it is given until the test answers. */
#ifndef SHUNT_TEST_LANES_H
#define SHUNT_TEST_LANES_H

#include "parts.h"

#define REQUESTS_MAX 32
#define SETTINGS                                                                                                       \
    "[intake]\nbatch_size = 3\n[delivery]\nconcurrency = 2\nbreaker_failures = 4\nbreaker_pause = 10s\n"               \
    "breaker_max = 30s\nhang = 5s\n[retry]\nattempts = 3\nfirst = 100ms\nfactor = 1\nmax = 100ms\n"

static struct batch *requests[REQUESTS_MAX];
static size_t n_requests;
static bool driver_refuses;

static inline int fake_start(struct batch *batch, struct error *e)
{
    if (driver_refuses)
        return error_set(e, ERR_NOMEM, "out of memory");
    assert_true(n_requests < REQUESTS_MAX);
    requests[n_requests++] = batch;
    return 0;
}

static const struct destination_driver fake = {.name = "fake", .start = fake_start};

static inline struct parts *bench_new(void **state, const char *settings, const char *routes)
{
    struct parts *p = parts_new(*state, settings, routes);
    for (struct lane *lane = p->lanes.lanes; lane; lane = lane->next)
        lane->driver = &fake;
    n_requests = 0;
    driver_refuses = false;
    return p;
}

static inline void answer_item(struct batch *batch, size_t i, int code)
{
    error_clear(&batch->items[i].error);
    if (code != 0)
        error_set(&batch->items[i].error, code, "told by the test");
    batch->items[i].placed = PLACED_NEW;
    snprintf(batch->items[i].final_name, NAME_SIZE, "%s", batch->items[i].name);
}

static inline void forget(struct batch *batch)
{
    size_t at = 0;
    while (at < n_requests && requests[at] != batch)
        at++;
    assert_true(at < n_requests);
    for (n_requests--; at < n_requests; at++)
        requests[at] = requests[at + 1];
}

/* All items of the request end with this code; what becomes possible is started. */
static inline void answer(struct parts *p, struct batch *batch, int code)
{
    forget(batch);
    for (size_t i = 0; i < batch->count; i++)
        answer_item(batch, i, code);
    batch->done(batch);
    lanes_pump(&p->lanes);
}

static inline struct batch *request_of(const struct lane *lane)
{
    for (size_t i = 0; i < n_requests; i++)
        if (requests[i]->place == &lane->place)
            return requests[i];
    return NULL;
}

static inline size_t requests_of(const struct lane *lane)
{
    size_t n = 0;
    for (size_t i = 0; i < n_requests; i++)
        n += requests[i]->place == &lane->place;
    return n;
}

static inline void answer_all(struct parts *p, const struct lane *lane, int code)
{
    struct batch *batch;
    while ((batch = request_of(lane)) != NULL)
        answer(p, batch, code);
}

/* So that only the destinations are looked at. */
static inline void archive_all(struct parts *p)
{
    lanes_pump(&p->lanes);
    answer_all(p, p->lanes.archive, 0);
}

static inline void bench_free(struct parts *p)
{
    while (n_requests > 0)
        answer(p, requests[0], ERR_CHANGED);
    parts_free(p);
}

/* One failure more than the breaker bears, each of another ticket. Returns the last job. */
static inline struct job *bring_down(struct parts *p, struct lane *lane, unsigned tickets)
{
    struct job *job = NULL;
    for (unsigned i = 0; i < tickets; i++) {
        job = begin(p);
        archive_all(p);
        if (request_of(lane))
            answer(p, request_of(lane), ERR_IO);
    }
    return job;
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
