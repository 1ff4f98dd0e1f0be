/* test_mustache.c: the cases of the specification (test/data/mustache), then what it leaves open: faults, limits, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/core/mustache.h"

#ifndef SHUNT_TEST_DATA
#define SHUNT_TEST_DATA "test/data"
#endif
#define PARTIALS_MAX 8

static int render(const char *template, const json_t *partials, const json_t *data, struct str *out, struct error *e)
{
    struct mustache_text texts[PARTIALS_MAX];
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)partials, name, value) {
        assert_true(n < PARTIALS_MAX);
        texts[n++] = (struct mustache_text){name, json_string_value(value), json_string_length(value)};
    }
    /* Of its own, so that a sanitizer sees every byte read beyond it. */
    size_t len = strlen(template);
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, template, len);
    const struct mustache_text text = {"test", copy, len};
    int rc = mustache_render(&text, texts, n, data, out, e);
    free(copy);
    return rc;
}

static void run_case(const char *file, const json_t *test)
{
    struct str out = STR_INIT;
    struct error e = {0};
    int rc = render(json_string_value(json_object_get(test, "template")), json_object_get(test, "partials"),
                    json_object_get(test, "data"), &out, &e);
    const char *expected = json_string_value(json_object_get(test, "expected"));
    const char *name = json_string_value(json_object_get(test, "name"));
    if (rc != 0 || strcmp(out.bytes, expected) != 0)
        fail_msg("%s: %s: %s\n--- got\n%s\n--- expected\n%s", file, name, e.text, out.bytes, expected);
    str_fini(&out);
}

static void the_cases_of_the_specification_are_rendered_as_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t cases;
    } files[] = {{"comments", 12}, {"delimiters", 14}, {"interpolation", 42},
                 {"inverted", 22}, {"partials", 12},   {"sections", 34}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/mustache/%s.json", SHUNT_TEST_DATA, files[i].name);
        json_t *all = json_load_file(path, 0, NULL);
        const json_t *tests = json_object_get(all, "tests"), *test;
        size_t k;
        assert_int_equal(json_array_size(tests), files[i].cases);
        json_array_foreach (tests, k, test)
            run_case(files[i].name, test);
        json_decref(all);
    }
}

static void check(const char *template, const char *data_text, const char *expected)
{
    struct str out = STR_INIT;
    struct error e = {0};
    json_t *data = json_loads(data_text, JSON_DECODE_ANY, NULL);
    str_puts(&out, "before ");
    int rc = render(template, NULL, data, &out, &e);
    if (rc != 0)
        fail_msg("%s: %s", template, e.text);
    assert_string_equal(out.bytes + strlen("before "), expected);
    json_decref(data);
    str_fini(&out);
}

static void no_text_gets_out_of_an_attribute(void **state)
{
    (void)state;
    check("<a title='{{x}}'>", "{\"x\": \"'><script>\\\"&\"}", "<a title='&#39;&gt;&lt;script&gt;&quot;&amp;'>");
    check("{{x}}", "{\"x\": \"{{x}}\"}", "{{x}}");
    check("{{=<% %>=}}<%{x}%> <%&x%> <%x%>", "{\"x\": \"&\"}", "& & &amp;");
}

static void numbers_truth_and_what_is_no_text(void **state)
{
    (void)state;
    check("{{a}} {{b}} {{c}} {{d}}.{{e}}{{f}}{{g}}",
          "{\"a\":12345678901,\"b\":0.5,\"c\":true,\"d\":false,\"e\":null,\"f\":[1],\"g\":{}}",
          "12345678901 0.5 true false.");
    check("{{#a}}a{{/a}}{{#b}}b{{/b}}{{^c}}c{{/c}}", "{\"a\":0,\"b\":\"\",\"c\":[]}", "abc");
    check("{{.}}", "\"all\"", "all");
}

static void check_refused(const char *template, const char *data_text, int code, const char *words)
{
    struct str out = STR_INIT;
    struct error e = {0};
    json_t *data = json_loads(data_text, 0, NULL);
    str_puts(&out, "before");
    assert_int_equal(render(template, NULL, data, &out, &e), code);
    assert_string_equal(e.text, words);
    assert_string_equal(out.bytes, "before");
    json_decref(data);
    str_fini(&out);
}

