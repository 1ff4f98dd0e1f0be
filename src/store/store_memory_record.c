/* store_memory_record.c: jobs come and go. What is recorded is copied whole first, then put in place in steps that cannot
 * fail. */
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_memory.h"

static struct kept_job *find(struct kept_job **jobs, size_t count, const char *id)
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
    struct kept_job **jobs = mem_resize(m->jobs, room * sizeof(struct kept_job *));
    if (jobs) {
        m->jobs = jobs;
        m->room = room;
    }
    return jobs != NULL;
}

/* A job may be recorded twice in one call: the copy made first is the older one then. */
static struct kept_job *renewed(const struct memory_store *m, struct kept_job **made, size_t n,
                                const struct store_job *job)
{
    const struct kept_job *old = find(made, n, job->id);
    old = old ? old : find(m->jobs, m->count, job->id);
    struct store_job now = *job;
    if (old) {
        now.folder = old->job.folder;
        now.name = old->job.name;
        now.created_ms = old->job.created_ms;
    }
    return kept_copy(&now, old ? old->events : "");
}

static void put(struct memory_store *m, struct kept_job *job)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->jobs[i]->job.id, job->job.id) == 0) {
            job->row = m->jobs[i]->row;
            kept_free(m->jobs[i]);
            m->jobs[i] = job;
            return;
        }
    }
    job->row = m->next_row++;
    m->jobs[m->count++] = job;
}

int memory_record(struct store *store, const struct store_job *jobs, size_t count, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    struct kept_job **made = mem_alloc(count * sizeof(struct kept_job *));
    if (!made || !make_room(m, count)) {
        mem_free(made);
        return store_no_memory(e);
    }
    size_t n = 0;
    while (n < count && (made[n] = renewed(m, made, n, &jobs[n]))) {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if (n == count) {
            put(m, made[i]);
        } else {
            kept_free(made[i]);
        }
    }
    mem_free(made);
    return n == count ? 0 : store_no_memory(e);
}

/* ---- retention ---- */

static void drop(struct memory_store *m, size_t i)
{
    kept_free(m->jobs[i]);
    memmove(&m->jobs[i], &m->jobs[i + 1], (--m->count - i) * sizeof(struct kept_job *));
}

int memory_retain(struct store *store, const struct store_retention *r, size_t *removed, struct error *e)
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
