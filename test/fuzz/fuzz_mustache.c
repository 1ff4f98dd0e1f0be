/* A template, after a NUL a partial "p", after another NUL data as JSON. Whatever comes: text, or a fault with its line and nothing
 * put out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/mustache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const char *first = memchr(bytes, '\0', size);
    size_t template_len = first ? (size_t)(first - bytes) : size;
    const char *rest = first ? first + 1 : bytes + size;
    size_t rest_len = (size_t)(bytes + size - rest);
    const char *second = memchr(rest, '\0', rest_len);
    size_t partial_len = second ? (size_t)(second - rest) : rest_len;
    json_t *json = second ? json_loadb(second + 1, rest_len - partial_len - 1, JSON_DECODE_ANY, NULL) : NULL;
    const struct mustache_text text = {"t", bytes, template_len}, partial = {"p", rest, partial_len};
    struct str out = STR_INIT;
    struct error e = {0};
    str_puts(&out, "x");
    int rc = mustache_render(&text, &partial, 1, json, &out, &e);
    if (rc == 0 ? e.code != 0 : e.code != rc || out.len != 1 || !strchr(e.text, ':'))
        abort();
    json_decref(json);
    str_fini(&out);
    return 0;
}
