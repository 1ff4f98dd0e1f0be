#include "http_world.h"

static int local_socket(const char *path, bool listens)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    if (listens)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void the_socket_is_the_owners_whatever_the_umask_is(void **state)
{
    mode_t before = umask(0);
    struct world *world = world_new(*state, world_options());
    umask(before);
    assert_int_equal(mode_of(in(*state, "sock")), 0600);
    world_free(world);
    assert_false(exists(in(*state, "sock")));
}

static void what_a_dead_process_left_is_replaced(void **state)
{
    close(local_socket(in(*state, "sock"), true));
    assert_true(exists(in(*state, "sock")));
    struct world *world = world_new(*state, world_options());
    get_hello(world, client_local(world));
    world_free(world);
}

static void a_living_process_keeps_its_socket(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct error e = {.code = 0};
    assert_int_equal(http_server_listen_unix(world->server, in(*state, "sock"), &e), ERR_BUSY);
    assert_non_null(strstr(e.text, "another process listens on"));
    assert_non_null(strstr(e.text, "/sock"));
    get_hello(world, client_local(world));
    world_free(world);
}

static void a_living_process_that_hangs_keeps_its_socket(void **state)
{
    struct world *world = world_new(*state, world_options());
    int fd = local_socket(in(*state, "other"), true), waiting[8];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", in(*state, "other"));
    for (unsigned i = 0; i < 8; i++) { /* until its queue is full */
        waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(waiting[i], (struct sockaddr *)&to, sizeof to);
    }
    assert_int_equal(http_server_listen_unix(world->server, in(*state, "other"), NULL), ERR_BUSY);
    for (unsigned i = 0; i < 8; i++)
        close(waiting[i]);
    close(fd);
    world_free(world);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct error e = {.code = 0};
    put(in(*state, "file"), "precious");
    assert_int_equal(symlink("file", in(*state, "link")), 0);
    assert_int_equal(http_server_listen_unix(world->server, in(*state, "file"), &e), ERR_NOT_OURS);
    assert_non_null(strstr(e.text, "is no socket"));
    assert_int_equal(http_server_listen_unix(world->server, in(*state, "link"), NULL), ERR_NOT_OURS);
    assert_file(in(*state, "file"), "precious");
    world_free(world);
}

static void a_path_that_is_too_long_is_told(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct error e = {.code = 0};
    char path[HTTP_SOCKET_PATH_MAX + 2];
    size_t len = (size_t)snprintf(path, sizeof path, "%s/", ((struct scratch *)*state)->root);
    memset(path + len, 'x', sizeof path - 1 - len);
    path[sizeof path - 1] = '\0';
    assert_int_equal(http_server_listen_unix(world->server, path, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "108 bytes, at most 107"));
    path[HTTP_SOCKET_PATH_MAX] = '\0';
    assert_int_equal(http_server_listen_unix(world->server, path, NULL), 0);
    world_free(world);
    assert_false(exists(path));
}

static void a_folder_that_is_missing_is_told(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct error e = {.code = 0};
    assert_int_equal(http_server_listen_unix(world->server, in(*state, "no/sock"), &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, "/no/sock: No such file or directory"));
    world_free(world);
}

static void a_socket_that_another_put_there_meanwhile_is_not_removed(void **state)
{
    struct world *world = world_new(*state, world_options());
    unlink(in(*state, "sock"));
    int fd = local_socket(in(*state, "sock"), true);
    world_free(world);
    assert_true(exists(in(*state, "sock")));
    close(fd);
}

static void tcp_and_the_socket_are_served_together(void **state)
{
    struct world *world = world_new(*state, world_options());
    unsigned port = 0;
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
    assert_true(port > 0);
    struct client *tcp = client_tcp(world, port), *local = client_local(world);
    ask(world, tcp, "GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n", "}\n");
    assert_true(has(tcp, "\"address\":\"127.0.0.1\""));
    assert_true(has(tcp, "\"local\":false"));
    ask(world, local, "GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n", "}\n");
    assert_true(has(local, "\"local\":true"));
    world_free(world);
}

static void ipv6_is_served_for_itself(void **state)
{
    struct world *world = world_new(*state, world_options());
    unsigned port = 0;
    if (http_server_listen_tcp(world->server, "::1", 0, &port, NULL) == 0) { /* not every machine has it */
        struct sockaddr_in6 to = {
            .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
        struct client *client = client_on(world, fd);
        ask(world, client, "GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n", "\"address\":\"::1\"");
    }
    world_free(world);
}

static void ports_and_addresses_that_cannot_be_are_told(void **state)
{
    struct world *world = world_new(*state, world_options());
    unsigned port;
    struct error e = {.code = 0};
    assert_int_equal(http_server_listen_tcp(world->server, "localhost", 0, NULL, &e), ERR_CONFIG);
    assert_string_equal(e.text, "localhost is no numeric IP address");
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 65536, NULL, NULL), ERR_CONFIG);
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
    error_clear(&e);
    assert_true(http_server_listen_tcp(world->server, "127.0.0.1", port, NULL, &e) < 0);
    assert_non_null(strstr(e.text, "cannot listen on 127.0.0.1 port "));
    assert_non_null(strstr(e.text, "Address already in use"));
    world_free(world);
}

static void nothing_stays_open(void **state)
{
    size_t before = open_descriptors();
    struct world *world = world_new(*state, world_options());
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, NULL, NULL), 0);
    http_server_listen_unix(world->server, in(*state, "sock"), NULL);
    http_server_listen_unix(world->server, in(*state, "no/sock"), NULL);
    http_server_listen_tcp(world->server, "192.0.2.1", 0, NULL, NULL);
    get_hello(world, client_local(world));
    world_free(world);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(the_socket_is_the_owners_whatever_the_umask_is),
        T(what_a_dead_process_left_is_replaced),
        T(a_living_process_keeps_its_socket),
        T(a_living_process_that_hangs_keeps_its_socket),
        T(what_is_no_socket_is_left_alone),
        T(a_path_that_is_too_long_is_told),
        T(a_folder_that_is_missing_is_told),
        T(a_socket_that_another_put_there_meanwhile_is_not_removed),
        T(tcp_and_the_socket_are_served_together),
        T(ipv6_is_served_for_itself),
        T(ports_and_addresses_that_cannot_be_are_told),
        T(nothing_stays_open),
    };
    return cmocka_run_group_tests_name("net/http_listen", tests, NULL, NULL);
}
