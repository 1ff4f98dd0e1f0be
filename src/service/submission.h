/* submission.h: what the body of a request says about jobs that are sent. Pure, but for random bytes, the look whether the
 * client's folder is there, and the files that jobs name. Thread: any; blocks.
 */
#ifndef SHUNT_SERVICE_SUBMISSION_H
#define SHUNT_SERVICE_SUBMISSION_H

#include "shunt/core/priority.h"
#include "shunt/service/config.h"
#include "shunt/service/record.h"

#define SUBMISSIONS_MAX 1000 /* in one request */
#define KEY_MAX         255  /* of Idempotency-Key */

struct spooled;

struct submission {
    struct error error;    /* code 0: accepted so far. ERR_USAGE: it is no job; others as acceptance_fail has them */
    struct record *record; /* pending */
    int64_t run_at_ms;     /* 0: at once */
    enum priority priority;
    const char *bytes; /* of the ticket as it was sent: borrowed from the body; of a file: by submission_load */
    size_t len;
    char *file; /* its ticket is this one below [http] files; NULL: it was sent along */
    char *loaded;
    enum job_status status;  /* of one that is known */
    bool known;              /* it was sent before under this key */
    struct spooled *spooled; /* the service's: its place is kept */
};

struct submission_context {
    const struct config *config;
    const struct clock *clock;
    const char *spool; /* where its ticket waits */
    const char *key;   /* NULL: none */
    const char *batch; /* NULL: none */
    const char *who;
    uint64_t files_left; /* bytes that the files of one request may have, all in all; set by submissions_read */
};

/* The items of an array, or the one object. 0, ERR_SYNTAX, ERR_USAGE, ERR_NOMEM. *items: mem_free after submission_fini. */
int submissions_read(const struct submission_context *c, bool many, const char *body, size_t len,
                     struct submission **items, size_t *count, struct error *e);
void submission_fini(struct submission *s);
/* Brings the ticket of a file into memory, as it was when the body was read. What fails is s->error, and returned. */
int submission_load(const struct config *c, struct submission *s);
void submission_unload(struct submission *s);
/* The file of a path that a stranger wrote, at most max bytes: its name and length into s, its hash, and what it says
 * (json_decref). ERR_BAD_FIELD, ERR_TOO_LARGE, ERR_BUSY (it is being written), or why the folder cannot be read. */
int submission_file_begin(const struct config *c, const char *path, uint64_t max, struct submission *s,
                          uint8_t hash[SHA256_SIZE], json_t **document, struct error *e);
/* The id that a key gives; index: in its batch, or -1. */
void submission_id(const char *key, const char *part, long index, char out[JOB_ID_SIZE]);
int submission_new_id(const struct clock *clock, char out[JOB_ID_SIZE], struct error *e); /* random */
/* What the story of the job says of the request that made it; the same for the same request. Part of `text`, or NULL. */
const char *submission_mark(const char *text);

#endif
