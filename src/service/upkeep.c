/* upkeep.c: see upkeep.h. */
#include "shunt/service/upkeep.h"

#include <string.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/work.h"
#include "shunt/service/control.h"
#include "shunt/service/feed.h"
#include "shunt/service/lane.h"
#include "shunt/service/scheduler.h"
#include "shunt/service/snapshot.h"
#include "shunt/service/trial.h"
#include "shunt/service/watching.h"

#include "upkeep_inner.h"

static void log_lines(const char *event, const char *text)
{
    for (const char *line = text; *line;) {
        const char *end = strchrnul(line, '\n');
        log_write(LOG_EVENT(LOG_INFO, event), "%.*s", (int)(end - line), line);
        line = *end ? end + 1 : end;
    }
}

static void log_stats_line(struct upkeep *u)
{
    const struct stats *stats = u->service->rt.stats;
    if (stats_changes(stats) == u->line_changes)
        return;
    struct str line = STR_INIT;
    stats_line(stats, &line);
    if (!str_failed(&line)) {
        u->line_changes = stats_changes(stats);
        log_info("stats", "Stats: %s", line.bytes);
    }
    str_fini(&line);
}

static int log_day(const struct stats *stats, const char *event)
{
    struct str text = STR_INIT;
    stats_text(stats, &text);
    int rc = str_failed(&text) ? ERR_NOMEM : 0;
    if (rc == 0)
        log_lines(event, text.bytes);
    str_fini(&text);
    return rc;
}

static int log_ended_day(const json_t *day)
{
    struct stats *stats = stats_new((int)json_integer_value(json_object_get(day, "date")));
    int rc = stats ? stats_from_json(stats, day) : ERR_NOMEM;
    if (rc == 0)
        rc = log_day(stats, "day_ended");
    stats_free(stats);
    return rc;
}

/* They are known only by their JSON, and kept until there is memory to log them whole and for the storage to take them. */
static void end_days(struct upkeep *u)
{
    struct ended_days *ended = &u->ended;
    while (ended->count > 0 && !u->late.wanted) {
        u->ended_logged = u->ended_logged || log_ended_day(ended->days[0]) != ERR_NOMEM;
        if (!u->ended_logged || !storage_day(&u->service->storage, ended->days[0]))
            return;
        u->ended_logged = false;
        memmove(ended->days, ended->days + 1, --ended->count * sizeof ended->days[0]);
    }
}

static void turn_day(struct upkeep *u)
{
    struct runtime *rt = &u->service->rt;
    int today = clock_local_date(rt->clock->wall_ms(rt->clock));
    struct ended_days *ended = &u->ended;
    if (ended->count < ENDED_DAYS_MAX && stats_turn(rt->stats, today, &ended->days[ended->count])) {
        ended->count++;
        u->line_changes = stats_changes(rt->stats);
    }
    end_days(u);
}

/* With what it counts, what is told of and when tasks ran, which is the store's business alone. NULL: no memory. */
static json_t *counting_snapshot(const struct service *s, const char *state)
{
    json_t *snapshot = snapshot_of(s, state);
    if (!snapshot || (json_object_set_new(snapshot, "counted", jobs_counted(&s->jobs)) == 0 &&
                      json_object_set_new(snapshot, "alarm", alarm_to_json(s->rt.alarm)) == 0 &&
                      json_object_set_new(snapshot, "tasks", scheduler_known(s->scheduler)) == 0))
        return snapshot;
    json_decref(snapshot);
    return NULL;
}

static void save(struct upkeep *u, const char *state)
{
    json_t *snapshot = u->late.wanted ? NULL : counting_snapshot(u->service, state);
    if (snapshot)
        storage_save(&u->service->storage, snapshot);
}

void upkeep_tell_stuck(struct upkeep *u)
{
    alerts_tell_stuck(&u->alerts);
}

void upkeep_save_now(struct upkeep *u)
{
    save(u, u->service->rt.draining ? "draining" : "running");
}

