/* Any bytes: where they are JSON, what is cut out of them says what Jansson reads there; where they are not, nothing is
 * read beyond their end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "shunt/core/json_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_same(const char *text, size_t len, const json_t *value)
{
    json_t *again = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!again || !json_equal(again, value))
        abort();
    json_decref(again);
}

static void check_object(const char *text, size_t len, json_t *object)
{
    const char *key, *value;
    size_t value_len;
    json_t *member;
    json_object_foreach (object, key, member) {
        if (json_member(text, len, key, &value, &value_len))
            require_same(value, value_len, member);
        else if (!memchr(text, '\\', len) && !strchr(key, '"')) /* a name that is written with escapes is not found */
            abort();
    }
}

static void check_array(const char *at, const char *end, const json_t *array)
{
    const char *value;
    size_t len, i = 0;
    while (json_item(&at, end, &value, &len))
        require_same(value, len, json_array_get(array, i++));
    if (i != json_array_size(array))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size); /* exactly so long: what reads further is seen */
    const char *whole, *value, *at = copy, *end = copy + size;
    size_t len;
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    json_whole(&at, end, &whole, &len);
    json_t *json = json_loadb(copy, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (json_is_object(json))
        check_object(whole, len, json);
    else if (json_is_array(json))
        check_array(at, end, json);
    else {
        (void)json_member(copy, size, "ticket", &value, &len);
        for (size_t turns = 0; turns <= size && json_item(&at, end, &value, &len); turns++)
            continue;
    }
    json_decref(json);
    free(copy);
    return 0;
}
