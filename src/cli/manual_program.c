/* manual_program.c: shunt(1): the table of commands, and what no table knows: signals, environment, files. */
#include <stdio.h>
#include <string.h>

#include "shunt/cli/cli.h"

#include "manual.h"
#include "roff.h"

static void put_synopsis(struct str *out, const struct cli_command *command)
{
    str_printf(out, ".SY shunt\n.B %s\n", command->name);
    for (const struct cli_option *o = command->options; o && o->name; o++) {
        str_puts(out, ".OP \\-\\-");
        roff_escaped(out, o->name, strlen(o->name));
        str_printf(out, "%s%s\n", o->metavar ? " " : "", o->metavar ? o->metavar : "");
    }
    for (const struct cli_operand *operand = command->operands; operand->name; operand++)
        str_printf(out, "%s\\fI%s\\fR%s%s\n", operand->optional ? "[" : "", operand->name,
                   operand->repeated ? "\\&..." : "", operand->optional ? "]" : "");
    str_puts(out, ".YS\n");
}

static void put_options(struct str *out, const struct cli_option *o)
{
    for (; o && o->name; o++) {
        struct str label = STR_INIT, text = STR_INIT;
        if (o->letter)
            str_printf(&label, "-%c, ", o->letter);
        str_printf(&label, "--%s%s", o->name, o->metavar ? " " : "");
        cli_option_text(o, &text);
        roff_item(out, label.bytes, o->metavar, text.bytes);
        str_part_fini(&label, out);
        str_part_fini(&text, out);
    }
}

static void put_operands(struct str *out, const struct cli_operand *operand)
{
    for (; operand->name; operand++) {
        struct str text = STR_INIT;
        if (operand->words) {
            cli_words(operand->words, &text);
            roff_item(out, "", operand->name, text.bytes);
        }
        str_part_fini(&text, out);
    }
}

static void put_commands(struct str *out)
{
    roff_section(out, "COMMANDS");
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        roff_subsection(out, command->name);
        roff_text(out, command->description);
        put_operands(out, command->operands);
        put_options(out, command->options);
    }
}

static void put_examples(struct str *out)
{
    roff_section(out, "EXAMPLES");
    for (size_t i = 0; cli_commands[i]; i++)
        for (const struct cli_example *x = cli_commands[i]->examples; x && x->line; x++)
            roff_item(out, x->line, NULL, x->what);
}

static void put_signals(struct str *out)
{
    roff_section(out, "SIGNALS");
    roff_text(out, "They are for `shunt run`.");
    roff_item(
        out, "HUP", NULL,
        "Reads the settings and the routing table again. They are checked whole; on any mistake all stays as it was, "
        "and every mistake is logged with its line. The routing table is taken whole; of the settings those that "
        "shunt.ini(5) says so of, the others are told and wait for the next start. The access file is taken or refused by itself. Tickets in work finish under the "
        "table that routed them. The log file is opened anew, for logrotate(8).");
    roff_item(
        out, "TERM, INT", NULL,
        "Ends the service: nothing new is begun, what is in hand is finished within `[service] drain_timeout`. What "
        "waits for another try stays in the underprocess folder for the next start. A second signal ends at once.");
    roff_item(out, "USR1", NULL, "Logs the whole state: statistics, ledger, queue, destinations.");
}

static void put_exit_codes(struct str *out)
{
    roff_section(out, "EXIT STATUS");
    for (const struct cli_exit_code *x = cli_exit_codes; x->help; x++) {
        char label[12];
        snprintf(label, sizeof label, "%d", x->code);
        roff_item(out, label, NULL, x->help);
    }
}

static void put_environment(struct str *out)
{
    roff_section(out, "ENVIRONMENT");
    roff_item(
        out, "SHUNT_SECTION_KEY", NULL,
        "A setting instead of that in `shunt.ini`, as `SHUNT_SERVICE_DATA` for `[service] data`. All settings are in "
        "shunt.ini(5).");
    roff_item(out, "NOTIFY_SOCKET", NULL, "Where systemd(1) is told that the service is ready, reloads and stops.");
}

static void put_files(struct str *out)
{
    roff_section(out, "FILES");
    roff_item(out, CLI_CONFIG_DEFAULT, NULL, "The settings.");
    roff_item(out, "/etc/shunt/routes.ini", NULL, "The routing table; `[folders] routes` names another.");
    roff_paragraph(out, "The folders of tickets and of the log are below `[service] data`:");
    for (const struct setting *x = settings_schema; x->section; x++)
        if (strcmp(x->section, "folders") == 0 && x->type == SETTING_PATH && strcmp(x->key, "routes") != 0)
            roff_item(out, x->default_text, NULL, x->help);
}

void manual_program(struct str *out)
{
    roff_title(out, "shunt", 1, "hot\\-folder router and job processor");
    roff_section(out, "SYNOPSIS");
    for (size_t i = 0; cli_commands[i]; i++)
        put_synopsis(out, cli_commands[i]);
    roff_section(out, "DESCRIPTION");
    roff_text(out,
              "`shunt` takes up job tickets, which are JSON documents, from hot folders, one folder a client. Each is "
              "checked, archived, delivered to every destination that the routing table names, and accounted for. "
              "The original is removed when every copy is on the disk. A ticket that is not valid, or cannot be "
              "delivered, is set aside whole in the failed folder, with the reason beside it.");
    put_commands(out);
    roff_section(out, "OPTIONS");
    roff_text(out, "All commands take these, also before the command.");
    put_options(out, cli_general_options);
    put_signals(out);
    put_exit_codes(out);
    put_environment(out);
    put_files(out);
    put_examples(out);
    roff_section(out, "SEE ALSO");
    str_puts(out, ".BR shunt.ini (5),\n.BR routes.ini (5)\n");
}
