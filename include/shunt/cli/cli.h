/* cli.h: the commands, as one table. From it come the reading of the command line, the usage texts, shell completion,
 * and the manual: a command, an option or an operand is written down once.
 *
 * Each command is one file src/cli/cmd_<name>.c. Its options and the general ones, which all commands take, fill
 * struct cli. What is literal in longer texts stands between backquotes. */
#ifndef SHUNT_CLI_CLI_H
#define SHUNT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "shunt/base/str.h"
#include "shunt/service/config.h"

#define CLI_CONFIG_DEFAULT CONFIG_DEFAULT
#define CLI_COLUMNS        80

/* What the command line says. */
struct cli {
    const struct cli_command *command; /* NULL: none was named */
    const char *config;
    const char *log_level; /* NULL: as set */
    bool help, version;
    bool json, quiet, print_config, reference;
    bool csv, all, dry_run, reroute, password, one_left;
    /* which jobs */
    const char *client, *category, *destination, *status, *error, *text, *since, *until, *before, *limit;
    const char *date, *format; /* of a report */
    bool send;
    char **args; /* the operands */
    int n_args;
};

/* What an option or an operand takes. */
enum cli_value {
    VALUE_NONE, /* the option is a flag: its field is a bool; all others are const char * */
    VALUE_TEXT,
    VALUE_FILE,
    VALUE_WORD,    /* one of `words` */
    VALUE_COMMAND, /* the name of a command */
};

struct cli_option {
    char letter; /* 0: none */
    const char *name;
    enum cli_value value;
    const char *metavar;      /* as usage shows the value; NULL where there is none */
    const char *const *words; /* NULL-terminated */
    size_t offset;            /* into struct cli */
    const char *help;
};

/* Only the last may be optional or repeated. */
struct cli_operand {
    const char *name;
    enum cli_value value;
    const char *const *words;
    bool optional, repeated;
};

struct cli_example {
    const char *line, *what;
};

#define CLI_OPERANDS_MAX 2

/* Lists end with a NULL name or line, and may be NULL. */
struct cli_command {
    const char *name;
    const char *summary; /* one line, as lists of commands show it */
    const char *description;
    const struct cli_option *options; /* its own */
    struct cli_operand operands[CLI_OPERANDS_MAX + 1];
    const struct cli_example *examples;
    bool needs_routes; /* nothing can be done by a routes.ini that is refused */
    int (*run)(const struct cli *cli);
};

#define OPTION_JSON(help_)                                                                                             \
    {                                                                                                                  \
        .name = "json", .offset = offsetof(struct cli, json), .help = help_                                            \
    }
#define OPTION_TEXT(name_, field_, metavar_, help_)                                                                    \
    {                                                                                                                  \
        .name = name_, .value = VALUE_TEXT, .metavar = metavar_, .offset = offsetof(struct cli, field_), .help = help_ \
    }
#define OPTION_FLAG(name_, field_, help_)                                                                              \
    {                                                                                                                  \
        .name = name_, .offset = offsetof(struct cli, field_), .help = help_                                           \
    }
#define OPTION_CLIENT(help_)                                                                                           \
    {                                                                                                                  \
        .name = "client", .value = VALUE_TEXT, .metavar = "NAME", .offset = offsetof(struct cli, client),              \
        .help = help_                                                                                                  \
    }

extern const struct cli_command *const cli_commands[]; /* ends with NULL */
extern const struct cli_option cli_general_options[];

struct cli_exit_code {
    int code;
    const char *help; /* NULL ends */
};
extern const struct cli_exit_code cli_exit_codes[];

extern const struct cli_command cmd_run, cmd_once, cmd_check, cmd_explain, cmd_status, cmd_list, cmd_show, cmd_top,
    cmd_failed, cmd_retry, cmd_reset, cmd_cancel, cmd_hold, cmd_release, cmd_verify, cmd_schedule, cmd_store, cmd_token,
    cmd_report, cmd_mail, cmd_help, cmd_completion, cmd_manual;

int cli_main(int argc, char **argv);

/* Reads argv into *cli, which points into it; operands are moved to its front. Options may stand anywhere, those of
 * a command after it; "--" ends them. With --help or --version operands may be missing. ERR_USAGE: e says what is wrong
 * and, where it can be guessed, what was meant; cli->command is the command, where it was read before. */
int cli_read(struct cli *cli, int argc, char **argv, struct error *e);
const struct cli_command *cli_find(const char *name); /* NULL: there is none */

/* "shunt once [--json] [--client NAME] FILE...", broken at CLI_COLUMNS; command NULL: that of the program. */
void cli_usage(const struct cli_command *command, struct str *out);
/* "debug, info or error". */
void cli_words(const char *const *words, struct str *out);
/* The help, and the words that it takes. */
void cli_option_text(const struct cli_option *option, struct str *out);
/* All there is to say, in CLI_COLUMNS columns. */
void cli_help(const struct cli_command *command, struct str *out);

/* To standard output. Returns the exit code: out of memory and a full disk are told on standard error. */
int cli_print(const struct str *text);

/* "shunt: TEXT" on standard error, fit for a terminal. Returns the exit code of what failed: EXIT_CONFIG where the error is
 * one of usage or configuration. */
int cli_fail(const struct error *e);

/* The configuration, the process's zone set by it ([report] timezone); NULL: faults are on standard error, exit with
 * EXIT_CONFIG. Without routes where routes.ini is refused and the command can do without. */
struct config *cli_config(const struct cli *cli);
/* What a command does with it, and how that ends. act: an exit code, or negative with *e set. */
int cli_with_config(const struct cli *cli, int (*act)(const struct cli *cli, const struct config *c, struct error *e));

/* On standard error, a line each. */
void cli_print_faults(const struct faults *faults);

/* As the settings say; makes the logs folder where it is missing. */
int cli_open_log(const struct config *c, bool to_stdout, struct error *e);

#endif
