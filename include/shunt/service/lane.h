/* lane.h: making, finding and retiring the lanes of delivery.h: one for each destination as it is set, and the
 * archive's. Thread: loop. */
#ifndef SHUNT_SERVICE_LANE_H
#define SHUNT_SERVICE_LANE_H

#include <jansson.h>

#include "shunt/service/delivery.h"

/* instance: borrowed for the life of the lanes. Makes the archive's lane and adopts rt->routes. */
int lanes_init(struct delivery_lanes *lanes, struct runtime *rt, const struct instance *instance, struct error *e);
void lanes_fini(struct delivery_lanes *lanes);

/* Lanes for a new table: equal ones go on, others are made, those that are gone become stale. On error nothing has
 * changed. */
int lanes_adopt(struct delivery_lanes *lanes, struct routes *routes, struct error *e);
struct lane *lanes_of(const struct delivery_lanes *lanes, const struct routes *routes, size_t destination);

#define HELD_BY_MAX 64

struct held_name {
    struct held_name *next;
    int64_t since_ms;     /* wall time; 0: not known */
    char by[HELD_BY_MAX]; /* "": not known */
    char name[];
};

/* Held destinations are known by name: they stay so when a reload makes new lanes, and until a person releases them.
 * ERR_GONE: there is no such destination; ERR_NOMEM: nothing has changed. `once` delivers all the same. by: who holds it;
 * who held it first stays. */
int lanes_hold(struct delivery_lanes *lanes, const char *name, const char *by);
int lanes_release(struct delivery_lanes *lanes, const char *name);
const struct held_name *lanes_find_held(const struct delivery_lanes *lanes, const char *name); /* NULL: it is not */
json_t *lanes_held(const struct delivery_lanes *lanes);                /* ["name"...]; NULL: no memory */
bool lanes_know(const struct delivery_lanes *lanes, const char *name); /* a destination's, or of one that is held */
/* These (of holds_read) and no others, as other instances want it or an earlier run left it; what changes is logged.
 * ERR_NOMEM: some of it is done. */
int lanes_hold_only(struct delivery_lanes *lanes, const json_t *holds);

void lanes_retire(struct delivery_lanes *lanes); /* upkeep: frees tables and stale lanes that nobody needs */

#endif
