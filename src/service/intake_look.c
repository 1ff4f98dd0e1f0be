/* intake_look.c: see intake_inner.h. A look hands names to a worker; its callback records what was found, and queues
 * each name again, puts it off, drops it, or makes it a job. */
#include <string.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

#include "intake_inner.h"

struct look {
    struct take_batch batch; /* first: work comes back as it */
    struct intake *intake;
    unsigned worker;
    uint64_t began_ns;
    int64_t began_wall_ms;
    struct candidate **candidates;
    struct take_item items[];
};

static void tell_trouble(struct candidate *c, const struct take_item *item)
{
    if (c->told || item->error.code == 0 || error_class_of(item->error.code) == CLASS_STATE ||
        error_class_of(item->error.code) == CLASS_INVALID)
        return;
    c->told = true;
    log_write(
        LOG_EVENT(LOG_WARN, "not_taken", .client = candidate_folder(c), .file = c->name, .error = item->error.text),
        "%s cannot be taken up yet, tried again", c->name);
}

static void tell_put_back(const struct candidate *c, const struct take_item *item)
{
    log_write(
        LOG_EVENT(LOG_WARN, "put_back", .client = candidate_folder(c), .file = c->name, .error = item->error.text),
        "%s is no regular file: put back into the hot folder", c->name);
}

/* A file's ctime tells when it was last written to or moved, and cannot be set as its mtime can. */
static void count_taken(const struct look *look, const struct job *job, const struct take_item *item)
{
    int64_t wait_ns = look->began_wall_ms * 1000000 - item->readiness.last.ctime_ns;
    metrics_ticket_taken(look->intake->rt->metrics, job_counted_as(job), wait_ns > 0 ? (uint64_t)wait_ns : 0,
                         job->taken_ns - look->began_ns);
}

static void on_claimed(struct look *look, struct candidate *c, struct take_item *item)
{
    struct intake *in = look->intake;
    bool was_claimed = c->claimed, watched = !was_claimed && in->watched && in->watched(in->user, candidate_folder(c));
    int rc = jobs_begin(in->jobs, item, look->batch.routes, c->way, look->worker, watched && c->moves == 0);
    if (rc != 0) { /* it lies in underprocess now, and is looked at there */
        struct candidate *claimed = was_claimed ? c : candidate_add(in, true, candidate_folder(c), c->name);
        if (claimed) {
            claimed->kind = c->kind;
            claimed->way = c->way;
            claimed->priority = c->priority;
            candidate_put_off(claimed, TROUBLE_PAUSE_MS);
        }
        if (claimed != c)
            candidate_drop(c);
        return;
    }
    struct job *job = jobs_find(in->jobs, candidate_folder(c), c->name);
    count_taken(look, job, item);
    job->again = c->moves > (watched ? 1U : 0U);
    if (c->way == WAY_PERIODIC)
        stats_found_by_scan_only(in->rt->stats, 1);
    candidate_drop(c);
}

static void on_busy(struct candidate *c)
{
    struct job *job = jobs_find(c->intake->jobs, candidate_folder(c), c->name);
    if (job) {
        job->again = true;
        candidate_drop(c);
    } else {
        candidate_put_off(c, BUSY_PAUSE_MS);
    }
}

/* The claimed file was another than the one read, and was not whole: from now on it is looked at where it lies. */
static struct candidate *follow(struct candidate *c)
{
    struct candidate *claimed = candidate_find(c->intake, true, candidate_folder(c), c->name);
    if (!claimed)
        claimed = candidate_add(c->intake, true, candidate_folder(c), c->name);
    if (!claimed)
        return NULL;
    claimed->kind = c->kind;
    claimed->way = c->way;
    claimed->priority = c->priority;
    candidate_drop(c);
    return claimed;
}

static void on_looked(struct look *look, struct candidate *c, struct take_item *item)
{
    c->readiness = item->readiness;
    c->whole = item->whole;
    tell_trouble(c, item);
    switch (item->taken) {
    case TAKEN_CLAIMED:
        on_claimed(look, c, item);
        break;
    case TAKEN_BUSY:
        on_busy(c);
        break;
    case TAKEN_PUT_BACK:
    case TAKEN_GONE:
        if (item->taken == TAKEN_PUT_BACK)
            tell_put_back(c, item);
        if (c->touched && c->moves > 0)
            candidate_queue(c);
        else
            candidate_drop(c);
        break;
    case TAKEN_BARRED:
        candidate_queue(c); /* not put off: room for more names would be all that comes of it */
        break;
    case TAKEN_WAIT:
        if (c->suspect) { /* it crashed nobody */
            c->suspect = false;
            look->intake->suspects--;
        }
        if (item->claimed && !c->claimed) {
            struct candidate *claimed = follow(c);
            if (claimed)
                c = claimed;
        }
        candidate_put_off(c, c->touched && item->pause_ms > EVENT_PAUSE_MS ? EVENT_PAUSE_MS : item->pause_ms);
        break;
    }
}

static void look_free(struct look *look)
{
    for (size_t i = 0; i < look->batch.count; i++)
        take_item_fini(&look->items[i]);
    routes_unref(look->batch.routes);
    mem_free(look->candidates);
    mem_free(look);
}

