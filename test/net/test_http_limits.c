#include <sys/resource.h>

#include "http_world.h"

#define BODY_HEAD "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n"

/* The clients run on the same loop: what they do at each of its turns. */
static void drip(struct client *client)
{
    if (!client->ended)
        send(client->fd, "x", 1, MSG_NOSIGNAL);
}

/* A client of the socket, or of an address of its own. */
static struct client *client_either(struct world *world, bool tcp)
{
    unsigned port;
    if (!tcp)
        return client_local(world);
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
    return client_tcp(world, port);
}

static void a_connection_that_asks_nothing_is_cut(void **state)
{
    struct http_options options = world_options();
    options.idle_ms = 20;
    struct world *world = world_new(*state, options);
    struct client *silent = client_local(world), *served = client_local(world), *far = client_either(world, true);
    until(world, silent->ended && far->ended);
    assert_int_equal(silent->in.len, 0);
    until(world, served->ended);
    served = client_local(world);
    get_hello(world, served);
    until(world, served->ended);
    world_free(world);
}

static void a_request_line_that_drips_is_cut(void **state)
{
    struct http_options options = world_options();
    options.idle_ms = 40;
    for (int tcp = 0; tcp < 2; tcp++) {
        struct world *world = world_new(*state, options);
        struct client *client = client_either(world, tcp);
        say(client, "GET /");
        while (!client->ended) {
            drip(client);
            turn(world);
        }
        assert_int_equal(world->called, 0);
        world_free(world);
    }
}

static void headers_and_bodies_that_drip_are_cut(void **state)
{
    static const char *const heads[] = {
        "GET /hello HTTP/1.1\r\nHost: x\r\nX-Header: ",
        "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n",
        "POST /echo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n"};
    struct http_options options = world_options();
    options.request_ms = 40;
    const size_t n = sizeof heads / sizeof *heads;
    for (size_t i = 0; i < 2 * n; i++) {
        struct world *world = world_new(*state, options);
        struct client *client = client_either(world, i >= n);
        say(client, heads[i % n]);
        while (!client->ended) {
            drip(client);
            turn(world);
        }
        assert_int_equal(world->called, 0);
        world_free(world);
    }
}

static void who_hangs_up_in_the_middle_leaves_at_once(void **state)
{
    static const char *const beginnings[] = {
        "",
        "GET /he",
        "GET /hello HTTP/1.1\r\nHost: x\r\nX-Header: ",
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\nbody",
        "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n258\r\nbody",
        "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\nbody"};
    struct http_options options = world_options();
    options.max_connections = 1;
    options.max_bodies_bytes = 1000;
    options.send_ms = 400; /* the others are not waited for */
    uint64_t began_ns = uv_hrtime();
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct world *world = world_new(*state, options);
        unsigned port;
        assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
        struct client *client = client_tcp(world, port), *next;
        say(client, beginnings[i]);
        client_hang_up(client); /* the end comes together with what was said */
        next = client_tcp(world, port);
        say(next, BODY_HEAD "\r\n");
        say_bytes(next, (char[600]){0}, 600);
        until(world, world->n_held == 1);
        http_respond_text(world->held[--world->n_held], 200, "taken\n");
        until(world, has(next, "taken\n"));
        world_free(world);
    }
    assert_true(uv_hrtime() - began_ns < options.request_ms * 1000000ULL);
}

static void who_waits_for_an_answer_is_not_cut(void **state)
{
    struct http_options options = world_options();
    options.idle_ms = options.request_ms = options.send_ms = 20;
    struct world *world = world_new(*state, options);
    struct client *client = client_local(world);
    say(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_held == 1);
    for (unsigned i = 0; i < 3; i++) { /* so long that others are */
        struct client *other = client_local(world);
        until(world, other->ended);
    }
    http_respond_text(world->held[--world->n_held], 200, "late\n");
    until(world, has(client, "late\n"));
    world_free(world);
}

