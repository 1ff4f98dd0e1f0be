/* test_command_line.c: argv read by the table of commands, and the texts that are made from it. */
#include <ctype.h>

#include "shunt/cli/cli.h"
#include "shunt/service/service.h"

#include "../io/scratch.h"

#define WORDS_MAX 12

struct line {
    char *argv[WORDS_MAX];
    struct cli cli;
    struct error e;
    int rc;
};

/* The words after "shunt", separated by spaces. */
static struct line *read_line(struct line *line, char *words)
{
    int argc = 1;
    *line = (struct line){.argv = {(char[]){"shunt"}}};
    for (char *save = NULL, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        line->argv[argc++] = word;
    line->rc = cli_read(&line->cli, argc, line->argv, &line->e);
    return line;
}
#define READ(words) read_line(&(struct line){0}, (char[]){words})

static void accepted(const struct line *line, const char *command)
{
    if (line->rc != 0)
        fail_msg("%s", line->e.text);
    assert_string_equal(line->cli.command->name, command);
}

static void refused(const struct line *line, const char *text)
{
    assert_int_equal(line->rc, ERR_USAGE);
    assert_string_equal(line->e.text, text);
}

static void options_may_stand_before_and_behind_the_operands(void **state)
{
    (void)state;
    struct line *x = READ("-c a.ini once --json one two --client RANK");
    accepted(x, "once");
    assert_string_equal(x->cli.config, "a.ini");
    assert_string_equal(x->cli.client, "RANK");
    assert_true(x->cli.json);
    assert_false(x->cli.quiet);
    assert_int_equal(x->cli.n_args, 2);
    assert_string_equal(x->cli.args[0], "one");
    assert_string_equal(x->cli.args[1], "two");
}

static void a_value_may_stand_in_the_same_word(void **state)
{
    (void)state;
    struct line *x = READ("status -qca.ini --log-level=warn");
    accepted(x, "status");
    assert_string_equal(x->cli.config, "a.ini");
    assert_string_equal(x->cli.log_level, "warn");
    assert_true(x->cli.quiet);
    x = READ("once --client= x");
    accepted(x, "once");
    assert_string_equal(x->cli.client, "");
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct line *x = READ("run");
    accepted(x, "run");
    assert_string_equal(x->cli.config, CLI_CONFIG_DEFAULT);
    assert_null(x->cli.log_level);
    assert_int_equal(x->cli.n_args, 0);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    struct line *x = READ("once -- --json -x");
    accepted(x, "once");
    assert_false(x->cli.json);
    assert_int_equal(x->cli.n_args, 2);
    assert_string_equal(x->cli.args[0], "--json");
}

static void one_dash_is_an_operand(void **state)
{
    (void)state;
    struct line *x = READ("explain -");
    accepted(x, "explain");
    assert_string_equal(x->cli.args[0], "-");
}

static void after_help_nothing_is_missed(void **state)
{
    (void)state;
    struct line *x = READ("explain --help");
    accepted(x, "explain");
    assert_true(x->cli.help);
    x = READ("-h");
    assert_int_equal(x->rc, 0);
    assert_null(x->cli.command);
    x = READ("--version");
    assert_int_equal(x->rc, 0);
    assert_true(x->cli.version);
}

static void a_mistyped_word_is_told_with_the_nearest(void **state)
{
    (void)state;
    refused(READ("chekc"), "there is no command chekc; did you mean check?");
    refused(READ("help onec"), "there is no command onec; did you mean once?");
    refused(READ("nonsense"), "there is no command nonsense");
    refused(READ("check --print-conifg"), "check: there is no option --print-conifg; did you mean --print-config?");
    refused(READ("run --cofnig x"), "run: there is no option --cofnig; did you mean --config?");
    refused(READ("run --nonsense=5"), "run: there is no option --nonsense");
    refused(READ("manual shunt.ini.6"),
            "PAGE is shunt.1, shunt.ini.5 or routes.ini.5, not shunt.ini.6; did you mean shunt.ini.5?");
    refused(READ("run --log-level loud"), "--log-level is debug, info, warn or error, not loud");
}

static void an_option_of_another_command_is_refused(void **state)
{
    (void)state;
    refused(READ("run --reference"), "run: there is no option --reference");
    refused(READ("check -q"), "check: there is no option -q");
    refused(READ("--json status"), "there is no general option --json (those of a command stand behind it)");
}

static void too_few_and_too_many_words_are_refused(void **state)
{
    (void)state;
    struct line *x = READ("");
    refused(x, "a command is missing");
    assert_null(x->cli.command);
    x = READ("once");
    refused(x, "once needs FILE");
    assert_string_equal(x->cli.command->name, "once");
    refused(READ("run now"), "run: one argument too many: now");
    refused(READ("explain a b"), "explain: one argument too many: b");
    refused(READ("once x --client"), "--client needs a value: NAME");
    refused(READ("status --json=yes"), "--json takes no value");
    accepted(READ("help"), "help");
}

static void an_endless_word_is_refused(void **state)
{
    (void)state;
    static char word[5000];
    memset(word, 'a', sizeof word - 1);
    struct line x = {.argv = {(char[]){"shunt"}, (char[]){"run"}, word}};
    memcpy(word, "--", 2);
    assert_int_equal(cli_read(&x.cli, 3, x.argv, &x.e), ERR_USAGE);
    struct line y = {.argv = {(char[]){"shunt"}, word + 2}};
    assert_int_equal(cli_read(&y.cli, 2, y.argv, &y.e), ERR_USAGE);
}

static void check_option(const struct cli_command *command, const struct cli_option *o)
{
    assert_true(strlen(o->name) > 1 && o->help[0]);
    assert_int_equal(o->value == VALUE_NONE, o->metavar == NULL);
    assert_int_equal(o->value == VALUE_WORD, o->words != NULL);
    assert_true(o->offset < sizeof(struct cli));
    for (const struct cli_option *g = cli_general_options; g->name; g++)
        if (g != o && (strcmp(g->name, o->name) == 0 || (g->letter && g->letter == o->letter)))
            fail_msg("%s --%s is a general option", command->name, o->name);
}

static void the_table_says_all_and_nothing_twice(void **state)
{
    (void)state;
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        assert_ptr_equal(cli_find(command->name), command);
        assert_true(command->summary[0] && !isupper((unsigned char)command->summary[0]));
        assert_true(strlen(command->summary) < 60 && strlen(command->description) > strlen(command->summary));
        assert_non_null(command->run);
        for (const struct cli_option *o = command->options; o && o->name; o++)
            check_option(command, o);
        for (const struct cli_operand *x = command->operands; x->name; x++) {
            assert_int_equal(x->value == VALUE_WORD, x->words != NULL);
            assert_true(!x[1].name || (!x->optional && !x->repeated));
        }
    }
}

