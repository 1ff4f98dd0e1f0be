/* work.c: uv_queue_work with a pure function on one side and its end on the loop on the other. Nothing here allocates.
 * The only failure is a submit that libuv refuses; a request is never cancelled, so `done` always follows `run`. */
#include "shunt/io/work.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 1024 /* libuv's own limit */

static struct work *work_of(uv_work_t *req)
{
    return (struct work *)(void *)((char *)req - offsetof(struct work, req));
}

static void on_run(uv_work_t *req)
{
    struct work *work = work_of(req);
    work->run(work);
}

static void on_done(uv_work_t *req, int status)
{
    struct work *work = work_of(req);
    assert(status == 0);
    (void)status;
    work->done(work);
}

int work_set_threads(unsigned threads)
{
    if (threads == 0 || threads > THREADS_MAX)
        return ERR_USAGE;
    char text[16];
    snprintf(text, sizeof text, "%u", threads);
    if (setenv("UV_THREADPOOL_SIZE", text, 1) != 0)
        return error_from_errno(errno);
    return 0;
}

int work_submit(uv_loop_t *loop, struct work *work, void (*run)(struct work *), void (*done)(struct work *))
{
    work->run = run;
    work->done = done;
    int rc = uv_queue_work(loop, &work->req, on_run, on_done);
    return rc == 0 ? 0 : error_from_errno(-rc);
}
