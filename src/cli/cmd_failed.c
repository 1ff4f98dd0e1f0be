/* cmd_failed.c: `shunt failed`: what failed and is set aside, what failed last first, and how many attempts were made of what.
 * Everything is counted, page by page; printed is what the limit says. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/filter.h"
#include "shunt/cli/table.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"
#include "shunt/service/service.h"

#define LIMIT_DEFAULT 50
#define ID_SHOWN      18
#define COUNTED       8 /* so many attempts or more are counted together */

struct failures {
    json_t *jobs;               /* that are printed */
    json_t *one_left;           /* deliveries; NULL: no service runs */
    bool more_left;             /* than these */
    json_t *in_hand;            /* deliveries by attempts: {"0": 12} */
    size_t failed[COUNTED + 1]; /* by attempts */
};

static void count(size_t counts[COUNTED + 1], json_int_t attempts)
{
    counts[attempts < 0 ? 0 : attempts > COUNTED ? COUNTED : attempts]++;
}

static const char *ended_at(const json_t *job)
{
    const char *text = text_in(job, "completed_at");
    return text ? text : "";
}

/* What failed last comes first; they come as they arrived, so that mostly little is to be moved. */
static int keep(struct failures *f, json_t *job, size_t limit)
{
    size_t at = json_array_size(f->jobs);
    while (at > 0 && strcmp(ended_at(json_array_get(f->jobs, at - 1)), ended_at(job)) < 0)
        at--;
    if (at >= limit)
        return 0;
    if (json_array_insert(f->jobs, at, job) != 0)
        return ERR_NOMEM;
    if (json_array_size(f->jobs) > limit)
        (void)json_array_remove(f->jobs, limit);
    return 0;
}

/* ---- reading ---- */

static int read_failed(struct failures *f, struct ask *a, struct store_filter *filter, struct error *e)
{
    size_t limit = filter->limit, i;
    json_t *next = NULL, *job;
    int rc = 0;
    filter->limit = FILTER_PAGE_MAX;
    filter->statuses = 1U << STATUS_FAILED;
    do {
        json_t *page = NULL;
        filter->before = json_string_value(next);
        rc = ask_list(a, filter, &page, e);
        json_decref(next);
        next = json_incref(json_object_get(page, "next"));
        json_array_foreach (json_object_get(page, "jobs"), i, job) {
            count(f->failed, json_number_of(job, "retry_count"));
            if (rc == 0 && keep(f, job, limit) != 0)
                rc = error_set(e, ERR_NOMEM, "out of memory");
        }
        json_decref(page);
    } while (rc == 0 && json_is_string(next));
    json_decref(next);
    return rc;
}

/* Of the first instance that answers. None: only the store is read. */
static int read_in_hand(struct failures *f, struct ask *a, struct error *e)
{
    json_t *answer = NULL;
    struct error why = {0};
    int rc = ask_get(a, "/api/v1/deliveries?one_left=true&counts=true&limit=1000", &answer, &why);
    if (rc == 0) {
        f->one_left = json_incref(json_object_get(answer, "deliveries"));
        f->more_left = json_is_true(json_object_get(answer, "more"));
        f->in_hand = json_incref(json_object_get(answer, "attempts"));
    }
    json_decref(answer);
    return rc && (rc != ERR_GONE || a->answered) ? error_set(e, rc, "%s", why.text) : 0;
}

/* ---- printing ---- */

static void put_counts(struct str *out, const char *what, const size_t counts[COUNTED + 1])
{
    const char *between = "";
    str_puts(out, what);
    for (size_t i = 0; i <= COUNTED; i++) {
        if (counts[i] == 0)
            continue;
        str_printf(out, "%s %zu after %zu%s attempt%s", between, counts[i], i, i == COUNTED ? " or more" : "",
                   i == 1 ? "" : "s");
        between = ",";
    }
    str_puts(out, between[0] ? "\n" : " none\n");
}

static void put_jobs(struct str *out, const struct failures *f, const struct look *look)
{
    static const struct column columns[] = {{.head = "FAILED"},
                                            {.head = "ATTEMPTS", .right = true},
                                            {.head = "CLIENT", .most = 16},
                                            {.head = "FILE", .most = 40},
                                            {.head = "ID"},
                                            {.head = "ERROR"}};
    struct table t;
    size_t i;
    const json_t *job;
    table_init(&t, columns, sizeof columns / sizeof *columns);
    json_array_foreach (f->jobs, i, job) {
        char when[WHEN_TEXT_MAX], id[ID_SHOWN + 1];
        when_local(text_in(job, "completed_at"), when);
        snprintf(id, sizeof id, "%.*s", ID_SHOWN, text_in(job, "id") ? text_in(job, "id") : "");
        table_cell(&t, when, PAINT_NONE);
        table_number(&t, json_number_of(job, "retry_count"));
        table_cell(&t, text_in(job, "client"), PAINT_NONE);
        table_cell(&t, text_in(job, "file"), PAINT_NONE);
        table_cell(&t, id, PAINT_NONE);
        table_cell(&t, text_in(job, "error_message"), PAINT_NONE);
    }
    table_print(&t, look, 0, out);
    table_fini(&t);
    str_puts(out, json_array_size(f->jobs) > 0 ? "\n" : "");
    put_counts(out, "Failed:", f->failed);
    if (!f->one_left)
        return;
    size_t hand[COUNTED + 1], n = json_array_size(f->one_left);
    for (i = 0; i <= COUNTED; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        hand[i] = (size_t)json_number_of(f->in_hand, key);
    }
    put_counts(out, "Deliveries in hand:", hand);
    if (n > 0)
        str_printf(out, "One attempt from failing: %zu%s; --one-left lists them\n", n, f->more_left ? " or more" : "");
}

