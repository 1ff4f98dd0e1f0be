/* attempts.c: see attempts.h. What finds no memory is not told by mail; it stands in the log and in the store. */
#include "attempts.h"

#include <string.h>

#include "shunt/core/units.h"
#include "shunt/service/alerts.h"

#define TITLE_SHOWN_MAX 200

struct retry_policy attempts_policy(const struct delivery *d)
{
    const struct retry_policy *of_lane = &d->lane->retry;
    return d->lane->is_archive ? *of_lane : retry_with(of_lane, &d->job->retry);
}

int64_t attempts_limit(const struct delivery *d)
{
    return attempts_policy(d).attempts;
}

static void command(struct str *out, const struct config *config, const char *verb, const char *id)
{
    str_puts(out, out->len > 0 ? "\n" : "");
    alerts_command(config, out);
    str_printf(out, " %s %s", verb, id);
}

/* The name that people gave it, on a line of its own. */
static void put_title(struct str *out, const struct job *job)
{
    if (!job->title || !job->title[0])
        return;
    size_t len = strlen(job->title);
    str_puts(out, "Title: ");
    str_plain(out, job->title, len > TITLE_SHOWN_MAX ? utf8_cut(job->title, len, TITLE_SHOWN_MAX) : len);
    str_putc(out, '\n');
}

struct note {
    struct str subject, title, text, next, todo;
};

static void tell(const struct job *job, const char *kind, struct note *n)
{
    const struct runtime *rt = job->jobs->rt;
    const struct alarm_cause cause = {.kind = kind,
                                      .subject = n->subject.bytes,
                                      .title = n->title.bytes,
                                      .text = n->text.bytes,
                                      .next = n->next.bytes,
                                      .todo = n->todo.bytes};
    alarm_note(rt->alarm, &cause, rt->clock->wall_ms(rt->clock));
    str_fini(&n->subject);
    str_fini(&n->title);
    str_fini(&n->text);
    str_fini(&n->next);
    str_fini(&n->todo);
}

void attempts_tell(const struct delivery *d, const struct error *why)
{
    const struct job *job = d->job;
    long long limit = attempts_limit(d);
    char at[CLOCK_STAMP_MAX];
    struct note n = {STR_INIT, STR_INIT, STR_INIT, STR_INIT, STR_INIT};
    if (!d->lane->tells_attempts)
        return;
    clock_plain(d->next_ms, at);
    str_printf(&n.subject, "%s %s %u", job->id, d->lane->name, d->attempts);
    str_printf(&n.title, "Attempt %u/%lld failed: %s (%s) to %s", d->attempts, limit, job->name, job_counted_as(job),
               d->lane->label);
    put_title(&n.text, job);
    str_puts(&n.text, why->text);
    str_printf(&n.next, "It is tried again at %s; %lld attempt%s left.", at, limit - (long long)d->attempts,
               limit - (long long)d->attempts == 1 ? " is" : "s are");
    command(&n.todo, job->jobs->rt->config, "show", job->id);
    tell(job, "attempt", &n);
}

/* The first that is out of attempts; NULL: the ticket itself was refused. */
static const struct delivery *failed_delivery(const struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++)
        if (job->deliveries[i].state == DELIVERY_FAILED)
            return &job->deliveries[i];
    return NULL;
}

static void put_what_is_next(struct str *out, const struct settings *s)
{
    char after[UNITS_TEXT_MAX];
    units_ms_text(s->again_after_ms, after);
    if (s->again_after_ms == 0)
        str_puts(out, "Nothing more by itself, and no further mail: it stays there until somebody puts it back.");
    else
        str_printf(out, "It stays there until somebody puts it back, or [retry] again_after = %s does, once.", after);
}

static void tell_end(const struct job *job, const struct delivery *d, const char *failed_path)
{
    struct note n = {STR_INIT, STR_INIT, STR_INIT, STR_INIT, STR_INIT};
    str_printf(&n.subject, "%s %u", job->id, d->attempts);
    str_printf(&n.title, "PERMANENTLY FAILED: %s (%s) to %s, after %u attempt%s", job->name, job_counted_as(job),
               d->lane->label, d->attempts, d->attempts == 1 ? "" : "s");
    put_title(&n.text, job);
    str_printf(&n.text, "%s\nThe ticket is set aside, whole: %s", job->error.text, failed_path);
    put_what_is_next(&n.next, job->jobs->rt->config->settings);
    command(&n.todo, job->jobs->rt->config, "reset", job->id);
    tell(job, "permanently_failed", &n);
}

/* The same fault of many tickets is to read the same. */
static void put_without_name(struct str *out, const char *text, const char *name)
{
    const char *at;
    while (name[0] && (at = strstr(text, name))) {
        str_add(out, text, (size_t)(at - text));
        str_puts(out, "*");
        text = at + strlen(name);
    }
    str_puts(out, text);
}

void attempts_tell_failed(const struct job *job, const char *failed_path)
{
    const struct runtime *rt = job->jobs->rt;
    const struct delivery *d = failed_delivery(job);
    struct str error = STR_INIT;
    if (job->error.code == ERR_CANCELLED)
        return;
    if (d && d->lane->tells_attempts) {
        tell_end(job, d, failed_path);
        return;
    }
    put_without_name(&error, d ? delivery_error(d)->text : job->error.text, job->name);
    const struct alarm_failure failure = {.client = job_counted_as(job),
                                          .destination = d ? d->lane->label : NULL,
                                          .error = error.bytes,
                                          .name = job->name,
                                          .id = job->id};
    alarm_failed(rt->alarm, &failure, rt->clock->wall_ms(rt->clock));
    str_fini(&error);
}
