/* routes_parse.c: sections and keys of routes.ini. Every fault is told with its line and reading goes on; out of memory
 * is remembered and ends in one fault. What needs the whole file (names that are used before they are defined) is in
 * routes.c. */
#include "routes_parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/error.h"
#include "shunt/core/ini.h"
#include "shunt/core/near.h"
#include "shunt/core/units.h"

#define NAME_MAX_BYTES 64

void free_list(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(items[i]);
    mem_free(items);
}

int split_list(const char *text, char ***items, size_t *count)
{
    size_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == ',';
    char **list = mem_zalloc(most * sizeof *list);
    size_t n = 0;
    if (!list)
        return ERR_NOMEM;
    for (const char *from = text;;) {
        const char *end = strchrnul(from, ','), *next = end;
        while (from < end && (*from == ' ' || *from == '\t'))
            from++;
        while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        if (end > from && !(list[n++] = mem_strndup(from, (size_t)(end - from)))) {
            free_list(list, n);
            return ERR_NOMEM;
        }
        if (!*next)
            break;
        from = next + 1;
    }
    *items = list;
    *count = n;
    return 0;
}

void parse_fault(struct parser *p, const struct ini_entry *entry, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    faults_add(p->faults, entry->file, entry->line, "[%s] %s", entry->section, text);
}

bool parse_text(struct parser *p, char **slot, const char *value)
{
    mem_free(*slot);
    *slot = mem_strdup(value);
    if (!*slot)
        p->nomem = true;
    return *slot != NULL;
}

void parse_unknown_key(struct parser *p, const struct ini_entry *entry, struct near near)
{
    if (near.best)
        parse_fault(p, entry, "unknown key \"%s\"; did you mean %s?", entry->key, near.best);
    else
        parse_fault(p, entry, "unknown key \"%s\"", entry->key);
}

/* The field's number of a condition's key. False: the fault is told. */
static bool condition_field(struct parser *p, const struct ini_entry *entry, size_t *field)
{
    struct near near = near_to(entry->key);
    for (*field = 0; *field < FIELD_BUILTIN_COUNT; (*field)++) {
        if (strcmp(entry->key, routes_route_keys[*field].name) == 0)
            return true;
        near_offer(&near, routes_route_keys[*field].name);
    }
    if (entry->key[0] != '/') {
        for (const struct routes_key *key = &routes_route_keys[ROUTES_KEY_TO]; key->name; key++)
            near_offer(&near, key->name);
        parse_unknown_key(p, entry, near);
        return false;
    }
    struct error e = {0};
    int rc = pointer_set_add(p->routes->pointers, entry->key, field, &e);
    if (rc == ERR_NOMEM)
        p->nomem = true;
    else if (rc != 0)
        parse_fault(p, entry, "%s", e.text);
    return rc == 0;
}

static void add_condition(struct parser *p, const struct ini_entry *entry, struct route *route)
{
    size_t field;
    if (!condition_field(p, entry, &field))
        return;
    for (size_t i = 0; i < route->n_conditions; i++) {
        if (route->conditions[i].field != field)
            continue;
        if (strcmp(route->conditions[i].key, entry->key) == 0)
            parse_fault(p, entry, "key \"%s\" is repeated", entry->key);
        else
            parse_fault(p, entry, "\"%s\" is the same field as \"%s\"", entry->key, route->conditions[i].key);
        return;
    }
    /* Its own block for each count: conditions of a route are few. */
    struct route_condition *grown = mem_resize(route->conditions, (route->n_conditions + 1) * sizeof *grown);
    if (!grown) {
        p->nomem = true;
        return;
    }
    route->conditions = grown;
    struct route_condition *c = &grown[route->n_conditions];
    *c = (struct route_condition){.key = mem_strdup(entry->key), .field = field};
    if (!c->key || split_list(entry->value, &c->values, &c->count) != 0) {
        mem_free(c->key);
        p->nomem = true;
        return;
    }
    route->n_conditions++;
    if (c->count == 0)
        parse_fault(p, entry, "%s has no value", entry->key);
}

static bool is_retry(const char *key)
{
    const struct routes_key *known = &routes_route_keys[ROUTES_KEY_TO + 1];
    while (known->name && strcmp(known->name, key) != 0)
        known++;
    return known->name;
}

static void route_entry(struct parser *p, const struct ini_entry *entry)
{
    struct route *route = &p->routes->routes[p->routes->n_routes - 1];
    struct draft *draft = &p->to[p->routes->n_routes - 1];
    if (ini_value_has_comment(entry->value))
        parse_fault(p, entry, "%s: \"%s\" seems to hold a comment; comments go on a line of their own", entry->key,
                    entry->value);
    if (is_retry(entry->key)) {
        parse_retry(p, entry, &route->retry);
        route->says_retry = true;
    } else if (strcmp(entry->key, routes_route_keys[ROUTES_KEY_TO].name) != 0) {
        add_condition(p, entry, route);
    } else if (draft->to) {
        parse_fault(p, entry, "key \"to\" is repeated");
    } else {
        draft->line = entry->line;
        parse_text(p, &draft->to, entry->value);
    }
}

