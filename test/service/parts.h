/* parts.h: the parts of a service below one scratch folder, joined as service.c joins them, on a virtual clock and a
 * loop that a test turns by itself. The destinations' driver is the test's own where it asks for it. A failure ends the
 * test. */
#ifndef SHUNT_TEST_PARTS_H
#define SHUNT_TEST_PARTS_H

#include <uv.h>

#include "shunt/base/log.h"
#include "shunt/service/config.h"
#include "shunt/service/delivery.h"
#include "shunt/service/instance.h"
#include "shunt/service/jobs.h"
#include "shunt/service/lane.h"
#include "shunt/service/recall.h"
#include "shunt/service/settle.h"
#include "shunt/service/storage.h"
#include "shunt/service/take.h"

#include "../io/scratch.h"

#define ROUTES_ONE                                                                                                     \
    "[destination a]\npath = out/a\n"                                                                                  \
    "[route all]\nclient = *\nto = a\n"
#define ROUTES_TWO                                                                                                     \
    "[destination a]\npath = out/a\n[destination b]\npath = out/b\n"                                                   \
    "[route all]\nclient = *\nto = a, b\n"

#define TICKET(client) "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"" client "\",\"JobCategory\":\"X\"}}}\n"

/* Twenty times as fast, so that pauses of seconds do not make a sweep of hundreds of runs long. */
#ifndef FASTER
#define FASTER 20
#endif
static inline int64_t fast_mono(const struct clock *clock)
{
    (void)clock;
    return clock_real.mono_ms(&clock_real) * FASTER;
}
static inline int64_t fast_wall(const struct clock *clock)
{
    (void)clock;
    return clock_real.wall_ms(&clock_real);
}
static const struct clock clock_fast = {.mono_ms = fast_mono, .wall_ms = fast_wall};

/* The wall clock that the test sets. */
static int64_t wall_now_ms;
static inline int64_t wall_as_set(const struct clock *clock)
{
    (void)clock;
    return wall_now_ms;
}
static const struct clock clock_set = {.mono_ms = fast_mono, .wall_ms = wall_as_set};

static inline void put_config(struct scratch *s, const char *settings, const char *routes)
{
    char text[4096];
    snprintf(text, sizeof text,
             "[service]\ndata = .\n[folders]\nhot = hot\narchive = archive\nfailed = failed\nunderprocess = under\n"
             "logs = logs\nroutes = routes.ini\n%s[log]\nstdout = no\n%s",
             strstr(settings, "[http]") ? "" : "[http]\nlisten = no\n", settings);
    put(in(s, "shunt.ini"), text);
    put(in(s, "routes.ini"), routes);
}

static inline void print_all(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        print_error("%s\n", faults->texts[i]);
}

static inline struct config *load_config(struct scratch *s)
{
    static const char *const no_env[] = {NULL};
    struct faults faults;
    faults_init(&faults);
    struct config *config = config_load(in(s, "shunt.ini"), no_env, &faults);
    print_all(&faults);
    faults_fini(&faults);
    return config;
}

/* settings: sections to add after [log] */
static inline struct config *make_config(struct scratch *s, const char *settings, const char *routes)
{
    put_config(s, settings, routes);
    struct config *config = load_config(s);
    assert_non_null(config);
    return config;
}

static inline void make_folder(struct scratch *s, const char *name)
{
    struct error e = {0};
    if (files_mkdirs(in(s, name), 0755, false, &e) != 0)
        fail_msg("%s", e.text);
}

static inline void open_log(struct scratch *s)
{
    struct error e = {0};
    struct log_options options = {
        .level = LOG_DEBUG, .format = LOG_FORMAT_JSON, .file = in(s, "log"), .clock = &clock_real};
    assert_int_equal(log_open(&options, &e), 0);
}

/* How many lines of the log tell of this event. */
static inline size_t logged(struct scratch *s, const char *event)
{
    char wanted[128];
    size_t n = 0;
    snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", event);
    log_flush();
    FILE *f = fopen(in(s, "log"), "r");
    assert_non_null(f);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, f) > 0)
        n += strstr(line, wanted) != NULL;
    free(line);
    fclose(f);
    return n;
}

struct parts {
    struct scratch *s;
    uv_loop_t loop;
    struct clock_virtual clock;
    struct config *config;
    struct instance instance;
    struct runtime rt;
    struct delivery_lanes lanes;
    struct settle settle;
    struct storage storage; /* away, so that nothing waits for it */
    struct recall recall;
    struct jobs jobs;
    struct wait kick;
    unsigned tickets;
    unsigned ended, returned; /* as the intake hears it */
};

