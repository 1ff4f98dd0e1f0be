/* instance.h: which part of underprocess is ours, when several instances work on the same hot folder.
 *
 * underprocess/0, /1, ... is one instance's each, for as long as it holds the flock(2) on that folder; the kernel gives
 * it back when the instance dies, however it dies. The first free number is taken at start, so that a single instance
 * always finds its own leftovers in 0. Files of numbers that nobody holds are adopted: moved into ours, where the scan
 * of underprocess takes them up again. Where the file system knows no locks on folders (some network mounts) one
 * instance is assumed, and the caller is told. Blocking. Thread: instance_open before the loop; instance_adopt in a
 * work request.
 */
#ifndef SHUNT_SERVICE_INSTANCE_H
#define SHUNT_SERVICE_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"

#define INSTANCES_MAX 64

struct instance {
    char *root; /* underprocess */
    char *path; /* root/number */
    unsigned number;
    int fd; /* holds the lock */
    bool locked;
    uint64_t left_by; /* numbers (bits) whose temporaries may still lie about: our own, and those that we adopted from.
                         Loop thread */
};

int instance_open(struct instance *in, const char *underprocess, unsigned folder_mode, struct error *e);
void instance_close(struct instance *in);
/* Moves what dead instances left into ours; returns how many files, and in *numbers (bits) whose. What cannot be moved
 * now stays for the next time. */
size_t instance_adopt(const struct instance *in, uint64_t *numbers);
/* What the temporaries of an instance at a place (a destination's name, "archive") are named by (io/place.h). mem_free.
 */
char *instance_tag(unsigned number, const char *place);
/* Is the instance of that number alive? (status, health) */
bool instance_alive(const char *underprocess, unsigned number);

#endif
