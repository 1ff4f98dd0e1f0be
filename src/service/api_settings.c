/* api_settings.c: shunt.ini in force, key by key. */
#include "shunt/base/mem.h"
#include "shunt/service/reload.h"

#include "control_inner.h"

/* The value's text; taken. NULL: no memory. */
static json_t *setting_json(const char *section, const struct setting *x, struct str *value, bool set)
{
    const char *shown = x->type == SETTING_SECRET && value->len > 0 ? "***" : value->bytes;
    json_t *json = str_failed(value) ? NULL
                                     : json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "section", section, "key",
                                                 x->key, "value", shown, "default", x->default_text, "set", set,
                                                 "reloadable", x->reloadable, "help", x->help);
    str_fini(value);
    return json;
}

static bool add_plain(json_t *list, const struct service *service)
{
    bool fine = true;
    for (const struct setting *x = settings_schema; fine && x->section; x++) {
        const struct settings *s = x->reloadable ? reload_last(service->reload) : service->config->settings;
        struct str value = STR_INIT;
        settings_value_text(s, x, &value);
        fine = json_array_append_new(list, setting_json(x->section, x, &value, s->given[x - settings_schema])) == 0;
    }
    return fine;
}

static bool add_named(json_t *list, const struct section *section)
{
    bool fine = true;
    for (const struct setting *x = section->kind->keys; fine && x->section; x++) {
        struct str value = STR_INIT;
        section_value_text(section, x, &value);
        bool set = section->lines[x - section->kind->keys] > 0;
        fine = json_array_append_new(list, setting_json(section->title, x, &value, set)) == 0;
    }
    return fine;
}

void api_settings(struct http_request *request, void *context)
{
    const struct control *c = context;
    json_t *list = json_array();
    bool fine = list && add_plain(list, c->service);
    for (const struct section_kind *kind = settings_kinds; fine && kind->word; kind++) {
        const struct settings *s =
            kind->keys->reloadable ? reload_last(c->service->reload) : c->service->config->settings;
        const struct section_list *sections = settings_sections(s, kind);
        for (size_t i = 0; fine && i < sections->count; i++)
            fine = add_named(list, sections->items[i]);
    }
    if (!fine) {
        json_decref(list);
        list = NULL;
    }
    api_answer(request, 200, list);
}
