/* routes.c: a table's life, and what is checked when all of routes.ini is read: names that must exist, folders that
 * must differ. A table that is handed out is whole: any fault, also want of memory, frees it and leaves the reasons with
 * the caller. */
#include "shunt/core/routes.h"

#include <string.h>

#include "shunt/base/error.h"
#include "shunt/core/ini.h"
#include "shunt/core/near.h"

#include "routes_index.h"
#include "routes_parse.h"

static void free_destination(struct destination *d)
{
    char *const owned[] = {d->name, d->label, d->driver, d->path, d->owner, d->group, d->mount};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        mem_free(owned[i]);
}

static void free_route(struct route *route)
{
    for (size_t i = 0; i < route->n_conditions; i++) {
        mem_free(route->conditions[i].key);
        free_list(route->conditions[i].values, route->conditions[i].count);
    }
    mem_free(route->conditions);
    mem_free(route->to);
    mem_free(route->name);
}

static void free_routes(struct routes *r)
{
    for (size_t i = 0; i < r->n_destinations; i++)
        free_destination(&r->destinations[i]);
    for (size_t i = 0; i < r->n_routes; i++)
        free_route(&r->routes[i]);
    mem_free(r->destinations);
    mem_free(r->routes);
    routes_index_free(r->index);
    pointer_set_free(r->pointers);
    mem_free(r);
}

struct routes *routes_ref(struct routes *r)
{
    r->references++;
    return r;
}

void routes_unref(struct routes *r)
{
    if (r && --r->references == 0)
        free_routes(r);
}

/* Without doubled and trailing slashes and "." parts, so that two spellings of one folder are equal. */
static char *normal_path(const char *path)
{
    char *normal = mem_alloc(strlen(path) + 2);
    if (!normal)
        return NULL;
    char *end = normal;
    if (path[0] == '/')
        *end++ = '/';
    char *first = end;
    for (const char *part = path; *part;) {
        size_t n = strcspn(part, "/");
        if (n > 0 && !(n == 1 && part[0] == '.')) {
            if (end > first)
                *end++ = '/';
            memcpy(end, part, n);
            end += n;
        }
        part += n + (part[n] == '/');
    }
    *end = '\0';
    return normal;
}

/* The last part of a normal path, for people. */
static char *default_label(const char *normal)
{
    const char *slash = strrchr(normal, '/');
    const char *last = slash && slash[1] ? slash + 1 : normal;
    return mem_strdup(*last ? last : ".");
}

static bool set_default(char **slot, const char *text)
{
    if (!*slot)
        *slot = mem_strdup(text);
    return *slot != NULL;
}

static int finish_path(struct parser *p, struct destination *d, struct named **paths)
{
    char *normal = normal_path(d->path);
    if (!normal)
        return ERR_NOMEM;
    const struct named *other = named_find(*paths, normal);
    int rc = 0;
    if (other)
        faults_add(p->faults, p->file, p->destinations[d->index].line,
                   "[destination %s] path is the same folder as that of [destination %s], line %u", d->name,
                   p->routes->destinations[other->number].name, p->destinations[other->number].line);
    else
        rc = named_add(paths, normal, d->index);
    if (!d->label && !(d->label = default_label(normal)))
        rc = ERR_NOMEM;
    mem_free(normal);
    return rc;
}

static int finish_destinations(struct parser *p)
{
    struct named *paths = NULL;
    int rc = 0;
    for (size_t i = 0; i < p->routes->n_destinations && rc == 0; i++) {
        struct destination *d = &p->routes->destinations[i];
        if (named_find(p->routes->index->destinations, d->name)->number != i)
            continue; /* a repeated section has its fault already */
        if (!set_default(&d->driver, "dir") || !set_default(&d->owner, "") || !set_default(&d->group, "") ||
            !set_default(&d->mount, ""))
            rc = ERR_NOMEM;
        else if (!d->path)
            faults_add(p->faults, p->file, d->line, "[destination %s] has no path", d->name);
        else if (d->path[0] == '\0')
            faults_add(p->faults, p->file, p->destinations[i].line, "[destination %s] path is empty", d->name);
        else
            rc = finish_path(p, d, &paths);
    }
    named_free(&paths);
    return rc;
}

