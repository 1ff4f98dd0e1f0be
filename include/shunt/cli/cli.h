/* cli.h: the commands. Each is one file src/cli/cmd_<name>.c; cli_main finds it, reads the common options, and returns
 * the exit code. */
#ifndef SHUNT_CLI_CLI_H
#define SHUNT_CLI_CLI_H

#include <stdbool.h>

#include "shunt/service/config.h"

#define CLI_CONFIG_DEFAULT "/etc/shunt/shunt.ini"

/* What the common options say. argv of the command's own arguments follows. */
struct cli {
    const char *config;    /* -c, --config */
    bool json;             /* --json */
    const char *log_level; /* --log-level; NULL: as set */
    bool quiet;            /* -q, --quiet */
    bool print_config;     /* check --print-config */
    bool reference;        /* check --reference */
    const char *client;    /* once, explain --client */
    char **args;
    int n_args;
};

struct cli_command {
    const char *name;
    const char *arguments; /* as usage shows them */
    const char *help;      /* one line */
    int (*run)(const struct cli *cli);
};

extern const struct cli_command cmd_run, cmd_once, cmd_check, cmd_explain, cmd_status;

int cli_main(int argc, char **argv);

/* The configuration, the process's zone set by it ([report] timezone); NULL: faults are on standard error, exit with
 * EXIT_CONFIG. */
struct config *cli_config(const struct cli *cli);

/* As the settings say; makes the logs folder where it is missing. */
int cli_open_log(const struct config *c, bool to_stdout, struct error *e);

#endif
