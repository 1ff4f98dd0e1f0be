/* test_ticket.c: which fields are found, and what a ticket must have. */
#include "ticket_read.h"

static size_t want(struct read *r, const char *pointer)
{
    size_t index;
    assert_int_equal(pointer_set_add(r->set, pointer, &index, NULL), 0);
    return index;
}

static void the_fields_of_a_ticket_are_found(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_text(&r,
              "{\"Id\":1,\"JobSpecification\":{\"x\":[{\"ClientCode\":\"no\"}],\"JobDetails\":{\"ClientCode\":\"RANK\","
              "\"More\":{\"Title\":\"no\"},"
              "\"JobCategory\":\"CELTRA\",\"Title\":\"Fr\\u00fchling \\ud83d\\ude00\"}},\"ClientCode\":\"no\"}");
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
    assert_field(&r, FIELD_CATEGORY, FIELD_STRING, "CELTRA");
    assert_field(&r, FIELD_TITLE, FIELD_STRING, "Frühling 😀");
    assert_field(&r, FIELD_STUDIO, FIELD_ABSENT, NULL);
    assert_int_equal(ticket_check(&r.ticket, r.set, &r.error), 0);
    read_end(&r);
}

static void values_of_every_kind_are_told_apart(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    size_t big = want(&r, "/n/0"), huge = want(&r, "/n/1"), yes = want(&r, "/t"), no = want(&r, "/f"),
           null = want(&r, "/z");
    size_t object = want(&r, "/o"), array = want(&r, "/n"), nul = want(&r, "/s"), absent = want(&r, "/o/p");
    read_text(&r,
              "{\"n\":[12345678901234567890,-1E+400],\"t\":true,\"f\":false,\"z\":null,\"o\":{},\"s\":\"a\\u0000b\"}");
    assert_field(&r, big, FIELD_NUMBER, "12345678901234567890");
    assert_field(&r, huge, FIELD_NUMBER, "-1E+400");
    assert_field(&r, yes, FIELD_BOOL, "true");
    assert_field(&r, no, FIELD_BOOL, "false");
    assert_field(&r, null, FIELD_NULL, "null");
    assert_field(&r, object, FIELD_OBJECT, NULL);
    assert_field(&r, array, FIELD_ARRAY, NULL);
    assert_field(&r, absent, FIELD_ABSENT, NULL);
    assert_int_equal(r.ticket.fields[nul].len, 3);
    assert_memory_equal(r.ticket.fields[nul].text, "a\0b", 4);
    read_end(&r);
}

static void pointers_are_followed_as_rfc_6901_says(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    size_t slash = want(&r, "/a~1b"), tilde = want(&r, "/m~0n"), empty = want(&r, "/"), third = want(&r, "/list/2/x"),
           key = want(&r, "/map/2");
    size_t zeros = want(&r, "/list/02"), dash = want(&r, "/list/-"), both = want(&r, "/~01"),
           inner = want(&r, "/grid/1/0");
    read_text(&r, "{\"a/b\":\"slash\",\"m~n\":\"tilde\",\"\":\"empty\",\"list\":[0,{\"x\":1},{\"x\":2},{\"x\":3}],"
                  "\"map\":{\"2\":\"two\"},\"~1\":\"both\","
                  "\"grid\":[[\"00\"],[\"10\",\"11\"]]}");
    assert_field(&r, slash, FIELD_STRING, "slash");
    assert_field(&r, tilde, FIELD_STRING, "tilde");
    assert_field(&r, empty, FIELD_STRING, "empty");
    assert_field(&r, third, FIELD_NUMBER, "2");
    assert_field(&r, key, FIELD_STRING, "two");
    assert_field(&r, zeros, FIELD_ABSENT, NULL);
    assert_field(&r, dash, FIELD_ABSENT, NULL);
    assert_field(&r, both, FIELD_STRING, "both");
    assert_field(&r, inner, FIELD_STRING, "10");
    read_end(&r);
}

static void a_document_that_is_one_value_has_no_fields(void **state)
{
    (void)state;
    static const char *const documents[] = {"42", "\"x\"", "true", "null", "-1.5e3", " 7 "};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct read r;
        read_begin(&r);
        size_t root = want(&r, "");
        read_text(&r, documents[i]);
        assert_int_equal(r.code, 0);
        assert_int_not_equal(r.ticket.fields[root].kind, FIELD_ABSENT);
        assert_field(&r, FIELD_CLIENT, FIELD_ABSENT, NULL);
        assert_int_equal(ticket_check(&r.ticket, r.set, &r.error), ERR_MISSING_FIELD);
        read_end(&r);
    }
}

static void of_duplicate_keys_the_last_wins_whole(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_text(&r, DETAILS("\"ClientCode\":\"A\",\"ClientCode\":\"B\",\"Title\":\"T\",\"Title\":[1]"));
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "B");
    assert_field(&r, FIELD_TITLE, FIELD_ARRAY, NULL);
    read_end(&r);

    read_begin(&r);
    read_text(&r, "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"A\",\"Title\":\"old\"}},"
                  "\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"B\"}}}");
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "B");
    assert_field(&r, FIELD_TITLE, FIELD_ABSENT, NULL);
    read_end(&r);

    read_begin(&r);
    read_text(&r, "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"A\"},\"JobDetails\":5}}");
    assert_field(&r, FIELD_CLIENT, FIELD_ABSENT, NULL);
    read_end(&r);
}

