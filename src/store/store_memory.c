/* store_memory.c: a store that ends with its process, for tests. Everything is looked through one by one.
 *
 * Each job is one allocation that holds all of its texts; what is recorded is copied whole first, then put in place in
 * steps that cannot fail. "memory:NAME" and "memory:" are the same: a new, empty one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/mem.h"

#include "store_json.h"

struct kept { /* its texts, deliveries and hash come behind it */
    struct store_job job;
    uint64_t row;
    char *events;
};

struct alert {
    struct alert *older;
    struct store_alert alert;
    int64_t last_ms, closed_ms, count;
};

struct memory_store {
    struct store store;
    struct kept **jobs; /* by row */
    size_t count, room;
    uint64_t next_row;
    json_t *snapshots, *days; /* {"INSTANCE": ...}; {"DATE": {"INSTANCE": ...}} */
    struct alert *alerts;     /* newest first */
};

static int no_memory(struct error *e)
{
    return error_set(e, ERR_NOMEM, "no memory for the store");
}

static void forget(struct kept *job)
{
    if (job) {
        mem_free(job->events);
        mem_free(job);
    }
}

static void forget_alert(struct alert *a)
{
    mem_free((char *)a->alert.kind);
    mem_free((char *)a->alert.subject);
    mem_free((char *)a->alert.text);
    mem_free(a);
}

static void memory_close(struct store *store)
{
    struct memory_store *m = (struct memory_store *)store;
    for (size_t i = 0; i < m->count; i++) {
        forget(m->jobs[i]);
    }
    while (m->alerts) {
        struct alert *a = m->alerts;
        m->alerts = a->older;
        forget_alert(a);
    }
    json_decref(m->snapshots);
    json_decref(m->days);
    mem_free(m->jobs);
    mem_free(m);
}

static int memory_open(struct store **out, const char *rest, const char *base, enum store_mode mode, struct error *e)
{
    (void)rest;
    (void)base;
    if (mode == STORE_READ) {
        return error_set(e, ERR_GONE, "a store in memory is seen by nobody but its process");
    }
    struct memory_store *m = mem_zalloc(sizeof *m);
    if (!m) {
        return no_memory(e);
    }
    m->store.driver = &store_memory;
    m->next_row = 1;
    m->snapshots = json_object();
    m->days = json_object();
    if (!m->snapshots || !m->days) {
        memory_close(&m->store);
        return no_memory(e);
    }
    *out = &m->store;
    return 0;
}

/* ---- copies ---- */

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static void move_text(const char **text, char **to)
{
    size_t n = text_size(*text);
    if (n > 0) {
        memcpy(*to, *text, n);
        *text = *to;
        *to += n;
    }
}

#define JOB_TEXTS(j)                                                                                                   \
    {                                                                                                                  \
        &(j)->id, &(j)->source, &(j)->phase, &(j)->folder, &(j)->name, &(j)->client, &(j)->category, &(j)->studio,     \
            &(j)->title, &(j)->path, &(j)->error                                                                       \
    }
#define DELIVERY_TEXTS(d)                                                                                              \
    {                                                                                                                  \
        &(d)->destination, &(d)->label, &(d)->final_name, &(d)->error                                                  \
    }

static size_t texts_size(const struct store_job *job)
{
    const char *const *const of_job[] = JOB_TEXTS(job);
    size_t n = 0;
    for (size_t i = 0; i < sizeof of_job / sizeof *of_job; i++) {
        n += text_size(*of_job[i]);
    }
    for (size_t d = 0; d < job->n_deliveries; d++) {
        const char *const *const of_delivery[] = DELIVERY_TEXTS(&job->deliveries[d]);
        for (size_t i = 0; i < sizeof of_delivery / sizeof *of_delivery; i++) {
            n += text_size(*of_delivery[i]);
        }
    }
    return n;
}

