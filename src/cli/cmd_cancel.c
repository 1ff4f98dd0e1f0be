/* cmd_cancel.c: `shunt cancel ID`: a ticket that waits is set aside. Of several instances the one that has it does it. */
#include <stdio.h>
#include <string.h>

#include "shunt/cli/ask.h"
#include "shunt/cli/filter.h"
#include "shunt/cli/table.h"
#include "shunt/service/service.h"

static int cancel(const struct config *c, const char *text, json_t **answer, struct error *e)
{
    struct ask a;
    struct str id = STR_INIT, target = STR_INIT;
    ask_begin(&a, c);
    int rc = ask_id(&a, text, &id, e);
    ask_end(&a);
    str_puts(&target, "/api/v1/jobs/");
    url_part(&target, id.bytes);
    str_puts(&target, "/cancel");
    if (rc == 0 && (str_failed(&id) || str_failed(&target)))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    ask_begin(&a, c); /* from the first instance on */
    rc = rc ? rc : ask_post_all(&a, false, target.bytes, answer, e);
    ask_end(&a);
    str_fini(&id);
    str_fini(&target);
    return rc;
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    int code = EXIT_DONE;
    if (!c)
        return EXIT_CONFIG;
    for (int i = 0; i < cli->n_args; i++) {
        struct error e = {0};
        json_t *answer = NULL;
        struct str out = STR_INIT;
        if (cancel(c, cli->args[i], &answer, &e) == 0) {
            str_plain(&out, cli->args[i], strlen(cli->args[i]));
            str_puts(&out, ": cancelled; its ticket goes to the failed folder\n");
            int printed = cli_print(&out);
            code = code == EXIT_DONE ? printed : code;
        } else {
            code = cli_fail(&e);
        }
        json_decref(answer);
        str_fini(&out);
    }
    config_free(c);
    return code;
}

static const struct cli_example examples[] = {
    {"shunt list --status pending", "Which tickets wait; their ids are what `cancel` takes."},
    {.line = NULL},
};

const struct cli_command cmd_cancel = {
    .name = "cancel",
    .summary = "set a waiting ticket aside",
    .description =
        "Ends a job that waits: its ticket goes to the failed folder, with a reason that says who cancelled it, and "
        "can be put back by `retry`. What was delivered stays delivered. A job that is being delivered at this "
        "moment is not cancelled. The service must run.",
    .operands = {{.name = "ID|NAME", .value = VALUE_TEXT, .repeated = true}},
    .examples = examples,
    .run = run,
};
