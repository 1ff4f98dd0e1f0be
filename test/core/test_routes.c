/* Routes: what a table says of a ticket, every way in which routes.ini can be wrong, and what people are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/core/routes.h"

#include "../scarce.h"

#ifndef SOURCE_DIR
#ifdef SHUNT_TEST_DATA
#define SOURCE_DIR SHUNT_TEST_DATA "/../.."
#else
#define SOURCE_DIR "."
#endif
#endif

#define DESTINATIONS "[destination a]\npath = A\n[destination b]\npath = B\n[destination c]\npath = C\n"

static struct routes *table_of(const char *text)
{
    struct faults faults;
    faults_init(&faults);
    struct routes *r = routes_new("routes.ini", text, strlen(text), &faults);
    for (size_t i = 0; i < faults.count; i++)
        print_error("%s\n", faults.texts[i]);
    assert_non_null(r);
    assert_false(faults_any(&faults));
    faults_fini(&faults);
    return r;
}

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

/* A ticket with texts for the first fields of a table's pointer set; NULL: absent. */
struct sample {
    struct ticket ticket;
    struct field fields[POINTERS_MAX];
};

static const struct ticket *sample_of(struct sample *s, size_t n, const char *const texts[])
{
    memset(s, 0, sizeof *s);
    s->ticket = (struct ticket){.fields = s->fields, .count = n};
    for (size_t i = 0; i < n; i++)
        if (texts[i])
            s->fields[i] =
                (struct field){.kind = FIELD_STRING, .text = (char *)(uintptr_t)texts[i], .len = strlen(texts[i])};
    return &s->ticket;
}

/* Names of the destinations in their order: "a b". */
static const char *match_ticket(const struct routes *r, const struct ticket *ticket)
{
    static char names[1024];
    size_t out[ROUTES_DESTINATIONS_MAX];
    size_t n = routes_match(r, ticket, out);
    names[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i] < r->n_destinations);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? " " : "",
                 r->destinations[out[i]].name);
    }
    return names;
}

static const char *match(const struct routes *r, const char *client, const char *category)
{
    struct sample s;
    const char *const texts[FIELD_BUILTIN_COUNT] = {[FIELD_CLIENT] = client, [FIELD_CATEGORY] = category};
    return match_ticket(r, sample_of(&s, FIELD_BUILTIN_COUNT, texts));
}

static void a_client_goes_where_its_route_says(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\nclient = RANK, CIBC\nto = b\n");
    assert_string_equal(match(r, "RANK", "X"), "b");
    assert_string_equal(match(r, "CIBC", "X"), "b");
    assert_string_equal(match(r, "RANKS", "X"), "");
    assert_string_equal(match(r, "RAN", "X"), "");
    assert_string_equal(match(r, "rank", "X"), "");
    assert_string_equal(match(r, NULL, "X"), "");
    routes_unref(r);
}

static void every_route_that_holds_adds_its_destinations_once_in_the_order_of_the_sections(void **state)
{
    (void)state;
    struct routes *r =
        table_of(DESTINATIONS "[route 1]\nclient = RANK\nto = c, a\n[route 2]\ncategory = CELTRA\nto = a\n"
                              "[route 3]\nclient = R*\nto = b\n");
    assert_string_equal(match(r, "RANK", "CELTRA"), "a b c");
    assert_string_equal(match(r, "RANK", "OTHER"), "a b c");
    assert_string_equal(match(r, "RB", "CELTRA"), "a b");
    assert_string_equal(match(r, "BAYER", "CELTRA"), "a");
    assert_string_equal(match(r, "BAYER", "OTHER"), "");
    routes_unref(r);
}

static void all_conditions_of_a_route_must_hold(void **state)
{
    (void)state;
    struct routes *r =
        table_of(DESTINATIONS "[route r]\nclient = RANK\ncategory = CELTRA, PROMO*\n/x/y = 5, true\nto = a\n");
    struct sample s;
    const char *texts[] = {"RANK", "CELTRA", NULL, NULL, "5"};
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a");
    texts[1] = "PROMOTION";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a");
    texts[4] = "true";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a");
    texts[4] = "6";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "");
    texts[4] = NULL;
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "");
    texts[4] = "5";
    texts[0] = "CIBC";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "");
    routes_unref(r);
}

