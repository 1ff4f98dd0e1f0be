/* recall.c: see recall.h. */
#include "shunt/service/recall.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/hash.h"
#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/files.h"
#include "shunt/service/delivery.h"
#include "shunt/service/question.h"

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

static bool is_unfinished(const struct store_job *row)
{
    return row->status < STATUS_COMPLETED;
}

static bool is_of(const struct store_job *row, const struct instance *instance)
{
    size_t len = strlen(instance->path);
    return row->path && strncmp(row->path, instance->path, len) == 0 && row->path[len] == '/';
}

/* Two jobs of one ticket: the older one had lost it. */
static void forget_older(struct recall *r, struct remembered *m, const struct store_job *newer)
{
    const struct store_job *row = &m->record->row;
    if (is_unfinished(row) && row->path && newer->path && strcmp(row->id, newer->id) != 0 &&
        strcmp(row->path, newer->path) == 0) {
        m->record->next = r->lost;
        r->lost = m->record;
        m->record = NULL;
    }
    forget(r, m);
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
        forget_older(r, old, row);
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

/* For store_each_cb. Of tickets of one name our own counts, not another instance's. */
static int remember(void *user, const struct store_job *row)
{
    const struct recall *r = user;
    const struct remembered *known = find(r, row->folder, row->name);
    if (known && is_of(&known->record->row, r->instance) && !is_of(row, r->instance))
        return 0;
    struct record *record = record_copy(row);
    return record ? keep(user, record) : ERR_NOMEM;
}

bool recall_expect(struct recall *r, struct record *past, bool anew)
{
    if (!past)
        return false;
    if (recall_expected(r, past->row.folder, past->row.name)) {
        record_free(past);
        return false;
    }
    if (anew)
        past->row.n_deliveries = 0;
    return keep(r, past) == 0;
}

bool recall_moved(struct recall *r, struct record *past)
{
    return past && keep(r, past) == 0;
}

const char *recall_expected(const struct recall *r, const char *folder, const char *name)
{
    const struct remembered *m = find(r, folder, name);
    return m ? m->record->row.id : NULL;
}

void recall_forget(struct recall *r, const char *folder, const char *name)
{
    struct remembered *m = find(r, folder, name);
    if (m)
        forget(r, m);
}

struct listing {
    struct recall *r;
    struct store *store;
    struct error *e;
    struct stat ticket; /* the one that is looked up */
};

static bool same_file(const struct store_claim *a, const struct store_claim *b)
{
    return a->inode == b->inode && a->mtime_ns == b->mtime_ns;
}

/* A crash may have come between its being recorded as completed and its removal, or somebody put it back. */
static int remember_finished(void *user, const struct store_job *row)
{
    struct listing *l = user;
    const struct store_claim claim = record_claim(&l->ticket);
    if (!same_file(&row->claim, &claim))
        return 0;
    struct record *record = record_copy(row);
    if (!record)
        return ERR_NOMEM;
    if (row->status != STATUS_COMPLETED) /* it goes on where it was */
        record->row.status = STATUS_PROCESSING;
    l->r->finished++;
    return keep(l->r, record);
}

static int look_up(struct listing *l, int fd, const char *folder, const char *name)
{
    if (find(l->r, folder, name) || fstatat(fd, name, &l->ticket, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    size_t known = l->r->count;
    const struct store_claim file = record_claim(&l->ticket);
    int rc = store_last(l->store, folder, name, &file, remember_finished, l, l->e);
    l->r->unknown += l->r->count == known;
    return rc;
}

/* Files of a folder of underprocess, and of the folders in it where `folder` is its own root. Takes the fd. */
static int look_up_folder(struct listing *l, int fd, const char *folder)
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
        rc = below >= 0 ? look_up_folder(l, below, entry->d_name) : look_up(l, fd, folder, entry->d_name);
    }
    closedir(dir);
    return rc;
}

struct record *recall_lost(struct recall *r, const struct instance *instance)
{
    struct record *list = r->lost;
    struct remembered *m, *next;
    r->lost = NULL;
    HASH_ITER (hh, r->table, m, next) {
        const struct store_job *row = &m->record->row;
        struct stat there;
        if (!is_unfinished(row) || !is_of(row, instance) || lstat(row->path, &there) == 0)
            continue;
        m->record->next = list;
        list = m->record;
        m->record = NULL;
        forget(r, m);
    }
    return list;
}

int recall_load(struct recall *r, struct storage *st, const struct instance *instance, struct error *e)
{
    struct error why = {0};
    *r = (struct recall){.instance = instance};
    if (!st->store)
        return 0;
    int rc = store_unfinished(st->store, remember, r, &why);
    struct listing l = {.r = r, .store = st->store, .e = &why};
    int fd = rc == 0 ? dup(instance->fd) : -1;
    if (fd >= 0)
        rc = look_up_folder(&l, fd, "");
    r->whole = rc == 0;
    if (rc == 0)
        return 0;
    recall_fini(r);
    r->finished = r->unknown = 0;
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
        d->told = true;
        d->before = again || past->done_ms < d->job->started_ms;
        d->final_name = past->final_name ? mem_strdup(past->final_name) : NULL;
        jobs_delivery_to(d, DELIVERY_DONE);
    } else {
        d->attempts = again ? 0 : past->attempts;
    }
}

