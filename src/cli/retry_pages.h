/* retry_pages.h: what failed is put back, for `retry` and `reset`: the service is asked for a page at a time, so that no
 * request lasts long. */
#ifndef SHUNT_CLI_RETRY_PAGES_H
#define SHUNT_CLI_RETRY_PAGES_H

#include "shunt/cli/ask.h"

struct retry_done {
    size_t retried, refused;
    bool more, interrupted;
};

/* Called with each answer of POST /api/v1/retry; 0, or a negative code with *e set. */
typedef int (*retry_page_cb)(void *user, const json_t *answer, struct error *e);

/* body: as the first request has it, without limit and place. Ctrl-C from here on waits for the end of a page: what is told is
 * what was done, also where it ends with an error. limit: SIZE_MAX: none. */
int retry_pages(struct ask *a, const json_t *body, size_t limit, retry_page_cb each, void *user,
                struct retry_done *done, struct error *e);

#endif
