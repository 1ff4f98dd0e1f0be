/* submission.h: what the body of a request says about jobs that are sent. Pure, but for random bytes and the look whether
 * the client's folder is there. Thread: any.
 */
#ifndef SHUNT_SERVICE_SUBMISSION_H
#define SHUNT_SERVICE_SUBMISSION_H

#include "shunt/service/config.h"
#include "shunt/service/record.h"

#define SUBMISSIONS_MAX 1000 /* in one request */
#define KEY_MAX         255  /* of Idempotency-Key */

struct spooled;

struct submission {
    struct error error;    /* code 0: accepted so far. ERR_USAGE: it is no job; others as acceptance_fail has them */
    struct record *record; /* pending */
    int64_t run_at_ms;     /* 0: at once */
    const char *bytes;     /* of the ticket as it was sent: borrowed from the body */
    size_t len;
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
};

/* The items of an array, or the one object. 0, ERR_SYNTAX, ERR_USAGE, ERR_NOMEM. *items: mem_free after submission_fini. */
int submissions_read(const struct submission_context *c, bool many, const char *body, size_t len,
                     struct submission **items, size_t *count, struct error *e);
void submission_fini(struct submission *s);
/* The id that a key gives; index: in its batch, or -1. */
void submission_id(const char *key, const char *part, long index, char out[JOB_ID_SIZE]);
int submission_new_id(const struct clock *clock, char out[JOB_ID_SIZE], struct error *e); /* random */
/* What the story of the job says of the request that made it; the same for the same request. Part of `text`, or NULL. */
const char *submission_mark(const char *text);

/* The value of an object's member as it was written. The object is valid JSON. False: it has none of that plain name. */
bool json_member(const char *object, size_t len, const char *name, const char **value, size_t *value_len);
/* The first or next item of an array, likewise: *at begins behind the bracket. False: there are no more. */
bool json_item(const char **at, const char *end, const char **value, size_t *value_len);

#endif
