/* test_mail_text.c: what goes into a mail's headers and into the dialogue with the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/core/mail_text.h"

/* ---- addresses ---- */

static void an_address_is_read_with_or_without_a_name(void **state)
{
    (void)state;
    struct mail_address a;
    struct error e = {0};
    assert_int_equal(mail_address_parse(" ops@example.com ", &a, &e), 0);
    assert_string_equal(a.address, "ops@example.com");
    assert_string_equal(a.name, "");
    assert_int_equal(mail_address_parse("Jörg Müller <j.m+x@mail.example.com>", &a, &e), 0);
    assert_string_equal(a.address, "j.m+x@mail.example.com");
    assert_string_equal(a.name, "Jörg Müller");
    assert_int_equal(mail_address_parse("\"Ops, all\" <ops@localhost>", &a, &e), 0);
    assert_string_equal(a.address, "ops@localhost");
    assert_string_equal(a.name, "Ops, all");
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "ops",
        "@example.com",
        "ops@",
        "a b@example.com",
        "ops@exa mple.com",
        "ops@example..com",
        ".a@b",
        "a.@b",
        "a..b@c",
        "ops@-a.b",
        "ops@a-.b",
        "ops@a.b-",
        "a@b@c",
        "<a@b",
        "a@b>",
        "a@b\r\nRCPT TO:<c@d>",
        "a\r\n@b",
        "x\r\ny <a@b>",
        "jörg@example.com",
        "a@exämple.com",
        "\"a b\"@c",
        "a@b,c@d",
        "a@[127.0.0.1]",
        "a@b\x7f",
        "\xff <a@b>",
        "0123456789012345678901234567890123456789012345678901234567890123456@b",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mail_address a;
        struct error e = {0};
        if (mail_address_parse(bad[i], &a, &e) != ERR_CONFIG)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(strstr(e.text, "is no mail address"));
        assert_null(strpbrk(e.text, "\r\n"));
    }
}

static void a_server_has_the_port_of_its_encryption(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mail_tls tls;
        const char *host;
        unsigned port;
        bool loopback;
    } good[] = {{"mail.example.com", MAIL_STARTTLS, "mail.example.com", 587, false},
                {"mail.example.com", MAIL_TLS, "mail.example.com", 465, false},
                {"localhost", MAIL_PLAIN, "localhost", 25, true},
                {"127.0.0.1:2525", MAIL_PLAIN, "127.0.0.1", 2525, true},
                {"smtp://mail.example.com:2525", MAIL_STARTTLS, "mail.example.com", 2525, false},
                {"[::1]:25", MAIL_STARTTLS, "::1", 25, true},
                {"smtp://[2001:db8::1]", MAIL_STARTTLS, "2001:db8::1", 587, false},
                {"127.evil.example", MAIL_PLAIN, "127.evil.example", 25, false}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct mail_server s;
        struct error e = {0};
        assert_int_equal(mail_server_parse(good[i].text, good[i].tls, &s, &e), 0);
        assert_string_equal(s.host, good[i].host);
        assert_int_equal(s.port, good[i].port);
        assert_int_equal(s.loopback, good[i].loopback);
    }
}

static void what_is_no_server_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "smtps://a", "http://a", "a:0",     "a:65536", "a:25x", "a:",   "a/b",     "a@b:25", "::1", "[::1",
        "[zz]", "a b",       "a\r\nb",   "smtp://", "[::1]x",  "-a",    "a..b", "a:25:25", "[]:25",  "a%0d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mail_server s;
        struct error e = {0};
        if (mail_server_parse(bad[i], MAIL_STARTTLS, &s, &e) != ERR_CONFIG)
            fail_msg("%s was taken", bad[i]);
    }
}

/* ---- headers ---- */

static const char *header(const char *text)
{
    static char out[8192];
    struct str s = STR_INIT;
    mail_header(&s, "Subject", text);
    assert_false(str_failed(&s));
    assert_true(s.len < sizeof out);
    memcpy(out, s.bytes, s.len + 1);
    str_fini(&s);
    return out;
}

/* Lines of at most so many columns, ASCII, each but the first begun by a space. */
static void assert_folded(const char *text, size_t columns)
{
    for (const char *p = text; *p != '\0'; p++)
        assert_true(*p == '\r' || *p == '\n' || (*p >= ' ' && *p <= '~'));
    for (const char *line = text;;) {
        size_t n = strcspn(line, "\r\n");
        if (n > columns)
            fail_msg("%zu columns: %.*s", n, (int)n, line);
        line += n;
        if (*line == '\0')
            return;
        assert_memory_equal(line, "\r\n ", 3);
        assert_true(line[3] != '\0' && line[3] != '\r' && line[3] != ' ');
        line += 2;
    }
}

static void a_plain_subject_stays_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(header("Daily report, 2026-02-06: 812 delivered"),
                        "Subject: Daily report, 2026-02-06: 812 delivered");
    assert_string_equal(header(""), "Subject: ");
}

static void a_long_subject_is_folded_between_words(void **state)
{
    (void)state;
    const char *text =
        header("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen");
    assert_string_equal(text, "Subject: one two three four five six seven eight nine ten eleven twelve\r\n"
                              " thirteen fourteen fifteen");
    assert_folded(text, 76);
}

static void a_foreign_subject_is_encoded(void **state)
{
    (void)state;
    assert_string_equal(header("Grüße"), "Subject: =?UTF-8?B?R3LDvMOfZQ==?=");
    assert_string_equal(header("=?x"), "Subject: =?UTF-8?B?PT94?="); /* would be read as encoded */
    assert_string_equal(header(" a"), "Subject: =?UTF-8?B?IGE=?=");
    assert_string_equal(header("a  b"), "Subject: =?UTF-8?B?YSAgYg==?=");
    assert_string_equal(header("\xff"), "Subject: =?UTF-8?B?77+9?=");
}

