/* outbox_direct.c: while the store is away what is urgent is sent from memory, with the pauses of a row. It stays there until
 * its end is known, or the store is back: then it is saved like everything else, and how it ended with it. What the lane had
 * in hand when the store hung goes out likewise; the store may make a row of it all the same, and give that out. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/json_get.h"

#include "outbox_inner.h"

static bool waits(const struct outbox *o, const struct put *p)
{
    return p->urgent && !p->sent && o->storage->degraded && !o->stopping;
}

bool outbox_direct_keeps(const struct outbox *o, const struct put *p)
{
    return p->under_way || (p->urgent && o->storage->degraded && !o->stopping);
}

/* As the store would give it out. NULL: no memory. */
static json_t *row_of(const struct outbox *o, const struct put *p)
{
    return json_pack("{s:s, s:s, s:O, s:I, s:I, s:I}", "kind", outbox_kind_word(p->kind), "key", p->key, "document",
                     p->document, "created_ms", (json_int_t)p->created_ms, "expires_ms",
                     (json_int_t)(p->created_ms + o->rt->config->settings->mail_expire_ms), "attempt",
                     (json_int_t)p->attempt + 1);
}

/* A worker may be reading it: a copy is sent. Without memory it is tried again in the next turn. */
static void replace(struct outbox *o, struct put *was)
{
    struct put *p = mem_zalloc(sizeof *p);
    if (!p)
        return;
    *p = (struct put){.kind = was->kind,
                      .key = mem_strdup(was->key),
                      .document = json_incref(was->document),
                      .created_ms = was->created_ms,
                      .saved = was->saved,
                      .user = was->user,
                      .urgent = true,
                      .attempt = was->attempt,
                      .due_ms = was->due_ms};
    if (!p->key) {
        put_free(p);
        return;
    }
    outbox_append(o, p);
    was->replaced = true;
    was->saved = NULL;
}

void outbox_direct_pump(struct outbox *o)
{
    for (struct put *p = o->saving; p; p = p->next)
        if (waits(o, p) && !p->replaced)
            replace(o, p);
    for (struct put *p = o->puts; p && o->n_under_way < OUTBOX_SENDS_MAX && !o->rt->draining; p = p->next) {
        if (!waits(o, p) || p->under_way || !outbox_reaches(o, p->kind) || outbox_wall_ms(o) < p->due_ms)
            continue;
        json_t *row = row_of(o, p);
        if (row)
            outbox_send(o, row, p);
    }
}

void outbox_direct_ended(struct sending *s)
{
    struct put *p = s->put;
    p->under_way = false;
    p->attempt = s->attempt;
    p->due_ms = s->due_ms;
    if (s->state == OUTBOX_WAITING) {
        if (s->left) {
            json_decref(p->document);
            p->document = json_incref(s->left);
        }
        sending_free(s);
        return;
    }
    s->attempt = 0; /* as the row has it: nobody took it from the store */
    p->sent = s;
    if (p->saved)
        p->saved(p->user);
    p->saved = NULL;
}

static void record_for(struct outbox *o, struct put *p, unsigned attempt)
{
    struct sending *s = p->sent;
    if (s) {
        p->sent = NULL;
        s->next = o->ended;
        o->ended = s;
    } else {
        s = o->under_way;
        while (s->put != p)
            s = s->next;
    }
    s->put = NULL;
    s->attempt = attempt;
}

bool outbox_direct_has(struct outbox *o, const json_t *row)
{
    struct put **at = &o->puts;
    while (*at && strcmp((*at)->key, json_text_of(row, "key")) != 0)
        at = &(*at)->next;
    struct put *p = *at;
    if (!p)
        return false;
    bool has = p->sent || p->under_way;
    if (has)
        record_for(o, p, (unsigned)json_integer_value(json_object_get(row, "attempt")));
    if (p->saved)
        p->saved(p->user);
    outbox_drop(o, at);
    return has;
}
