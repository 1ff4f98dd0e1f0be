/* hash.h: uthash on our memory. Where there is none, an element is not added: hash_added() tells. */
#ifndef SHUNT_BASE_HASH_H
#define SHUNT_BASE_HASH_H

#include "shunt/base/mem.h"

#define uthash_malloc(size)  mem_alloc(size)
#define uthash_free(p, size) mem_free(p)
#define HASH_NONFATAL_OOM    1
#include <uthash.h>

#define hash_added(element) ((element)->hh.tbl != NULL)

#endif
