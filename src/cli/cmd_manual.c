/* cmd_manual.c: `shunt manual PAGE`: a page of the manual, for man(1). */
#include <string.h>

#include "shunt/cli/cli.h"

#include "manual.h"

static const char *const pages[] = {"shunt.1", "shunt.ini.5", "routes.ini.5", NULL};
static void (*const writers[])(struct str *out) = {manual_program, manual_settings, manual_routes};

static int run(const struct cli *cli)
{
    struct str text = STR_INIT;
    for (size_t i = 0; pages[i]; i++)
        if (strcmp(cli->args[0], pages[i]) == 0)
            writers[i](&text);
    int code = cli_print(&text);
    str_fini(&text);
    return code;
}

static const struct cli_example examples[] = {
    {"shunt manual routes.ini.5 | man -l -", "Reads a page where the package is not installed."},
    {.line = NULL},
};

const struct cli_command cmd_manual = {
    .name = "manual",
    .summary = "print a page of the manual",
    .description = "Prints a page of the manual in the form that `man` reads.",
    .operands = {{.name = "PAGE", .value = VALUE_WORD, .words = pages}},
    .examples = examples,
    .run = run,
};
