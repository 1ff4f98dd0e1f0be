/* due.h: what is due when: one list and, in service, one timer for every wait of the program. A binary heap of
 * intrusive entries. Answers "what is due" and "how long may I sleep"; the clock is an argument. Entries with the same
 * time come out in the order they went in. Ownership: entries belong to the caller and stay where they are while
 * listed. Thread: one. */
#ifndef SHUNT_CORE_DUE_H
#define SHUNT_CORE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_entry {
    int64_t at_ms;
    uint64_t order;
    size_t slot; /* place in the heap + 1; 0: not listed. Zero it before the first use */
};

struct due_list {
    struct due_entry **heap;
    size_t count, room;
    uint64_t order;
};

void due_init(struct due_list *d);
void due_fini(struct due_list *d);
int due_reserve(struct due_list *d, size_t more); /* the next so many due_add do not fail. 0 or ERR_NOMEM */
int due_add(struct due_list *d, struct due_entry *entry,
            int64_t at_ms);                                   /* moves it where it is listed already. 0 or ERR_NOMEM */
void due_remove(struct due_list *d, struct due_entry *entry); /* not listed: fine */
static inline bool due_listed(const struct due_entry *entry)
{
    return entry->slot != 0;
}
struct due_entry *due_pop(struct due_list *d, int64_t now_ms);  /* the earliest that is due, removed; NULL: none */
int64_t due_sleep_ms(const struct due_list *d, int64_t now_ms); /* 0 or more; -1: nothing listed */

#endif
