/* work.h: blocking work off the loop: a pure function of an input that it owns to a result that it fills.
 *
 * Contract, as libuv's for requests: non-zero from work_submit = neither function is called; zero = `run` once on a
 * pool thread, then `done` once on the loop, never from inside work_submit. The request lies in the caller's struct and
 * stays there until `done`. The pool's size is UV_THREADPOOL_SIZE, set by work_set_threads before the pool's first use.
 * Who submits limits itself: nothing is to wait in libuv's own queue, so that a request that hangs costs its own thread
 * and nobody else's. Thread: loop.
 */
#ifndef SHUNT_IO_WORK_H
#define SHUNT_IO_WORK_H

#include <uv.h>

#include "shunt/base/error.h"

struct work {
    uv_work_t req;
    void (*run)(struct work *work);  /* pool thread */
    void (*done)(struct work *work); /* loop; may free what holds `work` */
};

int work_set_threads(unsigned threads); /* before the first work_submit of the process */
int work_submit(uv_loop_t *loop, struct work *work, void (*run)(struct work *), void (*done)(struct work *));

#endif
