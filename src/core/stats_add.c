/* stats_add.c: two parts of a day are one. Cannot fail, as counting cannot. */
#include <string.h>

#include "stats_inner.h"

static void add_tally(struct tally *to, const struct tally *from)
{
    for (size_t i = 0; i < TALLY_NUMBERS; i++)
        to->n[i] += from->n[i];
    to->other_categories += from->other_categories;
    for (const struct tally *t = from->categories; t; t = t->hh.next) {
        struct tally *own = stats_tally(&to->categories, t->name);
        *(own ? &own->n[CATEGORY_TICKETS] : &to->other_categories) += t->n[CATEGORY_TICKETS];
    }
}

static void add_totals(struct stats_totals *to, const struct stats_totals *from)
{
    to->processed += from->processed;
    to->errors += from->errors;
    to->batches += from->batches;
    to->batch_tickets += from->batch_tickets;
    for (size_t i = 0; i < WAYS; i++)
        to->by_way[i] += from->by_way[i];
    to->scans += from->scans;
    to->scans_skipped += from->scans_skipped;
    to->scans_slow += from->scans_slow;
    to->scans_timed_out += from->scans_timed_out;
    to->scan_only += from->scan_only;
    to->retries += from->retries;
    to->total_ms += from->total_ms;
}

static void add_errors(struct stats *to, const struct stats *from)
{
    uint64_t n = from->n_errors < STATS_ERRORS_MAX ? from->n_errors : STATS_ERRORS_MAX;
    for (uint64_t i = from->n_errors - n; i < from->n_errors; i++)
        to->errors[to->n_errors++ % STATS_ERRORS_MAX] = from->errors[i % STATS_ERRORS_MAX];
}

static void add_slowest(struct stats *to, const struct stats *from)
{
    for (size_t i = 0; i < from->n_slowest; i++) {
        const struct stats_kept_slow *kept = &from->slowest[i];
        const struct stats_slow one = {.client = kept->client,
                                       .file = kept->file,
                                       .destination = kept->destination,
                                       .ms = kept->ms,
                                       .wall_ms = kept->wall_ms};
        stats_delivered(to, &one);
    }
}

void stats_add(struct stats *s, const struct stats *later)
{
    add_totals(&s->totals, &later->totals);
    s->scan_ms += later->scan_ms;
    for (const struct tally *t = later->clients; t; t = t->hh.next)
        add_tally(stats_client(s, t->name), t);
    add_tally(&s->other_clients, &later->other_clients);
    for (const struct tally *t = later->destinations; t; t = t->hh.next)
        add_tally(stats_destination(s, t->name), t);
    add_tally(&s->other_destinations, &later->other_destinations);
    for (size_t i = 0; i < 24; i++) {
        s->hours[i].processed += later->hours[i].processed;
        s->hours[i].errors += later->hours[i].errors;
    }
    add_errors(s, later);
    add_slowest(s, later);
    s->changes += later->changes + 1;
}
