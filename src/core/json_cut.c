/* json_cut.c: see json_cut.h. */
#include "shunt/core/json_cut.h"

#include <string.h>

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) && *at)
        at++;
    return at;
}

static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

static const char *skip_value(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
        } else {
            if ((c == ',' || c == '}' || c == ']') && depth == 0)
                return at;
            depth += c == '{' || c == '[';
            depth -= c == '}' || c == ']';
            at++;
        }
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return at;
    }
    return end;
}

static void cut(const char *at, const char *end, const char **value, size_t *len)
{
    while (end > at && strchr(" \t\r\n", end[-1]))
        end--;
    *value = at;
    *len = (size_t)(end - at);
}

void json_whole(const char **at, const char *end, const char **value, size_t *value_len)
{
    *at = skip_space(*at, end);
    cut(*at, end, value, value_len);
    *at += *at < end;
}

bool json_item(const char **at, const char *end, const char **value, size_t *value_len)
{
    const char *p = skip_space(*at, end);
    if (p < end && *p == ',')
        p = skip_space(p + 1, end);
    if (p >= end || *p == ']')
        return false;
    const char *after = skip_value(p, end);
    cut(p, after, value, value_len);
    *at = after;
    return true;
}

bool json_member(const char *object, size_t len, const char *name, const char **value, size_t *value_len)
{
    const char *end = object + len, *at = skip_space(object, end);
    size_t name_len = strlen(name);
    at += at < end;
    for (;;) {
        at = skip_space(at, end);
        if (at < end && *at == ',')
            at = skip_space(at + 1, end);
        if (at >= end || *at != '"')
            return false;
        const char *key = at + 1, *after = skip_string(at, end);
        bool wanted = (size_t)(after - key) == name_len + 1 && memcmp(key, name, name_len) == 0;
        at = skip_space(after, end);
        at = skip_space(at + (at < end), end);
        const char *last = skip_value(at, end);
        if (wanted) {
            cut(at, last, value, value_len);
            return true;
        }
        at = last;
    }
}
