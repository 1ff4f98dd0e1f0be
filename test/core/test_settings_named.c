/* test_settings_named.c: sections that have a name. */
#include "shunt/core/task.h"

#include "../scarce.h"
#include "settings_load.h"

static const struct task *task(size_t i)
{
    return (const struct task *)s->tasks.items[i];
}

static void sections_with_a_name_are_kept_in_their_order(void **state)
{
    (void)state;
    s = load(
        "[task b.1]\nevery = 3m\nrun = scan\n[intake]\nsettle = 3s\n[task  a]\nat = 07:00, 19:30\nrun = retention\n"
        "catch_up = yes\n",
        NULL);
    assert_non_null(s);
    assert_int_equal(s->settle_ms, 3000);
    assert_int_equal(s->tasks.count, 2);
    assert_string_equal(task(0)->section.name, "b.1");
    assert_string_equal(task(0)->section.title, "task b.1");
    assert_int_equal(task(0)->section.line, 1);
    assert_int_equal(task(0)->every_ms, 180000);
    assert_int_equal(task(0)->run, TASK_SCAN);
    assert_int_equal(task(0)->timeout_ms, 600000);
    assert_string_equal(task(1)->section.title, "task a");
    assert_int_equal(task(1)->at.count, 2);
    assert_true(task(1)->catch_up);
    assert_false(task(0)->catch_up);
}

static void a_bad_or_repeated_name_is_refused(void **state)
{
    (void)state;
    refused("[task]\nevery = 3m\nnonsense = 1\n", "shunt.ini:1: [task] needs a name: [task NAME]");
    refused("[task a b]\nevery = 3m\n", "shunt.ini:1: [task a b]: a name has 1 to 64 letters, digits, '.', '_' or '-'");
    refused("[task a]\nevery = 3m\nrun = scan\n[log]\n[task a]\nevery = x\n",
            "shunt.ini:5: [task a] is there already, at line 1");
    refused("[tasks a]\nevery = 3m\n", "shunt.ini:1: unknown section [tasks a]");
    struct str many = STR_INIT;
    for (int i = 0; i <= TASKS_MAX; i++)
        str_printf(&many, "[task t%d]\nevery = 1m\nrun = scan\n", i);
    refused(many.bytes, "shunt.ini:301: [task t100] is one too many: there may be 100");
    str_fini(&many);
}

static void keys_are_checked_by_the_table_of_the_kind(void **state)
{
    (void)state;
    refused("[task a]\nevery = 3m\nrun = scan\nevry = 1\n",
            "shunt.ini:4: unknown key evry in [task a]; did you mean every?");
    refused("[task a]\nevery = 3m\nrun = scan\nworkers = 1\n", "shunt.ini:4: unknown key workers in [task a]");
    refused("[task a]\nevery = 3m\nevery = 4m\nrun = scan\n", "shunt.ini:3: key every is already set in line 2");
    refused("[task a]\nevery = 3\nrun = scan\n",
            "shunt.ini:2: every: \"3\" is not a time; write it with its unit as 250ms, 2s, 3m, 4h or 90d");
    refused("[task a]\nevery = 3m\nrun = dance\n",
            "shunt.ini:3: run: \"dance\" is not one of program, scan, retention, stuck");
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    s = load("[task a]\nat = 19:00\non = mon-fri\nrun = scan\n[task b]\ncron = */5 8-18 * * mon-fri\nrun = scan\n",
             NULL);
    struct str first = printed_and_read_back();
    assert_non_null(strstr(first.bytes, "\n[task a]\nevery = 0\nat = 19:00\non = mon-fri\ncron =\nrun = scan\n"));
    assert_non_null(strstr(first.bytes, "\n[task b]\nevery = 0\nat =\non =\ncron = */5 8-18 * * mon-fri\n"));
    str_fini(&first);
}

static void what_differs_is_told(void **state)
{
    (void)state;
    struct str told = STR_INIT;
    struct settings *before = load("[task a]\nevery = 1m\nrun = scan\n[task gone]\nevery = 1m\nrun = scan\n", NULL);
    assert_non_null(before);
    s = load("[task new]\nevery = 1h\nrun = scan\n[task a]\nevery = 60s\nrun = retention\n", NULL);
    assert_non_null(s);
    assert_int_equal(settings_diff(before, s, note_change, &told), 0);
    assert_string_equal(told.bytes, "[task new] every = 1h\n[task new] run = scan\n[task a] run = retention\n"
                                    "[task gone] is gone\n");
    str_fini(&told);
    settings_free(before);
}

static void the_reference_names_every_kind(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    settings_reference(&out);
    for (const struct section_kind *kind = settings_kinds; kind->word; kind++) {
        char head[80];
        snprintf(head, sizeof head, "\n### [%s NAME]\n\n", kind->word);
        const char *at = strstr(out.bytes, head);
        assert_non_null(at);
        for (const struct setting *x = kind->keys; x->section; x++) {
            snprintf(head, sizeof head, "\n| `%s` | ", x->key);
            assert_non_null(strstr(at, head));
            assert_string_equal(x->section, kind->word);
        }
    }
    str_fini(&out);
}

static void whichever_allocation_fails_is_told_and_nothing_leaks(void **state)
{
    (void)state;
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        struct settings *made =
            load("[task a]\nat = 07:00\non = mon\nrun = scan\n[task b]\nevery = 1m\nrun = scan\n", NULL);
        bool hit = scarce_end();
        assert_int_equal(made == NULL, hit);
        assert_int_equal(made == NULL, faults_any(&faults));
        settings_free(made);
        faults_fini(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sections_with_a_name_are_kept_in_their_order),
        TEST(a_bad_or_repeated_name_is_refused),
        TEST(keys_are_checked_by_the_table_of_the_kind),
        TEST(what_is_printed_reads_back_the_same),
        TEST(what_differs_is_told),
        TEST(the_reference_names_every_kind),
        TEST(whichever_allocation_fails_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