static void unknown_destination(struct parser *p, const struct route *route, unsigned line, const char *name)
{
    if (p->faults->count >= FAULTS_MAX) {
        /* It is only counted: no need to look for what was meant. */
        faults_add(p->faults, p->file, line, "unknown destination");
        return;
    }
    struct near near = near_to(name);
    for (size_t i = 0; i < p->routes->n_destinations; i++)
        near_offer(&near, p->routes->destinations[i].name);
    if (near.best)
        faults_add(p->faults, p->file, line, "[route %s] to: there is no destination %s; did you mean %s?", route->name,
                   name, near.best);
    else
        faults_add(p->faults, p->file, line, "[route %s] to: there is no destination %s", route->name, name);
}

static void resolve_to(struct parser *p, struct route *route, unsigned line, char *const *names, size_t count)
{
    struct destination_set seen = {0};
    for (size_t i = 0; i < count; i++) {
        const struct named *d = named_find(p->routes->index->destinations, names[i]);
        if (!d) {
            unknown_destination(p, route, line, names[i]);
        } else if (destination_set_has(&seen, d->number)) {
            faults_add(p->faults, p->file, line, "[route %s] to: destination %s is repeated", route->name, names[i]);
        } else {
            destination_set_add(&seen, d->number);
            route->to[route->n_to++] = d->number;
        }
    }
}

static int finish_route(struct parser *p, struct route *route, const struct draft *draft)
{
    if (route->n_conditions == 0)
        faults_add(p->faults, p->file, route->line,
                   "[route %s] has no condition; for tickets of every client write: client = *", route->name);
    if (!draft->to) {
        faults_add(p->faults, p->file, route->line, "[route %s] has no destination; write: to = NAME", route->name);
        return 0;
    }
    char **names;
    size_t count;
    if (split_list(draft->to, &names, &count) != 0)
        return ERR_NOMEM;
    int rc = 0;
    if (count == 0)
        faults_add(p->faults, p->file, draft->line, "[route %s] to is empty", route->name);
    else if (!(route->to = mem_zalloc(count * sizeof *route->to)))
        rc = ERR_NOMEM;
    else
        resolve_to(p, route, draft->line, names, count);
    free_list(names, count);
    return rc;
}

static bool is_faulty(const struct parser *p)
{
    return p->faults->count + p->faults->more != p->faults_before;
}

static int finish(struct parser *p)
{
    int rc = finish_destinations(p);
    for (size_t i = 0; i < p->routes->n_routes && rc == 0; i++)
        rc = finish_route(p, &p->routes->routes[i], &p->to[i]);
    if (p->routes->n_routes == 0)
        faults_add(p->faults, p->file, 0, "there is no [route NAME]: every ticket would only be archived");
    if (rc == 0 && !is_faulty(p))
        rc = routes_index_build(p->routes);
    return rc;
}

static struct routes *empty_table(void)
{
    struct routes *r = mem_zalloc(sizeof *r);
    if (!r)
        return NULL;
    r->references = 1;
    r->index = mem_zalloc(sizeof *r->index);
    r->pointers = pointer_set_new();
    if (r->index && r->pointers)
        return r;
    free_routes(r);
    return NULL;
}

struct routes *routes_new(const char *file, const char *text, size_t len, struct faults *faults)
{
    struct parser p = {
        .file = file, .routes = empty_table(), .faults = faults, .faults_before = faults->count + faults->more};
    bool nomem = !p.routes;
    if (!nomem)
        nomem = ini_read(file, text, len, routes_parse_entry, &p, faults) != 0 || p.nomem || finish(&p) != 0;
    if (nomem)
        faults_add(faults, file, 0, "out of memory");
    for (size_t i = 0; p.routes && i < p.routes->n_routes; i++)
        if (p.to)
            mem_free(p.to[i].to);
    mem_free(p.to);
    mem_free(p.destinations);
    if (!is_faulty(&p))
        return p.routes;
    routes_unref(p.routes);
    return NULL;
}
