/* pointer_set.h: a pointer set as the ticket parser sees it: sets of pointers are bits of a uint64_t.
 *
 * A value at depth d of the document (0: the root) has a mask of the pointers whose first d tokens name it.
 */
#ifndef SHUNT_SRC_CORE_POINTER_SET_H
#define SHUNT_SRC_CORE_POINTER_SET_H

#include <stddef.h>
#include <stdint.h>

#include "shunt/core/ticket.h"

#define POINTER_LENGTHS 32 /* tokens are sorted by length; the last class holds all longer ones */

struct pointer_token {
    char *text; /* decoded; points into the pointer's text */
    size_t len;
    int64_t index; /* of an array's element, -1: not a number */
};

struct pointer {
    char *source; /* "/a/b~1c" */
    char *text;   /* the tokens, decoded, one after another */
    char *label;
    size_t depth;
    struct pointer_token tokens[POINTER_DEPTH_MAX];
};

struct pointer_set {
    struct pointer *pointers[POINTERS_MAX];
    size_t count;
    uint64_t all;
    uint64_t ends_at[POINTER_DEPTH_MAX + 1];                /* pointers with so many tokens */
    uint64_t by_length[POINTER_DEPTH_MAX][POINTER_LENGTHS]; /* pointers whose token at this depth is so long */
    uint64_t numeric[POINTER_DEPTH_MAX]; /* pointers whose token at this depth may be an array's index */
};

/* Which of mask go on with this key or index from a container at depth. */
uint64_t pointer_set_match_key(const struct pointer_set *set, uint64_t mask, size_t depth, const char *key, size_t len);
uint64_t pointer_set_match_index(const struct pointer_set *set, uint64_t mask, size_t depth, int64_t index);

#endif
