/* usage.c: the table of commands as texts for a terminal. */
#include <stdio.h>
#include <string.h>

#include "shunt/cli/cli.h"

#define USAGE     "usage: shunt "
#define LABEL_MAX 26 /* a longer label has its text on the next line */

/* One word more on a line that is `column` long. */
static size_t put_word(struct str *out, const char *word, size_t len, size_t column, size_t indent)
{
    if (column > indent && column + 1 + len > CLI_COLUMNS) {
        str_printf(out, "\n%*s", (int)indent, "");
        column = indent;
    } else if (column > indent) {
        str_putc(out, ' ');
        column++;
    }
    str_add(out, word, len);
    return column + len;
}

/* The text broken into lines, from `indent` on, where the line is already. */
static void put_text(struct str *out, const char *text, size_t indent)
{
    size_t column = indent;
    while (*text) {
        size_t len = strcspn(text, " ");
        column = put_word(out, text, len, column, indent);
        text += len + strspn(text + len, " ");
    }
    str_putc(out, '\n');
}

static void put_row(struct str *out, const char *label, size_t width, const char *text)
{
    str_printf(out, "  %-*s", (int)width, label);
    if (strlen(label) > width)
        str_printf(out, "\n%*s", (int)width + 2, "");
    str_puts(out, "  ");
    put_text(out, text, width + 4);
}

static void option_label(const struct cli_option *o, struct str *out)
{
    if (o->letter)
        str_printf(out, "-%c, ", o->letter);
    else
        str_puts(out, "    ");
    str_printf(out, "--%s%s%s", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
}

static void operand_label(const struct cli_operand *operand, struct str *out)
{
    str_printf(out, operand->optional ? "[%s%s]" : "%s%s", operand->name, operand->repeated ? "..." : "");
}

/* label: finished here. */
static void widen(struct str *out, size_t *width, struct str *label)
{
    if (label->len > *width && label->len <= LABEL_MAX)
        *width = label->len;
    str_part_fini(label, out);
}

static size_t options_width(struct str *out, const struct cli_option *o, size_t width)
{
    for (; o && o->name; o++) {
        struct str label = STR_INIT;
        option_label(o, &label);
        widen(out, &width, &label);
    }
    return width;
}

void cli_words(const char *const *words, struct str *out)
{
    for (size_t i = 0; words[i]; i++)
        str_printf(out, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

void cli_option_text(const struct cli_option *o, struct str *out)
{
    str_puts(out, o->help);
    if (o->words) {
        str_puts(out, ": ");
        cli_words(o->words, out);
    }
}

/* label and text: finished. */
static void put_row_of(struct str *out, struct str *label, size_t width, struct str *text)
{
    put_row(out, label->bytes, width, text->bytes);
    str_part_fini(label, out);
    str_part_fini(text, out);
}

static void put_options(struct str *out, const char *heading, const struct cli_option *o, size_t width)
{
    if (o && o->name)
        str_printf(out, "\n%s:\n", heading);
    for (; o && o->name; o++) {
        struct str label = STR_INIT, text = STR_INIT;
        option_label(o, &label);
        cli_option_text(o, &text);
        put_row_of(out, &label, width, &text);
    }
}

/* Those whose words are known. */
static void put_operands(struct str *out, const struct cli_operand *operand, size_t width)
{
    const char *heading = "\narguments:\n";
    for (; operand->name; operand++) {
        struct str label = STR_INIT, text = STR_INIT;
        if (!operand->words)
            continue;
        str_puts(out, heading);
        str_puts(&label, operand->name);
        cli_words(operand->words, &text);
        put_row_of(out, &label, width, &text);
        heading = "";
    }
}

static void command_label(const struct cli_command *command, struct str *out)
{
    str_puts(out, command->name);
    for (const struct cli_operand *operand = command->operands; operand->name; operand++) {
        str_putc(out, ' ');
        operand_label(operand, out);
    }
}

static size_t commands_width(struct str *out)
{
    size_t width = 0;
    for (size_t i = 0; cli_commands[i]; i++) {
        struct str label = STR_INIT;
        command_label(cli_commands[i], &label);
        widen(out, &width, &label);
    }
    return width;
}

static void put_commands(struct str *out)
{
    size_t width = commands_width(out);
    str_puts(out, "\ncommands:\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        struct str label = STR_INIT, text = STR_INIT;
        command_label(cli_commands[i], &label);
        str_puts(&text, cli_commands[i]->summary);
        put_row_of(out, &label, width, &text);
    }
}

/* part: emptied for the next. */
static size_t put_part(struct str *out, struct str *part, size_t column)
{
    column = put_word(out, part->bytes, part->len, column, strlen(USAGE));
    out->failed = out->failed || str_failed(part);
    str_clear(part);
    return column;
}

void cli_usage(const struct cli_command *command, struct str *out)
{
    struct str part = STR_INIT;
    str_printf(&part, USAGE "%s", command ? command->name : "COMMAND [OPTION...] [ARGUMENT...]");
    size_t column = put_part(out, &part, 0);
    for (const struct cli_option *o = command ? command->options : NULL; o && o->name; o++) {
        str_printf(&part, "[--%s%s%s]", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
        column = put_part(out, &part, column);
    }
    for (const struct cli_operand *operand = command ? command->operands : NULL; operand && operand->name; operand++) {
        operand_label(operand, &part);
        column = put_part(out, &part, column);
    }
    str_putc(out, '\n');
    str_fini(&part);
}

static void help_program(struct str *out)
{
    put_commands(out);
    put_options(out, "general options", cli_general_options, options_width(out, cli_general_options, 0));
    str_puts(out, "\nexit codes:\n");
    for (const struct cli_exit_code *x = cli_exit_codes; x->help; x++) {
        char label[12];
        snprintf(label, sizeof label, "%d", x->code);
        put_row(out, label, 1, x->help);
    }
    str_puts(out, "\n`shunt help COMMAND` tells all about a command.\n");
}

static void help_command(const struct cli_command *command, struct str *out)
{
    size_t width = options_width(out, cli_general_options, options_width(out, command->options, 0));
    str_putc(out, '\n');
    put_text(out, command->description, 0);
    put_operands(out, command->operands, width);
    put_options(out, "options", command->options, width);
    put_options(out, "general options", cli_general_options, width);
    if (command->examples)
        str_puts(out, "\nexamples:\n");
    for (const struct cli_example *x = command->examples; x && x->line; x++) {
        str_printf(out, "  %s\n      ", x->line);
        put_text(out, x->what, 6);
    }
}

void cli_help(const struct cli_command *command, struct str *out)
{
    cli_usage(command, out);
    if (command)
        help_command(command, out);
    else
        help_program(out);
}
