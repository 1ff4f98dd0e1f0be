/* test_settings.c: what is read of the file and the environment, and what is refused. */
#include "../scarce.h"
#include "settings_load.h"

static void without_a_file_the_defaults_hold(void **state)
{
    (void)state;
    s = load(NULL, NULL);
    assert_non_null(s);
    assert_string_equal(s->data, "/data/PRODUCTION");
    assert_int_equal(s->workers, 10);
    assert_int_equal(s->drain_timeout_ms, 30000);
    assert_string_equal(s->hot, "JSON");
    assert_string_equal(s->underprocess, "underprocess");
    assert_true(s->reason_files);
    assert_int_equal(s->scan_interval_ms, 60000);
    assert_int_equal(s->settle_ms, 2000);
    assert_int_equal(s->settle_complete_ms, 250);
    assert_int_equal(s->batch_wait_ms, 0);
    assert_int_equal(s->max_ticket_bytes, INT64_C(1) << 30);
    assert_int_equal(s->client_mismatch, MISMATCH_FAIL);
    assert_int_equal(s->tickets.count, 1);
    assert_string_equal(s->tickets.items[0], "*.json");
    assert_int_equal(s->files.count, 0);
    assert_int_equal(s->mode, 0664);
    assert_int_equal(s->folder_mode, 0775);
    assert_int_equal(s->durability, DURABILITY_FULL);
    assert_int_equal(s->attempts, 3);
    assert_int_equal(s->max_ms, 600000);
    assert_true(s->factor == 6.0);
    assert_string_equal(s->store_url, "sqlite:shunt.db");
    assert_int_equal(s->log_level, LOG_INFO);
    assert_int_equal(s->log_format, LOG_FORMAT_JSON);
    assert_true(s->log_stdout);
    assert_string_equal(s->timezone, "");
}

static void the_file_overrides_the_defaults(void **state)
{
    (void)state;
    s = load("[intake]\nscan_interval = 100ms\nclient_mismatch = ticket\n"
             "tickets = *.json, *.job ,,x y.*\nmax_ticket_size = 64MiB\n"
             "[delivery]\nmode = 0777\n[retry]\nfactor = 1.5\n[log]\nfile =\nstdout = off\nlevel = debug\n"
             "[folders]\nhot = /in; and # out\n[intake]\nbatch_size = 1\n",
             NULL);
    assert_non_null(s);
    assert_int_equal(s->scan_interval_ms, 100);
    assert_int_equal(s->batch_size, 1);
    assert_int_equal(s->client_mismatch, MISMATCH_TICKET);
    assert_int_equal(s->tickets.count, 3);
    assert_string_equal(s->tickets.items[1], "*.job");
    assert_string_equal(s->tickets.items[2], "x y.*");
    assert_int_equal(s->max_ticket_bytes, 64 << 20);
    assert_int_equal(s->mode, 0777);
    assert_true(s->factor == 1.5);
    assert_string_equal(s->log_file, "");
    assert_false(s->log_stdout);
    assert_int_equal(s->log_level, LOG_DEBUG);
    assert_string_equal(s->hot, "/in; and # out");
}

static void the_environment_overrides_the_file(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_INTAKE_MAX_TICKET_SIZE=2GiB", "HOME=/root",
                               "SHUNT_LOG_FILE=other.log",          "SHUNTX=1",
                               "SHUNT_SERVICE_DATA=/env",           NULL};
    s = load("[intake]\nmax_ticket_size = 1MiB\n[service]\ndata = /file\n", env);
    assert_non_null(s);
    assert_int_equal(s->max_ticket_bytes, INT64_C(2) << 30);
    assert_string_equal(s->log_file, "other.log");
    assert_string_equal(s->data, "/env");
    assert_int_equal(s->unknown_env.count, 0);
}

static void an_unknown_variable_is_named_and_no_fault(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_SERVICE_HOST=10.0.0.1", "SHUNT_PORT=tcp://1", "SHUNT_SERVICE_DATA_FILE=/x", NULL};
    s = load(NULL, env);
    assert_non_null(s);
    assert_int_equal(s->unknown_env.count, 3);
    assert_string_equal(s->unknown_env.items[0], "SHUNT_SERVICE_HOST");
    assert_string_equal(s->unknown_env.items[2], "SHUNT_SERVICE_DATA_FILE");
}

static void misspelt_names_are_refused_with_advice(void **state)
{
    (void)state;
    refused("[intake]\nscan_intervall = 1s\n",
            "shunt.ini:2: unknown key scan_intervall in [intake]; did you mean scan_interval?");
    refused("[intake]\nattempts = 3\n", "shunt.ini:2: unknown key attempts in [intake]; it belongs to [retry]");
    refused("[intake]\nflavour = 3\n", "shunt.ini:2: unknown key flavour in [intake]");
    refused("[intakes]\nsettle = 3s\nx = 1\n", "shunt.ini:1: unknown section [intakes]; did you mean [intake]?");
    refused("[colours]\nport = 1\n", "shunt.ini:1: unknown section [colours]");
    refused("workers = 3\n", "shunt.ini:1: key workers stands before the first [section]");
}

static bool is_given(const char *key)
{
    for (const struct setting *x = s->schema; x->section; x++)
        if (strcmp(x->key, key) == 0)
            return s->given[x - s->schema];
    fail_msg("%s: no such key", key);
    return false;
}

