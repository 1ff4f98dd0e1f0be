/* http_target.c: a request's target: path and query, decoded after they were split, so that %2F is no separator.
 *
 * Refused are bad escapes, %00 and what is not UTF-8 in the end. */
#include <string.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In place. False: no text. */
static bool decode(char *text, bool plus_is_space)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in == '%') {
            int high = hex_value(in[1]);
            int low = high < 0 ? -1 : hex_value(in[2]);
            if (low < 0 || high + low == 0)
                return false;
            *out++ = (char)(high * 16 + low);
            in += 2;
        } else {
            *out++ = plus_is_space && *in == '+' ? ' ' : *in;
        }
    }
    *out = '\0';
    return utf8_valid(text, (size_t)(out - text));
}

static int split_path(struct http_target *target, char *path)
{
    if (*path != '/')
        return ERR_SYNTAX;
    char *rest = path + 1;
    for (char *segment; (segment = strsep(&rest, "/"));) {
        if (!decode(segment, false))
            return ERR_SYNTAX;
        if (target->n_segments == HTTP_SEGMENTS_MAX)
            target->too_deep = true;
        else
            target->segments[target->n_segments++] = segment;
    }
    return 0;
}

static int split_query(struct http_target *target, char *query)
{
    for (char *name; (name = strsep(&query, "&"));) {
        if (!*name)
            continue;
        char *value = strchr(name, '=');
        if (value)
            *value++ = '\0';
        else
            value = name + strlen(name);
        if (target->n_query == HTTP_QUERY_PARAMS_MAX || !decode(name, true) || !decode(value, true))
            return ERR_SYNTAX;
        target->query[target->n_query++] = (struct http_pair){.name = name, .name_len = strlen(name), .value = value};
    }
    return 0;
}

int http_target_parse(struct http_target *target, const char *uri)
{
    size_t len = strlen(uri);
    size_t path_len = strcspn(uri, "?");
    *target = (struct http_target){.path = mem_alloc(path_len + 1 + len + 1)};
    if (!target->path)
        return ERR_NOMEM;
    memcpy(target->path, uri, path_len);
    target->path[path_len] = '\0';
    char *text = memcpy(target->path + path_len + 1, uri, len + 1);
    int rc = 0;
    if (text[path_len] == '?') {
        text[path_len] = '\0';
        rc = split_query(target, text + path_len + 1);
    }
    return rc == 0 ? split_path(target, text) : rc;
}

void http_target_fini(struct http_target *target)
{
    mem_free(target->path);
    *target = (struct http_target){.path = NULL};
}

static bool fits(struct http_target *target, const char *pattern)
{
    target->n_params = 0;
    size_t i = 0;
    for (; *pattern == '/'; i++) {
        size_t len = strcspn(++pattern, "/");
        if (i == target->n_segments)
            return false;
        const char *segment = target->segments[i];
        if (*pattern == '{') {
            if (!*segment || target->n_params == HTTP_PATH_PARAMS_MAX)
                return false;
            target->params[target->n_params++] =
                (struct http_pair){.name = pattern + 1, .name_len = len - 2, .value = segment};
        } else if (strlen(segment) != len || memcmp(segment, pattern, len) != 0) {
            return false;
        }
        pattern += len;
    }
    return i == target->n_segments && !target->too_deep;
}

static bool answers(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

const struct http_route *http_target_match(struct http_target *target, const struct http_route *routes, size_t n_routes,
                                           const char *method, unsigned *status)
{
    *status = MHD_HTTP_NOT_FOUND;
    for (size_t i = 0; i < n_routes; i++) {
        if (!fits(target, routes[i].path))
            continue;
        if (answers(&routes[i], method))
            return &routes[i];
        *status = MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    return NULL;
}

void http_target_allow(struct http_target *target, const struct http_route *routes, size_t n_routes, struct str *allow)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        unsigned status;
        if (http_target_match(target, routes, n_routes, methods[i], &status))
            str_printf(allow, "%s%s", allow->len > 0 ? ", " : "", methods[i]);
    }
}

const char *http_pair_find(const struct http_pair *pairs, size_t n, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].name_len == len && memcmp(pairs[i].name, name, len) == 0)
            return pairs[i].value;
    }
    return NULL;
}
