/* cmd_release.c: `shunt release DESTINATION`: a held destination is delivered to again. */
#include "tell.h"

static int release(const struct config *c, const char *destination, struct error *e)
{
    return tell_post(c, true, "destinations", destination, "release", e);
}

static int run(const struct cli *cli)
{
    return tell_each(cli, release, ": released\n");
}

const struct cli_command cmd_release = {
    .name = "release",
    .summary = "deliver to a held destination again",
    .description = "Ends what `hold` began: what waits for the destination is delivered. The service must run.",
    .operands = {{.name = "DESTINATION", .value = VALUE_TEXT, .repeated = true}},
    .run = run,
};
