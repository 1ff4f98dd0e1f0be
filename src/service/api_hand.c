/* api_hand.c: what is in the service's hands: deliveries, and hot folders with what waits in each. All of it is known
 * on the loop. */
#include <stdlib.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/service/delivery.h"
#include "shunt/service/watching.h"

#include "attempts.h"
#include "control_inner.h"
#include "intake_inner.h"

#define DELIVERIES_DEFAULT 100
#define ATTEMPTS_COUNTED   8 /* so many or more are counted together */
#define OPEN_STATES        (1U << DELIVERY_QUEUED | 1U << DELIVERY_ACTIVE | 1U << DELIVERY_WAITING)

/* --- deliveries --- */

struct delivery_filter {
    const char *destination; /* NULL: any */
    unsigned states;         /* bits 1 << enum delivery_state */
    bool one_left;           /* those alone that fail for good with the next attempt that fails */
    size_t limit;
};

static bool fits(const struct delivery_filter *filter, const struct delivery *d)
{
    int64_t limit = filter->one_left ? attempts_limit(d) : 0;
    return (filter->states & 1U << d->state) != 0 && (!filter->one_left || (limit > 0 && d->attempts == limit - 1)) &&
           (!filter->destination || strcmp(filter->destination, d->lane->name) == 0);
}

static json_t *delivery_json(const struct job *job, const struct delivery *d)
{
    json_t *how = api_delivery(d);
    json_t *json = how ? json_pack("{s:s, s:o, s:o, s:s}", "job", job->id, "file", api_text(job->name), "client",
                                   api_text(job->client), "destination", d->lane->name)
                       : NULL;
    int rc = json_object_del(how, "name");
    rc = rc || !json ? -1 : json_object_update(json, how);
    json_decref(how);
    if (rc == 0)
        return json;
    json_decref(json);
    return NULL;
}

/* NULL: no memory. */
static json_t *deliveries_json(const struct jobs *jobs, const struct delivery_filter *filter)
{
    json_t *list = json_array();
    bool more = false, fine = list != NULL;
    for (const struct job *job = jobs_next(jobs, NULL); fine && !more && job; job = jobs_next(jobs, job)) {
        for (size_t i = 0; fine && !more && i < job->n_deliveries; i++) {
            if (!fits(filter, &job->deliveries[i]))
                continue;
            more = json_array_size(list) >= filter->limit;
            fine = more || json_array_append_new(list, delivery_json(job, &job->deliveries[i])) == 0;
        }
    }
    if (fine)
        return json_pack("{s:o, s:b}", "deliveries", list, "more", more);
    json_decref(list);
    return NULL;
}

/* Of all that is in hand, by the attempts that were made: {"0": 12, "2": 1}. NULL: no memory. */
static json_t *attempts_json(const struct jobs *jobs)
{
    size_t counts[ATTEMPTS_COUNTED + 1] = {0};
    json_t *json = json_object();
    bool fine = json != NULL;
    for (const struct job *job = jobs_next(jobs, NULL); job; job = jobs_next(jobs, job))
        for (size_t i = 0; i < job->n_deliveries; i++) {
            const struct delivery *d = &job->deliveries[i];
            if ((OPEN_STATES & 1U << d->state) != 0 && !d->lane->is_archive)
                counts[d->attempts < ATTEMPTS_COUNTED ? d->attempts : ATTEMPTS_COUNTED]++;
        }
    for (size_t i = 0; fine && i <= ATTEMPTS_COUNTED; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        fine = counts[i] == 0 || json_object_set_new(json, key, json_integer((json_int_t)counts[i])) == 0;
    }
    if (fine)
        return json;
    json_decref(json);
    return NULL;
}

static int flag(const char *key, const char *text, bool *out, struct error *e)
{
    *out = text && strcmp(text, "true") == 0;
    return !text || *out || strcmp(text, "false") == 0 ? 0 : error_set(e, ERR_USAGE, "%s: neither true nor false", key);
}

