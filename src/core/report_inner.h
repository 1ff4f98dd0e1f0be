/* report_inner.h: what the files of the report's view share. */
#ifndef SHUNT_CORE_REPORT_INNER_H
#define SHUNT_CORE_REPORT_INNER_H

#include <stddef.h>

#include "shunt/base/str.h"
#include "shunt/core/json_get.h"
#include "shunt/core/report.h"

#define NUMBER_TEXT_MAX 40
#define NAME_CHARACTERS 80

/* report_text.c: texts as people read them. NULL: no memory. */

/* One line, fit for a terminal, with an ellipsis where it is longer than so many characters. NULL is "". */
json_t *report_shown(const char *text, size_t most);
void report_grouped(json_int_t n, char out[NUMBER_TEXT_MAX]); /* 1,234,567 */
json_t *report_count(json_int_t n);
json_t *report_percent(const json_t *number); /* "98.7 %"; null: "–" */
json_t *report_seconds(const json_t *ms);     /* "0.15 s"; null: "–" */
/* A column of the text part: at least so many characters, cut beyond; right: numbers. */
void report_column(struct str *out, const char *text, size_t width, bool right);
void report_column_count(struct str *out, json_int_t n, size_t width);
json_t *report_line_of(struct str *out); /* without spaces at its end; empties it */
/* In lines of REPORT_COLUMNS, each with `before` in front. */
json_t *report_wrapped(const char *text, const char *before);

/* report_rows.c */
/* item: taken; NULL makes the list one, which was freed. */
void report_append(json_t **list, json_t *item);
json_t *report_local_time(int64_t ms);
json_t *report_client_row(const json_t *client);
json_t *report_destination_row(const json_t *d);
json_t *report_error_row(const json_t *e);
json_t *report_slow_row(const json_t *d);
json_t *report_alert_row(const json_t *a);
json_t *report_hours_of(const json_t *hours);
json_t *report_rows_of(const json_t *list, size_t most, json_t *(*row)(const json_t *item));
/* {"any", "rows", "more"}; more: a sentence of how many `what` are left out, null where all are shown. */
json_t *report_table_of(const json_t *list, size_t most, json_t *(*row)(const json_t *item), const char *what,
                        const char *counted);

#endif
