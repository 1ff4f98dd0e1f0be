/* cmd_list.c: `shunt list`: jobs, the newest first. Printed page by page: a list of any length takes bounded memory. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/filter.h"
#include "shunt/cli/table.h"
#include "shunt/core/when.h"
#include "shunt/service/service.h"

#define LIMIT_DEFAULT 50
#define ID_SHOWN      18 /* characters: the time and some of what is random; enough for `show` */

enum form { FORM_TABLE, FORM_JSON, FORM_CSV };

struct listing {
    enum form form;
    struct look look;
    struct table table;
    size_t printed;
    struct str out;
};

static const struct column columns[] = {
    {.head = "CREATED"},          {.head = "STATUS"}, {.head = "CLIENT", .most = 16},
    {.head = "FILE", .most = 40}, {.head = "ID"},     {.head = "ERROR OR DESTINATIONS"}};

/* "Monday Rank, Celtra": without the archive, which has all. */
static void put_destinations(struct str *out, const json_t *job, bool for_people)
{
    size_t i;
    const json_t *d;
    const char *between = "";
    json_array_foreach (json_object_get(job, "destinations"), i, d) {
        const char *name = text_in(d, "name"), *label = text_in(d, "label"), *state = text_in(d, "state");
        if (!name || (for_people && strcmp(name, "archive") == 0))
            continue;
        str_printf(out, "%s%s", between, for_people && label ? label : name);
        if (!for_people)
            str_printf(out, "=%s", state ? state : "");
        between = for_people ? ", " : ";";
    }
}

static void add_row(struct table *t, const json_t *job)
{
    char created[WHEN_TEXT_MAX], id[ID_SHOWN + 1];
    const char *status = text_in(job, "status"), *error = text_in(job, "error_message"), *whole = text_in(job, "id");
    struct str where = STR_INIT;
    bool failed = error && status && strcmp(status, "completed") != 0;
    when_local(text_in(job, "created_at"), created);
    snprintf(id, sizeof id, "%.*s", ID_SHOWN, whole ? whole : "");
    if (failed)
        str_puts(&where, error);
    else
        put_destinations(&where, job, true);
    table_cell(t, created, PAINT_NONE);
    table_cell(t, status, paint_of_status(status));
    table_cell(t, text_in(job, "client"), PAINT_NONE);
    table_cell(t, text_in(job, "file"), PAINT_NONE);
    table_cell(t, id, PAINT_NONE);
    table_cell(t, where.bytes, PAINT_NONE);
    t->failed = t->failed || str_failed(&where);
    str_fini(&where);
}

static const char *const csv_keys[] = {
    "id",          "status",  "created_at",   "started_at",    "completed_at", "source", "phase",  "client",
    "category",    "studio",  "title",        "folder",        "file",         "size",   "sha256", "path",
    "retry_count", "crashes", "destinations", "error_message", "batch_id",     NULL};

static void put_csv_head(struct str *out)
{
    for (size_t i = 0; csv_keys[i]; i++)
        str_printf(out, "%s%s", i > 0 ? "," : "", csv_keys[i]);
    str_puts(out, "\r\n");
}

/* On a terminal without what could command it. */
static void put_csv_text(struct str *out, const char *text, bool terminal)
{
    struct str plain = STR_INIT;
    if (text && terminal) {
        str_plain(&plain, text, strlen(text));
        text = plain.bytes;
    }
    csv_field(out, text);
    str_part_fini(&plain, out);
}

static void put_csv_row(struct str *out, const json_t *job, bool terminal)
{
    for (size_t i = 0; csv_keys[i]; i++) {
        const json_t *value = json_object_get(job, csv_keys[i]);
        struct str destinations = STR_INIT;
        str_puts(out, i > 0 ? "," : "");
        if (json_is_integer(value))
            str_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (json_is_array(value))
            put_destinations(&destinations, job, false);
        put_csv_text(out, json_is_array(value) ? destinations.bytes : json_string_value(value), terminal);
        str_part_fini(&destinations, out);
    }
    str_puts(out, "\r\n");
}

static void begin(struct listing *l, const struct cli *cli)
{
    *l = (struct listing){.form = cli->json ? FORM_JSON : cli->csv ? FORM_CSV : FORM_TABLE, .out = STR_INIT};
    look_at_output(&l->look);
    table_init(&l->table, columns, sizeof columns / sizeof columns[0]);
    if (l->form == FORM_JSON)
        str_puts(&l->out, "{\"jobs\": [");
    if (l->form == FORM_CSV)
        put_csv_head(&l->out);
}

