/* ticket_fields.c: yajl's events followed along the pointers.
 *
 * Each container on the way to a field has a level with the mask of the pointers that may end in it. Where the mask
 * is empty nothing is kept and nothing compared: depth is counted, no more. A key or element that a pointer goes
 * through forgets what was found there before: the last of duplicate keys wins, whole. A callback that returns 0 has
 * filled p->refused.
 */
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "ticket_parser.h"

static void token_ends(struct ticket_parser *p)
{
    p->token_end = yajl_get_bytes_consumed(p->yajl);
    p->open.is = false;
}

static void forget(struct ticket_parser *p, uint64_t mask)
{
    for (; mask != 0; mask &= mask - 1) {
        struct field *field = &p->ticket.fields[__builtin_ctzll(mask)];
        mem_free(field->text);
        *field = (struct field){0};
    }
}

/* The pointers that lead to the value which begins or is open now. */
static uint64_t value_mask(const struct ticket_parser *p)
{
    if ((uint64_t)p->depth != p->tracked) {
        return 0;
    }
    if (p->tracked == 0) {
        return p->set->all;
    }
    const struct level *level = &p->levels[p->tracked - 1];
    return level->array ? pointer_set_match_index(p->set, level->mask, p->tracked - 1, level->next_index) : p->key_mask;
}

static uint64_t leaf_mask(const struct ticket_parser *p)
{
    uint64_t mask = value_mask(p);
    return mask == 0 ? 0 : mask & p->set->ends_at[p->depth];
}

static void value_ends(struct ticket_parser *p)
{
    p->after_key = false;
    if ((uint64_t)p->depth == p->tracked && p->tracked > 0) {
        p->levels[p->tracked - 1].next_index++;
    }
}

static int keep(struct ticket_parser *p, enum field_kind kind, const char *text, size_t len)
{
    uint64_t leaf = leaf_mask(p);
    if (leaf != 0) {
        struct field *field = &p->ticket.fields[__builtin_ctzll(leaf)];
        field->text = mem_strndup(text, len);
        if (field->text == NULL) {
            error_set(&p->refused, ERR_NOMEM, "out of memory");
            return 0;
        }
        field->kind = kind;
        field->len = len;
    }
    value_ends(p);
    token_ends(p);
    return 1;
}

bool ticket_may_cut(size_t field)
{
    return field == FIELD_STUDIO || field == FIELD_TITLE;
}

void ticket_refuse_long(struct ticket_parser *p, size_t field)
{
    error_set(&p->refused, ERR_BAD_FIELD, "%s is longer than %d bytes", pointer_set_label(p->set, field),
              FIELD_TEXT_MAX);
}

static int on_null(void *context)
{
    return keep(context, FIELD_NULL, "null", 4);
}

static int on_boolean(void *context, int value)
{
    return keep(context, FIELD_BOOL, value ? "true" : "false", value ? 4 : 5);
}

static int on_number(void *context, const char *text, size_t len)
{
    struct ticket_parser *p = context;
    if (len > FIELD_TEXT_MAX) {
        error_set(&p->refused, ERR_TOO_LARGE, "a number of more than %d bytes", FIELD_TEXT_MAX);
        return 0;
    }
    return keep(p, FIELD_NUMBER, text, len);
}

static int on_string(void *context, const unsigned char *bytes, size_t len)
{
    struct ticket_parser *p = context;
    const char *text = (const char *)bytes;
    uint64_t leaf = leaf_mask(p);
    if (leaf != 0) {
        size_t index = (size_t)__builtin_ctzll(leaf);
        if (len > FIELD_TEXT_MAX && !ticket_may_cut(index)) {
            ticket_refuse_long(p, index);
            return 0;
        }
        if (!utf8_valid(text, len)) {
            error_set(&p->refused, ERR_BAD_FIELD, "%s is not valid UTF-8", pointer_set_label(p->set, index));
            return 0;
        }
        len = len > FIELD_TEXT_MAX ? utf8_cut(text, len, FIELD_TEXT_MAX) : len;
    }
    return keep(p, FIELD_STRING, text, len);
}

static int start_container(struct ticket_parser *p, bool array)
{
    if (p->depth >= p->limits.max_depth) {
        error_set(&p->refused, ERR_TOO_DEEP, "nested deeper than %lld levels", (long long)p->limits.max_depth);
        return 0;
    }
    uint64_t mask = value_mask(p);
    if (mask != 0) {
        uint64_t leaf = mask & p->set->ends_at[p->depth];
        if (leaf != 0) {
            p->ticket.fields[__builtin_ctzll(leaf)].kind = array ? FIELD_ARRAY : FIELD_OBJECT;
        }
        mask &= ~leaf;
    }
    value_ends(p);
    if (mask != 0) {
        p->levels[p->tracked++] = (struct level){.mask = mask, .array = array};
    }
    p->depth++;
    token_ends(p);
    return 1;
}

static int end_container(struct ticket_parser *p)
{
    if ((uint64_t)p->depth == p->tracked) {
        p->tracked--;
    }
    p->depth--;
    token_ends(p);
    return 1;
}

static int on_start_map(void *context)
{
    return start_container(context, false);
}

static int on_start_array(void *context)
{
    return start_container(context, true);
}

static int on_end(void *context)
{
    return end_container(context);
}

static int on_map_key(void *context, const unsigned char *key, size_t len)
{
    struct ticket_parser *p = context;
    if ((uint64_t)p->depth == p->tracked) {
        size_t depth = p->tracked - 1;
        p->key_mask = pointer_set_match_key(p->set, p->levels[depth].mask, depth, (const char *)key, len);
        p->after_key = true;
        forget(p, p->key_mask);
    }
    token_ends(p);
    return 1;
}

size_t ticket_open_worth(const struct ticket_parser *p, bool *field)
{
    *field = false;
    if ((uint64_t)p->depth != p->tracked) {
        return 0;
    }
    bool key = p->tracked > 0 && !p->levels[p->tracked - 1].array && !p->after_key;
    if (key) {
        return RAW_MAX(POINTER_TEXT_MAX);
    }
    *field = leaf_mask(p) != 0;
    return *field ? RAW_MAX(FIELD_TEXT_MAX) : 0;
}

size_t ticket_open_field(const struct ticket_parser *p)
{
    return (size_t)__builtin_ctzll(leaf_mask(p));
}

const yajl_callbacks ticket_callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_map_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};
