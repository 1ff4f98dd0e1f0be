/* intake.c: see intake.h. A candidate is queued, looking, or waiting; callbacks of looks record what was found and put
 * it into one of these, or make it a job. */
#include "shunt/service/intake.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "shunt/base/hash.h"
#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/recall.h"

#define EVENT_PAUSE_MS   2   /* an event about a file that waits: looked at soon, not at each of a writer's writes */
#define BUSY_PAUSE_MS    250 /* an older one of that name lies in underprocess, and it is not a job of ours yet */
#define TROUBLE_PAUSE_MS 1000

enum candidate_state { CANDIDATE_QUEUED, CANDIDATE_LOOKING, CANDIDATE_WAITING };

struct candidate {
    struct intake *intake;
    enum candidate_state state;
    enum name_kind kind;
    enum way way;
    bool claimed;
    bool suspect;   /* it was in work when an earlier run crashed */
    bool told;      /* trouble with it stands in the log */
    unsigned moves; /* events of its being made, moved or removed while it was looked at */
    bool touched;   /* any event while it was looked at */
    struct readiness readiness;
    enum wholeness whole;
    struct wait wait;
    struct candidate *next, *prev;
    UT_hash_handle hh;
    const char *name; /* inside key */
    char key[];       /* 'h' or 'u', folder, NUL, name, NUL */
};

struct look {
    struct take_batch batch; /* first: work comes back as it */
    struct intake *intake;
    unsigned worker;
    struct candidate **candidates;
    struct take_item items[];
};

static const char *folder_of(const struct candidate *c)
{
    return c->key + 1;
}

static size_t make_key(char *out, bool claimed, const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name);
    out[0] = claimed ? 'u' : 'h';
    memcpy(out + 1, folder, a + 1);
    memcpy(out + 2 + a, name, b + 1);
    return a + b + 3;
}

static struct candidate *find(const struct intake *in, bool claimed, const char *folder, const char *name)
{
    char key[2 * NAME_SIZE + 4];
    struct candidate *c;
    size_t len = make_key(key, claimed, folder, name);
    HASH_FIND(hh, in->table, key, len, c);
    return c;
}

static struct candidate *add(struct intake *in, bool claimed, const char *folder, const char *name)
{
    size_t len = strlen(folder) + strlen(name) + 3;
    struct candidate *c = mem_zalloc(sizeof *c + len);
    if (!c)
        return NULL;
    c->intake = in;
    c->claimed = claimed;
    make_key(c->key, claimed, folder, name);
    c->name = c->key + 2 + strlen(folder);
    HASH_ADD_KEYPTR(hh, in->table, c->key, len, c);
    if (!hash_added(c)) {
        mem_free(c);
        return NULL;
    }
    in->count++;
    in->claimed += claimed;
    return c;
}

static void drop(struct candidate *c)
{
    struct intake *in = c->intake;
    wait_cancel(in->rt, &c->wait);
    HASH_DEL(in->table, c);
    in->count--;
    in->claimed -= c->claimed;
    in->suspects -= c->suspect;
    mem_free(c);
}

static void enqueue(struct candidate *c)
{
    struct intake *in = c->intake;
    c->state = CANDIDATE_QUEUED;
    if (in->queued == 0)
        in->oldest_queued_ms = runtime_now(in->rt);
    DL_APPEND(in->queue, c);
    in->queued++;
}

static void on_pause_over(struct wait *wait)
{
    enqueue((struct candidate *)((char *)wait - offsetof(struct candidate, wait)));
}

static void put_off(struct candidate *c, int64_t pause_ms)
{
    c->state = CANDIDATE_WAITING;
    if (wait_set(c->intake->rt, &c->wait, pause_ms, on_pause_over) != 0)
        enqueue(c); /* no memory to wait in */
}

size_t intake_room(const struct intake *in)
{
    size_t limit = (size_t)in->rt->config->settings->queue_limit;
    if (in->queued >= limit || in->count >= CANDIDATES_MAX)
        return 0;
    return limit - in->queued;
}

static void see_known(struct candidate *c, bool moved)
{
    if (c->state == CANDIDATE_LOOKING) {
        c->touched = true;
        c->moves += moved;
    } else if (c->state == CANDIDATE_WAITING && c->wait.due.at_ms > runtime_now(c->intake->rt) + EVENT_PAUSE_MS) {
        put_off(c, EVENT_PAUSE_MS);
    }
}