static int states(const char *text, unsigned *out, struct error *e)
{
    *out = text ? 0 : OPEN_STATES;
    while (text && *text) {
        size_t len = strcspn(text, ",");
        unsigned state = 0;
        while (state < DELIVERY_STATES &&
               (strncmp(delivery_state_word(state), text, len) != 0 || delivery_state_word(state)[len] != '\0'))
            state++;
        if (state == DELIVERY_STATES)
            return error_set(e, ERR_USAGE, "state: %.*s is none; known: queued, active, waiting, done, failed",
                             len < 64 ? (int)len : 64, text);
        *out |= 1U << state;
        text += len;
        text += *text == ',';
    }
    return 0;
}

void api_deliveries(struct http_request *request, void *context)
{
    const struct control *c = context;
    struct delivery_filter filter = {.destination = http_request_query(request, "destination"),
                                     .limit = DELIVERIES_DEFAULT};
    struct error e = {0};
    int rc = states(http_request_query(request, "state"), &filter.states, &e);
    bool counts = false;
    rc = rc ? rc : api_limit(http_request_query(request, "limit"), &filter.limit, &e);
    rc = rc ? rc : flag("one_left", http_request_query(request, "one_left"), &filter.one_left, &e);
    rc = rc ? rc : flag("counts", http_request_query(request, "counts"), &counts, &e);
    if (rc != 0) {
        http_respond_problem(request, 400, "%s", e.text);
        return;
    }
    json_t *answer = deliveries_json(&c->service->jobs, &filter);
    if (answer && counts && json_object_set_new(answer, "attempts", attempts_json(&c->service->jobs)) != 0) {
        json_decref(answer);
        answer = NULL;
    }
    api_answer(request, 200, answer);
}

/* --- clients --- */

struct hot_folder {
    const char *name;
    bool watched;
    size_t queued, waiting, in_work; /* names that are looked at; jobs */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct hot_folder *)a)->name, ((const struct hot_folder *)b)->name);
}

/* Those that are known, by name. NULL: no memory. */
static struct hot_folder *list_folders(const struct scanner *s, size_t *count)
{
    struct hot_folder *folders = mem_zalloc((s->n_folders + 1) * sizeof *folders);
    *count = 0;
    for (const struct client_folder *f = s->folders; folders && f; f = f->hh.next)
        if (f->name[0] != '\0')
            folders[(*count)++] = (struct hot_folder){.name = f->name, .watched = f->watch.id != 0};
    if (folders)
        qsort(folders, *count, sizeof *folders, by_name);
    return folders;
}

struct hot_folders {
    struct hot_folder *all, *last; /* last: that was found; what lies together is mostly of one */
    size_t count;
};

static struct hot_folder *find_folder(struct hot_folders *folders, const char *name)
{
    struct hot_folder key = {.name = name};
    if (!folders->last || strcmp(folders->last->name, name) != 0)
        folders->last = bsearch(&key, folders->all, folders->count, sizeof key, by_name);
    return folders->last;
}

static void count_all(const struct service *s, struct hot_folder *all, size_t count)
{
    struct hot_folders folders = {.all = all, .count = count};
    struct hot_folder *folder;
    for (const struct candidate *c = s->intake.table; c; c = c->hh.next)
        if ((folder = find_folder(&folders, candidate_folder(c))))
            folder->queued++;
    for (const struct job *job = jobs_next(&s->jobs, NULL); job; job = jobs_next(&s->jobs, job))
        if ((folder = find_folder(&folders, job->folder)))
            *(job->state == JOB_WAITING ? &folder->waiting : &folder->in_work) += 1;
}

/* NULL: no memory. */
static json_t *clients_json(const struct service *s)
{
    size_t count;
    struct hot_folder *folders = list_folders(&s->scanner, &count);
    json_t *list = folders ? json_array() : NULL;
    if (folders)
        count_all(s, folders, count);
    for (size_t i = 0; list && i < count; i++) {
        const struct hot_folder *f = &folders[i];
        json_t *json =
            json_pack("{s:o, s:b, s:I, s:I, s:I}", "client", api_text(f->name), "watched", f->watched, "queued",
                      (json_int_t)f->queued, "waiting", (json_int_t)f->waiting, "in_work", (json_int_t)f->in_work);
        if (json_array_append_new(list, json) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    mem_free(folders);
    return json_pack("{s:o}", "clients", list);
}

void api_clients(struct http_request *request, void *context)
{
    const struct control *c = context;
    api_answer(request, 200, clients_json(c->service));
}
