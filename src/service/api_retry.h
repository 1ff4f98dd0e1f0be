/* api_retry.h: what the parts of "failed tickets are put back" share: a call, which goes on page by page. */
#ifndef SHUNT_SERVICE_API_RETRY_H
#define SHUNT_SERVICE_API_RETRY_H

#include "control_inner.h"
#include "putback.h"

struct page {
    json_t *jobs; /* borrows what the store told: */
    size_t count;
    struct putback *items;
    struct control_retry *told; /* got before anything is moved */
    size_t n_told;
    bool *expected;      /* of each item: recall knows of it by this call */
    struct record *past; /* what the store knows of its jobs */
};

struct retry_call {
    struct call call; /* first */
    json_t *body;     /* the filter's texts are its */
    json_t *ids;      /* NULL: by filter. Borrowed from the body */
    size_t next_id;
    struct store_filter filter;
    char *cursor;
    size_t limit;
    bool dry_run, reroute;
    int64_t failed_before_ms; /* of what is put back by itself, without a request */
    char who[WHO_MAX];
    json_t *retried, *refused;
    struct page page;
};

/* api_retry_request.c: what the body asks for; *e names what is wrong. */
int retry_read(struct retry_call *retry, struct error *e);

/* api_retry_page.c */
int retry_read_page(struct call *call, struct store *store, struct error *e); /* work request, a call's `run` */
/* What of these jobs can be tried becomes the page, what cannot is refused. Loop. False: no memory. */
bool retry_choose(struct retry_call *retry, json_t *jobs);
void retry_page_fini(struct page *page);
bool retry_refuse(struct retry_call *retry, json_t *id, json_t *file, const char *why); /* false: no memory */
size_t retry_told(const struct retry_call *retry); /* how many jobs the answer has */

#endif
