/* service.c: see service.h. service_new gets everything that can fail, in order; finish() closes in reverse and the
 * loop runs dry. */
#include "shunt/service/service.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/notify.h"
#include "shunt/io/work.h"
#include "shunt/service/control.h"
#include "shunt/service/lane.h"
#include "shunt/service/reload.h"
#include "shunt/service/reporter.h"
#include "shunt/service/scheduler.h"
#include "shunt/service/upkeep.h"

#include "spool.h"

#define THREADS_OWN                                                                                                    \
    (20 + DISKS +                                                                                                      \
     OUTBOX_SENDS_MAX) /* listing, settling, store, reload, control, jobs that are sent, report, holds, disks, \
                                     * mails */
#define DELIVERIES_MIN 24
#define DELIVERIES_MAX 256
#define MMAP_BYTES     (128 * 1024) /* allocations from here on go back to the kernel; else the heap grows around them */
#define ARENAS_MAX     1            /* of the allocator: a pool of many mostly idle threads must not cost one each */

static const int signal_numbers[SERVICE_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};

/* --- the turn --- */

static bool work_is_done(const struct service *s)
{
    return !s->scanner.in_work && intake_idle(&s->intake) && lanes_idle(&s->lanes) && settle_idle(&s->settle) &&
           storage_idle(&s->storage) && outbox_idle(s->outbox) && disks_idle(&s->disks) && holds_idle(&s->holds) &&
           (!s->spool || spool_idle(s->spool)) && reload_idle(s->reload) && scheduler_idle(s->scheduler) &&
           (!s->reporter || reporter_idle(s->reporter)) && (!s->control || control_idle(s->control));
}

static unsigned requests_in_work(const struct service *s)
{
    unsigned n = 0;
    for (const struct lane *lane = s->lanes.lanes; lane; lane = lane->next)
        n += lane->active;
    return n;
}

/* Without those that hang in the pool. */
static _Noreturn void quit(int code)
{
    log_flush();
    log_close();
    _exit(code);
}

/* A request that hangs cannot be called back: the process goes without it. Its tickets lie in underprocess. */
static void leave(struct service *s, int code)
{
    log_warn("stopped",
             "Stopped with %u requests unanswered; their tickets stay in %s and are taken up at the next start",
             requests_in_work(s), s->instance.path);
    if (storage_unwritten(&s->storage) > 0)
        log_warn("store_lost", "%zu records are not in the store: it did not answer", storage_unwritten(&s->storage));
    quit(code);
}

