/* expect.h: what [expect NAME] says: so many tickets of a client have come by a time of the day. Part of the settings
 * (settings.h), which own it. Pure. Thread: any. */
#ifndef SHUNT_CORE_EXPECT_H
#define SHUNT_CORE_EXPECT_H

#include "shunt/core/settings.h"

#define EXPECTS_MAX 100

struct expect {
    struct section section; /* first */
    char *client, *by;
    int64_t min;
    struct text_list days;
};

/* The time has come on this local day. */
bool expected_is_due(const struct expect *x, int64_t now_ms);

/* Of the kind (settings.h). */
void expected_check(const struct section *section, const struct settings *s, const char *file, struct faults *faults);

#endif
