/* cmd_hold.c: `shunt hold DESTINATION`: deliveries to it wait. */
#include "tell.h"

/* Every instance must: a destination that one of them goes on to deliver to is not held. */
static int hold(const struct config *c, const char *destination, struct error *e)
{
    return tell_post(c, true, "destinations", destination, "hold", e);
}

static int run(const struct cli *cli)
{
    return tell_each(cli, hold, ": held; what goes there waits until it is released\n");
}

static const struct cli_example examples[] = {
    {"shunt hold monday-rank", "Before its share is moved; `shunt release monday-rank` after."},
    {.line = NULL},
};

const struct cli_command cmd_hold = {
    .name = "hold",
    .summary = "let deliveries to a destination wait",
    .description =
        "Nothing more is delivered to the destination; tickets for it wait, without using up attempts, and are "
        "delivered when it is released. What is being delivered at this moment is finished. `archive` is a "
        "destination too. The service must run.",
    .operands = {{.name = "DESTINATION", .value = VALUE_TEXT, .repeated = true}},
    .examples = examples,
    .run = run,
};
