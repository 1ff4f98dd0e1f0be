/* alarm_life.h: what raises, clears and fails tickets in an alarm, and what the next mail tells, for its tests. */
#ifndef SHUNT_TEST_ALARM_LIFE_H
#define SHUNT_TEST_ALARM_LIFE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/error.h"
#include "shunt/core/alarm.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  INT64_C(1767225600000)

static const struct alarm_policy policy = {.wait_ms = MINUTE,
                                           .calm_ms = 5 * MINUTE,
                                           .remind_ms = {HOUR, 4 * HOUR, 24 * HOUR},
                                           .n_remind = 3,
                                           .digest_ms = 15 * MINUTE,
                                           .per_hour = 10};

static inline struct alarm_cause cause_of(const char *subject)
{
    return (struct alarm_cause){.kind = "destination_down",
                                .subject = subject,
                                .title = "Celtra is down",
                                .text = "It cannot be written.",
                                .next = "It is tried again every 2 min.",
                                .todo = "shunt status"};
}

static inline void raise_it(struct alarm *a, const char *subject, int64_t now)
{
    struct alarm_cause cause = cause_of(subject);
    assert_int_equal(alarm_raise(a, &cause, now), 0);
}

static inline void clear_it(struct alarm *a, const char *subject, int64_t now)
{
    assert_int_equal(alarm_clear(a, "destination_down", subject, "Celtra is up again", "It takes tickets.", now), 0);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static inline json_t *item_of(const json_t *mail, size_t i)
{
    return json_array_get(json_object_get(mail, "items"), i);
}

/* What the next mail tells, one word for each item; "" : there is none. It is then told. */
static const char *told(struct alarm *a, int64_t now)
{
    static char words[4096];
    json_t *mail = alarm_mail(a, now);
    size_t i;
    const json_t *item;
    words[0] = '\0';
    json_array_foreach (json_object_get(mail, "items"), i, item) {
        strcat(words, i > 0 ? " " : "");
        strcat(words, text_of(item, "what"));
    }
    if (mail)
        alarm_mailed(a, mail, now);
    json_decref(mail);
    return words;
}

static inline void fail_ticket(struct alarm *a, const char *client, const char *error, unsigned number, int64_t now)
{
    char name[32];
    snprintf(name, sizeof name, "%u.json", number);
    const struct alarm_failure f = {.client = client, .destination = "Celtra", .error = error, .name = name, .id = "7"};
    alarm_failed(a, &f, now);
}

#endif
