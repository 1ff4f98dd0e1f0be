/* settings_value.c: one setting from and to text. */
#include <inttypes.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/core/ini.h"
#include "shunt/core/units.h"

#include "settings_parts.h"

#define LIST_MAX 1000

static void *field_of(void *fields, const struct setting *x)
{
    return (char *)fields + x->offset;
}

static void list_fini(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct text_list){0};
}

int settings_list_add(struct text_list *list, const char *text, size_t n)
{
    char *item = mem_strndup(text, n);
    char **items = item ? mem_resize(list->items, (list->count + 1) * sizeof *items) : NULL;
    if (!items) {
        mem_free(item);
        return ERR_NOMEM;
    }
    items[list->count] = item;
    list->items = items;
    list->count++;
    return 0;
}

static int set_list(struct text_list *out, const char *text, struct error *e)
{
    struct text_list list = {0};
    int rc = 0;
    for (const char *p = text; rc == 0;) {
        p += strspn(p, " ,");
        size_t n = strcspn(p, ",");
        if (n == 0) {
            break;
        }
        const char *next = p + n;
        while (n > 0 && p[n - 1] == ' ') {
            n--;
        }
        if (*p == '#' || *p == ';') /* it could not be printed so that it is read back */
            rc = error_set(e, ERR_CONFIG, "\"%.*s\" seems to be a comment; comments go on a line of their own", (int)n,
                           p);
        else
            rc = list.count < LIST_MAX ? settings_list_add(&list, p, n)
                                       : error_set(e, ERR_CONFIG, "more than %d values", LIST_MAX);
        p = next;
    }
    if (rc) {
        list_fini(&list);
        return rc;
    }
    list_fini(out);
    *out = list;
    return 0;
}

static int set_text(char **out, const struct setting *x, const char *text, struct error *e)
{
    size_t n = strlen(text);
    if (n < (size_t)x->min) {
        return error_set(e, ERR_CONFIG, "must not be empty");
    }
    if (n > (size_t)x->max) {
        return error_set(e, ERR_CONFIG, "longer than %" PRId64 " bytes", x->max);
    }
    char *copy = mem_strdup(text);
    if (!copy) {
        return ERR_NOMEM;
    }
    mem_free(*out);
    *out = copy;
    return 0;
}

static int set_colour(char **out, const struct setting *x, const char *text, struct error *e)
{
    if (strlen(text) != 7 || text[0] != '#' || strspn(text + 1, "0123456789abcdefABCDEF") != 6)
        return error_set(e, ERR_CONFIG, "%s is no colour such as #1F6FEB", text);
    return set_text(out, x, text, e);
}

