/* stats_text.c: statistics and ledger in lines for people. Out of memory is the string's to tell. */
#include <inttypes.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/core/json_get.h"

#include "stats_inner.h"

/* In tenths of a percent and rounded down, so that 100.0% means that there was no error. */
static unsigned success_permille(const struct stats_totals *t)
{
    uint64_t all = t->processed + t->errors;
    return all == 0 ? 1000 : (unsigned)((double)t->processed * 1000 / (double)all);
}

void stats_line(const struct stats *s, struct str *out)
{
    const struct stats_totals *t = &s->totals;
    unsigned success = success_permille(t);
    str_printf(out,
               "Today: %" PRIu64 " processed (startup: %" PRIu64 ") (periodic: %" PRIu64 "), %" PRIu64
               " errors, %u.%u%% success",
               t->processed, t->by_way[WAY_STARTUP], t->by_way[WAY_PERIODIC], t->errors, success / 10, success % 10);
}

static void put_name(struct str *out, const char *name)
{
    str_plain(out, name, strlen(name));
}

static double average(double sum, uint64_t n)
{
    return n == 0 ? 0 : sum / (double)n;
}

static void put_totals(const struct stats *s, struct str *out)
{
    const struct stats_totals *t = &s->totals;
    str_printf(out, "\nBy way: startup %" PRIu64 ", realtime %" PRIu64 ", periodic %" PRIu64 ", once %" PRIu64,
               t->by_way[WAY_STARTUP], t->by_way[WAY_REALTIME], t->by_way[WAY_PERIODIC], t->by_way[WAY_ONCE]);
    str_printf(out, "\nBatches: %" PRIu64 ", on average %.1f tickets; a ticket took %.2fs on average", t->batches,
               average((double)t->batch_tickets, t->batches), average(t->total_ms, t->processed) / 1000);
    str_printf(out,
               "\nScans: %" PRIu64 " completed (%.2fs on average), %" PRIu64 " skipped, %" PRIu64 " slow, %" PRIu64
               " timed out; %" PRIu64 " tickets that only a scan found",
               t->scans, average(s->scan_ms, t->scans) / 1000, t->scans_skipped, t->scans_slow, t->scans_timed_out,
               t->scan_only);
}

static void put_client(const struct tally *t, const char *name, struct str *out)
{
    str_puts(out, "\nClient ");
    put_name(out, name);
    str_printf(out, ": %" PRIu64 " processed, %" PRIu64 " routed, %" PRIu64 " Celtra, %" PRIu64 " errors",
               t->n[CLIENT_PROCESSED], t->n[CLIENT_ROUTED], t->n[CLIENT_CELTRA], t->n[CLIENT_ERRORS]);
    const char *before = "; categories: ";
    for (const struct tally *c = t->categories; c; c = c->hh.next) {
        str_puts(out, before);
        put_name(out, c->name);
        str_printf(out, " %" PRIu64, c->n[CATEGORY_TICKETS]);
        before = ", ";
    }
    if (t->other_categories > 0)
        str_printf(out, "%s%s %" PRIu64, before, STATS_OTHERS, t->other_categories);
}

static bool is_counted(const struct tally *t)
{
    for (size_t i = 0; i < TALLY_NUMBERS; i++)
        if (t->n[i] > 0)
            return true;
    return false;
}

static void put_destination(const struct tally *t, const char *name, struct str *out)
{
    str_puts(out, "\nDestination ");
    put_name(out, name);
    str_printf(out, ": %" PRIu64 " delivered, %" PRIu64 " failed attempts", t->n[DESTINATION_DELIVERED],
               t->n[DESTINATION_FAILED_ATTEMPTS]);
}

static void put_errors(const struct stats *s, struct str *out)
{
    uint64_t n = s->n_errors < STATS_ERRORS_MAX ? s->n_errors : STATS_ERRORS_MAX;
    for (uint64_t i = s->n_errors - n; i < s->n_errors; i++) {
        const struct stats_error *error = &s->errors[i % STATS_ERRORS_MAX];
        char when[CLOCK_STAMP_MAX];
        clock_plain(error->wall_ms, when);
        str_printf(out, "\nError %s ", when);
        put_name(out, error->client);
        str_putc(out, '/');
        put_name(out, error->file);
        str_puts(out, ": ");
        put_name(out, error->text);
    }
}

void stats_text(const struct stats *s, struct str *out)
{
    str_printf(out, "Statistics of %04d-%02d-%02d\n", s->date / 10000, s->date / 100 % 100, s->date % 100);
    stats_line(s, out);
    put_totals(s, out);
    for (const struct tally *t = s->clients; t; t = t->hh.next)
        put_client(t, t->name, out);
    if (is_counted(&s->other_clients))
        put_client(&s->other_clients, STATS_OTHERS, out);
    for (const struct tally *t = s->destinations; t; t = t->hh.next)
        put_destination(t, t->name, out);
    if (is_counted(&s->other_destinations))
        put_destination(&s->other_destinations, STATS_OTHERS, out);
    for (int hour = 0; hour < 24; hour++)
        if (s->hours[hour].processed + s->hours[hour].errors > 0)
            str_printf(out, "\nHour %02d: %" PRIu64 " processed, %" PRIu64 " errors", hour, s->hours[hour].processed,
                       s->hours[hour].errors);
    put_errors(s, out);
}

struct ledger ledger_of(const json_t *l)
{
    return (struct ledger){.taken = (uint64_t)json_number_of(l, "taken"),
                           .delivered = (uint64_t)json_number_of(l, "delivered"),
                           .archived_only = (uint64_t)json_number_of(l, "archived_only"),
                           .failed = (uint64_t)json_number_of(l, "failed"),
                           .returned = (uint64_t)json_number_of(l, "returned"),
                           .waiting = (uint64_t)json_number_of(l, "waiting"),
                           .in_work = (uint64_t)json_number_of(l, "in_work")};
}

void ledger_text(const struct ledger *l, struct str *out)
{
    int64_t difference;
    bool balances = ledger_balances(l, &difference);
    str_printf(out,
               "%" PRIu64 " taken %s %" PRIu64 " delivered + %" PRIu64 " archived only + %" PRIu64 " failed + %" PRIu64
               " returned + %" PRIu64 " waiting + %" PRIu64 " in work",
               l->taken, balances ? "=" : "is not", l->delivered, l->archived_only, l->failed, l->returned, l->waiting,
               l->in_work);
    if (!balances)
        str_printf(out, " (difference %" PRId64 ")", difference);
}
