/* when.h: moments as people write them. The present is an argument; the local day is that of the process's zone. Pure.
 * Thread: any. */
#ifndef SHUNT_CORE_WHEN_H
#define SHUNT_CORE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/base/error.h"

/* "2026-02-06T15:30:46Z", "...46.123+01:00" (RFC 3339); "2026-02-06", a local day: its beginning, or with `end` the
 * beginning of the next; an age as units_ms knows it, "2h", "3d": so long ago. ERR_USAGE says what is known. */
int when_parse(const char *text, int64_t now_wall_ms, bool end, int64_t *out, struct error *e);

#endif
