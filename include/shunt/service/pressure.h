/* pressure.h: may we accept more? What memory, disk and queue say to a file or job that somebody wants to send.
 *
 * Memory: of the container first (the tightest of our control group and those above it; what is only cached counts as
 * free) and how long its programs have to wait for memory, then the host's. Reading blocks, if only for /proc and
 * statfs(2): in a work request. What cannot be read does not limit. Judging is pure.
 */
#ifndef SHUNT_SERVICE_PRESSURE_H
#define SHUNT_SERVICE_PRESSURE_H

#include "shunt/service/config.h"

#define PRESSURE_STALLED_MAX 20 /* % of the last ten seconds in which all of the container waited for memory */

struct pressure {
    size_t waiting, more;                  /* in: tickets in the queue, and those that are to be added */
    uint64_t own_bytes;                    /* of this process, resident */
    uint64_t total_bytes, available_bytes; /* of the host; 0: not known */
    uint64_t limit_bytes, used_bytes;      /* of the container; 0: no limit */
    double some_percent, stalled_percent;  /* some, all of the container waited for memory; below 0: not known */
    uint64_t free_bytes;                   /* on the fuller disk; UINT64_MAX: not known */
};

enum pressure_limit { PRESSURE_NONE, PRESSURE_MEMORY, PRESSURE_DISK, PRESSURE_QUEUE };

#define PRESSURE_TEXT_MAX 160

/* root: "", or for a test where proc and sys are. folders: NULL-terminated. */
void pressure_read(struct pressure *p, const char *root, const char *const *folders);
enum pressure_limit pressure_judge(const struct pressure *p, const struct settings *s, char why[PRESSURE_TEXT_MAX]);
const char *pressure_word(enum pressure_limit limit); /* "memory" ... */
unsigned pressure_retry_s(enum pressure_limit limit); /* ask again after */
/* Tickets that may be in work at once by what memory is left below the limit: at least one, at most in_work_limit. */
size_t pressure_concurrency(const struct pressure *p, const struct settings *s);

#endif
