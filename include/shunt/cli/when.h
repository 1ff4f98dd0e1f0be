/* when.h: times as people and programs read them; they are read by core/when.h. Local time is the process's zone. */
#ifndef SHUNT_CLI_WHEN_H
#define SHUNT_CLI_WHEN_H

#include <stdint.h>

#define WHEN_TEXT_MAX 32

void when_utc(int64_t ms, char out[WHEN_TEXT_MAX]); /* 2026-02-06T14:30:46.123Z */
/* "2026-02-06 15:30:46" local, of a time in RFC 3339; "-" where there is none. */
void when_local(const char *rfc3339, char out[WHEN_TEXT_MAX]);
/* The same with milliseconds. */
void when_local_ms(const char *rfc3339, char out[WHEN_TEXT_MAX]);
/* "3 s", "12 min", "5 h 10 min", "4 d 3 h"; not below 0 s. */
void when_span(int64_t ms, char out[WHEN_TEXT_MAX]);

#endif
