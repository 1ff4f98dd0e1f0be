/* test_settings_print.c: settings in force, what differs, the reference and the sample. */
#include "shunt/core/ini.h"

#include "../scarce.h"
#include "settings_load.h"

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    s = load("[intake]\nfiles = *.pdf, *.png\nmax_ticket_size = 5MB\nsettle = 90s\n"
             "[retry]\nfactor = 1.1\n[delivery]\nmode = 600\n",
             NULL);
    struct str first = printed_and_read_back();
    assert_non_null(strstr(first.bytes, "\n[retry]\nattempts = 3\nfirst = 10s\nfactor = 1.1\nmax = 10m\n"));
    assert_non_null(strstr(first.bytes, "mode = 0600\n"));
    assert_non_null(strstr(first.bytes, "files = *.pdf, *.png\n"));
    assert_non_null(strstr(first.bytes, "timezone =\n"));
    str_fini(&first);
}

static void what_differs_is_told(void **state)
{
    (void)state;
    struct str told = STR_INIT;
    struct settings *before = load("[intake]\nfiles = *.pdf\n", NULL);
    assert_non_null(before);
    s = load("[intake]\nduplicate = skip\nduplicate_window = 60m\nsettle = 2000ms\n", NULL);
    assert_non_null(s);
    assert_int_equal(settings_diff(before, before, note_change, &told), 0);
    assert_int_equal(told.len, 0);
    assert_int_equal(settings_diff(before, s, note_change, &told), 0);
    assert_string_equal(told.bytes, "[intake] duplicate_window = 1h\n[intake] duplicate = skip\n[intake] files = \n");
    str_fini(&told);
    settings_free(before);
}

static void the_reference_names_every_key(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    settings_reference(&out);
    for (const struct setting *x = settings_schema; x->section; x++) {
        char row[80];
        snprintf(row, sizeof row, "| `%s` | ", x->key);
        assert_non_null(strstr(out.bytes, row));
    }
    assert_non_null(strstr(out.bytes, "### [intake]\n\n| key | default | values | meaning |\n|---|---|---|---|\n"
                                      "| `scan_interval` | `60s` | time, 100ms to 1d | From one scan"));
    assert_non_null(strstr(out.bytes, "| `format` | `json` | `json`, `text` | "));
    str_fini(&out);
}

/* The sample with the ';' before its keys removed. */
static void read_sample(struct str *out)
{
    FILE *f = fopen(SHUNT_TEST_DATA "/../../etc/shunt.ini", "r");
    assert_non_null(f);
    char line[1000];
    while (fgets(line, sizeof line, f)) {
        str_puts(out, *line == ';' ? line + 1 : line);
    }
    fclose(f);
}

static void count_key(void *user, const struct ini_entry *entry)
{
    *(unsigned *)user += entry->key ? 1 : 0;
}

static void the_sample_lists_every_key_at_its_default(void **state)
{
    (void)state;
    struct str sample = STR_INIT, printed = STR_INIT, defaults = STR_INIT;
    read_sample(&sample);
    unsigned keys = 0, known = 0;
    assert_int_equal(ini_read("sample", sample.bytes, sample.len, count_key, &keys, &faults), 0);
    while (settings_schema[known].section) {
        known++;
    }
    assert_int_equal(keys, known); /* none twice and none unknown, as it loads */
    s = load(sample.bytes, NULL);
    assert_non_null(s);
    settings_print(s, &printed);
    settings_free(s);
    s = load("[delivery]\nmode = 0777\n[brand]\ncolour = #FFC407\n", NULL);
    settings_print(s, &defaults);
    assert_string_equal(printed.bytes, defaults.bytes);
    str_fini(&sample);
    str_fini(&printed);
    str_fini(&defaults);
}

static void without_memory_what_is_printed_is_known_as_a_part(void **state)
{
    (void)state;
    s = load("[intake]\ntickets = a, b, c\n", NULL);
    SCARCE_SWEEP (n) {
        struct str printed = STR_INIT, reference = STR_INIT;
        scarce_begin(n, 1);
        settings_print(s, &printed);
        settings_reference(&reference);
        bool hit = scarce_end();
        assert_int_equal(str_failed(&printed) || str_failed(&reference), hit);
        str_fini(&printed);
        str_fini(&reference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_printed_reads_back_the_same),
        TEST(what_differs_is_told),
        TEST(the_reference_names_every_key),
        TEST(the_sample_lists_every_key_at_its_default),
        TEST(without_memory_what_is_printed_is_known_as_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