static void keys_are_compared_decoded(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_text(&r, "{\"Job\\u0053pecification\":{\"JobDetails\":{\"\\u0043lientCode\":\"RANK\"}}}");
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
    read_end(&r);
}

static void bad_pointers_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {"a/b", "/a~", "/a~2b", "/\xff"};
    struct pointer_set *set = pointer_set_new();
    size_t index;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error e;
        error_clear(&e);
        assert_int_equal(pointer_set_add(set, bad[i], &index, &e), ERR_CONFIG);
        assert_true(strlen(e.text) > 0);
    }
    char deep[2 * (POINTER_DEPTH_MAX + 1) + 1];
    for (size_t i = 0; i < sizeof deep - 1; i++) {
        deep[i] = i % 2 == 0 ? '/' : 'a';
    }
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(pointer_set_add(set, deep, &index, NULL), ERR_CONFIG);
    assert_int_equal(pointer_set_add(set, deep + 2, &index, NULL), 0);
    char text[POINTER_TEXT_MAX + 2];
    memset(text, 'x', sizeof text);
    text[0] = '/';
    text[sizeof text - 1] = '\0';
    assert_int_equal(pointer_set_add(set, text, &index, NULL), ERR_CONFIG);
    text[sizeof text - 2] = '\0';
    assert_int_equal(pointer_set_add(set, text, &index, NULL), 0);
    pointer_set_free(set);
}

static void a_set_knows_its_pointers_and_has_a_limit(void **state)
{
    (void)state;
    struct pointer_set *set = pointer_set_new();
    size_t index;
    assert_int_equal(pointer_set_count(set), FIELD_BUILTIN_COUNT);
    assert_string_equal(pointer_set_label(set, FIELD_CLIENT), "JobSpecification.JobDetails.ClientCode");
    assert_int_equal(pointer_set_add(set, "/JobSpecification/JobDetails/Title", &index, NULL), 0);
    assert_int_equal(index, FIELD_TITLE);
    for (size_t i = FIELD_BUILTIN_COUNT; i < POINTERS_MAX; i++) {
        char pointer[16];
        (void)snprintf(pointer, sizeof pointer, "/f%zu/0", i);
        assert_int_equal(pointer_set_add(set, pointer, &index, NULL), 0);
        assert_int_equal(index, i);
    }
    struct error e;
    error_clear(&e);
    assert_int_equal(pointer_set_add(set, "/one/more", &index, &e), ERR_CONFIG);
    assert_int_equal(pointer_set_add(set, "/f9/0", &index, NULL), 0);
    assert_int_equal(index, 9);
    assert_int_equal(pointer_set_count(set), POINTERS_MAX);
    struct read r = {.set = set};
    read_text(&r, "{\"f63\":[\"last\"],\"f4\":[\"first\"]}");
    assert_field(&r, 63, FIELD_STRING, "last");
    assert_field(&r, 4, FIELD_STRING, "first");
    read_end(&r);
}

static void assert_check(const char *text, int code, const char *words)
{
    struct read r;
    read_begin(&r);
    read_text(&r, text);
    assert_int_equal(r.code, 0);
    assert_int_equal(ticket_check(&r.ticket, r.set, &r.error), code);
    assert_string_equal(r.error.text, words);
    read_end(&r);
}

static void what_a_ticket_must_have_is_checked_in_words(void **state)
{
    (void)state;
#define P "JobSpecification.JobDetails."
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\""), 0, "");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\",\"Title\":null,\"StudioCode\":\"\""), 0, "");
    assert_check(DETAILS("\"JobCategory\":\"B\""), ERR_MISSING_FIELD, P "ClientCode is missing");
    assert_check(DETAILS("\"ClientCode\":\"A\""), ERR_MISSING_FIELD, P "JobCategory is missing");
    assert_check(DETAILS("\"ClientCode\":\"\",\"JobCategory\":\"B\""), ERR_MISSING_FIELD, P "ClientCode is empty");
    assert_check(DETAILS("\"ClientCode\":7,\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode is a number, not a string");
    assert_check(DETAILS("\"ClientCode\":null,\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode is null, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":[]"), ERR_BAD_FIELD,
                 P "JobCategory is an array, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\",\"Title\":{}"), ERR_BAD_FIELD,
                 P "Title is an object, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\",\"StudioCode\":true"), ERR_BAD_FIELD,
                 P "StudioCode is a boolean, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\\u0000\",\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode holds a control character");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\\n\""), ERR_BAD_FIELD,
                 P "JobCategory holds a control character");
    assert_check(DETAILS("\"ClientCode\":\"../A\",\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode cannot be a folder's name: the name starts with a dot");
    assert_check(DETAILS("\"ClientCode\":\"A/B\",\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode cannot be a folder's name: the name holds a \"/\"");
#undef P
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_of_a_ticket_are_found),
        cmocka_unit_test(values_of_every_kind_are_told_apart),
        cmocka_unit_test(pointers_are_followed_as_rfc_6901_says),
        cmocka_unit_test(a_document_that_is_one_value_has_no_fields),
        cmocka_unit_test(of_duplicate_keys_the_last_wins_whole),
        cmocka_unit_test(keys_are_compared_decoded),
        cmocka_unit_test(bad_pointers_are_refused_with_the_reason),
        cmocka_unit_test(a_set_knows_its_pointers_and_has_a_limit),
        cmocka_unit_test(what_a_ticket_must_have_is_checked_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
