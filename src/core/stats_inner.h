/* stats_inner.h: what the statistics are made of, for stats.c (counting), stats_json.c and stats_text.c alone. */
#ifndef SHUNT_CORE_STATS_INNER_H
#define SHUNT_CORE_STATS_INNER_H

#include "shunt/base/error.h"
#include "shunt/base/hash.h"
#include "shunt/core/stats.h"

#define STATS_OTHERS   "(others)"
#define STATS_NAME_MAX 255

/* What the numbers of a tally count: */
enum { CLIENT_PROCESSED, CLIENT_ROUTED, CLIENT_CELTRA, CLIENT_ERRORS, TALLY_NUMBERS };
enum { DESTINATION_DELIVERED, DESTINATION_FAILED_ATTEMPTS };
enum { CATEGORY_TICKETS };

/* A name that is counted; in its hash the names are in order. Clients have categories. */
struct tally {
    UT_hash_handle hh;
    char *name; /* in the same block of memory */
    uint64_t n[TALLY_NUMBERS];
    struct tally *categories;
    uint64_t other_categories;
};

struct stats_hour {
    uint64_t processed, errors;
};

struct stats_error {
    int64_t wall_ms;
    char client[STATS_NAME_MAX + 1];
    char file[STATS_NAME_MAX + 1];
    char text[ERROR_TEXT_MAX];
};

struct stats_kept_slow {
    double ms;
    int64_t wall_ms;
    char client[STATS_NAME_MAX + 1];
    char file[STATS_NAME_MAX + 1];
    char destination[STATS_NAME_MAX + 1];
};

struct stats {
    int date;
    uint64_t changes;
    struct stats_totals totals;
    double scan_ms;
    struct tally *clients, *destinations;
    struct tally other_clients, other_destinations; /* beyond STATS_KEYS_MAX, or lost for want of memory */
    struct stats_hour hours[24];
    struct stats_error errors[STATS_ERRORS_MAX]; /* a ring: the newest is errors[(n_errors - 1) % STATS_ERRORS_MAX] */
    uint64_t n_errors;
    struct stats_kept_slow slowest[STATS_SLOWEST]; /* the slowest first */
    size_t n_slowest;
};

/* Finds or makes it. NULL: the name is STATS_OTHERS, or the hash is full, or there is no memory. */
struct tally *stats_tally(struct tally **hash, const char *name);
/* The tally, or the one of the others where there is none. */
struct tally *stats_client(struct stats *s, const char *name);
struct tally *stats_destination(struct stats *s, const char *name);
/* UTF-8, cut at size - 1 bytes: names and texts come from outside. NULL is "". */
void stats_clean(const char *text, char *out, size_t size);
void stats_clear(struct stats *s);

#endif
