/* routes_index.h: what routes.ini is compiled to; for the routes*.c files alone.
 *
 * Texts are borrowed from the table's routes. Exact client values lead by a hash to the numbers of their routes; all
 * other routes stand in the general list. Both lists ascend, so that a walk over the two is in the order of the file. */
#ifndef SHUNT_CORE_ROUTES_INDEX_H
#define SHUNT_CORE_ROUTES_INDEX_H

#include <stdint.h>

#include "shunt/base/hash.h"
#include "shunt/core/routes.h"

#define NO_CONDITION SIZE_MAX

struct prepared_value {
    const char *text;
    size_t len;
    bool glob;
};

struct prepared_condition {
    size_t field;
    const struct prepared_value *values;
    size_t count;
};

struct prepared_route {
    const struct prepared_condition *conditions; /* in the order of the route's */
    size_t count;
    size_t client; /* the one on the client's field, or NO_CONDITION */
    bool hashed;   /* it is found by the hash only, so that its client condition holds already */
};

struct number_list {
    uint32_t *numbers;
    size_t count, room;
};

struct client_routes {
    UT_hash_handle hh;
    const struct prepared_value *client;
    struct number_list routes;
};

/* A name and the number of what it names. */
struct named {
    UT_hash_handle hh;
    size_t number;
    char name[];
};

struct routes_index {
    struct named *destinations, *routes;
    struct prepared_route *prepared;
    struct prepared_condition *conditions;
    struct prepared_value *values;
    struct client_routes *by_client;
    struct number_list general;
};

/* Fills all but the names. 0 or ERR_NOMEM. */
int routes_index_build(struct routes *r);
void routes_index_free(struct routes_index *index);

int named_add(struct named **names, const char *name, size_t number); /* 0 or ERR_NOMEM */
const struct named *named_find(const struct named *names, const char *name);
void named_free(struct named **names);

/* The routes that can match a client, in order. */
struct route_walk {
    const struct number_list *lists[2];
    size_t at[2];
};
struct route_walk route_walk_of(const struct routes_index *index, const char *client,
                                size_t len); /* client NULL: the general list */
bool route_walk_next(struct route_walk *walk, size_t *number);

bool value_matches(const struct prepared_value *v, const char *text, size_t len);

/* A set of destinations. */
struct destination_set {
    uint64_t words[ROUTES_DESTINATIONS_MAX / 64];
};
static inline void destination_set_add(struct destination_set *set, size_t index)
{
    set->words[index / 64] |= UINT64_C(1) << (index % 64);
}
static inline bool destination_set_has(const struct destination_set *set, size_t index)
{
    return (set->words[index / 64] >> (index % 64) & 1) != 0;
}

#endif
