#include "shunt/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct mem_functions standard = {.alloc = malloc, .resize = realloc, .free = free};

/* Changed only by mem_set: by tests, before other threads run. */
static struct mem_functions in_use = {.alloc = malloc, .resize = realloc, .free = free};

void mem_set(const struct mem_functions *functions)
{
    in_use = functions ? *functions : standard;
}

void *mem_alloc(size_t size)
{
    /* never 0: NULL must mean out of memory and nothing else */
    return in_use.alloc(size > 0 ? size : 1);
}

void *mem_zalloc(size_t size)
{
    void *p = mem_alloc(size);
    if (p) {
        memset(p, 0, size);
    }
    return p;
}

void *mem_resize(void *p, size_t size)
{
    return in_use.resize(p, size > 0 ? size : 1);
}

void mem_free(void *p)
{
    if (p) {
        in_use.free(p);
    }
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    char *copy = mem_alloc(n + 1);
    if (copy) {
        memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}
