/* api_mail.c: the outbox, for people: what waits to be sent and what was sent lately. */
#include <string.h>

#include "shunt/base/mem.h"

#include "control_inner.h"

struct mail_call {
    struct call call; /* first */
    unsigned states;
    size_t limit;
};

static int read_outbox(struct call *call, struct store *store, struct error *e)
{
    const struct mail_call *asked = (struct mail_call *)call;
    json_t *list = NULL;
    int rc = store ? store_outbox_list(store, asked->states, asked->limit, &list, e) : 0;
    if (rc != 0)
        return rc;
    call->result = json_pack("{s:o}", "messages", list ? list : json_array());
    return call->result ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

static int state_of(const char *text, unsigned *out, struct error *e)
{
    for (enum outbox_state state = 0; text && state < OUTBOX_STATES; state++)
        if (strcmp(text, outbox_state_word(state)) == 0)
            *out = 1u << state;
    return !text || *out ? 0 : error_set(e, ERR_USAGE, "state: %s is none of waiting, sent, failed, expired", text);
}

void api_mail(struct http_request *request, void *context)
{
    struct control *c = context;
    struct error e = {0};
    unsigned states = 0;
    size_t limit = 50;
    if (state_of(http_request_query(request, "state"), &states, &e) != 0 ||
        api_limit(http_request_query(request, "limit"), &limit, &e) != 0) {
        http_respond_problem(request, 400, "%s", e.text);
        return;
    }
    struct mail_call *asked = call_new(c, request, sizeof *asked);
    if (!asked)
        return;
    asked->states = states;
    asked->limit = limit;
    asked->call.run = read_outbox;
    asked->call.done = api_result;
    call_begin_or_refuse(&asked->call, &c->reads);
}
