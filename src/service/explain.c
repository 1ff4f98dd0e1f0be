/* explain.c: see explain.h. */
#include "shunt/service/explain.h"

#include <string.h>

#include "shunt/base/mem.h"

struct explanation {
    const struct ticket *ticket;
    json_t *verdicts;
    bool failed;
};

static json_t *text_or_null(const struct field *f)
{
    return f->text ? json_stringn_nocheck(f->text, f->len) : json_null();
}

static void add(struct explanation *x, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        x->failed = true;
}

static void on_verdict(void *user, const struct route_verdict *v)
{
    struct explanation *x = user;
    json_t *conditions = json_array();
    for (size_t i = 0; i < v->route->n_conditions; i++) {
        const struct route_condition *c = &v->route->conditions[i];
        json_t *values = json_array();
        for (size_t k = 0; k < c->count; k++)
            add(x, values, json_string(c->values[k]));
        add(x, conditions,
            json_pack("{s:s, s:o, s:o, s:b}", "key", c->key, "values", values, "is",
                      text_or_null(&x->ticket->fields[c->field]), "held", v->held[i]));
    }
    add(x, x->verdicts,
        json_pack("{s:s, s:i, s:b, s:o}", "route", v->route->name, "line", (int)v->route->line, "matched", v->matched,
                  "conditions", conditions));
}

static json_t *destinations_of(struct explanation *x, const struct routes *routes)
{
    json_t *list = json_array();
    size_t *to = mem_alloc((routes->n_destinations + 1) * sizeof *to);
    size_t n = to ? routes_match(routes, x->ticket, to) : 0;
    x->failed = x->failed || !to;
    for (size_t i = 0; i < n; i++) {
        const struct destination *d = &routes->destinations[to[i]];
        add(x, list, json_pack("{s:s, s:s, s:s}", "name", d->name, "label", d->label, "path", d->path));
    }
    mem_free(to);
    return list;
}

json_t *explain_matched(const struct routes *routes, const struct ticket *ticket)
{
    struct explanation x = {.ticket = ticket, .verdicts = json_array()};
    const struct field *fields = ticket->fields;
    json_t *destinations = destinations_of(&x, routes);
    if (routes_explain(routes, ticket, on_verdict, &x) != 0)
        x.failed = true;
    json_t *json = json_pack("{s:b, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "valid", 1, "client",
                             text_or_null(&fields[FIELD_CLIENT]), "category", text_or_null(&fields[FIELD_CATEGORY]),
                             "studio", text_or_null(&fields[FIELD_STUDIO]), "title", text_or_null(&fields[FIELD_TITLE]),
                             "archive", 1, "destinations", destinations, "routes", x.verdicts);
    if (!x.failed)
        return json;
    json_decref(json);
    return NULL;
}

json_t *explain_refused(const char *why)
{
    struct str plain = STR_INIT; /* whatever it quotes: it becomes UTF-8 */
    str_plain(&plain, why, strlen(why));
    json_t *json = str_failed(&plain) ? NULL : json_pack("{s:b, s:s}", "valid", 0, "error", plain.bytes);
    str_fini(&plain);
    return json;
}