static void retry_again(struct upkeep *u, int64_t now)
{
    int64_t after = u->service->config->settings->again_after_ms;
    if (after == 0 || now < u->next_again_ms || !u->service->control || u->late.wanted)
        return;
    u->next_again_ms = now + (after < AGAIN_LOOK_MS ? after : AGAIN_LOOK_MS);
    control_retry_again(u->service->control);
}

static void on_tick(struct wait *wait)
{
    struct upkeep *u = (struct upkeep *)((char *)wait - offsetof(struct upkeep, tick));
    struct runtime *rt = &u->service->rt;
    int64_t now = runtime_now(rt);
    late_ask(u);
    turn_day(u);
    if (now >= u->next_line_ms) {
        u->next_line_ms = now + UPKEEP_LINE_MS;
        log_stats_line(u);
    }
    if (now >= u->next_save_ms) {
        u->next_save_ms = now + UPKEEP_SAVE_MS;
        upkeep_save_now(u);
    }
    feed_tick(u->service->jobs.feed);
    retry_again(u, now);
    lanes_retire(&u->service->lanes);
    disks_look(&u->service->disks);
    holds_look(&u->service->holds);
    jobs_check_ledger(&u->service->jobs);
    incidents_look(&u->incidents);
    alerts_tick(&u->alerts, !u->late.wanted);
    wait_set(rt, &u->tick, UPKEEP_TICK_MS, on_tick);
}

void upkeep_log_state(struct upkeep *u)
{
    struct service *s = u->service;
    log_day(s->rt.stats, "state");
    struct str text = STR_INIT;
    ledger_text(&s->rt.ledger, &text);
    if (!str_failed(&text))
        log_info("state", "Ledger since start: %s", text.bytes);
    str_fini(&text);
    log_info(
        "state",
        "Intake: %zu names known, %zu queued, %zu being looked at; scan #%u %s; %zu folders, %zu of them not watched",
        s->intake.count, s->intake.queued, s->intake.looking, s->scanner.number, s->scanner.full ? "running" : "ended",
        s->scanner.n_folders, watching_unwatched(&s->scanner));
    log_info("state", "Loop: longest turn %.1f ms since start", (double)s->rt.meter.longest_ns / 1e6);
    for (const struct lane *lane = s->lanes.lanes; lane; lane = lane->next)
        log_write(LOG_EVENT(LOG_INFO, "state", .destination = lane->name),
                  "%s: %s, %zu deliveries in hand, %zu of them queued, %u requests%s%s, %llu delivered, %llu failures",
                  lane->label, breaker_word(lane->breaker.state), lane->deliveries - lane->ended, lane->queued,
                  lane->active, lane->hanging ? " (hanging)" : "", lane->held ? " (held)" : "",
                  (unsigned long long)lane->delivered, (unsigned long long)lane->failures);
}

static int take_up_held(struct service *s, struct error *e)
{
    json_t *holds = NULL;
    struct error why = {0};
    if (s->rt.once)
        return 0;
    int rc = holds_read(&s->instance, &holds, &why);
    rc = rc ? rc : lanes_hold_only(&s->lanes, holds);
    json_decref(holds);
    return rc == ERR_NOMEM ? error_set(e, rc, "out of memory") : 0; /* else it is told when the next look fails too */
}

/* Did the run before end on purpose? From now on the store says that we run: a crash is told by that. */
static int take_up_state(struct upkeep *u, json_t *snapshot, struct error *e)
{
    struct service *s = u->service;
    const char *state = json_string_value(json_object_get(snapshot, "state"));
    struct error why = {0};
    s->intake.stopped_well = state && strcmp(state, "running") != 0;
    if (!s->intake.stopped_well)
        return 0;
    trial_over(s->instance.fd);
    int rc = json_object_set_new(snapshot, "state", json_string("running"));
    rc = rc ? ERR_NOMEM : store_save_snapshot(s->storage.store, s->instance.number, snapshot, &why);
    return rc == ERR_NOMEM ? error_set(e, rc, "out of memory") : 0; /* else it is written as soon as it can be */
}

