/* report_inner.h: what the files of the report's view share. */
#ifndef SHUNT_CORE_REPORT_INNER_H
#define SHUNT_CORE_REPORT_INNER_H

#include <stddef.h>

#include "shunt/base/str.h"
#include "shunt/core/report.h"

#define NUMBER_TEXT_MAX 40

/* report_text.c: texts as people read them. NULL: no memory. */

/* One line, fit for a terminal, with an ellipsis where it is longer than so many characters. NULL is "". */
json_t *shown(const char *text, size_t most);
void grouped(json_int_t n, char out[NUMBER_TEXT_MAX]); /* 1,234,567 */
json_t *count(json_int_t n);
json_t *percent(const json_t *number); /* "98.7 %"; null: "–" */
json_t *seconds(const json_t *ms);     /* "0.15 s"; null: "–" */
/* A column of the text part: at least so many characters, cut beyond; right: numbers. */
void column(struct str *out, const char *text, size_t width, bool right);
void column_count(struct str *out, json_int_t n, size_t width);
json_t *line_of(struct str *out); /* without spaces at its end; empties it */
/* In lines of REPORT_COLUMNS, each with `before` in front. */
json_t *wrapped(const char *text, const char *before);

#endif
