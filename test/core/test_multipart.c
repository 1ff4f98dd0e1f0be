/* test_multipart.c: a form with one file is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/multipart.h"

#define TYPE "multipart/form-data; boundary=xyz"
#define PART                                                                                                           \
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n"

static int read_form(const char *type, const char *body, struct multipart_file *file)
{
    struct error e = {0};
    int rc = multipart_read(type, body, strlen(body), file, &e);
    assert_int_equal(rc != 0, e.text[0] != '\0');
    return rc;
}

static void assert_file(const char *type, const char *body, const char *name, const char *bytes)
{
    struct multipart_file file;
    assert_int_equal(read_form(type, body, &file), 0);
    assert_string_equal(file.name, name);
    assert_int_equal(file.len, strlen(bytes));
    assert_memory_equal(file.bytes, bytes, file.len);
}

static void assert_refused(const char *type, const char *body)
{
    struct multipart_file file;
    assert_int_equal(read_form(type, body, &file), ERR_SYNTAX);
}

static void the_file_of_a_form_is_read(void **state)
{
    (void)state;
    assert_file(TYPE, "--xyz\r\n" PART "{}\r\n--xyz--\r\n", "a.json", "{}");
    assert_file(TYPE, "--xyz\r\n" PART "{}\r\n--xyz--", "a.json", "{}");
    assert_file("Multipart/Form-Data;charset=utf-8; Boundary=\"x y\"", "--x y\r\n" PART "{}\r\n--x y--\r\n", "a.json",
                "{}");
    assert_file(TYPE, "--xyz\r\n" PART "line\r\n--xy\r\n-\r\n--xyz--\r\n", "a.json", "line\r\n--xy\r\n-");
    assert_file(TYPE, "--xyz\r\n" PART "\r\n--xyz--\r\n", "a.json", "");
}

static void a_name_is_freed_of_its_quotes(void **state)
{
    (void)state;
    assert_file(
        TYPE, "--xyz\r\ncontent-disposition: form-data; filename=\"a \\\"b\\\\ ; c.json\"; name=f\r\n\r\nx\r\n--xyz--",
        "a \"b\\ ; c.json", "x");
    assert_file(TYPE, "--xyz\r\nContent-Disposition:form-data;filename=a.json\r\n\r\nx\r\n--xyz--", "a.json", "x");
}

static void what_is_not_exactly_one_file_is_refused(void **state)
{
    (void)state;
    assert_refused(TYPE, "--xyz\r\n" PART "{}\r\n--xyz\r\n" PART "{}\r\n--xyz--\r\n");
    assert_refused(TYPE, "--xyz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{}\r\n--xyz--\r\n");
    assert_refused(TYPE, "--xyz\r\n\r\n{}\r\n--xyz--\r\n");
    assert_refused(TYPE, "--xyz\r\nContent-Disposition: attachment; filename=a.json\r\n\r\n{}\r\n--xyz--\r\n");
    assert_refused(TYPE, "--xyz--\r\n");
    assert_refused(TYPE, "");
    assert_refused("application/json", "--xyz\r\n" PART "{}\r\n--xyz--\r\n");
}

static void what_does_not_end_where_it_says_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "--xyz\r\n" PART "{}\r\n--xyz--";
    char cut[sizeof whole];
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        memcpy(cut, whole, n);
        cut[n] = '\0';
        assert_refused(TYPE, cut);
    }
    assert_refused(TYPE, "--xyz\r\n" PART "{}\r\n--xyz--\r\nmore");
    assert_refused(TYPE, "--xyz\r\n" PART "{}\r\n--xyzz--\r\n");
    assert_refused(TYPE, "before\r\n--xyz\r\n" PART "{}\r\n--xyz--\r\n");
}

static void headers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"multipart/form-data",
                                        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"xyz",
                                        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_refused(types[i], "--xyz\r\n" PART "{}\r\n--xyz--\r\n");
    assert_refused(TYPE, "--xyz\r\nno header\r\n" PART "{}\r\n--xyz--\r\n");
    assert_refused(TYPE, "--xyz\r\nContent-Disposition: form-data; filename=\"a\r\n\r\n{}\r\n--xyz--\r\n");
    assert_refused(TYPE,
                   "--xyz\r\nContent-Disposition: form-data; filename=\"a\"; filename=\"b\"\r\n\r\n{}\r\n--xyz--\r\n");
    char longer[2 * NAME_SIZE + 128] = "--xyz\r\nContent-Disposition: form-data; filename=\"";
    size_t len = strlen(longer);
    memset(longer + len, 'a', NAME_SIZE);
    strcpy(longer + len + NAME_SIZE, "\"\r\n\r\n{}\r\n--xyz--\r\n");
    assert_refused(TYPE, longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_of_a_form_is_read),
        cmocka_unit_test(a_name_is_freed_of_its_quotes),
        cmocka_unit_test(what_is_not_exactly_one_file_is_refused),
        cmocka_unit_test(what_does_not_end_where_it_says_is_refused),
        cmocka_unit_test(headers_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