static void who_does_not_take_the_answer_is_cut(void **state)
{
    struct http_options options = world_options();
    options.send_ms = 40;
    options.max_connections = 1;
    struct world *world = world_new(*state, options);
    struct client *client = client_local(world);
    client_deafen(client);
    say(client, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    get_hello(world, client_local(world)); /* it waited for the other to go */
    client_hear(client);
    until(world, client->ended);
    assert_true(client->in.len < 16U * 1024 * 1024);
    world_free(world);
}

static void headers_beyond_the_limit_are_refused(void **state)
{
    static const char *const heads[] = {"GET /hello HTTP/1.1\r\nHost: x\r\nX-Header: ", "GET /echo/"};
    for (size_t i = 0; i < 4; i++) {
        struct world *world = world_new(*state, world_options());
        struct client *client = client_either(world, i >= 2);
        struct str request = STR_INIT;
        str_puts(&request, heads[i % 2]);
        while (request.len < 2 * world_options().max_header_bytes)
            str_putc(&request, 'x');
        send(client->fd, request.bytes, request.len, MSG_NOSIGNAL);
        until(world, client->ended);
        assert_int_equal(world->called, 0);
        assert_true(has(client, i % 2 == 0 ? " 431 " : " 414 "));
        str_fini(&request);
        world_free(world);
    }
}

static void headers_of_a_usual_size_are_taken(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    struct str request = STR_INIT;
    str_puts(&request, "GET /hello HTTP/1.1\r\nHost: x\r\nCookie: ");
    while (request.len < 8192)
        str_putc(&request, 'x');
    str_puts(&request, "\r\n\r\n");
    ask(world, client, request.bytes, "hello\n");
    str_fini(&request);
    world_free(world);
}

static void say_body(struct client *client, const char *head)
{
    char body[601];
    memset(body, 'x', 600);
    body[600] = '\0';
    say(client, head);
    say(client, body);
}

static void bodies_are_held_up_to_a_limit_until_they_are_answered(void **state)
{
    struct http_options options = world_options();
    options.max_bodies_bytes = 1000;
    struct world *world = world_new(*state, options);
    struct client *first = client_local(world), *second = client_local(world), *asking = client_local(world);
    struct client *chunked = client_local(world), *third = client_local(world);
    say_body(first, BODY_HEAD "\r\n");
    until(world, world->n_held == 1);
    client_hang_up(first); /* its body is held all the same */
    get_hello(world, asking);
    say_body(second, BODY_HEAD "\r\n");
    until(world, has(second, " 503 "));
    until(world, has(second, "Retry-After: 1") && has(second, "bodies:"));
    say(asking, BODY_HEAD "Expect: 100-continue\r\n\r\n");
    until(world, has(asking, " 503 "));
    assert_false(has(asking, "100 Continue"));
    say_body(chunked, "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n");
    say(chunked, "\r\n0\r\n\r\n");
    until(world, has(chunked, " 503 "));
    assert_int_equal(world->n_held, 1);
    http_respond_text(world->held[--world->n_held], 200, "late\n");
    say_body(third, BODY_HEAD "\r\n");
    until(world, world->n_held == 1);
    http_respond_text(world->held[--world->n_held], 200, "late\n");
    until(world, has(third, "late\n"));
    world_free(world);
}

static void a_body_may_be_answered_when_the_server_has_gone(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say_body(client, BODY_HEAD "\r\n");
    until(world, world->n_held == 1);
    http_server_close(world->server, on_world_closed, world);
    world->server = NULL;
    until(world, client->ended);
    http_respond_text(world->held[--world->n_held], 200, "late\n");
    until(world, world->closed == 1);
    world_free(world);
}

static void further_connections_wait_until_one_ends(void **state)
{
    struct http_options options = world_options();
    options.max_connections = 2;
    struct world *world = world_new(*state, options);
    struct client *first = client_local(world), *second = client_local(world);
    get_hello(world, first);
    get_hello(world, second);
    struct client *third = client_local(world);
    say(third, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    get_hello(world, first);
    get_hello(world, second);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    assert_true(is_calm(world));
    assert_int_equal(third->in.len, 0);
    client_hang_up(first);
    until(world, has(third, "hello\n"));
    world_free(world);
}

static void a_full_listener_does_not_keep_others_out(void **state)
{
    struct http_options options = world_options();
    options.max_connections = 1;
    struct world *world = world_new(*state, options);
    unsigned port;
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
    struct client *first = client_tcp(world, port), *second = client_tcp(world, port);
    get_hello(world, first);
    say(second, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    get_hello(world, client_local(world));
    assert_int_equal(second->in.len, 0);
    client_hang_up(first);
    until(world, has(second, "hello\n"));
    world_free(world);
}

static void one_address_has_so_many_connections_and_no_more(void **state)
{
    struct http_options options = world_options();
    options.max_per_address = 2;
    struct world *world = world_new(*state, options);
    unsigned port;
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
    struct client *first = client_tcp(world, port), *second = client_tcp(world, port);
    get_hello(world, first);
    get_hello(world, second);
    struct client *third = client_tcp(world, port);
    until(world, third->ended);
    assert_int_equal(third->in.len, 0);
    for (unsigned i = 0; i < 4; i++) /* the socket's users are not counted so */
        get_hello(world, client_local(world));
    client_hang_up(first);
    do {
        third = client_tcp(world, port);
        send(third->fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 33, MSG_NOSIGNAL);
        until(world, third->ended || has(third, "hello\n"));
    } while (third->ended);
    world_free(world);
}

static void a_proxy_on_this_machine_has_as_many_connections_as_it_wants(void **state)
{
    struct http_options options = world_options();
    options.max_per_address = 2;
    options.trust_loopback = true;
    struct world *world = world_new(*state, options);
    unsigned port;
    assert_int_equal(http_server_listen_tcp(world->server, "127.0.0.1", 0, &port, NULL), 0);
    for (unsigned i = 0; i < 10; i++)
        get_hello(world, client_tcp(world, port));
    world_free(world);
}

static void without_descriptors_clients_wait(void **state)
{
    struct http_options options = world_options();
    options.idle_ms = 100; /* the pause until it tries again follows from it */
    struct world *world = world_new(*state, options);
    struct client *client = client_local(world);
    struct rlimit before, none;
    say(client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = (rlim_t)client->fd + 1;
    setrlimit(RLIMIT_NOFILE, &none);
    for (unsigned i = 0; i < 4; i++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    assert_true(is_calm(world));
    assert_int_equal(client->in.len, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    until(world, has(client, "hello\n"));
    world_free(world);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_connection_that_asks_nothing_is_cut),
        T(a_request_line_that_drips_is_cut),
        T(headers_and_bodies_that_drip_are_cut),
        T(who_hangs_up_in_the_middle_leaves_at_once),
        T(who_waits_for_an_answer_is_not_cut),
        T(who_does_not_take_the_answer_is_cut),
        T(headers_beyond_the_limit_are_refused),
        T(headers_of_a_usual_size_are_taken),
        T(bodies_are_held_up_to_a_limit_until_they_are_answered),
        T(a_body_may_be_answered_when_the_server_has_gone),
        T(further_connections_wait_until_one_ends),
        T(a_full_listener_does_not_keep_others_out),
        T(one_address_has_so_many_connections_and_no_more),
        T(a_proxy_on_this_machine_has_as_many_connections_as_it_wants),
        T(without_descriptors_clients_wait),
    };
    return cmocka_run_group_tests_name("net/http_limits", tests, NULL, NULL);
}
