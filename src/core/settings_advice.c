/* settings_advice.c: see settings.h. */
#include <stddef.h>

#include "shunt/core/settings.h"

void settings_advice(const struct settings *s, void (*tell)(void *user, const char *text), void *user)
{
    bool mail = s->mail_server[0] != '\0';
    const struct {
        bool is_so;
        const char *text;
    } advice[] = {
        {!mail && s->mail_to.count > 0, "[mail] to is set, but [mail] server is not: nobody is mailed"},
        {!mail && s->alerts_to.count > 0, "[alerts] to is set, but [mail] server is not: no alert is mailed"},
        {!mail && s->report_to.count > 0, "[report] to is set, but [mail] server is not: the report is not mailed"},
        {!mail && s->webhook_url[0] == '\0' && s->alerts_attempts,
         "[alerts] attempts is set, but neither [mail] server nor [webhook] url: nobody is told"},
        {!s->report_enabled && s->report_to.count > 0,
         "[report] to is set, but [report] enabled is not: no report is made"},
        {mail && s->mail_user[0] != '\0' && s->mail_password[0] == '\0',
         "[mail] user is set, but neither SHUNT_MAIL_PASSWORD nor SHUNT_MAIL_PASSWORD_FILE: the server may refuse us"},
    };
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
        if (advice[i].is_so)
            tell(user, advice[i].text);
}
