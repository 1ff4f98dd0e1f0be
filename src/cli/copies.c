/* copies.c: see copies.h. */
#include "shunt/cli/copies.h"

#include <string.h>
#include <sys/stat.h>

#include "shunt/base/mem.h"
#include "shunt/cli/table.h"
#include "shunt/io/files.h"

static char *folder_of(const struct config *c, const json_t *job, const char *name)
{
    if (strcmp(name, COPIES_ARCHIVE) == 0) {
        const char *client = text_in(job, "client");
        return files_join(c->archive, client ? client : "");
    }
    for (size_t i = 0; c->routes && i < c->routes->n_destinations; i++)
        if (strcmp(c->routes->destinations[i].name, name) == 0)
            return config_destination_path(c, &c->routes->destinations[i]);
    return NULL;
}

static bool is_known(const struct config *c, const char *name)
{
    bool known = strcmp(name, COPIES_ARCHIVE) == 0;
    for (size_t i = 0; !known && c->routes && i < c->routes->n_destinations; i++)
        known = strcmp(c->routes->destinations[i].name, name) == 0;
    return known;
}

int copies_path(const struct config *c, const json_t *job, const json_t *delivery, char **out)
{
    const char *name = text_in(delivery, "name"), *state = text_in(delivery, "state"),
               *file = text_in(delivery, "final_name");
    *out = NULL;
    if (!name || !state || strcmp(state, "done") != 0 || !is_known(c, name))
        return 0;
    file = file ? file : text_in(job, "file");
    if (!file || strchr(file, '/'))
        return 0;
    char *folder = folder_of(c, job, name);
    *out = folder ? files_join(folder, file) : NULL;
    mem_free(folder);
    return *out ? 0 : ERR_NOMEM;
}

bool copies_exist(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
