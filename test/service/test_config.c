/* test_config.c: both INI files from disk: what is made of them, and every fault with its place. */
#include "shunt/io/place.h"

#include "parts.h"

static struct config *load(struct scratch *s, const char *const *env, struct faults *faults)
{
    static const char *const none[] = {NULL};
    faults_init(faults);
    return config_load(in(s, "shunt.ini"), env ? env : none, faults);
}

/* Is there a fault that begins with root/file:line: and holds the text? line 0: none */
static bool has_fault(struct scratch *s, const struct faults *faults, const char *file, unsigned line, const char *text)
{
    char head[600];
    int len = line > 0 ? snprintf(head, sizeof head, "%s:%u: ", in(s, file), line)
                       : snprintf(head, sizeof head, "%s: ", in(s, file));
    for (size_t i = 0; i < faults->count; i++)
        if (strncmp(faults->texts[i], head, (size_t)len) == 0 && strstr(faults->texts[i] + len, text))
            return true;
    print_all(faults);
    return false;
}

static void paths_start_from_where_the_settings_say(void **state)
{
    struct scratch *s = *state;
    put(in(s, "shunt.ini"), "[service]\ndata = root\n[folders]\nhot = in\nlogs = /var/log/x\nroutes = r/routes.ini\n");
    make_folder(s, "r");
    put(in(s, "r/routes.ini"), ROUTES_ONE);
    struct config *c = load_config(s);
    assert_non_null(c);
    assert_string_equal(c->file, in(s, "shunt.ini"));
    assert_string_equal(c->data, in(s, "root"));
    assert_string_equal(c->hot, in(s, "root/in"));
    assert_string_equal(c->logs, "/var/log/x");
    assert_string_equal(c->log_file, "/var/log/x/shunt.log");
    assert_string_equal(c->routes_file, in(s, "r/routes.ini"));
    char *path = config_destination_path(c, &c->routes->destinations[0]);
    assert_string_equal(path, in(s, "root/out/a"));
    mem_free(path);
    config_free(c);
}

static void a_relative_name_of_the_file_is_made_absolute(void **state)
{
    struct scratch *s = *state;
    char before[512];
    static const char *const no_env[] = {NULL};
    struct faults faults;
    put_config(s, "", ROUTES_ONE);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(s->root), 0);
    faults_init(&faults);
    struct config *c = config_load("shunt.ini", no_env, &faults);
    assert_int_equal(chdir(before), 0);
    print_all(&faults);
    assert_non_null(c);
    assert_true(c->routes_file[0] == '/');
    assert_true(c->hot[0] == '/');
    /* as a reload does, from whatever folder */
    struct routes *again = config_load_routes(c, &faults);
    assert_non_null(again);
    routes_unref(again);
    faults_fini(&faults);
    config_free(c);
}

/* A mounted ConfigMap: the file is a link into a folder that another replaces. */
static void routes_are_found_again_where_the_file_is_a_link_that_turned(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    make_folder(s, "first");
    put(in(s, "first/shunt.ini"), "[service]\ndata = .\n");
    put(in(s, "first/routes.ini"), ROUTES_ONE);
    assert_int_equal(symlink("first", in(s, "now")), 0);
    assert_int_equal(symlink("now/shunt.ini", in(s, "shunt.ini")), 0);
    assert_int_equal(symlink("now/routes.ini", in(s, "routes.ini")), 0);
    struct config *c = load_config(s);
    assert_non_null(c);
    assert_int_equal(c->routes->n_destinations, 1);
    make_folder(s, "second");
    put(in(s, "second/routes.ini"), ROUTES_TWO);
    assert_int_equal(symlink("second", in(s, "next")), 0);
    assert_int_equal(rename(in(s, "next"), in(s, "now")), 0);
    scratch_remove(in(s, "first"));
    faults_init(&faults);
    struct routes *r = config_load_routes(c, &faults);
    print_all(&faults);
    assert_non_null(r);
    assert_int_equal(r->n_destinations, 2);
    routes_unref(r);
    faults_fini(&faults);
    config_free(c);
}

static void the_faults_of_both_files_are_told_at_once(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    put(in(s, "shunt.ini"), "[service]\nworkers = many\n[intake]\nsetle = 2s\n");
    put(in(s, "routes.ini"), "[destination a]\npath = a\n[route r]\nclient = *\nto = b\n");
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "shunt.ini", 2, "workers"));
    assert_true(has_fault(s, &faults, "shunt.ini", 4, "setle"));
    assert_true(has_fault(s, &faults, "routes.ini", 5, "b"));
    faults_fini(&faults);
}

