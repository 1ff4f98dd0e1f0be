/* report_mail.c: the report as a mail: see reporter.h. */
#include "shunt/service/reporter.h"

bool reporter_has_mail(const struct service *s)
{
    (void)s;
    return false;
}

bool reporter_mail(struct service *s, const char *key, const json_t *report, const struct str *html,
                   const struct str *text)
{
    (void)s;
    (void)key;
    (void)report;
    (void)html;
    (void)text;
    return false;
}
