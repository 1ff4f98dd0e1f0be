/* json_get.c: see json_get.h. */
#include "shunt/core/json_get.h"

const char *json_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

json_int_t json_number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

json_t *json_texts(char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, json_string(texts[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