static void on_barred_over(struct wait *wait)
{
    (void)wait; /* the turn's pump tries */
}

/* Told once, not of each ticket. */
static void learn_barred(struct intake *in, const struct error *barred, size_t claimed)
{
    if (barred->code != 0) {
        if (in->barred.code == 0)
            log_write(LOG_EVENT(LOG_ERROR, "intake_barred", .error = barred->text),
                      "No ticket can be taken up: they wait in the hot folders, and it is tried every second");
        in->barred = *barred;
        wait_set(in->rt, &in->barred_wait, TROUBLE_PAUSE_MS, on_barred_over);
    } else if (in->barred.code != 0 && (claimed > 0 || in->barred.code != ERR_READONLY || in->count == 0)) {
        /* That it can be opened was seen; that it can be written shows only where something is moved. */
        error_clear(&in->barred);
        log_info("intake_open", "Tickets can be taken up again");
    }
}

static void on_look_done(struct work *work)
{
    struct look *look = (struct look *)work;
    struct intake *in = look->intake;
    size_t claimed = 0;
    in->active--;
    in->busy[look->worker - 1] = false;
    in->looking -= look->batch.count;
    for (size_t i = 0; i < look->batch.count; i++) {
        claimed += look->items[i].taken == TAKEN_CLAIMED;
        on_looked(look, look->candidates[i], &look->items[i]);
    }
    learn_barred(in, &look->batch.barred, claimed);
    if (claimed > 0)
        stats_batch(in->rt->stats, claimed);
    look_free(look);
}

static void run_look(struct work *work)
{
    take_run((struct take_batch *)work);
}

static struct look *look_new(struct intake *in, size_t count)
{
    struct look *look = mem_zalloc(sizeof *look + count * sizeof look->items[0]);
    if (!look)
        return NULL;
    look->candidates = mem_zalloc(count * sizeof(struct candidate *));
    if (!look->candidates) {
        mem_free(look);
        return NULL;
    }
    look->intake = in;
    look->batch = (struct take_batch){.config = in->rt->config,
                                      .clock = in->rt->clock,
                                      .underprocess = in->instance->path,
                                      .poison = &in->poison,
                                      .routes = routes_ref(in->rt->routes),
                                      .items = look->items};
    while (look->worker < (unsigned)in->rt->config->settings->workers && in->busy[look->worker])
        look->worker++;
    look->worker++;
    return look;
}

static void unqueue(struct candidate *c)
{
    DL_DELETE(c->intake->queue[c->priority], c);
    c->intake->queued--;
}

/* While a file of that name waits to be looked at in underprocess, a newer one stays where it is: two looks at one name
 * could both take the claimed file for theirs. */
static bool blocked(const struct candidate *c)
{
    const struct intake *in = c->intake;
    return in->claimed > 0 && !c->claimed && candidate_find(in, true, candidate_folder(c), c->name);
}

/* Alone in its look, which notes it. */
static void begin_trial(struct intake *in, struct look *look)
{
    if (!in->crash_told)
        log_warn("crash_found",
                 "%zu tickets were in work when shunt ended without warning: they are taken up one by one",
                 in->suspects);
    in->crash_told = true;
    in->on_trial = true;
    in->trial_until_ms = runtime_now(in->rt) + TRIAL_MAX_MS;
    look->items[look->batch.count - 1].suspect = true;
}

static void begin_look(struct candidate *c, struct look *look)
{
    unqueue(c);
    c->state = CANDIDATE_LOOKING;
    c->touched = false;
    c->moves = 0;
    look->items[look->batch.count] = (struct take_item){.client = candidate_folder(c),
                                                        .name = c->name,
                                                        .kind = c->kind,
                                                        .claimed = c->claimed,
                                                        .readiness = c->readiness,
                                                        .whole = c->whole,
                                                        .source.fd = -1};
    look->candidates[look->batch.count++] = c;
}

bool intake_start_look(struct intake *in, size_t count)
{
    struct look *look = look_new(in, count);
    if (!look)
        return false;
    struct candidate *c;
    bool memory = true;
    while (memory && look->batch.count < count && (c = candidate_next(in)) != NULL) {
        if (blocked(c)) {
            unqueue(c);
            candidate_put_off(c, BUSY_PAUSE_MS);
            memory = c->state != CANDIDATE_QUEUED;
        } else if (!c->suspect) {
            begin_look(c, look);
        } else if (look->batch.count > 0) {
            break;
        } else {
            begin_look(c, look);
            begin_trial(in, look);
            break;
        }
    }
    if (look->batch.count == 0) {
        look_free(look);
        return memory;
    }
    if (work_submit(in->rt->loop, &look->batch.work, run_look, on_look_done) != 0) {
        for (size_t i = 0; i < look->batch.count; i++)
            candidate_queue(look->candidates[i]);
        look_free(look);
        return false;
    }
    in->busy[look->worker - 1] = true;
    look->began_ns = uv_hrtime();
    look->began_wall_ms = in->rt->clock->wall_ms(in->rt->clock);
    in->looking += look->batch.count;
    in->active++;
    return true;
}
