/* intake.c: see intake.h. A candidate is queued, looking, or waiting; callbacks of looks record what was found and put
 * it into one of these, or make it a job. */
#include "shunt/service/intake.h"

#include <string.h>
#include <utlist.h>

#include "shunt/base/mem.h"
#include "shunt/service/recall.h"

#include "intake_inner.h"

#define OLDEST_OF_MAX 10000 /* the table is in the order of finding: further ones are younger */

static size_t make_key(char *out, bool claimed, const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name);
    out[0] = claimed ? 'u' : 'h';
    memcpy(out + 1, folder, a + 1);
    memcpy(out + 2 + a, name, b + 1);
    return a + b + 3;
}

struct candidate *candidate_find(const struct intake *in, bool claimed, const char *folder, const char *name)
{
    char key[2 * NAME_SIZE + 4];
    struct candidate *c;
    size_t len = make_key(key, claimed, folder, name);
    HASH_FIND(hh, in->table, key, len, c);
    return c;
}

struct candidate *candidate_add(struct intake *in, bool claimed, const char *folder, const char *name)
{
    size_t len = strlen(folder) + strlen(name) + 3;
    struct candidate *c = mem_zalloc(sizeof *c + len);
    if (!c)
        return NULL;
    c->intake = in;
    c->claimed = claimed;
    c->priority = PRIORITY_NORMAL;
    c->seen_ms = runtime_now(in->rt);
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

void candidate_drop(struct candidate *c)
{
    struct intake *in = c->intake;
    wait_cancel(in->rt, &c->wait);
    HASH_DEL(in->table, c);
    in->count--;
    in->claimed -= c->claimed;
    in->suspects -= c->suspect;
    mem_free(c);
}

void candidate_queue(struct candidate *c)
{
    struct intake *in = c->intake;
    c->state = CANDIDATE_QUEUED;
    if (in->queued == 0)
        in->oldest_queued_ms = runtime_now(in->rt);
    DL_APPEND(in->queue[c->priority], c);
    in->queued++;
}

/* What a crash left in work stands among the normal ones; until it is seen to be harmless nothing overtakes it. */
struct candidate *candidate_next(struct intake *in)
{
    bool waits[PRIORITIES];
    if (in->suspects > 0 && in->queue[PRIORITY_NORMAL])
        return in->queue[PRIORITY_NORMAL];
    for (int i = 0; i < PRIORITIES; i++)
        waits[i] = in->queue[i] != NULL;
    enum priority next = priority_next(&in->turn, waits);
    return next == PRIORITIES ? NULL : in->queue[next];
}

static void on_pause_over(struct wait *wait)
{
    candidate_queue((struct candidate *)((char *)wait - offsetof(struct candidate, wait)));
}

void candidate_put_off(struct candidate *c, int64_t pause_ms)
{
    c->state = CANDIDATE_WAITING;
    if (wait_set(c->intake->rt, &c->wait, pause_ms, on_pause_over) != 0)
        candidate_queue(c); /* no memory to wait in */
}

size_t intake_room(const struct intake *in, enum priority priority)
{
    size_t limit = (size_t)in->rt->config->settings->queue_limit + (priority == PRIORITY_HIGH ? HIGH_ROOM : 0);
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
        candidate_put_off(c, EVENT_PAUSE_MS);
    }
}

struct sight {
    enum way way;
    enum priority priority;
    bool claimed, moved;
    bool past_limit; /* it takes the place of a job, so that in_work_limit bounds how many there are */
};

static bool see(struct intake *in, const char *folder, const char *name, struct sight sight)
{
    const bool claimed = sight.claimed, moved = sight.moved;
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
    struct candidate *c = candidate_find(in, claimed, folder, name);
    if (c) {
        see_known(c, moved);
        return true;
    }
    if (claimed && (c = candidate_find(in, false, folder, name)) && c->state == CANDIDATE_LOOKING)
        return true; /* it may be this very look that claimed it */
    if ((!sight.past_limit && intake_room(in, sight.priority) == 0) || !(c = candidate_add(in, claimed, folder, name)))
        return false;
    c->kind = kind;
    c->way = sight.way;
    c->priority = sight.priority;
    if (claimed && sight.way == WAY_STARTUP && !in->stopped_well && in->rt->config->settings->poison == POISON_FAIL &&
        !recall_waited(in->jobs->recall, folder, name)) {
        c->suspect = true;
        in->suspects++;
    }
    candidate_queue(c);
    return true;
}

bool intake_see(struct intake *in, const char *folder, const char *name, enum way way, bool claimed, bool moved)
{
    return see(in, folder, name,
               (struct sight){.way = way, .priority = PRIORITY_NORMAL, .claimed = claimed, .moved = moved});
}

