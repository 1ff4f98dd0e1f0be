/* recall.c: see recall.h. */
#include "shunt/service/recall.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/hash.h"
#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/files.h"
#include "shunt/service/delivery.h"

struct remembered {
    struct record *record;
    UT_hash_handle hh;
    char key[]; /* "FOLDER/name" */
};

static struct remembered *find(const struct recall *r, const char *folder, const char *name)
{
    struct remembered *found = NULL;
    char key[2 * NAME_SIZE];
    if (r->count == 0 || strlen(folder) > NAME_LEN_MAX || strlen(name) > NAME_LEN_MAX)
        return NULL;
    stpcpy(stpcpy(stpcpy(key, folder), "/"), name);
    HASH_FIND_STR(r->table, key, found);
    return found;
}

static void forget(struct recall *r, struct remembered *m)
{
    HASH_DEL(r->table, m);
    r->count--;
    record_free(m->record);
    mem_free(m);
}

/* Takes the record, the last of its name. */
static int keep(struct recall *r, struct record *record)
{
    const struct store_job *row = &record->row;
    struct remembered *old = find(r, row->folder, row->name);
    struct remembered *m = mem_zalloc(sizeof *m + strlen(row->folder) + strlen(row->name) + 2);
    if (!m) {
        record_free(record);
        return ERR_NOMEM;
    }
    m->record = record;
    if (old)
        forget(r, old);
    stpcpy(stpcpy(stpcpy(m->key, row->folder), "/"), row->name);
    HASH_ADD_STR(r->table, key, m);
    if (!hash_added(m)) {
        record_free(m->record);
        mem_free(m);
        return ERR_NOMEM;
    }
    r->count++;
    return 0;
}

/* For store_each_cb. */
static int remember(void *user, const struct store_job *row)
{
    struct record *record = record_copy(row);
    return record ? keep(user, record) : ERR_NOMEM;
}

void recall_expect(struct recall *r, struct record *past, bool anew)
{
    if (past && anew)
        past->row.n_deliveries = 0;
    if (past)
        keep(r, past); /* without memory it is delivered anew: identical files stay as they are */
}

void recall_forget(struct recall *r, const char *folder, const char *name)
{
    struct remembered *m = find(r, folder, name);
    if (m)
        forget(r, m);
}

/* A crash may have come between its being recorded as completed and its removal. */
static int remember_completed(void *user, const struct store_job *row)
{
    return row->status == STATUS_COMPLETED ? remember(user, row) : 0;
}

struct listing {
    struct recall *r;
    struct store *store;
    struct error *e;
};

static int look_up(const struct listing *l, const char *folder, const char *name)
{
    return find(l->r, folder, name) ? 0 : store_last(l->store, folder, name, remember_completed, l->r, l->e);
}

/* Files of a folder of underprocess, and of the folders in it where `folder` is its own root. Takes the fd. */
static int look_up_folder(const struct listing *l, int fd, const char *folder)
{
    int rc = 0;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return 0;
    }
    for (const struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        struct error ignored = {0};
        if (entry->d_name[0] == '.')
            continue;
        int below = folder[0] == '\0' ? files_open_below(fd, entry->d_name, false, 0, false, &ignored) : -1;
        rc = below >= 0 ? look_up_folder(l, below, entry->d_name) : look_up(l, folder, entry->d_name);
    }
    closedir(dir);
    return rc;
}

/* Whoever took it away while we did not run had a reason; the store must not wait for it for ever. */
static int end_lost(struct recall *r, struct storage *st, const struct instance *instance, struct error *e)
{
    struct remembered *m, *next;
    size_t len = strlen(instance->path), lost = 0;
    int rc = 0;
    HASH_ITER (hh, r->table, m, next) {
        struct store_job *row = &m->record->row;
        struct stat there;
        if (row->status >= STATUS_COMPLETED || !row->path || strncmp(row->path, instance->path, len) != 0 ||
            row->path[len] != '/' || lstat(row->path, &there) == 0)
            continue;
        int64_t now_ms = st->rt->clock->wall_ms(st->rt->clock);
        struct store_event event = {
            .at_ms = now_ms, .event = "gone", .text = "its ticket was taken away while shunt was not running"};
        row->status = STATUS_CANCELLED;
        row->completed_ms = now_ms;
        row->error = event.text;
        row->events = &event;
        row->n_events = 1;
        rc = store_record(st->store, row, 1, e);
        if (rc != 0)
            return rc;
        log_write(LOG_EVENT(LOG_WARN, "ticket_gone", .client = row->client, .file = row->name, .job = row->id),
                  "%s is no longer there: taken away while shunt was not running; its job is cancelled", row->path);
        forget(r, m);
        lost++;
    }
    return rc;
}

int recall_load(struct recall *r, struct storage *st, const struct instance *instance, struct error *e)
{
    struct error why = {0};
    *r = (struct recall){0};
    if (!st->store)
        return 0;
    int rc = store_unfinished(st->store, remember, r, &why);
    struct listing l = {.r = r, .store = st->store, .e = &why};
    int fd = rc == 0 ? dup(instance->fd) : -1;
    if (fd >= 0)
        rc = look_up_folder(&l, fd, "");
    if (rc == 0)
        rc = end_lost(r, st, instance, &why);
    if (rc == 0)
        return 0;
    recall_fini(r);
    if (rc == ERR_NOMEM)
        return error_set(e, rc, "out of memory");
    log_write(LOG_EVENT(LOG_ERROR, "store_failed", .error = why.text),
              "The store cannot tell what was delivered before: what waited is delivered again, identical files stay");
    return 0;
}

static void recall_delivery(struct delivery *d, const struct store_delivery *past, bool again)
{
    if (past->state == DELIVERY_DONE) {
        d->done_ms = past->done_ms;
        d->told = d->before = true;
        d->final_name = past->final_name ? mem_strdup(past->final_name) : NULL;
        jobs_delivery_to(d, DELIVERY_DONE);
    } else {
        d->attempts = again ? 0 : past->attempts;
    }
}

void recall_job(struct recall *r, struct job *job)
{
    struct remembered *m = find(r, job->folder, job->name);
    if (!m)
        return;
    const struct store_job *row = &m->record->row;
    bool same =
        row->sha256 && row->size == job->content.size && memcmp(row->sha256, job->content.sha256, SHA256_SIZE) == 0;
    if (same && row->status == STATUS_COMPLETED) /* the same file, not one like it that came later */
        same = row->claim.inode == job->print.ino && row->claim.mtime_ns == job->print.mtime_ns;
    bool again = row->status == STATUS_FAILED || row->status == STATUS_CANCELLED;
    if (same) {
        memccpy(job->id, row->id, '\0', JOB_ID_SIZE);
        job->created_ms = row->created_ms;
        job->since_ms = again ? job->since_ms : row->created_ms;
        for (size_t i = 0; i < job->n_deliveries; i++)
            for (size_t k = 0; k < row->n_deliveries; k++)
                if (strcmp(job->deliveries[i].lane->name, row->deliveries[k].destination) == 0)
                    recall_delivery(&job->deliveries[i], &row->deliveries[k], again);
        if (again)
            job_note(job, "retried", NULL, "put back into its hot folder");
    }
    forget(r, m);
}

bool recall_waited(const struct recall *r, const char *folder, const char *name)
{
    const struct remembered *m = find(r, folder, name);
    return m && m->record->row.status == STATUS_PENDING;
}

void recall_fini(struct recall *r)
{
    struct remembered *m, *next;
    HASH_ITER (hh, r->table, m, next)
        forget(r, m);
}