static void no_text_begins_a_header_of_its_own(void **state)
{
    (void)state;
    static const char *const hostile[] = {"a\r\nBcc: x@y",
                                          "a\nBcc: x@y",
                                          "a\rBcc: x@y",
                                          "\r\n\r\nbody",
                                          "a\x0b\x0c\x85"
                                          "b",
                                          "a\xe2\x80\xa8"
                                          "Bcc: x",
                                          "\x1b[31m"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const char *text = header(hostile[i]);
        assert_folded(text, 76);
        assert_null(strstr(text, "\nBcc"));
    }
    assert_string_equal(header("a\nBcc: x@y"), "Subject: a Bcc: x@y");
}

static void any_length_is_folded_at_whole_characters(void **state)
{
    (void)state;
    static const char emoji[] = "\xf0\x9f\x9a\x80";
    char text[4 * 600 + 2];
    for (size_t shift = 0; shift < 2; shift++) {
        for (size_t n = 0; n < 600; n += 7) {
            text[0] = 'x';
            for (size_t i = 0; i < n; i++)
                memcpy(text + shift + 4 * i, emoji, 4);
            text[shift + 4 * n] = '\0';
            assert_folded(header(text), 76);
            assert_null(strstr(header(text), "77+9")); /* U+FFFD */
        }
    }
    memset(text, 'y', 2000); /* one word */
    text[2000] = '\0';
    assert_folded(header(text), 76);
}

static const char *addresses(const struct mail_address *list, size_t n)
{
    static char out[4096];
    struct str s = STR_INIT;
    mail_header_addresses(&s, "To", list, n);
    assert_true(!str_failed(&s) && s.len < sizeof out);
    memcpy(out, s.bytes, s.len + 1);
    str_fini(&s);
    return out;
}

static void recipients_are_folded_quoted_and_encoded(void **state)
{
    (void)state;
    static const struct mail_address list[] = {{"ops@example.com", ""},
                                               {"a@example.com", "Plain Name"},
                                               {"b@example.com", "Ops, \"all\" of them"},
                                               {"c@example.com", "Jörg"}};
    assert_string_equal(addresses(list, 4), "To: ops@example.com, Plain Name <a@example.com>,\r\n"
                                            " \"Ops, \\\"all\\\" of them\" <b@example.com>, =?UTF-8?B?SsO2cmc=?=\r\n"
                                            " <c@example.com>");
}

/* ---- the rest ---- */

static void a_date_says_its_zone(void **state)
{
    (void)state;
    char out[MAIL_DATE_MAX];
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    mail_date(1770388246123, out);
    assert_string_equal(out, "Fri, 06 Feb 2026 15:30:46 +0100");
    setenv("TZ", "America/St_Johns", 1);
    tzset();
    mail_date(1770388246123, out);
    assert_string_equal(out, "Fri, 06 Feb 2026 11:00:46 -0330");
}

static void lines_end_as_mail_wants_them(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    mail_lines(&out, "a\nb\r\nc\rd\n\n\te\x01\xff");
    assert_string_equal(out.bytes, "a\r\nb\r\nc\r\nd\r\n\r\n\te \xef\xbf\xbd\r\n");
    str_fini(&out);
}

static void what_a_text_is_in_a_mail_is_known_before(void **state)
{
    (void)state;
    assert_int_equal(mail_encoded_size("", 0), 0);
    assert_int_equal(mail_encoded_size("a = b\n", 6), 9);     /* a =3D b, CR, LF */
    assert_int_equal(mail_encoded_size("\xc3\xbc\tx", 4), 8); /* =C3=BC, a tab, x */
    assert_int_equal(mail_encoded_size("a  \nb\t", 6), 11);   /* a, a blank, =20, CR, LF, b, =09 */
    char line[160];
    memset(line, 'x', sizeof line);
    assert_int_equal(mail_encoded_size(line, sizeof line), 160 + 2 * 3); /* two soft breaks */
}

static void the_same_hash_is_the_same_message(void **state)
{
    (void)state;
    char id[MAIL_ID_MAX];
    mail_message_id("0123456789abcdef0123456789abcdef0123456789abcdef", "shunt@example.com", id);
    assert_string_equal(id, "<0123456789abcdef0123456789abcdef01234567@example.com>");
}

static void a_list_id_is_a_name_with_dots(void **state)
{
    (void)state;
    assert_true(mail_list_id_valid("reports.shunt.example.com"));
    assert_false(mail_list_id_valid(""));
    assert_false(mail_list_id_valid("a>\r\nBcc: x"));
    assert_false(mail_list_id_valid("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_read_with_or_without_a_name),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_server_has_the_port_of_its_encryption),
        cmocka_unit_test(what_is_no_server_is_refused),
        cmocka_unit_test(a_plain_subject_stays_as_it_is),
        cmocka_unit_test(a_long_subject_is_folded_between_words),
        cmocka_unit_test(a_foreign_subject_is_encoded),
        cmocka_unit_test(no_text_begins_a_header_of_its_own),
        cmocka_unit_test(any_length_is_folded_at_whole_characters),
        cmocka_unit_test(recipients_are_folded_quoted_and_encoded),
        cmocka_unit_test(a_date_says_its_zone),
        cmocka_unit_test(lines_end_as_mail_wants_them),
        cmocka_unit_test(what_a_text_is_in_a_mail_is_known_before),
        cmocka_unit_test(the_same_hash_is_the_same_message),
        cmocka_unit_test(a_list_id_is_a_name_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
