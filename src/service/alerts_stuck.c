/* alerts_stuck.c: the digest of what is stuck: failed tickets that nobody put back yet, and what waits. The store is asked in
 * its lane; what it says becomes a note of the alarm. Where nothing is stuck nothing is told. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"
#include "shunt/service/alerts.h"

#define SHOWN           10
#define ERROR_SHOWN_MAX 80

static struct stuck *stuck_of(struct errand *x)
{
    return (struct stuck *)((char *)x - offsetof(struct stuck, errand));
}

static int run(struct errand *x, struct store *store, struct error *e)
{
    struct stuck *k = stuck_of(x);
    const struct store_filter filter = {.statuses = 1U << STATUS_FAILED, .limit = SHOWN};
    int rc = store_totals(store, &k->totals, e);
    return rc ? rc : store_list(store, &filter, &k->page, e);
}

/* Each of them keeps to its line. */
static void put_plain(struct str *out, const char *text, size_t most)
{
    size_t len = strlen(text);
    str_plain(out, text, len > most ? utf8_cut(text, len, most) : len);
}

static void put_jobs(struct str *out, const json_t *jobs)
{
    size_t i;
    const json_t *job;
    json_array_foreach (jobs, i, job) {
        char when[WHEN_TEXT_MAX];
        long long attempts = json_integer_value(json_object_get(job, "retry_count"));
        when_local(json_string_value(json_object_get(job, "completed_at")), when);
        str_printf(out, "\n%s ", when);
        put_plain(out, json_text_of(job, "client"), SIZE_MAX);
        str_putc(out, ' ');
        put_plain(out, json_text_of(job, "file"), SIZE_MAX);
        str_printf(out, ", after %lld attempt%s: ", attempts, attempts == 1 ? "" : "s");
        put_plain(out, json_text_of(job, "error_message"), ERROR_SHOWN_MAX);
    }
}

static void tell(const struct service *s, const struct stuck *k)
{
    struct str title = STR_INIT, text = STR_INIT, todo = STR_INIT;
    const json_t *jobs = json_object_get(k->page, "jobs");
    long long failed = json_integer_value(json_object_get(k->totals, "failed"));
    unsigned long long waiting = s->rt.ledger.waiting;
    str_printf(&title, "Stuck: %lld failed, %llu waiting", failed, waiting);
    str_printf(&text,
               "Tickets that failed and are set aside: %lld. Waiting for a destination or their next attempt: %llu.",
               failed, waiting);
    if (json_array_size(jobs) > 0)
        str_puts(&text, " The newest that failed:");
    put_jobs(&text, jobs);
    alerts_command(s->config, &todo);
    str_puts(&todo, " failed\n");
    alerts_command(s->config, &todo);
    str_puts(&todo, " reset --all");
    const struct alarm_cause note = {.kind = "stuck",
                                     .subject = "",
                                     .title = title.bytes,
                                     .text = text.bytes,
                                     .next = "Failed tickets stay where they are until they are put back; what waits "
                                             "is tried again by itself.",
                                     .todo = todo.bytes};
    if (failed > 0 || waiting > 0)
        alarm_note(s->rt.alarm, &note, s->rt.clock->wall_ms(s->rt.clock));
    str_fini(&title);
    str_fini(&text);
    str_fini(&todo);
}

void stuck_fini(struct stuck *k)
{
    json_decref(k->totals);
    json_decref(k->page);
    k->totals = k->page = NULL;
    k->asked = false;
}

static void done(struct errand *x, int rc)
{
    struct stuck *k = stuck_of(x);
    if (rc == 0)
        tell(k->service, k);
    else
        log_warn("stuck", "What is stuck cannot be told: the store does not answer");
    stuck_fini(k);
}

void alerts_tell_stuck(struct alerts *a)
{
    struct stuck *k = &a->stuck;
    if (k->asked)
        return;
    *k = (struct stuck){.errand = {.run = run, .done = done}, .service = a->service, .asked = true};
    storage_do(&a->service->storage, &k->errand);
}