/* One more place in both arrays, zeroed. */
static bool grow(void *items_slot, size_t item_size, struct draft **drafts, size_t count, size_t *room)
{
    void *items;
    memcpy(&items, items_slot, sizeof items);
    if (count == *room) {
        size_t more = *room ? 2 * *room : 16;
        items = mem_resize(items, more * item_size);
        if (!items)
            return false;
        memcpy(items_slot, &items, sizeof items);
        struct draft *grown = mem_resize(*drafts, more * sizeof *grown);
        if (!grown)
            return false;
        *drafts = grown;
        *room = more;
    }
    memset((char *)items + count * item_size, 0, item_size);
    (*drafts)[count] = (struct draft){0};
    return true;
}

static void too_many(struct parser *p, const struct ini_entry *entry, const char *what, unsigned most)
{
    p->where = IN_UNKNOWN;
    if (!p->full)
        parse_fault(p, entry, "is one too many: there may be %u %s", most, what);
    p->full = true;
}

static void name_section(struct parser *p, const struct ini_entry *entry, struct named **names, unsigned line,
                         const char *name, size_t number)
{
    if (named_find(*names, name))
        parse_fault(p, entry, "is there already, at line %u", line);
    else if (named_add(names, name, number) != 0)
        p->nomem = true;
}

static void check_destination_name(struct parser *p, const struct ini_entry *entry, const char *name)
{
    size_t len = strlen(name), good = 0;
    while (isalnum((unsigned char)name[good]) || (name[good] && strchr("._-", name[good])))
        good++;
    if (len == 0 || len > NAME_MAX_BYTES || good < len)
        parse_fault(p, entry, "a destination's name has 1 to %d letters, digits, '.', '_' or '-'", NAME_MAX_BYTES);
    else if (strcasecmp(name, "archive") == 0 || strcasecmp(name, "failed") == 0)
        parse_fault(p, entry, "the name %s is taken by the service itself", name);
}

static void open_destination(struct parser *p, const struct ini_entry *entry, const char *name)
{
    struct routes *r = p->routes;
    if (r->n_destinations == ROUTES_DESTINATIONS_MAX) {
        too_many(p, entry, "destinations", ROUTES_DESTINATIONS_MAX);
        return;
    }
    check_destination_name(p, entry, name);
    if (!grow(&r->destinations, sizeof *r->destinations, &p->destinations, r->n_destinations, &p->destination_room)) {
        p->nomem = true;
        return;
    }
    size_t index = r->n_destinations++;
    r->destinations[index] =
        (struct destination){.uid = -1, .gid = -1, .create = true, .index = index, .line = entry->line};
    p->where = IN_DESTINATION;
    if (!parse_text(p, &r->destinations[index].name, name))
        return;
    const struct named *first = named_find(r->index->destinations, name);
    name_section(p, entry, &r->index->destinations, first ? r->destinations[first->number].line : 0, name, index);
}

static void open_route(struct parser *p, const struct ini_entry *entry, const char *name)
{
    struct routes *r = p->routes;
    if (r->n_routes == ROUTES_MAX) {
        too_many(p, entry, "routes", ROUTES_MAX);
        return;
    }
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES || text_has_control(name, len))
        parse_fault(p, entry, "a route's name has 1 to %d bytes and no control characters", NAME_MAX_BYTES);
    if (!grow(&r->routes, sizeof *r->routes, &p->to, r->n_routes, &p->route_room)) {
        p->nomem = true;
        return;
    }
    size_t index = r->n_routes++;
    r->routes[index].line = entry->line;
    p->where = IN_ROUTE;
    if (!parse_text(p, &r->routes[index].name, name))
        return;
    const struct named *first = named_find(r->index->routes, name);
    name_section(p, entry, &r->index->routes, first ? r->routes[first->number].line : 0, name, index);
}

static void open_section(struct parser *p, const struct ini_entry *entry)
{
    size_t len = strcspn(entry->section, " \t");
    const char *name = entry->section + len + strspn(entry->section + len, " \t");
    p->where = IN_UNKNOWN;
    if (len == strlen("destination") && strncmp(entry->section, "destination", len) == 0) {
        open_destination(p, entry, name);
    } else if (len == strlen("route") && strncmp(entry->section, "route", len) == 0) {
        open_route(p, entry, name);
    } else {
        char kind[NAME_MAX_BYTES];
        snprintf(kind, sizeof kind, "%.*s", (int)(len < sizeof kind ? len : 0), entry->section);
        struct near near = near_to(kind);
        near_offer(&near, "destination");
        near_offer(&near, "route");
        if (near.best)
            parse_fault(p, entry, "is unknown; did you mean [%s %s]?", near.best, name);
        else
            parse_fault(p, entry, "is unknown: there are [destination NAME] and [route NAME]");
    }
}

void routes_parse_entry(void *user, const struct ini_entry *entry)
{
    struct parser *p = user;
    if (p->nomem)
        return;
    if (!entry->key)
        open_section(p, entry);
    else if (p->where == IN_DESTINATION)
        parse_destination_key(p, entry);
    else if (p->where == IN_ROUTE)
        route_entry(p, entry);
    else if (p->where == OUTSIDE)
        faults_add(p->faults, entry->file, entry->line, "key \"%s\" stands before the first section", entry->key);
}