static struct kept *copy(const struct store_job *job, const char *events)
{
    size_t deliveries = job->n_deliveries * sizeof *job->deliveries;
    struct kept *k = mem_alloc(sizeof *k + deliveries + STORE_HASH_SIZE + texts_size(job));
    struct str all = STR_INIT;
    str_puts(&all, events);
    events_add(&all, job->events, job->n_events);
    char *text = str_take(&all);
    if (!k || !text) {
        mem_free(k);
        mem_free(text);
        return NULL;
    }
    struct store_delivery *d = (struct store_delivery *)(k + 1);
    uint8_t *hash = (uint8_t *)(d + job->n_deliveries);
    char *to = (char *)hash + STORE_HASH_SIZE;
    *k = (struct kept){.job = *job, .events = text};
    const char **of_job[] = JOB_TEXTS(&k->job);
    for (size_t i = 0; i < sizeof of_job / sizeof *of_job; i++) {
        move_text(of_job[i], &to);
    }
    if (job->sha256) {
        k->job.sha256 = memcpy(hash, job->sha256, STORE_HASH_SIZE);
    }
    for (size_t n = 0; n < job->n_deliveries; n++) {
        d[n] = job->deliveries[n];
        const char **of_delivery[] = DELIVERY_TEXTS(&d[n]);
        for (size_t i = 0; i < sizeof of_delivery / sizeof *of_delivery; i++) {
            move_text(of_delivery[i], &to);
        }
    }
    k->job.deliveries = d;
    k->job.events = NULL;
    k->job.n_events = 0;
    return k;
}

/* ---- jobs ---- */

static struct kept *find(struct kept **jobs, size_t count, const char *id)
{
    for (size_t i = count; i-- > 0;) {
        if (strcmp(jobs[i]->job.id, id) == 0) {
            return jobs[i];
        }
    }
    return NULL;
}

static bool make_room(struct memory_store *m, size_t more)
{
    if (m->count + more <= m->room) {
        return true;
    }
    size_t room = 2 * (m->count + more);
    struct kept **jobs = mem_resize(m->jobs, room * sizeof(struct kept *));
    if (jobs) {
        m->jobs = jobs;
        m->room = room;
    }
    return jobs != NULL;
}

/* A job may be recorded twice in one call: the copy made first is the older one then. */
static struct kept *renewed(const struct memory_store *m, struct kept **made, size_t n, const struct store_job *job)
{
    const struct kept *old = find(made, n, job->id);
    old = old ? old : find(m->jobs, m->count, job->id);
    struct store_job now = *job;
    if (old) {
        now.folder = old->job.folder;
        now.name = old->job.name;
        now.created_ms = old->job.created_ms;
    }
    return copy(&now, old ? old->events : "");
}

static void put(struct memory_store *m, struct kept *job)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->jobs[i]->job.id, job->job.id) == 0) {
            job->row = m->jobs[i]->row;
            forget(m->jobs[i]);
            m->jobs[i] = job;
            return;
        }
    }
    job->row = m->next_row++;
    m->jobs[m->count++] = job;
}

static int memory_record(struct store *store, const struct store_job *jobs, size_t count, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    struct kept **made = mem_alloc(count * sizeof(struct kept *));
    if (!made || !make_room(m, count)) {
        mem_free(made);
        return no_memory(e);
    }
    size_t n = 0;
    while (n < count && (made[n] = renewed(m, made, n, &jobs[n]))) {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if (n == count) {
            put(m, made[i]);
        } else {
            forget(made[i]);
        }
    }
    mem_free(made);
    return n == count ? 0 : no_memory(e);
}

static int memory_unfinished(struct store *store, store_each_cb each, void *user, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    (void)e;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        if (m->jobs[i]->job.status <= STATUS_PROCESSING) {
            rc = each(user, &m->jobs[i]->job);
        }
    }
    return rc;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static int memory_last(struct store *store, const char *folder, const char *name, store_each_cb each, void *user,
                       struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    (void)e;
    for (size_t i = m->count; i-- > 0;) {
        if (same(m->jobs[i]->job.folder, folder) && same(m->jobs[i]->job.name, name)) {
            return each(user, &m->jobs[i]->job);
        }
    }
    return 0;
}

static bool put_back(const struct store_job *j, const struct store_job *job)
{
    return j->status == STATUS_FAILED && j->claim.inode == job->claim.inode && j->claim.mtime_ns == job->claim.mtime_ns;
}

static int memory_seen(struct store *store, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                       struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    const struct store_job *last = NULL;
    (void)e;
    for (size_t i = 0; i < m->count; i++) {
        const struct store_job *j = &m->jobs[i]->job;
        if (!same(j->folder, job->folder) || !same(j->name, job->name)) {
            continue;
        }
        bool bytes = j->sha256 && memcmp(j->sha256, job->sha256, STORE_HASH_SIZE) == 0;
        if (bytes && put_back(j, job)) {
            return 0;
        }
        if (j->status == STATUS_COMPLETED && !j->error && j->completed_ms >= since_ms &&
            (!last || j->completed_ms >= last->completed_ms)) {
            last = j;
        }
    }
    if (last && last->sha256 && memcmp(last->sha256, job->sha256, STORE_HASH_SIZE) == 0) {
        memccpy(out->id, last->id, '\0', sizeof out->id);
        out->completed_ms = last->completed_ms;
    }
    return 0;
}

