/* cmd_show.c: `shunt show ID|NAME`: what became of a ticket, and where it is now. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/copies.h"
#include "shunt/cli/table.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"
#include "shunt/service/service.h"

#define LABEL_WIDTH 11

struct showing {
    const struct config *config;
    const json_t *job;
    struct look look;
    struct str out;
};

static void label(struct showing *s, const char *text)
{
    struct str padded = STR_INIT;
    str_printf(&padded, "%-*s", LABEL_WIDTH, text);
    put_painted(&s->out, &s->look, PAINT_HEAD, padded.bytes);
    str_fini(&padded);
}

static void put_plain(struct showing *s, const char *text)
{
    str_plain(&s->out, text, strlen(text));
}

/* A line of its own, where there is something to tell. */
static void line(struct showing *s, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    label(s, name);
    put_plain(s, text);
    str_putc(&s->out, '\n');
}

static void put_head(struct showing *s)
{
    const char *folder = text_in(s->job, "folder"), *file = text_in(s->job, "file");
    const char *status = text_in(s->job, "status");
    json_int_t retries = json_number_of(s->job, "retry_count"), crashes = json_number_of(s->job, "crashes");
    label(s, "File");
    put_plain(s, folder ? folder : "");
    str_puts(&s->out, folder && *folder ? "/" : "");
    put_plain(s, file ? file : "-");
    str_putc(&s->out, '\n');
    line(s, "Id", text_in(s->job, "id"));
    label(s, "Status");
    put_painted(&s->out, &s->look, paint_of_status(status), status ? status : "-");
    if (retries > 0)
        str_printf(&s->out, "; %" JSON_INTEGER_FORMAT " failed %s", retries, retries == 1 ? "try" : "tries");
    if (crashes > 0)
        str_printf(&s->out, "; in work in %" JSON_INTEGER_FORMAT " %s", crashes, crashes == 1 ? "crash" : "crashes");
    str_putc(&s->out, '\n');
    line(s, "Error", text_in(s->job, "error_message"));
}

static void put_fields(struct showing *s)
{
    const char *hash = text_in(s->job, "sha256"), *phase = text_in(s->job, "phase");
    line(s, "Client", text_in(s->job, "client"));
    line(s, "Category", text_in(s->job, "category"));
    line(s, "Studio", text_in(s->job, "studio"));
    line(s, "Title", text_in(s->job, "title"));
    label(s, "Size");
    str_printf(&s->out, "%" JSON_INTEGER_FORMAT " bytes\n", json_number_of(s->job, "size"));
    line(s, "SHA-256", hash);
    line(s, "Found", phase);
}