static void globs_match_any_run_of_bytes(void **state)
{
    (void)state;
    struct routes *r = table_of(
        DESTINATIONS
        "[route 1]\nclient = A*Z\nto = a\n[route 2]\nclient = *\nto = b\n[route 3]\nclient = Q, *-TEST\nto = c\n");
    assert_string_equal(match(r, "AZ", ""), "a b");
    assert_string_equal(match(r, "AxxZ", ""), "a b");
    assert_string_equal(match(r, "AxxZx", ""), "b");
    assert_string_equal(match(r, "", ""), "b");
    assert_string_equal(match(r, "Q", ""), "b c");
    assert_string_equal(match(r, "X-TEST", ""), "b c");
    assert_string_equal(match(r, NULL, ""), "");
    routes_unref(r);
}

static void an_object_or_array_never_matches(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\ntitle = *\nto = a\n");
    struct sample s;
    const char *const texts[] = {"RANK", "X", NULL, NULL};
    sample_of(&s, 4, texts);
    s.fields[FIELD_TITLE].kind = FIELD_OBJECT;
    assert_string_equal(match_ticket(r, &s.ticket), "");
    s.fields[FIELD_TITLE] = (struct field){.kind = FIELD_STRING, .text = (char *)(uintptr_t) "", .len = 0};
    assert_string_equal(match_ticket(r, &s.ticket), "a");
    routes_unref(r);
}

static void a_nul_in_a_field_is_part_of_it(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route 1]\nclient = RANK\nto = a\n[route 2]\nclient = RANK*\nto = b\n");
    struct sample s;
    const char *const texts[] = {"RANK"};
    sample_of(&s, 1, texts);
    s.fields[0].text = (char *)(uintptr_t) "RANK\0X";
    s.fields[0].len = 6;
    assert_string_equal(match_ticket(r, &s.ticket), "b");
    routes_unref(r);
}

static void a_value_named_twice_counts_once(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\nclient = RANK, , RANK,\nto = a\n");
    assert_int_equal(r->routes[0].conditions[0].count, 2);
    assert_string_equal(match(r, "RANK", ""), "a");
    routes_unref(r);
}

static void hundreds_of_routes_and_clients_find_their_own(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    for (int i = 0; i < 900; i++)
        str_printf(&text, "[destination d%d]\npath = P%d\n[route r%d]\nclient = C%d, K%d\nto = d%d\n", i, i, i, i,
                   i % 7, i);
    str_puts(&text, "[route all]\ncategory = ALL\nto = d899\n");
    struct routes *r = table_of(text.bytes);
    str_fini(&text);
    for (int i = 0; i < 900; i++) {
        char client[16], name[16];
        snprintf(client, sizeof client, "C%d", i);
        snprintf(name, sizeof name, "d%d", i);
        assert_string_equal(match(r, client, ""), name);
    }
    assert_string_equal(match(r, "C5", "ALL"), "d5 d899");
    size_t out[ROUTES_DESTINATIONS_MAX];
    struct sample s;
    const char *const texts[] = {"K3", "ALL"};
    size_t n = routes_match(r, sample_of(&s, 2, texts), out);
    assert_int_equal(n, 129); /* 3, 10, 17 ... 899 */
    routes_unref(r);
}

/* etc/routes.ini */
static struct routes *sample_table(void)
{
    FILE *f = fopen(SOURCE_DIR "/etc/routes.ini", "r");
    assert_non_null(f);
    static char text[65536];
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    return table_of(text);
}

static void the_sample_routes_the_whole_matrix(void **state)
{
    (void)state;
    struct routes *r = sample_table();
    const struct {
        const char *client, *own, *celtra;
    } matrix[] = {
        {"BISSELL", "bissell-wrike", "bissell-wrike"},
        {"LOREAL", "loreal", "loreal"},
        {"RECKITTBENCKISER", "monday-rb", "monday-rb celtra"},
        {"RANK", "monday-rank", "monday-rank celtra"},
        {"CELTRA", "celtra", "celtra"},
        {"CIBC", "", "celtra"},
        {"OLIVER", "", "celtra"},
        {"ADIDAS", "", "celtra"},
        {"PAYPAL", "", "celtra"},
        {"BAYER", "", "celtra"},
        {"3M", "", "celtra"},
        {"SOMEBODY", "", ""},
        {"rank", "", ""},
    };
    for (size_t i = 0; i < sizeof matrix / sizeof matrix[0]; i++) {
        assert_string_equal(match(r, matrix[i].client, "PRODUCTION"), matrix[i].own);
        assert_string_equal(match(r, matrix[i].client, "CELTRA"), matrix[i].celtra);
    }
    const char *const places[][3] = {
        {"bissell-wrike", "CLIENT-STORES/BISSELL-WRIKE/IN", "BISSELL-WRIKE"},
        {"loreal", "CLIENT-STORES/LOREAL/IN", "LOREAL"},
        {"monday-rb", "SYNC/MAKE/Monday RB", "Monday RB"},
        {"monday-rank", "SYNC/MAKE/Monday Rank", "Monday Rank"},
        {"celtra", "SYNC/MAKE/Celtra - Create_Rename - Project_Design File", "Celtra"},
    };
    assert_int_equal(r->n_destinations, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(r->destinations[i].name, places[i][0]);
        assert_string_equal(r->destinations[i].path, places[i][1]);
        assert_string_equal(r->destinations[i].label, places[i][2]);
    }
    routes_unref(r);
}