/* ---- reading ---- */

static bool goes_to(const struct store_job *job, const char *destination)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        if (strcmp(job->deliveries[i].destination, destination) == 0) {
            return true;
        }
    }
    return false;
}

static bool matches(const struct store_job *j, const struct store_filter *f)
{
    return (f->statuses == 0 || (f->statuses >> j->status & 1) != 0) &&
           (!f->client || (j->client && strcasecmp(j->client, f->client) == 0)) &&
           (!f->category || (j->category && strcasecmp(j->category, f->category) == 0)) &&
           (!f->destination || goes_to(j, f->destination)) && (!f->error || text_holds(j->error, f->error)) &&
           (!f->text || text_holds(j->name, f->text) || text_holds(j->title, f->text) || text_holds(j->id, f->text) ||
            text_holds(j->error, f->text)) &&
           (!f->folder || same(j->folder, f->folder)) && (!f->name || same(j->name, f->name)) &&
           (f->since_ms == 0 || j->created_ms >= f->since_ms) && (f->until_ms == 0 || j->created_ms < f->until_ms);
}

static int memory_list(struct store *store, const struct store_filter *filter, json_t **out, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    uint64_t cursor, next = 0;
    if (!cursor_of(filter, &cursor, e)) {
        return ERR_USAGE;
    }
    size_t limit = page_limit(filter->limit), n = 0;
    json_t *jobs = json_array();
    bool failed = !jobs;
    for (size_t i = m->count; !failed && i-- > 0;) {
        const struct kept *k = m->jobs[i];
        if (k->row >= cursor || !matches(&k->job, filter)) {
            continue;
        }
        if (n == limit) {
            break;
        }
        failed = json_array_append_new(jobs, json_job(&k->job)) != 0;
        next = k->row;
        n++;
    }
    bool more = false;
    for (size_t i = 0; n == limit && !more && i < m->count && m->jobs[i]->row < next; i++) {
        more = matches(&m->jobs[i]->job, filter);
    }
    if (!failed) {
        *out = json_page(json_incref(jobs), more ? next : 0);
    }
    json_decref(jobs);
    return *out ? 0 : no_memory(e);
}

static int memory_show(struct store *store, const char *id, json_t **out, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    const struct kept *whole = NULL, *begins = NULL, *named = NULL;
    size_t beginnings = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct kept *k = m->jobs[i];
        whole = strcmp(k->job.id, id) == 0 ? k : whole;
        named = same(k->job.name, id) ? k : named;
        if (*id && strncmp(k->job.id, id, strlen(id)) == 0) {
            begins = k;
            beginnings++;
        }
    }
    if (!whole && beginnings > 1) {
        return error_set(e, ERR_CONFLICT, "%s: several jobs' ids begin so; give more of it", id);
    }
    const struct kept *found = whole ? whole : begins ? begins : named;
    if (!found) {
        return error_set(e, ERR_GONE, "%s: no job has this id or file name", id);
    }
    return json_job_whole(&found->job, found->events, out, e);
}

static int memory_totals(struct store *store, json_t **out, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    int64_t counts[JOB_STATUSES] = {0}, oldest = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct store_job *j = &m->jobs[i]->job;
        counts[j->status]++;
        if (j->status == STATUS_PENDING && (oldest == 0 || j->created_ms < oldest)) {
            oldest = j->created_ms;
        }
    }
    *out = json_totals(counts, oldest);
    return *out ? 0 : no_memory(e);
}

/* ---- retention ---- */

static void drop(struct memory_store *m, size_t i)
{
    forget(m->jobs[i]);
    memmove(&m->jobs[i], &m->jobs[i + 1], (--m->count - i) * sizeof(struct kept *));
}

static int memory_retain(struct store *store, const struct store_retention *r, size_t *removed, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    (void)e;
    for (size_t i = 0; i < m->count && *removed < r->most;) {
        const struct store_job *j = &m->jobs[i]->job;
        bool old = r->before_ms > 0 && j->created_ms < r->before_ms;
        if (old && j->status >= STATUS_COMPLETED) {
            drop(m, i);
            ++*removed;
        } else {
            i++;
        }
    }
    for (size_t i = 0; i < m->count && *removed < r->most && r->keep_rows > 0 && m->count > r->keep_rows;) {
        if (m->jobs[i]->job.status >= STATUS_COMPLETED) {
            drop(m, i);
            ++*removed;
        } else {
            i++;
        }
    }
    return 0;
}

/* ---- what else is kept ---- */

