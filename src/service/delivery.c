/* delivery.c: see delivery.h. A lane's request is a lane_batch: the driver's batch, the deliveries in it, and a watch
 * for hanging. lanes_pump starts requests; on_batch_done records each result, tells the breaker, and advances the jobs.
 */
#include "shunt/service/delivery.h"

#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/lane.h"

#include "attempts.h"

#define RESOURCE_PAUSE_MS 1000 /* after a failure that was our own: memory, descriptors */

struct lane_batch {
    struct batch batch; /* first: the driver hands it back */
    struct lane *lane;
    struct delivery **deliveries;
    bool probe;
    bool hangs;
    struct wait hang;
    uint64_t began_ns;
};

static void batch_free(struct lane_batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; b->batch.items && i < b->batch.count; i++)
        mem_free((char *)(uintptr_t)b->batch.items[i].source);
    for (size_t i = 0; i < b->batch.n_stale_tags; i++)
        mem_free(b->batch.stale_tags[i]);
    mem_free(b->batch.stale_tags);
    mem_free(b->batch.items);
    mem_free(b->deliveries);
    mem_free(b);
}

/* The tags that dead instances used at this lane's place. */
static bool add_stale_tags(struct lane_batch *b)
{
    const struct instance *instance = b->lane->lanes->instance;
    uint64_t others = instance->left_by & ~((uint64_t)1 << instance->number);
    if (others == 0)
        return true;
    b->batch.stale_tags = mem_zalloc(INSTANCES_MAX * sizeof *b->batch.stale_tags);
    for (unsigned number = 0; b->batch.stale_tags && number < INSTANCES_MAX; number++) {
        if (!(others >> number & 1))
            continue;
        char *tag = instance_tag(number, b->lane->name);
        if (!tag)
            return false;
        b->batch.stale_tags[b->batch.n_stale_tags++] = tag;
    }
    return b->batch.stale_tags != NULL;
}

static struct lane_batch *batch_new(struct lane *lane, size_t count)
{
    struct lane_batch *b = mem_zalloc(sizeof *b);
    if (!b)
        return NULL;
    b->lane = lane;
    b->batch.loop = lane->lanes->rt->loop;
    b->batch.place = &lane->place;
    b->batch.items = mem_zalloc(count * sizeof *b->batch.items);
    b->deliveries = mem_zalloc(count * sizeof *b->deliveries);
    if (!b->batch.items || !b->deliveries || !add_stale_tags(b)) {
        batch_free(b);
        return NULL;
    }
    return b;
}

/* False: no memory for the path of a large ticket. */
static bool batch_add(struct lane_batch *b, struct delivery *d)
{
    const struct job *job = d->job;
    struct place_item *item = &b->batch.items[b->batch.count];
    *item = (struct place_item){.subfolder = b->lane->is_archive ? job->client : NULL,
                                .name = job->name,
                                .key = job->key,
                                .client = job->client,
                                .declared = job->declared,
                                .bytes = job->content.bytes,
                                .original = b->lane->is_archive && !d->error ? &job->source : NULL,
                                .mtime_ns = job->print.mtime_ns,
                                .size = job->content.size,
                                .sha256 = job->content.sha256,
                                .redone = job->left,
                                .anew = d->error != NULL};
    if (!item->bytes && job->content.size > 0) {
        struct str path = STR_INIT;
        str_printf(&path, "%s/%s%s%s", b->lane->lanes->instance->path, job->folder, job->folder[0] ? "/" : "",
                   job->name);
        if (!(item->source = str_take(&path)))
            return false;
    } else if (!item->bytes) {
        item->bytes = "";
    }
    b->deliveries[b->batch.count++] = d;
    return true;
}

/* Does it deliver now? Where not, its deliveries wait, and so do their jobs: they hold up nobody else. */
static bool takes(const struct lane *lane)
{
    return lane->breaker.state == BREAKER_CLOSED && lane->hanging == 0 && !lane->held;
}

/* That turned: what stands in the lane is waiting, or queued again. */
static void relabel_queue(struct lane *lane)
{
    enum delivery_state state = takes(lane) ? DELIVERY_QUEUED : DELIVERY_WAITING;
    struct delivery *d, *next;
    DL_FOREACH_SAFE (lane->queue, d, next) {
        jobs_delivery_to(d, state);
        jobs_advance(d->job);
    }
}

