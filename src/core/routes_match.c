/* routes_match.c: which destinations a ticket goes to, and why. A match allocates nothing and cannot fail. */
#include <string.h>

#include "shunt/base/error.h"

#include "routes_index.h"

bool value_matches(const struct prepared_value *v, const char *text, size_t len)
{
    if (v->glob)
        return glob_match(v->text, text, len);
    return v->len == len && memcmp(v->text, text, len) == 0;
}

static bool condition_holds(const struct prepared_condition *c, const struct ticket *ticket)
{
    if (c->field >= ticket->count || !ticket->fields[c->field].text)
        return false;
    const struct field *f = &ticket->fields[c->field];
    for (size_t i = 0; i < c->count; i++)
        if (value_matches(&c->values[i], f->text, f->len))
            return true;
    return false;
}

struct route_walk route_walk_of(const struct routes_index *index, const char *client, size_t len)
{
    static const struct number_list none = {0};
    struct client_routes *c = NULL;
    if (client)
        HASH_FIND(hh, index->by_client, client, len, c);
    return (struct route_walk){.lists = {&index->general, c ? &c->routes : &none}};
}

bool route_walk_next(struct route_walk *walk, size_t *number)
{
    const struct number_list *a = walk->lists[0], *b = walk->lists[1];
    bool more_a = walk->at[0] < a->count, more_b = walk->at[1] < b->count;
    if (!more_a && !more_b)
        return false;
    /* No route stands in both. */
    bool from_b = !more_a || (more_b && b->numbers[walk->at[1]] < a->numbers[walk->at[0]]);
    *number = walk->lists[from_b]->numbers[walk->at[from_b]++];
    return true;
}

static bool route_matches(const struct prepared_route *p, const struct ticket *ticket)
{
    for (size_t i = 0; i < p->count; i++)
        if (!(p->hashed && i == p->client) && !condition_holds(&p->conditions[i], ticket))
            return false;
    return true;
}

size_t routes_match(const struct routes *r, const struct ticket *ticket, size_t *out)
{
    struct destination_set chosen = {0};
    const struct field *client = ticket->count > FIELD_CLIENT ? &ticket->fields[FIELD_CLIENT] : NULL;
    struct route_walk walk =
        client ? route_walk_of(r->index, client->text, client->len) : route_walk_of(r->index, NULL, 0);
    size_t number;
    while (route_walk_next(&walk, &number)) {
        if (!route_matches(&r->index->prepared[number], ticket))
            continue;
        for (size_t i = 0; i < r->routes[number].n_to; i++)
            destination_set_add(&chosen, r->routes[number].to[i]);
    }
    size_t n = 0;
    for (size_t i = 0; i < sizeof chosen.words / sizeof chosen.words[0]; i++)
        for (uint64_t word = chosen.words[i]; word != 0; word &= word - 1)
            out[n++] = i * 64 + (size_t)__builtin_ctzll(word);
    return n;
}

struct retry_own routes_retry(const struct routes *r, const struct ticket *ticket)
{
    const struct field *client = ticket->count > FIELD_CLIENT ? &ticket->fields[FIELD_CLIENT] : NULL;
    struct route_walk walk =
        client ? route_walk_of(r->index, client->text, client->len) : route_walk_of(r->index, NULL, 0);
    size_t number;
    struct retry_own most = {0};
    while (route_walk_next(&walk, &number))
        if (r->routes[number].says_retry && route_matches(&r->index->prepared[number], ticket))
            retry_most(&most, &r->routes[number].retry);
    return most;
}

int routes_explain(const struct routes *r, const struct ticket *ticket, routes_explain_cb cb, void *user)
{
    size_t most = 1;
    for (size_t i = 0; i < r->n_routes; i++)
        if (r->routes[i].n_conditions > most)
            most = r->routes[i].n_conditions;
    bool *held = mem_alloc(most * sizeof *held);
    if (!held)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n_routes; i++) {
        const struct prepared_route *p = &r->index->prepared[i];
        struct route_verdict verdict = {.route = &r->routes[i], .matched = true, .held = held};
        for (size_t k = 0; k < p->count; k++) {
            held[k] = condition_holds(&p->conditions[k], ticket);
            verdict.matched &= held[k];
        }
        cb(user, &verdict);
    }
    mem_free(held);
    return 0;
}
