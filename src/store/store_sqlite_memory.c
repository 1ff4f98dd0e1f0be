/* store_sqlite_memory.c: lets SQLite allocate by base/mem.h, so that a test can make the n-th allocation fail there too.
 *
 * SQLite wants to know how large an allocation is: that stands before it. Told to SQLite once for the process, before
 * its first use; where somebody else in the process was first it goes on with malloc, which is as good. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

#define HEAD sizeof(max_align_t)

static void *sized(char *block, int size)
{
    if (!block) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static void *take(int size)
{
    return sized(mem_alloc(HEAD + (size_t)size), size);
}

static void *resize(void *p, int size)
{
    return sized(mem_resize((char *)p - HEAD, HEAD + (size_t)size), size);
}

static void give(void *p)
{
    if (p) {
        mem_free((char *)p - HEAD);
    }
}

static int size_of(void *p)
{
    int size = 0;
    if (p) {
        memcpy(&size, (char *)p - HEAD, sizeof size);
    }
    return size;
}

static int rounded(int size)
{
    return (size + 7) & ~7;
}

static int start(void *user)
{
    (void)user;
    return SQLITE_OK;
}

static void stop(void *user)
{
    (void)user;
}

static void configure(void)
{
    static const sqlite3_mem_methods methods = {take, give, resize, size_of, rounded, start, stop, NULL};
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* its counters would cost a lock for each allocation */
}

int sqlite_memory_start(struct error *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure);
    /* done for good by the first call that succeeds */
    return sqlite3_initialize() == SQLITE_OK ? 0 : store_no_memory(e);
}