void lane_set_held(struct lane *lane, bool held)
{
    if (lane->held == held)
        return;
    lane->held = held;
    relabel_queue(lane);
}

static void on_probe_due(struct wait *wait)
{
    (void)wait; /* the turn's pump finds the breaker willing */
}

static void probe_later(struct lane *lane)
{
    struct runtime *rt = lane->lanes->rt;
    breaker_undecided(&lane->breaker, runtime_now(rt) + RESOURCE_PAUSE_MS);
    wait_set(rt, &lane->probe, RESOURCE_PAUSE_MS, on_probe_due);
    lane->next_try_ms = rt->clock->wall_ms(rt->clock) + RESOURCE_PAUSE_MS;
}

static void breaker_opened(struct lane *lane, const struct error *why)
{
    struct runtime *rt = lane->lanes->rt;
    int64_t pause = lane->breaker.until_ms - runtime_now(rt);
    wait_set(rt, &lane->probe, pause > 0 ? pause : 0, on_probe_due);
    lane->down_ms = rt->clock->wall_ms(rt->clock);
    lane->next_try_ms = lane->down_ms + pause;
    log_write(LOG_EVENT(LOG_ERROR, "destination_down", .destination = lane->name, .error = why->text),
              "%s is down: %zu deliveries wait, next try in %.1f s", lane->label, lane->deliveries - lane->ended,
              (double)pause / 1000);
}

static void count_failure(struct lane *lane, const struct error *why, bool *turned)
{
    struct runtime *rt = lane->lanes->rt;
    lane->failures++;
    lane->trouble = *why;
    stats_delivery_failed(rt->stats, lane->label);
    if (rt->once)
        return;
    enum breaker_state before = lane->breaker.state;
    if (breaker_failure(&lane->breaker, &lane->breaker_policy, runtime_now(rt))) {
        breaker_opened(lane, why);
        *turned = true;
    } else if (before == BREAKER_PROBING) {
        int64_t pause = lane->breaker.until_ms - runtime_now(rt);
        wait_set(rt, &lane->probe, pause > 0 ? pause : 0, on_probe_due);
        lane->next_try_ms = rt->clock->wall_ms(rt->clock) + pause;
        log_write(LOG_EVENT(LOG_WARN, "destination_still_down", .destination = lane->name, .error = why->text),
                  "%s is still down, next try in %.1f s", lane->label, (double)pause / 1000);
    }
}

/* The place works, whatever it said of this ticket. */
static void answers(struct lane *lane, bool *turned)
{
    if (!breaker_success(&lane->breaker))
        return;
    log_write(LOG_EVENT(LOG_INFO, "destination_up", .destination = lane->name), "%s is up again, %zu deliveries go on",
              lane->label, lane->queued);
    wait_cancel(lane->lanes->rt, &lane->probe);
    *turned = true;
}

static void on_retry_due(struct wait *wait)
{
    struct delivery *d = (struct delivery *)((char *)wait - offsetof(struct delivery, wait));
    lanes_enqueue(d);
    jobs_advance(d->job);
}

static void pause_delivery(struct delivery *d, int64_t pause_ms)
{
    const struct clock *clock = d->lane->lanes->rt->clock;
    d->next_ms = clock->wall_ms(clock) + pause_ms;
    jobs_delivery_to(d, DELIVERY_WAITING);
    if (wait_set(d->lane->lanes->rt, &d->wait, pause_ms, on_retry_due) != 0)
        lanes_enqueue(d); /* no memory to wait in: at once again */
}

static uint64_t any_number(void)
{
    uint64_t n = 0;
    (void)!getrandom(&n, sizeof n, GRND_NONBLOCK); /* without it all pauses are a little shorter, no more */
    return n;
}