static void end_as(struct job *job, const struct store_job *row, const char *word, const char *text)
{
    const struct clock *clock = job->jobs->rt->clock;
    struct store_job end = *row;
    struct store_event event = {.at_ms = clock->wall_ms(clock), .event = word, .text = text};
    end.status = STATUS_CANCELLED;
    end.completed_ms = event.at_ms;
    end.error = event.text;
    end.events = &event;
    end.n_events = 1;
    end.outcome = 0; /* that it failed is counted */
    storage_add(job->jobs->storage, record_copy(&end), NULL);
}

/* The ticket is another than that of the job which the store thinks is in work: that one has lost its own. */
static void end_replaced(struct job *job, const struct store_job *row)
{
    log_write(LOG_EVENT(LOG_WARN, "ticket_gone", .client = row->client, .file = row->name, .job = row->id),
              "%s is not the ticket that it was: its job is cancelled, what lies there is taken up as another",
              row->path);
    end_as(job, row, "gone", "another ticket lay in its place");
}

/* It failed, was mended, and put back: the old job is none that a person has to look after any more. */
static void end_mended(struct job *job, const struct store_job *row)
{
    char text[96];
    snprintf(text, sizeof text, "put back with other content: goes on as job %s", job->id);
    end_as(job, row, "mended", text);
}

static bool same_bytes(const struct store_job *a, const struct store_job *b)
{
    return a->sha256 && b->sha256 && a->size == b->size && memcmp(a->sha256, b->sha256, SHA256_SIZE) == 0;
}

static void take_over(struct job *job, const struct store_job *row, bool told)
{
    bool again = row->status == STATUS_FAILED || row->status == STATUS_CANCELLED;
    memccpy(job->id, row->id, '\0', JOB_ID_SIZE);
    job->created_ms = row->created_ms;
    if (!again && row->started_ms > 0)
        job->started_ms = row->started_ms;
    for (size_t i = 0; i < job->n_deliveries; i++)
        for (size_t k = 0; k < row->n_deliveries; k++)
            if (strcmp(job->deliveries[i].lane->name, row->deliveries[k].destination) == 0)
                recall_delivery(&job->deliveries[i], &row->deliveries[k], again);
    if (again) {
        job->doubt.state = DOUBT_OVER; /* a person wants it delivered */
        if (!told)
            job_note(job, "retried", NULL, "put back into its hot folder");
    }
    if (row->status == STATUS_COMPLETED && row->error)
        duplicate_skip_again(job, row->error);
}

