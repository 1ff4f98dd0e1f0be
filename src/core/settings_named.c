/* settings_named.c: sections that have a name, as [task nightly]: read by the table of their kind. A section that is
 * refused is told at its header, and its keys are passed over. */
#include <ctype.h>
#include <string.h>

#include "shunt/base/mem.h"

#include "settings_parts.h"

#define NAME_MAX_BYTES 64

static struct section_list *list_of(struct settings *s, const struct section_kind *kind)
{
    return (struct section_list *)((char *)s + kind->offset);
}

const struct section_list *settings_sections(const struct settings *s, const struct section_kind *kind)
{
    return (const struct section_list *)((const char *)s + kind->offset);
}

/* The kind whose word the title begins with, and the name behind it. NULL: none. */
static const struct section_kind *kind_of(const char *title, const char **name)
{
    size_t n = strcspn(title, " \t");
    *name = title + n + strspn(title + n, " \t");
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        if (strlen(kind->word) == n && memcmp(kind->word, title, n) == 0) {
            return kind;
        }
    }
    return NULL;
}

static bool good_name(const char *name)
{
    size_t n = 0;
    while (isalnum((unsigned char)name[n]) || (name[n] != '\0' && strchr("._-", name[n]))) {
        n++;
    }
    return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0';
}

static size_t count_keys(const struct setting *keys)
{
    size_t n = 0;
    while (keys[n].section) {
        n++;
    }
    return n;
}

static void section_free(struct section *section)
{
    settings_fini_fields(section, section->kind->keys);
    mem_free(section->title);
    mem_free(section->lines);
    mem_free(section);
}

/* With every key at its default. NULL: no memory. */
static struct section *section_new(const struct section_kind *kind, const char *name, unsigned line)
{
    struct section *section = mem_zalloc(kind->size);
    if (!section) {
        return NULL;
    }
    struct str title = STR_INIT;
    str_printf(&title, "%s %s", kind->word, name);
    section->kind = kind;
    section->line = line;
    section->lines = mem_zalloc((count_keys(kind->keys) + 1) * sizeof *section->lines);
    section->title = str_take(&title);
    bool fine = section->lines && section->title;
    section->name = fine ? section->title + strlen(kind->word) + 1 : NULL;
    for (const struct setting *x = kind->keys; fine && x->section; x++) {
        fine = settings_set(section, x, x->default_text, NULL) == 0;
    }
    if (!fine) {
        section_free(section);
        return NULL;
    }
    return section;
}

static struct section *add(struct naming *n, const struct section_kind *kind, const char *name, unsigned line)
{
    struct section_list *list = list_of(n->s, kind);
    struct section *section = section_new(kind, name, line);
    struct section **items = section ? mem_resize(list->items, (list->count + 1) * sizeof(struct section *)) : NULL;
    if (!items) {
        n->no_memory = true;
        if (section) {
            section_free(section);
        }
        return NULL;
    }
    items[list->count++] = section;
    list->items = items;
    return section;
}

const struct section *section_find(const struct section_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i]->name, name) == 0) {
            return list->items[i];
        }
    }
    return NULL;
}

bool naming_header(struct naming *n, const struct ini_entry *entry)
{
    const char *name;
    const struct section_kind *kind = kind_of(entry->section, &name);
    n->section = NULL;
    n->inside = kind != NULL;
    if (!kind) {
        return false;
    }
    const struct section_list *list = settings_sections(n->s, kind);
    const struct section *same = section_find(list, name);
    if (*name == '\0') {
        faults_add(n->faults, entry->file, entry->line, "[%s] needs a name: [%s NAME]", kind->word, kind->word);
    } else if (!good_name(name)) {
        faults_add(n->faults, entry->file, entry->line, "[%s]: a name has 1 to %d letters, digits, '.', '_' or '-'",
                   entry->section, NAME_MAX_BYTES);
    } else if (same) {
        faults_add(n->faults, entry->file, entry->line, "[%s] is there already, at line %u", same->title, same->line);
    } else if (list->count >= kind->most) {
        faults_add(n->faults, entry->file, entry->line, "[%s] is one too many: there may be %zu", entry->section,
                   kind->most);
    } else {
        n->section = add(n, kind, name, entry->line);
    }
    return true;
}

void naming_key(struct naming *n, const struct ini_entry *entry)
{
    struct section *section = n->section;
    if (!section) {
        return;
    }
    const struct setting *x = section->kind->keys;
    while (x->section && strcmp(x->key, entry->key) != 0) {
        x++;
    }
    if (!x->section) {
        settings_unknown_key(section->kind->keys, section->kind->word, entry, n->faults);
        return;
    }
    unsigned *line = &section->lines[x - section->kind->keys];
    if (*line > 0) {
        faults_add(n->faults, entry->file, entry->line, "key %s is already set in line %u", entry->key, *line);
        return;
    }
    *line = entry->line;
    struct error e = {0};
    int rc = settings_set(section, x, entry->value, &e);
    if (rc == ERR_NOMEM) {
        n->no_memory = true;
    } else if (rc) {
        faults_add(n->faults, entry->file, entry->line, "%s: %s", x->key, e.text);
    }
}

static unsigned line_of(const struct section *section, const char *key)
{
    const struct setting *x = section->kind->keys;
    while (x->section && strcmp(x->key, key) != 0) {
        x++;
    }
    return x->section ? section->lines[x - section->kind->keys] : 0;
}

void section_fault(const struct section *section, const char *file, struct faults *faults, const char *key,
                   const char *text)
{
    unsigned line = key ? line_of(section, key) : 0;
    if (line > 0) {
        faults_add(faults, file, line, "%s: %s", key, text);
    } else {
        faults_add(faults, file, section->line, "[%s] %s%s%s", section->title, key ? key : "", key ? ": " : "", text);
    }
}

void section_value_text(const struct section *section, const struct setting *x, struct str *out)
{
    settings_text(section, x, out);
}

void naming_check(struct settings *s, const char *file, struct faults *faults)
{
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        const struct section_list *list = settings_sections(s, kind);
        for (size_t i = 0; kind->check && i < list->count; i++) {
            kind->check(list->items[i], s, file, faults);
        }
    }
}

void naming_fini(struct settings *s)
{
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        struct section_list *list = list_of(s, kind);
        for (size_t i = 0; i < list->count; i++) {
            section_free(list->items[i]);
        }
        mem_free(list->items);
        *list = (struct section_list){0};
    }
}
