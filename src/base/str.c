#include "shunt/base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"

#define FIRST_ROOM 64

char str_empty[1] = "";

void str_init(struct str *s)
{
    *s = STR_INIT;
}

void str_fini(struct str *s)
{
    if (s->room > 0) {
        mem_free(s->bytes);
    }
    *s = STR_INIT;
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->failed = false;
    if (s->room > 0) {
        s->bytes[0] = '\0';
    }
}

void str_part_fini(struct str *part, struct str *whole)
{
    whole->failed = whole->failed || part->failed;
    str_fini(part);
}

bool str_failed(const struct str *s)
{
    return s->failed;
}

void str_reserve(struct str *s, size_t more)
{
    if (s->failed || (s->room > s->len && more < s->room - s->len)) {
        return;
    }
    if (more > SIZE_MAX / 4 || s->len > SIZE_MAX / 4) {
        s->failed = true;
        return;
    }
    size_t need = s->len + more + 1;
    size_t room = s->room > 0 ? 2 * s->room : FIRST_ROOM;
    if (room < need) {
        room = need;
    }
    char *bytes = s->room > 0 ? mem_resize(s->bytes, room) : mem_alloc(room);
    if (!bytes) {
        s->failed = true;
        return;
    }
    s->bytes = bytes;
    s->bytes[s->len] = '\0';
    s->room = room;
}

void str_add(struct str *s, const void *bytes, size_t n)
{
    if (n == 0) {
        return;
    }
    str_reserve(s, n);
    if (s->failed) {
        return;
    }
    memcpy(s->bytes + s->len, bytes, n);
    s->len += n;
    s->bytes[s->len] = '\0';
}

void str_puts(struct str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

void str_putc(struct str *s, char c)
{
    str_add(s, &c, 1);
}

void str_printf(struct str *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        s->failed = true;
    } else {
        str_reserve(s, (size_t)n);
    }
    if (!s->failed) {
        (void)vsnprintf(s->bytes + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

char *str_take(struct str *s)
{
    str_reserve(s, 0);
    if (s->failed) {
        str_fini(s);
        return NULL;
    }
    char *bytes = s->bytes;
    *s = STR_INIT;
    return bytes;
}

bool glob_match(const char *pattern, const char *text, size_t n)
{
    const char *star = NULL; /* behind the last '*' seen */
    size_t at = 0, retry = 0;
    while (at < n) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = at;
        } else if (*pattern != '\0' && *pattern == text[at]) {
            pattern++;
            at++;
        } else if (star) {
            /* only the last '*' ever takes more: what stood before it has matched as early as it could */
            pattern = star;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}
