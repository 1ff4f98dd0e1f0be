#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/core/ini.h"
#include "shunt/core/settings.h"

#include "../scarce.h"

static struct faults faults;
static struct settings *s;

static int setup(void **state)
{
    (void)state;
    faults_init(&faults);
    s = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    faults_fini(&faults);
    settings_free(s);
    return 0;
}

static struct settings *load(const char *text, const char *const *env)
{
    const struct settings_source source = {
        .file = "shunt.ini", .text = text, .len = text ? strlen(text) : 0, .env = env};
    return settings_new(&source, &faults);
}

static void refused(const char *text, const char *fault)
{
    assert_null(load(text, NULL));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.texts[0], fault);
    faults_fini(&faults);
}

static void refused_env(const char *variable, const char *fault)
{
    const char *const env[] = {variable, NULL};
    assert_null(load(NULL, env));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.texts[0], fault);
    faults_fini(&faults);
}

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

static void addresses_tokens_origins_and_colours_are_checked(void **state)
{
    (void)state;
    s = load("[http]\nlisten = [::1]:0\ntoken = 01234567890123456789\norigins = https://a.example, http://b:80\n"
             "[brand]\nname = Studio\ncolour = #a0B1c2\n",
             NULL);
    assert_non_null(s);
    assert_string_equal(s->http_listen, "[::1]:0");
    assert_int_equal(s->http_origins.count, 2);
    assert_string_equal(s->brand_colour, "#a0B1c2");
    static const char *const bad[] = {"8001",         "127.0.0.1",    "127.0.0.1:",  "127.0.0.1:65536",
                                      "localhost:80", "::1:80",       "[::1]80",     "[127.0.0.1]:80",
                                      "1.2.3:80",     "127.0.0.1:8x", "[::1%lo]:80", "127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128], fault[256];
        snprintf(text, sizeof text, "[http]\nlisten = %s\n", bad[i]);
        snprintf(fault, sizeof fault,
                 "shunt.ini:2: listen: %s is no address and port such as 127.0.0.1:8001 or [::1]:8001, nor `no`",
                 bad[i]);
        refused(text, fault);
    }
    refused("[http]\ntoken = short\n",
            "shunt.ini:2: token: a token has at least 20 characters; `shunt token` makes one");
    refused("[http]\norigins = https://a.example/\n",
            "shunt.ini:2: origins: an origin is a scheme and a host, as https://desk.example.com");
    refused("[brand]\ncolour = red\n", "shunt.ini:2: colour: red is no colour such as #1F6FEB");
    refused("[brand]\ncolour = #12345g\n", "shunt.ini:2: colour: #12345g is no colour such as #1F6FEB");
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

static void keys_must_fit_each_other(void **state)
{
    (void)state;
    refused("[intake]\nsettle_complete = 3s\n", "shunt.ini:2: settle_complete: 3s is longer than settle = 2s");
    refused("[retry]\nmax = 1s\n", "shunt.ini:2: max: 1s is shorter than first = 10s");
    refused("[intake]\nduplicate_window = 91d\n", "shunt.ini:2: duplicate_window: 91d is longer than keep_jobs = 90d");
    refused("[store]\nkeep_jobs = 1h\n[intake]\nduplicate_window = 2h\n",
            "shunt.ini:4: duplicate_window: 2h is longer than keep_jobs = 1h");
    s = load("[store]\nkeep_jobs = 0\n[intake]\nduplicate_window = 91d\n", NULL); /* kept for ever */
    assert_non_null(s);
    settings_free(s);
    s = NULL;
    refused("[delivery]\nbreaker_max = 5s\nbreaker_pause = 6s\n",
            "shunt.ini:3: breaker_pause: 6s is longer than breaker_max = 5s");
    refused("[intake]\ntickets =\n", "shunt.ini:2: tickets: neither tickets nor files names any file to take in");
    refused("[report]\nat = 6:30\n", "shunt.ini:2: at: not a time of day such as 06:30");
    refused("[report]\ntimezone = ../etc/passwd\n", "shunt.ini:2: timezone: not a zone's name such as Europe/Berlin");
    s = load("[intake]\nsettle = 250ms\n[retry]\nfirst = 10m\n[report]\ntimezone = America/Port-au-Prince\n", NULL);
    assert_non_null(s);
}

static void folders_must_not_lie_in_each_other(void **state)
{
    (void)state;
    refused("[folders]\narchive = ./JSON/\n", "shunt.ini:2: archive: ./JSON/ is the same folder as hot = JSON");
    refused("[folders]\nunderprocess = JSON/underprocess\n",
            "shunt.ini:2: underprocess: JSON/underprocess lies inside hot = JSON");
    refused("[folders]\nfailed = /data//PRODUCTION/JSON/x\n",
            "shunt.ini:2: failed: /data//PRODUCTION/JSON/x lies inside hot = JSON");
    refused("[folders]\nhot = /data\narchive=/a\nfailed=/b\nunderprocess=/c\n",
            "shunt.ini:2: hot: /data holds logs = JSON_PARSER_LOGS");
    s = load("[folders]\nhot = JSON_\narchive = JSON_STOR\n", NULL);
    assert_non_null(s);
}

static int read_secret(void *user, const char *path, char **out, struct error *e)
{
    if (strcmp(path, "/run/secrets/url") != 0) {
        return error_set(e, ERR_NOPLACE, "cannot read %s: No such file or directory", path);
    }
    *out = mem_strdup(user);
    return *out ? 0 : ERR_NOMEM;
}

/* The table with a secret in it, as later settings have. */
static const struct setting *secret_schema(void)
{
    static struct setting schema[100];
    size_t n = 0;
    do {
        schema[n] = settings_schema[n];
        if (schema[n].section && strcmp(schema[n].section, "store") == 0 && strcmp(schema[n].key, "url") == 0) {
            schema[n].type = SETTING_SECRET;
        }
    } while (settings_schema[n++].section);
    return schema;
}

static struct settings *load_secret(const char *text, const char *const *env)
{
    const struct settings_source source = {.file = "shunt.ini",
                                           .text = text,
                                           .len = strlen(text),
                                           .env = env,
                                           .read_secret = read_secret,
                                           .user = (void *)"pg:pass ; word"};
    return settings_new_by(secret_schema(), &source, &faults);
}

static void a_secret_comes_from_a_file_and_is_not_printed(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_STORE_URL_FILE=/run/secrets/url", NULL};
    s = load_secret("[store]\nurl = in;the;open\n", env);
    assert_non_null(s);
    assert_string_equal(s->store_url, "pg:pass ; word");
    struct str out = STR_INIT;
    settings_print(s, &out);
    assert_non_null(strstr(out.bytes, "[store]\nurl = (set)\n"));
    assert_null(strstr(out.bytes, "pg:pass"));
    str_fini(&out);
}

static void a_secret_of_the_environment_alone_is_refused_in_the_file(void **state)
{
    (void)state;
    refused("[mail]\npassword = hunter2\n",
            "shunt.ini:2: password: does not belong into a file that others read; set SHUNT_MAIL_PASSWORD, or "
            "SHUNT_MAIL_PASSWORD_FILE to the name of a file that holds it");
    const char *const env[] = {"SHUNT_MAIL_PASSWORD=hunter2", NULL};
    s = load_secret("[mail]\npassword =\n", env);
    assert_non_null(s);
    assert_string_equal(s->mail_password, "hunter2");
}

static void where_mails_go_is_checked(void **state)
{
    (void)state;
#define FROM "from = shunt@example.com\n"
    s = load("[mail]\nserver = mail.example.com\n" FROM "to = Ops <ops@example.com>, b@example.com\nuser = shunt\n",
             NULL);
    assert_non_null(s);
    assert_int_equal(s->mail_to.count, 2);
    settings_free(s);
    s = load("[mail]\nserver = 127.0.0.1\n" FROM "to = a@b\nuser = shunt\ntls = none\n", NULL);
    assert_non_null(s);
    refused("[mail]\nserver = mail.example.com\n" FROM "to = a@b\nuser = shunt\ntls = none\n",
            "shunt.ini:6: tls: the password for `user` would cross the network for everybody to read");
    refused("[mail]\nserver = smtps://mail.example.com\n" FROM "to = a@b\n",
            "shunt.ini:2: server: write the host alone, and tls = tls");
    refused("[mail]\nserver = a\nto = a@b\n", "shunt.ini: from: there is a server, but nobody whom mails are from");
    refused("[mail]\nserver = a\n" FROM, "shunt.ini: to: there is a server, but nobody to get mails");
    refused("[mail]\nto = a@b, c\n",
            "shunt.ini:2: to: c is no mail address; write ops@example.com or Operations <ops@example.com>");
    refused("[webhook]\nurl = ftp://x\n", "shunt.ini:2: url: not an address as https://ops.example.com/shunt");
#undef FROM
}

static void a_secret_is_not_set_twice(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_STORE_URL=x", "SHUNT_STORE_URL_FILE=/run/secrets/url", NULL};
    assert_null(load_secret("", env));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.texts[0], "SHUNT_STORE_URL: set together with SHUNT_STORE_URL_FILE; only one may be");
    faults_fini(&faults);
    const char *const reversed[] = {env[1], env[0], NULL};
    assert_null(load_secret("", reversed));
    assert_int_equal(faults.count, 1);
}

