/* question.c: see question.h. */
#include "shunt/service/question.h"

#include "shunt/base/mem.h"

void *question_new(struct job *job, size_t size)
{
    const struct store_job row = {
        .folder = job->folder,
        .name = job->name,
        .sha256 = job->content.sha256,
        .claim = {.device = job->print.dev, .inode = job->print.ino, .mtime_ns = job->print.mtime_ns}};
    struct question *q = mem_zalloc(size);
    if (!q)
        return NULL;
    q->job = job;
    q->about = record_copy(&row);
    if (q->about)
        return q;
    mem_free(q);
    return NULL;
}

void question_free(struct question *q)
{
    if (!q)
        return;
    if (q->fini)
        q->fini(q);
    record_free(q->about);
    mem_free(q);
}

struct question *questions_add(struct question *list, struct question *q)
{
    q->next = list;
    return q;
}

int questions_ask(struct question *list, struct store *store, struct error *e)
{
    for (struct question *q = list; q; q = q->next) {
        int rc = q->ask(q, store, e);
        if (rc != 0)
            return rc;
        q->read = true;
    }
    return 0;
}

void questions_let_go(struct question *list, bool read)
{
    for (struct question *q = list; q; q = q->next) {
        struct job *job = q->job;
        q->job = NULL;
        if (job)
            q->answer(q, job, read && q->read);
    }
}

void questions_free(struct question *list)
{
    for (struct question *next; list; list = next) {
        next = list->next;
        question_free(list);
    }
}
