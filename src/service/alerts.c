/* alerts.c: see alerts.h. */
#include "shunt/service/alerts.h"

#include <string.h>

#include "shunt/core/alarm_text.h"

void alerts_command(const struct config *config, struct str *out)
{
    str_puts(out, "shunt");
    if (strcmp(config->file, CONFIG_DEFAULT) == 0)
        return;
    str_puts(out, " -c ");
    alarm_shell_word(out, config->file);
}
