#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/core/ini.h"

#include "../scarce.h"

static struct str seen;
static struct faults faults;

static int setup(void **state)
{
    (void)state;
    str_init(&seen);
    faults_init(&faults);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    str_fini(&seen);
    faults_fini(&faults);
    return 0;
}

/* "3 section|key|value" a line; a header: "2 section" */
static void note(void *user, const struct ini_entry *e)
{
    struct str *out = user;
    if (e->key) {
        str_printf(out, "%u %s|%s|%s\n", e->line, e->section, e->key, e->value);
    } else {
        str_printf(out, "%u %s\n", e->line, e->section);
    }
}

static void read_bytes(const char *text, size_t n)
{
    /* a copy of exactly that size: reading past the end is seen */
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    assert_int_equal(ini_read("t.ini", copy, n, note, &seen, &faults), 0);
    free(copy);
}

#define READ(text) read_bytes(text, sizeof(text) - 1)

static void assert_fault(size_t i, const char *text)
{
    assert_true(i < faults.count);
    assert_string_equal(faults.texts[i], text);
}

static void sections_keys_and_values_are_trimmed_and_numbered(void **state)
{
    (void)state;
    READ("a = 0\n[one]\n key\t= a value \n\n[ two words ]\nx=1\nx=2\nempty =\n[three]");
    assert_string_equal(seen.bytes, "1 |a|0\n2 one\n3 one|key|a value\n5 two words\n6 two words|x|1\n7 two words|x|2\n"
                                    "8 two words|empty|\n9 three\n");
    assert_false(faults_any(&faults));
}

static void a_value_is_everything_after_the_first_equals(void **state)
{
    (void)state;
    READ("[s]\npassword = a;b ; c # d = e : f\nurl = http://x:80/?a=b\nq = \"quoted \"\n");
    assert_string_equal(seen.bytes,
                        "1 s\n2 s|password|a;b ; c # d = e : f\n3 s|url|http://x:80/?a=b\n4 s|q|\"quoted \"\n");
    assert_false(faults_any(&faults));
}

static void comments_stand_on_their_own_lines(void **state)
{
    (void)state;
    READ("; one\n# two\n\t ;three = 3\n[s]\n#k = v\n  # [x]\nk = v");
    assert_string_equal(seen.bytes, "4 s\n7 s|k|v\n");
    assert_false(faults_any(&faults));
}

static void a_long_line_is_read_whole(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    str_puts(&text, "[s]\nlist = ");
    for (int i = 0; i < 1000; i++) {
        str_printf(&text, "CLIENT%04d = x, ", i);
    }
    str_puts(&text, "end\nnext = 1\n");
    read_bytes(text.bytes, text.len);
    assert_non_null(strstr(seen.bytes, "CLIENT0999 = x, end\n3 s|next|1\n"));
    assert_int_equal(strncmp(seen.bytes, "1 s\n2 s|list|CLIENT0000 = x, CLIENT0001", 37), 0);
    assert_false(faults_any(&faults));
    str_fini(&text);
}

static void an_indented_pair_is_an_ordinary_one(void **state)
{
    (void)state;
    READ("[s]\na = 1\n   b = 2\n\tc = 3\n  [t]\n d = 4");
    assert_string_equal(seen.bytes, "1 s\n2 s|a|1\n3 s|b|2\n4 s|c|3\n5 t\n6 t|d|4\n");
    assert_false(faults_any(&faults));
}

static void bom_and_crlf_are_fine(void **state)
{
    (void)state;
    READ("\xEF\xBB\xBF[s]\r\na = 1\r\n\r\nb = 2\r\n");
    assert_string_equal(seen.bytes, "1 s\n2 s|a|1\n4 s|b|2\n");
    assert_false(faults_any(&faults));
}

static void an_empty_text_is_empty(void **state)
{
    (void)state;
    READ("");
    READ("\n\n");
    READ("\xEF\xBB\xBF");
    assert_string_equal(seen.bytes, "");
    assert_false(faults_any(&faults));
}