static void what_was_given_is_told_from_what_is_by_default(void **state)
{
    (void)state;
    static const char *const env[] = {"SHUNT_RETRY_MAX=1h", NULL};
    s = load("[retry]\nattempts = 3\n", env); /* the default, but said */
    assert_non_null(s);
    assert_true(is_given("attempts"));
    assert_true(is_given("max"));
    assert_false(is_given("first"));
}

static void a_key_is_set_once(void **state)
{
    (void)state;
    refused("[retry]\nfirst = 1s\n\n[retry]\nfirst = 2s\n", "shunt.ini:5: key first is already set in line 2");
}

static void bad_values_are_refused_with_their_line(void **state)
{
    (void)state;
    refused("[intake]\nsettle = 2\n",
            "shunt.ini:2: settle: \"2\" is not a time; write it with its unit as 250ms, 2s, 3m, 4h or 90d");
    refused("[intake]\nsettle = 5ms\n", "shunt.ini:2: settle: 5ms is not between 10ms and 1h");
    refused("[intake]\nscan_interval = 0\n", "shunt.ini:2: scan_interval: 0 is not between 100ms and 1d");
    refused("[intake]\nscan_timeout = 0\n", "shunt.ini:2: scan_timeout: 0 is not between 100ms and 1d");
    refused("[intake]\nmax_ticket_size = 1\n", "shunt.ini:2: max_ticket_size: 1 is not between 1KiB and 1024GiB");
    refused("[service]\nworkers = many\n", "shunt.ini:2: workers: \"many\" is not a whole number");
    refused("[retry]\nattempts = 0\n", "shunt.ini:2: attempts: 0 is not between 1 and 1000");
    refused("[retry]\nfactor = 0.5\n", "shunt.ini:2: factor: 0.5 is not between 1 and 100");
    refused("[delivery]\ndurability = Full\n", "shunt.ini:2: durability: \"Full\" is not one of full, none");
    refused("[delivery]\nmode = 4755\n", "shunt.ini:2: mode: mode 4755 has a set-id bit, which is not allowed here");
    refused("[folders]\nhot =\n", "shunt.ini:2: hot: must not be empty");
    refused("[intake]\nsettle = 2s ; two seconds\n",
            "shunt.ini:2: settle: \"2s ; two seconds\" seems to hold a comment; comments go on a line of their own");
    refused("[intake]\nfiles = # none\n",
            "shunt.ini:2: files: \"# none\" seems to hold a comment; comments go on a line of their own");
}

static void bad_variables_are_refused_by_their_name(void **state)
{
    (void)state;
    refused_env("SHUNT_RETRY_ATTEMPTS=0", "SHUNT_RETRY_ATTEMPTS: 0 is not between 1 and 1000");
    refused_env("SHUNT_INTAKE_SETTLE=1ms", "SHUNT_INTAKE_SETTLE: 1ms is not between 10ms and 1h");
    refused_env("SHUNT_INTAKE_SETTLE=20ms", "SHUNT_INTAKE_SETTLE: 20ms is shorter than settle_complete = 250ms");
    refused_env("SHUNT_RETRY_FIRST=1h", "SHUNT_RETRY_FIRST: 1h is longer than max = 10m");
    refused_env("SHUNT_FOLDERS_HOT=a\nb", "SHUNT_FOLDERS_HOT: holds a control character or is not UTF-8");
    refused_env("SHUNT_FOLDERS_HOT=\xff", "SHUNT_FOLDERS_HOT: holds a control character or is not UTF-8");
}

static void all_faults_are_told_at_once(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_LOG_LEVEL=loud", NULL};
    assert_null(load("[intake]\nsettle = x\nsetle = 1s\n[nowhere]\n[retry]\nfirst = 2\nbroken\n", env));
    assert_int_equal(faults.count, 6);
    assert_memory_equal(faults.texts[0], "shunt.ini:2: ", 13);
    assert_memory_equal(faults.texts[4], "shunt.ini:7: ", 13);
    assert_string_equal(faults.texts[5], "SHUNT_LOG_LEVEL: \"loud\" is not one of debug, info, warn, error");
}

static void whichever_allocation_fails_is_told_and_nothing_leaks(void **state)
{
    (void)state;
    static const char *const env[] = {"SHUNT_LOG_LEVEL=warn", "SHUNT_OTHER=1", "SHUNT_INTAKE_FILES=a,b", NULL};
    static const char text[] = "[intake]\ntickets = a, b, c\n[service]\ndata = /somewhere/else\n";
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        struct settings *made = load(text, env);
        bool hit = scarce_end();
        assert_int_equal(made == NULL, faults_any(&faults));
        assert_int_equal(made == NULL, hit);
        settings_free(made);
        faults_fini(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_the_defaults_hold),
        TEST(the_file_overrides_the_defaults),
        TEST(the_environment_overrides_the_file),
        TEST(an_unknown_variable_is_named_and_no_fault),
        TEST(misspelt_names_are_refused_with_advice),
        TEST(what_was_given_is_told_from_what_is_by_default),
        TEST(a_key_is_set_once),
        TEST(bad_values_are_refused_with_their_line),
        TEST(bad_variables_are_refused_by_their_name),
        TEST(all_faults_are_told_at_once),
        TEST(whichever_allocation_fails_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
