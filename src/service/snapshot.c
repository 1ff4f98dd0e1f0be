/* snapshot.c: see snapshot.h. */
#include "shunt/service/snapshot.h"

#include <string.h>
#include <unistd.h>

#include "shunt/service/lane.h"

static json_t *time_or_null(int64_t wall_ms)
{
    char text[CLOCK_RFC3339_MAX];
    clock_rfc3339(wall_ms, text);
    return wall_ms > 0 ? json_string(text) : json_null();
}

/* Since when nothing is delivered there, by whom, and when it is tried again. False: no memory. */
static bool add_why(json_t *entry, const struct lane *lane)
{
    const struct held_name *held = lane->held ? lanes_find_held(lane->lanes, lane->name) : NULL;
    bool down = lane->breaker.state != BREAKER_CLOSED;
    json_t *why =
        json_pack("{s:s?, s:o, s:o, s:o}", "held_by", held && held->by[0] ? held->by : NULL, "held_since",
                  time_or_null(held ? held->since_ms : 0), "down_since", time_or_null(down ? lane->down_ms : 0),
                  "next_try", time_or_null(lane->breaker.state == BREAKER_OPEN ? lane->next_try_ms : 0));
    int rc = why ? json_object_update(entry, why) : -1;
    json_decref(why);
    return rc == 0;
}

/* NULL: no memory, also for a single one of them. */
json_t *snapshot_destinations(const struct service *s)
{
    json_t *list = json_array();
    for (const struct lane *lane = s->lanes.lanes; lane; lane = lane->next) {
        const char *path = lane->place.path;
        if (!utf8_valid(path, strlen(path)))
            path = "(not UTF-8)";
        json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "name", lane->name, "label",
                                  lane->label, "path", path, "breaker", breaker_word(lane->breaker.state), "hanging",
                                  lane->hanging > 0, "held", lane->held, "in_hand",
                                  (json_int_t)(lane->deliveries - lane->ended), "queued", (json_int_t)lane->queued,
                                  "delivered", (json_int_t)lane->delivered, "failures", (json_int_t)lane->failures);
        if (json_array_append_new(list, entry) != 0 || !add_why(entry, lane)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *snapshot_ledger(const struct service *s)
{
    const struct ledger *l = &s->rt.ledger;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "taken", (json_int_t)l->taken, "delivered",
                     (json_int_t)l->delivered, "archived_only", (json_int_t)l->archived_only, "failed",
                     (json_int_t)l->failed, "returned", (json_int_t)l->returned, "waiting", (json_int_t)l->waiting,
                     "in_work", (json_int_t)l->in_work);
}

json_t *snapshot_queue(const struct service *s)
{
    return json_pack("{s:I, s:I, s:I}", "known", (json_int_t)s->intake.count, "queued", (json_int_t)s->intake.queued,
                     "looking", (json_int_t)s->intake.looking);
}

json_t *snapshot_of(const struct service *s, const char *state)
{
    int64_t now = s->rt.clock->wall_ms(s->rt.clock);
    char started[CLOCK_RFC3339_MAX], saved[CLOCK_RFC3339_MAX];
    clock_rfc3339(s->started_wall_ms, started);
    clock_rfc3339(now, saved);
    const struct loop_meter *m = &s->rt.meter;
    json_t *loop =
        json_pack("{s:f, s:f}", "longest_turn_ms", (double)m->longest_ns / 1e6, "busy_s", (double)m->busy_ns / 1e9);
    return json_pack("{s:i, s:s, s:i, s:i, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "version", SNAPSHOT_VERSION,
                     "state", state, "pid", (int)getpid(), "instance", (int)s->instance.number, "started", started,
                     "saved", saved, "saved_ms", (json_int_t)now, "stats", stats_to_json(s->rt.stats), "ledger",
                     snapshot_ledger(s), "queue", snapshot_queue(s), "loop", loop, "destinations",
                     snapshot_destinations(s), "held", lanes_held(&s->lanes));
}
