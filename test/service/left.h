/* left.h: rows that an earlier run left, put into the store by hand, and a service that is made on them: it ticks, but does
 * not run. */
#ifndef SHUNT_TEST_LEFT_H
#define SHUNT_TEST_LEFT_H

#ifndef SCARCE_STRIDE
#define SCARCE_STRIDE 3
#endif

#include "shunt/service/reconcile.h"
#include "shunt/service/service.h"
#include "shunt/service/upkeep.h"

#include "../scarce.h"
#include "parts.h"

#define NOON INT64_C(1790000000000) /* 2026-09-21T14:13:20Z */

static inline struct service *start(struct scratch *s)
{
    struct error e = {0};
    struct service *service = service_new(load_config(s), &clock_set, false, &e);
    if (!service)
        fail_msg("%s", e.text);
    return service;
}

/* A row that an earlier run left; tests change it as they like. */
struct left {
    char id[JOB_ID_SIZE], name[32], path[256];
    uint8_t sha256[STORE_HASH_SIZE];
    struct store_delivery deliveries[3];
    struct store_job job;
};

/* Completed, delivered to a and b, the n-th outcome of this instance, a second after noon for each. */
static inline struct store_job *left(struct scratch *s, struct left *l, unsigned n)
{
    *l = (struct left){0};
    int64_t at = NOON + 1000 * (int64_t)n;
    snprintf(l->id, sizeof l->id, "01990000-0000-7000-8000-%012x", n);
    snprintf(l->name, sizeof l->name, "t%u.json", n);
    snprintf(l->path, sizeof l->path, "%s/t%u.json", in(s, "under/0/RANK"), n);
    l->deliveries[0] = (struct store_delivery){"archive", "archive", DELIVERY_DONE, 0, 0, at, l->name, NULL};
    l->deliveries[1] = (struct store_delivery){"a", "to a", DELIVERY_DONE, 0, 0, at, l->name, NULL};
    l->deliveries[2] = (struct store_delivery){"b", "to b", DELIVERY_DONE, 0, 0, at, l->name, NULL};
    l->job = (struct store_job){.id = l->id,
                                .source = "ticket",
                                .phase = "PERIODIC",
                                .folder = "RANK",
                                .name = l->name,
                                .client = "RANK",
                                .category = "X",
                                .path = l->path,
                                .size = strlen(TICKET("RANK")),
                                .sha256 = l->sha256,
                                .claim = {1, n, at},
                                .status = STATUS_COMPLETED,
                                .created_ms = at,
                                .started_ms = at,
                                .completed_ms = at + 40,
                                .deliveries = l->deliveries,
                                .n_deliveries = 3,
                                .outcome = n};
    return &l->job;
}

static inline struct service *set_up(struct scratch *s)
{
    wall_now_ms = NOON;
    open_log(s);
    put_config(s, "[delivery]\ndurability = none\n[report]\nenabled = no\n", ROUTES_TWO);
    return start(s);
}

static inline struct service *start_again(struct scratch *s, struct service *service)
{
    service_free(service);
    return start(s);
}

/* One tick of the upkeep, and what it gives to the store is written. */
static inline void tick(struct service *service)
{
    upkeep_start(service->upkeep);
    storage_pump(&service->storage);
    while (!storage_idle(&service->storage) || service->storage.active)
        uv_run(&service->loop, UV_RUN_ONCE);
}

/* A store that could not be written is tried again after a pause. */
static inline void advance_until_written(struct service *service)
{
    for (int i = 0; i < 2 || service->storage.degraded || service->storage.notes; i++) {
        wait_cancel(&service->rt, &service->storage.again);
        tick(service);
    }
}

#define T(f)        cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
#define SWEEP_OF(f) cmocka_unit_test_setup_teardown(f, scratch_setup_in_memory, scratch_teardown)

#endif
