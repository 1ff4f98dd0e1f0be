/* stats.c: counting. No function here can fail: what finds no memory or no room is counted under "(others)". */
#include <string.h>

#include "stats_inner.h"

static void free_tallies(struct tally **hash)
{
    struct tally *t, *next;
    HASH_ITER (hh, *hash, t, next) {
        HASH_DEL(*hash, t);
        free_tallies(&t->categories);
        mem_free(t);
    }
}

void stats_clear(struct stats *s)
{
    free_tallies(&s->clients);
    free_tallies(&s->destinations);
    free_tallies(&s->other_clients.categories);
    *s = (struct stats){.date = s->date, .changes = s->changes};
}

struct stats *stats_new(int date)
{
    struct stats *s = mem_zalloc(sizeof *s);
    if (s)
        s->date = date;
    return s;
}

void stats_free(struct stats *s)
{
    if (!s)
        return;
    stats_clear(s);
    mem_free(s);
}

int stats_date(const struct stats *s)
{
    return s->date;
}

#define CLOCK_BACK_DAYS_MAX 1 /* further back, it is the day's date that was wrong */

/* Days since 1 March of the year 0 (proleptic Gregorian; months from March, so that leap days come last). */
static long day_number(int date)
{
    long year = date / 10000, month = date / 100 % 100, day = date % 100;
    if (month <= 2)
        year--;
    month = (month + 9) % 12;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
}

bool stats_turn(struct stats *s, int date, json_t **ended)
{
    *ended = NULL;
    long ahead = day_number(date) - day_number(s->date);
    if (ahead <= 0 && ahead >= -CLOCK_BACK_DAYS_MAX)
        return false;
    *ended = stats_to_json(s);
    if (!*ended)
        return false;
    stats_clear(s);
    s->date = date;
    return true;
}

