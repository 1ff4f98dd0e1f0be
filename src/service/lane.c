/* lane.c: lanes come and go with the tables. A table that is in use (or was, while somebody still holds it) has a map
 * from destination number to lane. */
#include "shunt/service/lane.h"

#include <string.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

struct lane_map {
    struct routes *routes; /* counted */
    struct lane_map *next;
    struct lane *of[];
};

static struct held_name *find_held(const struct delivery_lanes *lanes, const char *name)
{
    struct held_name *held;
    LL_FOREACH (lanes->held, held)
        if (strcmp(held->name, name) == 0)
            return held;
    return NULL;
}

static const struct lane *find_lane(const struct delivery_lanes *lanes, const char *name)
{
    const struct lane *lane;
    LL_FOREACH (lanes->lanes, lane)
        if (strcmp(lane->name, name) == 0)
            return lane;
    return NULL;
}

static void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    mem_free((char *)(uintptr_t)lane->place.path);
    mem_free((char *)(uintptr_t)lane->place.mount);
    mem_free((char *)(uintptr_t)lane->place.tag);
    mem_free(lane->name);
    mem_free(lane->label);
    mem_free(lane);
}

static void set_policies(struct lane *lane, const struct settings *s)
{
    lane->retry = (struct retry_policy){
        .attempts = s->attempts, .first_ms = s->first_ms, .max_ms = s->max_ms, .factor = s->factor};
    lane->breaker_policy = (struct breaker_policy){
        .failures = s->breaker_failures, .pause_ms = s->breaker_pause_ms, .max_ms = s->breaker_max_ms};
    lane->place.folder_mode = s->folder_mode;
    lane->place.durable = s->durability == DURABILITY_FULL;
}

static struct lane *lane_make(struct delivery_lanes *lanes, const char *name, const char *label, char *path)
{
    struct lane *lane = mem_zalloc(sizeof *lane);
    if (!lane) {
        mem_free(path);
        return NULL;
    }
    lane->lanes = lanes;
    lane->name = mem_strdup(name);
    lane->label = mem_strdup(label);
    lane->place.path = path;
    lane->place.tag = instance_tag(lanes->instance->number, name);
    lane->place.uid = lane->place.gid = -1;
    lane->place.create = true;
    set_policies(lane, lanes->rt->config->settings);
    lane->place.mode = lanes->rt->config->settings->mode;
    lane->held = !lanes->rt->once && find_held(lanes, name) != NULL;
    if (!lane->name || !lane->label || !path || !lane->place.tag) {
        lane_free(lane);
        return NULL;
    }
    return lane;
}

static struct lane *archive_lane(struct delivery_lanes *lanes)
{
    const struct config *c = lanes->rt->config;
    struct lane *lane = lane_make(lanes, "archive", "archive", mem_strdup(c->archive));
    if (!lane)
        return NULL;
    lane->is_archive = true;
    lane->driver = &destination_dir;
    lane->place.conflict = CONFLICT_VERSIONS;
    lane->place.keep_time = true;
    lane->concurrency = (unsigned)c->settings->workers;
    /* A valid ticket is not failed because the archive is full or away: it waits. */
    if (!lanes->rt->once)
        lane->retry.attempts = 0;
    return lane;
}

static void set_retries(struct lane *lane, const struct destination *d)
{
    lane->retry = retry_with(&lane->retry, &d->retry);
    lane->tells_attempts =
        d->alerts == TOLD_AS_SET ? lane->lanes->rt->config->settings->alerts_attempts : d->alerts == TOLD_YES;
}

