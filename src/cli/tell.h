/* tell.h: what `cancel`, `hold` and `release` share: each operand is told to the running service, by a POST. */
#ifndef SHUNT_CLI_TELL_H
#define SHUNT_CLI_TELL_H

#include "shunt/cli/cli.h"

typedef int (*tell_cb)(const struct config *c, const char *operand, struct error *e);

/* told: what is said of each that was done, behind its name. All are tried. Returns the exit code. */
int tell_each(const struct cli *cli, tell_cb tell, const char *told);

/* POST /api/v1/COLLECTION/NAME/WORD, from the first instance on; every: as ask_post_all has it. */
int tell_post(const struct config *c, bool every, const char *collection, const char *name, const char *word,
              struct error *e);

#endif
