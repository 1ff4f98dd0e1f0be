/* settings_parts.h: what the files of settings share. */
#ifndef SHUNT_CORE_SETTINGS_PARTS_H
#define SHUNT_CORE_SETTINGS_PARTS_H

#include "shunt/core/settings.h"

/* settings_value.c */
int settings_set(struct settings *s, const struct setting *x, const char *text, struct error *e);
int settings_list_add(struct text_list *list, const char *text, size_t n); /* 0 or ERR_NOMEM */

/* settings_check.c; the two that it needs are in settings.c */
struct settings_check {
    const struct settings *s;
    const struct loading *loading;
};
void settings_cross_check(const struct settings_check *check);
void settings_fault(const struct settings_check *check, const char *section, const char *key, const char *text);
bool settings_given(const struct settings_check *check, const char *section, const char *key); /* not the default */

#endif
