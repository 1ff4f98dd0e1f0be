/* cmd_completion.c: `shunt completion bash|zsh`: the table of commands as a script for the shell, which runs without
 * the program. */
#include <string.h>

#include "shunt/cli/cli.h"

static void bash_names(struct str *out, const struct cli_option *o)
{
    for (const char *space = ""; o && o->name; o++, space = " ")
        str_printf(out, "%s--%s", space, o->name);
}

static void bash_words(struct str *out, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        str_printf(out, "%s%s", i > 0 ? " " : "", words[i]);
}

static void command_names(struct str *out)
{
    for (size_t i = 0; cli_commands[i]; i++)
        str_printf(out, "%s%s", i > 0 ? " " : "", cli_commands[i]->name);
}

/* What completes a value, as the end of a line of `case`. */
static void bash_value(struct str *out, enum cli_value value, const char *const *words)
{
    if (value == VALUE_FILE)
        str_puts(out, " compopt -o default 2>/dev/null");
    if (value == VALUE_WORD || value == VALUE_COMMAND)
        str_puts(out, " words='");
    if (value == VALUE_WORD)
        bash_words(out, words);
    if (value == VALUE_COMMAND)
        command_names(out);
    str_puts(out, value == VALUE_WORD || value == VALUE_COMMAND ? "' ;;\n" : " ;;\n");
}

/* "once:--client", also by its letter. */
static void bash_pattern(struct str *out, const char *command, const struct cli_option *o)
{
    if (o->letter)
        str_printf(out, "%s:-%c | ", command, o->letter);
    str_printf(out, "%s:--%s)", command, o->name);
}

static void bash_skips(struct str *out, const char *command, const struct cli_option *o)
{
    for (; o && o->name; o++) {
        if (o->value == VALUE_NONE)
            continue;
        str_puts(out, "            ");
        bash_pattern(out, command, o);
        str_puts(out, " skip=1 ;;\n");
    }
}

static void bash_option_values(struct str *out, const char *command, const struct cli_option *o)
{
    for (; o && o->name; o++) {
        if (o->value == VALUE_NONE)
            continue;
        str_puts(out, "        ");
        bash_pattern(out, command, o);
        bash_value(out, o->value, o->words);
    }
}

static void bash_operands(struct str *out, const struct cli_command *command)
{
    for (unsigned i = 0; command->operands[i].name; i++) {
        const struct cli_operand *operand = &command->operands[i];
        if (operand->repeated)
            str_printf(out, "        %s:operand*)", command->name);
        else
            str_printf(out, "        %s:operand%u)", command->name, i);
        bash_value(out, operand->value, operand->words);
    }
}

static void bash_head(struct str *out)
{
    str_puts(out, "# bash completion for shunt; made by `shunt completion bash`.\n"
                  "_shunt()\n"
                  "{\n"
                  "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "    local command='' at='' skip=0 operands=0 words='' i\n"
                  "    COMPREPLY=()\n"
                  "    # bash makes words of their own of --option, = and the value.\n"
                  "    [[ $current != = ]] || current=''\n"
                  "    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        if ((skip)); then\n"
                  "            [[ ${COMP_WORDS[i]} == = ]] || skip=0\n"
                  "            continue\n"
                  "        fi\n"
                  "        case $command:${COMP_WORDS[i]} in\n");
}

static void bash(struct str *out)
{
    bash_head(out);
    bash_skips(out, "*", cli_general_options);
    for (size_t i = 0; cli_commands[i]; i++)
        bash_skips(out, cli_commands[i]->name, cli_commands[i]->options);
    str_puts(out, "            *:-?*) ;;\n"
                  "            :*) command=${COMP_WORDS[i]} ;;\n"
                  "            *) operands=$((operands + 1)) ;;\n"
                  "        esac\n"
                  "    done\n"
                  "    if ((skip)); then\n"
                  "        at=$before\n"
                  "    elif [[ $current == -* ]]; then\n"
                  "        at=options\n"
                  "    else\n"
                  "        at=operand$operands\n"
                  "    fi\n"
                  "    case $command:$at in\n");
    bash_option_values(out, "*", cli_general_options);
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        bash_option_values(out, command->name, command->options);
        bash_operands(out, command);
        str_printf(out, "        %s:options) words='", command->name);
        bash_names(out, command->options);
        str_puts(out, command->options ? " " : "");
        bash_names(out, cli_general_options);
        str_puts(out, "' ;;\n");
    }
    str_puts(out, "        :options) words='");
    bash_names(out, cli_general_options);
    str_puts(out, "' ;;\n        :*) words='");
    command_names(out);
    str_puts(out, "' ;;\n"
                  "    esac\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                  "}\n"
                  "complete -F _shunt shunt\n");
}

