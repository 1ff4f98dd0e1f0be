/* upkeep_late.c: see upkeep_inner.h. An errand reads the store when it is back; on the loop the day that was is put before
 * ours. Without memory for it nothing is taken up: it is read anew with the next tick. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/service/scheduler.h"

#include "upkeep_inner.h"

static void forget(struct late *late)
{
    json_decref(late->snapshot);
    json_decref(late->alerts);
    late->snapshot = late->alerts = NULL;
    for (struct record *next; late->missed; late->missed = next) {
        next = late->missed->next;
        record_free(late->missed);
    }
}

/* ---- pool thread ---- */

/* For store_each_cb. */
static int keep_missed(void *user, const struct store_job *row)
{
    struct upkeep *u = user;
    struct record **end = &u->late.missed;
    int missed = row->outcome > u->late.own_from ? 0 : reconcile_is_missed(&u->service->instance, row);
    if (missed <= 0)
        return missed;
    while (*end)
        end = &(*end)->next;
    return (*end = record_copy(row)) ? 0 : ERR_NOMEM;
}

/* A damaged snapshot is as good as none. */
static int read_store(struct errand *x, struct store *store, struct error *e)
{
    struct upkeep *u = (struct upkeep *)((char *)x - offsetof(struct upkeep, late.errand));
    struct late *late = &u->late;
    unsigned instance = u->service->instance.number;
    int rc = store_load_snapshot(store, instance, &late->snapshot, e);
    if (rc == ERR_SYNTAX) {
        error_clear(e);
        rc = 0;
    }
    rc = rc ? rc : store_uncounted(store, instance, keep_missed, u, e);
    return rc ? rc : incidents_read(u->service, store, &late->alerts, e);
}

/* ---- loop ---- */

/* The sum takes the place of ours; both are of the same date. */
static int put_before(json_t **ours, const json_t *earlier)
{
    struct stats *sum = NULL, *own = NULL;
    json_t *both = NULL;
    if (upkeep_read_day(earlier, &sum) == 0 && upkeep_read_day(*ours, &own) == 0 && sum && own) {
        stats_add(sum, own);
        both = stats_to_json(sum);
    }
    stats_free(sum);
    stats_free(own);
    if (!both)
        return ERR_NOMEM;
    json_decref(*ours);
    *ours = both;
    return 0;
}

static json_int_t date_of(const json_t *day)
{
    return json_integer_value(json_object_get(day, "date"));
}

/* Takes the day, which an earlier run began; ours may have gone on with it. */
static void add_ended(struct ended_days *ended, json_t *day)
{
    size_t at = 0;
    while (at < ended->count && date_of(ended->days[at]) < date_of(day))
        at++;
    bool same = at < ended->count && date_of(ended->days[at]) == date_of(day);
    if (same ? put_before(&ended->days[at], day) != 0 : ended->count == ENDED_DAYS_MAX)
        log_warn("stats_lost", "The statistics of %lld before the start are lost: no memory", (long long)date_of(day));
    if (same || ended->count == ENDED_DAYS_MAX) {
        json_decref(day);
        return;
    }
    memmove(ended->days + at + 1, ended->days + at, (ended->count - at) * sizeof ended->days[0]);
    ended->days[at] = day;
    ended->count++;
}

/* As if ours had been counted after them. */
static int count_earlier(struct upkeep *u, struct ended_days *ended, struct stats *earlier)
{
    struct runtime *rt = &u->service->rt;
    struct stats *own = rt->stats;
    rt->stats = earlier ? earlier : own;
    int rc = reconcile_count(u->service, ended, u->late.missed);
    if (!earlier)
        return rc;
    if (rc == 0 && stats_turn(earlier, stats_date(own), &ended->days[ended->count]))
        ended->count++;
    else if (rc == 0 && stats_date(earlier) < stats_date(own))
        rc = ERR_NOMEM;
    rt->stats = rc == 0 ? earlier : own;
    if (rc == 0)
        stats_add(earlier, own);
    stats_free(rc == 0 ? own : earlier);
    return rc;
}

static int take_up_days(struct upkeep *u)
{
    struct stats *earlier;
    struct ended_days ended = {.count = 0};
    int rc = upkeep_read_day(json_object_get(u->late.snapshot, "stats"), &earlier);
    rc = rc ? rc : count_earlier(u, &ended, earlier);
    for (size_t i = 0; i < ended.count; i++) {
        if (rc == 0)
            add_ended(&u->ended, ended.days[i]);
        else
            json_decref(ended.days[i]);
    }
    return rc;
}

static void on_read(struct errand *x, int rc)
{
    struct upkeep *u = (struct upkeep *)((char *)x - offsetof(struct upkeep, late.errand));
    struct late *late = &u->late;
    late->asked = false;
    if (rc == 0 && take_up_days(u) == 0) {
        late->wanted = false;
        if (upkeep_take_up_alarm(u, json_object_get(late->snapshot, "alarm")) != 0 ||
            incidents_inherit(&u->incidents, late->alerts) != 0)
            log_warn("alerts_lost", "Alerts of before the start are told anew: no memory");
        scheduler_recall(u->service->scheduler, json_object_get(late->snapshot, "tasks"));
        log_info("store_read", "What the store had of before the start is taken up");
    }
    forget(late);
}

void late_want(struct upkeep *u)
{
    struct service *s = u->service;
    u->late.wanted = true;
    u->late.own_from = (uint64_t)s->rt.clock->wall_ms(s->rt.clock); /* above what an earlier run can have counted to */
    s->jobs.outcomes = u->late.own_from;
}

/* What is not matched yet may be counted by us, and stand in the store as a job to be counted. */
static bool unsure_waits(const struct storage *st)
{
    const struct record *r = st->queue;
    while (r && !r->unsure)
        r = r->next;
    return r != NULL;
}

void late_ask(struct upkeep *u)
{
    struct storage *st = &u->service->storage;
    if (!u->late.wanted || u->late.asked || unsure_waits(st))
        return;
    u->late.asked = true;
    u->late.errand.run = read_store;
    u->late.errand.done = on_read;
    storage_do(st, &u->late.errand);
}

void late_fini(struct late *late)
{
    forget(late);
}
