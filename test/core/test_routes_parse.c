/* test_routes_parse.c: every way in which routes.ini can be wrong, and how that is told. */
#include "routes_table.h"

/* All faults of a text, a line each; the table must be refused. mem_free. */
static char *faults_of(const char *text)
{
    struct faults faults;
    faults_init(&faults);
    assert_null(routes_new("routes.ini", text, strlen(text), &faults));
    assert_true(faults_any(&faults));
    struct str all = STR_INIT;
    for (size_t i = 0; i < faults.count; i++)
        str_printf(&all, "%s\n", faults.texts[i]);
    faults_fini(&faults);
    return str_take(&all);
}

static void check_fault(const char *text, const char *expected)
{
    char *all = faults_of(text);
    assert_non_null(all);
    if (!strstr(all, expected))
        fail_msg("expected \"%s\" in:\n%s", expected, all);
    mem_free(all);
}

static void each_fault_is_told_with_its_line(void **state)
{
    (void)state;
    const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "routes.ini: there is no [route NAME]"},
        {DESTINATIONS, "routes.ini: there is no [route NAME]"},
        {"x = 1\n", "routes.ini:1: key \"x\" stands before the first section"},
        {"[rout x]\nto = a\n", "routes.ini:1: [rout x] is unknown; did you mean [route x]?"},
        {"[folders]\n", "routes.ini:1: [folders] is unknown: there are"},
        {"[route]\nclient = *\nto = a\n", "routes.ini:1: [route] a route's name has 1 to 64"},
        {"[destination]\npath = A\n", "routes.ini:1: [destination] a destination's name has 1 to 64 letters"},
        {"[destination a b]\npath = A\n", "routes.ini:1: [destination a b] a destination's name"},
        {"[destination a/b]\npath = A\n", "routes.ini:1: [destination a/b] a destination's name"},
        {"[destination archive]\npath = A\n", "routes.ini:1: [destination archive] the name archive is taken"},
        {"[destination Failed]\npath = A\n", "routes.ini:1: [destination Failed] the name Failed is taken"},
        {"[destination a]\n", "routes.ini:1: [destination a] has no path"},
        {"[destination a]\npath =\n", "routes.ini:2: [destination a] path is empty"},
        {"[destination a]\npath = A/../B\n", "routes.ini:2: [destination a] path may not hold \"..\""},
        {"[destination a]\npath = ..\n", "routes.ini:2: [destination a] path may not hold \"..\""},
        {"[destination a]\npath = A\x01\n", "routes.ini:2: "},
        {"[destination a]\npath = A\xc2\x85\n", "routes.ini:2: "},
        {"[destination a]\npath = A\nmount = ../x\n", "routes.ini:3: [destination a] mount may not hold \"..\""},
        {"[destination a]\npath = A\npath = B\n", "routes.ini:3: [destination a] key \"path\" is repeated"},
        {"[destination a]\npath = A\nlabel =\n", "routes.ini:3: [destination a] label is empty"},
        {"[destination a]\npath = A\nmod = 0664\n",
         "routes.ini:3: [destination a] unknown key \"mod\"; did you mean mode?"},
        {"[destination a]\npath = A\nqqqqq = 1\n", "routes.ini:3: [destination a] unknown key \"qqqqq\"\n"},
        {"[destination a]\npath = A\nmode = 0999\n", "routes.ini:3: [destination a] mode: "},
        {"[destination a]\npath = A\ncreate = perhaps\n", "routes.ini:3: [destination a] create: "},
        {"[destination a]\npath = A\nconcurrency = many\n", "routes.ini:3: [destination a] concurrency: "},
        {"[destination a]\npath = A\nconcurrency = -1\n", "routes.ini:3: [destination a] concurrency: "},
        {"[route r]\nattempts = 0\n", "routes.ini:2: [route r] attempts: "},
        {"[route r]\nattempts = 2\nattempts = 3\n", "routes.ini:3: [route r] key \"attempts\" is repeated"},
        {"[route r]\nfirst = 2m\nmax = 1m\n", "routes.ini:3: [route r] max: first is longer than max"},
        {"[route r]\nfactor = 0\n", "routes.ini:2: [route r] factor: "},
        {"[route r]\nmax = 1h\nmax = 1h\n", "routes.ini:3: [route r] key \"max\" is repeated"},
        {"[destination a]\npath = A\nattempts = 0\n", "routes.ini:3: [destination a] attempts: "},
        {"[destination a]\npath = A\nfirst = 3\n", "routes.ini:3: [destination a] first: "},
        {"[destination a]\npath = A\nfirst = 2d\n",
         "routes.ini:3: [destination a] first: \"2d\" is not between 10ms and 1d"},
        {"[destination a]\npath = A\nmax = 8d\n",
         "routes.ini:3: [destination a] max: \"8d\" is not between 10ms and 7d"},
        {"[destination a]\npath = A\nfactor = 0.5\n", "routes.ini:3: [destination a] factor: \"0.5\" is not"},
        {"[destination a]\npath = A\nmax = 1s\nfirst = 2s\n",
         "routes.ini:4: [destination a] first: first is longer than max"},
        {"[destination a]\npath = A\nalerts = maybe\n", "routes.ini:3: [destination a] alerts: "},
        {"[destination a]\npath = A\nconflict = versions\n",
         "routes.ini:3: [destination a] conflict is replace, keep or fail"},
        {"[destination a]\npath = A\n[destination a]\npath = B\n",
         "routes.ini:3: [destination a] is there already, at line 1"},
        {"[destination a]\npath = X/Y\n[destination b]\npath = X//Y/\n",
         "routes.ini:4: [destination b] path is the same folder as that of [destination a], line 2"},
        {"[destination a]\npath = /X/Y\n[destination b]\npath = //X/./Y\n",
         "routes.ini:4: [destination b] path is the same folder"},
        {DESTINATIONS "[route r]\nclient = *\nto = a\n[route r]\nclient = *\nto = a\n",
         "routes.ini:10: [route r] is there already, at line 7"},
        {DESTINATIONS "[route r]\nto = a\n",
         "routes.ini:7: [route r] has no condition; for tickets of every client write: client = *"},
        {DESTINATIONS "[route r]\nclient = *\n", "routes.ini:7: [route r] has no destination"},
        {DESTINATIONS "[route r]\nclient = *\nto =\n", "routes.ini:9: [route r] to is empty"},
        {DESTINATIONS "[route r]\nclient = *\nto = a,b,a\n", "routes.ini:9: [route r] to: destination a is repeated"},
        {DESTINATIONS "[route r]\nclient = *\nto = a\nto = b\n", "routes.ini:10: [route r] key \"to\" is repeated"},
        {"[destination celtra]\npath = X\n[route r]\nclient = *\nto = cletra\n",
         "routes.ini:5: [route r] to: there is no destination cletra; did you mean celtra?"},
        {DESTINATIONS "[route r]\nclient = *\nto = elsewhere\n",
         "routes.ini:9: [route r] to: there is no destination elsewhere\n"},
        {DESTINATIONS "[route r]\nclinet = RANK\nto = a\n",
         "routes.ini:8: [route r] unknown key \"clinet\"; did you mean client?"},
        {DESTINATIONS "[route r]\nclient = , ,\nto = a\n", "routes.ini:8: [route r] client has no value"},
        {DESTINATIONS "[route r]\nclient = A\nclient = B\nto = a\n",
         "routes.ini:9: [route r] key \"client\" is repeated"},
        {DESTINATIONS "[route r]\nclient = A\n/JobSpecification/JobDetails/ClientCode = B\nto = a\n",
         "routes.ini:9: [route r] \"/JobSpecification/JobDetails/ClientCode\" is the same field as \"client\""},
        {DESTINATIONS "[route r]\n/a~2 = B\nto = a\n", "routes.ini:8: [route r] "},
        {DESTINATIONS "[route r\nclient = B\nto = a\n", "routes.ini:7: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_fault(cases[i].text, cases[i].expected);
}

