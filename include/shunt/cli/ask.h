/* ask.h: the running service, asked over its control socket; where none runs, what can be read is read from the store.
 *
 * Happy way: ask_begin -> ask_list, ask_show, ask_get, ask_post -> ask_end. Of several instances the first that listens is
 * asked, unless said otherwise. a->answered: a service answered (also with an error). Blocking.
 *
 * Errors: ERR_GONE and not answered: none runs; ERR_GONE and answered, or from the store: there is no such thing;
 * ERR_CONFLICT: not in this state, or several fit; ERR_USAGE: it was asked wrongly; ERR_ACCESS, ERR_TIMEOUT, ERR_NETWORK.
 * Ownership: borrows config; JSON that comes out is the caller's. Thread: one.
 */
#ifndef SHUNT_CLI_ASK_H
#define SHUNT_CLI_ASK_H

#include "shunt/net/http_client.h"
#include "shunt/service/config.h"
#include "shunt/service/instance.h"
#include "shunt/store/store.h"

#define ASK_TIMEOUT_MS 60000

struct ask {
    const struct config *config;
    struct http_client *client; /* of `instance` */
    unsigned instance;
    unsigned timeout_ms;
    struct store *store; /* opened where no service answers */
    bool answered;
};

void ask_begin(struct ask *a, const struct config *config);
void ask_end(struct ask *a);

int ask_get(struct ask *a, const char *target, json_t **out, struct error *e);
/* body: borrowed, may be NULL. */
int ask_post(struct ask *a, const char *target, const json_t *body, json_t **out, struct error *e);
/* The same of each instance that listens, one after the other; the answer is the first good one. every: all must do it,
 * and the first that does not ends it; else the first that does ends it. */
int ask_post_all(struct ask *a, bool every, const char *target, json_t **out, struct error *e);

/* GET of a job by what a person wrote; never from the store. */
int ask_job(struct ask *a, const char *id, json_t **job, struct error *e);
/* The whole id of what a person wrote; as it is where the service knows no such job, since one that only just came is in
 * its hands but in no record. out: appended to. */
int ask_id(struct ask *a, const char *text, struct str *out, struct error *e);

/* From the service or, told once on standard error, the store. At most a page: {"jobs": [...], "next": ...}. */
int ask_list(struct ask *a, const struct store_filter *filter, json_t **page, struct error *e);
/* The newest messages of the outbox, likewise: [MESSAGE...] */
int ask_mail(struct ask *a, json_t **messages, struct error *e);
int ask_show(struct ask *a, const char *id, json_t **job, struct error *e);
/* Of a day (yyyymmdd), likewise; of today what there is so far. */
int ask_report(struct ask *a, int day, json_t **report, struct error *e);

#endif
