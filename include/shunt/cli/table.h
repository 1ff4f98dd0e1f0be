/* table.h: what people see of lists: columns that align, colours, the terminal's width. All that is put into a cell is
 * foreign: it is escaped (str_plain), so that no name can move the cursor or break a line.
 *
 * On a terminal a line is cut at its width; elsewhere nothing is. Colours: on a terminal only, not where NO_COLOR is set
 * or TERM is "dumb". Ownership: table_fini. Out of memory is the output string's to tell. Thread: one.
 */
#ifndef SHUNT_CLI_TABLE_H
#define SHUNT_CLI_TABLE_H

#include <jansson.h>

#include "shunt/base/str.h"

#define TABLE_COLUMNS_MAX 10

struct look {
    bool terminal, colour;
    size_t columns, rows; /* of the terminal */
};
/* Of standard output; from here on characters' widths are known (LC_CTYPE). */
void look_at_output(struct look *look);

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_BUSY, PAINT_WARN, PAINT_BAD, PAINT_HEAD };
enum paint paint_of_status(const char *status); /* a job's or a delivery's state, or a breaker's */
/* Text that is ready for a terminal, painted. */
void put_painted(struct str *out, const struct look *look, enum paint paint, const char *text);

/* How many columns text takes on a terminal, as it stands. */
size_t text_columns(const char *text);
/* As much of it as fits, with an ellipsis where it is cut. Returns the columns that it takes. */
size_t put_cut(struct str *out, const char *text, size_t columns);

struct column {
    const char *head;
    size_t most; /* on a terminal; 0: any */
    bool right;
};

struct table_cell {
    char *text; /* escaped */
    enum paint paint;
};

struct table {
    const struct column *columns;
    size_t n;
    size_t widths[TABLE_COLUMNS_MAX]; /* grow only: pages of a list stand below each other */
    struct table_cell *cells;
    size_t count, room;
    bool headed, failed;
};

void table_init(struct table *t, const struct column *columns, size_t n);
void table_fini(struct table *t);
void table_cell(struct table *t, const char *text, enum paint paint); /* NULL and "": "-" */
void table_number(struct table *t, json_int_t number);
/* The rows that were put in, the head before the first; they are then gone. indent: before each line. */
void table_print(struct table *t, const struct look *look, size_t indent, struct str *out);

/* A field of RFC 4180, quoted where it must be. */
void csv_field(struct str *out, const char *text);

/* Text of an object, NULL where it is no text. */
const char *text_in(const json_t *object, const char *key);
/* Compact; on a terminal ASCII only. False: no memory. */
bool put_json(struct str *out, const struct look *look, const json_t *value, size_t flags);

#endif
