/* expect.c: see expect.h. */
#include "shunt/core/expect.h"

#include "shunt/base/clock.h"
#include "shunt/core/schedule.h"

#define BACK_MS (INT64_C(26) * 3600 * 1000) /* the longest local day, and more */

static int times_of(const struct expect *x, struct schedule *out, const char **key, struct error *e)
{
    *key = "by";
    if (schedule_at(out, &(char *){x->by}, 1, e) != 0)
        return ERR_CONFIG;
    *key = "days";
    return schedule_on(out, x->days.items, x->days.count, e);
}

bool expected_is_due(const struct expect *x, int64_t now_ms)
{
    struct schedule times;
    const char *key;
    struct error e = {0};
    if (times_of(x, &times, &key, &e) != 0)
        return false;
    int today = clock_local_date(now_ms);
    for (int64_t at = now_ms - BACK_MS; (at = schedule_next(&times, NULL, 0, at)) <= now_ms;)
        if (clock_local_date(at) == today)
            return true;
    return false;
}

void expected_check(const struct section *section, const struct settings *s, const char *file, struct faults *faults)
{
    const struct expect *x = (const struct expect *)section;
    struct schedule times;
    const char *key;
    struct error e = {0};
    (void)s;
    if (x->client[0] == '\0')
        section_fault(section, file, faults, NULL, "whose tickets? client is missing");
    if (x->by[0] == '\0')
        section_fault(section, file, faults, NULL, "at which time? by is missing");
    else if (times_of(x, &times, &key, &e) != 0)
        section_fault(section, file, faults, key, e.text);
}
