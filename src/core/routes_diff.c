/* routes_diff.c: what a reload changed, in lines for the log. Without memory for a line it is told in fewer words. */
#include <string.h>

#include "routes_index.h"

struct diff {
    routes_diff_cb cb;
    void *user;
};

static void tell(const struct diff *diff, struct str *line)
{
    diff->cb(diff->user, str_failed(line) ? "a change that there is no memory to describe" : line->bytes);
    str_fini(line);
}

static void tell_gone(const struct diff *diff, const char *kind, const char *name)
{
    struct str line = STR_INIT;
    str_printf(&line, "%s %s removed", kind, name);
    tell(diff, &line);
}

/* Names in a list that starts with ": ". */
static void name_in_list(struct str *keys, const char *key)
{
    str_puts(keys, keys->len == 0 ? ": " : ", ");
    str_puts(keys, key);
}

static void tell_altered(const struct diff *diff, const char *kind, const char *name, unsigned line_number,
                         struct str *keys)
{
    if (str_failed(keys) || keys->len > 0) {
        struct str line = STR_INIT;
        str_printf(&line, "%s %s altered (line %u)%s", kind, name, line_number, keys->bytes);
        tell(diff, &line);
    }
    str_fini(keys);
}

/* Both were read from text: what is the same was written the same. */
static bool same_factor(double a, double b)
{
    return !(a < b) && !(a > b);
}

static void compare_destination(const struct diff *diff, const struct destination *a, const struct destination *b)
{
    const struct {
        const char *key;
        bool altered;
    } parts[] = {
        {"path", strcmp(a->path, b->path) != 0},
        {"label", strcmp(a->label, b->label) != 0},
        {"driver", strcmp(a->driver, b->driver) != 0},
        {"mode", a->has_mode != b->has_mode || a->mode != b->mode},
        {"owner", strcmp(a->owner, b->owner) != 0},
        {"group", strcmp(a->group, b->group) != 0},
        {"conflict", a->conflict != b->conflict},
        {"concurrency", a->concurrency != b->concurrency},
        {"create", a->create != b->create},
        {"mount", strcmp(a->mount, b->mount) != 0},
        {"attempts", a->retry.attempts != b->retry.attempts},
        {"first", a->retry.first_ms != b->retry.first_ms},
        {"factor", !same_factor(a->retry.factor, b->retry.factor)},
        {"max", a->retry.max_ms != b->retry.max_ms},
        {"alerts", a->alerts != b->alerts},
    };
    struct str keys = STR_INIT;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].altered)
            name_in_list(&keys, parts[i].key);
    tell_altered(diff, "destination", b->name, b->line, &keys);
}

static const struct route_condition *condition_of(const struct route *route, const char *key)
{
    for (size_t i = 0; i < route->n_conditions; i++)
        if (strcmp(route->conditions[i].key, key) == 0)
            return &route->conditions[i];
    return NULL;
}

static bool same_values(const struct route_condition *a, const struct route_condition *b)
{
    if (!a || !b || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->values[i], b->values[i]) != 0)
            return false;
    return true;
}

static bool same_to(const struct routes *before, const struct route *a, const struct routes *after,
                    const struct route *b)
{
    if (a->n_to != b->n_to)
        return false;
    for (size_t i = 0; i < a->n_to; i++)
        if (strcmp(before->destinations[a->to[i]].name, after->destinations[b->to[i]].name) != 0)
            return false;
    return true;
}

static void compare_route(const struct diff *diff, const struct routes *before, const struct route *a,
                          const struct routes *after, const struct route *b)
{
    struct str keys = STR_INIT;
    for (size_t i = 0; i < b->n_conditions; i++)
        if (!same_values(condition_of(a, b->conditions[i].key), &b->conditions[i]))
            name_in_list(&keys, b->conditions[i].key);
    for (size_t i = 0; i < a->n_conditions; i++)
        if (!condition_of(b, a->conditions[i].key))
            name_in_list(&keys, a->conditions[i].key);
    if (!same_to(before, a, after, b))
        name_in_list(&keys, "to");
    if (a->retry.attempts != b->retry.attempts)
        name_in_list(&keys, "attempts");
    if (a->retry.first_ms != b->retry.first_ms)
        name_in_list(&keys, "first");
    if (!same_factor(a->retry.factor, b->retry.factor))
        name_in_list(&keys, "factor");
    if (a->retry.max_ms != b->retry.max_ms)
        name_in_list(&keys, "max");
    tell_altered(diff, "route", b->name, b->line, &keys);
}

static void diff_destinations(const struct diff *diff, const struct routes *before, const struct routes *after)
{
    for (size_t i = 0; i < before->n_destinations; i++)
        if (!named_find(after->index->destinations, before->destinations[i].name))
            tell_gone(diff, "destination", before->destinations[i].name);
    for (size_t i = 0; i < after->n_destinations; i++) {
        const struct destination *d = &after->destinations[i];
        const struct named *old = named_find(before->index->destinations, d->name);
        if (old) {
            compare_destination(diff, &before->destinations[old->number], d);
            continue;
        }
        struct str line = STR_INIT;
        str_printf(&line, "destination %s added: %s", d->name, d->path);
        tell(diff, &line);
    }
}

static void diff_routes(const struct diff *diff, const struct routes *before, const struct routes *after)
{
    for (size_t i = 0; i < before->n_routes; i++)
        if (!named_find(after->index->routes, before->routes[i].name))
            tell_gone(diff, "route", before->routes[i].name);
    for (size_t i = 0; i < after->n_routes; i++) {
        const struct route *route = &after->routes[i];
        const struct named *old = named_find(before->index->routes, route->name);
        if (old) {
            compare_route(diff, before, &before->routes[old->number], after, route);
            continue;
        }
        struct str line = STR_INIT;
        str_printf(&line, "route %s added: to ", route->name);
        for (size_t k = 0; k < route->n_to; k++)
            str_printf(&line, "%s%s", k > 0 ? ", " : "", after->destinations[route->to[k]].name);
        tell(diff, &line);
    }
}

void routes_diff(const struct routes *before, const struct routes *after, routes_diff_cb cb, void *user)
{
    const struct diff diff = {.cb = cb, .user = user};
    diff_destinations(&diff, before, after);
    diff_routes(&diff, before, after);
}
