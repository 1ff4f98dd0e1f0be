/* upkeep_inner.h: what upkeep.c (now and then) shares with upkeep_late.c: what an earlier run left in the store, where that
 * cannot be read at the start. Until it is read nothing is saved over it, and no day of ours is handed to the store. */
#ifndef SHUNT_SERVICE_UPKEEP_INNER_H
#define SHUNT_SERVICE_UPKEEP_INNER_H

#include "shunt/service/alerts.h"
#include "shunt/service/incidents.h"
#include "shunt/service/reconcile.h"
#include "shunt/service/upkeep.h"

#define AGAIN_LOOK_MS (3600 * INT64_C(1000))

struct late {
    struct errand errand;
    bool wanted, asked;
    uint64_t own_from; /* outcomes of this run are greater */
    json_t *snapshot, *alerts;
    struct record *missed;
};

struct upkeep {
    struct service *service;
    struct wait tick;
    int64_t next_line_ms, next_save_ms, next_again_ms;
    uint64_t line_changes;   /* what the last line knew */
    struct ended_days ended; /* not logged, or not with the storage yet */
    bool ended_logged;       /* the first of them is */
    struct late late;
    struct incidents incidents;
    struct alerts alerts;
};

/* NULL: there is none, or (told) it is damaged; ERR_NOMEM. */
int upkeep_read_day(const json_t *day, struct stats **out);
int upkeep_take_up_alarm(struct upkeep *u, const json_t *state);

void late_want(struct upkeep *u);
void late_ask(struct upkeep *u); /* where it is wanted, and may be asked now */
void late_fini(struct late *late);

#endif
