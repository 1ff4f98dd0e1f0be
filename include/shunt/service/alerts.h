/* alerts.h: what the alarm (core/alarm.h) has to tell goes to people by mail and to programs by webhook, through the outbox.
 *
 * Happy way: alerts_tick (of the upkeep) -> the alarm's next mail is put into the outbox -> the store has it -> the alarm
 * knows that it is told. One at a time; until then it is put again, also after a restart, under the same key, which the
 * outbox takes once. Where neither mail nor webhook is set nobody is told: what is wrong stands in the log, in the store and
 * on the pages. A webhook's document: {"event": "alert", "key", "brand", "instance", "at", "subject", "text", "items": [...]}
 * with alarm.h's items. While the store is away all that is sent without it (outbox_put_urgent). What finds no memory or no
 * room is told by a later tick. Thread: loop.
 */
#ifndef SHUNT_SERVICE_ALERTS_H
#define SHUNT_SERVICE_ALERTS_H

#include "shunt/service/service.h"

/* The store is asked what is stuck. */
struct stuck {
    struct errand errand;
    struct service *service;
    bool asked;
    json_t *totals, *page; /* its answer */
};
void stuck_fini(struct stuck *k);

struct alerts {
    struct service *service;
    struct stuck stuck;
    json_t *sending; /* the mail that the outbox has and the store not yet; NULL: none */
};

void alerts_init(struct alerts *a, struct service *s);
/* known: what an earlier run told is read; until then only that the store is away. */
void alerts_tick(struct alerts *a, bool known);
/* What failed and was not put back, and what waits, becomes a mail soon, if there is any. */
void alerts_tell_stuck(struct alerts *a);
void alerts_fini(struct alerts *a); /* no errand of the storage is under way any more */

/* How the program is called by somebody who is to use these settings: "shunt -c /srv/shunt.ini". */
void alerts_command(const struct config *config, struct str *out);

#endif