static inline void parts_ended(void *user, const char *folder, const char *name, bool look_again, bool in_underprocess,
                               enum way way)
{
    (void)folder;
    (void)name;
    (void)look_again;
    (void)way;
    struct parts *p = user;
    p->ended++;
    p->returned += in_underprocess;
}

static inline struct parts *parts_new(struct scratch *s, const char *settings, const char *routes)
{
    struct error e = {0};
    struct parts *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->s = s;
    open_log(s);
    p->config = make_config(s, settings, routes);
    make_folder(s, "hot/RANK");
    make_folder(s, "under");
    assert_int_equal(uv_loop_init(&p->loop), 0);
    clock_virtual_init(&p->clock, 1770388246000);
    assert_int_equal(instance_open(&p->instance, p->config->underprocess, 0755, &e), 0);
    assert_int_equal(runtime_init(&p->rt, &p->loop, p->config, &p->clock.clock), 0);
    assert_int_equal(lanes_init(&p->lanes, &p->rt, &p->instance, &e), 0);
    p->lanes.limit = 64;
    settle_init(&p->settle, &p->rt, p->instance.path);
    p->storage = (struct storage){.rt = &p->rt, .degraded = true};
    p->storage.tail = &p->storage.queue;
    jobs_init(&p->jobs, &p->rt, &p->lanes, &p->settle, &p->storage, &p->recall);
    p->jobs.ended = parts_ended;
    p->jobs.user = p;
    return p;
}

static inline void parts_free(struct parts *p)
{
    runtime_close(&p->rt);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    jobs_fini(&p->jobs);
    storage_close(&p->storage);
    lanes_fini(&p->lanes);
    runtime_fini(&p->rt);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    instance_close(&p->instance);
    config_free(p->config);
    log_close();
    free(p);
}

static inline void parts_nothing(struct wait *wait)
{
    (void)wait;
}

/* Other waits take all the room that the list has but for so many: a further one needs memory. */
static inline void fill_waits(struct runtime *rt, size_t left)
{
    static struct wait others[1024];
    memset(others, 0, sizeof others);
    for (size_t n = 0; rt->waits.room - rt->waits.count > left; n++) {
        assert_true(n < sizeof others / sizeof others[0]);
        assert_int_equal(wait_set(rt, &others[n], INT64_C(1000) * 24 * 3600 * 1000, parts_nothing), 0);
    }
}

/* Time goes on; what has become due is fired, as the loop's timer would do it. */
static inline void advance(struct parts *p, int64_t ms)
{
    wait_set(&p->rt, &p->kick, ms, parts_nothing);
    clock_virtual_advance(&p->clock, ms);
    if (p->rt.timer.timer_cb)
        p->rt.timer.timer_cb(&p->rt.timer);
}

static inline struct take_item ticket_item(const char *name)
{
    return (struct take_item){.client = "RANK", .name = name, .kind = NAME_TICKET, .source.fd = -1};
}

/* Of one: hot/RANK/name. */
static inline struct take_batch batch_of(struct parts *p, struct take_item *item)
{
    return (struct take_batch){.config = p->config,
                               .clock = &p->clock.clock,
                               .underprocess = p->instance.path,
                               .routes = p->rt.routes,
                               .items = item,
                               .count = 1};
}

/* Takes up hot/RANK/name as the intake would. NULL: no memory for it. */
static inline struct job *take_up(struct parts *p, const char *name)
{
    struct take_item item = ticket_item(name);
    struct take_batch batch = batch_of(p, &item);
    take_run(&batch);
    struct job *job = NULL;
    if (item.taken == TAKEN_CLAIMED && jobs_begin(&p->jobs, &item, p->rt.routes, WAY_REALTIME, 1, false) == 0)
        job = jobs_find(&p->jobs, "RANK", name);
    take_item_fini(&item);
    return job;
}

/* A new ticket of its own name, in the hands of its lanes. */
static inline struct job *begin(struct parts *p)
{
    char path[64];
    snprintf(path, sizeof path, "hot/RANK/t%u.json", p->tickets++);
    put(in(p->s, path), TICKET("RANK"));
    struct job *job = take_up(p, strrchr(path, '/') + 1);
    assert_non_null(job);
    return job;
}

static inline struct lane *lane_named(struct parts *p, const char *name)
{
    for (struct lane *lane = p->lanes.lanes; lane; lane = lane->next)
        if (strcmp(lane->name, name) == 0)
            return lane;
    return NULL;
}

#endif
