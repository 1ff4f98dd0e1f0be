/* cmd_cancel.c: `shunt cancel ID`: a ticket that waits is set aside. Of several instances the one that has it does it. */
#include "shunt/cli/ask.h"

#include "tell.h"

static int cancel(const struct config *c, const char *text, struct error *e)
{
    struct ask a;
    struct str id = STR_INIT;
    ask_begin(&a, c);
    int rc = ask_id(&a, text, &id, e);
    ask_end(&a);
    if (rc == 0 && str_failed(&id))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    rc = rc ? rc : tell_post(c, false, "jobs", id.bytes, "cancel", e);
    str_fini(&id);
    return rc;
}

static int run(const struct cli *cli)
{
    return tell_each(cli, cancel, ": cancelled; its ticket goes to the failed folder\n");
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