static void the_sample_is_printed_as_the_matrix(void **state)
{
    (void)state;
    struct routes *r = sample_table();
    struct str out = STR_INIT;
    routes_print(r, &out);
    assert_false(str_failed(&out));
    assert_string_equal(out.bytes, "CLIENT            DESTINATIONS   CELTRA OR OTHER CONDITIONS\n"
                                   "3M                archive only   category CELTRA -> Celtra\n"
                                   "ADIDAS            archive only   category CELTRA -> Celtra\n"
                                   "BAYER             archive only   category CELTRA -> Celtra\n"
                                   "BISSELL           BISSELL-WRIKE  -\n"
                                   "CELTRA            Celtra         -\n"
                                   "CIBC              archive only   category CELTRA -> Celtra\n"
                                   "LOREAL            LOREAL         -\n"
                                   "OLIVER            archive only   category CELTRA -> Celtra\n"
                                   "PAYPAL            archive only   category CELTRA -> Celtra\n"
                                   "RANK              Monday Rank    category CELTRA -> Celtra\n"
                                   "RECKITTBENCKISER  Monday RB      category CELTRA -> Celtra\n"
                                   "(any other)       archive only   -\n");
    str_fini(&out);
    routes_unref(r);
}

static void check_print(const char *text, const char *expected)
{
    struct routes *r = table_of(text);
    struct str out = STR_INIT;
    routes_print(r, &out);
    assert_false(str_failed(&out));
    const char *rows = strchr(out.bytes, '\n');
    assert_non_null(rows);
    assert_string_equal(rows + 1, expected);
    str_fini(&out);
    routes_unref(r);
}

static void globs_are_printed_with_what_holds_for_all_their_clients(void **state)
{
    (void)state;
    check_print(
        DESTINATIONS
        "[route 1]\nclient = RANK, B*\nto = a\n[route 2]\nclient = BA*\nto = b\n[route 3]\nclient = *\ntitle = Big*\nto = c\n"
        "[route 4]\nclient = BAYER\nto = c\n",
        "B*           A             title Big* -> C\n"
        "BA*          A, B          title Big* -> C\n"
        "BAYER        A, B, C       -\n"
        "RANK         A             title Big* -> C\n"
        "(any other)  archive only  title Big* -> C\n");
    /* Globs that cross: BAT fits both, and has no row of its own. */
    check_print(DESTINATIONS "[route 1]\nclient = B*\nto = a\n[route 2]\nclient = *T\nto = b\n",
                "*T           B             client B* -> A\n"
                "B*           A             client *T -> B\n"
                "(any other)  archive only  -\n");
    check_print(DESTINATIONS
                "[route 1]\nclient = BX*\nto = a\n[route 2]\nclient = BY*\nto = b\n[route 3]\nclient = **\nto = c\n",
                "BX*          A, C          -\n"
                "BY*          B, C          -\n"
                "(any other)  C             -\n");
}

static void several_conditions_are_printed_in_words(void **state)
{
    (void)state;
    check_print(DESTINATIONS "[route 1]\ncategory = X, Y*\n/a/b = 5\nto = a, b\n[route 2]\nclient = RANK\nto = a\n",
                "RANK         A             category X or Y* and /a/b 5 -> B\n"
                "(any other)  archive only  category X or Y* and /a/b 5 -> A, B\n");
}

static void conditions_are_printed_once_and_in_the_order_of_the_file(void **state)
{
    (void)state;
    check_print(DESTINATIONS "[route 1]\ncategory = X\nto = c\n[route 2]\nclient = RANK, RANK\ncategory = Y\nto = b\n"
                             "[route 3]\nclient = *\ncategory = Z\nto = a\n",
                "RANK         archive only  category X -> C; category Y -> B; category Z -> A\n"
                "(any other)  archive only  category X -> C; category Z -> A\n");
}

