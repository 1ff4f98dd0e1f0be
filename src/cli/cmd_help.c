/* cmd_help.c: `shunt help [COMMAND]`. */
#include "shunt/cli/cli.h"

static int run(const struct cli *cli)
{
    struct str text = STR_INIT;
    cli_help(cli->n_args > 0 ? cli_find(cli->args[0]) : NULL, &text);
    int code = cli_print(&text);
    str_fini(&text);
    return code;
}

const struct cli_command cmd_help = {
    .name = "help",
    .summary = "the commands, or all about one of them",
    .description =
        "Lists the commands, or tells what one of them does, with all its options. `shunt COMMAND --help` is "
        "the same.",
    .operands = {{.name = "COMMAND", .value = VALUE_COMMAND, .optional = true}},
    .run = run,
};
