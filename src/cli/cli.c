/* cli.c: options, usage, and what the commands share. */
#include "shunt/cli/cli.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <uv.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/files.h"
#include "shunt/service/service.h"

#define ZONES "/usr/share/zoneinfo/"

extern char **environ;

static const struct cli_command *const commands[] = {&cmd_run, &cmd_once, &cmd_check, &cmd_explain, &cmd_status};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

enum { OPT_JSON = 256, OPT_LOG_LEVEL, OPT_VERSION, OPT_PRINT_CONFIG, OPT_REFERENCE, OPT_CLIENT };

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPT_JSON},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"version", no_argument, NULL, OPT_VERSION},
    {"print-config", no_argument, NULL, OPT_PRINT_CONFIG},
    {"reference", no_argument, NULL, OPT_REFERENCE},
    {"client", required_argument, NULL, OPT_CLIENT},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
    fputs("usage: shunt COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n", out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-8s %-9s %s\n", commands[i]->name, commands[i]->arguments, commands[i]->help);
    fputs(
        "\noptions:\n"
        "  -c, --config FILE    settings (default " CLI_CONFIG_DEFAULT ")\n"
        "      --json           output for programs (once, explain, status)\n"
        "      --client NAME    once, explain: the client, where the file lies in no hot folder\n"
        "      --print-config   check: print the settings in force\n"
        "      --reference      check: print the reference of all settings\n"
        "      --log-level L    debug, info, warn or error\n"
        "  -q, --quiet          status: the exit code only\n"
        "      --version, --help\n"
        "\nexit codes: 0 done; 1 failed; 2 usage or configuration; 3 stopped before everything in hand was finished\n",
        out);
}

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* -1: go on; else the exit code. */
static int read_option(struct cli *cli, int option)
{
    switch (option) {
    case 'c':
        cli->config = optarg;
        return -1;
    case 'q':
        cli->quiet = true;
        return -1;
    case OPT_JSON:
        cli->json = true;
        return -1;
    case OPT_LOG_LEVEL:
        cli->log_level = optarg;
        return -1;
    case OPT_PRINT_CONFIG:
        cli->print_config = true;
        return -1;
    case OPT_REFERENCE:
        cli->reference = true;
        return -1;
    case OPT_CLIENT:
        cli->client = optarg;
        return -1;
    case 'h':
        usage(stdout);
        return EXIT_DONE;
    case OPT_VERSION:
        puts("shunt " SHUNT_VERSION);
        return EXIT_DONE;
    default:
        usage(stderr);
        return EXIT_CONFIG;
    }
}

static void *zeroed(size_t count, size_t size)
{
    return size > 0 && count > SIZE_MAX / size ? NULL : mem_zalloc(count * size);
}

/* The libraries' memory comes from where ours does. (yajl is given its own way to it, see ticket_yajl.c.) */
static void share_memory(void)
{
    json_set_alloc_funcs(mem_alloc, mem_free);
    uv_replace_allocator(mem_alloc, mem_resize, zeroed, mem_free);
}

int cli_main(int argc, char **argv)
{
    share_memory();
    struct cli cli = {.config = CLI_CONFIG_DEFAULT};
    int option, code = -1;
    while (code < 0 && (option = getopt_long(argc, argv, "c:hq", options, NULL)) != -1)
        code = read_option(&cli, option);
    if (code >= 0)
        return code;
    if (optind >= argc) {
        usage(stderr);
        return EXIT_CONFIG;
    }
    const struct cli_command *command = find_command(argv[optind]);
    if (!command) {
        fprintf(stderr, "shunt: there is no command %s\n", argv[optind]);
        usage(stderr);
        return EXIT_CONFIG;
    }
    cli.args = argv + optind + 1;
    cli.n_args = argc - optind - 1;
    return command->run(&cli);
}

static void print_faults(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", faults->texts[i]);
    if (faults->more > 0)
        fprintf(stderr, "and %zu more\n", faults->more);
}

/* The zone of all local times: set before any thread runs. libc takes an unknown one for UTC without a word. */
static void set_zone(const struct config *c, struct faults *faults)
{
    const char *zone = c->settings->timezone;
    char path[4096];
    if (zone[0] == '\0')
        return;
    snprintf(path, sizeof path, ZONES "%s", zone);
    if (strstr(zone, "..") || zone[0] == '/' || (strcmp(zone, "UTC") != 0 && access(path, R_OK) != 0)) {
        faults_add(faults, c->file, 0, "[report] timezone: there is no zone %s in " ZONES, zone);
        return;
    }
    setenv("TZ", zone, 1);
    tzset();
}

static bool set_level(struct settings *s, const char *level)
{
    static const char *const words[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; level && i < 4; i++)
        if (strcmp(level, words[i]) == 0) {
            s->log_level = (enum log_level)i;
            return true;
        }
    return level == NULL;
}

struct config *cli_config(const struct cli *cli)
{
    struct faults faults;
    faults_init(&faults);
    struct config *config = config_load(cli->config, (const char *const *)environ, &faults);
    if (config) {
        set_zone(config, &faults);
        if (!set_level(config->settings, cli->log_level))
            faults_add(&faults, "--log-level", 0, "debug, info, warn or error, not %s", cli->log_level);
    }
    print_faults(&faults);
    if (faults_any(&faults)) {
        config_free(config);
        config = NULL;
    }
    faults_fini(&faults);
    return config;
}

int cli_open_log(const struct config *c, bool to_stdout, struct error *e)
{
    struct log_options how = {.level = c->settings->log_level,
                              .format = c->settings->log_format,
                              .file = c->log_file,
                              .to_stdout = to_stdout,
                              .clock = &clock_real};
    int rc = files_mkdirs(c->logs, c->settings->folder_mode, false, e);
    return rc != 0 ? rc : log_open(&how, e);
}
