/* store_memory_outbox.c: messages to the outside: an array of objects with the columns' names, replaced whole when one
 * changes. */
#include <string.h>

#include "shunt/core/json_get.h"

#include "store_json.h"
#include "store_memory.h"

static const char *text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static bool find(const struct memory_store *m, const char *key, size_t *at)
{
    for (*at = 0; *at < json_array_size(m->outbox); ++*at) {
        if (texts_same(text_of(json_array_get(m->outbox, *at), "key"), key)) {
            return true;
        }
    }
    return false;
}

int memory_outbox_put(struct store *store, const struct store_message *msg, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    size_t at;
    if (!json_is_object(msg->document) && !json_is_array(msg->document)) {
        return error_set(e, ERR_INTERNAL, "what is to be saved into the store is not a JSON document");
    }
    if (find(m, msg->key, &at)) {
        return 0;
    }
    json_t *row = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:i, s:i, s:n}", "kind", json_text(msg->kind), "key",
                            json_text(msg->key), "document", json_deep_copy(msg->document), "created",
                            (json_int_t)msg->created_ms, "due", (json_int_t)msg->due_ms, "expires",
                            (json_int_t)msg->expires_ms, "attempts", 0, "state", (int)OUTBOX_WAITING, "error");
    return json_array_append_new(m->outbox, row) == 0 ? 0 : store_no_memory(e);
}

/* The one that waits and is due first; NULL: none. */
static json_t *first_due(const json_t *outbox)
{
    size_t i;
    json_t *row, *first = NULL;
    json_array_foreach (outbox, i, row) {
        if (json_number_of(row, "state") == OUTBOX_WAITING &&
            (!first || json_number_of(row, "due") < json_number_of(first, "due"))) {
            first = row;
        }
    }
    return first;
}

static json_t *taken(json_t *row, const struct store_taking *t)
{
    json_int_t attempt = json_number_of(row, "attempts") + 1;
    if (json_object_set_new(row, "attempts", json_integer(attempt)) != 0 ||
        json_object_set_new(row, "due", json_integer(t->until_ms)) != 0 ||
        json_object_set_new(row, "taken_by", json_integer(t->instance)) != 0) {
        return NULL;
    }
    return json_pack("{s:O, s:O, s:O, s:I, s:I, s:I}", "kind", json_object_get(row, "kind"), "key",
                     json_object_get(row, "key"), "document", json_object_get(row, "document"), "created_ms",
                     json_number_of(row, "created"), "expires_ms", json_number_of(row, "expires"), "attempt", attempt);
}

int memory_outbox_take(struct store *store, const struct store_taking *t, json_t **out, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    json_t *outbox = json_deep_copy(m->outbox), *messages = json_array(), *row;
    bool failed = !outbox || !messages;
    while (!failed && json_array_size(messages) < t->most && (row = first_due(outbox)) &&
           json_number_of(row, "due") <= t->now_ms) {
        failed = json_array_append_new(messages, taken(row, t)) != 0;
    }
    row = failed ? NULL : first_due(outbox);
    *out = failed ? NULL
                  : json_pack("{s:O, s:I}", "messages", messages, "next_ms",
                              row ? json_number_of(row, "due") : (json_int_t)0);
    if (*out) {
        json_t *before = m->outbox;
        m->outbox = outbox;
        outbox = before;
    }
    json_decref(outbox);
    json_decref(messages);
    return *out ? 0 : store_no_memory(e);
}

int memory_outbox_release(struct store *store, unsigned instance, int64_t now_ms, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    json_t *outbox = json_deep_copy(m->outbox), *row;
    bool failed = !outbox;
    size_t i;
    json_array_foreach (outbox, i, row) {
        const json_t *by = json_object_get(row, "taken_by");
        if (by && json_integer_value(by) == instance && json_number_of(row, "state") == OUTBOX_WAITING &&
            json_number_of(row, "due") > now_ms) {
            failed = failed || json_object_set_new(row, "due", json_integer(now_ms)) != 0;
        }
    }
    if (!failed) {
        json_t *before = m->outbox;
        m->outbox = outbox;
        outbox = before;
    }
    json_decref(outbox);
    return failed ? store_no_memory(e) : 0;
}

/* What lists show of it. */
static json_t *rest_of(const json_t *document)
{
    json_t *subject = json_object_get(document, "subject"), *to = json_object_get(document, "to");
    return json_pack("{s:O?, s:O?}", "subject", subject, "to", to);
}

int memory_outbox_record(struct store *store, const struct store_sent *sent, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    size_t at;
    const json_t *row = find(m, sent->key, &at) ? json_array_get(m->outbox, at) : NULL;
    if (!row || json_number_of(row, "state") != OUTBOX_WAITING || json_number_of(row, "attempts") != sent->attempt) {
        return 0;
    }
    const json_t *document = sent->document ? sent->document : json_object_get(row, "document");
    json_t *kept = sent->state == OUTBOX_WAITING ? json_deep_copy(document) : rest_of(document);
    json_t *changed = json_copy((json_t *)row);
    (void)json_object_del(changed, "taken_by");
    bool failed =
        json_object_set_new(changed, "document", kept) != 0 ||
        json_object_set_new(changed, "state", json_integer((json_int_t)sent->state)) != 0 ||
        json_object_set_new(changed, "due", json_integer(sent->due_ms)) != 0 ||
        json_object_set_new(changed, "ended", json_integer(sent->state == OUTBOX_WAITING ? 0 : sent->at_ms)) != 0 ||
        ((sent->error || sent->state == OUTBOX_SENT) &&
         json_object_set_new(changed, "error", json_text(sent->error)) != 0);
    if (failed) {
        json_decref(changed);
        return store_no_memory(e);
    }
    return json_array_set_new(m->outbox, at, changed) == 0 ? 0 : store_no_memory(e);
}

int memory_outbox_list(struct store *store, unsigned states, size_t limit, json_t **out, struct error *e)
{
    const json_t *outbox = ((struct memory_store *)store)->outbox;
    json_t *list = json_array();
    bool failed = !list;
    limit = page_limit(limit);
    for (size_t i = json_array_size(outbox); i > 0 && !failed && json_array_size(list) < limit; i--) {
        const json_t *row = json_array_get(outbox, i - 1), *document = json_object_get(row, "document");
        const struct outbox_row one = {.kind = text_of(row, "kind"),
                                       .key = text_of(row, "key"),
                                       .state = (int)json_number_of(row, "state"),
                                       .subject = text_of(document, "subject"),
                                       .to = json_object_get(document, "to"),
                                       .created_ms = json_number_of(row, "created"),
                                       .due_ms = json_number_of(row, "due"),
                                       .expires_ms = json_number_of(row, "expires"),
                                       .ended_ms = json_number_of(row, "ended"),
                                       .attempts = json_number_of(row, "attempts"),
                                       .error = text_of(row, "error")};
        if (!states || (states >> one.state & 1)) {
            failed = json_array_append_new(list, json_outbox_row(&one)) != 0;
        }
    }
    if (failed) {
        json_decref(list);
        return store_no_memory(e);
    }
    *out = list;
    return 0;
}
