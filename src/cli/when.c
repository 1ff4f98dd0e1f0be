/* when.c: see when.h. */
#include "shunt/cli/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shunt/base/clock.h"
#include "shunt/core/when.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

void when_utc(int64_t ms, char out[WHEN_TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    out[0] = '\0';
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
        return;
    size_t n = strftime(out, WHEN_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, WHEN_TEXT_MAX - n, ".%03dZ", (int)(ms - (int64_t)seconds * 1000));
}

void when_local(const char *rfc3339, char out[WHEN_TEXT_MAX])
{
    int64_t ms;
    _Static_assert(CLOCK_STAMP_MAX <= WHEN_TEXT_MAX, "a stamp fits");
    if (rfc3339 && when_parse(rfc3339, 0, false, &ms, NULL) == 0)
        clock_plain(ms, out);
    else
        strcpy(out, "-");
}

void when_local_ms(const char *rfc3339, char out[WHEN_TEXT_MAX])
{
    int64_t ms;
    when_local(rfc3339, out);
    if (rfc3339 && when_parse(rfc3339, 0, false, &ms, NULL) == 0)
        snprintf(out + strlen(out), WHEN_TEXT_MAX - strlen(out), ".%03d", (int)((ms % 1000 + 1000) % 1000));
}

void when_span(int64_t ms, char out[WHEN_TEXT_MAX])
{
    int64_t s = ms < 0 ? 0 : ms / 1000;
    if (s < MINUTE)
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " s", s);
    else if (s < HOUR)
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " min", s / MINUTE);
    else if (s < DAY)
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " h %" PRId64 " min", s / HOUR, s % HOUR / MINUTE);
    else
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " d %" PRId64 " h", s / DAY, s % DAY / HOUR);
}