static void a_secrets_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_STORE_URL_FILE=/gone", NULL};
    assert_null(load_secret("", env));
    assert_string_equal(faults.texts[0], "SHUNT_STORE_URL_FILE: cannot read /gone: No such file or directory");
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    struct str first = STR_INIT, again = STR_INIT;
    s = load("[intake]\nfiles = *.pdf, *.png\nmax_ticket_size = 5MB\nsettle = 90s\n"
             "[retry]\nfactor = 1.1\n[delivery]\nmode = 600\n",
             NULL);
    settings_print(s, &first);
    settings_free(s);
    assert_non_null(strstr(first.bytes, "\n[retry]\nattempts = 3\nfirst = 10s\nfactor = 1.1\nmax = 10m\n"));
    assert_non_null(strstr(first.bytes, "mode = 0600\n"));
    assert_non_null(strstr(first.bytes, "files = *.pdf, *.png\n"));
    assert_non_null(strstr(first.bytes, "timezone =\n"));
    s = load(first.bytes, NULL);
    assert_non_null(s);
    settings_print(s, &again);
    assert_string_equal(again.bytes, first.bytes);
    str_fini(&first);
    str_fini(&again);
}

static void note_change(void *user, const char *section, const struct setting *x, const char *value)
{
    if (value)
        str_printf(user, "[%s] %s = %s\n", section, x->key, value);
    else
        str_printf(user, "[%s] is gone\n", section);
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
    char path[4096];
    snprintf(path, sizeof path, "%s", __FILE__);
    char *tail = strstr(path, "test/core/");
    assert_non_null(tail);
    strcpy(tail, "etc/shunt.ini");
    FILE *f = fopen(path, "r");
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

static void pauses_and_recipients_of_alerts_are_checked(void **state)
{
    (void)state;
    refused("[alerts]\nremind = 1h, soon\n",
            "shunt.ini:2: remind: \"soon\" is not a time; write it with its unit as 250ms, 2s, 3m, 4h or 90d");
    refused("[alerts]\nremind = 4h, 1h\n", "shunt.ini:2: remind: 1h is shorter than the pause before it");
    refused("[alerts]\nto = nobody\n",
            "shunt.ini:2: to: nobody is no mail address; write ops@example.com or Operations <ops@example.com>");
    refused("[alerts]\nremind = 1ms\n", "shunt.ini:2: remind: 1ms is too short a pause");
    refused("[alerts]\nremind = 1h, 1h, 1h, 1h, 1h, 1h, 1h, 1h, 1h\n", "shunt.ini:2: remind: more than 8 pauses");
}

static void add_advice(void *user, const char *text)
{
    str_printf(user, "%s\n", text);
}

static void advised(const char *text, const char *const *env, const char *expected)
{
    struct str told = STR_INIT;
    s = load(text, env);
    assert_non_null(s);
    settings_advice(s, add_advice, &told);
    assert_string_equal(told.len > 0 ? told.bytes : "", expected);
    str_fini(&told);
    settings_free(s);
    s = NULL;
}

#define WITH_MAIL "[mail]\nserver = localhost\nfrom = a@example.com\nto = b@example.com\n"

static void who_is_to_be_mailed_without_a_server_is_told(void **state)
{
    (void)state;
    static const char *const password[] = {"SHUNT_MAIL_PASSWORD=x", NULL};
    advised(NULL, NULL, "");
    advised("[alerts]\nto = a@example.com\n", NULL,
            "[alerts] to is set, but [mail] server is not: no alert is mailed\n");
    advised("[report]\nto = a@example.com\nenabled = no\n[mail]\nto = a@example.com\n", NULL,
            "[mail] to is set, but [mail] server is not: nobody is mailed\n"
            "[report] to is set, but [mail] server is not: the report is not mailed\n"
            "[report] to is set, but [report] enabled is not: no report is made\n");
    advised("[alerts]\nattempts = yes\n", NULL,
            "[alerts] attempts is set, but neither [mail] server nor [webhook] url: nobody is told\n");
    advised("[alerts]\nattempts = yes\n[webhook]\nurl = https://ops.example.com/\n", NULL, "");
    advised(WITH_MAIL "[alerts]\nto = a@example.com\nattempts = yes\n[report]\nto = a@example.com\n", NULL, "");
    advised(
        WITH_MAIL "user = shunt\n", NULL,
        "[mail] user is set, but neither SHUNT_MAIL_PASSWORD nor SHUNT_MAIL_PASSWORD_FILE: the server may refuse us\n");
    advised(WITH_MAIL "user = shunt\n", password, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_the_defaults_hold),
        TEST(the_file_overrides_the_defaults),
        TEST(addresses_tokens_origins_and_colours_are_checked),
        TEST(the_environment_overrides_the_file),
        TEST(an_unknown_variable_is_named_and_no_fault),
        TEST(misspelt_names_are_refused_with_advice),
        TEST(what_was_given_is_told_from_what_is_by_default),
        TEST(a_key_is_set_once),
        TEST(bad_values_are_refused_with_their_line),
        TEST(bad_variables_are_refused_by_their_name),
        TEST(all_faults_are_told_at_once),
        TEST(keys_must_fit_each_other),
        TEST(folders_must_not_lie_in_each_other),
        TEST(a_secret_comes_from_a_file_and_is_not_printed),
        TEST(a_secret_is_not_set_twice),
        TEST(a_secret_of_the_environment_alone_is_refused_in_the_file),
        TEST(where_mails_go_is_checked),
        TEST(a_secrets_file_that_cannot_be_read_is_told),
        TEST(what_is_printed_reads_back_the_same),
        TEST(what_differs_is_told),
        TEST(the_reference_names_every_key),
        TEST(the_sample_lists_every_key_at_its_default),
        TEST(whichever_allocation_fails_is_told_and_nothing_leaks),
        TEST(pauses_and_recipients_of_alerts_are_checked),
        TEST(who_is_to_be_mailed_without_a_server_is_told),
        TEST(without_memory_what_is_printed_is_known_as_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
