/* record.h: what the store is to know of a job, copied out of it in one piece, so that the job may go on or end while
 * it is written. Thread: made and freed on the loop, read by the store's request.
 */
#ifndef SHUNT_SERVICE_RECORD_H
#define SHUNT_SERVICE_RECORD_H

#include "shunt/service/jobs.h"
#include "shunt/store/store.h"

struct record {
    struct record *next, **link; /* in storage's queue: what points to it */
    struct job *owner;           /* whose newest it is: a newer one takes its place; NULL: nobody's */
    struct job *job;             /* waits until this is in the store; NULL: nobody does */
    void (*told)(void *user);    /* called when it is, or the store is away; NULL: nobody waits so */
    void *user;
    bool unsure;           /* the store may know its ticket as another job's (recall_match) */
    char was[JOB_ID_SIZE]; /* the id that it had, if it does */
    bool taken;            /* by the request that writes it */
    bool patient;          /* told is not called before it is in the store, however long that takes */
    struct store_job row;  /* points into what follows */
};

/* status: what the job is from now on. path: where its ticket lies then; NULL: as claimed. The job's events go over into
 * it. NULL: no memory. */
struct record *record_of(struct job *job, enum job_status status, const char *path);
struct record *record_copy(const struct store_job *row);
/* The newer one with the events of both; of very many the first and the newest stay. Both stay the caller's. NULL: no
 * memory. */
struct record *record_merged(const struct record *older, const struct record *newer);
void record_free(struct record *r);

struct stat;
struct store_claim record_claim(const struct stat *st); /* by which a file is known again */

#endif
