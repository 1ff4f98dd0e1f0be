/* store_memory_job.c: a job as it is kept: one allocation that holds all of its texts, and another for its events. */
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_memory.h"

bool texts_same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

void kept_free(struct kept_job *job)
{
    if (job) {
        mem_free(job->events);
        mem_free(job);
    }
}

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

static size_t texts_size(const struct store_job *job)
{
    const char *const *const of_job[] = STORE_JOB_TEXTS(job);
    size_t n = 0;
    for (size_t i = 0; i < sizeof of_job / sizeof *of_job; i++) {
        n += text_size(*of_job[i]);
    }
    for (size_t d = 0; d < job->n_deliveries; d++) {
        const char *const *const of_delivery[] = STORE_DELIVERY_TEXTS(&job->deliveries[d]);
        for (size_t i = 0; i < sizeof of_delivery / sizeof *of_delivery; i++) {
            n += text_size(*of_delivery[i]);
        }
    }
    return n;
}

struct kept_job *kept_copy(const struct store_job *job, const char *events)
{
    size_t deliveries = job->n_deliveries * sizeof *job->deliveries;
    struct kept_job *k = mem_alloc(sizeof *k + deliveries + STORE_HASH_SIZE + texts_size(job));
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
    *k = (struct kept_job){.job = *job, .events = text};
    const char **of_job[] = STORE_JOB_TEXTS(&k->job);
    for (size_t i = 0; i < sizeof of_job / sizeof *of_job; i++) {
        move_text(of_job[i], &to);
    }
    if (job->sha256) {
        k->job.sha256 = memcpy(hash, job->sha256, STORE_HASH_SIZE);
    }
    for (size_t n = 0; n < job->n_deliveries; n++) {
        d[n] = job->deliveries[n];
        const char **of_delivery[] = STORE_DELIVERY_TEXTS(&d[n]);
        for (size_t i = 0; i < sizeof of_delivery / sizeof *of_delivery; i++) {
            move_text(of_delivery[i], &to);
        }
    }
    k->job.deliveries = d;
    k->job.events = NULL;
    k->job.n_events = 0;
    return k;
}
