/* disks.h: the service's own folders: do they answer, can they be listed and written, how much room is left.
 *
 * Asked in work requests, one for each folder, every DISKS_LOOK_MS: a share that hangs costs one thread, and nobody waits
 * for it; what is told is what was found last. Thread: loop.
 */
#ifndef SHUNT_SERVICE_DISKS_H
#define SHUNT_SERVICE_DISKS_H

#include "shunt/io/work.h"
#include "shunt/service/runtime.h"

#define DISKS_LOOK_MS 10000
#define DISKS_HANG_MS 5000 /* a folder that has not answered for so long hangs */

enum disk_of { DISK_HOT, DISK_ARCHIVE, DISK_FAILED, DISK_UNDERPROCESS, DISK_LOGS, DISK_DATA, DISKS };

struct disk_answer {
    uint64_t size_bytes, free_bytes; /* free for us; 0 and 0: not known */
    uint64_t device;                 /* those with the same share their room */
    struct error error;              /* it cannot be listed or written */
};

struct disk {
    struct work work; /* first */
    struct disks *disks;
    const char *name, *path; /* path: of the configuration */
    bool in_work;            /* next is the worker's */
    int64_t began_ms;        /* mono; of the request in work */
    bool known;              /* there was an answer: */
    struct disk_answer is, next;
};

struct disks {
    struct runtime *rt;
    struct disk of[DISKS];
    int64_t next_ms; /* when they are asked again */
};

void disks_init(struct disks *d, struct runtime *rt);
void disks_look(struct disks *d); /* once a second or so: asks where it is time */
bool disk_hangs(const struct disk *disk);
bool disks_idle(const struct disks *d); /* nothing is in work but what hangs */
bool disks_hang(const struct disks *d); /* something does */

#endif
