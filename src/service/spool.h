/* spool.h: jobs that were sent and accepted, and are not taken up yet: they wait for their time, or for a name or a place
 * in the queue.
 *
 * Each is two files in data/scheduled: ID.ticket, which becomes the ticket, and ID.job, which says what it is; with the
 * second the job is accepted. When it is due the ticket is moved, by one rename, into underprocess, as if we had claimed it
 * there from the hot folder: no other instance can take it up under another id. ID.job goes when the store knows that. A
 * crash at any moment leaves either a job that waits, or one whose ticket lies in underprocess and is known again (recall.h).
 * Instances share the folder, which is read again now and then: who is first moves the ticket, the others find it gone.
 * What is due is taken up by its priority (priority.h), which ID.job says.
 *
 * spool_write and spool_drop block; everything else: loop.
 */
#ifndef SHUNT_SERVICE_SPOOL_H
#define SHUNT_SERVICE_SPOOL_H

#include "shunt/base/hash.h"
#include "shunt/core/priority.h"
#include "shunt/service/service.h"

#define SPOOL_MAX 100000 /* jobs that wait */

enum spooled_state {
    SPOOLED_WRITING, /* or being taken back */
    SPOOLED_WAITING,
    SPOOLED_MOVING,
    SPOOLED_MOVED /* the store is about to know; until then its key is known here */
};

struct spooled {
    struct spool *spool;
    enum spooled_state state;
    struct record *record; /* what the store is told of it */
    char *path;            /* where its ticket will lie; NULL: not asked yet */
    int64_t run_at_ms;     /* 0: at once */
    enum priority priority;
    bool due;
    bool seen; /* something of its name lies in underprocess: a scan found it while this was being moved */
    int code;  /* of its move */
    struct store_claim claim;
    struct wait wait;
    struct spooled *next, *prev; /* in the queue of those that are due, or among those that are being moved */
    UT_hash_handle hh;           /* by id */
};

struct spool_meta; /* an ID.job that is to be removed */
struct spool_move;
struct spool_look;
struct spool_seen;

struct spool {
    struct service *service;
    char *path;
    struct spooled *table, *queue[PRIORITIES], *moving;
    unsigned turn; /* priority_next */
    size_t count, n_due;
    struct spool_meta *done;
    struct spool_move *active;
    struct spool_look *look; /* what others left: is being read */
    struct spool_seen *seen; /* what a look has read need not be read again; the worker's while there is a look */
    int64_t look_at_ms;
};

/* Makes the folder and takes up what waits there. Blocking, before the loop turns. After recall_load. */
struct spool *spool_new(struct service *s, struct error *e);
void spool_pump(struct spool *spool); /* once a turn */
/* A scan found this in underprocess. True: it may be a ticket that is being moved there; the spool hands it on itself. */
bool spool_moves(struct spool *spool, const char *folder, const char *name);
bool spool_idle(const struct spool *spool);
void spool_free(struct spool *spool); /* NULL is fine; after the storage is closed */

/* Keeps a place for a job that is to be written. Takes the record; NULL: no memory. */
struct spooled *spool_reserve(struct spool *spool, struct record *record, int64_t run_at_ms, enum priority priority);
void spool_give_up(struct spooled *job); /* it was not written */
void spool_enter(struct spooled *job);   /* it was */
/* Nothing is done with it any more until spool_enter, or spool_give_up. False: it is being moved. */
bool spool_hold(struct spooled *job);
struct spooled *spool_find(const struct spool *spool, const char *id);

struct spool_file {
    const struct store_job *row;
    int64_t run_at_ms;
    enum priority priority;
    const char *bytes;
    size_t len;
};
/* All or none; durable. */
int spool_write(const char *path, const struct spool_file *files, size_t count, unsigned mode, struct error *e);
/* Takes a job back. ERR_GONE: another instance was first. */
int spool_drop(const char *path, const char *id, struct error *e);

#endif