static void a_comment_behind_a_value_is_a_fault_and_not_part_of_it(void **state)
{
    (void)state;
    check_fault(
        "[destination a]\npath = A\n[route r]\nclient = RANK ; the new one\nto = a\n",
        "routes.ini:4: [route r] client: \"RANK ; the new one\" seems to hold a comment; comments go on a line of "
        "their own\n");
    check_fault("[destination a]\npath = A ; there\n[route r]\nclient = RANK\nto = a\n",
                "routes.ini:2: [destination a] path: \"A ; there\" seems to hold a comment; comments go on a line of "
                "their own\n");
}

static void all_faults_are_told_at_once(void **state)
{
    (void)state;
    char *all = faults_of(
        "[destination a]\nmode = x\n[destination b]\npath = ../b\n[route r]\nclinet = RANK\nto = a, q\n[route s]\nclient = *\nto = a\n");
    const char *const expected[] = {
        "routes.ini:1: ", "routes.ini:2: ", "routes.ini:4: ", "routes.ini:5: ", "routes.ini:6: ", "routes.ini:7: "};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_non_null(strstr(all, expected[i]));
    assert_null(strstr(all, "[route s]"));
    mem_free(all);
}

static void pauses_that_do_not_fit_are_told_once(void **state)
{
    (void)state;
    char *all =
        faults_of(DESTINATIONS "[route r]\nclient = RANK\nto = a\nfirst = 2m\nmax = 1m\nattempts = 2\nfactor = 3\n");
    assert_string_equal(all, "routes.ini:11: [route r] max: first is longer than max\n");
    mem_free(all);
}

