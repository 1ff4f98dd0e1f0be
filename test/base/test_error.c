#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/error.h"
#include "shunt/base/str.h"

static void the_first_error_wins(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(error_set(&e, ERR_SYNTAX, "line %d", 12), ERR_SYNTAX);
    assert_int_equal(error_set(&e, ERR_IO, "later"), ERR_IO);
    assert_int_equal(e.code, ERR_SYNTAX);
    assert_string_equal(e.text, "line 12");
    error_clear(&e);
    assert_int_equal(e.code, ERR_NONE);
    assert_string_equal(e.text, "");
    error_set(&e, ERR_IO, "now");
    assert_string_equal(e.text, "now");
}

static void a_caller_without_interest_passes_null(void **state)
{
    (void)state;
    error_clear(NULL);
    assert_int_equal(error_set(NULL, ERR_IO, "x"), ERR_IO);
    assert_int_equal(error_errno(NULL, EROFS, "x"), ERR_READONLY);
    assert_int_equal(error_context(NULL, "x"), ERR_NONE);
}

static void errno_becomes_code_and_words(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(error_errno(&e, ENOSPC, "write %s", "a.json"), ERR_NOSPACE);
    assert_int_equal(e.sys, ENOSPC);
    assert_string_equal(e.text, "write a.json: No space left on device");
    error_clear(&e);
    error_errno(&e, 99999, "odd");
    assert_string_equal(e.text, "odd: error 99999");
}

static void errors_of_the_system_have_their_class(void **state)
{
    (void)state;
    static const struct {
        int errnum, code;
        enum error_class class;
    } cases[] = {
        {ENOMEM, ERR_NOMEM, CLASS_RESOURCE},
        {EMFILE, ERR_NOFILES, CLASS_RESOURCE},
        {ENFILE, ERR_NOFILES, CLASS_RESOURCE},
        {EDQUOT, ERR_NOSPACE, CLASS_TRANSIENT},
        {EACCES, ERR_ACCESS, CLASS_TRANSIENT},
        {ENOENT, ERR_NOPLACE, CLASS_TRANSIENT},
        {ENOTDIR, ERR_NOPLACE, CLASS_TRANSIENT},
        {ESTALE, ERR_NOPLACE, CLASS_TRANSIENT},
        {ENAMETOOLONG, ERR_BAD_NAME, CLASS_INVALID},
        {ETIMEDOUT, ERR_TIMEOUT, CLASS_TRANSIENT},
        {ECONNRESET, ERR_NETWORK, CLASS_TRANSIENT},
        {EIO, ERR_IO, CLASS_TRANSIENT},
        {EXDEV, ERR_IO, CLASS_TRANSIENT},
        {EBADF, ERR_INTERNAL, CLASS_TRANSIENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(error_from_errno(cases[i].errnum), cases[i].code);
        assert_int_equal(error_class_of(cases[i].code), cases[i].class);
    }
}

static void every_code_has_a_word_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(error_name(ERR_SYNTAX), "syntax");
    assert_string_equal(error_name(ERR_NOSPACE), "no_space");
    assert_string_equal(error_name(ERR_MISSING_FIELD), "missing_field");
    assert_string_equal(error_name(-4711), "internal");
    for (int a = ERR_INTERNAL + 1; a <= 0; a++) {
        for (int b = ERR_INTERNAL + 1; b < a; b++) {
            bool both_known = strcmp(error_name(a), "internal") != 0 && strcmp(error_name(b), "internal") != 0;
            assert_false(both_known && strcmp(error_name(a), error_name(b)) == 0);
        }
    }
}

static void context_stands_before_the_cause(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(error_context(&e, "nothing"), ERR_NONE);
    assert_string_equal(e.text, "");
    error_set(&e, ERR_IO, "disk");
    assert_int_equal(error_context(&e, "destination %s", "rank"), ERR_IO);
    assert_string_equal(e.text, "destination rank: disk");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2 * ERROR_TEXT_MAX] = "x";
    for (size_t i = 1; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "\xC3\xA9", 3);
    }
    struct error e = {0};
    error_set(&e, ERR_IO, "%s", text);
    assert_true(strlen(e.text) >= ERROR_TEXT_MAX - 4);
    assert_true(utf8_valid(e.text, strlen(e.text)));
    error_context(&e, "%s", "ab");
    assert_true(utf8_valid(e.text, strlen(e.text)));
    assert_memory_equal(e.text, "ab: x", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(a_caller_without_interest_passes_null),
        cmocka_unit_test(errno_becomes_code_and_words),
        cmocka_unit_test(errors_of_the_system_have_their_class),
        cmocka_unit_test(every_code_has_a_word_of_its_own),
        cmocka_unit_test(context_stands_before_the_cause),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
