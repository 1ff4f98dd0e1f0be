/* Any bytes as routes.ini: either faults or a table, never both; and a table that is handed out keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_destination(const struct routes *r, size_t i)
{
    const struct destination *d = &r->destinations[i];
    must(d->name[0] && strlen(d->name) <= 64 && !strpbrk(d->name, "/ \t[]") && strcmp(d->name, "archive") != 0);
    must(d->path[0] && strcmp(d->path, "..") != 0 && strncmp(d->path, "../", 3) != 0 && !strstr(d->path, "/../"));
    must(d->label[0] && d->driver[0] && d->owner && d->group && d->mount);
    must(d->index == i && d->uid == -1 && d->gid == -1 && d->conflict != CONFLICT_VERSIONS && d->mode <= 01777);
    for (size_t k = 0; k < i; k++) {
        must(strcmp(r->destinations[k].name, d->name) != 0 && strcmp(r->destinations[k].path, d->path) != 0);
    }
}

static void check_route(const struct routes *r, const struct route *route)
{
    must(route->n_to > 0 && route->n_conditions > 0 && route->name[0]);
    for (size_t i = 0; i < route->n_to; i++) {
        must(route->to[i] < r->n_destinations);
        for (size_t k = 0; k < i; k++) {
            must(route->to[k] != route->to[i]);
        }
    }
    for (size_t i = 0; i < route->n_conditions; i++) {
        must(route->conditions[i].count > 0 && route->conditions[i].field < pointer_set_count(r->pointers));
        for (size_t k = 0; k < route->conditions[i].count; k++) {
            must(route->conditions[i].values[k][0] != '\0');
        }
    }
}

static void no_change(void *user, const char *text)
{
    (void)user;
    (void)text;
    abort();
}

static void check_table(struct routes *r)
{
    must(r->n_routes > 0 && r->n_destinations > 0 && r->references == 1);
    for (size_t i = 0; i < r->n_destinations; i++) {
        check_destination(r, i);
    }
    for (size_t i = 0; i < r->n_routes; i++) {
        check_route(r, &r->routes[i]);
    }
    struct str out = STR_INIT;
    routes_print(r, &out);
    must(!str_failed(&out) && strstr(out.bytes, "\n(any other) ") && utf8_valid(out.bytes, out.len));
    str_fini(&out);
    routes_diff(r, r, no_change, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct faults faults;
    faults_init(&faults);
    struct routes *r = routes_new("routes.ini", (const char *)data, size, &faults);
    must((r != NULL) != faults_any(&faults));
    if (r) {
        check_table(r);
    }
    routes_unref(r);
    faults_fini(&faults);
    return 0;
}