bool intake_see_sent(struct intake *in, const char *folder, const char *name, enum priority priority)
{
    return see(in, folder, name, (struct sight){.way = WAY_REALTIME, .priority = priority, .claimed = true});
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

static void run_trial_over(struct work *work)
{
    trial_over(((struct intake *)((char *)work - offsetof(struct intake, trial_work)))->instance->fd);
}

static void on_trial_over(struct work *work)
{
    struct intake *in = (struct intake *)((char *)work - offsetof(struct intake, trial_work));
    in->trial_ending = in->on_trial = false;
    in->trial_until_ms = 0;
}

/* Nothing else is begun while a suspect is on trial, nor while one waits for what is in hand to be done; either for a
 * while. What waited too long to be alone goes with the others. The note of a trial goes before anything else begins. */
static bool on_trial(struct intake *in, size_t held)
{
    struct candidate *first = in->queue[PRIORITY_NORMAL];
    bool waits = !in->on_trial && first && first->suspect;
    if (in->trial_ending)
        return true;
    if (held > 0 && (in->on_trial || waits)) {
        if (in->trial_until_ms == 0)
            in->trial_until_ms = runtime_now(in->rt) + TRIAL_MAX_MS;
        int64_t left = in->trial_until_ms - runtime_now(in->rt);
        if (left > 0 && wait_set(in->rt, &in->batch_wait, left, on_batch_due) == 0)
            return true;
    }
    if (in->on_trial) {
        in->trial_ending = work_submit(in->rt->loop, &in->trial_work, run_trial_over, on_trial_over) == 0;
        if (!in->trial_ending)
            wait_set(in->rt, &in->batch_wait, TROUBLE_PAUSE_MS, on_batch_due);
        return true;
    }
    if (waits && held > 0) {
        first->suspect = false;
        in->suspects--;
    }
    return false;
}

/* Tickets that use up in_work_limit: those that move. */
static size_t in_hand(const struct intake *in)
{
    size_t in_work = (size_t)in->rt->ledger.in_work, stuck = in->rt->stuck;
    return in->looking + (in_work > stuck ? in_work - stuck : 0);
}

static unsigned looks_at_once(const struct intake *in)
{
    if (in->barred.code != 0)
        return due_listed(&in->barred_wait.due) ? 0 : 1;
    return (unsigned)in->rt->config->settings->workers;
}

void intake_pump(struct intake *in)
{
    const struct settings *s = in->rt->config->settings;
    if (in->queued == 0 && in->on_trial && !in->rt->draining)
        on_trial(in, in_hand(in));
    while (in->queued > 0 && in->active < looks_at_once(in) && !in->rt->draining && !wait_for_more(in)) {
        size_t held = in_hand(in), limit = (size_t)s->in_work_limit;
        size_t count = in->queued < (size_t)s->batch_size ? in->queued : (size_t)s->batch_size;
        if (on_trial(in, held) || held >= limit || in->rt->ledger.waiting + in->rt->stuck >= CANDIDATES_MAX)
            return;
        if (count > limit - held)
            count = limit - held;
        if (!intake_start_look(in, count)) { /* no memory; nothing else may come to wake us */
            wait_set(in->rt, &in->batch_wait, TROUBLE_PAUSE_MS, on_batch_due);
            return;
        }
        in->oldest_queued_ms = runtime_now(in->rt);
    }
}

int64_t intake_oldest_ms(const struct intake *in)
{
    int64_t now = runtime_now(in->rt), oldest = now;
    size_t left = OLDEST_OF_MAX;
    for (const struct candidate *c = in->table; c && left > 0; c = c->hh.next, left--)
        if (c->seen_ms < oldest && (c->state != CANDIDATE_WAITING || c->told))
            oldest = c->seen_ms;
    return now - oldest;
}

bool intake_idle(const struct intake *in)
{
    return in->active == 0 && !in->trial_ending;
}

bool intake_empty(const struct intake *in)
{
    return in->count == 0;
}

void intake_job_ended(void *user, const char *folder, const char *name, bool look_again, bool in_underprocess,
                      enum way way)
{
    struct intake *in = user;
    struct sight sight = {.way = way, .priority = PRIORITY_NORMAL, .claimed = true, .past_limit = true};
    bool known = true;
    if (in_underprocess)
        known = see(in, folder, name, sight);
    else
        sight.way = WAY_REALTIME;
    sight.claimed = false;
    sight.moved = true;
    if (look_again)
        known &= see(in, folder, name, sight);
    if (!known && in->forgot) /* no memory */
        in->forgot(in->user);
}

void intake_init(struct intake *in, struct runtime *rt, struct jobs *jobs, const struct instance *instance)
{
    *in = (struct intake){.rt = rt, .jobs = jobs, .instance = instance};
    trial_read(instance->fd, &in->poison);
}

void intake_fini(struct intake *in)
{
    struct candidate *c, *next;
    wait_cancel(in->rt, &in->batch_wait);
    wait_cancel(in->rt, &in->barred_wait);
    if (in->on_trial)
        trial_over(in->instance->fd);
    HASH_ITER (hh, in->table, c, next)
        candidate_drop(c);
}