/* Inside single quotes, where `special` letters mean something to zsh's own functions. */
static void zsh_text(struct str *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'') {
            str_puts(out, "'\\''");
            continue;
        }
        if (strchr(special, *text))
            str_putc(out, '\\');
        str_putc(out, *text);
    }
}

/* ":FILE:_files'" */
static void zsh_value(struct str *out, const char *name, enum cli_value value, const char *const *words)
{
    str_printf(out, ":%s:", name);
    if (value == VALUE_FILE)
        str_puts(out, "_files");
    if (value == VALUE_COMMAND)
        str_puts(out, "_shunt_commands");
    if (value == VALUE_TEXT)
        str_putc(out, ' ');
    if (value == VALUE_WORD) {
        str_putc(out, '(');
        bash_words(out, words);
        str_putc(out, ')');
    }
}

static void zsh_option(struct str *out, const struct cli_option *o, bool by_letter)
{
    bool flag = o->value == VALUE_NONE;
    str_puts(out, "            '");
    if (o->letter)
        str_printf(out, "(-%c --%s)", o->letter, o->name);
    if (by_letter)
        str_printf(out, "-%c%s[", o->letter, flag ? "" : "+");
    else
        str_printf(out, "--%s%s[", o->name, flag ? "" : "=");
    zsh_text(out, o->help, "\\[]:");
    str_putc(out, ']');
    if (!flag)
        zsh_value(out, o->metavar, o->value, o->words);
    str_puts(out, "'\n");
}

static void zsh_options(struct str *out, const struct cli_option *o)
{
    for (; o && o->name; o++) {
        if (o->letter)
            zsh_option(out, o, true);
        zsh_option(out, o, false);
    }
}

static void zsh_command(struct str *out, const struct cli_command *command)
{
    str_printf(out, "    %s)\n        options+=(\n", command->name);
    zsh_options(out, command->options);
    for (const struct cli_operand *operand = command->operands; operand->name; operand++) {
        str_printf(out, "            '%s", operand->repeated ? "*" : operand->optional ? ":" : "");
        zsh_value(out, operand->name, operand->value, operand->words);
        str_puts(out, "'\n");
    }
    str_puts(out, "        ) ;;\n");
}

static void zsh(struct str *out)
{
    str_puts(out, "#compdef shunt\n"
                  "# zsh completion for shunt; made by `shunt completion zsh`.\n"
                  "_shunt_commands()\n"
                  "{\n"
                  "    local -a commands\n"
                  "    commands=(\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        str_printf(out, "        '%s:", cli_commands[i]->name);
        zsh_text(out, cli_commands[i]->summary, "\\:");
        str_puts(out, "'\n");
    }
    str_puts(out, "    )\n"
                  "    _describe -t commands command commands\n"
                  "}\n"
                  "_shunt()\n"
                  "{\n"
                  "    local curcontext=$curcontext state line\n"
                  "    local -A opt_args\n"
                  "    local -a options\n"
                  "    options=(\n");
    zsh_options(out, cli_general_options);
    str_puts(out, "    )\n"
                  "    _arguments -C $options '1:command:_shunt_commands' '*::argument:->arguments' && return\n"
                  "    [[ $state == arguments ]] || return 1\n"
                  "    case $line[1] in\n");
    for (size_t i = 0; cli_commands[i]; i++)
        zsh_command(out, cli_commands[i]);
    str_puts(out, "    esac\n"
                  "    _arguments $options\n"
                  "}\n"
                  "if [[ $funcstack[1] == _shunt ]]; then\n"
                  "    _shunt \"$@\"\n"
                  "else\n"
                  "    compdef _shunt shunt\n"
                  "fi\n");
}

static int run(const struct cli *cli)
{
    struct str text = STR_INIT;
    (strcmp(cli->args[0], "bash") == 0 ? bash : zsh)(&text);
    int code = cli_print(&text);
    str_fini(&text);
    return code;
}

static const char *const shells[] = {"bash", "zsh", NULL};

static const struct cli_example examples[] = {
    {". <(shunt completion bash)",
     "Completes with the tabulator key in this shell, where the package did not install it."},
    {.line = NULL},
};

const struct cli_command cmd_completion = {
    .name = "completion",
    .summary = "print the completion script of a shell",
    .description = "Prints a script with which the shell completes commands, options and their values.",
    .operands = {{.name = "SHELL", .value = VALUE_WORD, .words = shells}},
    .examples = examples,
    .run = run,
};
