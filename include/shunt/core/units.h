/* units.h: sizes, durations, switches and modes as people write them. Pure. Thread: any. */
#ifndef SHUNT_CORE_UNITS_H
#define SHUNT_CORE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/base/error.h"

/* "0", "512", "64KiB", "64MiB", "1GiB", "10kB", "5MB", "2GB" (kB = 1000); never negative. One space before a unit is
 * fine, here and below. */
int units_bytes(const char *text, int64_t *out, struct error *e);
/* "250ms", "2s", "3m", "4h", "90d"; "0" needs no unit, every other number does. */
int units_ms(const char *text, int64_t *out, struct error *e);
/* yes/no, true/false, on/off, 1/0 */
int units_bool(const char *text, bool *out, struct error *e);
/* Octal permission bits "0664", "664", 0..07777 without the set-id bits (refused) */
int units_mode(const char *text, unsigned *out, struct error *e);
/* "6", "1.5" */
int units_factor(const char *text, double *out, struct error *e);
int units_count(const char *text, int64_t min, int64_t max, int64_t *out, struct error *e);

/* The inverse, exact and shortest ("64MiB", "2s"); for printing settings and people. */
#define UNITS_TEXT_MAX 32
void units_bytes_text(int64_t bytes, char out[UNITS_TEXT_MAX]);
void units_ms_text(int64_t ms, char out[UNITS_TEXT_MAX]);

#endif
