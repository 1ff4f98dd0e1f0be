/* mustache.c: see mustache.h. The template is walked from tag to tag; a section is its text between two places, walked once for
 * each of its values, or once without being rendered, which finds its end and the faults in it. */
#include "shunt/core/mustache.h"

#include <string.h>

#include "shunt/base/mem.h"

#define DELIMITER_MAX 16

/* What names are looked up in, the innermost first. */
struct frame {
    const struct frame *outer;
    const json_t *value;
};

struct delimiter {
    char text[DELIMITER_MAX];
    size_t len;
};

struct place {
    size_t at;
    struct delimiter open, close;
};

struct rendering {
    const struct mustache_text *partials;
    size_t n_partials;
    struct str *out;
    size_t limit; /* of out */
    size_t tags;
    struct error *error;
};

/* One template or partial, while it is walked. */
struct walk {
    struct rendering *r;
    const struct mustache_text *text;
    struct place place;
    unsigned depth;
};

struct tag {
    char kind; /* '#' '^' '/' '!' '>' '=' '&', 0: a variable; '$': the end of the text */
    size_t at;
    const char *name;
    size_t len;
    const char *indent; /* of a tag that stands alone on its line */
    size_t indent_len;
};

static int fault(const struct walk *w, size_t at, int code, const char *what, const char *name, size_t len)
{
    unsigned line = 1;
    for (size_t i = 0; i < at; i++)
        line += w->text->bytes[i] == '\n';
    len = utf8_cut(name, len, 60);
    return error_set(w->r->error, code, "%s:%u: %s%s%.*s", w->text->name, line, what, len > 0 ? " " : "", (int)len,
                     name);
}

static int put(const struct walk *w, size_t at, const char *bytes, size_t len)
{
    struct str *out = w->r->out;
    if (len > w->r->limit - out->len)
        return fault(w, at, ERR_TOO_LARGE, "what is made of it is too large", "", 0);
    str_add(out, bytes, len);
    return str_failed(out) ? error_set(w->r->error, ERR_NOMEM, "out of memory") : 0;
}