static void put_one_left(struct str *out, const struct failures *f, const struct look *look)
{
    static const struct column columns[] = {{.head = "ATTEMPTS"},
                                            {.head = "NEXT IN", .right = true},
                                            {.head = "CLIENT", .most = 16},
                                            {.head = "FILE", .most = 40},
                                            {.head = "ID"},
                                            {.head = "DESTINATION", .most = 24},
                                            {.head = "ERROR"}};
    struct table t;
    size_t i;
    const json_t *d;
    table_init(&t, columns, sizeof columns / sizeof *columns);
    json_array_foreach (f->one_left, i, d) {
        char of[64], next[WHEN_TEXT_MAX], id[ID_SHOWN + 1];
        snprintf(of, sizeof of, "%lld of %lld", (long long)json_number_of(d, "attempts"),
                 (long long)json_number_of(d, "attempts_limit"));
        when_span(json_number_of(d, "next_in_ms"), next);
        snprintf(id, sizeof id, "%.*s", ID_SHOWN, text_in(d, "job") ? text_in(d, "job") : "");
        table_cell(&t, of, PAINT_WARN);
        table_cell(&t, json_is_integer(json_object_get(d, "next_in_ms")) ? next : NULL, PAINT_NONE);
        table_cell(&t, text_in(d, "client"), PAINT_NONE);
        table_cell(&t, text_in(d, "file"), PAINT_NONE);
        table_cell(&t, id, PAINT_NONE);
        table_cell(&t, text_in(d, "destination"), PAINT_NONE);
        table_cell(&t, text_in(d, "error"), PAINT_NONE);
    }
    table_print(&t, look, 0, out);
    table_fini(&t);
    if (json_array_size(f->one_left) == 0)
        str_puts(out, "nothing is one attempt from failing\n");
    if (f->more_left)
        str_puts(out, "... and more\n");
}

static json_t *counts_json(const size_t counts[COUNTED + 1])
{
    json_t *json = json_object();
    for (size_t i = 0; i <= COUNTED; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        if (counts[i] > 0)
            json_object_set_new(json, key, json_integer((json_int_t)counts[i]));
    }
    return json;
}

static int print(const struct cli *cli, const struct failures *f)
{
    struct look look;
    struct str out = STR_INIT;
    look_at_output(&look);
    if (cli->json) {
        json_t *all = cli->one_left ? json_pack("{s:O, s:b}", "one_left", f->one_left, "more", f->more_left)
                                    : json_pack("{s:O, s:{s:o, s:O?}, s:O?, s:b}", "failed", f->jobs, "attempts",
                                                "failed", counts_json(f->failed), "in_hand", f->in_hand, "one_left",
                                                f->one_left, "more", f->more_left);
        put_json(&out, &look, all, JSON_INDENT(2));
        str_putc(&out, '\n');
        json_decref(all);
    } else if (cli->one_left) {
        put_one_left(&out, f, &look);
    } else {
        put_jobs(&out, f, &look);
    }
    int code = cli_print(&out);
    str_fini(&out);
    return code;
}

static int run(const struct cli *cli)
{
    struct error e = {0};
    struct ask a;
    struct store_filter filter;
    struct failures f = {.jobs = json_array()};
    struct config *c = cli_config(cli);
    if (!c) {
        json_decref(f.jobs);
        return EXIT_CONFIG;
    }
    ask_begin(&a, c);
    int code = EXIT_DONE, rc = filter_read(cli, clock_real.wall_ms(&clock_real), LIMIT_DEFAULT, &filter, &e);
    rc = rc ? rc : read_in_hand(&f, &a, &e);
    if (rc == 0 && cli->one_left && !f.one_left)
        rc = error_set(&e, ERR_GONE, "no service runs: what waits is not tried, so nothing can fail");
    if (rc == 0 && !cli->one_left)
        rc = read_failed(&f, &a, &filter, &e);
    code = rc ? cli_fail(&e) : print(cli, &f);
    ask_end(&a);
    json_decref(f.jobs);
    json_decref(f.one_left);
    json_decref(f.in_hand);
    config_free(c);
    return code;
}

static const struct cli_option options[] = {
    OPTION_FLAG("one-left", one_left, "what waits and fails for good with the next attempt that fails"),
    FILTER_OPTIONS_OF_A_JOB,
    OPTION_TEXT("limit", limit, "N", "print at most so many (default 50), or `all`; all are counted"),
    OPTION_JSON("as JSON, with all that is known of each"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt failed --since 1d", "What failed of the tickets of the last day, and after how many attempts."},
    {"shunt failed --one-left", "What somebody should look at before it fails."},
    {.line = NULL},
};

const struct cli_command cmd_failed = {
    .name = "failed",
    .summary = "what failed, how often, and what is about to fail",
    .description =
        "Lists the tickets that failed and are set aside, what failed last first, with the number of attempts that were "
        "made, and counts by attempts: of all that failed, and of the deliveries that the running service has in "
        "hand. `retry` or `reset` puts them back. Reads the store where no service runs.",
    .options = options,
    .examples = examples,
    .run = run,
};