static void a_fault_is_told_with_its_line_also_where_nothing_is_rendered(void **state)
{
    (void)state;
    check_refused("a\n{{#b}}\n", "{}", ERR_SYNTAX, "test:2: a section is not closed: b");
    check_refused("a\n\nb{{/c}}\n", "{}", ERR_SYNTAX, "test:3: this closes no section: c");
    check_refused("{{#a}}\n{{#b}}\n{{/a}}{{/b}}", "{}", ERR_SYNTAX, "test:3: this closes no section: a");
    check_refused("{{a}}\n{{b", "{\"a\":1}", ERR_SYNTAX, "test:2: a tag is not closed");
    check_refused("{{{a}}", "{}", ERR_SYNTAX, "test:1: a tag is not closed");
    check_refused("{{ }}", "{}", ERR_SYNTAX, "test:1: a tag has no name");
    check_refused("{{=a=}}", "{}", ERR_SYNTAX, "test:1: these are no delimiters: a");
    check_refused("{{=a b c=}}", "{}", ERR_SYNTAX, "test:1: these are no delimiters: a b c");
    check_refused("{{$block}}{{/block}}", "{}", ERR_SYNTAX, "test:1: this kind of tag is not known: $block");
}

static void what_grows_has_a_limit(void **state)
{
    (void)state;
    struct str out = STR_INIT, nested = STR_INIT, rows = STR_INIT;
    struct error e = {0};
    json_t *partials = json_pack("{s:s}", "again", "{{>again}}"), *data = json_object();
    assert_int_equal(render("{{>again}}", partials, data, &out, &e), ERR_TOO_DEEP);
    assert_non_null(strstr(e.text, "too many sections or partials in each other"));
    json_decref(partials);
    for (int i = 0; i <= MUSTACHE_DEPTH_MAX; i++)
        str_puts(&nested, "{{#a}}");
    check_refused(nested.bytes, "{}", ERR_TOO_DEEP, "test:1: too many sections or partials in each other: a");
    str_puts(&rows, "{\"a\":[0");
    for (int i = 0; i < 1500; i++)
        str_puts(&rows, ",0");
    str_puts(&rows, "]}");
    check_refused("{{#a}}{{#a}}1234567890{{/a}}{{/a}}", rows.bytes, ERR_TOO_LARGE,
                  "test:1: what is made of it is too large");
    check_refused("{{#a}}{{#a}}{{/a}}{{/a}}", rows.bytes, ERR_TOO_LARGE, "test:1: too many tags are rendered");
    json_decref(data);
    str_fini(&out);
    str_fini(&nested);
    str_fini(&rows);
}

static size_t left;

static void *scarce(void *p, size_t size)
{
    if (left == 0)
        return NULL;
    left--;
    return realloc(p, size);
}

static void *scarce_new(size_t size)
{
    return scarce(NULL, size);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    static const struct mem_functions functions = {scarce_new, scarce, free};
    static const char template[] = "{{#a}}\n  {{>p}}\n{{/a}}", line[] = "line\n{{x}}\n";
    const struct mustache_text text = {"test", template, strlen(template)}, partial = {"p", line, strlen(line)};
    json_t *data = json_pack("{s:[i,i], s:s}", "a", 1, 2, "x", "<&>");
    int rc = ERR_NOMEM;
    size_t n = 0;
    for (; rc == ERR_NOMEM && n < 100; n++) {
        struct str out = STR_INIT;
        struct error e = {0};
        left = n;
        mem_set(&functions);
        rc = mustache_render(&text, &partial, 1, data, &out, &e);
        if (rc == 0)
            assert_string_equal(out.bytes, "  line\n  &lt;&amp;&gt;\n  line\n  &lt;&amp;&gt;\n");
        else
            assert_string_equal(e.text, "out of memory");
        str_fini(&out);
        mem_set(NULL);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 3);
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cases_of_the_specification_are_rendered_as_it_says),
        cmocka_unit_test(no_text_gets_out_of_an_attribute),
        cmocka_unit_test(numbers_truth_and_what_is_no_text),
        cmocka_unit_test(a_fault_is_told_with_its_line_also_where_nothing_is_rendered),
        cmocka_unit_test(what_grows_has_a_limit),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
