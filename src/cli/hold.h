/* hold.h: what `hold` and `release` share. */
#ifndef SHUNT_CLI_HOLD_H
#define SHUNT_CLI_HOLD_H

#include "shunt/cli/cli.h"

/* word: "hold" or "release", as the service's address has it; each destination of cli->args, at every instance. told: what
 * is said of each that was done, behind its name. Returns the exit code. */
int hold_each(const struct cli *cli, const char *word, const char *told);

#endif
