/* test_filter.c: what the command line asks for, as the service and the store are asked; and times for people. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shunt/cli/filter.h"
#include "shunt/core/when.h"

#include "../scarce.h"

#define NOW 1790000000000 /* 2026-09-21T14:13:20Z */

static int live_in_kolkata(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Kolkata", 1); /* 5 h 30 min east, always */
    tzset();
    return 0;
}

static struct store_filter filter_of(struct cli cli)
{
    struct store_filter f;
    struct error e = {0};
    if (filter_read(&cli, NOW, 50, &f, &e) != 0)
        fail_msg("%s", e.text);
    return f;
}

static void queried(struct cli cli, const char *expected)
{
    struct store_filter f = filter_of(cli);
    struct str out = STR_INIT;
    str_puts(&out, "?");
    filter_query(&f, &out);
    assert_string_equal(out.bytes + 1, expected);
    str_fini(&out);
}
#define QUERIED(expected, ...) queried((struct cli){__VA_ARGS__}, expected)

static void a_query_has_what_was_asked_for(void **state)
{
    (void)state;
    QUERIED("limit=50", .limit = NULL);
    QUERIED("status=failed&limit=7", .status = "failed", .limit = "7");
    QUERIED("status=pending%2Ccancelled&limit=1000", .status = "cancelled,pending", .limit = "all");
    QUERIED("client=RANK&category=CELTRA&destination=d&error=e&text=t&before=12&limit=50", .client = "RANK",
            .category = "CELTRA", .destination = "d", .error = "e", .text = "t", .before = "12");
    QUERIED("since=2026-09-21T12%3A13%3A20.000Z&until=2026-09-21T18%3A30%3A00.000Z&limit=50", .since = "2h",
            .until = "2026-09-21");
}

static void what_is_special_in_a_query_is_encoded(void **state)
{
    (void)state;
    QUERIED("client=3M%2F%26%3D%3F%23%25%2B%20%C3%BC%0A~-_.&limit=50", .client = "3M/&=?#%+ \xC3\xBC\n~-_.");
    QUERIED("text=&limit=50", .text = "");
}

static void a_day_is_meant_with_its_end(void **state)
{
    (void)state;
    struct store_filter f = filter_of((struct cli){.since = "2026-09-21", .until = "2026-09-21"});
    assert_int_equal(f.until_ms - f.since_ms, 86400000);
    assert_int_equal(f.since_ms, 1789929000000); /* midnight in Kolkata */
}

static void refused(struct cli cli, const char *text)
{
    struct store_filter f;
    struct error e = {0};
    assert_int_equal(filter_read(&cli, NOW, 50, &f, &e), ERR_USAGE);
    assert_non_null(strstr(e.text, text));
}

static void what_cannot_be_is_told(void **state)
{
    (void)state;
    refused((struct cli){.status = "faild"}, "not faild; did you mean failed?");
    refused((struct cli){.status = "failed,"}, "--status");
    refused((struct cli){.status = ""}, "--status");
    refused((struct cli){.status = "a-word-that-is-much-longer-than-any-status-could-be-in-this-program"}, "--status");
    refused((struct cli){.limit = "0"}, "--limit");
    refused((struct cli){.limit = "-3"}, "--limit");
    refused((struct cli){.limit = "many"}, "not many");
    refused((struct cli){.since = "soon"}, "--since: soon");
    refused((struct cli){.until = "2026-13-01"}, "--until: 2026-13-01");
}

static void documented(struct cli cli, const char *expected)
{
    struct store_filter f = filter_of(cli);
    json_t *document = filter_document(&f), *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    assert_true(json_equal(document, wanted));
    json_decref(document);
    json_decref(wanted);
}

static void a_document_has_only_what_is_set(void **state)
{
    (void)state;
    documented((struct cli){.client = "RANK", .status = "failed", .limit = "3"}, "{\"client\":\"RANK\"}");
    documented((struct cli){.error = "\"x\"", .since = "1970-01-02T00:00:00Z"},
               "{\"error\":\"\\\"x\\\"\",\"since\":\"1970-01-02T00:00:00.000Z\"}");
    struct store_filter f = filter_of((struct cli){.client = "\xff"});
    assert_null(filter_document(&f));
}

static void without_memory_it_is_told(void **state)
{
    (void)state;
    SCARCE_SWEEP (n) {
        struct store_filter f =
            filter_of((struct cli){.client = "RANK", .text = "a b", .status = "failed", .since = "1d"});
        struct str out = STR_INIT;
        scarce_begin(n, 1);
        filter_query(&f, &out);
        bool hit = scarce_end();
        assert_true(hit == str_failed(&out));
        str_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_has_what_was_asked_for),  cmocka_unit_test(what_is_special_in_a_query_is_encoded),
        cmocka_unit_test(a_day_is_meant_with_its_end),     cmocka_unit_test(what_cannot_be_is_told),
        cmocka_unit_test(a_document_has_only_what_is_set), cmocka_unit_test(without_memory_it_is_told),
    };
    return cmocka_run_group_tests(tests, live_in_kolkata, NULL);
}
