/* multipart.c: see multipart.h. */
#include "shunt/core/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 */
#define HEADERS_MAX  4096

struct boundary {
    char bytes[BOUNDARY_MAX + 5]; /* CR LF - - and it */
    size_t len;
};

static const char type[] = "multipart/form-data";

bool multipart_is(const char *content_type)
{
    return content_type && strncasecmp(content_type, type, sizeof type - 1) == 0 &&
           strchr("; \t", content_type[sizeof type - 1]) != NULL;
}

/* The value of a parameter behind `at` (a quoted string or a token) into out, without its quoting. Where it ends; NULL:
 * it is none, or too long. */
static const char *value(const char *at, const char *end, char *out, size_t size)
{
    size_t n = 0;
    bool quoted = at < end && *at == '"';
    at += quoted;
    for (; at < end && (quoted ? *at != '"' : *at != ';' && *at != ' ' && *at != '\t'); at++) {
        if (quoted && *at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\\'))
            at++;
        if (n + 1 >= size)
            return NULL;
        out[n++] = *at;
    }
    out[n] = '\0';
    if (quoted)
        return at < end ? at + 1 : NULL;
    return n > 0 ? at : NULL;
}

/* The parameter `name` of a header's value. 1: found; 0: there is none; ERR_SYNTAX. */
static int parameter(const char *at, const char *end, const char *name, char *out, size_t size)
{
    char key[32], text[NAME_SIZE];
    int found = 0;
    while (at < end && *at != ';')
        at++;
    while (at < end) {
        if (*at != ';')
            return ERR_SYNTAX;
        for (at++; at < end && (*at == ' ' || *at == '\t');)
            at++;
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (at == end) /* a last semicolon */
            break;
        if (!equals || equals == at || (size_t)(equals - at) >= sizeof key)
            return ERR_SYNTAX;
        memcpy(key, at, (size_t)(equals - at));
        key[equals - at] = '\0';
        bool wanted = strcasecmp(key, name) == 0;
        if (!(at = value(equals + 1, end, wanted ? out : text, wanted ? size : sizeof text)) || (wanted && found))
            return ERR_SYNTAX;
        found = found || wanted;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
    }
    return found;
}

static int read_boundary(const char *content_type, struct boundary *b, struct error *e)
{
    char text[BOUNDARY_MAX + 1];
    const char *end = content_type + strlen(content_type);
    if (parameter(content_type, end, "boundary", text, sizeof text) != 1 || text[0] == '\0')
        return error_set(e, ERR_SYNTAX, "the form has no usable boundary in its Content-Type");
    b->len = (size_t)(stpcpy(stpcpy(b->bytes, "\r\n--"), text) - b->bytes);
    return 0;
}

/* 1: this header says that the part is a file. */
static int read_header(const char *at, const char *end, struct multipart_file *out, struct error *e)
{
    static const char disposition[] = "Content-Disposition:";
    char text[16];
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (!colon || memchr(at, '\0', (size_t)(end - at)))
        return error_set(e, ERR_SYNTAX, "a part of the form has a header line that is none");
    if ((size_t)(end - at) < sizeof disposition - 1 || strncasecmp(at, disposition, sizeof disposition - 1) != 0)
        return 0;
    const char *semicolon = memchr(at, ';', (size_t)(end - at));
    const char *word = colon + 1;
    while (word < end && *word == ' ')
        word++;
    size_t n = (size_t)((semicolon ? semicolon : end) - word);
    snprintf(text, sizeof text, "%.*s", n < sizeof text ? (int)n : 0, word);
    if (strcasecmp(text, "form-data") != 0)
        return error_set(e, ERR_SYNTAX, "a part of the form is no form-data");
    int rc = parameter(at, end, "filename", out->name, sizeof out->name);
    return rc >= 0 ? rc : error_set(e, ERR_SYNTAX, "the file's name in the form is too long or not well quoted");
}

/* From the first header to the body of the part; NULL with *e set. */
static const char *read_headers(const char *at, const char *end, struct multipart_file *out, struct error *e)
{
    bool is_file = false;
    const char *limit = (size_t)(end - at) > HEADERS_MAX ? at + HEADERS_MAX : end;
    for (;;) {
        const char *line_end = memmem(at, (size_t)(limit - at), "\r\n", 2);
        if (!line_end) {
            error_set(e, ERR_SYNTAX, "a part of the form has headers without an end");
            return NULL;
        }
        if (line_end == at)
            break;
        int rc = read_header(at, line_end, out, e);
        if (rc < 0 || (rc == 1 && is_file)) {
            error_set(e, ERR_SYNTAX, "a part of the form is described twice");
            return NULL;
        }
        is_file = is_file || rc == 1;
        at = line_end + 2;
    }
    if (!is_file) {
        error_set(e, ERR_SYNTAX, "the form has a field that is no file: it must have one file and nothing else");
        return NULL;
    }
    return at + 2;
}

int multipart_read(const char *content_type, const char *body, size_t len, struct multipart_file *out, struct error *e)
{
    struct boundary b = {.len = 0};
    const char *end = body + len;
    if (!multipart_is(content_type))
        return error_set(e, ERR_SYNTAX, "the body is no form");
    if (read_boundary(content_type, &b, e) != 0)
        return e->code;
    size_t dashed = b.len - 2; /* the first one has no line before it */
    if (len < dashed + 2 || memcmp(body, b.bytes + 2, dashed) != 0 || memcmp(body + dashed, "\r\n", 2) != 0)
        return error_set(e, ERR_SYNTAX, "the form does not begin with its boundary");
    if (!(out->bytes = read_headers(body + dashed + 2, end, out, e)))
        return e->code;
    /* the empty line's end may belong to the boundary of an empty part */
    const char *last = memmem(out->bytes - 2, (size_t)(end - out->bytes) + 2, b.bytes, b.len);
    if (!last || (size_t)(end - last) < b.len + 2)
        return error_set(e, ERR_SYNTAX, "the form ends too early");
    const char *after = last + b.len;
    if (memcmp(after, "\r\n", 2) == 0)
        return error_set(e, ERR_SYNTAX, "the form has more than one part: it must have one file and nothing else");
    if (memcmp(after, "--", 2) != 0)
        return error_set(e, ERR_SYNTAX, "the form's boundary is followed by something else");
    after += 2;
    if (after != end && ((size_t)(end - after) != 2 || memcmp(after, "\r\n", 2) != 0))
        return error_set(e, ERR_SYNTAX, "something follows the end of the form");
    out->len = last < out->bytes ? 0 : (size_t)(last - out->bytes);
    return 0;
}
