/* cli.c: the table of commands, and what they share. */
#include "shunt/cli/cli.h"

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

const struct cli_command *const cli_commands[] = {
    &cmd_run,    &cmd_once,  &cmd_check,  &cmd_explain, &cmd_status, &cmd_list,       &cmd_show,   &cmd_top,
    &cmd_failed, &cmd_retry, &cmd_reset,  &cmd_cancel,  &cmd_hold,   &cmd_release,    &cmd_verify, &cmd_schedule,
    &cmd_store,  &cmd_token, &cmd_report, &cmd_mail,    &cmd_help,   &cmd_completion, &cmd_manual, NULL};

const struct cli_option cli_general_options[] = {
    {.letter = 'c',
     .name = "config",
     .value = VALUE_FILE,
     .metavar = "FILE",
     .offset = offsetof(struct cli, config),
     .help = "the settings (default " CLI_CONFIG_DEFAULT ")"},
    {.name = "log-level",
     .value = VALUE_WORD,
     .metavar = "LEVEL",
     .words = log_level_words,
     .offset = offsetof(struct cli, log_level),
     .help = "instead of that of the settings"},
    {.letter = 'h', .name = "help", .offset = offsetof(struct cli, help), .help = "what the command does, and how"},
    {.name = "version", .offset = offsetof(struct cli, version), .help = "which shunt this is"},
    {.name = NULL},
};

const struct cli_exit_code cli_exit_codes[] = {
    {EXIT_DONE, "done"},
    {EXIT_FAILED,
     "failed or not found: a ticket, a job, a file with a mistake, a service that is not healthy or does not "
     "run"},
    {EXIT_CONFIG, "usage or configuration; nothing was begun"},
    {EXIT_UNFINISHED, "stopped before everything was finished: what was in hand is taken up by the next start; of what "
                      "`retry` was to put back there is more than its limit"},
    {.help = NULL},
};

int cli_print(const struct str *text)
{
    if (str_failed(text)) {
        fputs("shunt: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    if (fwrite(text->bytes, 1, text->len, stdout) < text->len || fflush(stdout) != 0) {
        perror("shunt: standard output");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int cli_fail(const struct error *e)
{
    struct str plain = STR_INIT;
    str_plain(&plain, e->text, strlen(e->text));
    fprintf(stderr, "shunt: %s\n", str_failed(&plain) ? "out of memory" : plain.bytes);
    str_fini(&plain);
    return e->code == ERR_USAGE || e->code == ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}

static int refuse(const struct cli *cli, const struct error *e)
{
    struct str usage = STR_INIT;
    cli_usage(cli->command, &usage);
    fprintf(stderr, "shunt: %s\n%s`shunt help%s%s` tells more\n", e->text, usage.bytes, cli->command ? " " : "",
            cli->command ? cli->command->name : "");
    str_fini(&usage);
    return EXIT_CONFIG;
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
    struct cli cli;
    struct error e = {0};
    struct str text = STR_INIT;
    if (cli_read(&cli, argc, argv, &e) != 0)
        return refuse(&cli, &e);
    if (!cli.help && !cli.version)
        return cli.command->run(&cli);
    if (cli.help)
        cli_help(cli.command, &text);
    else
        str_puts(&text, "shunt " SHUNT_VERSION "\n");
    int code = cli_print(&text);
    str_fini(&text);
    return code;
}

void cli_print_faults(const struct faults *faults)
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

/* The word was checked when it was read. */
static void set_level(struct settings *s, const char *level)
{
    for (unsigned i = 0; level && log_level_words[i]; i++)
        if (strcmp(level, log_level_words[i]) == 0)
            s->log_level = (enum log_level)i;
}

struct config *cli_config(const struct cli *cli)
{
    struct faults faults, of_routes;
    faults_init(&faults);
    faults_init(&of_routes);
    struct config *config = config_load_lax(cli->config, (const char *const *)environ, &faults,
                                            cli->command->needs_routes ? &faults : &of_routes);
    if (config) {
        set_zone(config, &faults);
        set_level(config->settings, cli->log_level);
    }
    cli_print_faults(&faults);
    cli_print_faults(&of_routes);
    if (!config && access(cli->config, F_OK) != 0)
        fprintf(stderr, "Settings elsewhere are named by --config FILE.\n");
    if (faults_any(&faults)) {
        config_free(config);
        config = NULL;
    } else if (faults_any(&of_routes)) {
        fprintf(stderr, "routes.ini is refused as it is now; a service that runs goes by the one from before\n");
    }
    faults_fini(&faults);
    faults_fini(&of_routes);
    return config;
}

int cli_with_config(const struct cli *cli, int (*act)(const struct cli *cli, const struct config *c, struct error *e))
{
    struct config *c = cli_config(cli);
    struct error e = {0};
    if (!c)
        return EXIT_CONFIG;
    int rc = act(cli, c, &e);
    config_free(c);
    return rc < 0 ? cli_fail(&e) : rc;
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
