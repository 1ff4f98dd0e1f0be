/* jobs_inner.h: what jobs.c (the table and the states) shares with jobs_make.c (a job's memory) and jobs_tell.c (what is
 * said and counted of it). */
#ifndef SHUNT_SERVICE_JOBS_INNER_H
#define SHUNT_SERVICE_JOBS_INNER_H

#include <string.h>

#include "shunt/service/jobs.h"

/* A job for the item, which stands in no table yet and has taken nothing of it. NULL: no memory. */
struct job *job_make(struct jobs *jobs, const struct take_item *item, const struct routes *routes);
void job_take(struct job *job, struct take_item *item); /* what the item holds is the job's */
void job_free(struct job *job);                         /* it stands in no table any more */
void job_content_drop(struct job *job);                 /* the bytes; their hash and size stay */
/* It waits, or its original is no longer what was read: what was kept for speed goes. */
void job_rest(struct job *job);
static inline void job_write_key(char *key, const char *folder, const char *name)
{
    stpcpy(stpcpy(stpcpy(key, folder), "/"), name);
}

void job_tell_begun(const struct job *job);
void job_tell_delivered(const struct job *job, const struct delivery *d);
void job_tell_waiting(const struct job *job);
void job_tell_returned(const struct job *job);
void job_tell_done(const struct job *job); /* counted too */
void job_tell_failed(const struct job *job, const char *failed_path);
/* For the metrics. */
void job_count_ended(const struct job *job, enum job_state state);
void job_count_delivery(const struct delivery *d);
/* Why a job fails that was valid: its first delivery that is out of attempts; the reason file tells of all. */
void job_find_error(struct job *job);

#endif
