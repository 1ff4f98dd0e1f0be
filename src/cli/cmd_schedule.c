/* cmd_schedule.c: `shunt schedule`: what runs next, and why. Asked of the running service; where none runs, worked out from
 * the settings, as if it were started now. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/table.h"
#include "shunt/core/plan.h"
#include "shunt/core/units.h"
#include "shunt/core/when.h"
#include "shunt/service/scheduler.h"

#define COUNT_DEFAULT 3

static const struct column columns[] = {{.head = "NEXT"}, {.head = "TASK"},   {.head = "RUNS"},
                                        {.head = "LAST"}, {.head = "RESULT"}, {.head = "WHY"}};

/* As the service would answer. NULL: no memory. */
static json_t *from_settings(const struct settings *s, size_t count)
{
    struct plan *plan = plan_new(s);
    json_t *list = plan ? json_array() : NULL;
    int64_t now = clock_real.wall_ms(&clock_real);
    for (size_t i = 0; list && i < plan->count; i++) {
        const struct planned *p = &plan->items[i];
        int64_t first = schedule_next(&p->schedule, plan_off(p, &plan->off), now, now);
        if (json_array_append_new(list, plan_json(p, &plan->off, first, count)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    mem_free(plan);
    return json_pack("{s:o}", "tasks", list);
}

static int find(const struct config *c, size_t count, json_t **out, struct error *e)
{
    struct ask a;
    struct error why = {0};
    char target[64];
    snprintf(target, sizeof target, "/api/v1/schedule?count=%zu", count);
    ask_begin(&a, c);
    int rc = ask_get(&a, target, out, &why);
    bool answered = a.answered;
    ask_end(&a);
    if (rc == 0 || answered || why.code != ERR_GONE)
        return rc == 0 ? 0 : error_set(e, rc, "%s", why.text);
    fprintf(stderr, "%s; by the settings:\n", why.text);
    *out = from_settings(c->settings, count);
    return *out ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

static void add_row(struct table *t, const json_t *task, const json_t *run)
{
    char next[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
    const char *kind = text_in(task, "run"), *program = text_in(task, "program");
    bool running = json_is_true(json_object_get(task, "running"));
    when_local(text_in(run, "at"), next);
    when_local(text_in(task, "last"), last);
    table_cell(t, next, PAINT_NONE);
    table_cell(t, text_in(task, "name"), PAINT_NONE);
    table_cell(t, program ? program : kind, PAINT_NONE);
    table_cell(t, last, PAINT_NONE);
    table_cell(t, running ? "running" : text_in(task, "result"), running ? PAINT_BUSY : PAINT_NONE);
    table_cell(t, text_in(run, "why"), PAINT_NONE);
}

static void put_tasks(const json_t *schedule, const struct look *look, struct str *out)
{
    struct table table;
    size_t i, k;
    const json_t *task, *run;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    json_array_foreach (json_object_get(schedule, "tasks"), i, task) {
        json_array_foreach (json_object_get(task, "next"), k, run)
            add_row(&table, task, run);
    }
    table_print(&table, look, 0, out);
    table_fini(&table);
}

static int print(const struct cli *cli, const json_t *schedule)
{
    struct look look;
    struct str out = STR_INIT;
    look_at_output(&look);
    if (!cli->json)
        put_tasks(schedule, &look, &out);
    else if (put_json(&out, &look, schedule, JSON_INDENT(2)))
        str_putc(&out, '\n');
    int code = cli_print(&out);
    str_fini(&out);
    return code;
}

static int act(const struct cli *cli, const struct config *c, struct error *e)
{
    int64_t count = COUNT_DEFAULT;
    json_t *schedule = NULL;
    if (cli->limit && units_count(cli->limit, 1, SCHEDULER_RUNS_MAX, &count, NULL) != 0)
        return error_set(e, ERR_USAGE, "--count: no number from 1 to %d", SCHEDULER_RUNS_MAX);
    int rc = find(c, (size_t)count, &schedule, e);
    int code = rc ? rc : print(cli, schedule);
    json_decref(schedule);
    return code;
}

static int run(const struct cli *cli)
{
    return cli_with_config(cli, act);
}

static const struct cli_option options[] = {
    OPTION_JSON("all that is known, as JSON"),
    {.letter = 'n',
     .name = "count",
     .value = VALUE_TEXT,
     .metavar = "COUNT",
     .offset = offsetof(struct cli, limit),
     .help = "so many runs of each task, 1 to 100; 3 unless said"},
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt schedule -n 10", "The next ten runs of each task."},
    {.line = NULL},
};

const struct cli_command cmd_schedule = {
    .name = "schedule",
    .summary = "what runs next, and why",
    .description =
        "Lists our own periodic work and the tasks of `shunt.ini` with their next runs, why they come then, and how the "
        "last run ended. Asks the running service, or works it out from the settings where none runs, and says so.",
    .options = options,
    .examples = examples,
    .run = run,
};
