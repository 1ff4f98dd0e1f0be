/* outbox_direct.c: while the store is away what is urgent is sent from memory, with the pauses of a row. It stays there until
 * its end is known, or the store is back: then it is saved like everything else, and how it ended with it. */
#include "shunt/base/log.h"

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

void outbox_direct_pump(struct outbox *o)
{
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
