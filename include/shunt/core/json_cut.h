/* json_cut.h: parts of a JSON text as they were written: read into something and written again, numbers would not come out
 * as they went in. The text is valid JSON; of one that is not, nothing is read beyond its end. Pure.
 */
#ifndef SHUNT_CORE_JSON_CUT_H
#define SHUNT_CORE_JSON_CUT_H

#include <stdbool.h>
#include <stddef.h>

/* The text without the space around it. *at: then behind its first character, for json_item. */
void json_whole(const char **at, const char *end, const char **value, size_t *value_len);
/* The value of an object's member. False: it has none of that plain name. */
bool json_member(const char *object, size_t len, const char *name, const char **value, size_t *value_len);
/* The first or next item of an array: *at begins behind the bracket. False: there are no more. */
bool json_item(const char **at, const char *end, const char **value, size_t *value_len);

#endif
