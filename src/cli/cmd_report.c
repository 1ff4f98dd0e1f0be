/* cmd_report.c: `shunt report`: a day in numbers, as it is mailed. Asked of the running service; where none runs, made from
 * the store. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/cli.h"
#include "shunt/core/when.h"
#include "shunt/service/report_make.h"
#include "shunt/service/service.h"

static int print(const struct cli *cli, const struct config *c, const json_t *report, struct error *e)
{
    enum report_format format = REPORT_TEXT;
    struct str out = STR_INIT;
    for (unsigned i = 0; cli->format && report_formats[i]; i++)
        if (strcmp(report_formats[i], cli->format) == 0)
            format = (enum report_format)i;
    int rc = report_render(c, report, format, false, &out, e);
    int code = rc ? rc : cli_print(&out);
    str_fini(&out);
    return code;
}

static int mail(struct ask *a, int day, struct error *e)
{
    char date[WHEN_TEXT_MAX], target[96];
    json_t *answer = NULL;
    when_day_text(day, date);
    snprintf(target, sizeof target, "/api/v1/report/send?date=%s", date);
    int rc = ask_post(a, target, NULL, &answer, e);
    if (rc == 0)
        printf("the report of %s is handed to the mail\n", date);
    json_decref(answer);
    return rc;
}

static int act(const struct cli *cli, const struct config *c, struct error *e)
{
    struct ask a;
    json_t *report = NULL;
    int day = clock_local_date(clock_real.wall_ms(&clock_real));
    if (cli->date && !when_day(cli->date, &day))
        return error_set(e, ERR_USAGE, "%.64s is no day; write it as 2026-02-06", cli->date);
    ask_begin(&a, c);
    int rc = cli->send ? mail(&a, day, e) : ask_report(&a, day, &report, e);
    if (rc == 0 && !cli->send)
        rc = print(cli, c, report, e);
    json_decref(report);
    ask_end(&a);
    return rc;
}

static int run(const struct cli *cli)
{
    return cli_with_config(cli, act);
}

static const struct cli_option options[] = {
    OPTION_TEXT("date", date, "DAY", "of this day, as 2026-02-06 (default: today so far)"),
    {.name = "format",
     .value = VALUE_WORD,
     .metavar = "FORMAT",
     .words = report_formats,
     .offset = offsetof(struct cli, format),
     .help = "instead of text"},
    OPTION_FLAG("send", send, "mail it, to whom the settings name; the service must run"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt report", "Today so far."},
    {"shunt report --date 2026-02-06 --format html > report.html", "A day as it was mailed."},
    {.line = NULL},
};

const struct cli_command cmd_report = {
    .name = "report",
    .summary = "the daily report, of today so far or of an earlier day",
    .description =
        "Prints the report of a day, as the service mails it when the day is over: totals, clients, destinations, hours, the "
        "last errors, the slowest deliveries, what waits. An earlier day's is the one that was made then; where none was, it "
        "is made of what is kept. Asks the running service, or reads the store where none runs, and says so.",
    .options = options,
    .examples = examples,
    .run = run,
};
