/* when.h: moments as people and programs write and read them. The present is an argument; what is local is so in the
 * process's zone. Pure. Thread: any. */
#ifndef SHUNT_CORE_WHEN_H
#define SHUNT_CORE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/base/error.h"

/* "2026-02-06T15:30:46Z", "...46.123+01:00" (RFC 3339); "2026-02-06", a local day: its beginning, or with `end` the
 * beginning of the next; an age as units_ms knows it, "2h", "3d": so long ago. ERR_USAGE says what is known. */
int when_parse(const char *text, int64_t now_wall_ms, bool end, int64_t *out, struct error *e);

#define WHEN_TEXT_MAX 32

void when_utc(int64_t ms, char out[WHEN_TEXT_MAX]); /* 2026-02-06T14:30:46.123Z */
/* "2026-02-06 15:30:46" local, of a time in RFC 3339; "-" where there is none. */
void when_local(const char *rfc3339, char out[WHEN_TEXT_MAX]);
/* The same with milliseconds. */
void when_local_ms(const char *rfc3339, char out[WHEN_TEXT_MAX]);
/* A day as yyyymmdd, by the calendar alone. "2026-02-06", strictly. */
bool when_day(const char *text, int *day);
int when_day_add(int day, int days);
void when_day_text(int day, char out[WHEN_TEXT_MAX]);
/* "3 s", "12 min", "5 h 10 min", "4 d 3 h"; not below 0 s. */
void when_span(int64_t ms, char out[WHEN_TEXT_MAX]);

#endif