static struct lane *destination_lane(struct delivery_lanes *lanes, const struct destination *d)
{
    const struct config *c = lanes->rt->config;
    struct lane *lane = lane_make(lanes, d->name, d->label, config_destination_path(c, d));
    if (!lane)
        return NULL;
    lane->driver = destination_driver_find(d->driver);
    lane->place.create = d->create;
    lane->place.conflict = d->conflict;
    lane->place.uid = d->uid;
    lane->place.gid = d->gid;
    if (d->has_mode)
        lane->place.mode = d->mode;
    lane->concurrency = d->concurrency > 0 ? d->concurrency : (unsigned)c->settings->concurrency;
    set_retries(lane, d);
    if (d->mount[0] != '\0' && !(lane->place.mount = files_join(c->data, d->mount))) {
        lane_free(lane);
        return NULL;
    }
    return lane;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_lane(const struct lane *a, const struct lane *b)
{
    return !a->is_archive && a->driver == b->driver && same_text(a->name, b->name) && same_text(a->label, b->label) &&
           same_text(a->place.path, b->place.path) && same_text(a->place.mount, b->place.mount) &&
           a->place.create == b->place.create && a->place.conflict == b->place.conflict &&
           a->place.uid == b->place.uid && a->place.gid == b->place.gid && a->place.mode == b->place.mode &&
           a->concurrency == b->concurrency && a->tells_attempts == b->tells_attempts &&
           retry_same(&a->retry, &b->retry);
}

static struct lane *find_same(const struct delivery_lanes *lanes, const struct lane *wanted)
{
    struct lane *lane;
    LL_FOREACH (lanes->lanes, lane)
        if (same_lane(lane, wanted))
            return lane;
    return NULL;
}

static bool mapped(const struct delivery_lanes *lanes, const struct lane *lane)
{
    const struct lane_map *map;
    LL_FOREACH (lanes->maps, map)
        for (size_t i = 0; i < map->routes->n_destinations; i++)
            if (map->of[i] == lane)
                return true;
    return false;
}

static void drop_unused_lanes(struct delivery_lanes *lanes)
{
    struct lane *lane, *next;
    LL_FOREACH_SAFE (lanes->lanes, lane, next) {
        if (lane->is_archive || lane->deliveries > 0 || lane->active > 0 || mapped(lanes, lane))
            continue;
        wait_cancel(lanes->rt, &lane->probe);
        LL_DELETE(lanes->lanes, lane);
        lane_free(lane);
    }
}

void lanes_retire(struct delivery_lanes *lanes)
{
    struct lane_map *map, *next;
    LL_FOREACH_SAFE (lanes->maps, map, next) {
        unsigned held = map->routes == lanes->rt->config->routes ? 2 : 1; /* by the map, and by the configuration */
        if (map->routes == lanes->rt->routes || map->routes->references > held)
            continue;
        LL_DELETE(lanes->maps, map);
        routes_unref(map->routes);
        mem_free(map);
    }
    drop_unused_lanes(lanes);
}

int lanes_adopt(struct delivery_lanes *lanes, struct routes *routes, struct error *e)
{
    struct lane_map *map = mem_zalloc(sizeof *map + routes->n_destinations * sizeof map->of[0]);
    if (!map)
        return error_set(e, ERR_NOMEM, "out of memory");
    map->routes = routes_ref(routes);
    LL_PREPEND(lanes->maps, map);
    for (size_t i = 0; i < routes->n_destinations; i++) {
        struct lane *lane = destination_lane(lanes, &routes->destinations[i]);
        struct lane *same = lane ? find_same(lanes, lane) : NULL;
        if (same) {
            lane_free(lane);
            lane = same;
        } else if (lane) {
            LL_APPEND(lanes->lanes, lane);
        } else {
            LL_DELETE(lanes->maps, map);
            routes_unref(map->routes);
            mem_free(map);
            drop_unused_lanes(lanes);
            return error_set(e, ERR_NOMEM, "out of memory");
        }
        map->of[i] = lane;
    }
    return 0;
}

struct lane *lanes_of(const struct delivery_lanes *lanes, const struct routes *routes, size_t destination)
{
    const struct lane_map *map;
    LL_FOREACH (lanes->maps, map)
        if (map->routes == routes)
            return map->of[destination];
    return NULL; /* not reached: a table that anybody holds has its map */
}

/* False: there is no destination of that name. */
static bool set_held(struct delivery_lanes *lanes, const char *name, bool held)
{
    bool found = false;
    struct lane *lane;
    LL_FOREACH (lanes->lanes, lane) {
        if (strcmp(lane->name, name) != 0)
            continue;
        found = true;
        if (!lanes->rt->once)
            lane_set_held(lane, held);
    }
    return found;
}

static int remember_held(struct delivery_lanes *lanes, const char *name, const char *by, int64_t since_ms)
{
    if (find_held(lanes, name))
        return 0;
    struct held_name *held = mem_zalloc(sizeof *held + strlen(name) + 1);
    if (!held)
        return ERR_NOMEM;
    held->since_ms = since_ms;
    (void)snprintf(held->by, sizeof held->by, "%s", by);
    strcpy(held->name, name);
    LL_PREPEND(lanes->held, held);
    return 0;
}

int lanes_hold(struct delivery_lanes *lanes, const char *name, const char *by)
{
    const struct clock *clock = lanes->rt->clock;
    if (!find_lane(lanes, name))
        return ERR_GONE;
    int rc = remember_held(lanes, name, by, clock->wall_ms(clock));
    if (rc == 0)
        set_held(lanes, name, true);
    return rc;
}

int lanes_release(struct delivery_lanes *lanes, const char *name)
{
    struct held_name *held = find_held(lanes, name);
    bool found = set_held(lanes, name, false);
    if (held) {
        LL_DELETE(lanes->held, held);
        mem_free(held);
    }
    return found || held ? 0 : ERR_GONE;
}

const struct held_name *lanes_find_held(const struct delivery_lanes *lanes, const char *name)
{
    return find_held(lanes, name);
}

json_t *lanes_held(const struct delivery_lanes *lanes)
{
    json_t *names = json_array();
    const struct held_name *held;
    LL_FOREACH (lanes->held, held) {
        if (json_array_append_new(names, json_string(held->name)) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

bool lanes_know(const struct delivery_lanes *lanes, const char *name)
{
    return find_lane(lanes, name) || find_held(lanes, name);
}

/* by: NULL: it is released. */
static void tell_held(const struct delivery_lanes *lanes, const char *name, const char *by)
{
    const struct lane *lane = find_lane(lanes, name);
    log_write(LOG_EVENT(LOG_WARN, by ? "held" : "released", .destination = name),
              !by     ? "%s is released"
              : by[0] ? "%s is held by %s: its deliveries wait until it is released"
                      : "%s is held: its deliveries wait until it is released",
              lane ? lane->label : name, by);
}

int lanes_hold_only(struct delivery_lanes *lanes, const json_t *holds)
{
    struct held_name *held, *next;
    LL_FOREACH_SAFE (lanes->held, held, next) {
        if (json_object_get(holds, held->name))
            continue;
        tell_held(lanes, held->name, NULL);
        lanes_release(lanes, held->name);
    }
    const char *name;
    json_t *how;
    json_object_foreach ((json_t *)(uintptr_t)holds, name, how) {
        if (find_held(lanes, name))
            continue;
        const char *by = json_string_value(json_object_get(how, "by"));
        if (remember_held(lanes, name, by ? by : "", json_integer_value(json_object_get(how, "since_ms"))) != 0)
            return ERR_NOMEM;
        set_held(lanes, name, true);
        tell_held(lanes, name, by ? by : "");
    }
    return 0;
}

int lanes_init(struct delivery_lanes *lanes, struct runtime *rt, const struct instance *instance, struct error *e)
{
    *lanes = (struct delivery_lanes){.rt = rt, .instance = instance};
    lanes->archive = archive_lane(lanes);
    if (!lanes->archive)
        return error_set(e, ERR_NOMEM, "out of memory");
    LL_PREPEND(lanes->lanes, lanes->archive);
    return lanes_adopt(lanes, rt->routes, e);
}

void lanes_fini(struct delivery_lanes *lanes)
{
    struct lane_map *map, *next_map;
    LL_FOREACH_SAFE (lanes->maps, map, next_map) {
        routes_unref(map->routes);
        mem_free(map);
    }
    struct lane *lane, *next;
    LL_FOREACH_SAFE (lanes->lanes, lane, next) {
        wait_cancel(lanes->rt, &lane->probe);
        lane_free(lane);
    }
    struct held_name *held, *next_held;
    LL_FOREACH_SAFE (lanes->held, held, next_held)
        mem_free(held);
    lanes->maps = NULL;
    lanes->lanes = NULL;
    lanes->held = NULL;
}
