/* reconcile.c: see reconcile.h. First the jobs that lost their ticket are ended in the store, then what the statistics do not
 * count is counted: also those. */
#include "shunt/service/reconcile.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/name.h"
#include "shunt/service/delivery.h"

#define STAMP_LEN 15 /* 20260206_153046 */

struct reconciliation {
    struct service *service;
    struct ended_days *ended;
    size_t counted, cancelled, failed, in_hot;
};

/* ---- tickets ---- */

static char *ticket_path(const char *root, const struct store_job *row, const char *name)
{
    struct str path = STR_INIT;
    str_printf(&path, "%s/%s%s%s", root, row->folder, row->folder[0] ? "/" : "", name);
    return str_take(&path);
}

/* Is what lies there the row's ticket? A move to another file system keeps its time, not its inode. */
static bool is_ticket(const char *path, const struct store_job *row, bool same_inode, struct stat *st)
{
    if (lstat(path, st) != 0 || !S_ISREG(st->st_mode))
        return false;
    const struct store_claim claim = record_claim(st);
    return claim.mtime_ns == row->claim.mtime_ns && (!same_inode || claim.inode == row->claim.inode);
}

/* 1: it is; ERR_NOMEM. */
static int lies_below(const char *root, const struct store_job *row)
{
    struct stat st;
    char *path = ticket_path(root, row, row->name);
    int found = path ? is_ticket(path, row, true, &st) : ERR_NOMEM;
    mem_free(path);
    return found;
}

/* Is it a name that this ticket gets in the failed folder? */
static bool is_failed_name(const char *entry, const char *name)
{
    char stamp[STAMP_LEN + 1], made[NAME_SIZE];
    if (strlen(entry) <= STAMP_LEN + 1 || entry[STAMP_LEN] != '_')
        return false;
    memcpy(stamp, entry, STAMP_LEN);
    stamp[STAMP_LEN] = '\0';
    name_failed(stamp, name, 0, made);
    if (strcmp(entry, made) == 0)
        return true;
    unsigned long copy = strtoul(entry + STAMP_LEN + 1, NULL, 10);
    if (!isdigit((unsigned char)entry[STAMP_LEN + 1]) || copy < 2 || copy > UINT32_MAX)
        return false;
    name_failed(stamp, name, (unsigned)copy, made);
    return strcmp(entry, made) == 0;
}

