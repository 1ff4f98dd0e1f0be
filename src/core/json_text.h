/* json_text.h: what the ticket parser must know about the bytes themselves, where yajl does not tell or does not
 * look. Pure. */
#ifndef SHUNT_SRC_CORE_JSON_TEXT_H
#define SHUNT_SRC_CORE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in a text: both count from 1, columns in characters (UTF-8), so that an editor's display agrees. */
struct text_place {
    int64_t line;
    int64_t column;
};
void text_place_advance(struct text_place *place, const uint8_t *bytes, size_t n);

/* How many leading bytes are whole and valid units of a string's content: characters and escapes, as yajl accepts
 * them. Stops before a quote, before what is bad, and before a unit that the end of the bytes cuts. */
size_t json_units(const uint8_t *bytes, size_t n);
#define JSON_UNIT_MAX 6 /* bytes of a unit: \u1234 */

/* bytes[0] is a backslash. Returns how many bytes may pass as they are, or 6 and *lone where \uXXXX is half of a
 * surrogate pair without its other half, or 0 where n bytes do not tell. ESCAPE_DECIDED bytes always tell. */
size_t json_escape(const uint8_t *bytes, size_t n, bool *lone);
#define ESCAPE_DECIDED 12

enum text_start { TEXT_UTF8, TEXT_BOM, TEXT_BOM_CUT, TEXT_UTF16, TEXT_UTF32, TEXT_NULS, TEXT_EMPTY };
/* By the first TEXT_START_MAX bytes of the text, or fewer where it is shorter. */
#define TEXT_START_MAX 4
enum text_start text_start(const uint8_t *bytes, size_t n);

#endif