static int print_page(struct listing *l, const json_t *jobs)
{
    size_t i;
    const json_t *job;
    json_array_foreach (jobs, i, job) {
        if (l->form == FORM_TABLE)
            add_row(&l->table, job);
        if (l->form == FORM_CSV)
            put_csv_row(&l->out, job, l->look.terminal);
        if (l->form == FORM_JSON) {
            str_puts(&l->out, l->printed + i > 0 ? ",\n" : "\n");
            put_json(&l->out, &l->look, job, JSON_COMPACT);
        }
    }
    l->printed += json_array_size(jobs);
    if (l->form == FORM_TABLE)
        table_print(&l->table, &l->look, 0, &l->out);
    int code = l->out.len > 0 || str_failed(&l->out) ? cli_print(&l->out) : EXIT_DONE;
    str_clear(&l->out);
    return code;
}

/* Where it goes on, for who wants more. */
static int finish(struct listing *l, const json_t *next)
{
    const char *cursor = json_string_value(next);
    if (l->form == FORM_JSON) {
        str_puts(&l->out, "\n], \"next\": ");
        put_json(&l->out, &l->look, next, 0);
        str_puts(&l->out, "}\n");
        return cli_print(&l->out);
    }
    if (l->printed == 0 && l->form == FORM_TABLE)
        fprintf(stderr, "no such jobs\n");
    if (cursor)
        fprintf(stderr, "%zu jobs; older ones: the same with --before %s\n", l->printed, cursor);
    return EXIT_DONE;
}

/* Follows pages that are short or empty: a search looks at so many rows a call. */
static int print_all(struct listing *l, struct ask *a, struct store_filter *filter, struct error *e)
{
    size_t left = filter->limit;
    json_t *next = json_null();
    int code = EXIT_DONE;
    do {
        json_t *page = NULL;
        filter->limit = left;
        int rc = ask_list(a, filter, &page, e);
        if (rc == 0)
            code = print_page(l, json_object_get(page, "jobs"));
        size_t n = json_array_size(json_object_get(page, "jobs"));
        json_decref(next);
        next = json_incref(json_object_get(page, "next"));
        json_decref(page);
        if (rc) {
            json_decref(next);
            return rc;
        }
        left -= left == FILTER_ALL ? 0 : n < left ? n : left;
        filter->before = json_string_value(next);
    } while (code == EXIT_DONE && left > 0 && filter->before);
    code = code == EXIT_DONE ? finish(l, next) : code;
    json_decref(next);
    return code;
}

static int run(const struct cli *cli)
{
    struct error e = {0};
    struct store_filter filter;
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_CONFIG;
    if (cli->json && cli->csv)
        error_set(&e, ERR_USAGE, "list prints JSON or CSV, not both");
    else
        filter_read(cli, clock_real.wall_ms(&clock_real), LIMIT_DEFAULT, &filter, &e);
    int code = e.code;
    if (code == 0) {
        struct ask a;
        struct listing l;
        ask_begin(&a, c);
        begin(&l, cli);
        code = print_all(&l, &a, &filter, &e);
        ask_end(&a);
        table_fini(&l.table);
        str_fini(&l.out);
    }
    config_free(c);
    return e.code ? cli_fail(&e) : code;
}

static const struct cli_option options[] = {
    OPTION_TEXT("status", status, "STATUS", "pending, processing, completed, failed, cancelled; several with commas"),
    FILTER_OPTIONS_OF_A_JOB,
    OPTION_TEXT("limit", limit, "N", "at most so many (default 50), or `all`"),
    OPTION_TEXT("before", before, "CURSOR", "go on where a list ended"),
    OPTION_JSON("as JSON, with all that is known of each, and the cursor of the next page"),
    OPTION_FLAG("csv", csv, "as CSV (RFC 4180)"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt list --status failed --since 1d", "What failed since this time yesterday."},
    {"shunt list --client RANK --text 5903771", "Where a ticket went."},
    {"shunt list --since 2026-02-01 --limit all --csv > tickets.csv", "For a spreadsheet."},
    {.line = NULL},
};

const struct cli_command cmd_list = {
    .name = "list",
    .summary = "jobs, the newest first, by state, client, time, text",
    .description =
        "Lists jobs, the newest first; what is asked for must all hold. Asks the running service, or reads the "
        "store where none runs. Times are local; in JSON and CSV they are UTC.",
    .options = options,
    .examples = examples,
    .run = run,
};