/* past_limit: it takes the place of a job, so that in_work_limit bounds how many there are. */
static bool see(struct intake *in, const char *folder, const char *name, enum way way, bool claimed, bool moved,
                bool past_limit)
{
    const struct settings *s = in->rt->config->settings;
    enum name_kind kind = name_kind_of(name, &s->tickets, &s->files);
    if (kind == NAME_IGNORED && claimed && name[0] != '.')
        kind = NAME_FILE; /* it was taken up under other settings: it must go on */
    if (kind == NAME_IGNORED || strlen(folder) > NAME_LEN_MAX || strlen(name) > NAME_LEN_MAX)
        return true;
    struct job *job = jobs_find(in->jobs, folder, name);
    if (job) {
        if (!claimed && moved && job->own_move_pending)
            job->own_move_pending = false;
        else if (!claimed)
            job->again = true;
        return true;
    }
    struct candidate *c = find(in, claimed, folder, name);
    if (c) {
        see_known(c, moved);
        return true;
    }
    if (claimed && (c = find(in, false, folder, name)) && c->state == CANDIDATE_LOOKING)
        return true; /* it may be this very look that claimed it */
    if ((!past_limit && intake_room(in) == 0) || !(c = add(in, claimed, folder, name)))
        return false;
    c->kind = kind;
    c->way = way;
    if (claimed && way == WAY_STARTUP && in->rt->config->settings->poison == POISON_FAIL &&
        !recall_waited(in->jobs->recall, folder, name)) {
        c->suspect = true;
        in->suspects++;
    }
    enqueue(c);
    return true;
}

bool intake_see(struct intake *in, const char *folder, const char *name, enum way way, bool claimed, bool moved)
{
    return see(in, folder, name, way, claimed, moved, false);
}

static void tell_trouble(struct candidate *c, const struct take_item *item)
{
    if (c->told || item->error.code == 0 || error_class_of(item->error.code) == CLASS_STATE ||
        error_class_of(item->error.code) == CLASS_INVALID)
        return;
    c->told = true;
    log_write(LOG_EVENT(LOG_WARN, "not_taken", .client = folder_of(c), .file = c->name, .error = item->error.text),
              "%s cannot be taken up yet, tried again", c->name);
}

static void tell_put_back(const struct candidate *c, const struct take_item *item)
{
    log_write(LOG_EVENT(LOG_WARN, "put_back", .client = folder_of(c), .file = c->name, .error = item->error.text),
              "%s is no regular file: put back into the hot folder", c->name);
}

static void on_claimed(struct look *look, struct candidate *c, struct take_item *item)
{
    struct intake *in = look->intake;
    bool was_claimed = c->claimed, watched = !was_claimed && in->watched && in->watched(in->user, folder_of(c));
    int rc = jobs_begin(in->jobs, item, look->batch.routes, c->way, look->worker, watched && c->moves == 0);
    if (rc != 0) { /* it lies in underprocess now, and is looked at there */
        struct candidate *claimed = was_claimed ? c : add(in, true, folder_of(c), c->name);
        if (claimed) {
            claimed->kind = c->kind;
            claimed->way = c->way;
            put_off(claimed, TROUBLE_PAUSE_MS);
        }
        if (claimed != c)
            drop(c);
        return;
    }
    struct job *job = jobs_find(in->jobs, folder_of(c), c->name);
    job->again = c->moves > (watched ? 1U : 0U);
    if (c->way == WAY_PERIODIC)
        stats_found_by_scan_only(in->rt->stats, 1);
    drop(c);
}

static void on_busy(struct candidate *c)
{
    struct job *job = jobs_find(c->intake->jobs, folder_of(c), c->name);
    if (job) {
        job->again = true;
        drop(c);
    } else {
        put_off(c, BUSY_PAUSE_MS);
    }
}

/* The claimed file was another than the one read, and was not whole: from now on it is looked at where it lies. */
static struct candidate *follow(struct candidate *c)
{
    struct candidate *claimed = find(c->intake, true, folder_of(c), c->name);
    if (!claimed)
        claimed = add(c->intake, true, folder_of(c), c->name);
    if (!claimed)
        return NULL;
    claimed->kind = c->kind;
    claimed->way = c->way;
    drop(c);
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
            enqueue(c);
        else
            drop(c);
        break;
    case TAKEN_WAIT:
        if (item->claimed && !c->claimed) {
            struct candidate *claimed = follow(c);
            if (claimed)
                c = claimed;
        }
        put_off(c, c->touched && item->pause_ms > EVENT_PAUSE_MS ? EVENT_PAUSE_MS : item->pause_ms);
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
                                      .routes = routes_ref(in->rt->routes),
                                      .items = look->items};
    while (look->worker < (unsigned)in->rt->config->settings->workers && in->busy[look->worker])
        look->worker++;
    look->worker++;
    return look;
}

static void unqueue(struct candidate *c)
{
    DL_DELETE(c->intake->queue, c);
    c->intake->queued--;
}

/* While a file of that name waits to be looked at in underprocess, a newer one stays where it is: two looks at one name
 * could both take the claimed file for theirs. */
static bool blocked(const struct candidate *c)
{
    const struct intake *in = c->intake;
    return in->claimed > 0 && !c->claimed && find(in, true, folder_of(c), c->name);
}

static void write_trial(char key[TRIAL_MAX], const struct candidate *c)
{
    stpcpy(stpcpy(stpcpy(key, folder_of(c)), "/"), c->name);
}

/* Alone in its look, which notes it. */
static void begin_trial(struct candidate *c, struct look *look)
{
    struct intake *in = c->intake;
    if (!in->trial[0])
        log_warn("crash_found",
                 "%zu tickets were in work when shunt ended without warning: they are taken up one by one",
                 in->suspects);
    write_trial(in->trial, c);
    look->batch.trial = in->trial;
    look->items[look->batch.count - 1].poison = strcmp(in->trial, in->poison) == 0;
}