static int keep(json_t *in, unsigned key, const json_t *document, struct error *e)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", key);
    if (!json_is_object(document) && !json_is_array(document)) {
        return error_set(e, ERR_INTERNAL, "what is to be saved into the store is not a JSON document");
    }
    return json_object_set_new(in, name, json_deep_copy(document)) == 0 ? 0 : no_memory(e);
}

static int memory_save_snapshot(struct store *store, unsigned instance, const json_t *snapshot, struct error *e)
{
    return keep(((struct memory_store *)store)->snapshots, instance, snapshot, e);
}

static int memory_load_snapshot(struct store *store, unsigned instance, json_t **snapshot, struct error *e)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", instance);
    const json_t *kept = json_object_get(((struct memory_store *)store)->snapshots, name);
    *snapshot = kept ? json_deep_copy(kept) : NULL;
    return kept && !*snapshot ? no_memory(e) : 0;
}

static json_t *day_of(const struct memory_store *m, int date)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%d", date);
    return json_object_get(m->days, name);
}

static int memory_save_day(struct store *store, unsigned instance, int date, const json_t *day, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    char name[16];
    (void)snprintf(name, sizeof name, "%d", date);
    if (!day_of(m, date) && json_object_set_new(m->days, name, json_object()) != 0) {
        return no_memory(e);
    }
    return keep(day_of(m, date), instance, day, e);
}

static int memory_load_day(struct store *store, int date, json_t **days, struct error *e)
{
    const json_t *kept = day_of((struct memory_store *)store, date);
    *days = kept ? json_deep_copy(kept) : json_object();
    return *days ? 0 : no_memory(e);
}

static char *copy_of(const char *text, bool *failed)
{
    char *made = text ? mem_strdup(text) : NULL;
    *failed = *failed || (text && !made);
    return made;
}

static int memory_alert(struct store *store, const struct store_alert *alert, bool open, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    struct alert *a = m->alerts;
    while (a && (a->closed_ms || !same(a->alert.kind, alert->kind) || !same(a->alert.subject, alert->subject))) {
        a = a->older;
    }
    if (a && !open) {
        a->closed_ms = alert->at_ms;
    }
    if (!open) {
        return 0;
    }
    bool failed = false;
    char *text = copy_of(alert->text, &failed);
    if (!a && !failed && (a = mem_zalloc(sizeof *a))) {
        a->alert =
            (struct store_alert){copy_of(alert->kind, &failed), copy_of(alert->subject, &failed), alert->at_ms, NULL};
        if (failed) {
            forget_alert(a);
            a = NULL;
        } else {
            a->older = m->alerts;
            m->alerts = a;
        }
    }
    if (!a || failed) {
        mem_free(text);
        return no_memory(e);
    }
    mem_free((char *)a->alert.text);
    a->alert.text = text;
    a->last_ms = alert->at_ms;
    a->count++;
    return 0;
}

static int memory_alerts(struct store *store, size_t limit, json_t **out, struct error *e)
{
    const struct alert *a = ((struct memory_store *)store)->alerts;
    json_t *list = json_array();
    bool failed = !list;
    for (size_t n = page_limit(limit); a && n > 0 && !failed; n--, a = a->older) {
        failed = json_array_append_new(list, json_alert(&a->alert, a->last_ms, a->closed_ms, a->count)) != 0;
    }
    if (failed) {
        json_decref(list);
        return no_memory(e);
    }
    *out = list;
    return 0;
}

static int memory_check(struct store *store, json_t **findings, struct error *e)
{
    (void)store;
    *findings = json_array();
    return *findings ? 0 : no_memory(e);
}

static int memory_backup(struct store *store, const char *path, struct error *e)
{
    (void)store;
    return error_set(e, ERR_USAGE, "%s: of a store in memory there is no copy", path);
}

static int memory_vacuum(struct store *store, struct error *e)
{
    (void)store;
    (void)e;
    return 0;
}

const struct store_driver store_memory = {
    .scheme = "memory",
    .open = memory_open,
    .close = memory_close,
    .record = memory_record,
    .unfinished = memory_unfinished,
    .last = memory_last,
    .seen = memory_seen,
    .list = memory_list,
    .show = memory_show,
    .totals = memory_totals,
    .retain = memory_retain,
    .save_snapshot = memory_save_snapshot,
    .load_snapshot = memory_load_snapshot,
    .save_day = memory_save_day,
    .load_day = memory_load_day,
    .alert = memory_alert,
    .alerts = memory_alerts,
    .check = memory_check,
    .backup = memory_backup,
    .vacuum = memory_vacuum,
};
