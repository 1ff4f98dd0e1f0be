/* config.h: both INI files from disk to snapshots: read, parsed, paths made absolute, users and groups looked up.
 *
 * Blocking; no state of the service is touched, so it runs in a work request as well as before the loop turns.
 * Ownership: config_free frees the settings and paths and gives back its reference to the routes.
 */
#ifndef SHUNT_SERVICE_CONFIG_H
#define SHUNT_SERVICE_CONFIG_H

#include "shunt/base/error.h"
#include "shunt/core/faults.h"
#include "shunt/core/routes.h"
#include "shunt/core/settings.h"

#define CONFIG_DEFAULT "/etc/shunt/shunt.ini"

struct config {
    char *file;             /* absolute path of shunt.ini */
    const char *const *env; /* borrowed, for as long as this lives */
    struct settings *settings;
    /* absolute */
    char *data, *hot, *archive, *failed, *underprocess, *logs, *routes_file;
    char *log_file;        /* NULL: none */
    char *templates;       /* folder of the report's; NULL: the program's own */
    char *control;         /* socket of instance 0; NULL: none */
    char *files;           /* what jobs that are sent may name; NULL: none */
    struct routes *routes; /* NULL: refused, and config_load_lax asked */
};

/* NULL: see faults. env: "NAME=value" ..., NULL-terminated. */
struct config *config_load(const char *file, const char *const *env, struct faults *faults);
/* For who only asks a service, which goes by the table from before: a routes.ini that is refused is told in of_routes, and is
 * no reason to return NULL. */
struct config *config_load_lax(const char *file, const char *const *env, struct faults *faults,
                               struct faults *of_routes);
void config_free(struct config *c);

/* shunt.ini and the environment anew, as a reload does; settings_free. NULL: see faults. */
struct settings *config_load_settings(const struct config *c, struct faults *faults);
/* routes.ini alone, likewise. NULL: see faults. */
struct routes *config_load_routes(const struct config *c, struct faults *faults);

/* The control socket of an instance. mem_free; NULL: no memory. Not to be called where there is none (c->control). */
char *config_control(const struct config *c, unsigned instance);

/* Absolute path of a destination's folder, from the data root. mem_free. */
char *config_destination_path(const struct config *c, const struct destination *d);

#endif
