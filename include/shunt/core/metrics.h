/* metrics.h: what is counted and timed for Prometheus, since the start of the process.
 *
 * Counted on the loop thread only, by these functions only; none can fail. By client and by destination; beyond the
 * first METRICS_LABELS_MAX of each, or without memory, under "(others)". Durations are in nanoseconds of the caller's
 * clock. What the service holds right now is not here but asked of its parts when it is told (service/api_metrics.c),
 * except for destinations: several lanes may have one name, their numbers are added up here.
 */
#ifndef SHUNT_CORE_METRICS_H
#define SHUNT_CORE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/str.h"

#define METRICS_LABELS_MAX 200

struct metrics;
struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *m);

enum ticket_end {
    TICKET_END_DELIVERED,
    TICKET_END_ARCHIVED, /* only */
    TICKET_END_FAILED,
    TICKET_END_CANCELLED,
    TICKET_END_RETURNED,
    TICKET_ENDS
};
enum delivery_end {
    DELIVERY_END_DELIVERED,
    DELIVERY_END_FAILED,
    DELIVERY_END_CANCELLED,
    DELIVERY_END_RETURNED,
    DELIVERY_ENDS
};
enum scan_end { SCAN_COMPLETED, SCAN_TIMED_OUT, SCAN_SKIPPED, SCAN_ENDS };

/* wait_ns: from the file's last change to the look that took it; take_ns: from there to the job. */
void metrics_ticket_taken(struct metrics *m, const char *client, uint64_t wait_ns, uint64_t take_ns);
/* settle_ns: of its last act; whole_ns: since it was taken. */
void metrics_ticket_ended(struct metrics *m, const char *client, enum ticket_end end, uint64_t settle_ns,
                          uint64_t whole_ns);
void metrics_attempt(struct metrics *m, const char *destination, bool delivered, uint64_t ns);
void metrics_delivery_ended(struct metrics *m, const char *destination, enum delivery_end end, uint64_t ns);
void metrics_scan(struct metrics *m, enum scan_end end, bool slow,
                  uint64_t ns); /* ns of a skipped one: not looked at */
void metrics_store_write(struct metrics *m, bool fine, size_t records, uint64_t ns);
void metrics_store_lost(struct metrics *m); /* a record that found no room */
void metrics_turn(struct metrics *m, uint64_t ns);
void metrics_http(struct metrics *m, unsigned status);

struct destination_now {
    size_t in_hand, queued, requests, hanging;
    bool down, held;
};
void metrics_destinations_forget(struct metrics *m); /* before they are told anew */
void metrics_destination_now(struct metrics *m, const char *name, const struct destination_now *now);

/* Everything, in the text format of exposition.h. */
void metrics_text(const struct metrics *m, struct str *out);

#endif
