#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/str.h"
#include "shunt/core/name.h"

static char *ticket_globs[] = {"*.json"};
static char *file_globs[] = {"*.PDF", "report_*", "*.tar.gz"};
static const struct text_list tickets = {ticket_globs, 1};
static const struct text_list files = {file_globs, 3};
static const struct text_list none = {NULL, 0};

static void tickets_and_files_are_told_by_their_globs(void **state)
{
    (void)state;
    assert_int_equal(name_kind_of("5903771.json", &tickets, &files), NAME_TICKET);
    assert_int_equal(name_kind_of("X.JSON", &tickets, &files), NAME_TICKET);
    assert_int_equal(name_kind_of("a b ünï %s.Json", &tickets, &files), NAME_TICKET);
    assert_int_equal(name_kind_of("page.pdf", &tickets, &files), NAME_FILE);
    assert_int_equal(name_kind_of("report_1", &tickets, &files), NAME_FILE);
    assert_int_equal(name_kind_of("REPORT_1", &tickets, &files), NAME_IGNORED);
    assert_int_equal(name_kind_of("x.tar.GZ", &tickets, &files), NAME_FILE);
    assert_int_equal(name_kind_of("x.jsonl", &tickets, &files), NAME_IGNORED);
    assert_int_equal(name_kind_of("json", &tickets, &files), NAME_IGNORED);
    assert_int_equal(name_kind_of("page.pdf", &tickets, &none), NAME_IGNORED);
    assert_int_equal(name_kind_of("x.json", &none, &none), NAME_IGNORED);
}

static void a_writers_temporary_names_are_left_alone(void **state)
{
    (void)state;
    static char *all[] = {"*"};
    const struct text_list everything = {all, 1};
    static const char *const names[] = {
        "",           ".",           "..",     ".x.json",        ".nfs0001",   "x.json.tmp",
        "x.TMP",      "x.temp",      "x.part", "x.json.partial", "x.filepart", "x.crdownload",
        "x.Download", ".x.json.swp", "x.swp",  "x.lock",         "x.json~",    "#x.json#",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(name_kind_of(names[i], &everything, &everything), NAME_IGNORED);
    }
    assert_int_equal(name_kind_of("tmp", &everything, &none), NAME_TICKET);
    assert_int_equal(name_kind_of("#1.json", &everything, &none), NAME_TICKET);
    assert_int_equal(name_kind_of("partial.json", &everything, &none), NAME_TICKET);
}

static void a_name_with_bad_bytes_is_bad_only_where_it_would_be_taken(void **state)
{
    (void)state;
    assert_int_equal(name_kind_of("a\nb.json", &tickets, &files), NAME_BAD);
    assert_int_equal(name_kind_of("a\x1b[2J.json", &tickets, &files), NAME_BAD);
    assert_int_equal(name_kind_of("caf\xe9.json", &tickets, &files), NAME_BAD);
    assert_int_equal(name_kind_of("a\xc2\x85.pdf", &tickets, &files), NAME_BAD);
    assert_int_equal(name_kind_of("caf\xe9.txt", &tickets, &files), NAME_IGNORED);
}

static void assert_bad_name(const char *name, size_t len, const char *word)
{
    struct error e;
    error_clear(&e);
    assert_int_equal(name_check(name, len, &e), ERR_BAD_NAME);
    assert_non_null(strstr(e.text, word));
}

