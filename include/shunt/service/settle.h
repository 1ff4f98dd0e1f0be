/* settle.h: the last act of a job: the claimed original is removed, or moved to the failed folder with its reason
 * beside it.
 *
 * Before it is removed it is asked once more whether it is still what was delivered: nobody began to open it for
 * writing under our lease, or, where there is no lease, nobody has it open now and nothing changed. If not, the job
 * ends as returned and the file is taken up again where it lies. What cannot be done now (full disk, missing folder)
 * is tried again without limit, with growing pauses; the file stays in underprocess, and other tickets go on. Thread:
 * loop; the acts run in work requests, many jobs each.
 */
#ifndef SHUNT_SERVICE_SETTLE_H
#define SHUNT_SERVICE_SETTLE_H

#include "shunt/service/jobs.h"

/* Each kind has its own requests: a failed folder that hangs does not keep originals from being removed. */
struct settle_queue {
    struct job *head, **tail;
    unsigned active; /* requests */
    bool troubled;   /* that it fails stands in the log */
};

struct settle {
    struct runtime *rt;
    const char *underprocess; /* of this instance */
    struct settle_queue remove, aside;
    struct wait pause; /* after a request that found no memory */
};

void settle_init(struct settle *s, struct runtime *rt, const char *underprocess);
void settle_enqueue(struct settle *s, struct job *job); /* state SETTLING: remove; FAILING: set aside */
void settle_pump(struct settle *s);
bool settle_idle(const struct settle *s);

#endif
