/* report_mail.c: the report as a mail: see reporter.h. */
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/service/outbox.h"
#include "shunt/service/reporter.h"

#define LIST_ID "daily-report.shunt"

bool reporter_has_mail(const struct service *s)
{
    return s->outbox && outbox_reaches(s->outbox, OUTBOX_MAIL);
}

static json_t *list_of(const struct text_list *texts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < texts->count; i++) {
        if (json_array_append_new(list, json_string(texts->items[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* What happened stands in the subject, so that a good day need not be opened. */
static json_t *subject_of(const struct settings *s, const json_t *report)
{
    json_int_t processed = 0, errors = 0;
    const char *date = "";
    (void)json_unpack((json_t *)(uintptr_t)report, "{s:s, s:{s:I, s:I}}", "date", &date, "totals", "processed",
                      &processed, "errors", &errors);
    return json_sprintf("%s report %s: %" JSON_INTEGER_FORMAT " processed, %" JSON_INTEGER_FORMAT " error%s%s",
                        s->brand_name, date, processed, errors, errors == 1 ? "" : "s",
                        json_is_true(json_object_get(report, "late")) ? " (late)" : "");
}

bool reporter_mail(struct service *s, const char *key, const json_t *report, const struct str *html,
                   const struct str *text)
{
    const struct settings *set = s->config->settings;
    json_t *mail = json_pack("{s:o, s:s%, s:s%, s:s}", "subject", subject_of(set, report), "text", text->bytes,
                             text->len, "html", html->bytes, html->len, "list_id", LIST_ID);
    bool fine = mail && (set->report_to.count == 0 || json_object_set_new(mail, "to", list_of(&set->report_to)) == 0);
    fine = fine && outbox_put(s->outbox, OUTBOX_MAIL, key, mail, NULL, NULL);
    json_decref(mail);
    return fine;
}
