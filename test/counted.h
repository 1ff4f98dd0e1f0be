/* counted.h: how much memory is taken at the most. Between mem_set(&counted) and mem_set(NULL) all that is allocated is
 * freed again. Thread: one. */
#ifndef SHUNT_TEST_COUNTED_H
#define SHUNT_TEST_COUNTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"

static size_t allocated, allocated_most; /* bytes */

static void *counting_alloc(size_t size)
{
    size_t *block = test_malloc(size + 16);
    *block = size;
    allocated += size;
    allocated_most = allocated > allocated_most ? allocated : allocated_most;
    return (char *)block + 16;
}

static void counting_free(void *p)
{
    if (p != NULL) {
        size_t *block = (size_t *)(void *)((char *)p - 16);
        allocated -= *block;
        test_free(block);
    }
}

static void *counting_resize(void *p, size_t size)
{
    void *fresh = counting_alloc(size);
    if (p != NULL) {
        size_t old = *(size_t *)(void *)((char *)p - 16);
        memcpy(fresh, p, old < size ? old : size);
        counting_free(p);
    }
    return fresh;
}

static const struct mem_functions counted = {.alloc = counting_alloc, .resize = counting_resize, .free = counting_free};

#endif
