/* question.h: what a job wants to know of the store before it goes on: was it delivered before (duplicate.h), is it one
 * that the store knows already (recall.h)?
 *
 * storage_ask -> the store's lane asks, after what was recorded before it -> `answer`, on the loop, once; with known
 * false where there is no answer to be had: the store is away or hangs. Thread: loop, but for `ask`, which runs in the
 * store's request and looks at nothing but the question.
 */
#ifndef SHUNT_SERVICE_QUESTION_H
#define SHUNT_SERVICE_QUESTION_H

#include "shunt/service/record.h"

struct question { /* who asks puts this first, in memory of mem_alloc */
    struct question *next;
    struct job *job;      /* waits; NULL: it goes on without */
    struct record *about; /* what it asks by, so that the job may go on while the store still reads. Owned */
    bool patient;         /* waits for the first try of a store that was locked at the start */
    bool read;
    int (*ask)(struct question *q, struct store *store, struct error *e);
    void (*answer)(struct question *q, struct job *job, bool known);
    void (*fini)(struct question *q); /* NULL: nothing more to free */
};

/* Of size bytes; asks by the job's folder, name, bytes and claim. NULL: no memory. */
void *question_new(struct job *job, size_t size);
void question_free(struct question *q);

/* For storage. */
struct question *questions_add(struct question *list, struct question *q); /* the list with it */
int questions_ask(struct question *list, struct store *store, struct error *e);
/* Each job hears of it, once. read: what the store said; false: there is no answer. */
void questions_let_go(struct question *list, bool read);
void questions_free(struct question *list);

#endif
