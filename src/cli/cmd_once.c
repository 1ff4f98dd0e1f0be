/* cmd_once.c: `shunt once FILE...`: the same way as the service's, for named files, then exit.
 * A file in a client's hot folder is taken from there. Any other file stays where it is: a copy of it is what is
 * processed. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/ticket_file.h"
#include "shunt/io/place.h"
#include "shunt/service/service.h"

struct tally {
    bool json;
    int delivered, failed;
};

static void print_json(const struct job *job, const char *failed_path)
{
    json_t *to = json_array();
    bool whole = true;
    for (size_t i = 0; i < job->n_deliveries; i++) {
        const struct delivery *d = &job->deliveries[i];
        whole &=
            0 == json_array_append_new(to, json_pack("{s:s, s:s, s:s, s:s*}", "destination", d->lane->name, "state",
                                                     delivery_state_word(d->state), "name",
                                                     d->final_name ? d->final_name : job->name, "error",
                                                     d->state == DELIVERY_FAILED ? delivery_error(d)->text : NULL));
    }
    json_t *result = json_pack("{s:s%, s:s, s:s, s:b, s:o, s:s*, s:s*}", "file", job->name, strlen(job->name), "client",
                               job->client, "job", job->id, "delivered", job->error.code == 0, "deliveries", to,
                               "error", job->error.code ? job->error.text : NULL, "failed_as", failed_path);
    char *text = result && whole ? json_dumps(result, JSON_COMPACT) : NULL;
    puts(text ? text : "{\"error\":\"the result cannot be written as JSON\"}");
    mem_free(text);
    json_decref(result);
}

static void print_text(const struct job *job, const char *failed_path)
{
    struct str line = STR_INIT;
    str_plain(&line, job->name, strlen(job->name));
    if (failed_path) {
        str_puts(&line, ": failed: ");
        str_plain(&line, job->error.text, strlen(job->error.text));
        str_puts(&line, "\n  now ");
        str_plain(&line, failed_path, strlen(failed_path));
    } else if (job->error.code == ERR_DUPLICATE) {
        str_puts(&line, ": ");
        str_puts(&line, job->error.text);
    } else {
        str_puts(&line, ": delivered to ");
        for (size_t i = 0; i < job->n_deliveries; i++)
            str_printf(&line, "%s%s", i > 0 ? ", " : "", job->deliveries[i].lane->label);
    }
    puts(line.bytes);
    str_fini(&line);
}

static void on_outcome(void *user, const struct job *job, const char *failed_path)
{
    struct tally *tally = user;
    (failed_path ? tally->failed++ : tally->delivered++);
    (tally->json ? print_json : print_text)(job, failed_path);
}

/* Puts a copy of a file from elsewhere into underprocess, as if it had been claimed there. */
static int import(struct service *s, const char *path, const struct ticket_file *file, struct error *e)
{
    const struct settings *set = s->config->settings;
    struct place place = {.path = s->instance.path,
                          .tag = "import",
                          .create = true,
                          .mode = set->mode,
                          .folder_mode = set->folder_mode,
                          .uid = -1,
                          .gid = -1,
                          .conflict = CONFLICT_FAIL,
                          .durable = set->durability == DURABILITY_FULL};
    struct place_item item = {.subfolder = file->folder[0] ? file->folder : NULL,
                              .name = file->name,
                              .key = path,
                              .client = file->folder,
                              .source = path,
                              .size = file->content.size,
                              .sha256 = file->content.sha256};
    place_publish(&place, &item, 1);
    if (item.error.code != 0)
        return error_set(e, item.error.code, "%s", item.error.text);
    return intake_see(&s->intake, file->folder, file->name, WAY_ONCE, true, false)
               ? 0
               : error_set(e, ERR_NOMEM, "too many files at once");
}

static int feed(struct service *s, const struct cli *cli, const char *path, struct error *e)
{
    struct ticket_file file;
    int rc = ticket_file_read(&file, s->config, path, cli->client, e);
    if (rc == 0 && file.in_hot)
        rc = intake_see(&s->intake, file.folder, file.name, WAY_ONCE, false, false)
                 ? 0
                 : error_set(e, ERR_NOMEM, "too many files at once");
    else if (rc == 0)
        rc = import(s, file.path, &file, e);
    ticket_file_fini(&file);
    return rc;
}

static int process(const struct cli *cli, struct service *s)
{
    struct tally tally = {.json = cli->json};
    int usage = 0;
    s->jobs.on_outcome = on_outcome;
    s->jobs.outcome_user = &tally;
    for (int i = 0; i < cli->n_args; i++) {
        struct error e = {0};
        if (feed(s, cli, cli->args[i], &e) != 0) {
            fprintf(stderr, "shunt: %s: %s\n", cli->args[i], e.text);
            usage++;
        }
    }
    int code = service_run(s);
    fflush(stdout);
    if (code != EXIT_DONE)
        return code;
    if (usage > 0)
        return EXIT_CONFIG;
    return tally.failed > 0 || tally.delivered < cli->n_args ? EXIT_FAILED : EXIT_DONE;
}

static int run(const struct cli *cli)
{
    struct config *config = cli_config(cli);
    struct error e = {0};
    if (!config)
        return EXIT_CONFIG;
    if (cli_open_log(config, false, &e) != 0) {
        fprintf(stderr, "shunt: the log cannot be opened: %s\n", e.text);
        config_free(config);
        return EXIT_CONFIG;
    }
    struct service *service = service_new(config, &clock_real, true, &e);
    int code = EXIT_CONFIG;
    if (service) {
        code = process(cli, service);
        service_free(service);
    } else {
        fprintf(stderr, "shunt: %s\n", e.text);
    }
    log_close();
    return code;
}

static const struct cli_option options[] = {
    OPTION_JSON("a line of JSON for each file"),
    OPTION_CLIENT("whose files these are, where they lie in no hot folder (default: the ticket's ClientCode)"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt once /data/PRODUCTION/JSON/RANK/5903771.json", "Takes the ticket from its hot folder."},
    {"shunt once --client RANK 5903771.json", "Delivers a copy; the file itself stays."},
    {.line = NULL},
};

const struct cli_command cmd_once = {
    .name = "once",
    .summary = "process these files and exit",
    .description =
        "Sends files the same way as the service does, and exits when all is settled: 0 when every one was "
        "delivered, 1 when one failed, 2 when one cannot be read at all. A file in a hot folder is taken from "
        "there; of a file from elsewhere a copy is processed, and it stays.",
    .options = options,
    .operands = {{.name = "FILE", .value = VALUE_FILE, .repeated = true}},
    .examples = examples,
    .needs_routes = true,
    .run = run,
};