static void on_failed(struct lane *lane, struct delivery *d, const struct error *why, bool probe, bool *turned)
{
    enum error_class class = error_class_of(why->code);
    bool news = delivery_error(d)->code != why->code;
    delivery_set_error(d, why);
    if (why->code == ERR_CHANGED || why->code == ERR_GONE) { /* the claimed file, not the place */
        d->job->changed = true;
        jobs_delivery_to(d, DELIVERY_FAILED);
        return;
    }
    if (class == CLASS_RESOURCE) {
        /* Once: it is tried again every second, for as long as it takes. */
        log_write(LOG_EVENT(news ? LOG_WARN : LOG_DEBUG, "delivery_postponed", .client = d->job->client,
                            .file = d->job->name, .job = d->job->id, .destination = lane->name, .error = why->text),
                  why->code == ERR_SOURCE ? "%s: postponed, the claimed file cannot be read"
                                          : "%s: postponed, we ran out of something ourselves",
                  lane->label);
        pause_delivery(d, RESOURCE_PAUSE_MS);
        return;
    }
    if (class == CLASS_INVALID) {
        d->attempts++;
        job_note(d->job, "attempt_failed", lane->name, why->text);
        jobs_delivery_to(d, DELIVERY_FAILED);
        answers(lane, turned);
        return;
    }
    count_failure(lane, why, turned);
    if (probe || lane->breaker.state != BREAKER_CLOSED) {
        /* The place is down: that is not this ticket's failure. Who failed as a probe goes to the end, so that one
         * ticket that the place does not bear cannot keep it down for all. */
        jobs_delivery_to(d, DELIVERY_WAITING);
        if (probe)
            DL_APPEND(lane->queue, d);
        else
            DL_PREPEND(lane->queue, d);
        d->listed = true;
        lane->queued++;
        return;
    }
    d->attempts++;
    job_note(d->job, "attempt_failed", lane->name, why->text);
    const struct retry_policy policy = attempts_policy(d);
    bool out = retry_exhausted(&policy, d->attempts);
    int64_t pause = out ? 0 : retry_pause_ms(&policy, d->attempts, any_number());
    char of[32] = "";
    if (policy.attempts > 0)
        snprintf(of, sizeof of, " of %lld", (long long)policy.attempts);
    log_write(LOG_EVENT(LOG_WARN, "delivery_failed", .client = d->job->client, .file = d->job->name, .job = d->job->id,
                        .destination = lane->name, .error = why->text),
              out ? "%s: attempt %u%s failed, no more" : "%s: attempt %u%s failed, again in %.1f s", lane->label,
              d->attempts, of, (double)pause / 1000);
    if (out) {
        jobs_delivery_to(d, DELIVERY_FAILED);
        return;
    }
    stats_retried(lane->lanes->rt->stats);
    pause_delivery(d, pause);
    attempts_tell(d, why);
}

static void on_delivered(struct lane *lane, struct delivery *d, const struct place_item *item, bool *turned)
{
    lane->delivered++;
    lane->links = item->linked;
    d->beside = item->placed == PLACED_BESIDE;
    d->same = item->placed == PLACED_ALREADY_THERE && strcmp(item->final_name, d->job->name) == 0;
    if (strcmp(item->final_name, d->job->name) != 0)
        d->final_name = mem_strdup(item->final_name);
    jobs_delivery_to(d, DELIVERY_DONE);
    answers(lane, turned);
}

static void stop_watching(struct lane_batch *b, bool *turned)
{
    struct lane *lane = b->lane;
    wait_cancel(lane->lanes->rt, &b->hang);
    if (b->hangs) {
        lane->hanging--;
        lane->lanes->rt->stuck -= b->batch.count;
        *turned = lane->hanging == 0;
        log_write(LOG_EVENT(LOG_WARN, "destination_answers", .destination = lane->name), "%s answers again",
                  lane->label);
    }
}

static void on_batch_done(struct batch *batch)
{
    struct lane_batch *b = (struct lane_batch *)batch;
    struct lane *lane = b->lane;
    bool turned = false;
    uint64_t took_ns = uv_hrtime() - b->began_ns;
    lane->active--;
    lane->lanes->active -= !lane->is_archive;
    stop_watching(b, &turned);
    for (size_t i = 0; i < batch->count; i++) {
        struct delivery *d = b->deliveries[i];
        const struct place_item *item = &batch->items[i];
        metrics_attempt(lane->lanes->rt->metrics, lane->name, item->error.code == 0, took_ns);
        if (item->error.code == 0)
            on_delivered(lane, d, item, &turned);
        else
            on_failed(lane, d, &item->error, b->probe, &turned);
    }
    /* A probe that said nothing about the place (we ran out of memory, the ticket changed): the next one may try. */
    if (b->probe && lane->breaker.state == BREAKER_PROBING)
        probe_later(lane);
    for (size_t i = 0; i < batch->count; i++)
        jobs_advance(b->deliveries[i]->job);
    if (turned)
        relabel_queue(lane);
    batch_free(b);
}

