/* ticket.c: what was found in a document, and whether a ticket can be routed by it. */
#include "shunt/core/ticket.h"

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/core/name.h"

void ticket_init(struct ticket *t)
{
    *t = (struct ticket){0};
}

void ticket_fini(struct ticket *t)
{
    for (size_t i = 0; t->fields != NULL && i < t->count; i++) {
        mem_free(t->fields[i].text);
    }
    mem_free(t->fields);
    ticket_init(t);
}

static const char *kind_words(enum field_kind kind)
{
    switch (kind) {
    case FIELD_NUMBER:
        return "a number";
    case FIELD_BOOL:
        return "a boolean";
    case FIELD_NULL:
        return "null";
    case FIELD_OBJECT:
        return "an object";
    case FIELD_ARRAY:
        return "an array";
    case FIELD_ABSENT:
    case FIELD_STRING:
        break;
    }
    return "a string";
}

static int check_text(const struct field *field, const char *label, struct error *e)
{
    if (field->kind != FIELD_STRING) {
        return error_set(e, ERR_BAD_FIELD, "%s is %s, not a string", label, kind_words(field->kind));
    }
    return 0;
}

static int check_required(const struct field *field, const char *label, struct error *e)
{
    if (field->kind == FIELD_ABSENT) {
        return error_set(e, ERR_MISSING_FIELD, "%s is missing", label);
    }
    int rc = check_text(field, label, e);
    if (rc != 0) {
        return rc;
    }
    if (field->len == 0) {
        return error_set(e, ERR_MISSING_FIELD, "%s is empty", label);
    }
    if (text_has_control(field->text, field->len)) {
        return error_set(e, ERR_BAD_FIELD, "%s holds a control character", label);
    }
    return 0;
}

/* Producers write null for what they have not got. */
static int check_optional(const struct field *field, const char *label, struct error *e)
{
    return field->kind == FIELD_ABSENT || field->kind == FIELD_NULL ? 0 : check_text(field, label, e);
}

static int check_client(const struct field *client, const char *label, struct error *e)
{
    struct error why;
    error_clear(&why);
    if (name_check(client->text, client->len, &why) == 0) {
        return 0;
    }
    return error_set(e, ERR_BAD_FIELD, "%s cannot be a folder's name: %s", label, why.text);
}

int ticket_check(const struct ticket *t, const struct pointer_set *set, struct error *e)
{
    static const size_t required[] = {FIELD_CLIENT, FIELD_CATEGORY};
    static const size_t optional[] = {FIELD_STUDIO, FIELD_TITLE};
    int rc = 0;
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        rc = check_required(&t->fields[required[i]], pointer_set_label(set, required[i]), e);
    }
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        rc = check_optional(&t->fields[optional[i]], pointer_set_label(set, optional[i]), e);
    }
    return rc != 0 ? rc : check_client(&t->fields[FIELD_CLIENT], pointer_set_label(set, FIELD_CLIENT), e);
}