/* The job's past, if row is that. told: who put it back is noted already. */
static void recall_row(struct job *job, const struct store_job *row, bool ours, bool told)
{
    const struct store_job is = {
        .size = job->content.size,
        .sha256 = job->content.sha256,
        .claim = {.device = job->print.dev, .inode = job->print.ino, .mtime_ns = job->print.mtime_ns}};
    bool same = same_bytes(row, &is);
    if (same && row->status == STATUS_COMPLETED) /* the same file, not one like it that came later */
        same = same_file(&row->claim, &is.claim);
    if (same)
        take_over(job, row, told);
    else if (is_unfinished(row) && ours)
        end_replaced(job, row);
    else if (row->status == STATUS_FAILED || row->status == STATUS_CANCELLED)
        end_mended(job, row);
}

/* As it was when we started: it may have ended since. */
static bool is_of_another(const struct store_job *row, const struct instance *instance)
{
    size_t len = strlen(instance->root);
    return row->path && strncmp(row->path, instance->root, len) == 0 && row->path[len] == '/' && !is_of(row, instance);
}

bool recall_job(struct recall *r, struct job *job)
{
    struct remembered *m = find(r, job->folder, job->name);
    bool told = hands_tell(&r->hands, job);
    const struct instance *instance = job->jobs->lanes->instance;
    if (!m)
        return false;
    const struct store_job *row = &m->record->row;
    bool known = !is_unfinished(row) || !is_of_another(row, instance);
    if (known)
        recall_row(job, row, is_of(row, instance), told);
    forget(r, m);
    return known;
}

/* --- asking for one --- */

struct past_question {
    struct question question;
    struct record *past;
    bool there; /* where it was then */
};

/* For store_each_cb. */
static int keep_past(void *user, const struct store_job *row)
{
    struct past_question *q = user;
    struct stat st;
    q->past = record_copy(row);
    q->there = row->path && lstat(row->path, &st) == 0;
    return q->past ? 0 : ERR_NOMEM;
}

static int ask(struct question *question, struct store *store, struct error *e)
{
    const struct store_job *about = &question->about->row;
    return store_last(store, about->folder, about->name, &about->claim, keep_past, question, e);
}

static void forget_past(struct question *question)
{
    record_free(((struct past_question *)question)->past);
}

static void go_on_without(struct job *job)
{
    struct error text = {0};
    job->unsure = true;
    error_set(&text, ERR_BUSY, "as job %s: the store could not say what was known of it", job->id);
    job_note(job, "taken_unknown", NULL, text.text);
}

/* A job that failed, or was returned since its ticket changed, has done with it. */
static void answered(struct question *question, struct job *job, bool known)
{
    const struct past_question *q = (struct past_question *)question;
    const struct store_job *row = known && q->past ? &q->past->row : NULL;
    bool of_another = row && is_of_another(row, job->jobs->lanes->instance);
    if (!known)
        go_on_without(job);
    else if (row && row->status <= STATUS_COMPLETED && !(of_another && is_unfinished(row) && q->there))
        recall_row(job, row, is_of(row, job->jobs->lanes->instance), false);
    if (of_another && strcmp(job->id, row->id) == 0)
        job_note(job, "taken_over", NULL, "from an instance that is gone");
    jobs_go_on(job);
}

bool recall_ask(struct recall *r, struct job *job)
{
    if (r->whole || !job->left)
        return false;
    struct past_question *q = question_new(job, sizeof *q);
    if (q) {
        q->question.patient = true;
        q->question.ask = ask;
        q->question.answer = answered;
        q->question.fini = forget_past;
    }
    if (q && storage_ask(job->jobs->storage, &q->question))
        return true;
    question_free((struct question *)q);
    go_on_without(job);
    return false;
}

int recall_match(void *user, const struct store_job *row)
{
    struct record *record = user;
    if (strcmp(record->row.id, row->id) == 0 || !same_bytes(&record->row, row) ||
        !same_file(&record->row.claim, &row->claim))
        return 0;
    memccpy(record->was, record->row.id, '\0', JOB_ID_SIZE);
    memccpy((char *)(uintptr_t)record->row.id, row->id, '\0',
            JOB_ID_SIZE); /* it is as long as any, and the record's own */
    return 0;
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
    hands_fini(&r->hands);
    while (r->lost) {
        struct record *lost = r->lost;
        r->lost = lost->next;
        record_free(lost);
    }
}