void stats_clean(const char *text, char *out, size_t size)
{
    size_t len = text ? strlen(text) : 0;
    if (len == 0) {
        out[0] = '\0';
        return;
    }
    if (utf8_valid(text, len)) {
        len = utf8_cut(text, len, size - 1);
        memcpy(out, text, len);
    } else {
        len = len < size ? len : size - 1;
        for (size_t i = 0; i < len; i++)
            out[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    }
    out[len] = '\0';
}

static int by_name(const struct tally *a, const struct tally *b)
{
    return strcmp(a->name, b->name);
}

struct tally *stats_tally(struct tally **hash, const char *name)
{
    char clean[STATS_NAME_MAX + 1];
    stats_clean(name, clean, sizeof clean);
    size_t len = strlen(clean);
    struct tally *t;
    HASH_FIND(hh, *hash, clean, len, t);
    if (t || strcmp(clean, STATS_OTHERS) == 0 || HASH_COUNT(*hash) >= STATS_KEYS_MAX)
        return t;
    t = mem_zalloc(sizeof *t + len + 1);
    if (!t)
        return NULL;
    t->name = (char *)(t + 1);
    memcpy(t->name, clean, len + 1);
    HASH_ADD_KEYPTR_INORDER(hh, *hash, t->name, len, t, by_name);
    if (!hash_added(t)) {
        mem_free(t);
        return NULL;
    }
    return t;
}

uint64_t stats_client_tickets(const struct stats *s, const char *client)
{
    char clean[STATS_NAME_MAX + 1];
    struct tally *t;
    stats_clean(client, clean, sizeof clean);
    HASH_FIND(hh, s->clients, clean, strlen(clean), t);
    return t ? t->n[CLIENT_PROCESSED] + t->n[CLIENT_ERRORS] : 0;
}

struct tally *stats_client(struct stats *s, const char *name)
{
    struct tally *t = stats_tally(&s->clients, name);
    return t ? t : &s->other_clients;
}

struct tally *stats_destination(struct stats *s, const char *name)
{
    struct tally *t = stats_tally(&s->destinations, name);
    return t ? t : &s->other_destinations;
}

static void count_category(struct tally *client, const char *name)
{
    struct tally *t = stats_tally(&client->categories, name);
    if (t)
        t->n[CATEGORY_TICKETS]++;
    else
        client->other_categories++;
}

/* What is counted of a ticket whichever way it ended. */
static struct tally *count_outcome(struct stats *s, const struct stats_outcome *o)
{
    struct tally *client = stats_client(s, o->client);
    if (o->n_destinations > 0)
        client->n[CLIENT_ROUTED]++;
    if (o->celtra)
        client->n[CLIENT_CELTRA]++;
    if (o->category)
        count_category(client, o->category);
    for (size_t i = 0; i < o->n_destinations; i++)
        stats_destination(s, o->destinations[i])->n[DESTINATION_DELIVERED]++;
    s->changes++;
    return client;
}

static struct stats_hour *hour_of(struct stats *s, const struct stats_outcome *o)
{
    return &s->hours[(unsigned)o->hour % 24];
}

void stats_processed(struct stats *s, const struct stats_outcome *o)
{
    count_outcome(s, o)->n[CLIENT_PROCESSED]++;
    s->totals.processed++;
    s->totals.by_way[o->way]++;
    s->totals.total_ms += o->ms;
    hour_of(s, o)->processed++;
}

void stats_failed(struct stats *s, const struct stats_outcome *o, const char *file, const char *text, int64_t wall_ms)
{
    count_outcome(s, o)->n[CLIENT_ERRORS]++;
    s->totals.errors++;
    hour_of(s, o)->errors++;
    struct stats_error *error = &s->errors[s->n_errors++ % STATS_ERRORS_MAX];
    error->wall_ms = wall_ms;
    stats_clean(o->client, error->client, sizeof error->client);
    stats_clean(file, error->file, sizeof error->file);
    stats_clean(text, error->text, sizeof error->text);
}

void stats_delivery_failed(struct stats *s, const char *destination)
{
    stats_destination(s, destination)->n[DESTINATION_FAILED_ATTEMPTS]++;
    s->changes++;
}

void stats_retried(struct stats *s)
{
    s->totals.retries++;
    s->changes++;
}

void stats_delivered(struct stats *s, const struct stats_slow *d)
{
    size_t at = s->n_slowest;
    while (at > 0 && s->slowest[at - 1].ms < d->ms)
        at--;
    if (at == STATS_SLOWEST)
        return;
    s->n_slowest += s->n_slowest < STATS_SLOWEST;
    memmove(&s->slowest[at + 1], &s->slowest[at], (s->n_slowest - 1 - at) * sizeof s->slowest[0]);
    struct stats_kept_slow *kept = &s->slowest[at];
    kept->ms = d->ms;
    kept->wall_ms = d->wall_ms;
    stats_clean(d->client, kept->client, sizeof kept->client);
    stats_clean(d->file, kept->file, sizeof kept->file);
    stats_clean(d->destination, kept->destination, sizeof kept->destination);
}

void stats_batch(struct stats *s, size_t tickets)
{
    s->totals.batches++;
    s->totals.batch_tickets += tickets;
    s->changes++;
}

void stats_scan(struct stats *s, bool slow, double ms)
{
    s->totals.scans++;
    s->totals.scans_slow += slow;
    s->scan_ms += ms;
}

void stats_scan_skipped(struct stats *s)
{
    s->totals.scans_skipped++;
}

void stats_scan_timed_out(struct stats *s)
{
    s->totals.scans_timed_out++;
}

void stats_found_by_scan_only(struct stats *s, size_t n)
{
    if (n == 0)
        return;
    s->totals.scan_only += n;
    s->changes++;
}

const struct stats_totals *stats_totals_of(const struct stats *s)
{
    return &s->totals;
}

uint64_t stats_changes(const struct stats *s)
{
    return s->changes;
}

static uint64_t accounted(const struct ledger *l)
{
    return l->delivered + l->archived_only + l->failed + l->returned + l->waiting + l->in_work;
}

bool ledger_balances(const struct ledger *l, int64_t *difference)
{
    *difference = (int64_t)(l->taken - accounted(l));
    return *difference == 0;
}
