/* priority.c: see priority.h. */
#include "shunt/core/priority.h"

#include <string.h>

static const char *const words[PRIORITIES] = {"high", "normal", "low"};

const char *priority_word(enum priority priority)
{
    return words[priority];
}

bool priority_from(const char *text, enum priority *out)
{
    for (int i = 0; i < PRIORITIES; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = (enum priority)i;
            return true;
        }
    return false;
}

enum priority priority_next(unsigned *turn, const bool waits[PRIORITIES])
{
    unsigned n = ++*turn;
    if (n % PRIORITY_LOW_EACH == 0 && waits[PRIORITY_LOW])
        return PRIORITY_LOW;
    if (n % PRIORITY_NORMAL_EACH == 0 && waits[PRIORITY_NORMAL])
        return PRIORITY_NORMAL;
    int i = 0;
    while (i < PRIORITIES && !waits[i])
        i++;
    return (enum priority)i;
}
