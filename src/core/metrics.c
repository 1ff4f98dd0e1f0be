/* metrics.c: counting. What finds no memory or no room is counted under "(others)". */
#include <string.h>

#include "metrics_inner.h"

static int by_name(const struct series *a, const struct series *b)
{
    return strcmp(a->name, b->name);
}

/* The series of that name, made of `size` bytes where it is new; `others` where it cannot be had. */
static void *series_of(struct series **hash, void *others, const char *name, size_t size)
{
    char clean[LABEL_VALUE_MAX + 1];
    label_clean(name, clean);
    size_t len = strlen(clean);
    struct series *s;
    HASH_FIND(hh, *hash, clean, len, s);
    if (s)
        return s;
    if (HASH_COUNT(*hash) >= METRICS_LABELS_MAX || strcmp(clean, METRICS_OTHERS) == 0 ||
        !(s = mem_zalloc(size + len + 1)))
        return others;
    s->name = memcpy((char *)s + size, clean, len + 1);
    HASH_ADD_KEYPTR_INORDER(hh, *hash, s->name, len, s, by_name);
    if (hash_added(s))
        return s;
    mem_free(s);
    return others;
}

static void free_series(struct series **hash)
{
    struct series *s, *next;
    HASH_ITER (hh, *hash, s, next) {
        HASH_DEL(*hash, s);
        mem_free(s);
    }
}

static struct client_series *client_of(struct metrics *m, const char *name)
{
    return series_of(&m->clients, &m->other_clients, name, sizeof(struct client_series));
}

static struct destination_series *destination_of(struct metrics *m, const char *name)
{
    return series_of(&m->destinations, &m->other_destinations, name, sizeof(struct destination_series));
}

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(sizeof *m);
    if (m)
        m->other_clients.series.name = m->other_destinations.series.name = METRICS_OTHERS;
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    free_series(&m->clients);
    free_series(&m->destinations);
    mem_free(m);
}

void metrics_ticket_taken(struct metrics *m, const char *client, uint64_t wait_ns, uint64_t take_ns)
{
    struct client_series *c = client_of(m, client);
    c->taken++;
    histogram_add(&c->wait, wait_ns);
    histogram_add(&m->take, take_ns);
}

void metrics_ticket_ended(struct metrics *m, const char *client, enum ticket_end end, uint64_t settle_ns,
                          uint64_t whole_ns)
{
    struct client_series *c = client_of(m, client);
    c->ended[end]++;
    histogram_add(&c->whole, whole_ns);
    histogram_add(&m->settle, settle_ns);
}

void metrics_attempt(struct metrics *m, const char *destination, bool delivered, uint64_t ns)
{
    struct destination_series *d = destination_of(m, destination);
    *(delivered ? &d->delivered : &d->failed) += 1;
    histogram_add(&d->attempt, ns);
}

void metrics_delivery_ended(struct metrics *m, const char *destination, enum delivery_end end, uint64_t ns)
{
    struct destination_series *d = destination_of(m, destination);
    d->ended[end]++;
    if (end == DELIVERY_END_DELIVERED)
        histogram_add(&d->delivery, ns);
}

void metrics_scan(struct metrics *m, enum scan_end end, bool slow, uint64_t ns)
{
    m->scans[end]++;
    m->slow_scans += slow;
    if (end != SCAN_SKIPPED)
        histogram_add(&m->scan, ns);
}

void metrics_store_write(struct metrics *m, bool fine, size_t records, uint64_t ns)
{
    if (fine)
        m->store_records += records;
    else
        m->store_failures++;
    histogram_add(&m->store, ns);
}

void metrics_store_lost(struct metrics *m)
{
    m->store_lost++;
}

void metrics_turn(struct metrics *m, uint64_t ns)
{
    histogram_add(&m->turn, ns);
}

void metrics_http(struct metrics *m, unsigned status)
{
    if (status >= 100 && status / 100 <= HTTP_CLASSES)
        m->http[status / 100 - 1]++;
}

static void forget(struct destination_series *d)
{
    d->now = (struct destination_now){0};
    d->is_there = false;
}

void metrics_destinations_forget(struct metrics *m)
{
    for (struct series *s = m->destinations; s; s = s->hh.next)
        forget((struct destination_series *)s);
    forget(&m->other_destinations);
}

void metrics_destination_now(struct metrics *m, const char *name, const struct destination_now *now)
{
    struct destination_series *d = destination_of(m, name);
    d->is_there = true;
    d->now.in_hand += now->in_hand;
    d->now.queued += now->queued;
    d->now.requests += now->requests;
    d->now.hanging += now->hanging;
    d->now.down |= now->down;
    d->now.held |= now->held;
}
