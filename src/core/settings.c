/* settings.c: from text and environment to an immutable struct settings, by the schema.
 * A value that is refused leaves the one before in place, so that reading goes on and finds all faults; the struct is
 * handed out only when there were none. */
#include "shunt/core/settings.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/core/ini.h"
#include "shunt/core/near.h"

#include "settings_parts.h"

#define NAME_MAX_TEXT 128
#define ENV_PREFIX    "SHUNT_"
#define FILE_SUFFIX   "_FILE"

/* Where a value came from, for faults that come later. */
struct origin {
    unsigned line; /* in the file; 0: default or environment */
    bool env, env_file;
};

struct loading {
    const struct setting *schema;
    const struct settings_source *source;
    struct settings *s;
    struct origin *origins;
    struct faults *faults;
};

static void no_memory(struct loading *l)
{
    faults_add(l->faults, l->source->file, 0, "no memory for the settings");
}

static void variable_name(const struct setting *setting, char out[NAME_MAX_TEXT])
{
    (void)snprintf(out, NAME_MAX_TEXT, ENV_PREFIX "%s_%s", setting->section, setting->key);
    for (char *p = out; *p != '\0'; p++) {
        if (*p >= 'a' && *p <= 'z') {
            *p = (char)(*p - 'a' + 'A');
        }
    }
}

static const struct setting *find(const struct loading *l, const char *section, const char *key)
{
    for (const struct setting *x = l->schema; x->section; x++) {
        if (strcmp(x->section, section) == 0 && strcmp(x->key, key) == 0) {
            return x;
        }
    }
    return NULL;
}

/* section.key = text from file:line; the fault names the key where file is the INI file. */
static void take(struct loading *l, const struct setting *x, const char *text, const char *file, unsigned line)
{
    struct error e = {0};
    int rc = settings_set(l->s, x, text, &e);
    if (rc == ERR_NOMEM) {
        no_memory(l);
    } else if (rc && line > 0) {
        faults_add(l->faults, file, line, "%s: %s", x->key, e.text);
    } else if (rc) {
        faults_add(l->faults, file, 0, "%s", e.text);
    }
}

static void tell_unknown_section(struct loading *l, const struct ini_entry *entry)
{
    struct near near = near_to(entry->section);
    for (const struct setting *x = l->schema; x->section; x++) {
        near_offer(&near, x->section);
    }
    if (near.best) {
        faults_add(l->faults, entry->file, entry->line, "unknown section [%s]; did you mean [%s]?", entry->section,
                   near.best);
    } else {
        faults_add(l->faults, entry->file, entry->line, "unknown section [%s]", entry->section);
    }
}

static void tell_unknown_key(struct loading *l, const struct ini_entry *entry)
{
    const char *file = entry->file, *key = entry->key, *section = entry->section, *elsewhere = NULL;
    struct near near = near_to(key);
    for (const struct setting *x = l->schema; x->section; x++) {
        if (strcmp(x->section, section) == 0) {
            near_offer(&near, x->key);
        } else if (strcmp(x->key, key) == 0) {
            elsewhere = x->section;
        }
    }
    if (near.best) {
        faults_add(l->faults, file, entry->line, "unknown key %s in [%s]; did you mean %s?", key, section, near.best);
    } else if (elsewhere) {
        faults_add(l->faults, file, entry->line, "unknown key %s in [%s]; it belongs to [%s]", key, section, elsewhere);
    } else {
        faults_add(l->faults, file, entry->line, "unknown key %s in [%s]", key, section);
    }
}