static void the_routes_of_a_faulty_file_are_those_that_it_names(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    const char *const env[] = {"SHUNT_FOLDERS_ROUTES=third.ini", NULL};
    put(in(s, "shunt.ini"), "[folders]\nroutes = other.ini\n[intake]\nsetle = 2s\n");
    put(in(s, "routes.ini"), "[destination a]\n");
    put(in(s, "other.ini"), "[destination a]\npath = a\n[route r]\nclient = *\nto = b\n");
    put(in(s, "third.ini"), "[rout r]\n");
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "shunt.ini", 4, "setle"));
    assert_true(has_fault(s, &faults, "other.ini", 5, "b"));
    assert_int_equal(faults.count, 2);
    faults_fini(&faults);
    assert_null(load(s, env, &faults));
    assert_true(has_fault(s, &faults, "third.ini", 1, "rout"));
    faults_fini(&faults);
}

/* The only fault, of shunt.ini as a whole. */
static bool is_of_settings(struct scratch *s, const struct faults *faults, const char *before, const char *after)
{
    char text[700];
    snprintf(text, sizeof text, "settings: %s%s%s", before, in(s, "shunt.ini"), after);
    print_all(faults);
    return faults->count == 1 && strcmp(faults->texts[0], text) == 0;
}

static void a_missing_file_is_told_by_its_name(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    assert_null(load(s, NULL, &faults));
    assert_true(is_of_settings(s, &faults, "cannot open ", ": No such file or directory"));
    faults_fini(&faults);
    put(in(s, "shunt.ini"), "");
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "shunt.ini", 0, "[folders] routes: cannot open "));
    assert_true(has_fault(s, &faults, "shunt.ini", 0, "/routes.ini: No such file"));
    faults_fini(&faults);
}

static void a_folder_in_place_of_a_file_is_a_fault(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    make_folder(s, "shunt.ini");
    assert_null(load(s, NULL, &faults));
    assert_true(is_of_settings(s, &faults, "", " is not a regular file"));
    faults_fini(&faults);
}

static void unknown_users_groups_and_drivers_are_faults_with_their_line(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    put(in(s, "shunt.ini"), "");
    put(in(s, "routes.ini"), "[destination a]\npath = a\nowner = no-such-user\ngroup = no-such-group\n"
                             "[destination b]\npath = b\ndriver = carrier-pigeon\n[route r]\nclient = *\nto = a, b\n");
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "routes.ini", 1, "no user named no-such-user"));
    assert_true(has_fault(s, &faults, "routes.ini", 1, "no group named no-such-group"));
    assert_true(has_fault(s, &faults, "routes.ini", 5, "carrier-pigeon"));
    faults_fini(&faults);
}

static void users_and_groups_are_looked_up_by_name_and_taken_by_number(void **state)
{
    struct scratch *s = *state;
    put(in(s, "shunt.ini"), "");
    put(in(s, "routes.ini"), "[destination a]\npath = a\nowner = root\ngroup = 4711\n[destination b]\npath = b\n"
                             "[route r]\nclient = *\nto = a, b\n");
    struct config *c = load_config(s);
    assert_non_null(c);
    assert_int_equal(c->routes->destinations[0].uid, 0);
    assert_int_equal(c->routes->destinations[0].gid, 4711);
    assert_int_equal(c->routes->destinations[1].uid, -1);
    assert_int_equal(c->routes->destinations[1].gid, -1);
    config_free(c);
}

/* They would be cut to 32 bits when the file is given away. */
static void a_number_that_is_no_user_is_a_fault(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    put(in(s, "shunt.ini"), "");
    put(in(s, "routes.ini"),
        "[destination a]\npath = a\nowner = 4294967296\ngroup = 4294967295\n[route r]\nclient = *\nto = a\n");
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "routes.ini", 1, "4294967296"));
    assert_true(has_fault(s, &faults, "routes.ini", 1, "4294967295"));
    faults_fini(&faults);
}