/* *path: where in the failed folder it lies, mem_free; NULL: nowhere. */
static int find_failed(const char *failed, const struct store_job *row, char **path, int64_t *at_ms)
{
    int rc = 0;
    char *folder = ticket_path(failed, row, ".");
    DIR *dir = folder ? opendir(folder) : NULL;
    *path = NULL;
    for (const struct dirent *entry; dir && rc == 0 && !*path && (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (!is_failed_name(entry->d_name, row->name))
            continue;
        *path = ticket_path(failed, row, entry->d_name);
        rc = *path ? 0 : ERR_NOMEM;
        if (*path && (!is_ticket(*path, row, false, &st) || (uint64_t)st.st_size != row->size)) {
            mem_free(*path);
            *path = NULL;
        } else if (*path) {
            *at_ms = st.st_ctim.tv_sec * INT64_C(1000) + st.st_ctim.tv_nsec / 1000000;
        }
    }
    if (dir)
        closedir(dir);
    mem_free(folder);
    return folder ? rc : ERR_NOMEM;
}

/* Another instance may have adopted it. */
static int lies_at_another(const struct instance *instance, const struct store_job *row)
{
    int found = 0;
    for (unsigned i = 0; i < INSTANCES_MAX && found == 0; i++) {
        struct str root = STR_INIT;
        str_printf(&root, "%s/%u", instance->root, i);
        found = str_failed(&root) ? ERR_NOMEM : i == instance->number ? 0 : lies_below(root.bytes, row);
        str_fini(&root);
    }
    return found;
}

/* ---- jobs that lost their ticket ---- */

static int end_in_store(struct reconciliation *r, struct store_job *row, const char *event, const char *text,
                        struct error *e)
{
    struct storage *st = &r->service->storage;
    struct store_event now = {.at_ms = st->rt->clock->wall_ms(st->rt->clock), .event = event, .text = text};
    if (row->completed_ms == 0)
        row->completed_ms = now.at_ms;
    else if (row->completed_ms > now.at_ms || row->completed_ms < row->started_ms) /* the clock was another */
        row->completed_ms = row->started_ms;
    row->error = row->error ? row->error : text;
    row->events = &now;
    row->n_events = 1;
    row->instance = st->instance;
    row->outcome = row->status == STATUS_FAILED ? ++r->service->jobs.outcomes : 0;
    return store_record(st->store, row, 1, e);
}

static int end_failed(struct reconciliation *r, struct store_job *row, const char *path, struct error *e)
{
    row->status = STATUS_FAILED;
    row->path = path ? path : row->path;
    r->failed++;
    return end_in_store(r, row, "failed", row->error ? row->error : "it lies in the failed folder", e);
}

static int end_cancelled(struct reconciliation *r, struct store_job *row, struct error *e)
{
    log_write(LOG_EVENT(LOG_WARN, "ticket_gone", .client = row->client, .file = row->name, .job = row->id),
              "%s is no longer there: taken away while shunt was not running, or settled while the store could not be "
              "written; its job is cancelled; the archive and the destinations show whether it was delivered",
              row->path);
    row->status = STATUS_CANCELLED;
    r->cancelled++;
    return end_in_store(
        r, row, "gone",
        "its ticket is gone: taken away while shunt was not running, or settled while the store could not be written; "
        "the archive and the destinations show whether it was delivered",
        e);
}

/* Takes the record. */
static int mend(struct reconciliation *r, struct record *record, struct error *e)
{
    struct service *s = r->service;
    struct store_job *row = &record->row;
    char *failed = NULL;
    int there = lies_at_another(&s->instance, row), in_hot = there == 0 ? lies_below(s->config->hot, row) : 0;
    int rc = there < 0 ? there : in_hot < 0 ? in_hot : 0;
    if (rc == 0 && there == 0 && in_hot == 0)
        rc = find_failed(s->config->failed, row, &failed, &row->completed_ms);
    if (rc != 0) {
        error_set(e, rc, "out of memory");
    } else if (there > 0 || in_hot > 0) {
        r->in_hot += in_hot > 0;
        recall_expect(&s->recall, record, false);
        return 0;
    } else {
        bool was_failing = row->error != NULL; /* it stood in the store before the ticket was moved */
        rc = failed || was_failing ? end_failed(r, row, failed, e) : end_cancelled(r, row, e);
    }
    mem_free(failed);
    record_free(record);
    return rc;
}

static int mend_lost(struct reconciliation *r, struct error *e)
{
    int rc = 0;
    struct record *next, *lost = recall_lost(&r->service->recall, &r->service->instance);
    for (; lost; lost = next) {
        next = lost->next;
        lost->next = NULL;
        if (rc == 0)
            rc = mend(r, lost, e);
        else
            record_free(lost);
    }
    return rc;
}

/* ---- statistics ---- */

static enum way way_of(const char *phase)
{
    enum way way = WAY_STARTUP;
    while (way + 1 < WAYS && (!phase || strcmp(way_word(way), phase) != 0))
        way++;
    return way;
}

static int turn_to(struct reconciliation *r, int date)
{
    struct stats *stats = r->service->rt.stats;
    struct ended_days *ended = r->ended;
    if (date <= stats_date(stats) || ended->count == ENDED_DAYS_MAX - 1)
        return 0;
    if (!stats_turn(stats, date, &ended->days[ended->count]))
        return ERR_NOMEM;
    ended->count++;
    return 0;
}

static void tell_failed(const struct service *s, const struct store_job *row, const char *client)
{
    const struct alarm_failure failure = {.client = client, .error = row->error, .name = row->name, .id = row->id};
    alarm_failed(s->rt.alarm, &failure, row->completed_ms);
}

/* As jobs.c counts it when a job ends. */
static int count(struct reconciliation *r, const struct store_job *row)
{
    const char **labels = mem_alloc((row->n_deliveries + 1) * sizeof *labels);
    size_t n = 0;
    if (!labels)
        return ERR_NOMEM;
    for (size_t i = 1; i < row->n_deliveries; i++) {
        const struct store_delivery *d = &row->deliveries[i];
        if (d->state == DELIVERY_DONE && d->done_ms >= row->started_ms)
            labels[n++] = d->label ? d->label : d->destination;
    }
    int64_t took_ms = row->completed_ms - row->started_ms; /* the clock may have gone back */
    const char *client = row->folder && row->folder[0] ? row->folder : row->client;
    struct stats_outcome o = {.client = client && client[0] ? client : "(hot folder root)",
                              .category = row->category,
                              .way = way_of(row->phase),
                              .hour = clock_local_hour(row->completed_ms),
                              .ms = took_ms > 0 ? (double)took_ms : 0,
                              .destinations = labels,
                              .n_destinations = n,
                              .celtra = row->category && strcmp(row->category, "CELTRA") == 0};
    if (row->status == STATUS_FAILED)
        tell_failed(r->service, row, o.client);
    if (row->status == STATUS_COMPLETED)
        stats_processed(r->service->rt.stats, &o);
    else
        stats_failed(r->service->rt.stats, &o, row->name, row->error, row->completed_ms);
    r->counted++;
    mem_free(labels);
    return 0;
}

/* For store_each_cb. The next number is greater than all. */
static int note_outcome(void *user, const struct store_job *row)
{
    struct jobs *jobs = user;
    jobs->outcomes = row->outcome > jobs->outcomes ? row->outcome : jobs->outcomes;
    return 0;
}

int reconcile_is_missed(const struct instance *instance, const struct store_job *row)
{
    int there = row->status < STATUS_COMPLETED ? 1 : lies_below(instance->path, row);
    return there < 0 ? there : there == 0;
}

static int count_in_its_day(struct reconciliation *r, const struct store_job *row)
{
    const struct clock *clock = r->service->rt.clock;
    int date = clock_local_date(row->completed_ms), today = clock_local_date(clock->wall_ms(clock));
    int rc = turn_to(r, date < today ? date : today);
    return rc ? rc : count(r, row);
}

/* For store_each_cb. */
static int count_missed(void *user, const struct store_job *row)
{
    struct reconciliation *r = user;
    int missed = reconcile_is_missed(&r->service->instance, row);
    return missed > 0 ? count_in_its_day(r, row) : missed;
}

/* ---- what was found ---- */

static void say(struct str *text, size_t n, const char *one, const char *many)
{
    if (n > 0)
        str_printf(text, "%s%zu %s", text->len > 0 ? "; " : "", n, n == 1 ? one : many);
}

static int tell(const struct reconciliation *r)
{
    const struct recall *recall = &r->service->recall;
    struct str text = STR_INIT;
    say(&text, r->counted, "job that ended was not in the statistics of the day and is counted now",
        "jobs that ended were not in the statistics of the day and are counted now");
    say(&text, r->cancelled, "job was in work without its ticket (cancelled)",
        "jobs were in work without their tickets (cancelled)");
    say(&text, r->failed, "job was in work with its ticket in the failed folder (failed)",
        "jobs were in work with their tickets in the failed folder (failed)");
    say(&text, r->in_hot, "job was in work with its ticket in the hot folder (taken up again)",
        "jobs were in work with their tickets in the hot folder (taken up again)");
    say(&text, recall->finished, "ticket in underprocess belongs to a job that had ended (not delivered twice)",
        "tickets in underprocess belong to jobs that had ended (not delivered twice)");
    say(&text, recall->unknown, "ticket in underprocess was not in the store (taken up as new)",
        "tickets in underprocess were not in the store (taken up as new)");
    int rc = str_failed(&text) ? ERR_NOMEM : 0;
    if (rc == 0 && text.len > 0)
        log_warn("reconciled", "%s", text.bytes);
    else if (rc == 0)
        log_info("reconciled", "The store, the folders and the statistics of the day agree");
    str_fini(&text);
    return rc;
}

int reconcile_count(struct service *s, struct ended_days *ended, const struct record *missed)
{
    struct reconciliation r = {.service = s, .ended = ended};
    int rc = 0;
    for (; rc == 0 && missed; missed = missed->next)
        rc = count_in_its_day(&r, &missed->row);
    return rc ? rc : tell(&r);
}

int reconcile(struct service *s, struct ended_days *ended, struct error *e)
{
    struct store *store = s->storage.store;
    struct reconciliation r = {.service = s, .ended = ended};
    struct error why = {0};
    if (!store)
        return 0;
    int rc = store_uncounted(store, s->instance.number, note_outcome, &s->jobs, &why);
    rc = rc ? rc : mend_lost(&r, &why);
    rc = rc ? rc : store_uncounted(store, s->instance.number, count_missed, &r, &why);
    if (rc == 0)
        rc = tell(&r);
    if (rc == ERR_NOMEM)
        return error_set(e, rc, "out of memory");
    if (rc != 0)
        log_write(LOG_EVENT(LOG_ERROR, "store_failed", .error = why.text),
                  "The store and the folders cannot be brought to agree now, but at the next start");
    return 0;
}
