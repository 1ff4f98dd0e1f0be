/* settings_parts.h: what the files of settings share. */
#ifndef SHUNT_CORE_SETTINGS_PARTS_H
#define SHUNT_CORE_SETTINGS_PARTS_H

#include "shunt/core/ini.h"
#include "shunt/core/settings.h"

/* settings_value.c */
/* fields: struct settings, or that of a section with a name */
int settings_set(void *fields, const struct setting *x, const char *text, struct error *e);
void settings_text(const void *fields, const struct setting *x, struct str *out);
void settings_fini_fields(void *fields, const struct setting *schema);
int settings_list_add(struct text_list *list, const char *text, size_t n); /* 0 or ERR_NOMEM */

/* settings_named.c: the sections with a name, while the file is read. */
struct naming {
    struct settings *s;
    struct faults *faults;
    bool inside;             /* what comes are keys of such a section */
    struct section *section; /* NULL: of one that was refused, they are passed over */
    bool no_memory;
};
bool naming_header(struct naming *n, const struct ini_entry *entry); /* false: it has no name */
void naming_key(struct naming *n, const struct ini_entry *entry);
void naming_check(struct settings *s, const char *file, struct faults *faults);
void naming_fini(struct settings *s);
const struct section *section_find(const struct section_list *list, const char *name); /* NULL: there is none */
/* With advice: a key of the table's section that is near, or else where the table has it elsewhere. */
void settings_unknown_key(const struct setting *keys, const char *section, const struct ini_entry *entry,
                          struct faults *faults);

/* settings_check.c; the two that it needs are in settings.c */
struct settings_check {
    const struct settings *s;
    const struct loading *loading;
};
void settings_cross_check(const struct settings_check *check);
void settings_fault(const struct settings_check *check, const char *section, const char *key, const char *text);
bool settings_given(const struct settings_check *check, const char *section, const char *key); /* not the default */

#endif
