/* alarm_text.h: a mail of alarm.h in words: its subject, its text, and what its page is filled with. Pure; times are local,
 * in the process's zone. Out of memory is the output's to tell. Thread: any. */
#ifndef SHUNT_CORE_ALARM_TEXT_H
#define SHUNT_CORE_ALARM_TEXT_H

#include <stdint.h>

#include <jansson.h>

#include "shunt/base/str.h"

struct alarm_words {
    const char *brand;
    const char *command; /* how the program is called here: "shunt", "shunt -c /srv/shunt.ini" */
    int64_t now_ms;
};

/* [{"heading", "paragraphs": [TEXT...], "has_rows", "rows": [{"count", "text", "command" (or null)}...], "next" (or null),
 * "has_commands", "commands": [TEXT...]}...], one for each item. NULL: no memory. */
json_t *alarm_parts(const json_t *mail, const struct alarm_words *words);
void alarm_subject(const json_t *mail, const struct alarm_words *words, struct str *out);
void alarm_text(const json_t *parts, const struct alarm_words *words, struct str *out);

#endif
