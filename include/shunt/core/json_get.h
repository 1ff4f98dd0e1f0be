/* json_get.h: what is read from, and written into, documents of ours again and again. Pure. */
#ifndef SHUNT_CORE_JSON_GET_H
#define SHUNT_CORE_JSON_GET_H

#include <stddef.h>

#include <jansson.h>

/* The member's text; "": it has none. The document's. */
const char *json_text_of(const json_t *object, const char *key);
/* The member's whole number; 0: it has none. */
json_int_t json_number_of(const json_t *object, const char *key);
/* An array of texts; NULL: no memory. */
json_t *json_texts(char *const *texts, size_t count);

#endif
