/* outbox.c: see outbox.h. One errand at a time goes to the store's lane: it saves what was put, records what was sent, and
 * takes what is due. What an errand could not do stays with us and goes with the next. */
#include "shunt/service/outbox.h"

#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/files.h"

#include "outbox_inner.h"

#define KEY_MAX     200
#define LOOK_MAX_MS 60000 /* rows that another instance left */
#define LEASE_MORE  60000 /* than a try may take */

const char *outbox_kind_word(enum outbox_kind kind)
{
    static const char *const words[OUTBOX_KINDS] = {"mail", "webhook"};
    return kind < OUTBOX_KINDS ? words[kind] : "unknown";
}

int64_t outbox_wall_ms(const struct outbox *o)
{
    return o->rt->clock->wall_ms(o->rt->clock);
}

bool outbox_reaches(const struct outbox *o, enum outbox_kind kind)
{
    const struct settings *s = o ? o->rt->config->settings : NULL;
    return s && (kind == OUTBOX_MAIL ? s->mail_server[0] != '\0' : s->webhook_url[0] != '\0');
}

/* --- the errand --- */

static int record(const struct outbox *o, const struct sending *s, struct store *store, struct error *e)
{
    const struct store_sent sent = {.key = s->key,
                                    .attempt = s->attempt,
                                    .state = s->state,
                                    .at_ms = o->taking.now_ms,
                                    .due_ms = s->due_ms,
                                    .error = s->error.code ? s->error.text : NULL,
                                    .document = s->left};
    return store_outbox_record(store, &sent, e);
}

/* What was sent from memory becomes a row, and how it ended is recorded right after that. */
static int save_all(const struct outbox *o, struct store *store, struct error *e)
{
    const int64_t expire_ms = o->rt->config->settings->mail_expire_ms;
    int rc = 0;
    for (const struct put *p = o->saving; rc == 0 && p; p = p->next) {
        const struct store_message m = {.kind = outbox_kind_word(p->kind),
                                        .key = p->key,
                                        .document = p->document,
                                        .created_ms = p->created_ms,
                                        .due_ms = p->due_ms,
                                        .expires_ms = p->created_ms + expire_ms};
        rc = store_outbox_put(store, &m, e);
        rc = rc == 0 && p->sent ? record(o, p->sent, store, e) : rc;
    }
    return rc;
}

static int record_all(const struct outbox *o, struct store *store, struct error *e)
{
    int rc = 0;
    for (const struct sending *s = o->recording; rc == 0 && s; s = s->next)
        rc = record(o, s, store, e);
    return rc;
}

static int run(struct errand *x, struct store *store, struct error *e)
{
    struct outbox *o = (struct outbox *)((char *)x - offsetof(struct outbox, errand));
    int rc = save_all(o, store, e);
    rc = rc ? rc : record_all(o, store, e);
    if (o->taking.most == 0)
        return rc;
    if (rc == 0 && !o->released)
        rc = store_outbox_release(store, o->taking.instance, o->taking.now_ms, e);
    o->released = o->released || rc == 0;
    return rc ? rc : store_outbox_take(store, &o->taking, &o->taken, e);
}

void put_free(struct put *p)
{
    if (p->sent)
        sending_free(p->sent);
    json_decref(p->document);
    mem_free(p->key);
    mem_free(p);
}

static void let_go(struct outbox *o, bool saved)
{
    for (struct put *p = o->saving, *next; p; p = next) {
        next = p->next;
        if (saved && p->saved)
            p->saved(p->user);
        put_free(p);
        o->n_puts--;
    }
    for (struct sending *s = o->recording, *next; s; s = next) {
        next = s->next;
        sending_free(s);
    }
    o->saving = NULL;
    o->recording = NULL;
}

static struct put **end_of_puts(struct put **list)
{
    while (*list)
        list = &(*list)->next;
    return list;
}

void outbox_append(struct outbox *o, struct put *p)
{
    *end_of_puts(&o->puts) = p;
    o->n_puts++;
}