static void destinations_with_one_label_are_printed_with_their_names(void **state)
{
    (void)state;
    check_print(
        "[destination x]\npath = X/IN\n[destination y]\npath = Y/IN\n[destination z]\npath = Z\n[route 1]\nclient = \xc3\x84\xc3\x96\nto = x, y, z\n",
        "\xc3\x84\xc3\x96           IN (x), IN (y), Z  -\n"
        "(any other)  archive only       -\n");
}

static void keys_of_a_destination_are_kept(void **state)
{
    (void)state;
    struct routes *r = table_of(
        "[destination x]\npath = /srv//X in/Y/\nlabel = The X\ndriver = dir\nmode = 0664\nowner = www-data\ngroup = 33\n"
        "conflict = keep\nconcurrency = 3\ncreate = no\nmount = /srv\n"
        "[destination y]\npath = A/B/\n[route r]\nclient = *\nto = y, x\n");
    const struct destination *x = &r->destinations[0], *y = &r->destinations[1];
    assert_string_equal(x->path, "/srv//X in/Y/");
    assert_string_equal(x->label, "The X");
    assert_true(x->has_mode);
    assert_int_equal(x->mode, 0664);
    assert_string_equal(x->owner, "www-data");
    assert_string_equal(x->group, "33");
    assert_int_equal(x->uid, -1);
    assert_int_equal(x->conflict, CONFLICT_KEEP);
    assert_int_equal(x->concurrency, 3);
    assert_false(x->create);
    assert_string_equal(x->mount, "/srv");
    assert_int_equal(x->line, 1);

    assert_string_equal(y->label, "B");
    assert_string_equal(y->driver, "dir");
    assert_false(y->has_mode);
    assert_string_equal(y->owner, "");
    assert_int_equal(y->conflict, CONFLICT_REPLACE);
    assert_int_equal(y->concurrency, 0);
    assert_true(y->create);
    assert_string_equal(y->mount, "");
    assert_int_equal(y->index, 1);
    assert_int_equal(r->routes[0].n_to, 2);
    routes_unref(r);
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

struct heard {
    char text[4096];
    unsigned count;
};

static void hear_verdict(void *user, const struct route_verdict *v)
{
    struct heard *h = user;
    size_t at = strlen(h->text);
    snprintf(h->text + at, sizeof h->text - at, "%s %s", v->route->name, v->matched ? "yes" : "no");
    for (size_t i = 0; i < v->route->n_conditions; i++) {
        at = strlen(h->text);
        snprintf(h->text + at, sizeof h->text - at, " %s=%d", v->route->conditions[i].key, v->held[i]);
    }
    strcat(h->text, "\n");
}

static void an_explanation_says_of_every_condition_whether_it_held(void **state)
{
    (void)state;
    struct routes *r = table_of(
        DESTINATIONS "[route 1]\nclient = RANK\nto = a\n[route 2]\ncategory = CELTRA\nclient = CIBC, RANK\nto = b\n"
                     "[route 3]\nclient = B*\ntitle = x\nto = c\n");
    struct sample s;
    const char *const texts[] = {"RANK", "PRODUCTION", NULL, "x"};
    struct heard h = {0};
    assert_int_equal(routes_explain(r, sample_of(&s, 4, texts), hear_verdict, &h), 0);
    assert_string_equal(h.text, "1 yes client=1\n2 no category=0 client=1\n3 no client=0 title=1\n");
    routes_unref(r);
}

static void hear_line(void *user, const char *text)
{
    struct heard *h = user;
    h->count++;
    strcat(strcat(h->text, text), "\n");
}

static void a_reload_tells_what_it_changed(void **state)
{
    (void)state;
    struct routes *before =
        table_of(DESTINATIONS
                 "[route gone]\nclient = X\nto = a\n[route kept]\nclient = *\nto = a\n[route celtra]\nclient = RANK\n"
                 "category = C\nto = a\n");
    struct routes *after = table_of(
        "[destination b]\npath = B2\nmode = 0600\n[destination a]\npath = A\n[destination d]\npath = D/E\n"
        "[route celtra]\nclient = RANK, CIBC\ntitle = T\nto = b\n[route kept]\nclient = *\nto = a\n[route new]\nclient = Y\nto = a, d\n");
    struct heard h = {0};
    routes_diff(before, after, hear_line, &h);
    assert_string_equal(h.text, "destination c removed\n"
                                "destination b altered (line 1): path, label, mode\n"
                                "destination d added: D/E\n"
                                "route gone removed\n"
                                "route celtra altered (line 8): client, title, category, to\n"
                                "route new added: to a, d\n");
    h = (struct heard){0};
    routes_diff(after, after, hear_line, &h);
    assert_int_equal(h.count, 0);
    routes_unref(before);
    routes_unref(after);
}

static void a_mode_of_zero_is_not_the_same_as_none(void **state)
{
    (void)state;
    struct routes *before = table_of("[destination a]\npath = A\n[route r]\nclient = *\nto = a\n");
    struct routes *after = table_of("[destination a]\npath = A\nmode = 0000\n[route r]\nclient = *\nto = a\n");
    struct heard h = {0};
    routes_diff(before, after, hear_line, &h);
    assert_string_equal(h.text, "destination a altered (line 1): mode\n");
    routes_unref(before);
    routes_unref(after);
}

static void a_table_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\nclient = RANK\nto = a\n");
    assert_ptr_equal(routes_ref(r), r);
    routes_unref(r);
    assert_string_equal(match(r, "RANK", ""), "a");
    routes_unref(r);
    routes_unref(NULL);
}

