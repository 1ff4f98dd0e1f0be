/* command_line.c: argv read by the table of commands. Each word is looked up exactly; what is not there is told with the
 * nearest that is. */
#include <stdio.h>
#include <string.h>

#include "shunt/cli/cli.h"
#include "shunt/core/near.h"

struct reading {
    struct cli *cli;
    int argc, next; /* next: the word to be read */
    char **argv;
    struct error *e;
};

const struct cli_command *cli_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *o, char letter)
{
    while (o && o->name && o->letter != letter)
        o++;
    return o && o->name ? o : NULL;
}

static const struct cli_option *find_name(const struct cli_option *o, const char *name, size_t len, struct near *near)
{
    for (; o && o->name; o++) {
        if (strncmp(o->name, name, len) == 0 && o->name[len] == '\0')
            return o;
        near_offer(near, o->name);
    }
    return NULL;
}

/* `text`: it, as written, and what was meant. */
static int no_option(struct reading *r, const char *text)
{
    if (r->cli->command)
        return error_set(r->e, ERR_USAGE, "%s: there is no option %s", r->cli->command->name, text);
    return error_set(r->e, ERR_USAGE, "there is no general option %s (those of a command stand behind it)", text);
}

static int not_a_word(struct reading *r, const char *what, const char *text, const char *const *words)
{
    struct str all = STR_INIT;
    struct near near = near_to(text);
    cli_words(words, &all);
    for (size_t i = 0; words[i]; i++)
        near_offer(&near, words[i]);
    int rc = error_set(r->e, ERR_USAGE, "%s is %s, not %s%s%s%s", what, all.bytes, text,
                       near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
    str_fini(&all);
    return rc;
}

static int no_command(struct reading *r, const char *text)
{
    struct near near = near_to(text);
    for (size_t i = 0; cli_commands[i]; i++)
        near_offer(&near, cli_commands[i]->name);
    return error_set(r->e, ERR_USAGE, "there is no command %s%s%s%s", text, near.best ? "; did you mean " : "",
                     near.best ? near.best : "", near.best ? "?" : "");
}

static int check_word(struct reading *r, enum cli_value value, const char *const *words, const char *what,
                      const char *text)
{
    if (value == VALUE_COMMAND)
        return cli_find(text) ? 0 : no_command(r, text);
    for (size_t i = 0; value == VALUE_WORD && words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return 0;
    return value == VALUE_WORD ? not_a_word(r, what, text, words) : 0;
}

/* value: what stood in the same word, or NULL. */
static int set_option(struct reading *r, const struct cli_option *o, const char *value)
{
    char *field = (char *)r->cli + o->offset;
    if (o->value == VALUE_NONE) {
        bool yes = true;
        if (value)
            return error_set(r->e, ERR_USAGE, "--%s takes no value", o->name);
        memcpy(field, &yes, sizeof yes);
        return 0;
    }
    if (!value && r->next < r->argc)
        value = r->argv[r->next++];
    if (!value)
        return error_set(r->e, ERR_USAGE, "--%s needs a value: %s", o->name, o->metavar);
    memcpy(field, &value, sizeof value);
    char what[NEAR_WORD_MAX];
    snprintf(what, sizeof what, "--%s", o->name);
    return check_word(r, o->value, o->words, what, value);
}

static int read_long(struct reading *r, const char *name)
{
    size_t len = strcspn(name, "=");
    char word[NEAR_WORD_MAX + 1] = "";
    if (len < sizeof word)
        memcpy(word, name, len);
    struct near near = near_to(word);
    const struct cli_option *o = r->cli->command ? find_name(r->cli->command->options, name, len, &near) : NULL;
    if (!o)
        o = find_name(cli_general_options, name, len, &near);
    if (o)
        return set_option(r, o, name[len] == '=' ? name + len + 1 : NULL);
    char text[3 * NEAR_WORD_MAX];
    snprintf(text, sizeof text, "--%.*s%s%s%s", (int)(len < sizeof word ? len : NEAR_WORD_MAX), name,
             near.best ? "; did you mean --" : "", near.best ? near.best : "", near.best ? "?" : "");
    return no_option(r, text);
}

static int read_letters(struct reading *r, const char *letters)
{
    while (*letters) {
        const struct cli_option *o = r->cli->command ? find_letter(r->cli->command->options, *letters) : NULL;
        if (!o)
            o = find_letter(cli_general_options, *letters);
        if (!o)
            return no_option(r, (char[]){'-', *letters, '\0'});
        letters++;
        bool flag = o->value == VALUE_NONE;
        int rc = set_option(r, o, flag || !*letters ? NULL : letters);
        if (rc != 0 || !flag)
            return rc;
    }
    return 0;
}

static int read_operand(struct reading *r, char *text)
{
    struct cli *cli = r->cli;
    if (!cli->command) {
        cli->command = cli_find(text);
        return cli->command ? 0 : no_command(r, text);
    }
    const struct cli_operand *at = cli->command->operands;
    for (int i = 0; i < cli->n_args && at->name && !at->repeated; i++)
        at++;
    if (!at->name)
        return error_set(r->e, ERR_USAGE, "%s: one argument too many: %s", cli->command->name, text);
    cli->args[cli->n_args++] = text;
    return check_word(r, at->value, at->words, at->name, text);
}

static int check_operands(struct reading *r)
{
    const struct cli *cli = r->cli;
    if (cli->help || cli->version)
        return 0;
    if (!cli->command)
        return error_set(r->e, ERR_USAGE, "a command is missing");
    const struct cli_operand *operands = cli->command->operands;
    for (int i = 0; operands[i].name; i++)
        if (i >= cli->n_args && !operands[i].optional)
            return error_set(r->e, ERR_USAGE, "%s needs %s", cli->command->name, operands[i].name);
    return 0;
}

int cli_read(struct cli *cli, int argc, char **argv, struct error *e)
{
    struct reading r = {.cli = cli, .argc = argc, .next = 1, .argv = argv, .e = e};
    bool options = true;
    int rc = 0;
    *cli = (struct cli){.config = CLI_CONFIG_DEFAULT, .args = argv + 1};
    while (rc == 0 && r.next < argc) {
        char *word = argv[r.next++];
        if (!options || word[0] != '-' || word[1] == '\0')
            rc = read_operand(&r, word);
        else if (strcmp(word, "--") == 0)
            options = false;
        else
            rc = word[1] == '-' ? read_long(&r, word + 2) : read_letters(&r, word + 1);
    }
    return rc != 0 ? rc : check_operands(&r);
}
