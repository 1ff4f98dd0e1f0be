/* alarm.c: see alarm.h. What is kept of incidents, failures and notes, and what happens to them. */
#include "shunt/core/alarm.h"

#include <string.h>

#include "shunt/base/error.h"
#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "alarm_inner.h"

#define TEXT_MAX_BYTES 2000

/* ---- texts ---- */

/* lines: line breaks stay. NULL: no memory. */
static char *plain(const char *text, bool lines)
{
    struct str out = STR_INIT;
    size_t left = text ? strlen(text) : 0;
    if (left > TEXT_MAX_BYTES)
        left = utf8_cut(text, left, TEXT_MAX_BYTES);
    while (left > 0) {
        const char *line_end = lines ? memchr(text, '\n', left) : NULL;
        size_t n = line_end ? (size_t)(line_end - text) : left;
        str_plain(&out, text, n);
        if (line_end)
            str_putc(&out, '\n');
        n += line_end != NULL;
        text += n;
        left -= n;
    }
    str_reserve(&out, 1);
    return str_take(&out);
}

/* Of what a person can do each line is a command. */
static bool has_lines(enum alarm_text n)
{
    return n == TEXT_TEXT || n == TEXT_TODO;
}

struct incident *alarm_incident_new(const char *const texts[ALARM_TEXTS])
{
    struct incident *i = mem_zalloc(sizeof *i);
    bool whole = i != NULL;
    for (enum alarm_text n = 0; whole && n < ALARM_TEXTS; n++)
        whole = (i->texts[n] = plain(texts[n], has_lines(n))) != NULL;
    if (whole)
        return i;
    alarm_incident_free(i);
    return NULL;
}

void alarm_incident_free(struct incident *i)
{
    for (size_t n = 0; i && n < ALARM_TEXTS; n++)
        mem_free(i->texts[n]);
    mem_free(i);
}

struct group *alarm_group_new(const char *const texts[GROUP_TEXTS])
{
    struct group *g = mem_zalloc(sizeof *g);
    bool whole = g != NULL;
    for (size_t n = 0; whole && n < GROUP_TEXTS; n++)
        whole = (g->texts[n] = plain(texts[n], false)) != NULL;
    if (whole)
        return g;
    alarm_group_free(g);
    return NULL;
}

void alarm_group_free(struct group *g)
{
    for (size_t n = 0; g && n < GROUP_TEXTS; n++)
        mem_free(g->texts[n]);
    mem_free(g);
}

/* All of them or none. NULL stays what it is. */
static int replace(struct incident *i, const char *const texts[ALARM_TEXTS])
{
    char *fresh[ALARM_TEXTS] = {NULL};
    for (enum alarm_text n = 0; n < ALARM_TEXTS; n++) {
        if (texts[n] && !(fresh[n] = plain(texts[n], has_lines(n)))) {
            for (size_t k = 0; k < n; k++)
                mem_free(fresh[k]);
            return ERR_NOMEM;
        }
    }
    for (size_t n = 0; n < ALARM_TEXTS; n++) {
        if (!fresh[n])
            continue;
        mem_free(i->texts[n]);
        i->texts[n] = fresh[n];
    }
    return 0;
}

/* ---- lists ---- */

void alarm_add_incident(struct incident **list, struct incident *i)
{
    while (*list)
        list = &(*list)->next;
    *list = i;
}

void alarm_add_group(struct alarm *a, struct group *g)
{
    struct group **at = &a->groups;
    while (*at)
        at = &(*at)->next;
    *at = g;
    a->n_groups++;
}

struct incident **alarm_find(struct alarm *a, const char *kind, const char *subject)
{
    struct incident **at = &a->incidents;
    while (*at && (strcmp((*at)->texts[TEXT_KIND], kind) != 0 || strcmp((*at)->texts[TEXT_SUBJECT], subject) != 0))
        at = &(*at)->next;
    return at;
}

void alarm_drop(struct incident **at)
{
    struct incident *i = *at;
    *at = i->next;
    alarm_incident_free(i);
}

static void clear_failures(struct alarm *a)
{
    while (a->groups) {
        struct group *g = a->groups;
        a->groups = g->next;
        alarm_group_free(g);
    }
}

struct alarm *alarm_new(const struct alarm_policy *policy)
{
    struct alarm *a = mem_zalloc(sizeof *a);
    if (a)
        a->policy = *policy;
    return a;
}