void outbox_drop(struct outbox *o, struct put **at)
{
    struct put *p = *at;
    *at = p->next;
    put_free(p);
    o->n_puts--;
}

/* They were there before what came meanwhile. */
static void take_back(struct outbox *o)
{
    for (struct put **at = &o->saving; *at;) {
        if ((*at)->replaced)
            outbox_drop(o, at);
        else
            at = &(*at)->next;
    }
    *end_of_puts(&o->saving) = o->puts;
    o->puts = o->saving;
    o->saving = NULL;
    struct sending **last = &o->recording;
    while (*last)
        last = &(*last)->next;
    *last = o->ended;
    o->ended = o->recording;
    o->recording = NULL;
}

static void on_look(struct wait *wait)
{
    struct outbox *o = (struct outbox *)((char *)wait - offsetof(struct outbox, look));
    o->due = true;
}

static void look_again(struct outbox *o, int64_t next_ms)
{
    if (o->stopping)
        return;
    int64_t pause = next_ms == 0 ? LOOK_MAX_MS : next_ms - outbox_wall_ms(o);
    pause = pause < 0 ? 0 : pause < LOOK_MAX_MS ? pause : LOOK_MAX_MS;
    o->due = pause == 0;
    if (pause > 0 && wait_set(o->rt, &o->look, pause, on_look) != 0)
        o->due = true;
}

static void send_taken(struct outbox *o)
{
    size_t i;
    json_t *row;
    json_t *taken = o->taken;
    o->taken = NULL;
    look_again(o, json_integer_value(json_object_get(taken, "next_ms")));
    json_array_foreach (json_object_get(taken, "messages"), i, row)
        if (!outbox_direct_has(o, row))
            outbox_send(o, json_incref(row), NULL);
    json_decref(taken);
}

static void on_done(struct errand *x, int rc)
{
    struct outbox *o = (struct outbox *)((char *)x - offsetof(struct outbox, errand));
    o->busy = false;
    if (rc != 0) {
        take_back(o);
        return;
    }
    o->due = o->due || o->saving || o->recording; /* they may be due before what we wait for */
    let_go(o, true);
    if (o->taken)
        send_taken(o);
}

static size_t may_take(const struct outbox *o)
{
    bool reaches = outbox_reaches(o, OUTBOX_MAIL) || outbox_reaches(o, OUTBOX_WEBHOOK);
    return o->due && reaches && !o->rt->draining && !o->stopping ? OUTBOX_SENDS_MAX - o->n_under_way : 0;
}