static void no_memory_is_a_fault_and_leaks_nothing(void **state)
{
    (void)state;
    static const char text[] =
        DESTINATIONS "[route 1]\nclient = RANK, CIBC\ncategory = C*, D\nto = c, a\n[route 2]\n/x/y = 1\nto = b\n"
                     "[route 3]\nclient = R*\nto = a\n";
    struct sample s;
    const char *const texts[] = {"RANK", "CAT", NULL, NULL, NULL};
    SCARCE_SWEEP (n) {
        struct faults faults;
        faults_init(&faults);
        bool told = true;
        scarce_begin(n, 1);
        struct routes *r = routes_new("routes.ini", text, sizeof text - 1, &faults);
        if (r) {
            struct heard h = {0};
            assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a c");
            int rc = routes_explain(r, &s.ticket, hear_verdict, &h);
            struct str out = STR_INIT;
            routes_print(r, &out);
            routes_diff(r, r, hear_line, &h);
            told = rc == ERR_NOMEM || str_failed(&out);
            str_fini(&out);
        }
        bool hit = scarce_end();
        assert_int_equal(r == NULL, faults_any(&faults));
        assert_true(r || hit);
        assert_true(hit || !told);
        routes_unref(r);
        faults_fini(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_goes_where_its_route_says),
        cmocka_unit_test(every_route_that_holds_adds_its_destinations_once_in_the_order_of_the_sections),
        cmocka_unit_test(all_conditions_of_a_route_must_hold),
        cmocka_unit_test(globs_match_any_run_of_bytes),
        cmocka_unit_test(an_object_or_array_never_matches),
        cmocka_unit_test(a_nul_in_a_field_is_part_of_it),
        cmocka_unit_test(a_value_named_twice_counts_once),
        cmocka_unit_test(hundreds_of_routes_and_clients_find_their_own),
        cmocka_unit_test(the_sample_routes_the_whole_matrix),
        cmocka_unit_test(the_sample_is_printed_as_the_matrix),
        cmocka_unit_test(globs_are_printed_with_what_holds_for_all_their_clients),
        cmocka_unit_test(several_conditions_are_printed_in_words),
        cmocka_unit_test(conditions_are_printed_once_and_in_the_order_of_the_file),
        cmocka_unit_test(destinations_with_one_label_are_printed_with_their_names),
        cmocka_unit_test(keys_of_a_destination_are_kept),
        cmocka_unit_test(each_fault_is_told_with_its_line),
        cmocka_unit_test(a_comment_behind_a_value_is_a_fault_and_not_part_of_it),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(faults_of_another_file_do_not_spoil_a_good_table),
        cmocka_unit_test(too_many_destinations_are_a_single_fault),
        cmocka_unit_test(a_long_value_list_is_read_whole),
        cmocka_unit_test(an_explanation_says_of_every_condition_whether_it_held),
        cmocka_unit_test(a_reload_tells_what_it_changed),
        cmocka_unit_test(a_mode_of_zero_is_not_the_same_as_none),
        cmocka_unit_test(a_table_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(no_memory_is_a_fault_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
