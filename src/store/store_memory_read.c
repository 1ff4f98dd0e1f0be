/* store_memory_read.c: jobs are looked up and listed, each looked at one by one. */
#include <string.h>
#include <strings.h>

#include "store_json.h"
#include "store_memory.h"

int memory_unfinished(struct store *store, store_each_cb each, void *user, struct error *e)
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

int memory_find(struct store *store, const char *id, store_each_cb each, void *user, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    (void)e;
    for (size_t i = m->count; i-- > 0;) {
        if (texts_same(m->jobs[i]->job.id, id)) {
            return each(user, &m->jobs[i]->job);
        }
    }
    return 0;
}

static bool is_of_file(const struct store_job *job, const struct store_claim *file)
{
    return job->claim.inode == file->inode && job->claim.mtime_ns == file->mtime_ns;
}

int memory_last(struct store *store, const char *folder, const char *name, const struct store_claim *file,
                store_each_cb each, void *user, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    const struct store_job *last = NULL;
    (void)e;
    for (size_t i = m->count; i-- > 0;) {
        const struct store_job *job = &m->jobs[i]->job;
        if (!texts_same(job->folder, folder) || !texts_same(job->name, name)) {
            continue;
        }
        last = last ? last : job;
        if (!file || is_of_file(job, file)) {
            return each(user, job);
        }
    }
    return last ? each(user, last) : 0;
}

static bool put_back(const struct store_job *j, const struct store_job *job)
{
    return j->status == STATUS_FAILED && is_of_file(j, &job->claim);
}

int memory_seen(struct store *store, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    const struct store_job *last = NULL;
    (void)e;
    for (size_t i = 0; i < m->count; i++) {
        const struct store_job *j = &m->jobs[i]->job;
        if (!texts_same(j->folder, job->folder) || !texts_same(j->name, job->name)) {
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
           (!f->folder || texts_same(j->folder, f->folder)) && (!f->name || texts_same(j->name, f->name)) &&
           (!f->batch || texts_same(j->batch, f->batch)) && (f->since_ms == 0 || j->created_ms >= f->since_ms) &&
           (f->until_ms == 0 || j->created_ms < f->until_ms);
}

int memory_list(struct store *store, const struct store_filter *filter, json_t **out, struct error *e)
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
        const struct kept_job *k = m->jobs[i];
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
    return *out ? 0 : store_no_memory(e);
}

int memory_show(struct store *store, const char *id, json_t **out, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    const struct kept_job *whole = NULL, *begins = NULL, *named = NULL;
    size_t beginnings = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct kept_job *k = m->jobs[i];
        whole = strcmp(k->job.id, id) == 0 ? k : whole;
        named = texts_same(k->job.name, id) ? k : named;
        if (*id && strncmp(k->job.id, id, strlen(id)) == 0) {
            begins = k;
            beginnings++;
        }
    }
    if (!whole && beginnings > 1) {
        return error_set(e, ERR_CONFLICT, "%s: several jobs' ids begin so; give more of it", id);
    }
    const struct kept_job *found = whole ? whole : begins ? begins : named;
    if (!found) {
        return error_set(e, ERR_GONE, "%s: no job has this id or file name", id);
    }
    return json_job_whole(&found->job, found->events, out, e);
}

int memory_totals(struct store *store, json_t **out, struct error *e)
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
    return *out ? 0 : store_no_memory(e);
}
