/* cmd_run.c: `shunt run`: the service in the foreground. */
#include <stdio.h>

#include "shunt/base/log.h"
#include "shunt/cli/cli.h"
#include "shunt/io/files.h"
#include "shunt/service/service.h"

static int run(const struct cli *cli)
{
    service_hold_signals(true);
    struct config *config = cli_config(cli);
    struct error e = {0};
    if (!config)
        return EXIT_CONFIG;
    if (cli_open_log(config, config->settings->log_stdout, &e) != 0) {
        fprintf(stderr, "shunt: the log cannot be opened: %s\n", e.text);
        config_free(config);
        return EXIT_CONFIG;
    }
    struct service *service = service_new(config, &clock_real, false, &e);
    int code = EXIT_CONFIG;
    if (service) {
        code = service_run(service);
        service_free(service);
        log_info("stopped", "Stopped");
    } else {
        log_write(LOG_EVENT(LOG_ERROR, "not_started", .error = e.text), "shunt cannot start");
    }
    log_close();
    return code;
}

static const struct cli_example examples[] = {
    {"shunt run", "By the settings in " CLI_CONFIG_DEFAULT "."},
    {"SHUNT_LOG_FORMAT=text shunt run --config etc/shunt.ini", "By other settings, with a log for people."},
    {.line = NULL},
};

const struct cli_command cmd_run = {
    .name = "run",
    .summary = "the service, in the foreground",
    .description =
        "Takes up tickets from the hot folders until it is told to stop, by the signals TERM or INT. HUP makes "
        "it read its files again, USR1 log its whole state.",
    .examples = examples,
    .needs_routes = true,
    .run = run,
};
