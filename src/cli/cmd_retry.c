/* cmd_retry.c: `shunt retry`: failed tickets are put back, by the running service, which is asked for a page at a time. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/filter.h"
#include "shunt/cli/table.h"
#include "shunt/service/service.h"

#include "retry_pages.h"

#define LIMIT_DEFAULT 1000

struct retried {
    json_t *retried, *refused;
    struct retry_done done;
};

static bool is_filtered(const struct store_filter *f)
{
    return f->client || f->category || f->destination || f->error || f->text || f->since_ms || f->until_ms;
}

/* All failed tickets are put back only when that was said. */
static int check_choice(const struct cli *cli, const struct store_filter *filter, struct error *e)
{
    int choices = (cli->n_args > 0) + is_filtered(filter) + cli->all;
    if (choices == 0)
        return error_set(e, ERR_USAGE, "retry needs to know which: ids, options that choose, or --all");
    if (choices > 1)
        return error_set(e, ERR_USAGE, "retry takes ids, or options that choose, or --all; not two of them");
    if (filter->limit == FILTER_ALL)
        return error_set(e, ERR_USAGE, "--limit is a number here");
    return 0;
}

static int add_ids(struct ask *a, const struct cli *cli, json_t *body, struct error *e)
{
    json_t *ids = json_array();
    int rc = ids ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; rc == 0 && i < cli->n_args; i++) {
        struct str id = STR_INIT;
        rc = ask_id(a, cli->args[i], &id, e);
        json_t *text = rc || str_failed(&id) ? NULL : json_string(id.bytes);
        if (rc == 0 && !text)
            rc = error_set(e, ERR_USAGE, "%s: is no id", cli->args[i]);
        if (text && json_array_append_new(ids, text) != 0)
            rc = error_set(e, ERR_NOMEM, "out of memory");
        str_fini(&id);
    }
    if (rc == 0 && json_object_set(body, "ids", ids) != 0)
        rc = error_set(e, ERR_NOMEM, "out of memory");
    json_decref(ids);
    return rc;
}

/* NULL: e says why. */
static json_t *body_of(struct ask *a, const struct cli *cli, const struct store_filter *filter, struct error *e)
{
    json_t *body = json_pack("{s:b, s:b, s:I}", "dry_run", (int)cli->dry_run, "reroute", (int)cli->reroute, "limit",
                             (json_int_t)filter->limit);
    int rc = body ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    if (rc == 0 && cli->n_args > 0)
        rc = add_ids(a, cli, body, e);
    else if (rc == 0 && cli->all)
        rc = json_object_set_new(body, "all", json_true());
    else if (rc == 0)
        rc = json_object_set_new(body, "filter", filter_document(filter));
    if (rc == 0)
        return body;
    error_set(e, ERR_USAGE, "what is asked for cannot be sent: it is no UTF-8, or memory is out");
    json_decref(body);
    return NULL;
}

static void add_rows(struct table *t, const json_t *list, const char *word, enum paint paint, const char *key)
{
    size_t i;
    const json_t *one;
    json_array_foreach (list, i, one) {
        table_cell(t, word, paint);
        table_cell(t, text_in(one, "client"), PAINT_NONE);
        table_cell(t, text_in(one, "file") ? text_in(one, "file") : text_in(one, "id"), PAINT_NONE);
        table_cell(t, text_in(one, key), PAINT_NONE);
    }
}

static int print(const struct cli *cli, const struct retried *told)
{
    static const struct column columns[] = {
        {.head = "RESULT"}, {.head = "CLIENT", .most = 16}, {.head = "FILE", .most = 40}, {.head = "TO, OR WHY NOT"}};
    size_t n_retried = json_array_size(told->retried), n_refused = json_array_size(told->refused);
    struct look look;
    struct table t;
    struct str out = STR_INIT;
    look_at_output(&look);
    table_init(&t, columns, 4);
    if (cli->json) {
        json_t *answer =
            json_pack("{s:O, s:O, s:b}", "retried", told->retried, "refused", told->refused, "more", told->done.more);
        put_json(&out, &look, answer, JSON_INDENT(2));
        str_putc(&out, '\n');
        json_decref(answer);
    } else {
        add_rows(&t, told->retried, cli->dry_run ? "would be" : "retried", PAINT_GOOD, "to");
        add_rows(&t, told->refused, "refused", PAINT_BAD, "why");
        table_print(&t, &look, 0, &out);
        str_printf(&out, "%zu %s, %zu refused%s%s\n", n_retried, cli->dry_run ? "would be retried" : "retried",
                   n_refused, told->done.interrupted ? "; interrupted" : "",
                   told->done.more ? "; there are more: the same again goes on" : "");
    }
    int code = cli_print(&out);
    table_fini(&t);
    str_fini(&out);
    return code != EXIT_DONE ? code : n_refused > 0 ? EXIT_FAILED : told->done.more ? EXIT_UNFINISHED : EXIT_DONE;
}

static int note_page(void *user, const json_t *answer, struct error *e)
{
    struct retried *told = user;
    if (json_array_extend(told->retried, json_object_get(answer, "retried")) != 0 ||
        json_array_extend(told->refused, json_object_get(answer, "refused")) != 0)
        return error_set(e, ERR_NOMEM, "out of memory");
    return 0;
}

static int ask_and_print(const struct cli *cli, const struct config *c, const struct store_filter *filter,
                         struct error *e)
{
    struct ask a;
    struct retried told = {.retried = json_array(), .refused = json_array()};
    int code = EXIT_FAILED;
    ask_begin(&a, c);
    json_t *body = body_of(&a, cli, filter, e);
    if (body && (retry_pages(&a, body, filter->limit, note_page, &told, &told.done, e) == 0 || told.done.retried > 0))
        code = print(cli, &told); /* also what was done before it failed */
    json_decref(body);
    json_decref(told.retried);
    json_decref(told.refused);
    ask_end(&a);
    return code;
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    struct error e = {0};
    struct store_filter filter;
    int code = EXIT_CONFIG;
    if (!c)
        return EXIT_CONFIG;
    if (filter_read(cli, clock_real.wall_ms(&clock_real), LIMIT_DEFAULT, &filter, &e) == 0 &&
        check_choice(cli, &filter, &e) == 0)
        code = ask_and_print(cli, c, &filter, &e);
    config_free(c);
    return e.code ? cli_fail(&e) : code;
}

static const struct cli_option options[] = {
    OPTION_FLAG("all", all, "all that failed"),
    FILTER_OPTIONS_OF_A_JOB,
    OPTION_FLAG("dry-run", dry_run, "only say what would be done"),
    OPTION_TEXT("limit", limit, "N", "at most so many (default 1000)"),
    OPTION_FLAG("reroute", reroute,
                "also to destinations that have it already: as if it came anew, by today's routing table"),
    OPTION_JSON("the answer as JSON"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt retry --error 'No space left' --dry-run", "What would be put back; without --dry-run it is."},
    {"shunt retry 5903771.json", "One ticket, by the name of its file."},
    {.line = NULL},
};

const struct cli_command cmd_retry = {
    .name = "retry",
    .summary = "put failed tickets back",
    .description =
        "Puts failed tickets back into their hot folders, from which the service takes them up again: those that "
        "are named, by their ids or file names, those that are chosen, or all. The service must run.",
    .options = options,
    .operands = {{.name = "ID|NAME", .value = VALUE_TEXT, .optional = true, .repeated = true}},
    .examples = examples,
    .run = run,
};
