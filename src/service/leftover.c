/* leftover.c: see leftover.h. */
#include "shunt/service/leftover.h"

#include "shunt/base/mem.h"
#include "shunt/io/place.h"
#include "shunt/service/instance.h"

static void sweep_place(const struct take_batch *batch, const struct take_item *item, const char *name,
                        const char *path, bool is_archive)
{
    const char *declared = item->ticket.count > FIELD_CLIENT ? item->ticket.fields[FIELD_CLIENT].text : NULL;
    const char *client = declared ? declared : item->client;
    struct place_item what = {.subfolder = is_archive ? client : NULL, .name = item->name, .client = client};
    for (unsigned number = 0; path && number < INSTANCES_MAX; number++) {
        if (!(batch->left_by >> number & 1))
            continue;
        struct error ignored = {0};
        struct place place = {.path = path, .tag = instance_tag(number, name), .uid = -1, .gid = -1};
        if (place.tag)
            place_sweep(&place, &what, &ignored);
        mem_free((char *)(uintptr_t)place.tag);
    }
}

void leftover_sweep(const struct take_batch *batch, const struct take_item *item)
{
    sweep_place(batch, item, "archive", batch->config->archive, true);
    for (size_t i = 0; i < batch->routes->n_destinations; i++) {
        const struct destination *d = &batch->routes->destinations[i];
        char *path = config_destination_path(batch->config, d);
        sweep_place(batch, item, d->name, path, false);
        mem_free(path);
    }
}
