/* test_settings_check.c: what must hold of a value beyond its kind, and between keys. */
#include "settings_load.h"

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
    const struct CMUnitTest tests[] = {
        TEST(addresses_tokens_origins_and_colours_are_checked),
        TEST(keys_must_fit_each_other),
        TEST(folders_must_not_lie_in_each_other),
        TEST(where_mails_go_is_checked),
        TEST(pauses_and_recipients_of_alerts_are_checked),
        TEST(who_is_to_be_mailed_without_a_server_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
