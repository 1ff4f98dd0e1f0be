/* mem.h: the one place where memory comes from, so that a test can make the n-th allocation fail.
 *
 * NULL means out of memory, always answered by the caller (ERR_NOMEM). mem_free(NULL) is fine.
 * The program lets Jansson and libuv take theirs here too; what Jansson hands out (json_dumps) goes to mem_free.
 * Thread: any. mem_set() only before the first allocation or between tests.
 */
#ifndef SHUNT_BASE_MEM_H
#define SHUNT_BASE_MEM_H

#include <stddef.h>

struct mem_functions {
    void *(*alloc)(size_t size);
    void *(*resize)(void *p, size_t size);
    void (*free)(void *p);
};

void mem_set(const struct mem_functions *functions); /* NULL: malloc, realloc, free */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size); /* zeroed */
void *mem_resize(void *p, size_t size);
void mem_free(void *p);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n); /* exactly n bytes and a NUL; s may hold NULs */

#endif