static void finish(struct service *s)
{
    s->closing = true;
    upkeep_log_state(s->upkeep);
    outbox_last(s->outbox);
    upkeep_last(s->upkeep);
    if (s->rt.ledger.waiting > 0)
        log_info("waiting_left", "%llu tickets wait in %s and are taken up at the next start",
                 (unsigned long long)s->rt.ledger.waiting, s->instance.path);
    if (requests_in_work(s) > 0)
        leave(s, EXIT_UNFINISHED);
    if (disks_hang(&s->disks))
        quit(s->exit_code);
    wait_cancel(&s->rt, &s->drain_deadline);
    scheduler_close(s->scheduler);
    reporter_close(s->reporter);
    scanner_close(&s->scanner);
    control_close(s->control);
    for (size_t i = 0; i < SERVICE_SIGNALS; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_close((uv_handle_t *)&s->before_poll, NULL);
    uv_close((uv_handle_t *)&s->after_poll, NULL);
    runtime_close(&s->rt);
}

static void on_deadline(struct wait *wait);

static void turn(struct service *s)
{
    if (s->closing)
        return;
    if (s->rt.draining && !due_listed(&s->drain_deadline.due)) /* every turn until there is memory for it */
        wait_set(&s->rt, &s->drain_deadline, s->config->settings->drain_timeout_ms, on_deadline);
    scanner_pump(&s->scanner);
    if (s->spool)
        spool_pump(s->spool);
    intake_pump(&s->intake);
    lanes_pump(&s->lanes);
    outbox_pump(s->outbox);
    storage_pump(&s->storage);
    settle_pump(&s->settle);
    log_flush();
    bool all_done = s->rt.once && intake_empty(&s->intake) && s->jobs.count == 0;
    if ((s->rt.draining || all_done) && work_is_done(s))
        finish(s);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct service *s = handle->data;
    turn(s);
    runtime_meter(&s->rt);
}

static void on_check(uv_check_t *handle)
{
    turn(handle->data);
}

/* --- stopping --- */

static void on_deadline(struct wait *wait)
{
    struct service *s = (struct service *)((char *)wait - offsetof(struct service, drain_deadline));
    log_warn("drain_timeout", "Not everything was finished in time");
    leave(s, EXIT_UNFINISHED);
}

void service_stop(struct service *s)
{
    if (s->rt.draining) {
        log_warn("stop_now", "Asked to stop again: stopping at once");
        leave(s, EXIT_UNFINISHED);
    }
    s->rt.draining = true;
    scheduler_drain(s->scheduler);
    upkeep_save_now(s->upkeep); /* whatever hangs: this end was on purpose */
    notify_manager("STOPPING=1");
    log_info("stopping", "Stopping: nothing new is taken up, %llu tickets in hand are finished",
             (unsigned long long)s->rt.ledger.in_work);
}

/* As process 1 we inherit what others leave behind. A program of ours is libuv's to wait for: what lies behind it among those that
 * have ended comes when it is through (service_reap). */
void service_reap(const struct service *s)
{
    siginfo_t ended = {0};
    while (getpid() == 1 && waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0 &&
           !scheduler_owns(s->scheduler, ended.si_pid)) {
        waitpid(ended.si_pid, NULL, WNOHANG);
        ended.si_pid = 0;
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    runtime_meter_signalled(&s->rt);
    switch (number) {
    case SIGHUP:
        log_info("signal", "HUP: reading %s and %s", s->config->file, s->config->routes_file);
        reload_request(s->reload);
        break;
    case SIGUSR1:
        upkeep_log_state(s->upkeep);
        break;
    case SIGCHLD:
        service_reap(s);
        break;
    default:
        service_stop(s);
    }
}

/* --- making --- */

int service_check_file_system(const struct config *c, struct error *e)
{
    struct stat hot, under;
    if (stat(c->hot, &hot) != 0)
        return error_errno(e, errno, "[folders] hot: %s", c->hot);
    if (stat(c->underprocess, &under) != 0)
        return error_errno(e, errno, "[folders] underprocess: %s", c->underprocess);
    if (hot.st_dev != under.st_dev)
        return error_set(
            e, ERR_CONFIG,
            "[folders] underprocess (%s) must lie on the same file system as hot (%s): a ticket is claimed by a rename",
            c->underprocess, c->hot);
    return 0;
}

static int make_folders(struct service *s, struct error *e)
{
    const struct config *c = s->config;
    struct stat st;
    s->hot_made = stat(c->hot, &st) != 0 && errno == ENOENT;
    const char *const folders[] = {c->hot, c->archive, c->failed, c->underprocess, c->logs};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (files_mkdirs(folders[i], c->settings->folder_mode, true, e) != 0)
            return e->code;
    return service_check_file_system(c, e);
}

void service_hold_signals(bool hold)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void set_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGIO, SIG_IGN); /* a broken lease */
    umask(0);               /* modes are those of the settings */
}

/* Requests limit themselves; the pool is large enough that none waits in libuv's queue: a share for looks, one for the
 * archive, and one for all destinations, also those that a reload will bring. An idle thread costs next to nothing. */
static int set_threads(struct service *s)
{
    const struct settings *set = s->config->settings;
    size_t deliveries = 0;
    for (size_t i = 0; i < s->config->routes->n_destinations; i++) {
        unsigned own = s->config->routes->destinations[i].concurrency;
        deliveries += own > 0 ? own : (size_t)set->concurrency;
    }
    deliveries *= 2;
    deliveries = deliveries < DELIVERIES_MIN   ? DELIVERIES_MIN
                 : deliveries > DELIVERIES_MAX ? DELIVERIES_MAX
                                               : deliveries;
    s->lanes.limit = (unsigned)deliveries;
    return work_set_threads((unsigned)((size_t)set->workers * 2 + THREADS_OWN + deliveries));
}

static void start_signals(struct service *s)
{
    for (size_t i = 0; i < SERVICE_SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        if (signal_numbers[i] != SIGCHLD || getpid() == 1)
            uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
    }
    service_reap(s); /* what ended before anybody listened */
}

static void start_handles(struct service *s)
{
    uv_prepare_init(&s->loop, &s->before_poll);
    uv_check_init(&s->loop, &s->after_poll);
    s->before_poll.data = s->after_poll.data = s;
    uv_prepare_start(&s->before_poll, on_prepare);
    uv_check_start(&s->after_poll, on_check);
    start_signals(s);
}

static void join_parts(struct service *s)
{
    settle_init(&s->settle, &s->rt, s->instance.path);
    jobs_init(&s->jobs, &s->rt, &s->lanes, &s->settle, &s->storage, &s->recall);
    intake_init(&s->intake, &s->rt, &s->jobs, &s->instance);
    scanner_init(&s->scanner, &s->rt, &s->intake, &s->instance);
    disks_init(&s->disks, &s->rt);
    holds_init(&s->holds, &s->lanes);
    s->jobs.ended = intake_job_ended;
    s->jobs.user = &s->intake;
    s->intake.watched = scanner_watches;
    s->intake.forgot = scanner_rescan;
    s->intake.user = &s->scanner;
}

