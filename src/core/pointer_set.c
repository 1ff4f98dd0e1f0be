/* pointer_set.c: JSON Pointers (RFC 6901), parsed once into tables by depth and length of token, so that a key of a
 * document that nobody asked for costs one lookup. Each pointer is an allocation of its own; the set owns them. */
#include "pointer_set.h"

#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

static const char *const builtin[FIELD_BUILTIN_COUNT] = {
    [FIELD_CLIENT] = "/JobSpecification/JobDetails/ClientCode",
    [FIELD_CATEGORY] = "/JobSpecification/JobDetails/JobCategory",
    [FIELD_STUDIO] = "/JobSpecification/JobDetails/StudioCode",
    [FIELD_TITLE] = "/JobSpecification/JobDetails/Title",
};

static size_t length_class(size_t len)
{
    return len < POINTER_LENGTHS ? len : POINTER_LENGTHS - 1;
}

static void pointer_free(struct pointer *pointer)
{
    if (pointer != NULL) {
        mem_free(pointer->source);
        mem_free(pointer->text);
        mem_free(pointer->label);
        mem_free(pointer);
    }
}

/* RFC 6901: digits without leading zeros. 18 digits fit int64_t; no array is longer. */
static int64_t array_index(const char *text, size_t len)
{
    if (len == 0 || len > 18 || (len > 1 && text[0] == '0')) {
        return -1;
    }
    int64_t index = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        index = index * 10 + (text[i] - '0');
    }
    return index;
}

/* One token from after its '/' into out; returns where the next '/' or the end is, NULL for a bad escape. */
static const char *decode_token(const char *from, struct pointer_token *out)
{
    char *to = out->text;
    for (; *from != '\0' && *from != '/'; from++) {
        if (*from != '~') {
            *to++ = *from;
        } else if (from[1] == '0' || from[1] == '1') {
            *to++ = *++from == '0' ? '~' : '/';
        } else {
            return NULL;
        }
    }
    out->len = (size_t)(to - out->text);
    out->index = array_index(out->text, out->len);
    return from;
}

static int decode(struct pointer *pointer, struct error *e)
{
    const char *from = pointer->source;
    char *to = pointer->text;
    while (*from == '/') {
        if (pointer->depth == POINTER_DEPTH_MAX) {
            return error_set(e, ERR_CONFIG, "\"%s\" has more than %d parts", pointer->source, POINTER_DEPTH_MAX);
        }
        struct pointer_token *token = &pointer->tokens[pointer->depth++];
        token->text = to;
        from = decode_token(from + 1, token);
        if (from == NULL) {
            return error_set(e, ERR_CONFIG,
                             "\"%s\": in a JSON Pointer \"~\" is written \"~0\" and \"/\" inside a name \"~1\"",
                             pointer->source);
        }
        to += token->len;
    }
    return 0;
}

static char *make_label(const struct pointer *pointer)
{
    struct str label = STR_INIT;
    for (size_t i = 0; i < pointer->depth; i++) {
        str_puts(&label, i > 0 ? "." : "");
        str_plain(&label, pointer->tokens[i].text, pointer->tokens[i].len);
    }
    if (label.len == 0) {
        str_puts(&label, pointer->depth == 0 ? "the document" : pointer->source);
    }
    return str_take(&label);
}

static struct pointer *pointer_new(const char *source, struct error *e)
{
    struct pointer *pointer = mem_zalloc(sizeof *pointer);
    if (pointer == NULL) {
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    pointer->source = mem_strdup(source);
    pointer->text = mem_strdup(source);
    if (pointer->source == NULL || pointer->text == NULL) {
        error_set(e, ERR_NOMEM, "out of memory");
        goto fail;
    }
    if (decode(pointer, e) != 0) {
        goto fail;
    }
    pointer->label = make_label(pointer);
    if (pointer->label == NULL) {
        error_set(e, ERR_NOMEM, "out of memory");
        goto fail;
    }
    return pointer;
fail:
    pointer_free(pointer);
    return NULL;
}

static int check_source(const char *source, struct error *e)
{
    size_t len = strlen(source);
    if (len > POINTER_TEXT_MAX) {
        return error_set(e, ERR_CONFIG, "a JSON Pointer of %zu bytes is too long, %d at most", len, POINTER_TEXT_MAX);
    }
    if (!utf8_valid(source, len)) {
        return error_set(e, ERR_CONFIG, "a JSON Pointer must be UTF-8");
    }
    if (len > 0 && source[0] != '/') {
        return error_set(e, ERR_CONFIG, "\"%s\" is not a JSON Pointer: it must start with \"/\"", source);
    }
    return 0;
}

static void enter(struct pointer_set *set, struct pointer *pointer)
{
    uint64_t bit = UINT64_C(1) << set->count;
    for (size_t d = 0; d < pointer->depth; d++) {
        set->by_length[d][length_class(pointer->tokens[d].len)] |= bit;
        if (pointer->tokens[d].index >= 0) {
            set->numeric[d] |= bit;
        }
    }
    set->ends_at[pointer->depth] |= bit;
    set->all |= bit;
    set->pointers[set->count++] = pointer;
}

int pointer_set_add(struct pointer_set *set, const char *source, size_t *index, struct error *e)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->pointers[i]->source, source) == 0) {
            *index = i;
            return 0;
        }
    }
    if (set->count == POINTERS_MAX) {
        return error_set(e, ERR_CONFIG, "more than %d different fields are named in the routes, at \"%s\"",
                         POINTERS_MAX - FIELD_BUILTIN_COUNT, source);
    }
    int rc = check_source(source, e);
    if (rc != 0) {
        return rc;
    }
    struct error why;
    error_clear(&why);
    struct pointer *pointer = pointer_new(source, &why);
    if (pointer == NULL) {
        return error_set(e, why.code, "%s", why.text);
    }
    *index = set->count;
    enter(set, pointer);
    return 0;
}

struct pointer_set *pointer_set_new(void)
{
    struct pointer_set *set = mem_zalloc(sizeof *set);
    if (set == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < FIELD_BUILTIN_COUNT; i++) {
        size_t index;
        if (pointer_set_add(set, builtin[i], &index, NULL) != 0) {
            pointer_set_free(set);
            return NULL;
        }
    }
    return set;
}

void pointer_set_free(struct pointer_set *set)
{
    if (set != NULL) {
        for (size_t i = 0; i < set->count; i++) {
            pointer_free(set->pointers[i]);
        }
        mem_free(set);
    }
}

size_t pointer_set_count(const struct pointer_set *set)
{
    return set->count;
}

const char *pointer_set_label(const struct pointer_set *set, size_t index)
{
    return set->pointers[index]->label;
}

uint64_t pointer_set_match_key(const struct pointer_set *set, uint64_t mask, size_t depth, const char *key, size_t len)
{
    uint64_t found = 0;
    for (uint64_t left = mask & set->by_length[depth][length_class(len)]; left != 0; left &= left - 1) {
        const struct pointer_token *token = &set->pointers[__builtin_ctzll(left)]->tokens[depth];
        if (token->len == len && memcmp(token->text, key, len) == 0) {
            found |= left & -left;
        }
    }
    return found;
}

uint64_t pointer_set_match_index(const struct pointer_set *set, uint64_t mask, size_t depth, int64_t index)
{
    uint64_t found = 0;
    for (uint64_t left = mask & set->numeric[depth]; left != 0; left &= left - 1) {
        if (set->pointers[__builtin_ctzll(left)]->tokens[depth].index == index) {
            found |= left & -left;
        }
    }
    return found;
}