static int put_escaped(const struct walk *w, size_t at, const char *bytes, size_t len)
{
    static const struct {
        char from;
        const char *to;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    int rc = 0;
    for (size_t i = 0; i < len && rc == 0; i++) {
        const char *to = NULL;
        for (size_t k = 0; k < sizeof escapes / sizeof *escapes; k++)
            to = escapes[k].from == bytes[i] ? escapes[k].to : to;
        rc = to ? put(w, at, to, strlen(to)) : put(w, at, bytes + i, 1);
    }
    return rc;
}

/* --- reading tags --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t find(const char *bytes, size_t len, size_t from, const char *what, size_t what_len)
{
    const char *found = from <= len ? memmem(bytes + from, len - from, what, what_len) : NULL;
    return found ? (size_t)(found - bytes) : len;
}

static void trim(const char **name, size_t *len)
{
    while (*len > 0 && is_space(**name)) {
        ++*name;
        --*len;
    }
    while (*len > 0 && is_space((*name)[*len - 1]))
        --*len;
}

/* Alone on its line, the line goes with it. *text_end, *after: what is cut before and behind. */
static void stand_alone(const struct walk *w, struct tag *tag, size_t *text_end, size_t *after)
{
    const char *bytes = w->text->bytes;
    size_t len = w->text->len, begin = tag->at, end = *after;
    while (begin > 0 && (bytes[begin - 1] == ' ' || bytes[begin - 1] == '\t'))
        begin--;
    if (begin > 0 && bytes[begin - 1] != '\n')
        return;
    while (end < len && (bytes[end] == ' ' || bytes[end] == '\t'))
        end++;
    if (end < len && bytes[end] == '\r' && end + 1 < len && bytes[end + 1] == '\n')
        end++;
    if (end < len && bytes[end] != '\n')
        return;
    tag->indent = bytes + begin;
    tag->indent_len = tag->at - begin;
    *text_end = begin;
    *after = end < len ? end + 1 : end;
}

static bool set_delimiter(struct delimiter *d, const char *text, size_t len)
{
    if (len == 0 || len > sizeof d->text || memchr(text, '=', len))
        return false;
    memcpy(d->text, text, len);
    d->len = len;
    return true;
}

static int set_delimiters(struct walk *w, const struct tag *tag)
{
    size_t first = 0, second;
    while (first < tag->len && !is_space(tag->name[first]))
        first++;
    for (second = first; second < tag->len && is_space(tag->name[second]);)
        second++;
    for (size_t i = second; i < tag->len; i++)
        if (is_space(tag->name[i]))
            second = tag->len;
    if (!set_delimiter(&w->place.open, tag->name, first) ||
        !set_delimiter(&w->place.close, tag->name + second, tag->len - second))
        return fault(w, tag->at, ERR_SYNTAX, "these are no delimiters:", tag->name, tag->len);
    return 0;
}

/* Between the delimiters: what kind, and the name. *after: behind it. */
static int read_inside(const struct walk *w, struct tag *tag, size_t *after)
{
    const char *bytes = w->text->bytes;
    size_t len = w->text->len, from = tag->at + w->place.open.len;
    char first = from < len ? bytes[from] : '\0';
    tag->kind = first != '\0' && strchr("#^/!>=&{", first) ? first : '\0';
    from += tag->kind != '\0';
    char closing[DELIMITER_MAX + 1];
    size_t extra = tag->kind == '{' || tag->kind == '=';
    closing[0] = tag->kind == '{' ? '}' : '=';
    memcpy(closing + extra, w->place.close.text, w->place.close.len);
    size_t end = find(bytes, len, from, closing, w->place.close.len + extra);
    if (end == len)
        return fault(w, tag->at, ERR_SYNTAX, "a tag is not closed", "", 0);
    *after = end + w->place.close.len + extra;
    tag->kind = tag->kind == '{' ? '&' : tag->kind;
    tag->name = bytes + from;
    tag->len = end - from;
    trim(&tag->name, &tag->len);
    if (tag->len == 0 && tag->kind != '!')
        return fault(w, tag->at, ERR_SYNTAX, "a tag has no name", "", 0);
    if (tag->kind == '\0' && (*tag->name == '<' || *tag->name == '$'))
        return fault(w, tag->at, ERR_SYNTAX, "this kind of tag is not known:", tag->name, tag->len);
    return 0;
}

/* The next tag; the text before it is put out, where told to. */
static int next_tag(struct walk *w, bool render, struct tag *tag)
{
    const char *bytes = w->text->bytes;
    size_t len = w->text->len, from = w->place.at, at = find(bytes, len, from, w->place.open.text, w->place.open.len);
    size_t text_end = at, after = len;
    *tag = (struct tag){.kind = '$', .at = at};
    int rc = 0;
    if (at < len) {
        rc = read_inside(w, tag, &after);
        if (rc == 0 && tag->kind != '\0' && tag->kind != '&')
            stand_alone(w, tag, &text_end, &after);
        if (rc == 0 && ++w->r->tags > MUSTACHE_TAGS_MAX)
            rc = fault(w, at, ERR_TOO_LARGE, "too many tags are rendered", "", 0);
    }
    if (rc == 0 && render)
        rc = put(w, from, bytes + from, text_end - from);
    w->place.at = after;
    return rc == 0 && tag->kind == '=' ? set_delimiters(w, tag) : rc;
}

/* --- values --- */

static const json_t *member(const json_t *object, const char *name, size_t len)
{
    return json_is_object(object) ? json_object_getn(object, name, len) : NULL;
}

/* The first part of a dotted name is found wherever it is, the others only in it. NULL: nothing. */
static const json_t *look_up(const struct frame *frame, const char *name, size_t len)
{
    if (len == 1 && *name == '.')
        return frame->value;
    const char *dot = memchr(name, '.', len);
    size_t part = dot ? (size_t)(dot - name) : len;
    const json_t *value = NULL;
    for (; frame && !value; frame = frame->outer)
        value = member(frame->value, name, part);
    while (value && part < len) {
        name += part + 1;
        len -= part + 1;
        dot = memchr(name, '.', len);
        part = dot ? (size_t)(dot - name) : len;
        value = member(value, name, part);
    }
    return value;
}

static bool is_true(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_array(value) && json_array_size(value) == 0);
}

