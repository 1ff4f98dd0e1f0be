/* multipart.h: the one file in a form's body (multipart/form-data, RFC 7578), as browsers and `curl -F` send it.
 *
 * Strict: exactly one part, and it is a file; every part ends where the boundary says; nothing follows the last one.
 * Pure, allocates nothing: what comes out points into the body. Thread: any.
 */
#ifndef SHUNT_CORE_MULTIPART_H
#define SHUNT_CORE_MULTIPART_H

#include <stdbool.h>

#include "shunt/core/name.h"

struct multipart_file {
    char name[NAME_SIZE]; /* "filename" as it was sent, without its quoting; not checked */
    const char *bytes;    /* borrowed from the body */
    size_t len;
};

bool multipart_is(const char *content_type); /* NULL: no */
/* ERR_SYNTAX says what is wrong with it. */
int multipart_read(const char *content_type, const char *body, size_t len, struct multipart_file *out, struct error *e);

#endif
