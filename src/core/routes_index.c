/* routes_index.c: compiles a table for matching. Only memory can fail; what is built so far is freed with the index. */
#include "routes_index.h"

#include <string.h>

#include "shunt/base/error.h"

int named_add(struct named **names, const char *name, size_t number)
{
    size_t len = strlen(name);
    struct named *n = mem_zalloc(sizeof *n + len + 1);
    if (!n)
        return ERR_NOMEM;
    n->number = number;
    memcpy(n->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, *names, n->name, len, n);
    if (hash_added(n))
        return 0;
    mem_free(n);
    return ERR_NOMEM;
}

const struct named *named_find(const struct named *names, const char *name)
{
    const struct named *n;
    HASH_FIND(hh, names, name, strlen(name), n);
    return n;
}

void named_free(struct named **names)
{
    struct named *n, *next;
    HASH_ITER (hh, *names, n, next) {
        HASH_DEL(*names, n);
        mem_free(n);
    }
}

static int number_list_add(struct number_list *list, size_t number)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 4;
        uint32_t *numbers = mem_resize(list->numbers, room * sizeof *numbers);
        if (!numbers)
            return ERR_NOMEM;
        list->numbers = numbers;
        list->room = room;
    }
    list->numbers[list->count++] = (uint32_t)number;
    return 0;
}

static int add_client(struct routes_index *index, const struct prepared_value *client, size_t route)
{
    struct client_routes *c;
    HASH_FIND(hh, index->by_client, client->text, client->len, c);
    if (!c) {
        c = mem_zalloc(sizeof *c);
        if (!c)
            return ERR_NOMEM;
        c->client = client;
        HASH_ADD_KEYPTR(hh, index->by_client, client->text, client->len, c);
        if (!hash_added(c)) {
            mem_free(c);
            return ERR_NOMEM;
        }
    }
    /* A value may stand in a list twice. */
    if (c->routes.count > 0 && c->routes.numbers[c->routes.count - 1] == route)
        return 0;
    return number_list_add(&c->routes, route);
}

static int index_route(struct routes_index *index, size_t number)
{
    struct prepared_route *p = &index->prepared[number];
    if (p->client == NO_CONDITION)
        return number_list_add(&index->general, number);
    const struct prepared_condition *c = &p->conditions[p->client];
    for (size_t i = 0; i < c->count; i++)
        if (c->values[i].glob)
            return number_list_add(&index->general, number);
    p->hashed = true;
    for (size_t i = 0; i < c->count; i++)
        if (add_client(index, &c->values[i], number) != 0)
            return ERR_NOMEM;
    return 0;
}

static bool allocate(struct routes_index *index, const struct routes *r)
{
    size_t conditions = 0, values = 0;
    for (size_t i = 0; i < r->n_routes; i++) {
        conditions += r->routes[i].n_conditions;
        for (size_t k = 0; k < r->routes[i].n_conditions; k++)
            values += r->routes[i].conditions[k].count;
    }
    index->prepared = mem_zalloc(r->n_routes * sizeof *index->prepared);
    index->conditions = mem_zalloc(conditions * sizeof *index->conditions);
    index->values = mem_zalloc(values * sizeof *index->values);
    return index->prepared && index->conditions && index->values;
}

int routes_index_build(struct routes *r)
{
    struct routes_index *index = r->index;
    if (!allocate(index, r))
        return ERR_NOMEM;
    struct prepared_condition *condition = index->conditions;
    struct prepared_value *value = index->values;
    for (size_t i = 0; i < r->n_routes; i++) {
        const struct route *route = &r->routes[i];
        struct prepared_route *p = &index->prepared[i];
        *p = (struct prepared_route){.conditions = condition, .count = route->n_conditions, .client = NO_CONDITION};
        for (size_t k = 0; k < route->n_conditions; k++, condition++) {
            const struct route_condition *from = &route->conditions[k];
            *condition = (struct prepared_condition){.field = from->field, .values = value, .count = from->count};
            for (size_t v = 0; v < from->count; v++)
                *value++ = (struct prepared_value){from->values[v], strlen(from->values[v]),
                                                   strchr(from->values[v], '*') != NULL};
            if (from->field == FIELD_CLIENT)
                p->client = k;
        }
        if (index_route(index, i) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

void routes_index_free(struct routes_index *index)
{
    if (!index)
        return;
    struct client_routes *c, *next;
    HASH_ITER (hh, index->by_client, c, next) {
        HASH_DEL(index->by_client, c);
        mem_free(c->routes.numbers);
        mem_free(c);
    }
    named_free(&index->destinations);
    named_free(&index->routes);
    mem_free(index->general.numbers);
    mem_free(index->prepared);
    mem_free(index->conditions);
    mem_free(index->values);
    mem_free(index);
}