void alarm_free(struct alarm *a)
{
    if (!a)
        return;
    while (a->incidents)
        alarm_drop(&a->incidents);
    while (a->notes)
        alarm_drop(&a->notes);
    clear_failures(a);
    mem_free(a);
}

/* ---- what happens ---- */

#define CAUSE_TEXTS(c)                                                                                                 \
    {                                                                                                                  \
        (c)->kind, (c)->subject, (c)->title, (c)->text, (c)->next, (c)->todo                                           \
    }

static int begin(struct alarm *a, const struct alarm_cause *cause, int64_t now_ms)
{
    const char *const texts[ALARM_TEXTS] = CAUSE_TEXTS(cause);
    if (a->n_incidents >= ALARM_INCIDENTS_MAX)
        return ERR_BUSY;
    struct incident *i = alarm_incident_new(texts);
    if (!i)
        return ERR_NOMEM;
    i->opened_ms = now_ms;
    i->times = 1;
    i->permanent = cause->permanent;
    alarm_add_incident(&a->incidents, i);
    a->n_incidents++;
    return 0;
}

int alarm_raise(struct alarm *a, const struct alarm_cause *cause, int64_t now_ms)
{
    struct incident *i = *alarm_find(a, cause->kind, cause->subject);
    if (!i)
        return begin(a, cause, now_ms);
    const char *const texts[ALARM_TEXTS] = {
        [TEXT_TITLE] = cause->title, [TEXT_TEXT] = cause->text, [TEXT_NEXT] = cause->next, [TEXT_TODO] = cause->todo};
    int rc = replace(i, texts);
    if (rc != 0)
        return rc;
    i->times += i->over_ms != 0;
    i->over_ms = 0;
    i->permanent = cause->permanent;
    return 0;
}

const char *alarm_nth(const struct alarm *a, const char *kind, size_t n)
{
    for (const struct incident *i = a->incidents; i; i = i->next)
        if (i->over_ms == 0 && strcmp(i->texts[TEXT_KIND], kind) == 0 && n-- == 0)
            return i->texts[TEXT_SUBJECT];
    return NULL;
}

int alarm_clear(struct alarm *a, const char *kind, const char *subject, const char *title, const char *text,
                int64_t now_ms)
{
    struct incident *i = *alarm_find(a, kind, subject);
    if (!i || i->over_ms != 0)
        return 0;
    const char *const texts[ALARM_TEXTS] = {
        [TEXT_TITLE] = title, [TEXT_TEXT] = text, [TEXT_NEXT] = "", [TEXT_TODO] = ""};
    int rc = replace(i, texts);
    if (rc == 0)
        i->over_ms = now_ms > 0 ? now_ms : 1;
    return rc;
}

struct group *alarm_same_group(const struct alarm *a, const struct group *g)
{
    struct group *own = a->groups;
    while (own && (strcmp(own->texts[GROUP_CLIENT], g->texts[GROUP_CLIENT]) != 0 ||
                   strcmp(own->texts[GROUP_DESTINATION], g->texts[GROUP_DESTINATION]) != 0 ||
                   strcmp(own->texts[GROUP_ERROR], g->texts[GROUP_ERROR]) != 0))
        own = own->next;
    return own;
}

void alarm_failed(struct alarm *a, const struct alarm_failure *f, int64_t now_ms)
{
    if (a->policy.digest_ms < 0)
        return;
    const char *const texts[GROUP_TEXTS] = {f->client, f->destination, f->error, f->name, f->id};
    if (a->failures++ == 0)
        a->failures_since_ms = now_ms;
    struct group *g = alarm_group_new(texts); /* compared as it is kept: made plain, and cut */
    struct group *own = g ? alarm_same_group(a, g) : NULL;
    if (g && !own && a->n_groups < ALARM_GROUPS_MAX) {
        alarm_add_group(a, g);
        own = g;
        g = NULL;
    }
    *(own ? &own->count : &a->failures_more) += 1;
    alarm_group_free(g);
}

void alarm_note(struct alarm *a, const struct alarm_cause *note, int64_t now_ms)
{
    const char *const texts[ALARM_TEXTS] = CAUSE_TEXTS(note);
    struct incident *i = a->n_notes < ALARM_NOTES_MAX ? alarm_incident_new(texts) : NULL;
    if (!i) {
        a->notes_lost++;
        return;
    }
    i->opened_ms = now_ms;
    alarm_add_incident(&a->notes, i);
    a->n_notes++;
}