static int set_word(unsigned *out, const struct setting *x, const char *text, struct error *e)
{
    for (unsigned i = 0; x->words[i]; i++) {
        if (strcmp(text, x->words[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    error_set(e, ERR_CONFIG, "\"%s\" is not one of", text);
    for (unsigned i = 0; x->words[i] && e; i++) {
        size_t n = strlen(e->text);
        strncat(e->text, i > 0 ? ", " : " ", sizeof e->text - n - 1);
        n = strlen(e->text);
        strncat(e->text, x->words[i], sizeof e->text - n - 1);
    }
    return ERR_CONFIG;
}

static void bounds_text(const struct setting *x, int64_t bound, char out[UNITS_TEXT_MAX])
{
    if (x->type == SETTING_BYTES) {
        units_bytes_text(bound, out);
    } else {
        units_ms_text(bound, out);
    }
}

static int set_quantity(int64_t *out, const struct setting *x, const char *text, struct error *e)
{
    int64_t n;
    int rc = x->type == SETTING_BYTES ? units_bytes(text, &n, e) : units_ms(text, &n, e);
    if (rc) {
        return rc;
    }
    if (n < x->min || n > x->max) {
        char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX];
        bounds_text(x, x->min, low);
        bounds_text(x, x->max, high);
        return error_set(e, ERR_CONFIG, "%s is not between %s and %s", text, low, high);
    }
    *out = n;
    return 0;
}

static int set_factor(double *out, const struct setting *x, const char *text, struct error *e)
{
    double f;
    int rc = units_factor(text, &f, e);
    if (rc) {
        return rc;
    }
    if (f < (double)x->min || f > (double)x->max) {
        return error_set(e, ERR_CONFIG, "%s is not between %" PRId64 " and %" PRId64, text, x->min, x->max);
    }
    *out = f;
    return 0;
}

static int refuse_odd_text(const struct setting *x, const char *text, struct error *e)
{
    if (!utf8_valid(text, strlen(text)) || text_has_control(text, strlen(text))) {
        return error_set(e, ERR_CONFIG, "holds a control character or is not UTF-8");
    }
    if (ini_value_has_comment(text) && x->type != SETTING_PATH && x->type != SETTING_SECRET &&
        x->type != SETTING_COLOUR) {
        return error_set(e, ERR_CONFIG, "\"%s\" seems to hold a comment; comments go on a line of their own", text);
    }
    return 0;
}

int settings_set(void *fields, const struct setting *x, const char *text, struct error *e)
{
    void *field = field_of(fields, x);
    int rc = refuse_odd_text(x, text, e);
    if (rc) {
        return rc;
    }
    switch (x->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_SECRET:
        return set_text(field, x, text, e);
    case SETTING_COLOUR:
        return set_colour(field, x, text, e);
    case SETTING_COUNT:
        return units_count(text, x->min, x->max, field, e);
    case SETTING_BYTES:
    case SETTING_MS:
        return set_quantity(field, x, text, e);
    case SETTING_BOOL:
        return units_bool(text, field, e);
    case SETTING_MODE:
        return units_mode(text, field, e);
    case SETTING_FACTOR:
        return set_factor(field, x, text, e);
    case SETTING_LIST:
        return set_list(field, text, e);
    case SETTING_ENUM:
        return set_word(field, x, text, e);
    }
    return error_set(e, ERR_INTERNAL, "setting of an unknown type");
}

static void list_text(const struct text_list *list, struct str *out)
{
    for (size_t i = 0; i < list->count; i++) {
        str_puts(out, i > 0 ? ", " : "");
        str_puts(out, list->items[i]);
    }
}

void settings_text(const void *fields, const struct setting *x, struct str *out)
{
    const void *field = (const char *)fields + x->offset;
    char text[UNITS_TEXT_MAX];
    switch (x->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_COLOUR:
        str_puts(out, *(char *const *)field);
        break;
    case SETTING_SECRET:
        str_puts(out, **(char *const *)field != '\0' ? "(set)" : "");
        break;
    case SETTING_COUNT:
        str_printf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case SETTING_BYTES:
    case SETTING_MS:
        bounds_text(x, *(const int64_t *)field, text);
        str_puts(out, text);
        break;
    case SETTING_BOOL:
        str_puts(out, *(const bool *)field ? "yes" : "no");
        break;
    case SETTING_MODE:
        str_printf(out, "%04o", *(const unsigned *)field);
        break;
    case SETTING_FACTOR:
        str_printf(out, "%.15g", *(const double *)field);
        break;
    case SETTING_LIST:
        list_text(field, out);
        break;
    case SETTING_ENUM:
        str_puts(out, x->words[*(const unsigned *)field]);
        break;
    }
}

void settings_value_text(const struct settings *s, const struct setting *x, struct str *out)
{
    settings_text(s, x, out);
}

void settings_fini_fields(void *fields, const struct setting *schema)
{
    for (const struct setting *x = schema; x && x->section; x++) {
        void *field = field_of(fields, x);
        if (x->type == SETTING_TEXT || x->type == SETTING_PATH || x->type == SETTING_SECRET ||
            x->type == SETTING_COLOUR) {
            mem_free(*(char **)field);
        } else if (x->type == SETTING_LIST) {
            list_fini(field);
        }
    }
}

void settings_free(struct settings *s)
{
    if (!s) {
        return;
    }
    settings_fini_fields(s, s->schema);
    naming_fini(s);
    list_fini(&s->unknown_env);
    mem_free(s->given);
    mem_free(s);
}
