/* stats.h: the numbers of the local day, and the ledger.
 *
 * Counted on the loop thread only, by these functions only. Totals; by client (with categories), by destination, by
 * hour, by way; scans; the last errors; the slowest deliveries. To and from JSON (Jansson), so that the store keeps
 * them across a restart. A snapshot from another local date is not taken. Bounded: at most STATS_KEYS_MAX clients (and
 * destinations, and categories a client); the rest is counted under "(others)".
 *
 * Ledger (of the process's life, not the day's): taken = delivered + archived_only + failed + returned + waiting +
 * in_work, always.
 */
#ifndef SHUNT_CORE_STATS_H
#define SHUNT_CORE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "shunt/base/str.h"
#include "shunt/core/job.h"

#define STATS_KEYS_MAX   1000
#define STATS_ERRORS_MAX 10
#define STATS_SLOWEST    10

struct stats;
struct stats *stats_new(int date); /* yyyymmdd, local */
void stats_free(struct stats *s);
int stats_date(const struct stats *s);
/* True where date is after the day's: *ended takes the JSON of the whole day that ended (caller's reference), and the
 * counts start at zero. The day before the day's (the clock went back over midnight) turns nothing: a local date is
 * begun once. A date further back means that the clock had been wrong: the day turns back to it. Without memory for the
 * JSON nothing turns either: the next call does. */
bool stats_turn(struct stats *s, int date, json_t **ended);

struct stats_outcome {
    const char *client;   /* folder */
    const char *category; /* NULL: unknown */
    enum way way;
    int hour;                        /* local, 0-23 */
    double ms;                       /* from taken up to settled */
    const char *const *destinations; /* labels that it was delivered to, without the archive */
    size_t n_destinations;
    bool celtra; /* category CELTRA */
};
void stats_processed(struct stats *s, const struct stats_outcome *o);
void stats_failed(struct stats *s, const struct stats_outcome *o, const char *file, const char *text, int64_t wall_ms);
void stats_delivery_failed(struct stats *s, const char *destination); /* an attempt */
void stats_retried(struct stats *s);                                  /* it is to be tried again */
/* A delivery that is done. Of the day's only the STATS_SLOWEST that took longest are kept. */
struct stats_slow {
    const char *client, *file, *destination; /* destination: label */
    double ms;                               /* from taken up to delivered */
    int64_t wall_ms;
};
void stats_delivered(struct stats *s, const struct stats_slow *d);
void stats_batch(struct stats *s, size_t tickets);
void stats_scan(struct stats *s, bool slow, double ms);
void stats_scan_skipped(struct stats *s);
void stats_scan_timed_out(struct stats *s);
void stats_found_by_scan_only(struct stats *s, size_t n);

/* What was counted apart of the same day, after what s counts. */
void stats_add(struct stats *s, const struct stats *later);

struct stats_totals {
    /* processed: settled well, errors: failed; by_way and total_ms are of the processed */
    uint64_t processed, errors, batches, batch_tickets, by_way[WAYS];
    uint64_t scans, scans_skipped, scans_slow, scans_timed_out, scan_only;
    uint64_t retries; /* deliveries that failed and were to be tried again */
    double total_ms;
};
const struct stats_totals *stats_totals_of(const struct stats *s);
/* Of a client, whichever way they ended. */
uint64_t stats_client_tickets(const struct stats *s, const char *client);
uint64_t stats_changes(const struct stats *s); /* grows with all but scans: "is there news?" */

/* The success rate is rounded down: 100.0% means no error.
 * "Today: 51 processed (startup: 50) (periodic: 0), 1 errors, 98.0% success" */
void stats_line(const struct stats *s, struct str *out);
/* Everything, for SIGUSR1 and the end of the day: lines for people, '\n' between them */
void stats_text(const struct stats *s, struct str *out);
json_t *stats_to_json(const struct stats *s);          /* NULL: no memory */
int stats_from_json(struct stats *s, const json_t *j); /* 0; ERR_BAD_FIELD: not ours or damaged, s is unchanged;
                                                          ERR_CHANGED: of another date, s is unchanged */

struct ledger {
    uint64_t taken, delivered, archived_only, failed, returned;
    uint64_t waiting, in_work; /* now */
};
/* Does it balance? Where not, *difference = taken - the rest. */
bool ledger_balances(const struct ledger *l, int64_t *difference);
void ledger_text(const struct ledger *l, struct str *out);
struct ledger ledger_of(const json_t *l); /* as the snapshot tells it; NULL: all 0 */

#endif