static struct put *take_puts(struct outbox *o)
{
    struct put *taken = NULL, **end = &taken;
    for (struct put **at = &o->puts, *p; (p = *at);) {
        if (outbox_direct_keeps(o, p)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->next = NULL;
        *end = p;
        end = &p->next;
    }
    return taken;
}

static bool any_to_save(const struct outbox *o)
{
    const struct put *p = o->puts;
    while (p && outbox_direct_keeps(o, p))
        p = p->next;
    return p;
}

static void begin(struct outbox *o, size_t most)
{
    o->busy = true;
    o->saving = take_puts(o);
    o->recording = o->ended;
    o->ended = NULL;
    int64_t now_ms = outbox_wall_ms(o);
    o->taking =
        (struct store_taking){.instance = o->storage->instance,
                              .now_ms = now_ms,
                              .until_ms = now_ms + MAIL_TOTAL * o->rt->config->settings->mail_timeout_ms + LEASE_MORE,
                              .most = most};
    o->errand.run = run;
    o->errand.done = on_done;
    storage_do(o->storage, &o->errand);
}

/* --- the turn, and the end --- */

static void cancel_mails(const struct outbox *o)
{
    for (struct sending *s = o->under_way; s; s = s->next)
        atomic_store(&s->cancel, true);
}

static void on_drain(struct wait *wait)
{
    cancel_mails((struct outbox *)((char *)wait - offsetof(struct outbox, drain)));
}

void outbox_pump(struct outbox *o)
{
    if (!o)
        return;
    if (o->rt->draining && !o->stopping)
        o->stopping = wait_set(o->rt, &o->drain, OUTBOX_DRAIN_MS, on_drain) == 0;
    outbox_direct_pump(o);
    size_t most = may_take(o);
    if (!o->busy && (any_to_save(o) || o->ended || most > 0))
        begin(o, most);
}

static bool mails_under_way(const struct outbox *o)
{
    for (const struct sending *s = o->under_way; s; s = s->next)
        if (s->kind == OUTBOX_MAIL)
            return true;
    return false;
}

bool outbox_idle(const struct outbox *o)
{
    return !o || (!mails_under_way(o) && (o->storage->degraded || (!o->busy && !o->puts && !o->ended)));
}

void outbox_last(struct outbox *o)
{
    if (!o)
        return;
    o->stopping = true;
    wait_cancel(o->rt, &o->look);
    wait_cancel(o->rt, &o->drain);
    cancel_mails(o);
    curl_loop_close(o->curl, NULL, NULL);
    o->curl = NULL;
    if (!o->busy && (o->puts || o->ended))
        begin(o, 0);
}

bool outbox_put(struct outbox *o, enum outbox_kind kind, const char *key, const json_t *document,
                void (*saved)(void *user), void *user)
{
    size_t key_len = strlen(key);
    if (!o || o->n_puts >= OUTBOX_UNSAVED_MAX || key_len == 0 || key_len > KEY_MAX || !utf8_valid(key, key_len) ||
        json_dumpb(document, NULL, 0, JSON_COMPACT) > OUTBOX_DOCUMENT_MAX || !json_is_object(document))
        return false;
    struct put *p = mem_zalloc(sizeof *p);
    if (!p)
        return false;
    int64_t now = outbox_wall_ms(o);
    *p = (struct put){.kind = kind, .created_ms = now, .due_ms = now, .saved = saved, .user = user};
    p->key = mem_strdup(key);
    p->document = json_deep_copy(document);
    if (!p->key || !p->document) {
        put_free(p);
        return false;
    }
    outbox_append(o, p);
    return true;
}

bool outbox_put_urgent(struct outbox *o, enum outbox_kind kind, const char *key, const json_t *document,
                       void (*saved)(void *user), void *user)
{
    if (!outbox_put(o, kind, key, document, saved, user))
        return false;
    struct put *last = o->puts;
    while (last->next)
        last = last->next;
    last->urgent = true;
    return true;
}

/* --- life --- */

struct outbox *outbox_new(struct runtime *rt, struct storage *storage)
{
    struct outbox *o = mem_zalloc(sizeof *o);
    if (!o)
        return NULL;
    const struct settings *s = rt->config->settings;
    *o = (struct outbox){.rt = rt, .storage = storage, .due = true};
    o->curl = curl_loop_new(rt->loop);
    o->ca = s->mail_ca[0] != '\0' ? files_join(rt->config->data, s->mail_ca) : mem_strdup("");
    if (!o->curl || !o->ca) {
        outbox_free(o);
        return NULL;
    }
    return o;
}

const char *outbox_trouble(const struct outbox *o, enum outbox_kind kind)
{
    return o && o->trouble[kind].code != 0 ? o->trouble[kind].text : NULL;
}

static size_t count_lost(const struct outbox *o)
{
    size_t n = 0;
    for (const struct put *p = o->puts; p; p = p->next)
        n += !p->sent;
    return n;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    curl_loop_close(o->curl, NULL, NULL);
    take_back(o);
    size_t lost = count_lost(o);
    if (lost > 0)
        log_warn("outbox_lost", "%zu messages were not sent, nor could they be written to the store", lost);
    o->saving = o->puts;
    o->recording = o->ended;
    let_go(o, false);
    json_decref(o->taken);
    mem_free(o->ca);
    mem_free(o);
}
