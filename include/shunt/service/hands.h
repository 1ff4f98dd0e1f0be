/* hands.h: what a person did to a ticket that lies in a hot folder now and is still to be taken up: told with its job's
 * story. By folder and name; at most HANDS_MAX, further ones push out the oldest, and a restart forgets them: the log has
 * them too. Thread: loop. */
#ifndef SHUNT_SERVICE_HANDS_H
#define SHUNT_SERVICE_HANDS_H

#include "shunt/service/jobs.h"

#define HANDS_MAX 10000

struct hand;

struct hands { /* zeroed: none */
    struct hand *table;
};

/* event: a constant. False: one of that name is there already and stays, or there is no memory. */
bool hands_note(struct hands *h, const char *folder, const char *name, int64_t at_ms, const char *event,
                const char *text);
void hands_forget(struct hands *h, const char *folder, const char *name); /* nothing came of it */
/* The job of that ticket begins. False: nobody did anything. */
bool hands_tell(struct hands *h, struct job *job);
void hands_fini(struct hands *h);

#endif
