/* settle.c: see settle.h. A request carries many jobs of both kinds; each item is one act, independent of the others.
 */
#include "shunt/service/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/name.h"
#include "shunt/io/place.h"
#include "shunt/io/work.h"
#include "shunt/service/delivery.h"
#include "shunt/service/reason.h"

#define REQUESTS_MAX                                                                                                   \
    4 /* of each kind: where a file system discards the blocks of what is removed, that takes its time */
#define AGAIN_MS          2000
#define AGAIN_DOUBLED_MAX 5    /* then about a minute */
#define COPIES_MAX        1000 /* tickets of one name that fail in one second */

struct settle_item {
    struct job *job; /* only to find it again; the worker looks at the rest */
    const char *folder, *name, *failed_folder;
    struct source source;
    struct file_print print;
    bool fail, was_read, gone;
    struct reason reason; /* of a failed one */
    int code;
    struct error error;
    char *failed_path;
};

struct settle_batch {
    struct work work;
    struct settle *settle;
    struct settle_queue *queue;
    const struct config *config;
    const char *underprocess;
    size_t count;
    struct settle_item items[];
};

/* 0: what lies there is what was delivered, and nobody writes to it. */
static int still_the_same(struct settle_item *item, int folder)
{
    if (item->source.fd >= 0 && source_quiet(&item->source))
        return 0;
    bool had_lease = item->source.fd >= 0 && item->source.writer == WRITER_NONE;
    if (had_lease) /* somebody began to open it for writing: let him go on */
        return ERR_CHANGED;
    source_close(&item->source);
    int rc = source_open(&item->source, folder, item->name, &item->error);
    if (rc != 0)
        return rc;
    source_ask_writer(&item->source);
    bool same = item->source.writer != WRITER_PRESENT && file_print_same(&item->source.print, &item->print);
    return same ? 0 : ERR_CHANGED;
}

static int act_remove(struct settle_item *item, int folder)
{
    int rc = still_the_same(item, folder);
    if (rc == ERR_GONE)
        return 0; /* somebody else took it away: nothing is left to do */
    if (rc != 0)
        return rc;
    if (unlinkat(folder, item->name, 0) != 0 && errno != ENOENT)
        return error_errno(&item->error, errno, "%s cannot be removed from underprocess", item->name);
    return 0;
}

/* failed_path is for people's eyes: what is written goes into the folder that is held. */
static int write_reason(const struct settle_batch *batch, const struct settle_item *item, int failed,
                        const char *failed_path, struct error *e)
{
    struct str text = STR_INIT;
    reason_text(&item->reason, batch->config, failed_path, &text);
    const char *slash = strrchr(failed_path, '/');
    char name[NAME_SIZE];
    name_reason(slash + 1, name);
    int rc = str_failed(&text) ? error_set(e, ERR_NOMEM, "out of memory")
                               : files_write_at(failed, name, text.bytes, text.len, batch->config->settings->mode, e);
    error_context(e, "%.*s", (int)(slash - failed_path), failed_path);
    str_fini(&text);
    return rc;
}

/* Of that name: none, an earlier try's that moved it but could not flush, or another's. */
enum lies { LIES_NONE, LIES_OURS, LIES_OTHER };

