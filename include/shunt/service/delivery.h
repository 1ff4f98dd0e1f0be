/* delivery.h: destinations at work: one lane each, with its queue, its limit of requests at once, its breaker and its
 * retries.
 *
 * Happy way: lanes_enqueue -> lanes_pump hands up to batch_size deliveries to the driver -> results -> jobs_delivery_to
 * / jobs_advance. A failure is transient (tried again after a pause, within [retry] attempts; the archive without
 * limit), invalid (failed at once), or of our own resources (tried again, not counted). Failures in a row open the
 * breaker: the lane's deliveries wait, without an attempt being counted, until a probe succeeds. A request that takes
 * longer than [delivery] hang marks the lane: it keeps its own threads, nothing else goes there until it returns. A
 * A person may hold a destination: what is in hand ends, all else waits, without an attempt being counted. A
 * lane belongs to what a destination *is* (its settings); a reload that alters a destination makes a new lane, the old
 * one lives until its jobs have ended. Thread: loop.
 */
#ifndef SHUNT_SERVICE_DELIVERY_H
#define SHUNT_SERVICE_DELIVERY_H

#include "shunt/core/retry.h"
#include "shunt/service/destination.h"
#include "shunt/service/instance.h"
#include "shunt/service/jobs.h"

struct lane {
    struct delivery_lanes *lanes;
    const struct destination_driver *driver;
    struct place place; /* strings owned by the lane */
    char *name, *label;
    bool is_archive;
    bool tells_attempts; /* people are told of each that fails */
    unsigned concurrency;
    struct retry_policy retry;
    struct breaker_policy breaker_policy;
    struct breaker breaker;
    struct error trouble; /* of the last failure that was the place's */
    struct wait probe;    /* when the breaker lets one through */
    struct delivery *queue;
    size_t queued;
    unsigned active;              /* requests */
    unsigned hanging;             /* of them longer than [delivery] hang */
    size_t deliveries;            /* that belong here, in whatever state */
    size_t ended;                 /* of them done or failed, while their jobs go on */
    uint64_t delivered, failures; /* since start */
    bool links;                   /* its last delivery was the claimed file itself, not a copy */
    bool held;                    /* by a person: its deliveries wait until it is released */
    int64_t down_ms, next_try_ms; /* wall time, while the breaker is not closed: since when, and the next probe */
    struct lane *next;
};

struct held_name; /* lane.h */
struct lane_map;  /* which lane a table's destination number means; kept as long as anybody holds the table */

struct delivery_lanes {
    struct runtime *rt;
    const struct instance *instance;
    struct lane *lanes;
    struct lane *archive;
    struct lane_map *maps;
    struct held_name *held; /* by name, also of destinations that no table has now */
    unsigned active, limit; /* requests of all lanes but the archive's */
};

void lanes_enqueue(struct delivery *d); /* state QUEUED, or WAITING where the breaker is not closed */
void lanes_dequeue(struct delivery *d); /* it is not to be tried any more */
void lanes_leave(struct delivery *d);   /* the job ends: the lane forgets the delivery */
void lane_set_held(struct lane *lane, bool held);
void lanes_pump(struct delivery_lanes *lanes);
bool lanes_idle(const struct delivery_lanes *lanes); /* nothing queued that may start, nothing active */

#endif
