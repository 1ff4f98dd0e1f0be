/* cmd_check.c: `shunt check`: are both INI files right, who goes where, and could it be written there? Changes nothing
 * but temporaries that it removes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/cli/cli.h"
#include "shunt/core/task.h"
#include "shunt/io/place.h"
#include "shunt/service/access.h"
#include "shunt/service/certificate.h"
#include "shunt/service/service.h"

static int print_reference(void)
{
    struct str text = STR_INIT;
    settings_reference(&text);
    int code = cli_print(&text);
    str_fini(&text);
    return code;
}

static int print_config(const struct config *c)
{
    struct str text = STR_INIT;
    settings_print(c->settings, &text);
    int code = cli_print(&text);
    str_fini(&text);
    return code;
}

static void warn_folder(const char *what, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        printf("warning: %s %s: %s%s\n", what, path, strerror(errno),
               errno == ENOENT ? " (it is made when the service starts)" : "");
    else if (!S_ISDIR(st.st_mode))
        printf("warning: %s %s is not a folder: the service will not start\n", what, path);
    else if (access(path, W_OK | X_OK) != 0)
        printf("warning: %s %s is not writable\n", what, path);
}

static void warn_file_system(const struct config *c)
{
    struct error e = {0};
    if (service_check_file_system(c, &e) == ERR_CONFIG)
        printf("warning: %s: the service will not start\n", e.text);
}

static void warn_destination(const struct config *c, const struct destination *d)
{
    char *path = config_destination_path(c, d);
    char *mount = d->mount[0] ? files_join(c->data, d->mount) : NULL;
    struct error e = {0};
    struct place place = {
        .path = path, .tag = "check", .mode = 0600, .folder_mode = 0755, .uid = -1, .gid = -1, .mount = mount};
    if (path && place_probe(&place, &e) != 0)
        printf("warning: destination %s (line %u): %s%s\n", d->name, d->line, e.text,
               e.code == ERR_NOPLACE && d->create && !mount ? " (it is made at the first delivery)" : "");
    mem_free(path);
    mem_free(mount);
}

static void warn_program(const struct task *t)
{
    char **argv;
    if (t->run != TASK_PROGRAM || task_command(t->program, &argv, NULL) != 0)
        return;
    if (access(argv[0], X_OK) != 0)
        printf("warning: [%s] (line %u): %s cannot be run: %s\n", t->section.title, t->section.line, argv[0],
               strerror(errno));
    mem_free(argv);
}

static void warn_setting(void *user, const char *text)
{
    (void)user;
    printf("warning: %s\n", text);
}

static bool access_is_good(const struct config *c)
{
    struct faults faults;
    struct access *access;
    struct certificate certificate;
    faults_init(&faults);
    bool good = access_load(c, &access, &faults) == 0;
    good = certificate_load(c, &certificate, &faults) == 0 && good;
    access_free(access);
    certificate_fini(&certificate);
    cli_print_faults(&faults);
    faults_fini(&faults);
    return good;
}

static int run(const struct cli *cli)
{
    if (cli->reference)
        return print_reference();
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_FAILED;
    int code = EXIT_DONE;
    if (!access_is_good(c)) {
        code = EXIT_FAILED;
    } else if (cli->print_config) {
        code = print_config(c);
    } else {
        struct str matrix = STR_INIT;
        routes_print(c->routes, &matrix);
        printf("%s\n%s\n\n%s\n", c->file, c->routes_file, matrix.bytes);
        str_fini(&matrix);
        warn_folder("[folders] hot:", c->hot);
        warn_folder("[folders] archive:", c->archive);
        warn_folder("[folders] failed:", c->failed);
        warn_folder("[folders] underprocess:", c->underprocess);
        warn_folder("[folders] logs:", c->logs);
        warn_file_system(c);
        for (size_t i = 0; i < c->routes->n_destinations; i++)
            warn_destination(c, &c->routes->destinations[i]);
        for (size_t i = 0; i < c->settings->tasks.count; i++)
            warn_program((const struct task *)c->settings->tasks.items[i]);
        settings_advice(c->settings, warn_setting, NULL);
        for (size_t i = 0; i < c->settings->unknown_env.count; i++)
            printf("warning: %s is no setting of shunt\n", c->settings->unknown_env.items[i]);
        printf("%zu routes, %zu destinations: valid\n", c->routes->n_routes, c->routes->n_destinations);
    }
    config_free(c);
    return code;
}

static const struct cli_option options[] = {
    {.name = "print-config",
     .offset = offsetof(struct cli, print_config),
     .help = "print every setting in force instead of the routing table"},
    {.name = "reference",
     .offset = offsetof(struct cli, reference),
     .help = "print the reference of all settings, as Markdown; reads nothing"},
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt check && pkill -HUP -x shunt", "Takes up an edited routing table only where it is good."},
    {.line = NULL},
};

const struct cli_command cmd_check = {
    .name = "check",
    .summary = "validate both INI files and print the routing table",
    .description =
        "Tells every mistake in shunt.ini, routes.ini and the access file with its line, prints who goes where, and warns of "
        "folders that are missing or cannot be written. Changes nothing.",
    .options = options,
    .examples = examples,
    .needs_routes = true,
    .run = run,
};