/* Each step undoes itself where it fails; what is made is undone by service_free. */
static int make(struct service *s, const struct clock *clock, bool once, struct error *e)
{
    const struct config *c = s->config;
    if (make_folders(s, e) != 0)
        return e->code;
    if (instance_open(&s->instance, c->underprocess, c->settings->folder_mode, e) != 0)
        return e->code;
    if (runtime_init(&s->rt, &s->loop, c, clock) != 0)
        return error_set(e, ERR_NOMEM, "out of memory");
    s->rt.once = once;
    if (lanes_init(&s->lanes, &s->rt, &s->instance, e) != 0)
        return e->code;
    if (storage_open(&s->storage, &s->rt, s->instance.number, e) != 0 ||
        recall_load(&s->recall, &s->storage, &s->instance, e) != 0)
        return e->code;
    join_parts(s);
    if (!(s->scheduler = scheduler_new(s)))
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!once && !(s->outbox = outbox_new(&s->rt, &s->storage)))
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!(s->upkeep = upkeep_new(s, e)))
        return e->code;
    if (!(s->reload = reload_new(s)))
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!once && !(s->reporter = reporter_new(s)))
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!once && (!(s->spool = spool_new(s, e)) || !(s->control = control_new(s, e))))
        return e->code;
    s->scanner.spool = s->spool;
    return set_threads(s) == 0 ? 0 : error_set(e, ERR_INTERNAL, "the pool's size cannot be set");
}

struct service *service_new(struct config *config, const struct clock *clock, bool once, struct error *e)
{
    struct service *s = mem_zalloc(sizeof *s);
    if (!s || uv_loop_init(&s->loop) != 0) {
        mem_free(s);
        config_free(config);
        error_set(e, ERR_NOMEM, "no loop can be made");
        return NULL;
    }
    uv_loop_configure(&s->loop, UV_METRICS_IDLE_TIME); /* without it the meter reads as always busy */
    s->config = config;
    s->instance.fd = -1;
    s->started_wall_ms = clock->wall_ms(clock);
    set_limits();
    if (make(s, clock, once, e) != 0) {
        service_free(s);
        return NULL;
    }
    start_handles(s);
    service_hold_signals(false);
    return s;
}

static void log_advice(void *user, const char *text)
{
    (void)user;
    log_warn("settings", "%s", text);
}

int service_run(struct service *s)
{
    const struct settings *set = s->config->settings;
    log_info("started", "shunt %s started: hot folder %s, %zu routes, %zu destinations, %lld workers, instance %u",
             SHUNT_VERSION, s->config->hot, s->rt.routes->n_routes, s->rt.routes->n_destinations,
             (long long)set->workers, s->instance.number);
    for (size_t i = 0; i < set->unknown_env.count; i++)
        log_warn("unknown_environment", "%s is no setting of shunt", set->unknown_env.items[i]);
    settings_advice(set, log_advice, NULL);
    if (s->hot_made)
        log_info("folder_made",
                 "%s was not there and was made: if it should have been, its disk or share is not mounted",
                 s->config->hot);
    if (!s->instance.locked)
        log_warn("no_lock", "%s knows no locks: make sure that this is the only instance", s->instance.path);
    if (s->instance.number > 0)
        log_info("second_instance",
                 "Another instance works on this hot folder: tickets are shared, each has its own statistics");
    if (!s->rt.once) {
        upkeep_start(s->upkeep);
        scanner_start(&s->scanner);
        scheduler_start(s->scheduler);
        reporter_look(s->reporter, s->rt.clock->wall_ms(s->rt.clock));
        control_listen(s->control);
    }
    notify_manager("READY=1");
    uv_run(&s->loop, UV_RUN_DEFAULT);
    return s->exit_code;
}

void service_free(struct service *s)
{
    if (!s)
        return;
    if (s->rt.loop) {
        if (!s->closing && uv_loop_alive(&s->loop))
            finish(s);
        control_close(s->control);
        if (!uv_is_closing((uv_handle_t *)&s->rt.timer))
            runtime_close(&s->rt);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        scanner_fini(&s->scanner);
        if (s->intake.rt)
            intake_fini(&s->intake);
        jobs_fini(&s->jobs);
        recall_fini(&s->recall);
        outbox_free(s->outbox);
        storage_close(&s->storage);
        spool_free(s->spool);
        lanes_fini(&s->lanes);
        runtime_fini(&s->rt);
    }
    control_free(s->control);
    scheduler_free(s->scheduler);
    upkeep_free(s->upkeep);
    reporter_free(s->reporter);
    reload_free(s->reload);
    instance_close(&s->instance);
    uv_loop_close(&s->loop);
    config_free(s->config);
    mem_free(s);
}
