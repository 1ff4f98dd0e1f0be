#include <inttypes.h>
#include <string.h>

#include "shunt/core/units.h"

#include "settings_parts.h"

static bool begins_section(const struct setting *schema, const struct setting *x)
{
    return x == schema || strcmp(x->section, x[-1].section) != 0;
}

static void put_key(const void *fields, const struct setting *x, struct str *out)
{
    str_printf(out, "%s =", x->key);
    struct str value = STR_INIT;
    settings_text(fields, x, &value);
    if (value.len > 0) {
        str_putc(out, ' ');
        str_add(out, value.bytes, value.len);
    }
    str_putc(out, '\n');
    str_part_fini(&value, out);
}

void settings_print(const struct settings *s, struct str *out)
{
    for (const struct setting *x = s->schema; x->section; x++) {
        if (begins_section(s->schema, x)) {
            str_printf(out, "%s[%s]\n", x == s->schema ? "" : "\n", x->section);
        }
        put_key(s, x, out);
    }
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        const struct section_list *list = settings_sections(s, kind);
        for (size_t i = 0; i < list->count; i++) {
            str_printf(out, "\n[%s]\n", list->items[i]->title);
            for (const struct setting *x = kind->keys; x->section; x++) {
                put_key(list->items[i], x, out);
            }
        }
    }
}

struct diff {
    settings_change_cb change;
    void *user;
};

/* before NULL: it is told. ERR_NOMEM. */
static int diff_key(const struct diff *d, const char *section, const struct setting *x, const void *before,
                    const void *after)
{
    struct str old = STR_INIT, new = STR_INIT;
    if (before) {
        settings_text(before, x, &old);
    }
    settings_text(after, x, &new);
    bool failed = str_failed(&old) || str_failed(&new);
    if (!failed && (!before || old.len != new.len || (old.len > 0 && memcmp(old.bytes, new.bytes, old.len) != 0))) {
        d->change(d->user, section, x, new.len > 0 ? new.bytes : "");
    }
    str_fini(&old);
    str_fini(&new);
    return failed ? ERR_NOMEM : 0;
}

static int diff_kind(const struct diff *d, const struct section_kind *kind, const struct section_list *before,
                     const struct section_list *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct section *new = after->items[i], *old = section_find(before, new->name);
        for (const struct setting *x = kind->keys; x->section; x++) {
            if ((old || new->lines[x - kind->keys] > 0) && diff_key(d, new->title, x, old, new) != 0) {
                return ERR_NOMEM;
            }
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        if (!section_find(after, before->items[i]->name)) {
            d->change(d->user, before->items[i]->title, kind->keys, NULL);
        }
    }
    return 0;
}

int settings_diff(const struct settings *before, const struct settings *after, settings_change_cb change, void *user)
{
    const struct diff d = {change, user};
    for (const struct setting *x = after->schema; x->section; x++) {
        if (diff_key(&d, x->section, x, before, after) != 0) {
            return ERR_NOMEM;
        }
    }
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        if (diff_kind(&d, kind, settings_sections(before, kind), settings_sections(after, kind)) != 0) {
            return ERR_NOMEM;
        }
    }
    return 0;
}

static const char *type_word(const struct setting *x)
{
    switch (x->type) {
    case SETTING_TEXT:
        return "text";
    case SETTING_PATH:
        return "path";
    case SETTING_SECRET:
        return "secret";
    case SETTING_COLOUR:
        return "colour";
    case SETTING_COUNT:
        return "number";
    case SETTING_BYTES:
        return "size";
    case SETTING_MS:
        return "time";
    case SETTING_BOOL:
        return "yes or no";
    case SETTING_MODE:
        return "octal mode";
    case SETTING_FACTOR:
        return "factor";
    case SETTING_LIST:
        return "list";
    case SETTING_ENUM:
        return "word";
    }
    return "";
}

void settings_values(const struct setting *x, struct str *out)
{
    char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX];
    switch (x->type) {
    case SETTING_COUNT:
    case SETTING_FACTOR:
        str_printf(out, "%s, %" PRId64 " to %" PRId64, type_word(x), x->min, x->max);
        break;
    case SETTING_BYTES:
        units_bytes_text(x->min, low);
        units_bytes_text(x->max, high);
        str_printf(out, "%s, %s to %s", type_word(x), low, high);
        break;
    case SETTING_MS:
        units_ms_text(x->min, low);
        units_ms_text(x->max, high);
        str_printf(out, "%s, %s to %s", type_word(x), low, high);
        break;
    case SETTING_ENUM:
        for (size_t i = 0; x->words[i]; i++) {
            str_printf(out, "%s`%s`", i > 0 ? ", " : "", x->words[i]);
        }
        break;
    default:
        str_puts(out, type_word(x));
        break;
    }
}

static void put_row(const struct setting *x, struct str *out)
{
    str_printf(out, "| `%s` | ", x->key);
    if (*x->default_text != '\0') {
        str_printf(out, "`%s`", x->default_text);
    } else {
        str_puts(out, "(empty)");
    }
    str_puts(out, " | ");
    settings_values(x, out);
    str_printf(out, " | %s |\n", x->help);
}

void settings_reference(struct str *out)
{
    static const char head[] = "| key | default | values | meaning |\n|---|---|---|---|\n";
    for (const struct setting *x = settings_schema; x->section; x++) {
        if (begins_section(settings_schema, x)) {
            str_printf(out, "%s### [%s]\n\n%s", x == settings_schema ? "" : "\n", x->section, head);
        }
        put_row(x, out);
    }
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        str_printf(out, "\n### [%s NAME]\n\n%s\n\n%s", kind->word, kind->help, head);
        for (const struct setting *x = kind->keys; x->section; x++) {
            put_row(x, out);
        }
    }
}
