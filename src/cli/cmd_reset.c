/* cmd_reset.c: `shunt reset`: attempts begin anew. A job in hand gets all of its own again; one that failed is put back, as
 * `retry` does it. */
#include <stdio.h>
#include <string.h>

#include "shunt/cli/ask.h"
#include "shunt/cli/table.h"
#include "shunt/service/service.h"

#include "retry_pages.h"
#include "tell.h"

/* Of the answer to a retry: why the first was refused, or that there was none. */
static int refusal(const json_t *answer, struct error *e)
{
    const json_t *first = json_array_get(json_object_get(answer, "refused"), 0);
    const char *why = text_in(first, "why");
    return first ? error_set(e, ERR_CONFLICT, "%s", why ? why : "refused") : 0;
}

static int put_back(struct ask *a, const char *id, struct error *e)
{
    json_t *answer = NULL, *body = json_pack("{s:[s]}", "ids", id);
    int rc = body ? ask_post(a, "/api/v1/retry", body, &answer, e) : error_set(e, ERR_USAGE, "%s: is no id", id);
    rc = rc ? rc : refusal(answer, e);
    json_decref(body);
    json_decref(answer);
    return rc;
}

static int reset(const struct config *c, const char *text, struct error *e)
{
    struct ask a;
    struct str id = STR_INIT;
    struct error why = {0};
    ask_begin(&a, c);
    int rc = ask_id(&a, text, &id, e);
    if (rc == 0 && str_failed(&id))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    if (rc == 0 && tell_post(c, false, "jobs", id.bytes, "reset", &why) != 0)
        rc = why.code == ERR_CONFLICT ? put_back(&a, id.bytes, e) : error_set(e, why.code, "%s", why.text);
    str_fini(&id);
    ask_end(&a);
    return rc;
}

static const char *or_dash(const json_t *object, const char *key)
{
    const char *text = text_in(object, key);
    return text ? text : "-";
}

/* Each that was refused, to the standard error output; user: the exit code. */
static int tell_refused(void *user, const json_t *answer, struct error *e)
{
    size_t i;
    const json_t *one;
    (void)e;
    json_array_foreach (json_object_get(answer, "refused"), i, one) {
        struct error why = {0};
        error_set(&why, ERR_CONFLICT, "%s (%s): %s", or_dash(one, "file"), or_dash(one, "id"), or_dash(one, "why"));
        *(int *)user = cli_fail(&why);
    }
    return 0;
}

static int reset_all(const struct cli *cli, const struct config *c, struct error *e)
{
    struct ask a;
    struct retry_done done = {0};
    json_t *body = json_pack("{s:b}", "all", 1);
    int code = EXIT_DONE;
    (void)cli;
    ask_begin(&a, c);
    int rc = body ? retry_pages(&a, body, SIZE_MAX, tell_refused, &code, &done, e)
                  : error_set(e, ERR_NOMEM, "out of memory");
    ask_end(&a);
    json_decref(body);
    if (rc == 0 || done.retried > 0)
        printf("%zu failed tickets are put back, %zu refused%s\n", done.retried, done.refused,
               done.interrupted ? "; interrupted, there are more" : "");
    return rc ? rc : code ? code : done.more ? EXIT_UNFINISHED : EXIT_DONE;
}

static int run(const struct cli *cli)
{
    struct error e = {0};
    if (cli->all == (cli->n_args > 0)) {
        error_set(&e, ERR_USAGE, "reset takes ids, or --all");
        return cli_fail(&e);
    }
    return cli->all ? cli_with_config(cli, reset_all) : tell_each(cli, reset, ": its attempts begin anew\n");
}

static const struct cli_option options[] = {
    OPTION_FLAG("all", all, "all that failed"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt failed --one-left", "Which tickets are one attempt from failing; their ids are what `reset` takes."},
    {"shunt reset --all", "Everything that failed gets another go."},
    {.line = NULL},
};

const struct cli_command cmd_reset = {
    .name = "reset",
    .summary = "let a ticket's attempts begin anew",
    .description =
        "A ticket that waits for its next attempt gets all its attempts again, and the next one at once. One that "
        "failed is put back into its hot folder, as `retry` does it, and has all its attempts too. The service must "
        "run.",
    .options = options,
    .operands = {{.name = "ID|NAME", .value = VALUE_TEXT, .optional = true, .repeated = true}},
    .examples = examples,
    .run = run,
};
