/* http_body.c: what makes an answer small: a tag by which a client knows that it has it already, and gzip. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ZLIB_CONST
#include <zlib.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

#define GZIP_WINDOW (15 + 16) /* zlib's way to say gzip */
#define GZIP_MEMORY 8         /* zlib's default */

/* In the manner of FNV-1a, but eight bytes at a time, and the length: two answers of one path differ by it. Who wants to
 * mislead himself may. */
uint64_t http_body_hash(const char *bytes, size_t len)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i += sizeof hash) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, len - i < sizeof word ? len - i : sizeof word);
        hash = (hash ^ word) * 1099511628211u;
        hash ^= hash >> 32; /* what is high in a word is to count in all of the next */
    }
    return hash;
}

void http_body_tag(uint64_t hash, size_t len, bool gzip, char out[HTTP_TAG_MAX])
{
    snprintf(out, HTTP_TAG_MAX, "\"%016llx-%zx%s\"", (unsigned long long)hash, len, gzip ? "-gz" : "");
}

bool http_tag_matches(const char *list, const char *tag)
{
    size_t len = strlen(tag);
    for (const char *at = list; *at;) {
        at += strspn(at, " \t,");
        if (*at == '*')
            return true;
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        if (strncmp(at, tag, len) == 0)
            return true;
        at += strcspn(at, ",");
    }
    return false;
}

bool http_type_shrinks(const char *type)
{
    static const char *const types[] = {"text/", "application/json", "image/svg+xml"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strncmp(type, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

/* "gzip;q=0" and "gzip; q=0.0" are a no. */
static bool is_refused(const char *params, size_t len)
{
    const char *q = memchr(params, '=', len);
    return q && strspn(q + 1, "0.") >= (size_t)(params + len - q - 1);
}

bool http_accepts_gzip(const char *accept_encoding)
{
    for (const char *at = accept_encoding; *at;) {
        at += strspn(at, " \t,");
        size_t word = strcspn(at, " \t,;"), all = strcspn(at, ",");
        if (word == 4 && strncasecmp(at, "gzip", 4) == 0) {
            while (all > word && (at[all - 1] == ' ' || at[all - 1] == '\t'))
                all--;
            return !is_refused(at + word, all - word);
        }
        at += all;
    }
    return false;
}

static void *take(void *unused, unsigned items, unsigned size)
{
    (void)unused;
    return mem_zalloc((size_t)items * size); /* zlib's sizes are its own, and small */
}

static void give_back(void *unused, void *p)
{
    (void)unused;
    mem_free(p);
}

char *http_body_gzip(const char *bytes, size_t *len)
{
    z_stream z = {.zalloc = take, .zfree = give_back};
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    char *out = mem_alloc(*len);
    z.next_in = (const Bytef *)bytes;
    z.avail_in = (uInt)*len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)*len; /* what does not become smaller stays as it is */
    bool done = out && deflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t small = z.total_out;
    deflateEnd(&z);
    if (!done) {
        mem_free(out);
        return NULL;
    }
    *len = small;
    return out;
}
