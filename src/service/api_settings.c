/* api_settings.c: shunt.ini in force, key by key. */
#include "shunt/base/mem.h"
#include "shunt/service/reload.h"

#include "control_inner.h"

/* NULL: no memory. */
static json_t *setting_json(const struct service *service, const struct setting *x)
{
    const struct settings *s = x->reloadable ? reload_last(service->reload) : service->config->settings;
    struct str value = STR_INIT;
    settings_value_text(s, x, &value);
    const char *shown = x->type == SETTING_SECRET && value.len > 0 ? "***" : value.bytes;
    json_t *json = str_failed(&value)
                       ? NULL
                       : json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "section", x->section, "key", x->key, "value",
                                   shown, "default", x->default_text, "set", s->given[x - settings_schema],
                                   "reloadable", x->reloadable, "help", x->help);
    str_fini(&value);
    return json;
}

void api_settings(struct http_request *request, void *context)
{
    const struct control *c = context;
    json_t *list = json_array();
    for (const struct setting *x = settings_schema; list && x->section; x++) {
        if (json_array_append_new(list, setting_json(c->service, x)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    api_answer(request, 200, list);
}
