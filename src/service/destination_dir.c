/* destination_dir.c: a destination that is a folder of this machine, also a mounted one. The work blocks, so it runs in
 * a work request. */
#include <string.h>

#include "shunt/service/destination.h"

static void run(struct work *work)
{
    struct batch *batch = (struct batch *)work;
    place_publish(batch->place, batch->items, batch->count);
}

static void done(struct work *work)
{
    struct batch *batch = (struct batch *)work;
    batch->done(batch);
}

static int start(struct batch *batch, struct error *e)
{
    int rc = work_submit(batch->loop, &batch->work, run, done);
    return rc == 0 ? 0 : error_set(e, rc, "no work request can be made");
}

const struct destination_driver destination_dir = {.name = "dir", .start = start};

static const struct destination_driver *const drivers[] = {&destination_dir};

const struct destination_driver *destination_driver_find(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
