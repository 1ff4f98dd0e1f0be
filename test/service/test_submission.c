/* test_submission.c: what is cut out of a body is what stands there, and what a key gives is always the same. */
#include "../../src/service/submission.h"
#include "parts.h"

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

static void a_key_always_gives_the_same_ids(void **state)
{
    (void)state;
    char first[JOB_ID_SIZE], other[JOB_ID_SIZE], long_key[KEY_MAX + 1];
    submission_id("k", "job", -1, first);
    submission_id("k", "job", -1, other);
    assert_string_equal(first, other);
    assert_int_equal(first[14], '8'); /* version */
    submission_id("k", "job", 0, other);
    assert_string_not_equal(first, other);
    submission_id("k", "batch", -1, other);
    assert_string_not_equal(first, other);
    memset(long_key, 'k', KEY_MAX);
    long_key[KEY_MAX] = '\0';
    submission_id(long_key, "job", 999, first);
    long_key[KEY_MAX - 1] = 'x';
    submission_id(long_key, "job", 999, other);
    assert_string_not_equal(first, other);
}

static void the_mark_is_the_last_one(void **state)
{
    (void)state;
    assert_string_equal(submission_mark("by x: job request of request ; request abc"), "request abc");
    assert_null(submission_mark("nothing"));
    assert_null(submission_mark(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_cut_out_as_it_was_written),
        cmocka_unit_test(items_are_cut_out_one_by_one),
        cmocka_unit_test(what_is_cut_short_is_not_read_beyond),
        cmocka_unit_test(a_key_always_gives_the_same_ids),
        cmocka_unit_test(the_mark_is_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