static void two_names_of_one_folder_are_refused(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    char text[1024];
    put(in(s, "routes.ini"), ROUTES_ONE);
    put(in(s, "shunt.ini"), "[folders]\nhot = one\nfailed = ./one\n");
    assert_null(load(s, NULL, &faults));
    assert_true(faults.count >= 1);
    faults_fini(&faults);
    /* one written absolute, one by the data root */
    snprintf(text, sizeof text, "[service]\ndata = .\n[folders]\nhot = one\narchive = %s\n", in(s, "one"));
    put(in(s, "shunt.ini"), text);
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "shunt.ini", 0, "same folder"));
    assert_int_equal(faults.count, 1);
    faults_fini(&faults);
    snprintf(text, sizeof text, "[service]\ndata = .\n[folders]\nhot = one\narchive = %s\n", in(s, "one/two"));
    put(in(s, "shunt.ini"), text);
    assert_null(load(s, NULL, &faults));
    assert_true(has_fault(s, &faults, "shunt.ini", 0, "archive"));
    faults_fini(&faults);
    snprintf(text, sizeof text, "[service]\ndata = .\n[folders]\nhot = one\narchive = %s\n", in(s, "one-two"));
    put(in(s, "shunt.ini"), text);
    struct config *c = load(s, NULL, &faults);
    assert_non_null(c);
    config_free(c);
    faults_fini(&faults);
}

static void a_secret_and_a_value_may_come_from_the_environment(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    const char *const env[] = {"SHUNT_SERVICE_WORKERS=3", "PATH=/bin", NULL};
    put_config(s, "", ROUTES_ONE);
    struct config *c = load(s, env, &faults);
    print_all(&faults);
    assert_non_null(c);
    assert_int_equal(c->settings->workers, 3);
    config_free(c);
    faults_fini(&faults);
}

static void faulty_routes_alone_are_refused_whole(void **state)
{
    struct scratch *s = *state;
    struct faults faults;
    faults_init(&faults);
    put(in(s, "routes.ini"), "[destination a]\npath = a\nowner = no-such-user\n[route r]\nclient = *\nto = a\n");
    assert_null(config_load_routes(&(struct config){.routes_file = (char *)(uintptr_t)in(s, "routes.ini")}, &faults));
    assert_int_equal(faults.count, 1);
    faults_fini(&faults);
    faults_init(&faults);
    put(in(s, "routes.ini"), "");
    assert_null(config_load_routes(&(struct config){.routes_file = (char *)(uintptr_t)in(s, "routes.ini")}, &faults));
    assert_true(faults_any(&faults));
    faults_fini(&faults);
}

static void no_memory_is_a_fault(void **state)
{
    struct scratch *s = *state;
    put_config(s, "", ROUTES_ONE);
    SCARCE_SWEEP (n) {
        struct faults faults;
        scarce_begin(n, 1);
        struct config *c = load(s, NULL, &faults);
        bool hit = scarce_end();
        assert_int_equal(c == NULL, hit);
        assert_int_equal(faults_any(&faults), hit);
        config_free(c);
        faults_fini(&faults);
    }
    struct config *config = load_config(s);
    SCARCE_SWEEP (n) {
        struct faults faults;
        faults_init(&faults);
        scarce_begin(n, 1);
        struct routes *routes = config_load_routes(config, &faults);
        bool hit = scarce_end();
        assert_int_equal(routes == NULL, hit);
        assert_int_equal(faults_any(&faults), hit);
        routes_unref(routes);
        faults_fini(&faults);
    }
    config_free(config);
}

/* A check that finds no memory has not been passed. */
static void without_memory_no_destination_below_hot_is_let_through(void **state)
{
    struct scratch *s = *state;
    put_config(s, "", "[destination a]\npath = hot/RANK\n[route all]\nclient = *\nto = a\n");
    SCARCE_SWEEP (n) {
        struct faults faults;
        scarce_begin(n, 1);
        assert_null(load(s, NULL, &faults));
        scarce_end();
        assert_true(faults_any(&faults));
        faults_fini(&faults);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(paths_start_from_where_the_settings_say),
        T(a_relative_name_of_the_file_is_made_absolute),
        T(routes_are_found_again_where_the_file_is_a_link_that_turned),
        T(the_faults_of_both_files_are_told_at_once),
        T(the_routes_of_a_faulty_file_are_those_that_it_names),
        T(a_missing_file_is_told_by_its_name),
        T(a_folder_in_place_of_a_file_is_a_fault),
        T(unknown_users_groups_and_drivers_are_faults_with_their_line),
        T(users_and_groups_are_looked_up_by_name_and_taken_by_number),
        T(a_number_that_is_no_user_is_a_fault),
        T(two_names_of_one_folder_are_refused),
        T(a_secret_and_a_value_may_come_from_the_environment),
        T(faulty_routes_alone_are_refused_whole),
        T(no_memory_is_a_fault),
        T(without_memory_no_destination_below_hot_is_let_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
