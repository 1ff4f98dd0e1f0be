/* lane.h: making, finding and retiring the lanes of delivery.h: one for each destination as it is set, and the
 * archive's. Thread: loop. */
#ifndef SHUNT_SERVICE_LANE_H
#define SHUNT_SERVICE_LANE_H

#include "shunt/service/delivery.h"

/* instance: borrowed for the life of the lanes. Makes the archive's lane and adopts rt->routes. */
int lanes_init(struct delivery_lanes *lanes, struct runtime *rt, const struct instance *instance, struct error *e);
void lanes_fini(struct delivery_lanes *lanes);

/* Lanes for a new table: equal ones go on, others are made, those that are gone become stale. On error nothing has
 * changed. */
int lanes_adopt(struct delivery_lanes *lanes, struct routes *routes, struct error *e);
struct lane *lanes_of(const struct delivery_lanes *lanes, const struct routes *routes, size_t destination);
void lanes_retire(struct delivery_lanes *lanes); /* upkeep: frees tables and stale lanes that nobody needs */

#endif
