/* mustache.h: templates without logic, as mustache(5) and github.com/mustache/spec (1.4) have them, from JSON to text.
 *
 * Variables (escaped for HTML; {{{x}}} and {{&x}} are not), sections, inverted sections, comments, partials, set delimiters,
 * lines that hold nothing but a tag, dotted names, the implicit iterator. Not there: lambdas, inheritance, dynamic names.
 * Nothing, null, false and [] are false; all else is true. A template is read as it is rendered: nothing is compiled or kept.
 *
 * It is own code since Debian has no C library of it: libkainjow-mustache-dev is a C++ header that throws and cannot tell that
 * memory ran out.
 *
 * Bounded: MUSTACHE_DEPTH_MAX sections and partials in each other, MUSTACHE_TAGS_MAX tags rendered, MUSTACHE_OUTPUT_MAX bytes.
 * Pure. Thread: any.
 */
#ifndef SHUNT_CORE_MUSTACHE_H
#define SHUNT_CORE_MUSTACHE_H

#include <stddef.h>

#include <jansson.h>

#include "shunt/base/error.h"
#include "shunt/base/str.h"

#define MUSTACHE_DEPTH_MAX  64
#define MUSTACHE_TAGS_MAX   1000000
#define MUSTACHE_OUTPUT_MAX (1024UL * 1024)

struct mustache_text {
    const char *name; /* for errors; of a partial: what tags call it */
    const char *bytes;
    size_t len;
};

/* Appends to out. All borrowed; a partial that is not there is empty. ERR_SYNTAX: the template is at fault; ERR_TOO_DEEP,
 * ERR_TOO_LARGE: a limit; each says "name:line: why" and leaves out as it was. ERR_NOMEM. */
int mustache_render(const struct mustache_text *text, const struct mustache_text *partials, size_t n_partials,
                    const json_t *data, struct str *out, struct error *e);

#endif
