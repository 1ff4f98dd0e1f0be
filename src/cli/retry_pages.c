/* retry_pages.c: see retry_pages.h. */
#include "retry_pages.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "shunt/cli/table.h"

#define PAGE 100 /* tickets a request: also where a flush takes its time it is answered within seconds */

/* Of the ids that were given those of a page, from number `from` on. NULL: no memory. */
static json_t *some_ids(const json_t *ids, size_t from)
{
    json_t *some = json_array();
    for (size_t i = from; some && i < from + PAGE && i < json_array_size(ids); i++)
        if (json_array_append(some, json_array_get(ids, i)) != 0) {
            json_decref(some);
            return NULL;
        }
    return some;
}

static void hold_interrupts(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool is_interrupted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && sigismember(&set, SIGINT) == 1;
}

static void tell_progress(const struct retry_done *done, bool more)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (more)
        fprintf(stderr, "\r%zu so far, %zu refused", done->retried, done->refused);
    else
        fputs("\r\033[K", stderr);
}

/* What is asked for, from where the page before ended. */
static json_t *page_body(const json_t *body, size_t left, size_t next_id, const char *next)
{
    json_t *page = json_copy((json_t *)(uintptr_t)body);
    const json_t *ids = json_object_get(body, "ids");
    int rc = json_object_set_new(page, "limit", json_integer((json_int_t)(left < PAGE ? left : PAGE)));
    rc = rc == 0 && ids ? json_object_set_new(page, "ids", some_ids(ids, next_id)) : rc;
    rc = rc == 0 && next ? json_object_set_new(page, "before", json_string(next)) : rc;
    if (rc == 0)
        return page;
    json_decref(page);
    return NULL;
}

static int ask_page(struct ask *a, json_t *page, json_t **answer, struct error *e)
{
    int rc = page ? ask_post(a, "/api/v1/retry", page, answer, e) : error_set(e, ERR_NOMEM, "out of memory");
    json_decref(page);
    if (rc == 0 &&
        (!json_is_array(json_object_get(*answer, "retried")) || !json_is_array(json_object_get(*answer, "refused"))))
        rc = error_set(e, ERR_NETWORK, "the service's answer is not understood");
    return rc;
}

int retry_pages(struct ask *a, const json_t *body, size_t limit, retry_page_cb each, void *user,
                struct retry_done *done, struct error *e)
{
    const size_t n_ids = json_array_size(json_object_get(body, "ids"));
    size_t next_id = 0;
    json_t *answer = NULL;
    int rc = 0;
    *done = (struct retry_done){0};
    hold_interrupts();
    for (bool go_on = true; go_on;) {
        json_t *page = page_body(body, limit - done->retried - done->refused, next_id, text_in(answer, "next"));
        json_decref(answer);
        answer = NULL;
        rc = ask_page(a, page, &answer, e);
        rc = rc ? rc : each(user, answer, e);
        if (rc != 0)
            break;
        done->retried += json_array_size(json_object_get(answer, "retried"));
        done->refused += json_array_size(json_object_get(answer, "refused"));
        next_id += PAGE;
        done->more = json_is_true(json_object_get(answer, "more")) || next_id < n_ids;
        done->interrupted = done->more && is_interrupted();
        go_on = done->retried + done->refused < limit && !done->interrupted &&
                (n_ids > 0 ? next_id < n_ids : text_in(answer, "next") != NULL);
        tell_progress(done, go_on);
    }
    if (rc != 0)
        tell_progress(done, false);
    json_decref(answer);
    return rc;
}
