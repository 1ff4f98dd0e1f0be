/* spool_inner.h: what the parts of the spool share: spool.c (the table and the queue), spool_move.c (tickets are moved and
 * the store is told), spool_look.c (what others left), spool_files.c (what lies on the disk). */
#ifndef SHUNT_SERVICE_SPOOL_INNER_H
#define SHUNT_SERVICE_SPOOL_INNER_H

#include "spool.h"

#define SPOOL_FILE_SIZE (JOB_ID_SIZE + 16)
#define SPOOL_LOOK_MS   10000 /* from one look at what others left to the next */

/* spool.c */
void spool_leave(struct spooled *job); /* it leaves the table, and is no more */
void spool_put_off(struct spooled *job, int64_t pause_ms);

/* spool_move.c */
struct spool_meta {
    struct spool_meta *next;
    struct spooled *job; /* stays in the table until the store knows of it; NULL: none */
    bool ready;          /* the store knows of the move */
    char id[JOB_ID_SIZE];
};
/* Where its ticket will lie. mem_free. */
char *spool_path_of(const struct service *s, const struct store_job *row);
/* From now on its ticket lies in underprocess. */
void spool_set_moved(struct spool *spool, struct record *record, const char *path, const struct store_claim *claim);
/* What recall is to know before the ticket is looked at, and what the store will be told. False: no memory, nothing is
 * known. */
bool spool_prepare(struct spool *spool, const struct record *record, struct record **told, struct spool_meta **meta);
/* Its ID.job goes when the store knows where the ticket is. Takes the record; job may be NULL. */
void spool_finish_later(struct spool *spool, struct record *record, struct spool_meta *meta, struct spooled *job);
int spool_forget(struct spool *spool, const char *id); /* its ID.job goes. 0, ERR_NOMEM */

/* spool_look.c */
struct spool_found;
void spool_look_again(struct spool *spool); /* where it is time */
void spool_forget_seen(struct spool *spool);
int spool_take_up(void *user, const struct spool_found *found); /* for spool_read, at the start; user: the spool */

/* spool_files.c */

void spool_file_name(const char *id, const char *ending, char out[SPOOL_FILE_SIZE]);

struct spool_found {
    struct record *record; /* what ID.job says */
    int64_t run_at_ms;
    enum priority priority;
    bool ticket; /* it is still there */
};

/* Calls each for every job in the folder but those that is_seen answers for (NULL: none); it takes the record. What is left
 * of a job that was never accepted is removed. Non-zero from each ends it. */
int spool_read(const char *path, bool (*is_seen)(void *user, const char *id),
               int (*each)(void *user, const struct spool_found *found), void *user, struct error *e);

/* The ticket to its place below `to` (held), whole and never over another: 0, ERR_BUSY (the name is taken), ERR_GONE
 * (another instance was first), others. */
int spool_move_one(int spool_fd, int to, const struct store_job *row, unsigned folder_mode, bool durable,
                   struct store_claim *claim, struct error *e);

#endif
