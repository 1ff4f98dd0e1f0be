/* api_routes.c: the routing table in force, and what it would do with a ticket. Both take time by what they are given,
 * so they run in a work request, on a table that is held for it. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/service/explain.h"
#include "shunt/service/judge.h"
#include "shunt/service/lane.h"

#include "control_inner.h"

struct table_call {
    struct call call; /* first */
    struct routes *routes;
    json_t *held;              /* of /routes: names */
    const char *client, *name; /* of /explain: the request's, or NULL */
};

static void table_fini(struct call *call)
{
    struct table_call *table = (struct table_call *)call;
    json_decref(table->held);
    routes_unref(table->routes);
}

static void begin(struct control *c, struct table_call *table,
                  int (*run)(struct call *, struct store *, struct error *))
{
    table->routes = routes_ref(c->service->rt.routes);
    table->call.fini = table_fini;
    table->call.run = run;
    table->call.done = api_result;
    call_begin_or_refuse(&table->call, &c->checks);
}

/* --- the table --- */

static bool is_held(const json_t *held, const char *name)
{
    size_t i;
    json_t *other;
    json_array_foreach (held, i, other)
        if (strcmp(json_string_value(other), name) == 0)
            return true;
    return false;
}

static json_t *mode_json(const struct destination *d)
{
    char text[16];
    snprintf(text, sizeof text, "%04o", d->mode);
    return d->has_mode ? json_string(text) : json_null();
}

static const char *conflict_word(enum conflict conflict)
{
    const struct routes_key *key = routes_destination_keys;
    while (strcmp(key->name, "conflict") != 0)
        key++;
    return key->words[conflict];
}

static json_t *destination_json(const struct destination *d, bool held)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:i, s:b, s:i, s:b}", "name", d->name, "label",
                     d->label, "driver", d->driver, "path", d->path, "conflict", conflict_word(d->conflict), "mode",
                     mode_json(d), "owner", d->owner, "group", d->group, "mount", d->mount, "concurrency",
                     (int)d->concurrency, "create", d->create, "line", (int)d->line, "held", held);
}

/* {"client": ["RANK", "CEL*"], "/a/pointer": [...]}: all of them must hold. */
static json_t *conditions_json(const struct route *route)
{
    json_t *conditions = json_object();
    bool fine = conditions != NULL;
    for (size_t i = 0; fine && i < route->n_conditions; i++) {
        const struct route_condition *c = &route->conditions[i];
        json_t *values = json_array();
        for (size_t k = 0; fine && k < c->count; k++)
            fine = json_array_append_new(values, json_string(c->values[k])) == 0;
        fine = json_object_set_new(conditions, c->key, values) == 0 && fine;
    }
    if (fine)
        return conditions;
    json_decref(conditions);
    return NULL;
}

static json_t *rule_json(const struct routes *routes, const struct route *route)
{
    json_t *to = json_array();
    for (size_t i = 0; to && i < route->n_to; i++) {
        if (json_array_append_new(to, json_string(routes->destinations[route->to[i]].name)) != 0) {
            json_decref(to);
            to = NULL;
        }
    }
    return json_pack("{s:s, s:i, s:o, s:o}", "name", route->name, "line", (int)route->line, "conditions",
                     conditions_json(route), "destinations", to);
}

static int run_routes(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    const struct table_call *table = (struct table_call *)call;
    const struct routes *r = table->routes;
    json_t *destinations = json_array(), *rules = json_array();
    bool fine = true;
    for (size_t i = 0; fine && i < r->n_destinations; i++)
        fine =
            json_array_append_new(destinations, destination_json(&r->destinations[i],
                                                                 is_held(table->held, r->destinations[i].name))) == 0;
    for (size_t i = 0; fine && i < r->n_routes; i++)
        fine = json_array_append_new(rules, rule_json(r, &r->routes[i])) == 0;
    call->result = json_pack("{s:o, s:o}", "destinations", destinations, "rules", rules);
    if (fine && call->result)
        return 0;
    json_decref(call->result);
    call->result = NULL;
    return error_set(e, ERR_NOMEM, "out of memory");
}

void api_routes(struct http_request *request, void *context)
{
    struct control *c = context;
    struct table_call *table = call_new(c, request, sizeof *table);
    if (!table)
        return;
    table->held = lanes_held(&c->service->lanes);
    if (table->held) {
        begin(c, table, run_routes);
        return;
    }
    http_respond_problem(request, 503, "out of memory");
    call_free(&table->call);
}

/* --- a ticket --- */

/* The request's body. */
static int parse(const struct table_call *table, enum name_kind kind, struct ticket *ticket, struct error *e)
{
    const struct settings *s = table->call.control->service->config->settings;
    const struct ticket_limits limits = {.max_bytes = s->max_ticket_bytes, .max_depth = s->max_depth};
    if (kind != NAME_TICKET)
        return 0;
    size_t len;
    const char *body = http_request_body(table->call.request, &len);
    struct ticket_parser *parser = ticket_parser_new(table->routes->pointers, limits);
    int rc = parser ? ticket_parser_feed(parser, body, len, e) : error_set(e, ERR_NOMEM, "out of memory");
    rc = rc ? rc : ticket_parser_finish(parser, ticket, e);
    ticket_parser_free(parser);
    return rc ? rc : ticket_check(ticket, table->routes->pointers, e);
}

/* As whose is it judged? Where nobody says so, as whose it says itself. */
static int judge_it(const struct table_call *table, enum name_kind kind, struct ticket *ticket, struct error *e)
{
    const struct config *config = table->call.control->service->config;
    const char *own = kind == NAME_TICKET ? ticket->fields[FIELD_CLIENT].text : "";
    char *folder = mem_strdup(table->client ? table->client : own), *declared = NULL;
    int rc = folder ? judge(config, table->routes, kind, folder, table->name, ticket, &declared, e)
                    : error_set(e, ERR_NOMEM, "out of memory");
    mem_free(declared);
    mem_free(folder);
    return rc;
}

static int run_explain(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    const struct table_call *table = (struct table_call *)call;
    const struct settings *s = call->control->service->config->settings;
    enum name_kind kind = table->name ? name_kind_of(table->name, &s->tickets, &s->files) : NAME_TICKET;
    struct error why = {0};
    struct ticket ticket;
    ticket_init(&ticket);
    int rc = kind == NAME_IGNORED ? error_set(&why, ERR_BAD_NAME, "a file of this name is not taken up")
                                  : parse(table, kind, &ticket, &why);
    rc = rc ? rc : judge_it(table, kind, &ticket, &why);
    if (rc == 0)
        call->result = explain_matched(table->routes, &ticket);
    else if (rc != ERR_NOMEM)
        call->result = explain_refused(why.text);
    ticket_fini(&ticket);
    return call->result ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

static bool is_name(struct http_request *request, const char *parameter, const char *name)
{
    struct error e = {0};
    if (!name || name_check(name, strlen(name), &e) == 0)
        return true;
    http_respond_problem(request, 400, "%s: %s", parameter, e.text);
    return false;
}

void api_explain(struct http_request *request, void *context)
{
    struct control *c = context;
    const char *client = http_request_query(request, "client"), *name = http_request_query(request, "name");
    if (!is_name(request, "client", client) || !is_name(request, "name", name))
        return;
    struct table_call *table = call_new(c, request, sizeof *table);
    if (!table)
        return;
    table->client = client;
    table->name = name;
    begin(c, table, run_explain);
}