static bool known_section(const struct loading *l, const char *section)
{
    for (const struct setting *x = l->schema; x->section; x++) {
        if (strcmp(x->section, section) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_environment_only(struct loading *l, const struct setting *x, const struct ini_entry *entry)
{
    char name[NAME_MAX_TEXT];
    variable_name(x, name);
    faults_add(l->faults, entry->file, entry->line,
               "%s: does not belong into a file that others read; set %s, or %s" FILE_SUFFIX
               " to the name of a file that holds it",
               x->key, name, name);
}

static void on_entry(void *user, const struct ini_entry *entry)
{
    struct loading *l = user;
    if (!entry->key) {
        if (!known_section(l, entry->section)) {
            tell_unknown_section(l, entry);
        }
        return;
    }
    if (*entry->section == '\0') {
        faults_add(l->faults, entry->file, entry->line, "key %s stands before the first [section]", entry->key);
        return;
    }
    if (!known_section(l, entry->section)) {
        return; /* told at its header */
    }
    const struct setting *x = find(l, entry->section, entry->key);
    if (!x) {
        tell_unknown_key(l, entry);
        return;
    }
    if (x->environment_only && entry->value[0] != '\0') {
        tell_environment_only(l, x, entry);
        return;
    }
    struct origin *origin = &l->origins[x - l->schema];
    if (origin->line > 0) {
        faults_add(l->faults, entry->file, entry->line, "key %s is already set in line %u", entry->key, origin->line);
        return;
    }
    origin->line = entry->line;
    l->s->given[x - l->schema] = true;
    take(l, x, entry->value, entry->file, entry->line);
}

static void take_secret_file(struct loading *l, const struct setting *x, const char *name, const char *path)
{
    if (!l->source->read_secret) {
        faults_add(l->faults, name, 0, "files are not read here");
        return;
    }
    struct error e = {0};
    char *text = NULL;
    if (l->source->read_secret(l->source->user, path, &text, &e)) {
        faults_add(l->faults, name, 0, "%s", e.text);
        return;
    }
    take(l, x, text, name, 0);
    mem_free(text);
}

/* True when the variable is one of a setting's. */
static bool take_variable(struct loading *l, const char *name, size_t n, const char *value)
{
    for (const struct setting *x = l->schema; x->section; x++) {
        char own[NAME_MAX_TEXT];
        variable_name(x, own);
        size_t len = strlen(own);
        if (n < len || memcmp(own, name, len) != 0) {
            continue;
        }
        struct origin *origin = &l->origins[x - l->schema];
        bool *given = &l->s->given[x - l->schema];
        if (n == len) {
            if (origin->env_file) {
                faults_add(l->faults, own, 0, "set together with %s" FILE_SUFFIX "; only one may be", own);
            }
            *given = origin->env = true;
            take(l, x, value, own, 0);
            return true;
        }
        if (x->type == SETTING_SECRET && n == len + strlen(FILE_SUFFIX) &&
            memcmp(name + len, FILE_SUFFIX, n - len) == 0) {
            if (origin->env) {
                faults_add(l->faults, own, 0, "set together with %s" FILE_SUFFIX "; only one may be", own);
            }
            *given = origin->env_file = true;
            strcat(own, FILE_SUFFIX);
            take_secret_file(l, x, own, value);
            return true;
        }
    }
    return false;
}

static void read_environment(struct loading *l)
{
    for (const char *const *env = l->source->env; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        if (!equals || strncmp(*env, ENV_PREFIX, strlen(ENV_PREFIX)) != 0) {
            continue;
        }
        size_t n = (size_t)(equals - *env);
        if (!take_variable(l, *env, n, equals + 1) && settings_list_add(&l->s->unknown_env, *env, n)) {
            no_memory(l);
        }
    }
}

void settings_fault(const struct settings_check *check, const char *section, const char *key, const char *text)
{
    const struct loading *l = check->loading;
    const struct setting *x = find(l, section, key);
    const struct origin *origin = &l->origins[x - l->schema];
    if (origin->env || origin->env_file) {
        char name[NAME_MAX_TEXT];
        variable_name(x, name);
        faults_add(l->faults, name, 0, "%s", text);
    } else {
        faults_add(l->faults, l->source->file, origin->line, "%s: %s", key, text);
    }
}

bool settings_given(const struct settings_check *check, const char *section, const char *key)
{
    return check->s->given[find(check->loading, section, key) - check->loading->schema];
}

static size_t schema_count(const struct setting *schema)
{
    size_t n = 0;
    while (schema[n].section) {
        n++;
    }
    return n;
}

struct settings *settings_new_by(const struct setting *schema, const struct settings_source *source,
                                 struct faults *faults)
{
    struct loading l = {.schema = schema, .source = source, .faults = faults};
    const size_t before = faults->count + faults->more;
    const size_t room = schema_count(schema) + 1;
    l.s = mem_zalloc(sizeof *l.s);
    l.origins = mem_zalloc(room * sizeof *l.origins);
    if (l.s) {
        l.s->given = mem_zalloc(room * sizeof *l.s->given);
    }
    if (!l.s || !l.s->given || !l.origins) {
        no_memory(&l);
    } else {
        l.s->schema = schema;
        for (const struct setting *x = schema; x->section; x++) {
            take(&l, x, x->default_text, source->file, 0);
        }
        if (source->text && ini_read(source->file, source->text, source->len, on_entry, &l, faults)) {
            no_memory(&l);
        }
        read_environment(&l);
    }
    if (faults->count + faults->more == before) {
        settings_cross_check(&(struct settings_check){.s = l.s, .loading = &l});
    }
    mem_free(l.origins);
    if (faults->count + faults->more > before) {
        settings_free(l.s);
        return NULL;
    }
    return l.s;
}

struct settings *settings_new(const struct settings_source *source, struct faults *faults)
{
    return settings_new_by(settings_schema, source, faults);
}
