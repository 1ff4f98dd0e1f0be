/* holds.h: which destinations are held, shared by all instances that work on the same hot folder.
 *
 * A held destination NAME has a file .held-NAME in underprocess, which says who holds it, and by its time since when. Those
 * instances share that folder whatever store each has; so a hold is obeyed also while the store is away, and outlives
 * restarts. What a person asks of one instance (holds_write, then lanes_hold) the others find within HOLDS_LOOK_MS and a
 * tick. Thread: loop, but for holds_write and holds_read, which block.
 */
#ifndef SHUNT_SERVICE_HOLDS_H
#define SHUNT_SERVICE_HOLDS_H

#include "shunt/io/work.h"
#include "shunt/service/delivery.h"

#define HOLDS_LOOK_MS 2000

struct holds {
    struct work work; /* first */
    struct delivery_lanes *lanes;
    int64_t next_ms;
    bool in_work, stale; /* stale: what is being read may be from before a change of ours */
    bool told;           /* that it cannot be read */
    json_t *holds;       /* that were read; NULL: they could not be */
    struct error error;
};

void holds_init(struct holds *h, struct delivery_lanes *lanes);
void holds_look(struct holds *h); /* with each tick */
void holds_changed(struct holds *h);
bool holds_idle(const struct holds *h);

/* Of a name that a destination can have. by: who holds it; NULL: it is released. */
int holds_write(const struct instance *instance, const char *name, const char *by, struct error *e);
int holds_read(const struct instance *instance, json_t **holds, struct error *e); /* {"NAME": {"by", "since_ms"}...} */

#endif