static void put_times(struct showing *s)
{
    static const char *const keys[][2] = {
        {"created_at", "Created"}, {"started_at", "Started"}, {"completed_at", "Ended"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char when[WHEN_TEXT_MAX];
        const char *at = text_in(s->job, keys[i][0]);
        when_local(at, when);
        line(s, keys[i][1], at ? when : NULL);
    }
}

static void put_place(struct table *t, const char *what, const char *path, const char *gone)
{
    bool there = copies_exist(path);
    table_cell(t, what, PAINT_NONE);
    table_cell(t, there ? "there" : gone, there ? PAINT_GOOD : PAINT_WARN);
    table_cell(t, path, PAINT_NONE);
}

/* The ticket itself, and its copies. */
static void put_places(struct showing *s)
{
    static const struct column columns[] = {{.head = "WHERE"}, {.head = "NOW"}, {.head = "PATH"}};
    struct table t;
    struct look whole = s->look; /* a path that is cut helps nobody */
    size_t i;
    const json_t *d;
    const char *path = text_in(s->job, "path");
    whole.terminal = false;
    table_init(&t, columns, 3);
    json_array_foreach (json_object_get(s->job, "deliveries"), i, d) {
        char *copy;
        if (copies_path(s->config, s->job, d, &copy) != 0)
            t.failed = true;
        bool archive = copy && strcmp(text_in(d, "name"), COPIES_ARCHIVE) == 0;
        if (copy && !(path && strcmp(path, copy) == 0))
            put_place(&t, text_in(d, "label") ? text_in(d, "label") : text_in(d, "name"), copy,
                      archive ? "missing" : "taken");
        mem_free(copy);
    }
    if (path)
        put_place(&t, "the ticket", path, "gone");
    str_puts(&s->out, t.count > 0 ? "\n" : "");
    table_print(&t, &whole, 0, &s->out);
    table_fini(&t);
}

static void put_deliveries(struct showing *s)
{
    static const struct column columns[] = {{.head = "DESTINATION", .most = 24},
                                            {.head = "STATE"},
                                            {.head = "FAILED", .right = true},
                                            {.head = "WHEN"},
                                            {.head = "LAST ERROR"}};
    struct table t;
    size_t i;
    const json_t *d;
    table_init(&t, columns, 5);
    json_array_foreach (json_object_get(s->job, "deliveries"), i, d) {
        char when[WHEN_TEXT_MAX], next[WHEN_TEXT_MAX + 8];
        when_local(text_in(d, "done_at"), when);
        if (!text_in(d, "done_at") && text_in(d, "next_at")) {
            when_local(text_in(d, "next_at"), when);
            snprintf(next, sizeof next, "next %s", when);
        } else {
            snprintf(next, sizeof next, "%s", when);
        }
        table_cell(&t, text_in(d, "label") ? text_in(d, "label") : text_in(d, "name"), PAINT_NONE);
        table_cell(&t, text_in(d, "state"), paint_of_status(text_in(d, "state")));
        table_number(&t, json_number_of(d, "attempts"));
        table_cell(&t, next, PAINT_NONE);
        table_cell(&t, text_in(d, "error"), PAINT_NONE);
    }
    str_puts(&s->out, t.count > 0 ? "\n" : "");
    table_print(&t, &s->look, 0, &s->out);
    table_fini(&t);
}

static void put_events(struct showing *s)
{
    static const struct column columns[] = {
        {.head = "TIME"}, {.head = "EVENT"}, {.head = "DESTINATION", .most = 24}, {.head = "WHAT"}};
    struct table t;
    struct look whole = s->look;
    size_t i;
    const json_t *event;
    whole.terminal = false; /* the story is told whole */
    table_init(&t, columns, 4);
    json_array_foreach (json_object_get(s->job, "events"), i, event) {
        char when[WHEN_TEXT_MAX];
        when_local_ms(text_in(event, "at"), when);
        table_cell(&t, when, PAINT_NONE);
        table_cell(&t, text_in(event, "event"), PAINT_NONE);
        table_cell(&t, text_in(event, "destination"), PAINT_NONE);
        table_cell(&t, text_in(event, "text"), PAINT_NONE);
    }
    str_puts(&s->out, t.count > 0 ? "\n" : "");
    table_print(&t, &whole, 0, &s->out);
    table_fini(&t);
}

/* What the running service is doing with it at this moment. */
static void put_live(struct showing *s)
{
    const json_t *live = json_object_get(s->job, "live"), *d;
    size_t i;
    if (!json_is_object(live))
        return;
    line(s, "Right now", text_in(live, "state"));
    json_array_foreach (json_object_get(live, "deliveries"), i, d) {
        char span[WHEN_TEXT_MAX];
        str_printf(&s->out, "%*s", LABEL_WIDTH, "");
        put_plain(s, text_in(d, "name") ? text_in(d, "name") : "-");
        str_puts(&s->out, ": ");
        put_plain(s, text_in(d, "state") ? text_in(d, "state") : "-");
        when_span(json_number_of(d, "next_in_ms"), span);
        if (json_is_integer(json_object_get(d, "next_in_ms")))
            str_printf(&s->out, ", next try in %s", span);
        if (text_in(d, "error")) {
            str_puts(&s->out, ": ");
            put_plain(s, text_in(d, "error"));
        }
        str_putc(&s->out, '\n');
    }
}

static int print(const struct cli *cli, const struct config *c, const json_t *job)
{
    struct showing s = {.config = c, .job = job, .out = STR_INIT};
    look_at_output(&s.look);
    if (cli->json) {
        put_json(&s.out, &s.look, job, JSON_INDENT(2));
        str_putc(&s.out, '\n');
    } else {
        put_head(&s);
        put_live(&s);
        put_fields(&s);
        put_times(&s);
        put_places(&s);
        put_deliveries(&s);
        put_events(&s);
    }
    int code = cli_print(&s.out);
    str_fini(&s.out);
    return code;
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    struct error e = {0};
    struct ask a;
    json_t *job = NULL;
    if (!c)
        return EXIT_CONFIG;
    ask_begin(&a, c);
    int code = ask_show(&a, cli->args[0], &job, &e) == 0 ? print(cli, c, job) : cli_fail(&e);
    ask_end(&a);
    json_decref(job);
    config_free(c);
    return code;
}

static const struct cli_option options[] = {
    OPTION_JSON("all that is known, as JSON"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt show 5903771.json", "The newest ticket of that name: where it is, and how it came there."},
    {.line = NULL},
};

const struct cli_command cmd_show = {
    .name = "show",
    .summary = "what became of a ticket, and where it is now",
    .description =
        "Tells all about a job: what it is, where its ticket and the copies are now, how each delivery went, and "
        "the story from its being found on. It is named by its id, the beginning of one (as `list` shows it), or "
        "the name of its file, of which the newest is shown. Asks the running service, or reads the store where "
        "none runs.",
    .options = options,
    .operands = {{.name = "ID|NAME", .value = VALUE_TEXT}},
    .examples = examples,
    .run = run,
};