static void every_odd_line_is_told_and_reading_goes_on(void **state)
{
    (void)state;
    READ("[s]\njust words\nkey: value\n= 1\n[t] x\n[]\n[u\n[v]\nok = 1\n");
    assert_string_equal(seen.bytes, "1 s\n8 v\n9 v|ok|1\n");
    assert_int_equal(faults.count, 6);
    assert_fault(0, "t.ini:2: \"just words\" is neither [section], key = value nor a comment");
    assert_fault(1, "t.ini:3: \"key: value\" is neither [section], key = value nor a comment");
    assert_fault(2, "t.ini:4: a key is missing before =");
    assert_fault(3, "t.ini:5: text after [t]; comments go on a line of their own");
    assert_fault(4, "t.ini:6: [] is not a section name");
    assert_fault(5, "t.ini:7: \"[u\" lacks its closing ]; the keys below it are not read");
}

static void keys_behind_a_broken_header_belong_to_nobody(void **state)
{
    (void)state;
    READ("[s]\na = 1\n[broken\na = 2\nnonsense\n[t]\na = 3\n");
    assert_string_equal(seen.bytes, "1 s\n2 s|a|1\n6 t\n7 t|a|3\n");
    assert_int_equal(faults.count, 2);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    READ("[s]\na = \xff\nb = x\0y\nc = \x1b[2J\nd\te = 1\nf = 1\t2\n[\xC3(]\ng = 1\n[t]\nh = 1\rx\n");
    assert_string_equal(seen.bytes, "1 s\n9 t\n");
    assert_int_equal(faults.count, 7);
    assert_fault(0, "t.ini:2: not UTF-8");
    assert_fault(1, "t.ini:3: a control character in this line");
    assert_fault(3, "t.ini:5: a tab inside a key; write spaces");
    assert_fault(4, "t.ini:6: a tab inside f; write spaces");
    assert_fault(5, "t.ini:7: not UTF-8");
    assert_fault(6, "t.ini:10: a control character in this line");
}

static void lines_and_texts_have_a_limit(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    str_puts(&text, "[s]\na = ");
    while (text.len < INI_LINE_MAX + 4) {
        str_putc(&text, 'x');
    }
    read_bytes(text.bytes, text.len);
    assert_false(faults_any(&faults));
    str_puts(&text, "x\nb = 1");
    read_bytes(text.bytes, text.len);
    assert_int_equal(faults.count, 1);
    assert_fault(0, "t.ini:2: line too long");
    assert_non_null(strstr(seen.bytes, "3 s|b|1"));
    str_clear(&seen);
    while (text.len <= INI_FILE_MAX) {
        str_puts(&text, "\n; filler filler filler filler filler filler filler filler filler filler filler filler");
    }
    read_bytes(text.bytes, text.len);
    assert_fault(1, "t.ini: larger than 4 MiB");
    assert_string_equal(seen.bytes, "");
    str_fini(&text);
}

static void faults_are_bounded_and_the_rest_counted(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= FAULTS_MAX + 5; i++) {
        faults_add(&faults, "f\x1b", i, "bad \x07%s", "\xff");
    }
    assert_int_equal(faults.count, FAULTS_MAX);
    assert_int_equal(faults.more, 5);
    assert_fault(99, "f\\x1b:100: bad \\x07\\xff");
}

static void drop(void *user, const struct ini_entry *e)
{
    (void)user;
    (void)e;
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    static const char text[] =
        "[a section with a name that needs more than the first piece of memory, which is small]\na = 1\nbad\n";
    SCARCE_SWEEP (n) {
        struct faults f;
        faults_init(&f);
        scarce_begin(n, 1);
        int rc = ini_read("t.ini", text, sizeof text - 1, drop, NULL, &f);
        bool hit = scarce_end();
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
        if (rc == 0) /* the bad line, shown or counted */
            assert_int_equal(f.count + f.more, 1);
        faults_fini(&f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sections_keys_and_values_are_trimmed_and_numbered),
        TEST(a_value_is_everything_after_the_first_equals),
        TEST(comments_stand_on_their_own_lines),
        TEST(a_long_line_is_read_whole),
        TEST(an_indented_pair_is_an_ordinary_one),
        TEST(bom_and_crlf_are_fine),
        TEST(an_empty_text_is_empty),
        TEST(every_odd_line_is_told_and_reading_goes_on),
        TEST(keys_behind_a_broken_header_belong_to_nobody),
        TEST(bytes_that_are_no_text_are_refused),
        TEST(lines_and_texts_have_a_limit),
        TEST(faults_are_bounded_and_the_rest_counted),
        TEST(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
