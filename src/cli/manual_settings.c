/* manual_settings.c: shunt.ini(5), from the settings' own table. */
#include <string.h>

#include "shunt/cli/cli.h"

#include "manual.h"
#include "roff.h"

static void put_setting(struct str *out, const struct setting *x)
{
    struct str text = STR_INIT;
    settings_values(x, &text);
    str_puts(&text, ". Default: ");
    str_printf(&text, x->default_text[0] ? "`%s`." : "empty%s.", x->default_text);
    roff_key(out, x->key, x->help, text.bytes);
    str_part_fini(&text, out);
}

static void put_description(struct str *out)
{
    roff_section(out, "DESCRIPTION");
    roff_text(
        out, "The settings of shunt(1). Sections stand in brackets, keys below their section, one a line, as `key = "
             "value`. A value is everything after the first `=`, without the spaces around it. Comments stand on lines "
             "of their own and begin with `;` or `#`. Every key has a default, so that the file may be empty.");
    roff_paragraph(out,
                   "An unknown or repeated key, a bad unit and an impossible value are mistakes. They are told with "
                   "their line, and the service does not start. `shunt check` tells them before, and `shunt check "
                   "--print-config` prints what is in force.");
    roff_item(out, "time", NULL, "A number and its unit: `250ms`, `2s`, `3m`, `4h`, `90d`; 0 needs none.");
    roff_item(out, "size", NULL, "Bytes, or a number and its unit: `512`, `64KiB`, `64MiB`, `1GiB`, `5MB`.");
    roff_item(out, "path", NULL, "Relative: to `[service] data`, where nothing else is said. Spaces are fine.");
    roff_item(out, "list", NULL, "Values separated by commas; in each `*` stands for any text.");
    roff_item(out, "octal mode", NULL, "Permission bits, as `0664`.");
}

void manual_settings(struct str *out)
{
    roff_title(out, "shunt.ini", 5, "settings of shunt");
    roff_section(out, "SYNOPSIS");
    str_puts(out, ".I " CLI_CONFIG_DEFAULT "\n");
    put_description(out);
    roff_section(out, "OPTIONS");
    for (const struct setting *x = settings_schema; x->section; x++) {
        if (x == settings_schema || strcmp(x->section, x[-1].section) != 0)
            str_printf(out, ".SS [%s]\n", x->section);
        put_setting(out, x);
    }
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        str_printf(out, ".SS [%s \\fINAME\\fP]\n", kind->word);
        roff_text(out, kind->help);
        for (const struct setting *x = kind->keys; x->section; x++)
            put_setting(out, x);
    }
    roff_section(out, "ENVIRONMENT");
    roff_text(out,
              "Each value can be given as `SHUNT_SECTION_KEY`, in capitals, which goes before the file: "
              "`SHUNT_LOG_LEVEL` is `level` of `[log]`. A secret can be given as `SHUNT_SECTION_KEY_FILE`, which names "
              "a file that holds it. Keys of sections with a name stand in the file only.");
    roff_section(out, "FILES");
    roff_item(out, CLI_CONFIG_DEFAULT, NULL, "Read by shunt(1) where --config names no other file.");
    roff_section(out, "EXAMPLES");
    roff_text(out, "Tickets of one data root, files that are kept private, and a log for people:");
    roff_example(out, "[service]\ndata = /srv/production\n\n[delivery]\nmode = 0660\n\n[log]\nformat = text\n");
    roff_section(out, "SEE ALSO");
    str_puts(out, ".BR shunt (1),\n.BR routes.ini (5)\n");
}
