#include <sys/socket.h>
#include <sys/un.h>

#include "shunt/io/notify.h"

#include "scratch.h"

/* The manager's end. '@' at the start: a name of the kernel's, no file. */
static int manager_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    assert_true(len <= sizeof address.sun_path);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void assert_told(int fd, const char *state)
{
    char got[64] = "";
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), (ssize_t)strlen(state));
    assert_string_equal(got, state);
}

static void a_manager_that_listens_at_a_path_is_told(void **state)
{
    size_t descriptors = open_descriptors();
    int fd = manager_at(in(*state, "manager"));
    notify_manager("READY=1");
    notify_manager("STOPPING=1");
    assert_told(fd, "READY=1");
    assert_told(fd, "STOPPING=1");
    close(fd);
    assert_int_equal(open_descriptors(), descriptors);
}

static void a_manager_that_listens_at_a_name_without_a_file_is_told(void **state)
{
    char name[80];
    struct scratch *scratch = *state;
    snprintf(name, sizeof name, "@%s", scratch->root);
    int fd = manager_at(name);
    notify_manager("READY=1");
    assert_told(fd, "READY=1");
    close(fd);
}

static void a_path_as_long_as_can_be_is_good(void **state)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path + 1];
    struct scratch *scratch = *state;
    memset(path, 'x', sizeof path);
    memcpy(path, scratch->root, strlen(scratch->root));
    path[strlen(scratch->root)] = '/';
    path[sizeof path - 1] = '\0';
    int fd = manager_at(path);
    notify_manager("READY=1");
    assert_told(fd, "READY=1");
    close(fd);
}

static void nothing_happens_where_nobody_listens(void **state)
{
    char longer[200];
    size_t descriptors = open_descriptors();
    memset(longer, '/', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    close(manager_at(in(*state, "manager"))); /* its file is still there */
    notify_manager("READY=1");
    const char *others[] = {"", "/", "@", "relative", longer, in(*state, "no/folder")};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        setenv("NOTIFY_SOCKET", others[i], 1);
        notify_manager("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
    notify_manager("READY=1");
    assert_int_equal(open_descriptors(), descriptors);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_manager_that_listens_at_a_path_is_told),
        TEST(a_manager_that_listens_at_a_name_without_a_file_is_told),
        TEST(a_path_as_long_as_can_be_is_good),
        TEST(nothing_happens_where_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