static void begin_look(struct candidate *c, struct look *look)
{
    unqueue(c);
    c->state = CANDIDATE_LOOKING;
    c->touched = false;
    c->moves = 0;
    look->items[look->batch.count] = (struct take_item){.client = folder_of(c),
                                                        .name = c->name,
                                                        .kind = c->kind,
                                                        .claimed = c->claimed,
                                                        .readiness = c->readiness,
                                                        .whole = c->whole,
                                                        .source.fd = -1};
    look->candidates[look->batch.count++] = c;
}

static bool start_look(struct intake *in, size_t count)
{
    struct look *look = look_new(in, count);
    if (!look)
        return false;
    struct candidate *c, *next;
    DL_FOREACH_SAFE (in->queue, c, next) {
        if (blocked(c)) {
            unqueue(c);
            put_off(c, BUSY_PAUSE_MS);
        } else if (!c->suspect) {
            begin_look(c, look);
        } else if (look->batch.count > 0) {
            break;
        } else {
            begin_look(c, look);
            begin_trial(c, look);
            break;
        }
        if (look->batch.count == count)
            break;
    }
    if (!look->batch.trial && in->trial[0] && in->suspects == 0) { /* the last one is through */
        in->trial[0] = '\0';
        look->batch.trial = "";
    }
    if (look->batch.count == 0) {
        look_free(look);
        return true;
    }
    if (work_submit(in->rt->loop, &look->batch.work, run_look, on_look_done) != 0) {
        for (size_t i = 0; i < look->batch.count; i++)
            enqueue(look->candidates[i]);
        look_free(look);
        return false;
    }
    in->busy[look->worker - 1] = true;
    in->looking += look->batch.count;
    in->active++;
    return true;
}

static void on_batch_due(struct wait *wait)
{
    (void)wait; /* the turn's pump sees that the oldest has waited long enough */
}

/* Is it better to wait a moment for a fuller batch? */
static bool wait_for_more(struct intake *in)
{
    const struct settings *s = in->rt->config->settings;
    if (s->batch_wait_ms == 0 || in->queued >= (size_t)s->batch_size)
        return false;
    int64_t left = in->oldest_queued_ms + s->batch_wait_ms - runtime_now(in->rt);
    if (left <= 0)
        return false;
    return wait_set(in->rt, &in->batch_wait, left, on_batch_due) == 0;
}

/* While a suspect is on trial, or waits to be, nothing else is begun. */
static bool on_trial(const struct intake *in, size_t held)
{
    return held > 0 && (in->trial[0] || (in->queue && in->queue->suspect));
}

/* Tickets that use up in_work_limit: those that move. */
static size_t in_hand(const struct intake *in)
{
    size_t in_work = (size_t)in->rt->ledger.in_work, stuck = in->rt->stuck;
    return in->looking + (in_work > stuck ? in_work - stuck : 0);
}

void intake_pump(struct intake *in)
{
    const struct settings *s = in->rt->config->settings;
    while (in->queued > 0 && in->active < (unsigned)s->workers && !in->rt->draining && !wait_for_more(in)) {
        size_t held = in_hand(in), limit = (size_t)s->in_work_limit;
        size_t count = in->queued < (size_t)s->batch_size ? in->queued : (size_t)s->batch_size;
        if (on_trial(in, held) || held >= limit || in->rt->ledger.waiting + in->rt->stuck >= CANDIDATES_MAX)
            return;
        if (count > limit - held)
            count = limit - held;
        if (!start_look(in, count)) { /* no memory; nothing else may come to wake us */
            wait_set(in->rt, &in->batch_wait, TROUBLE_PAUSE_MS, on_batch_due);
            return;
        }
        in->oldest_queued_ms = runtime_now(in->rt);
    }
}

bool intake_idle(const struct intake *in)
{
    return in->active == 0;
}

bool intake_empty(const struct intake *in)
{
    return in->count == 0;
}

void intake_job_ended(void *user, const char *folder, const char *name, bool look_again, bool in_underprocess,
                      enum way way)
{
    struct intake *in = user;
    bool known = true;
    if (in_underprocess)
        known = see(in, folder, name, way, true, false, true);
    if (look_again)
        known &= see(in, folder, name, in_underprocess ? way : WAY_REALTIME, false, true, true);
    if (!known && in->forgot) /* no memory */
        in->forgot(in->user);
}

void intake_init(struct intake *in, struct runtime *rt, struct jobs *jobs, const struct instance *instance)
{
    *in = (struct intake){.rt = rt, .jobs = jobs, .instance = instance};
    trial_read(instance->fd, in->poison);
}

void intake_fini(struct intake *in)
{
    struct candidate *c, *next;
    wait_cancel(in->rt, &in->batch_wait);
    if (in->trial[0])
        trial_note(in->instance->fd, "");
    HASH_ITER (hh, in->table, c, next)
        drop(c);
}