static int put_value(const struct walk *w, const struct tag *tag, const json_t *value)
{
    char number[32];
    const char *text = number;
    size_t len = 0;
    if (json_is_string(value)) {
        text = json_string_value(value);
        len = json_string_length(value);
    } else if (json_is_integer(value)) {
        len = (size_t)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        len = (size_t)snprintf(number, sizeof number, "%.15g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        text = json_is_true(value) ? "true" : "false";
        len = strlen(text);
    }
    return tag->kind == '&' ? put(w, tag->at, text, len) : put_escaped(w, tag->at, text, len);
}

/* --- walking --- */

static int walk(struct walk *w, const struct frame *frame, const struct tag *section);

static int deeper(struct walk *w, const struct tag *tag)
{
    if (w->depth >= MUSTACHE_DEPTH_MAX)
        return fault(w, tag->at, ERR_TOO_DEEP, "too many sections or partials in each other:", tag->name, tag->len);
    w->depth++;
    return 0;
}

/* Once from where the section begins; the place is then behind its end. frame NULL: it is passed over. */
static int walk_section(struct walk *w, const struct place *begin, const struct frame *outer, const json_t *value,
                        const struct tag *tag)
{
    struct frame inner = {.outer = outer, .value = value};
    w->place = *begin;
    int rc = deeper(w, tag);
    if (rc != 0)
        return rc;
    rc = walk(w, value ? &inner : outer, tag);
    w->depth--;
    return rc;
}

static int put_section(struct walk *w, const struct frame *frame, const struct tag *tag)
{
    const struct place begin = w->place;
    const json_t *value = frame ? look_up(frame, tag->name, tag->len) : NULL;
    if (!frame || is_true(value) == (tag->kind == '^'))
        return walk_section(w, &begin, NULL, NULL, tag);
    if (tag->kind == '^')
        return walk_section(w, &begin, frame, NULL, tag);
    if (!json_is_array(value))
        return walk_section(w, &begin, frame, value, tag);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++)
        rc = walk_section(w, &begin, frame, json_array_get(value, i), tag);
    return rc;
}

/* Every line of it with the indentation of the tag that stood alone. */
static int indent(const struct tag *tag, const struct mustache_text *partial, struct str *out, struct error *e)
{
    for (size_t at = 0; at < partial->len;) {
        const char *line = partial->bytes + at, *end = memchr(line, '\n', partial->len - at);
        size_t n = end ? (size_t)(end - line) + 1 : partial->len - at;
        str_add(out, tag->indent, tag->indent_len);
        str_add(out, line, n);
        at += n;
    }
    return str_failed(out) ? error_set(e, ERR_NOMEM, "out of memory") : 0;
}

static const struct delimiter two_open = {"{{", 2}, two_close = {"}}", 2};

static int put_partial(struct walk *w, const struct frame *frame, const struct tag *tag)
{
    const struct mustache_text *partial = NULL;
    for (size_t i = 0; i < w->r->n_partials && !partial; i++)
        if (strlen(w->r->partials[i].name) == tag->len && memcmp(w->r->partials[i].name, tag->name, tag->len) == 0)
            partial = &w->r->partials[i];
    if (!frame || !partial)
        return 0;
    int rc = deeper(w, tag);
    if (rc != 0)
        return rc;
    struct str indented = STR_INIT;
    struct mustache_text text = *partial;
    if (tag->indent_len > 0) {
        rc = indent(tag, partial, &indented, w->r->error);
        text.bytes = indented.bytes;
        text.len = indented.len;
    }
    struct walk inner = {.r = w->r, .text = &text, .place = {0, two_open, two_close}, .depth = w->depth};
    rc = rc ? rc : walk(&inner, frame, NULL);
    str_fini(&indented);
    w->depth--;
    return rc;
}

/* To the end of the section, or of the text. frame NULL: nothing is put out. */
static int walk(struct walk *w, const struct frame *frame, const struct tag *section)
{
    for (;;) {
        struct tag tag;
        int rc = next_tag(w, frame != NULL, &tag);
        if (rc != 0)
            return rc;
        if (tag.kind == '$')
            return section ? fault(w, section->at, ERR_SYNTAX, "a section is not closed:", section->name, section->len)
                           : 0;
        if (tag.kind == '/') {
            if (section && section->len == tag.len && memcmp(section->name, tag.name, tag.len) == 0)
                return 0;
            return fault(w, tag.at, ERR_SYNTAX, "this closes no section:", tag.name, tag.len);
        }
        if (tag.kind == '#' || tag.kind == '^')
            rc = put_section(w, frame, &tag);
        else if (tag.kind == '>')
            rc = put_partial(w, frame, &tag);
        else if (frame && (tag.kind == '\0' || tag.kind == '&'))
            rc = put_value(w, &tag, look_up(frame, tag.name, tag.len));
        if (rc != 0)
            return rc;
    }
}

int mustache_render(const struct mustache_text *text, const struct mustache_text *partials, size_t n_partials,
                    const json_t *data, struct str *out, struct error *e)
{
    struct error own = {0};
    size_t before = out->len;
    struct rendering r = {
        .partials = partials, .n_partials = n_partials, .out = out, .limit = before + MUSTACHE_OUTPUT_MAX};
    r.error = e ? e : &own;
    struct walk w = {.r = &r, .text = text, .place = {0, two_open, two_close}};
    struct frame frame = {.value = data};
    int rc = str_failed(out) ? error_set(r.error, ERR_NOMEM, "out of memory") : walk(&w, &frame, NULL);
    if (rc != 0 && rc != ERR_NOMEM) {
        out->len = before;
        if (out->room > 0)
            out->bytes[before] = '\0';
    }
    return rc;
}
