/* alarm_policy.c: [alerts] of the settings as arithmetic takes it. */
#include "shunt/core/alarm.h"
#include "shunt/core/settings.h"
#include "shunt/core/units.h"

#define PAUSE_MIN_MS 1000

int alarm_policy_of(const struct settings *s, struct alarm_policy *out, struct error *e)
{
    const struct text_list *remind = &s->alerts_remind;
    *out = (struct alarm_policy){.wait_ms = s->alerts_wait_ms,
                                 .calm_ms = s->alerts_calm_ms,
                                 .n_remind = remind->count,
                                 .digest_ms = s->alerts_failed == ALERTS_DIGEST ? s->alerts_digest_ms
                                              : s->alerts_failed == ALERTS_EACH ? 0
                                                                                : -1,
                                 .per_hour = s->alerts_per_hour};
    if (remind->count > ALARM_REMINDERS_MAX)
        return error_set(e, ERR_CONFIG, "more than %d pauses", ALARM_REMINDERS_MAX);
    for (size_t i = 0; i < remind->count; i++) {
        if (units_ms(remind->items[i], &out->remind_ms[i], e) != 0)
            return ERR_CONFIG;
        if (out->remind_ms[i] < PAUSE_MIN_MS)
            return error_set(e, ERR_CONFIG, "%s is too short a pause", remind->items[i]);
        if (i > 0 && out->remind_ms[i] < out->remind_ms[i - 1])
            return error_set(e, ERR_CONFIG, "%s is shorter than the pause before it", remind->items[i]);
    }
    return 0;
}
