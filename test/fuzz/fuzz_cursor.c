/* Any text as a place in a list or a stream: only what we would have written ourselves is one.
 * Input: 8 bytes, which are the boot, then the text. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Zeros before a number are no harm. */
static bool same_number(const char *text, const char *ours)
{
    while (*text == '0' && text[1])
        text++;
    return strcmp(text, ours) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t boot, number;
    char ours[64], head[32];
    if (size < sizeof boot)
        return 0;
    memcpy(&boot, data, sizeof boot);
    char *text = strndup((const char *)data + sizeof boot, size - sizeof boot);
    if (!text)
        abort();
    if (cursor_row(text, &number)) {
        snprintf(ours, sizeof ours, "%" PRIu64, number);
        if (!same_number(text, ours))
            abort();
    }
    snprintf(head, sizeof head, "%" PRIx64 "-", boot);
    if (cursor_event(text, boot, &number)) {
        snprintf(ours, sizeof ours, "%" PRIu64, number);
        if (strncmp(text, head, strlen(head)) != 0 || !same_number(text + strlen(head), ours))
            abort();
    }
    free(text);
    return 0;
}
