/* "Did you mean": slips of the finger are found, other words are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/near.h"

static const char *nearest(const char *word, const char *a, const char *b)
{
    struct near near = near_to(word);
    near_offer(&near, a);
    near_offer(&near, b);
    return near.best;
}

static void a_slip_of_the_finger_is_found(void **state)
{
    (void)state;
    assert_string_equal(nearest("clinet", "category", "client"), "client");
    assert_string_equal(nearest("catgory", "category", "client"), "category");
    assert_string_equal(nearest("Client", "category", "client"), "client");
    assert_string_equal(nearest("too", "title", "to"), "to");
    assert_string_equal(nearest("cletra", "celtra", "monday-rank"), "celtra");
    assert_string_equal(nearest("monday_rnk", "celtra", "monday-rank"), "monday-rank");
}

static void the_nearest_wins(void **state)
{
    (void)state;
    assert_string_equal(nearest("monday-rx", "monday-rank", "monday-rb"), "monday-rb");
    assert_string_equal(nearest("monday-rx", "monday-rb", "monday-rank"), "monday-rb");
}

static void another_word_is_not(void **state)
{
    (void)state;
    assert_null(nearest("priority", "category", "client"));
    assert_null(nearest("rb", "rank", "x"));
    assert_null(nearest("", "client", "category"));
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(nearest(longer, longer, "client"));
    assert_null(nearest("client", longer, longer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_the_finger_is_found),
        cmocka_unit_test(the_nearest_wins),
        cmocka_unit_test(another_word_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
