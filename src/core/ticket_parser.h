/* ticket_parser.h: the inside of a ticket parser: ticket_parser.c feeds the bytes, ticket_fields.c listens to
 * yajl's events, ticket_yajl.c keeps yajl's memory. */
#ifndef SHUNT_SRC_CORE_TICKET_PARSER_H
#define SHUNT_SRC_CORE_TICKET_PARSER_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yajl/yajl_parse.h>

#include "shunt/core/ticket.h"

#include "json_text.h"
#include "pointer_set.h"

/* Raw bytes of a string whose decoded text is at most so long: an escape makes one byte of six. */
#define RAW_MAX(text_max) (6 * (size_t)(text_max))

/* A memory block of yajl's: kept in a list because yajl does not check its allocations (see ticket_yajl.c). */
struct yajl_block {
    _Alignas(max_align_t) struct yajl_block *next;
    struct yajl_block *prev;
};

/* A container that lies on the way to a field. */
struct level {
    uint64_t mask; /* pointers that may end inside it */
    bool array;
    int64_t next_index;
};

/* A token that the last piece cut. */
struct open_token {
    bool is;
    bool string;
    bool skipping; /* nobody wants it: what is left of it is checked here and not given to yajl */
    size_t len;    /* bytes so far */
    struct text_place place;
    uint8_t part[JSON_UNIT_MAX]; /* of a string: the unit that is cut, which yajl already has */
    size_t part_len;
};

struct ticket_parser {
    const struct pointer_set *set;
    struct ticket_limits limits;
    struct ticket ticket;

    /* what yajl tells (ticket_fields.c) */
    int64_t depth;
    size_t tracked; /* so many containers from the root on are in levels; the current one is if depth == tracked */
    struct level levels[POINTER_DEPTH_MAX];
    uint64_t key_mask; /* of the value that belongs to the last key of a tracked object */
    bool after_key;
    struct error refused; /* why a callback stopped the parse */

    /* yajl and its memory (ticket_yajl.c) */
    yajl_handle yajl;
    yajl_alloc_funcs allocator;
    struct yajl_block blocks; /* head of a ring */
    bool guarded;             /* no_memory is set */
    jmp_buf no_memory;

    /* the text (ticket_parser.c) */
    int64_t total;
    uint8_t held[ESCAPE_DECIDED]; /* first bytes of the text or an escape that is not decided yet: not yet fed */
    size_t held_len;
    bool started;            /* the byte order mark is behind us */
    struct text_place place; /* of the next byte to be fed */
    size_t token_end;        /* in the piece that is being fed: where the last token ended that yajl told of */
    struct open_token open;
};

bool ticket_yajl_open(struct ticket_parser *p);
void ticket_yajl_close(struct ticket_parser *p); /* also where open has failed or never ran */
/* piece NULL: the end of the document. Out of memory: p->refused says so. */
yajl_status ticket_yajl_parse(struct ticket_parser *p, const uint8_t *piece, size_t n);

/* yajl's error without its decoration. */
struct yajl_words {
    char text[128];
    bool lexical; /* the bytes make no token; else the token does not belong here */
};
int ticket_yajl_words(struct ticket_parser *p, struct yajl_words *words); /* 0 or ERR_NOMEM */

extern const yajl_callbacks ticket_callbacks; /* their context is the struct ticket_parser */

/* How many raw bytes of the string that is open now may be worth keeping, 0: none. *field: it is a field's value. */
size_t ticket_open_worth(const struct ticket_parser *p, bool *field);
/* The field that the open value belongs to: only after ticket_open_worth said that it is one. */
size_t ticket_open_field(const struct ticket_parser *p);
/* A field that decides nothing is kept as far as it fits. */
bool ticket_may_cut(size_t field);
void ticket_refuse_long(struct ticket_parser *p, size_t field);

#endif