static enum lies what_lies(const struct settle_item *item, int failed, const char *name)
{
    struct stat st;
    if (fstatat(failed, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return LIES_NONE;
    const struct file_print now = file_print_of(&st), *was = &item->print;
    bool same = now.dev == was->dev && now.ino == was->ino && now.size == was->size && now.mtime_ns == was->mtime_ns;
    return same ? LIES_OURS : LIES_OTHER;
}

/* The reason first: a ticket in the failed folder always has one. The name's time is that of the claim (the file's
 * ctime), so that a crash in between ends in the same names. */
static int act_fail_as(const struct settle_batch *batch, struct settle_item *item, int folder, int failed,
                       const char *name)
{
    bool durable = batch->config->settings->durability == DURABILITY_FULL;
    struct str path = STR_INIT;
    str_printf(&path, "%s%s%s/%s", batch->config->failed, item->failed_folder[0] ? "/" : "", item->failed_folder, name);
    if (str_failed(&path)) {
        str_fini(&path);
        return error_set(&item->error, ERR_NOMEM, "out of memory");
    }
    enum lies lies = what_lies(item, failed, name);
    bool tell = batch->config->settings->reason_files && lies == LIES_NONE && !item->gone;
    int rc = tell ? write_reason(batch, item, failed, path.bytes, &item->error) : 0;
    if (rc == 0)
        rc = place_move(folder, item->name, failed, name, durable, &item->error);
    if (rc == ERR_GONE && lies == LIES_OURS)
        rc = durable ? files_sync(failed, name, &item->error) : 0;
    else if (rc == ERR_GONE) /* it may be beside another; else somebody took it away */
        rc = lies == LIES_OTHER ? ERR_BUSY : ERR_CHANGED;
    if (rc == 0)
        item->failed_path = str_take(&path);
    str_fini(&path);
    return rc;
}

static int act_fail(const struct settle_batch *batch, struct settle_item *item, int folder)
{
    /* Somebody may be mending it this very moment. (An unreadable one was never opened.) */
    int seen = item->was_read ? still_the_same(item, folder) : 0;
    if (seen == ERR_CHANGED)
        return ERR_CHANGED;
    item->gone = seen == ERR_GONE;
    error_clear(&item->error);
    const struct settings *s = batch->config->settings;
    bool durable = s->durability == DURABILITY_FULL;
    int root, failed, rc = files_mkdirs(batch->config->failed, s->folder_mode, durable, &item->error);
    if (rc != 0)
        return rc;
    root = files_open_folder(batch->config->failed, &item->error);
    if (root < 0)
        return root;
    failed = item->failed_folder[0]
                 ? files_open_below(root, item->failed_folder, true, s->folder_mode, durable, &item->error)
                 : root;
    rc = failed < 0 ? failed : ERR_BUSY;
    char stamp[CLOCK_STAMP_MAX], name[NAME_SIZE];
    clock_file_stamp(item->print.ctime_ns / 1000000, stamp);
    for (unsigned copy = 0; failed >= 0 && rc == ERR_BUSY && copy < COPIES_MAX; copy++) {
        name_failed(stamp, item->name, copy == 0 ? 0 : copy + 1, name);
        error_clear(&item->error);
        rc = act_fail_as(batch, item, folder, failed, name);
    }
    if (failed >= 0 && failed != root)
        close(failed);
    close(root);
    return rc;
}

static void run(struct work *work)
{
    struct settle_batch *batch = (struct settle_batch *)work;
    struct error e = {0};
    int root = files_open_folder(batch->underprocess, &e);
    const char *inside = NULL;
    int folder = -1;
    for (size_t i = 0; i < batch->count; i++) {
        struct settle_item *item = &batch->items[i];
        if (!inside || strcmp(inside, item->folder) != 0) {
            if (folder >= 0 && folder != root)
                close(folder);
            inside = item->folder;
            folder =
                inside[0] == '\0' || root < 0 ? root : files_open_below(root, inside, false, 0, false, &item->error);
        }
        if (folder == ERR_NOPLACE && root >= 0) /* somebody took it away, with its folder */
            item->code = item->fail ? ERR_CHANGED : 0;
        else if (folder < 0)
            item->code =
                error_set(&item->error, folder < -1 ? folder : ERR_NOPLACE, "%s cannot be opened", batch->underprocess);
        else
            item->code = item->fail ? act_fail(batch, item, folder) : act_remove(item, folder);
        source_close(&item->source);
    }
    if (folder >= 0 && folder != root)
        close(folder);
    if (root >= 0)
        close(root);
}

/* --- the loop's part --- */

static struct settle_queue *queue_of(struct settle *s, const struct job *job)
{
    return job->state == JOB_FAILING ? &s->aside : &s->remove;
}

static void on_again(struct wait *wait)
{
    struct job *job = (struct job *)((char *)wait - offsetof(struct job, settle_wait));
    job->jobs->rt->stuck--;
    settle_enqueue(job->jobs->settle, job);
}

static void try_again(struct settle *s, struct job *job, const struct error *why)
{
    struct settle_queue *queue = queue_of(s, job);
    bool fail = job->state == JOB_FAILING;
    int64_t pause_ms = AGAIN_MS << (job->settle_tries < AGAIN_DOUBLED_MAX ? job->settle_tries : AGAIN_DOUBLED_MAX);
    job->settle_tries++;
    if (!queue->troubled)
        log_write(
            LOG_EVENT(LOG_ERROR, "settle_failed", .client = job->client, .file = job->name, .job = job->id,
                      .error = why->text),
            fail ? "%s cannot be moved to the failed folder: it and its like wait in underprocess and are tried again"
                 : "%s cannot be taken off underprocess: it and its like are tried again",
            job->key);
    queue->troubled = true;
    if (s->rt->once) { /* nobody waits for a better time */
        jobs_abandon(job, why);
        return;
    }
    if (wait_set(s->rt, &job->settle_wait, pause_ms, on_again) != 0) {
        settle_enqueue(s, job);
        return;
    }
    s->rt->stuck++;
}

static void note_success(struct settle_queue *queue)
{
    if (queue->troubled)
        log_info("settle_works", "Tickets can be settled again");
    queue->troubled = false;
}

static void on_done(struct work *work)
{
    struct settle_batch *batch = (struct settle_batch *)work;
    struct settle *s = batch->settle;
    struct jobs *jobs = batch->items[0].job->jobs;
    batch->queue->active--;
    for (size_t i = 0; i < batch->count; i++) {
        struct settle_item *item = &batch->items[i];
        if (item->code == 0)
            note_success(batch->queue);
        if (item->fail)
            s->rt->stuck--;
        if (item->code == 0 || item->code == ERR_CHANGED)
            jobs_settled(item->job, item->code, item->failed_path);
        else
            try_again(s, item->job, &item->error);
        reason_fini(&item->reason);
        mem_free(item->failed_path);
    }
    mem_free(batch);
    jobs_check_ledger(jobs);
}

static void fill(struct settle_item *item, struct job *job)
{
    item->job = job;
    item->folder = job->folder;
    item->name = job->name;
    item->failed_folder = job->folder[0] ? job->folder : "";
    item->source = job->source;
    item->print = job->print;
    item->fail = job->state == JOB_FAILING;
    item->was_read = job_was_opened(job);
    job->source.fd = -1;
}

static bool start(struct settle *s, struct settle_queue *queue)
{
    size_t most = (size_t)s->rt->config->settings->batch_size, count = 0;
    for (const struct job *job = queue->head; job && count < most; job = job->next)
        count++;
    struct settle_batch *batch = mem_zalloc(sizeof *batch + count * sizeof batch->items[0]);
    if (!batch)
        return false;
    batch->settle = s;
    batch->queue = queue;
    batch->config = s->rt->config;
    batch->underprocess = s->underprocess;
    for (struct job *job = queue->head; batch->count < count; job = job->next) {
        struct settle_item *item = &batch->items[batch->count];
        if (job->state == JOB_FAILING && reason_of(&item->reason, job, s->rt->clock->wall_ms(s->rt->clock)) != 0)
            break;
        fill(item, job);
        batch->count++;
    }
    if (batch->count == 0 || work_submit(s->rt->loop, &batch->work, run, on_done) != 0) {
        for (size_t i = 0; i < batch->count; i++) {
            batch->items[i].job->source = batch->items[i].source;
            reason_fini(&batch->items[i].reason);
        }
        mem_free(batch);
        return false;
    }
    for (size_t i = 0; i < batch->count; i++)
        queue->head = queue->head->next;
    if (!queue->head)
        queue->tail = &queue->head;
    queue->active++;
    return true;
}

void settle_init(struct settle *s, struct runtime *rt, const char *underprocess)
{
    *s = (struct settle){.rt = rt, .underprocess = underprocess};
    s->remove.tail = &s->remove.head;
    s->aside.tail = &s->aside.head;
}

void settle_enqueue(struct settle *s, struct job *job)
{
    struct settle_queue *queue = queue_of(s, job);
    if (job->state == JOB_FAILING) { /* there may come many more: they keep no descriptor, and hold up nobody */
        source_close(&job->source);
        s->rt->stuck++;
    }
    job->next = NULL;
    *queue->tail = job;
    queue->tail = &job->next;
}

static void on_pause_over(struct wait *wait)
{
    (void)wait; /* the turn's pump finds the queue */
}

static void pump(struct settle *s, struct settle_queue *queue)
{
    while (queue->head && queue->active < REQUESTS_MAX)
        if (!start(s, queue)) { /* no memory; nothing else may come to wake us */
            wait_set(s->rt, &s->pause, AGAIN_MS, on_pause_over);
            return;
        }
}

void settle_pump(struct settle *s)
{
    pump(s, &s->remove);
    pump(s, &s->aside);
}

bool settle_idle(const struct settle *s)
{
    return !s->remove.head && s->remove.active == 0 && !s->aside.head && s->aside.active == 0;
}
