/* copies.h: where the files of a job are: its ticket, and the copies that were delivered. */
#ifndef SHUNT_CLI_COPIES_H
#define SHUNT_CLI_COPIES_H

#include <jansson.h>

#include "shunt/service/config.h"

#define COPIES_ARCHIVE "archive" /* its name among the deliveries */

/* Path of what a delivery left, as today's configuration has it; delivery: of store_show. *out NULL and 0: nothing was
 * delivered yet, or the destination is no longer in routes.ini. mem_free. ERR_NOMEM. */
int copies_path(const struct config *c, const json_t *job, const json_t *delivery, char **out);
bool copies_exist(const char *path);

#endif