int upkeep_take_up_alarm(struct upkeep *u, const json_t *state)
{
    int rc = state ? alarm_from_json(u->service->rt.alarm, state) : 0;
    if (rc != 0 && rc != ERR_NOMEM)
        log_warn("store_damaged", "The store's state of the alerts cannot be read: what lasts is mailed anew");
    return rc == ERR_NOMEM ? rc : 0;
}

int upkeep_read_day(const json_t *day, struct stats **out)
{
    *out = NULL;
    if (!day)
        return 0;
    struct stats *stats = stats_new((int)json_integer_value(json_object_get(day, "date")));
    int rc = stats ? stats_from_json(stats, day) : ERR_NOMEM;
    if (rc == 0) {
        *out = stats;
        return 0;
    }
    if (rc != ERR_NOMEM)
        log_warn("store_damaged", "The store's statistics cannot be read: the day begins anew");
    stats_free(stats);
    return rc == ERR_NOMEM ? rc : 0;
}

/* As of its own date: what ended after it may belong to that day. */
static int take_up_day(struct runtime *rt, const json_t *day)
{
    struct stats *stats;
    int rc = upkeep_read_day(day, &stats);
    if (stats) {
        stats_free(rt->stats);
        rt->stats = stats;
    }
    return rc;
}

/* Want of memory is no reason to begin the day anew: what is there would be saved over. */
static int take_up(struct upkeep *u, struct error *e)
{
    struct error why = {0};
    json_t *snapshot = NULL;
    struct store *store = u->service->storage.store;
    int rc = store ? store_load_snapshot(store, u->service->instance.number, &snapshot, &why) : ERR_BUSY;
    if (rc == ERR_NOMEM)
        return error_set(e, rc, "%s", why.text);
    if (rc != 0 && rc != ERR_SYNTAX) {
        late_want(u);
        return 0;
    }
    if (rc != 0) {
        log_write(LOG_EVENT(LOG_WARN, "store_damaged", .error = why.text), "The statistics of the day begin anew");
        return 0;
    }
    rc = take_up_day(&u->service->rt, json_object_get(snapshot, "stats"));
    rc = rc ? rc : upkeep_take_up_alarm(u, json_object_get(snapshot, "alarm"));
    rc = rc ? error_set(e, rc, "out of memory") : take_up_state(u, snapshot, e);
    if (rc == 0)
        scheduler_recall(u->service->scheduler, json_object_get(snapshot, "tasks"));
    json_decref(snapshot);
    rc = rc ? rc : reconcile(u->service, &u->ended, e);
    if (rc == 0)
        turn_day(u);
    u->line_changes = stats_changes(u->service->rt.stats);
    return rc;
}

struct upkeep *upkeep_new(struct service *s, struct error *e)
{
    struct upkeep *u = mem_zalloc(sizeof *u);
    if (!u) {
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    u->service = s;
    alerts_init(&u->alerts, s);
    if (take_up_held(s, e) != 0 || take_up(u, e) != 0 || incidents_init(&u->incidents, s, e) != 0) {
        upkeep_free(u);
        return NULL;
    }
    return u;
}

void upkeep_start(struct upkeep *u)
{
    int64_t now = runtime_now(&u->service->rt);
    u->next_line_ms = now + UPKEEP_LINE_MS;
    u->next_save_ms = now; /* so that `shunt status` knows of us at once */
    on_tick(&u->tick);
}

void upkeep_last(struct upkeep *u)
{
    wait_cancel(&u->service->rt, &u->tick);
    end_days(u);
    log_stats_line(u);
    incidents_look(&u->incidents);
    if (u->late.wanted) {
        late_ask(u);
        storage_last(&u->service->storage, NULL);
        end_days(u);
    }
    if (!u->late.wanted)
        storage_last(&u->service->storage, counting_snapshot(u->service, "stopped"));
}

void upkeep_free(struct upkeep *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->ended.count; i++)
        json_decref(u->ended.days[i]);
    late_fini(&u->late);
    alerts_fini(&u->alerts);
    incidents_fini(&u->incidents);
    mem_free(u);
}
