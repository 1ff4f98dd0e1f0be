/* cmd_explain.c: `shunt explain FILE`: where it would go and why. Changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "shunt/base/mem.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/ticket_file.h"
#include "shunt/service/explain.h"
#include "shunt/service/judge.h"
#include "shunt/service/service.h"

struct explanation {
    const struct routes *routes;
    const struct ticket *ticket;
    bool failed; /* something of it could not be said */
};

/* False: no memory. */
static bool print_plain(const char *text, size_t n)
{
    struct str s = STR_INIT;
    str_plain(&s, text, n);
    bool said = !str_failed(&s);
    fputs(s.bytes, stdout);
    str_fini(&s);
    return said;
}

static void tell_condition(struct explanation *x, const struct route_condition *c, bool held)
{
    const struct field *f = &x->ticket->fields[c->field];
    printf("    %s %s = ", held ? "holds " : "FAILS ", c->key);
    for (size_t i = 0; i < c->count; i++)
        printf("%s%s", i > 0 ? ", " : "", c->values[i]);
    fputs(held ? "   (it is " : "   (but it is ", stdout);
    if (f->text)
        x->failed = !print_plain(f->text, f->len) || x->failed;
    else
        fputs(f->kind == FIELD_ABSENT ? "missing" : "no single value", stdout);
    puts(")");
}

static void on_verdict(void *user, const struct route_verdict *v)
{
    struct explanation *x = user;
    printf("  route %s (line %u): %s\n", v->route->name, v->route->line, v->matched ? "matches" : "does not match");
    for (size_t i = 0; i < v->route->n_conditions; i++)
        tell_condition(x, &v->route->conditions[i], v->held[i]);
}

static void print_fields(struct explanation *x, const struct ticket_file *file)
{
    for (size_t i = 0; i < FIELD_BUILTIN_COUNT; i++) {
        const struct field *f = &file->ticket.fields[i];
        printf("  %-9s ", routes_route_keys[i].name);
        if (f->text)
            x->failed = !print_plain(f->text, f->len) || x->failed;
        puts(f->text ? "" : "-");
    }
}

static void print_text(struct explanation *x, const struct ticket_file *file, const size_t *to, size_t n)
{
    x->failed = !print_plain(file->name, strlen(file->name));
    puts(":");
    print_fields(x, file);
    if (routes_explain(x->routes, x->ticket, on_verdict, x) != 0)
        x->failed = true;
    printf("goes to: archive");
    for (size_t i = 0; i < n; i++)
        printf(", %s (%s)", x->routes->destinations[to[i]].label, x->routes->destinations[to[i]].path);
    puts(n == 0 ? " only" : "");
}

/* about: taken, NULL: there was no memory for it. */
static bool print_json(json_t *about, const struct ticket_file *file)
{
    json_t *result = about ? json_pack("{s:s}", "file", file->path) : NULL;
    bool whole = result && json_object_update(result, about) == 0;
    char *text = whole ? json_dumps(result, JSON_INDENT(2)) : NULL;
    puts(text ? text : "{\"error\":\"the result cannot be written as JSON\"}");
    bool said = text != NULL;
    mem_free(text);
    json_decref(result);
    json_decref(about);
    return said;
}

static int tell_invalid(const struct cli *cli, const struct ticket_file *file, const char *why)
{
    if (cli->json) {
        print_json(explain_refused(why), file);
    } else {
        print_plain(file->name, strlen(file->name));
        fputs(": would fail: ", stdout);
        print_plain(why, strlen(why));
        puts("");
    }
    return EXIT_FAILED;
}

static int cannot_say(const struct ticket_file *file)
{
    fprintf(stderr, "shunt: %s: out of memory, or what is to be said is no text\n", file->path);
    return EXIT_FAILED;
}

static int explain_text(const struct config *c, const struct ticket_file *file)
{
    size_t *to = mem_alloc((c->routes->n_destinations + 1) * sizeof *to);
    if (!to)
        return cannot_say(file);
    size_t n = routes_match(c->routes, &file->ticket, to);
    struct explanation x = {.routes = c->routes, .ticket = &file->ticket};
    print_text(&x, file, to, n);
    mem_free(to);
    return x.failed ? cannot_say(file) : EXIT_DONE;
}

static int explain(const struct cli *cli, const struct config *c, struct ticket_file *file)
{
    if (file->invalid.code != 0)
        return tell_invalid(cli, file, file->invalid.text);
    struct error e = {0};
    char *declared = NULL;
    int rc = judge(c, c->routes, file->kind, file->folder, file->name, &file->ticket, &declared, &e);
    mem_free(declared);
    if (rc != 0 && error_class_of(rc) == CLASS_INVALID)
        return tell_invalid(cli, file, e.text);
    if (rc != 0)
        return cannot_say(file);
    if (!cli->json)
        return explain_text(c, file);
    return print_json(explain_matched(c->routes, &file->ticket), file) ? EXIT_DONE : cannot_say(file);
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_CONFIG;
    struct ticket_file file;
    struct error e = {0};
    int code = EXIT_CONFIG;
    if (ticket_file_read(&file, c, cli->args[0], cli->client, &e) != 0)
        fprintf(stderr, "shunt: %s: %s\n", cli->args[0], e.text);
    else
        code = explain(cli, c, &file);
    ticket_file_fini(&file);
    config_free(c);
    return code;
}

static const struct cli_option options[] = {
    OPTION_JSON("the same as JSON"),
    OPTION_CLIENT("whose file it is, where it lies in no hot folder (default: the ticket's ClientCode)"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt explain 5903771.json", "Every route, its conditions, and which of them fails."},
    {.line = NULL},
};

const struct cli_command cmd_explain = {
    .name = "explain",
    .summary = "where a ticket would go, and why",
    .description = "Says for every route whether a ticket matches it, which condition fails, and where it would go; or "
                   "why it would fail. Changes nothing.",
    .options = options,
    .operands = {{.name = "FILE", .value = VALUE_FILE}},
    .examples = examples,
    .needs_routes = true,
    .run = run,
};
