/* scarce.h: memory that runs out when a test says so: ours, Jansson's, yajl's (which is ours) and, where uv.h was
 * included before, libuv's.
 *
 *     SCARCE_SWEEP (n) {
 *         scarce_begin(n, 1);
 *         int rc = operation();
 *         bool hit = scarce_end();
 *         assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
 *     }
 *
 * runs the body with n = 1, 2, ... until a run meets no failure any more, which is the last. What leaks is told by the
 * sanitizer. Allocations of all threads count; outside of begin and end all are fine.
 *
 * Not failed: libuv's realloc. libuv 1.44.2 needs it only for the table of the loop's descriptors, while a loop is made
 * and while it is given its first ones to watch, and calls abort() where it fails. Its other allocations answer
 * UV_ENOMEM. */
#ifndef SHUNT_TEST_SCARCE_H
#define SHUNT_TEST_SCARCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "shunt/base/mem.h"

#define SCARCE_RUNS_MAX 20000
#define SCARCE_FOR_EVER SIZE_MAX
#ifndef SCARCE_STRIDE /* of sweeps over lives of the whole service, of which the parts have sweeps of their own */
#define SCARCE_STRIDE 1
#endif
#ifdef __SANITIZE_THREAD__
#define SCARCE_STEP (5 * SCARCE_STRIDE) /* what leaks or crashes is the other sanitizers' to find */
#else
#define SCARCE_STEP SCARCE_STRIDE
#endif

static atomic_size_t scarce_asked, scarce_first, scarce_times;
static bool scarce_met; /* a failure since the sweep's last run began */

static inline bool scarce_fails(void)
{
    size_t first = atomic_load(&scarce_first), at = atomic_fetch_add(&scarce_asked, 1) + 1;
    return first > 0 && at >= first && at - first < atomic_load(&scarce_times);
}

static inline void *scarce_alloc(size_t size)
{
    return scarce_fails() ? NULL : malloc(size);
}

static inline void *scarce_resize(void *p, size_t size)
{
    return scarce_fails() ? NULL : realloc(p, size);
}

#ifdef UV_H
static inline void *scarce_calloc(size_t count, size_t size)
{
    return scarce_fails() ? NULL : calloc(count, size);
}
#endif

/* From the n-th allocation (1: the first) so many fail, then all are fine again. */
static inline void scarce_begin(size_t n, size_t times)
{
    static const struct mem_functions functions = {scarce_alloc, scarce_resize, free};
    mem_set(&functions);
    json_set_alloc_funcs(mem_alloc, mem_free);
#ifdef UV_H
    uv_replace_allocator(scarce_alloc, realloc, scarce_calloc, free);
#endif
    atomic_store(&scarce_asked, 0);
    atomic_store(&scarce_times, times);
    atomic_store(&scarce_first, n);
}

/* After scarce_begin: Jansson's are all fine. Its parser (2.14) does not look whether its buffer could grow, and runs
 * over the end of it where a closing quote was lost. */
static inline void scarce_spare_json(void)
{
    json_set_alloc_funcs(malloc, free);
}

/* True where at least one allocation failed. */
static inline bool scarce_end(void)
{
    bool met = atomic_load(&scarce_asked) >= atomic_load(&scarce_first);
    atomic_store(&scarce_first, 0);
    scarce_met = scarce_met || met;
    return met;
}

static inline bool scarce_again(size_t n)
{
    bool again = n == 1 || scarce_met;
    if (n > SCARCE_RUNS_MAX)
        fail_msg("no end after %zu runs", n - 1);
    if (n == 1 + SCARCE_STEP && !again)
        fail_msg("nothing was allocated");
    scarce_met = false;
    return again;
}

#define SCARCE_SWEEP(n) for (size_t n = 1; scarce_again(n); n += SCARCE_STEP)

#endif