static void only_safe_names_may_be_made(void **state)
{
    (void)state;
    static const char *const good[] = {"RANK", "3M", "a b", "Ünïcode 😀", "%s", "-rf", "a..b", "a.", "$(x)", "COM1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(name_check(good[i], strlen(good[i]), NULL), 0);
    }
    char longest[NAME_LEN_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(name_check(longest, NAME_LEN_MAX, NULL), 0);
    assert_bad_name(longest, NAME_LEN_MAX + 1, "256 bytes");
    assert_bad_name("", 0, "empty");
    assert_bad_name(".", 1, "dot");
    assert_bad_name("..", 2, "dot");
    assert_bad_name(".hidden", 7, "dot");
    assert_bad_name("a/b", 3, "\"/\"");
    assert_bad_name("a\0b", 3, "control");
    assert_bad_name("a\nb", 3, "control");
    assert_bad_name("a\x7f", 2, "control");
    assert_bad_name("a\xc2\x9b", 3, "control");
    assert_bad_name("\xff", 1, "UTF-8");
}

static void a_failed_name_keeps_the_old_one_recognisable(void **state)
{
    (void)state;
    char out[NAME_SIZE];
    name_failed("20260206_153046", "x.json", 0, out);
    assert_string_equal(out, "20260206_153046_x.json");
    name_failed("20260206_153046", "x.json", 2, out);
    assert_string_equal(out, "20260206_153046_2_x.json");
    name_failed("20260206_153046", "a\nb\xff/c ü.js\xe9on", 0, out);
    assert_string_equal(out, "20260206_153046_a_b__c ü.js_on");
    name_reason("20260206_153046_x.json", out);
    assert_string_equal(out, "20260206_153046_x.json.reason.txt");
}

static void a_name_beside_tells_whose_it_is(void **state)
{
    (void)state;
    char out[NAME_SIZE];
    name_beside("x.json", "RANK", 0, out);
    assert_string_equal(out, "x (RANK).json");
    name_beside("x.json", "RANK", 2, out);
    assert_string_equal(out, "x (RANK 2).json");
    name_beside("no ending", "R/\x01", 0, out);
    assert_string_equal(out, "no ending (R__)");
    name_beside("a.b.tar", "3M", 3, out);
    assert_string_equal(out, "a.b (3M 3).tar");
}

static void a_version_carries_its_hash(void **state)
{
    (void)state;
    static const uint8_t hash[32] = {0x3f, 0xa9, 0xc1, 0xd2, 0xe4, 0xb5, 0xff};
    char out[NAME_SIZE];
    name_version("x.json", hash, out);
    assert_string_equal(out, "x.v-3fa9c1d2e4b5.json");
}

static void assert_whole(const char *name, const char *ending)
{
    size_t len = strlen(name);
    assert_true(len <= NAME_LEN_MAX);
    assert_true(utf8_valid(name, len));
    assert_string_equal(name + len - strlen(ending), ending);
    assert_int_equal(name_check(name, len, NULL), 0);
}

static void long_names_are_cut_between_characters_and_keep_their_ending(void **state)
{
    (void)state;
    static const uint8_t hash[32] = {1};
    for (size_t shift = 0; shift < 4; shift++) {
        char name[NAME_SIZE + 64] = "";
        memset(name, 'a', shift);
        while (strlen(name) < NAME_LEN_MAX + 40) {
            strcat(name, "😀");
        }
        char client[NAME_SIZE];
        memcpy(client, name, NAME_LEN_MAX);
        client[NAME_LEN_MAX] = '\0';
        strcat(name, ".json");
        char out[NAME_SIZE], reason[NAME_SIZE];
        name_failed("20260206_153046", name, 4000000000U, out);
        assert_whole(out, ".json");
        name_reason(out, reason);
        assert_whole(reason, ".json.reason.txt");
        name_reason(name, reason);
        assert_whole(reason, ".reason.txt");
        name_version(name, hash, out);
        assert_whole(out, ".v-010000000000.json");
        name_beside(name, client, 12, out);
        assert_whole(out, " 12).json");
        assert_true(strlen(out) > NAME_LEN_MAX - 4);
    }
}

static void an_ending_too_long_to_be_one_is_cut_with_the_rest(void **state)
{
    (void)state;
    char name[NAME_SIZE], out[NAME_SIZE];
    memset(name, 'e', sizeof name);
    name[1] = '.';
    name[NAME_SIZE - 1] = '\0';
    name_failed("20260206_153046", name, 0, out);
    assert_whole(out, "eee");
    name_beside(name, "RANK", 0, out);
    assert_whole(out, " (RANK)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tickets_and_files_are_told_by_their_globs),
        cmocka_unit_test(a_writers_temporary_names_are_left_alone),
        cmocka_unit_test(a_name_with_bad_bytes_is_bad_only_where_it_would_be_taken),
        cmocka_unit_test(only_safe_names_may_be_made),
        cmocka_unit_test(a_failed_name_keeps_the_old_one_recognisable),
        cmocka_unit_test(a_name_beside_tells_whose_it_is),
        cmocka_unit_test(a_version_carries_its_hash),
        cmocka_unit_test(long_names_are_cut_between_characters_and_keep_their_ending),
        cmocka_unit_test(an_ending_too_long_to_be_one_is_cut_with_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
