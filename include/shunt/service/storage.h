/* storage.h: the service's lane to the store: everything that is written there, one request at a time.
 *
 * Happy way: storage_add (a record of a job), storage_ask (question.h) -> the turn's storage_pump hands all that
 * waits, records up to a batch, to a request -> committed, answered -> the jobs that waited for it go on (`recorded`).
 * What comes meanwhile waits for the next request, so that the busier we are the more jobs share a transaction.
 *
 * The store away, full, locked or hanging: routing goes on from the file system alone. Jobs do not wait for the store
 * any more, their records do, up to STORAGE_RECORDS_MAX, the newest of each job in place of its older one, and are written
 * when it is back; the state is told as degraded. A damaged store is set aside by opening it anew (store.h). Ended
 * days and alerts wait likewise, in their order, until they are written; a snapshot waits for the records that were
 * there before it, which it counts. Thread: loop; the store itself belongs to the request while one is in work.
 */
#ifndef SHUNT_SERVICE_STORAGE_H
#define SHUNT_SERVICE_STORAGE_H

#include "shunt/service/record.h"
#include "shunt/service/runtime.h"

#define STORAGE_RECORDS_MAX 50000 /* while the store is away */
#define STORAGE_NOTES_MAX   1000  /* likewise */

struct question;
struct storage_request;
struct storage_note;

/* Other work on the store, in its lane after the records. In its owner's struct, who keeps it until `done`. */
struct errand {
    int (*run)(struct errand *x, struct store *store, struct error *e); /* pool thread */
    void (*done)(struct errand *x, int rc); /* loop; rc: run's, or what kept it from being called */
    struct errand *next;
    int rc;
};

struct storage {
    struct runtime *rt;
    unsigned instance;
    struct store *store; /* NULL: could not be opened yet */
    struct record *queue, **tail;
    size_t queued;
    struct question *questions; /* to be asked */
    json_t *snapshot;           /* to be saved */
    size_t ahead;               /* records that were there before it */
    struct errand *errands;
    struct storage_note *notes;
    size_t n_notes;
    struct storage_request *active;
    struct wait hang; /* of the request */
    struct wait again;
    int64_t pause_ms;
    bool degraded;
    int64_t degraded_ms; /* since when, or when it was last */
    struct error why;
    uint64_t lost; /* records that found no room */
    bool retain;   /* what is too old is to leave */
    void (*recorded)(struct job *job);
    void (*matched)(void *user, const struct record *r); /* the store knew its ticket as another job's: r->was */
    void *user;
};

/* Opens the store. ERR_CONFIG: nobody can put that right but a person; other trouble is told and tried again. */
int storage_open(struct storage *st, struct runtime *rt, unsigned instance, struct error *e);
/* Takes the record (NULL is fine: there was no memory). True: job waits, `recorded` is called for it; or the
 * record's own `told` will be. */
bool storage_add(struct storage *st, struct record *r, struct job *job);
/* Takes the question, which is asked after what was recorded before it. False: there is no answer to be had, it stays
 * the caller's. A patient one is kept while a store that was locked at the start is tried once more: some seconds. */
bool storage_ask(struct storage *st, struct question *q);
void storage_save(struct storage *st, json_t *snapshot); /* takes the reference; replaces one that still waits */
/* An ended day: takes the reference, which nobody else has. An alert: copied, its kind is a constant. False: no memory, or
 * too many wait: to be asked again. */
bool storage_day(struct storage *st, json_t *day);
bool storage_report(struct storage *st, int date, json_t *report); /* likewise */
bool storage_alert(struct storage *st, const struct store_alert *alert, bool open);
void storage_retain(struct storage *st); /* what is too old leaves the store; also due when it is opened */
/* Errands that fail are the owner's to bring again. Of those that were not run at storage_close nothing is heard. */
void storage_do(struct storage *st, struct errand *x);
void storage_pump(struct storage *st);
bool storage_idle(const struct storage *st);             /* nothing in work, and nothing that could be written now */
size_t storage_unwritten(const struct storage *st);      /* records that a stop right now would lose */
void storage_last(struct storage *st, json_t *snapshot); /* takes the reference; blocking: what is left, once */
void storage_close(struct storage *st);

#endif
