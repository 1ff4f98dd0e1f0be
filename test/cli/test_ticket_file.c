/* test_ticket_file.c: whose a file named on the command line is, and what it says. */
#include "shunt/cli/ticket_file.h"

#include "../io/scratch.h"

#define TICKET(client) "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"" client "\",\"JobCategory\":\"X\"}}}\n"

static struct config *make_config(struct scratch *s)
{
    static const char *const no_env[] = {NULL};
    struct faults faults;
    struct error e = {0};
    put(in(s, "shunt.ini"), "[service]\ndata = .\n[folders]\nhot = hot\n[intake]\nfiles = *.pdf\n");
    put(in(s, "routes.ini"), "[destination a]\npath = out/a\n[route all]\nclient = *\nto = a\n");
    assert_int_equal(files_mkdirs(in(s, "hot/RANK/deeper"), 0755, false, &e), 0);
    faults_init(&faults);
    struct config *config = config_load(in(s, "shunt.ini"), no_env, &faults);
    for (size_t i = 0; i < faults.count; i++)
        print_error("%s\n", faults.texts[i]);
    faults_fini(&faults);
    assert_non_null(config);
    return config;
}

struct expected {
    const char *file, *text, *client; /* client: as given by the user */
    const char *folder;               /* NULL: it cannot be read */
    bool in_hot;
    int invalid;
};

static void check(struct scratch *s, const struct config *config, const struct expected *x)
{
    struct ticket_file file;
    struct error e = {0};
    if (x->text)
        put(in(s, x->file), x->text);
    int rc = ticket_file_read(&file, config, in(s, x->file), x->client, &e);
    if (x->folder) {
        if (rc != 0)
            fail_msg("%s: %s", x->file, e.text);
        assert_string_equal(file.folder, x->folder);
        assert_int_equal(file.in_hot, x->in_hot);
        assert_int_equal(file.invalid.code, x->invalid);
        assert_string_equal(file.name, strrchr(x->file, '/') ? strrchr(x->file, '/') + 1 : x->file);
        if (x->invalid == 0 && x->text)
            assert_int_equal(file.content.size, strlen(x->text));
    } else {
        assert_int_not_equal(rc, 0);
        assert_int_not_equal(e.code, 0);
    }
    ticket_file_fini(&file);
}

static void the_client_is_the_hot_folder_the_users_word_or_the_tickets(void **state)
{
    struct scratch *s = *state;
    struct config *config = make_config(s);
    const struct expected all[] = {
        {.file = "hot/RANK/a.json", .text = TICKET("OTHER"), .folder = "RANK", .in_hot = true},
        {.file = "hot/RANK/b.json", .text = TICKET("RANK"), .client = "IGNORED", .folder = "RANK", .in_hot = true},
        {.file = "hot/root.json", .text = TICKET("RANK"), .folder = "", .in_hot = true},
        {.file = "hot/RANK/deeper/c.json", .text = TICKET("RANK"), .folder = "RANK"},
        {.file = "d.json", .text = TICKET("RANK"), .folder = "RANK"},
        {.file = "e.json", .text = TICKET("RANK"), .client = "GIVEN", .folder = "GIVEN"},
        {.file = "f.pdf", .text = "%PDF", .client = "GIVEN", .folder = "GIVEN"},
        {.file = "g.txt", .text = "any file that is named is meant", .client = "GIVEN", .folder = "GIVEN"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check(s, config, &all[i]);
    config_free(config);
}

static void an_invalid_ticket_is_read_and_says_why(void **state)
{
    struct scratch *s = *state;
    struct config *config = make_config(s);
    const struct expected all[] = {
        {.file = "hot/RANK/a.json", .text = "nonsense", .folder = "RANK", .in_hot = true, .invalid = ERR_SYNTAX},
        {.file = "hot/RANK/b.json", .text = "{", .folder = "RANK", .in_hot = true, .invalid = ERR_INCOMPLETE},
        {.file = "c.json", .text = "{}", .folder = "", .invalid = ERR_MISSING_FIELD},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check(s, config, &all[i]);
    config_free(config);
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
    struct scratch *s = *state;
    struct config *config = make_config(s);
    const struct expected all[] = {
        {.file = "missing.json"},
        {.file = "hot/RANK"},
        {.file = "hot/RANK/.hidden.json", .text = TICKET("RANK")},
        {.file = "hot/RANK/notes.txt", .text = "not taken up by the service either"},
        {.file = "a.json", .text = TICKET("RANK"), .client = "../up"},
        {.file = "b.json", .text = TICKET("RANK"), .client = ".."},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check(s, config, &all[i]);
    config_free(config);
}

static void no_memory_is_told_and_leaks_nothing(void **state)
{
    struct scratch *s = *state;
    struct config *config = make_config(s);
    put(in(s, "a.json"), TICKET("RANK"));
    SCARCE_SWEEP (n) {
        struct ticket_file file;
        struct error e = {0};
        scarce_begin(n, 1);
        int rc = ticket_file_read(&file, config, in(s, "a.json"), NULL, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        if (rc == 0)
            assert_int_equal(file.invalid.code, 0);
        ticket_file_fini(&file);
    }
    config_free(config);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_client_is_the_hot_folder_the_users_word_or_the_tickets),
        T(an_invalid_ticket_is_read_and_says_why),
        T(what_is_no_file_of_ours_is_refused),
        T(no_memory_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
