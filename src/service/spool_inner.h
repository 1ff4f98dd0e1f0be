/* spool_inner.h: what spool.c (the table and the queue) shares with spool_files.c (what lies on the disk). */
#ifndef SHUNT_SERVICE_SPOOL_INNER_H
#define SHUNT_SERVICE_SPOOL_INNER_H

#include "spool.h"

#define SPOOL_FILE_SIZE (JOB_ID_SIZE + 16)

void spool_file_name(const char *id, const char *ending, char out[SPOOL_FILE_SIZE]);

struct spool_found {
    struct record *record; /* what ID.job says */
    int64_t run_at_ms;
    bool ticket; /* it is still there */
};

/* Calls each for every job in the folder; it takes the record. What is left of a job that was never accepted is removed.
 * Non-zero from each ends it. */
int spool_read(const char *path, int (*each)(void *user, const struct spool_found *found), void *user, struct error *e);

/* The ticket to its place below `to` (held), whole and never over another: 0, ERR_BUSY (the name is taken), ERR_GONE
 * (another instance was first), others. */
int spool_move_one(int spool_fd, int to, const struct store_job *row, unsigned folder_mode, bool durable,
                   struct store_claim *claim, struct error *e);

#endif