/* Each line fits, none ends with a space. */
static void check_lines(const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        size_t len = strcspn(line, "\n");
        if (len > CLI_COLUMNS || (len > 0 && line[len - 1] == ' '))
            fail_msg("%.*s|", (int)len, line);
    }
}

static void help_tells_every_option_in_80_columns(void **state)
{
    (void)state;
    struct str all = STR_INIT;
    cli_help(NULL, &all);
    check_lines(all.bytes);
    for (size_t i = 0; cli_commands[i]; i++) {
        struct str help = STR_INIT;
        cli_help(cli_commands[i], &help);
        check_lines(help.bytes);
        for (const struct cli_option *o = cli_commands[i]->options; o && o->name; o++) {
            char option[80];
            snprintf(option, sizeof option, "\n  %s%c%s--%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                     o->letter ? ", " : "  ", o->name);
            assert_non_null(strstr(help.bytes, option));
        }
        assert_non_null(strstr(help.bytes, "\n  -c, --config FILE "));
        assert_non_null(strstr(all.bytes, cli_commands[i]->summary));
        str_fini(&help);
    }
    str_fini(&all);
}

static void usage_shows_options_and_operands(void **state)
{
    (void)state;
    struct str usage = STR_INIT;
    cli_usage(&cmd_once, &usage);
    assert_string_equal(usage.bytes, "usage: shunt once [--json] [--client NAME] FILE...\n");
    str_clear(&usage);
    cli_usage(&cmd_help, &usage);
    assert_string_equal(usage.bytes, "usage: shunt help [COMMAND]\n");
    str_fini(&usage);
}

static void operands_with_words_are_listed(void **state)
{
    (void)state;
    static const char *const actions[] = {"look", "copy", NULL}, *const speeds[] = {"slow", NULL};
    const struct cli_command command = {
        .name = "x",
        .description = "Does x.",
        .operands = {{.name = "ACTION", .value = VALUE_WORD, .words = actions},
                     {.name = "SPEED", .value = VALUE_WORD, .words = speeds, .optional = true}}};
    struct str help = STR_INIT;
    cli_help(&command, &help);
    assert_ptr_equal(strstr(help.bytes, "usage: shunt x ACTION [SPEED]\n\nDoes x.\n\narguments:\n"), help.bytes);
    const char *row = strstr(help.bytes, "\n  ACTION ");
    assert_non_null(row);
    assert_non_null(strstr(row, " look or copy\n  SPEED "));
    str_fini(&help);
}

static void a_long_usage_is_broken_between_options(void **state)
{
    (void)state;
    static const struct cli_option options[] = {OPTION_CLIENT("x"), OPTION_CLIENT("x"), OPTION_CLIENT("x"),
                                                OPTION_CLIENT("x"), OPTION_CLIENT("x"), {0}};
    const struct cli_command command = {.name = "x", .description = "x", .options = options};
    struct str usage = STR_INIT;
    cli_usage(&command, &usage);
    assert_string_equal(usage.bytes, "usage: shunt x [--client NAME] [--client NAME] [--client NAME] [--client NAME]\n"
                                     "             [--client NAME]\n");
    str_fini(&usage);
}

/* Standard output goes nowhere while `command` runs, with the n-th allocation failing. */
static int run_with_failure(const struct cli_command *command, const char *text, size_t n, bool *hit)
{
    char *word = (char *)text;
    struct cli cli = {.command = command, .args = &word, .n_args = 1};
    fflush(stdout);
    fflush(stderr);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    scarce_begin(n, 1);
    int code = command->run(&cli);
    *hit = scarce_end();
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(nowhere);
    return code;
}

static void a_text_that_memory_does_not_suffice_for_is_not_told_as_whole(void **state)
{
    (void)state;
    const struct {
        const struct cli_command *command;
        const char *word;
    } all[] = {{&cmd_help, "once"},           {&cmd_manual, "shunt.1"},  {&cmd_manual, "shunt.ini.5"},
               {&cmd_manual, "routes.ini.5"}, {&cmd_completion, "bash"}, {&cmd_completion, "zsh"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        SCARCE_SWEEP (n) {
            bool hit;
            int code = run_with_failure(all[i].command, all[i].word, n, &hit);
            assert_int_equal(code, hit ? EXIT_FAILED : EXIT_DONE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_before_and_behind_the_operands),
        cmocka_unit_test(a_value_may_stand_in_the_same_word),
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(one_dash_is_an_operand),
        cmocka_unit_test(after_help_nothing_is_missed),
        cmocka_unit_test(a_mistyped_word_is_told_with_the_nearest),
        cmocka_unit_test(an_option_of_another_command_is_refused),
        cmocka_unit_test(too_few_and_too_many_words_are_refused),
        cmocka_unit_test(an_endless_word_is_refused),
        cmocka_unit_test(the_table_says_all_and_nothing_twice),
        cmocka_unit_test(help_tells_every_option_in_80_columns),
        cmocka_unit_test(usage_shows_options_and_operands),
        cmocka_unit_test(operands_with_words_are_listed),
        cmocka_unit_test(a_long_usage_is_broken_between_options),
        cmocka_unit_test(a_text_that_memory_does_not_suffice_for_is_not_told_as_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