static void faults_of_another_file_do_not_spoil_a_good_table(void **state)
{
    (void)state;
    struct faults faults;
    faults_init(&faults);
    faults_add(&faults, "shunt.ini", 3, "something");
    const char *text = DESTINATIONS "[route r]\nclient = RANK\nto = a\n";
    struct routes *r = routes_new("routes.ini", text, strlen(text), &faults);
    assert_non_null(r);
    assert_int_equal(faults.count, 1);
    assert_string_equal(match(r, "RANK", ""), "a");
    routes_unref(r);
    faults_fini(&faults);
}

static void too_many_destinations_are_a_single_fault(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    for (int i = 0; i < ROUTES_DESTINATIONS_MAX + 5; i++)
        str_printf(&text, "[destination d%d]\npath = P%d\n", i, i);
    str_puts(&text, "[route r]\nclient = *\nto = d0\n");
    char *all = faults_of(text.bytes);
    assert_string_equal(all, "routes.ini:2049: [destination d1024] is one too many: there may be 1024 destinations\n");
    mem_free(all);
    str_fini(&text);
}

static void a_long_value_list_is_read_whole(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    str_puts(&text, DESTINATIONS "[route r]\nto = a\nclient = C0");
    for (int i = 1; i < 5000; i++)
        str_printf(&text, ", C%d", i);
    str_putc(&text, '\n');
    struct routes *r = table_of(text.bytes);
    assert_string_equal(match(r, "C4999", ""), "a");
    assert_string_equal(match(r, "C5000", ""), "");
    str_fini(&text);
    routes_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_told_with_its_line),
        cmocka_unit_test(a_comment_behind_a_value_is_a_fault_and_not_part_of_it),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(pauses_that_do_not_fit_are_told_once),
        cmocka_unit_test(faults_of_another_file_do_not_spoil_a_good_table),
        cmocka_unit_test(too_many_destinations_are_a_single_fault),
        cmocka_unit_test(a_long_value_list_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