static void on_hang(struct wait *wait)
{
    struct lane_batch *b = (struct lane_batch *)((char *)wait - offsetof(struct lane_batch, hang));
    b->hangs = true;
    b->lane->hanging++;
    b->lane->lanes->rt->stuck += b->batch.count;
    log_write(LOG_EVENT(LOG_ERROR, "destination_hangs", .destination = b->lane->name),
              "%s has not answered for %.0f s: nothing else is sent there until it does; others go on", b->lane->label,
              (double)b->lane->lanes->rt->config->settings->hang_ms / 1000);
    relabel_queue(b->lane);
}

static void take_from_queue(struct lane *lane, struct delivery *d)
{
    DL_DELETE(lane->queue, d);
    d->listed = false;
    lane->queued--;
}

void lanes_enqueue(struct delivery *d)
{
    struct lane *lane = d->lane;
    jobs_delivery_to(d, takes(lane) ? DELIVERY_QUEUED : DELIVERY_WAITING);
    DL_APPEND(lane->queue, d);
    d->listed = true;
    lane->queued++;
}

void lanes_dequeue(struct delivery *d)
{
    wait_cancel(d->lane->lanes->rt, &d->wait);
    if (d->listed)
        take_from_queue(d->lane, d);
}

void lanes_leave(struct delivery *d)
{
    lanes_dequeue(d);
    d->lane->deliveries--;
    d->lane->ended -= delivery_has_ended(d->state);
}

/* False: nothing was started. */
static bool start_batch(struct lane *lane, bool probe)
{
    struct runtime *rt = lane->lanes->rt;
    size_t most = probe ? 1 : (size_t)rt->config->settings->batch_size;
    size_t count = lane->queued < most ? lane->queued : most;
    struct lane_batch *b = batch_new(lane, count);
    if (!b)
        return false;
    b->probe = probe;
    struct delivery *d, *next;
    DL_FOREACH_SAFE (lane->queue, d, next) {
        if (b->batch.count == count || !batch_add(b, d))
            break;
    }
    b->batch.done = on_batch_done;
    b->began_ns = uv_hrtime();
    struct error e = {0};
    if (b->batch.count == 0 || lane->driver->start(&b->batch, &e) != 0) {
        batch_free(b);
        return false;
    }
    lane->active++;
    lane->lanes->active += !lane->is_archive;
    for (size_t i = 0; i < b->batch.count; i++) {
        take_from_queue(lane, b->deliveries[i]);
        if (b->deliveries[i]->state == DELIVERY_WAITING)
            jobs_delivery_to(b->deliveries[i], DELIVERY_QUEUED);
        jobs_delivery_to(b->deliveries[i], DELIVERY_ACTIVE);
        jobs_advance(b->deliveries[i]->job);
    }
    wait_set(rt, &b->hang, rt->config->settings->hang_ms, on_hang);
    return true;
}

/* The archive has its own: what hangs elsewhere never keeps it from working. */
static bool has_thread(const struct lane *lane)
{
    return lane->is_archive || lane->lanes->active < lane->lanes->limit;
}

static void pump_lane(struct lane *lane)
{
    struct delivery_lanes *lanes = lane->lanes;
    if (lane->held)
        return;
    while (lane->queued > 0 && lane->active < lane->concurrency && lane->hanging == 0 && has_thread(lane)) {
        if (lanes->rt->draining && lane->breaker.state != BREAKER_CLOSED)
            return;
        bool probe;
        if (!breaker_allows(&lane->breaker, runtime_now(lanes->rt), &probe))
            return;
        if (!start_batch(lane, probe)) {
            if (probe)
                probe_later(lane);
            else
                wait_set(lanes->rt, &lane->probe, RESOURCE_PAUSE_MS, on_probe_due);
            return;
        }
    }
}

void lanes_pump(struct delivery_lanes *lanes)
{
    struct lane *lane;
    LL_FOREACH (lanes->lanes, lane)
        pump_lane(lane);
}

bool lanes_idle(const struct delivery_lanes *lanes)
{
    const struct lane *lane;
    LL_FOREACH (lanes->lanes, lane)
        if (lane->active > lane->hanging || (lane->queued > 0 && takes(lane)))
            return false;
    return true;
}
