/* ticket.h: from a JSON document to the few fields that decide its way, in one pass and constant memory.
 *
 * yajl's SAX interface reads chunks of any size (RFC 8259); fields are named by JSON Pointers (RFC 6901) that are known
 * before. The document is never changed or built. Of duplicate keys the last wins, also where the duplicate is an
 * object on the way to a field (its earlier fields are forgotten). A UTF-8 BOM is skipped; UTF-16/32 is refused by
 * name. yajl lets overlong and surrogate UTF-8 pass: field texts are checked by utf8_valid and refused. Half of a
 * surrogate pair ("\ud800") is valid JSON: it reads as U+FFFD. Lines and columns count from 1, columns in characters.
 * Strings of any length pass in constant memory, where no field needs them; a number above FIELD_TEXT_MAX bytes is
 * ERR_TOO_LARGE.
 *
 * Ownership: struct ticket owns its texts, ticket_fini. A pointer set is immutable once built and may be shared by
 * threads. Thread: any, one parser belongs to one thread at a time.
 */
#ifndef SHUNT_CORE_TICKET_H
#define SHUNT_CORE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"

/* The first fields of every pointer set, in this order: /JobSpecification/JobDetails/<name> */
enum { FIELD_CLIENT, FIELD_CATEGORY, FIELD_STUDIO, FIELD_TITLE, FIELD_BUILTIN_COUNT };

#define POINTERS_MAX      64   /* fields in a set, the four built-in ones included */
#define POINTER_DEPTH_MAX 32   /* reference tokens in a pointer */
#define POINTER_TEXT_MAX  1024 /* bytes of a pointer */
#define FIELD_TEXT_MAX                                                                                                 \
    65536 /* bytes of a field that are kept; a longer one is ERR_BAD_FIELD, StudioCode and Title are cut */

struct pointer_set;
struct pointer_set *pointer_set_new(void); /* with the four built-in ones; NULL: no memory */
void pointer_set_free(struct pointer_set *set);
/* Adds a pointer ("/a/b~1c/0") or finds it; its field number goes to *index. ERR_CONFIG with the reason where it is not
 * one or there are too many. */
int pointer_set_add(struct pointer_set *set, const char *pointer, size_t *index, struct error *e);
size_t pointer_set_count(const struct pointer_set *set);
/* "JobSpecification.JobDetails.ClientCode": as people read it. Borrowed from the set. */
const char *pointer_set_label(const struct pointer_set *set, size_t index);

enum field_kind { FIELD_ABSENT, FIELD_STRING, FIELD_NUMBER, FIELD_BOOL, FIELD_NULL, FIELD_OBJECT, FIELD_ARRAY };

struct field {
    enum field_kind kind;
    char *text; /* STRING: decoded; NUMBER: as written; BOOL: true/false; NULL: null; others NULL. NUL-terminated, may
                   hold NULs */
    size_t len;
};

struct ticket {
    struct field *fields; /* one for each of the set */
    size_t count;
};
void ticket_init(struct ticket *t);
void ticket_fini(struct ticket *t);

struct ticket_limits {
    int64_t max_bytes;
    int64_t max_depth;
};

struct ticket_parser;
struct ticket_parser *ticket_parser_new(const struct pointer_set *set, struct ticket_limits limits); /* set: borrowed */
void ticket_parser_free(struct ticket_parser *p);
/* 0 = go on. ERR_SYNTAX "invalid JSON at line 12, column 7: ...", ERR_TOO_DEEP, ERR_TOO_LARGE, ERR_BAD_FIELD,
 * ERR_NOMEM. After an error only free. */
int ticket_parser_feed(struct ticket_parser *p, const void *bytes, size_t n, struct error *e);
/* End of the document. 0: complete, the fields moved to out. ERR_INCOMPLETE: all that came is the beginning of a
 * document
 * ("the document ends too early, at line 3, column 9", or "the file is empty"). The parser may only be freed
 * afterwards. */
int ticket_parser_finish(struct ticket_parser *p, struct ticket *out, struct error *e);

/* The required fields: ClientCode and JobCategory are strings, not empty, without control characters; StudioCode and
 * Title are strings or null where present. "JobSpecification.JobDetails.ClientCode is missing", "... is a number, not a
 * string". ClientCode must also be usable as a folder's name (name_check). ERR_MISSING_FIELD, ERR_BAD_FIELD. */
int ticket_check(const struct ticket *t, const struct pointer_set *set, struct error *e);

#endif
