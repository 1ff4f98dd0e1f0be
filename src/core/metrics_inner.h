/* metrics_inner.h: what the metrics are made of, for metrics.c (counting) and metrics_text.c (telling) alone. */
#ifndef SHUNT_CORE_METRICS_INNER_H
#define SHUNT_CORE_METRICS_INNER_H

#include "shunt/base/hash.h"
#include "shunt/core/exposition.h"
#include "shunt/core/metrics.h"

#define METRICS_OTHERS "(others)"
#define HTTP_CLASSES   5 /* 1xx to 5xx */

/* First in what is counted by a label: its name and its place in the hash, where the names are in order. */
struct series {
    UT_hash_handle hh;
    const char *name; /* in the same block of memory */
};

struct client_series {
    struct series series; /* first */
    uint64_t taken, ended[TICKET_ENDS];
    struct histogram wait, whole;
};

struct destination_series {
    struct series series;       /* first */
    uint64_t delivered, failed; /* attempts */
    uint64_t ended[DELIVERY_ENDS];
    struct histogram attempt, delivery;
    struct destination_now now;
    bool is_there; /* now is told */
};

struct metrics {
    struct series *clients, *destinations;
    struct client_series other_clients;
    struct destination_series other_destinations;
    struct histogram take, settle, scan, store, turn;
    uint64_t scans[SCAN_ENDS], slow_scans;
    uint64_t store_failures, store_records, store_lost;
    uint64_t http[HTTP_CLASSES];
};

#endif
