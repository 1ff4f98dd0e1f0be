/* cursor.c: see cursor.h. */
#include "shunt/core/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 18

bool cursor_row(const char *text, uint64_t *row)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > DIGITS_MAX || text[n] != '\0')
        return false;
    *row = strtoull(text, NULL, 10);
    return true;
}

bool cursor_event(const char *text, uint64_t boot, uint64_t *number)
{
    char ours[20];
    int len = snprintf(ours, sizeof ours, "%" PRIx64 "-", boot);
    return strncmp(text, ours, (size_t)len) == 0 && cursor_row(text + len, number);
}
