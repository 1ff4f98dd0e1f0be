/* report_mail.c: the report as a mail: see reporter.h. */
#include <string.h>

#include "shunt/core/json_get.h"
#include "shunt/service/outbox.h"
#include "shunt/service/reporter.h"

#define LIST_ID "daily-report.shunt"

bool reporter_has_mail(const struct service *s)
{
    return s->outbox && outbox_reaches(s->outbox, OUTBOX_MAIL);
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

bool reporter_mail(struct service *s, const struct report_mail *m, void (*saved)(void *user), void *user)
{
    const struct settings *set = s->config->settings;
    json_t *mail = json_pack("{s:o, s:s%, s:s%, s:s}", "subject", subject_of(set, m->report), "text", m->text->bytes,
                             m->text->len, "html", m->html->bytes, m->html->len, "list_id", LIST_ID);
    bool fine = mail && (set->report_to.count == 0 ||
                         json_object_set_new(mail, "to", json_texts(set->report_to.items, set->report_to.count)) == 0);
    fine = fine && outbox_put(s->outbox, OUTBOX_MAIL, m->key, mail, saved, user);
    json_decref(mail);
    return fine;
}
