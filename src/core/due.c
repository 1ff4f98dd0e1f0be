/* due.c: a binary heap of intrusive entries, ordered by time and then by the order of adding. An entry knows its
 * place in the heap, so that it can be moved or removed without a search. Only due_reserve and so due_add can
 * fail, and then they change nothing. */
#include "shunt/core/due.h"

#include "shunt/base/error.h"
#include "shunt/base/mem.h"

#define DUE_ROOM_FIRST 64

void due_init(struct due_list *d)
{
    *d = (struct due_list){0};
}

void due_fini(struct due_list *d)
{
    for (size_t i = 0; i < d->count; i++)
        d->heap[i]->slot = 0;
    mem_free(d->heap);
    due_init(d);
}

static bool earlier(const struct due_entry *a, const struct due_entry *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void put(struct due_list *d, size_t at, struct due_entry *entry)
{
    d->heap[at] = entry;
    entry->slot = at + 1;
}

static void rise(struct due_list *d, size_t at, struct due_entry *entry)
{
    while (at > 0 && earlier(entry, d->heap[(at - 1) / 2])) {
        put(d, at, d->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(d, at, entry);
}

static void sink(struct due_list *d, size_t at, struct due_entry *entry)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= d->count)
            break;
        if (child + 1 < d->count && earlier(d->heap[child + 1], d->heap[child]))
            child++;
        if (earlier(entry, d->heap[child]))
            break;
        put(d, at, d->heap[child]);
        at = child;
    }
    put(d, at, entry);
}

/* The entry belongs at this place or above or below it. */
static void settle(struct due_list *d, size_t at, struct due_entry *entry)
{
    if (at > 0 && earlier(entry, d->heap[(at - 1) / 2]))
        rise(d, at, entry);
    else
        sink(d, at, entry);
}

int due_reserve(struct due_list *d, size_t more)
{
    if (d->room - d->count >= more)
        return 0;
    size_t room = d->room ? 2 * d->room : DUE_ROOM_FIRST;
    while (room - d->count < more)
        room *= 2;
    struct due_entry **heap = mem_resize(d->heap, room * sizeof *heap);
    if (!heap)
        return ERR_NOMEM;
    d->heap = heap;
    d->room = room;
    return 0;
}

int due_add(struct due_list *d, struct due_entry *entry, int64_t at_ms)
{
    if (!due_listed(entry) && due_reserve(d, 1) != 0)
        return ERR_NOMEM;
    entry->at_ms = at_ms;
    entry->order = d->order++;
    if (due_listed(entry))
        settle(d, entry->slot - 1, entry);
    else
        rise(d, d->count++, entry);
    return 0;
}

void due_remove(struct due_list *d, struct due_entry *entry)
{
    if (!due_listed(entry))
        return;
    size_t at = entry->slot - 1;
    entry->slot = 0;
    struct due_entry *last = d->heap[--d->count];
    if (last != entry)
        settle(d, at, last);
}

struct due_entry *due_pop(struct due_list *d, int64_t now_ms)
{
    if (d->count == 0 || d->heap[0]->at_ms > now_ms)
        return NULL;
    struct due_entry *entry = d->heap[0];
    due_remove(d, entry);
    return entry;
}

int64_t due_sleep_ms(const struct due_list *d, int64_t now_ms)
{
    if (d->count == 0)
        return -1;
    return d->heap[0]->at_ms > now_ms ? d->heap[0]->at_ms - now_ms : 0;
}
