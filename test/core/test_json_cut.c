/* What is cut out of a JSON text is what stands there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/json_cut.h"

static void assert_member(const char *object, const char *name, const char *wanted)
{
    const char *value = NULL;
    size_t len = 0;
    bool found = json_member(object, strlen(object), name, &value, &len);
    assert_int_equal(found, wanted != NULL);
    if (!wanted)
        return;
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(value, wanted, len);
}

static void a_member_is_cut_out_as_it_was_written(void **state)
{
    (void)state;
    assert_member("{\"ticket\":{}}", "ticket", "{}");
    assert_member(" { \"a\" : 1 ,\n\"ticket\" : { \"x\" : [ 1.10 , \"}\" ] } \t}", "ticket",
                  "{ \"x\" : [ 1.10 , \"}\" ] }");
    assert_member("{\"a\":{\"ticket\":1},\"ticket\":2}", "ticket", "2");
    assert_member("{\"a\":\"\\\"ticket\\\":3\",\"ticket\":-4e5 }", "ticket", "-4e5");
    assert_member("{\"a\\\\\":\"\\\\\",\"ticket\":\"\\\\\\\"\"}", "ticket", "\"\\\\\\\"\"");
    assert_member("{\"ticket \":1,\"tickets\":2,\"x\":[[],{}],\"ticket\":true}", "ticket", "true");
    assert_member("{\"a\":[{\"ticket\":1}]}", "ticket", NULL);
    assert_member("{\"\\u0074icket\":1}", "ticket", NULL);
    assert_member("{}", "ticket", NULL);
}

static void items_are_cut_out_one_by_one(void **state)
{
    (void)state;
    static const char array[] = "[ {\"a\":[1,2]} , \"],\" ,3,[],null\n]";
    static const char *const wanted[] = {"{\"a\":[1,2]}", "\"],\"", "3", "[]", "null"};
    const char *at = array + 1, *end = array + sizeof array - 1, *value;
    size_t len;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_true(json_item(&at, end, &value, &len));
        assert_int_equal(len, strlen(wanted[i]));
        assert_memory_equal(value, wanted[i], len);
    }
    assert_false(json_item(&at, end, &value, &len));
}

static void what_is_cut_short_is_not_read_beyond(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":{\"b\":\"\\\"\"},\"ticket\":[1,{\"c\":2}]}";
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n + 1); /* the sanitizers see what is read behind it */
        const char *value, *at = copy;
        size_t len;
        memcpy(copy, text, n);
        (void)json_member(copy, n, "ticket", &value, &len);
        while (json_item(&at, copy + n, &value, &len) && len > 0)
            continue;
        free(copy);
    }
}

static void a_whole_text_stands_without_its_space(void **state)
{
    (void)state;
    static const char text[] = " \n[1, 2]\t ";
    const char *at = text, *end = text + sizeof text - 1, *value;
    size_t len;
    json_whole(&at, end, &value, &len);
    assert_int_equal(len, 6);
    assert_memory_equal(value, "[1, 2]", 6);
    assert_true(json_item(&at, end, &value, &len));
    assert_int_equal(len, 1);
    assert_int_equal(*value, '1');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_cut_out_as_it_was_written),
        cmocka_unit_test(items_are_cut_out_one_by_one),
        cmocka_unit_test(what_is_cut_short_is_not_read_beyond),
        cmocka_unit_test(a_whole_text_stands_without_its_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
