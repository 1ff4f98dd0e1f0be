/* cmd_store.c: `shunt store check|backup|vacuum`: the care of the store, on its file, whether the service runs or not. */
#include <stdio.h>
#include <string.h>

#include "shunt/cli/cli.h"
#include "shunt/cli/table.h"
#include "shunt/service/service.h"
#include "shunt/store/store.h"

/* Returns how many findings there are, or a negative code. */
static int findings(struct store *s, bool tell, struct error *e)
{
    json_t *all = NULL;
    size_t i;
    const json_t *text;
    int rc = store_check(s, &all, e);
    if (rc)
        return rc;
    json_array_foreach (all, i, text) {
        struct str plain = STR_INIT;
        const char *value = json_string_value(text);
        str_plain(&plain, value ? value : "", value ? strlen(value) : 0);
        if (tell)
            puts(plain.bytes);
        str_fini(&plain);
    }
    int n = (int)json_array_size(all);
    json_decref(all);
    return n;
}

static int check(struct store *s, struct error *e)
{
    int n = findings(s, true, e);
    if (n < 0)
        return n;
    puts(n == 0 ? "the store is sound"
                : "the store is damaged; the service sets it aside when it starts, and begins anew");
    return n == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* Opened for writing, a damaged one would be set aside, under a service that has it open. */
static int vacuum(const struct config *c, struct store *reader, struct error *e)
{
    struct store *s = NULL;
    int n = findings(reader, false, e);
    if (n > 0)
        return error_set(e, ERR_SYNTAX, "the store is damaged and stays as it is; `shunt store check` tells more");
    int rc = n < 0 ? n : store_open(&s, c->settings->store_url, c->data, STORE_WRITE, e);
    rc = rc ? rc : store_vacuum(s, e);
    store_close(s);
    if (rc == 0)
        puts("the store takes no more room than it needs");
    return rc;
}

static int backup(struct store *s, const char *path, struct error *e)
{
    int rc = store_backup(s, path, e);
    if (rc == 0)
        printf("the store is copied to %s\n", path);
    return rc;
}

static int act(const struct cli *cli, const struct config *c, struct error *e)
{
    struct store *s = NULL;
    const char *what = cli->args[0];
    if ((cli->n_args > 1) != (strcmp(what, "backup") == 0))
        return error_set(e, ERR_USAGE, cli->n_args > 1 ? "store %s takes no file" : "store %s needs a file", what);
    int rc = store_open(&s, c->settings->store_url, c->data, STORE_READ, e);
    if (rc == 0 && strcmp(what, "check") == 0)
        rc = check(s, e);
    else if (rc == 0 && strcmp(what, "vacuum") == 0)
        rc = vacuum(c, s, e);
    else if (rc == 0)
        rc = backup(s, cli->args[1], e);
    store_close(s);
    return rc;
}

static int run(const struct cli *cli)
{
    return cli_with_config(cli, act);
}

static const char *const words[] = {"check", "backup", "vacuum", NULL};

static const struct cli_example examples[] = {
    {"shunt store backup /backup/shunt.db", "A whole copy, while work goes on."},
    {.line = NULL},
};

const struct cli_command cmd_store = {
    .name = "store",
    .summary = "check the store, copy it, or give room back",
    .description =
        "`check` reads the whole store and says whether it is sound. `backup` copies it into a file that must not be "
        "there. `vacuum` gives all room back that it does not need; other writers wait meanwhile. All work on the "
        "store itself, also while the service runs.",
    .operands = {{.name = "WHAT", .value = VALUE_WORD, .words = words},
                 {.name = "FILE", .value = VALUE_FILE, .optional = true}},
    .examples = examples,
    .run = run,
};
