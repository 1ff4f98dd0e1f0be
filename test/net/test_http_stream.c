#include <sys/ioctl.h>

#include "http_world.h"

static struct client *open_stream(struct world *world)
{
    struct client *client = client_local(world);
    size_t before = world->n_streams;
    say(client, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_streams == before + 1 && has(client, "\r\n\r\n"));
    return client;
}

static void what_is_written_arrives_at_once_and_in_order(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = open_stream(world);
    assert_true(has(client, "Content-Type: text/event-stream\r\n"));
    for (unsigned i = 0; i < 100; i++) {
        char event[32];
        snprintf(event, sizeof event, "data: %u.\n\n", i);
        str_clear(&client->in);
        assert_int_equal(http_stream_write(world->streams[0], event, strlen(event)), 0);
        until(world, has(client, event));
    }
    assert_false(client->ended);
    world_free(world);
}

static void between_events_the_loop_sleeps(void **state)
{
    struct world *world = world_new(*state, world_options());
    open_stream(world);
    for (unsigned i = 0; i < 4; i++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    assert_true(is_calm(world));
    world_free(world);
}

static void a_closed_stream_ends_after_what_was_written(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = open_stream(world);
    http_stream_write(world->streams[0], "one", 3);
    http_stream_write(world->streams[0], "two", 3);
    http_stream_close(world->streams[--world->n_streams]);
    until(world, has(client, "\r\n0\r\n\r\n"));
    assert_true(has(client, "onetwo"));
    ask(world, client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "hello\n"); /* the connection is kept */
    world_free(world);
}

static void an_old_client_gets_the_stream_without_chunks(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "GET /stream HTTP/1.0\r\n\r\n");
    until(world, world->n_streams == 1 && has(client, "\r\n\r\n"));
    http_stream_write(world->streams[0], "data\n", 5);
    http_stream_close(world->streams[--world->n_streams]);
    until(world, client->ended);
    assert_true(has(client, "\r\n\r\ndata\n"));
    assert_false(has(client, "chunked"));
    world_free(world);
}

static void head_of_a_stream_ends_it(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    ask(world, client, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n", "text/event-stream\r\n");
    get_hello(world, client);
    assert_int_equal(http_stream_write(world->streams[0], "x", 1), ERR_GONE);
    world_free(world);
}

static void a_client_that_has_gone_shows_at_the_writes_that_follow(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = open_stream(world);
    client_hang_up(client);
    until(world, http_stream_write(world->streams[0], ":\n\n", 3) != 0);
    assert_int_equal(http_stream_write(world->streams[0], ":\n\n", 3), ERR_GONE);
    get_hello(world, client_local(world));
    world_free(world);
}

static void a_client_that_takes_less_than_is_written_is_cut(void **state)
{
    struct http_options options = world_options();
    options.max_stream_bytes = 10000;
    struct world *world = world_new(*state, options);
    struct client *client = open_stream(world), *other = open_stream(world);
    char event[1000];
    size_t written = 0;
    memset(event, 'x', sizeof event);
    client_deafen(client);
    while (http_stream_write(world->streams[0], event, sizeof event) == 0) {
        written += sizeof event;
        uv_run(&world->loop, UV_RUN_NOWAIT);
        assert_true(written < 64U * 1024 * 1024);
    }
    client_hear(client);
    until(world, client->ended);
    assert_false(has(client, "\r\n0\r\n\r\n")); /* it can tell that something is missing */
    assert_int_equal(http_stream_write(world->streams[1], "for the other\n", 14), 0);
    until(world, has(other, "for the other\n"));
    world_free(world);
}

static void a_write_that_never_fits_cuts_the_client(void **state)
{
    struct http_options options = world_options();
    options.max_stream_bytes = 10;
    options.max_connections = 1;
    struct world *world = world_new(*state, options);
    struct client *client = open_stream(world);
    assert_int_equal(http_stream_write(world->streams[0], "0123456789", 10), 0);
    until(world, has(client, "0123456789"));
    assert_int_equal(http_stream_write(world->streams[0], "0123456789a", 11), ERR_GONE);
    assert_int_equal(http_stream_write(world->streams[0], "x", 1), ERR_GONE);
    until(world, client->ended);
    get_hello(world, client_local(world)); /* its place is free */
    world_free(world);
}

static void what_a_client_has_not_taken_is_known(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = open_stream(world);
    assert_int_equal(http_stream_waiting(world->streams[0]), 0);
    assert_int_equal(http_stream_write(world->streams[0], "12345", 5), 0);
    assert_int_equal(http_stream_write(world->streams[0], "678", 3), 0);
    assert_int_equal(http_stream_waiting(world->streams[0]), 8);
    until(world, has(client, "12345678"));
    assert_int_equal(http_stream_waiting(world->streams[0]), 0);
    client_hang_up(client);
    until(world, http_stream_write(world->streams[0], ":\n\n", 3) != 0);
    assert_int_equal(http_stream_waiting(world->streams[0]), ERR_GONE);
    world_free(world);
}

static void a_stream_that_is_cut_frees_its_place_though_nobody_reads(void **state)
{
    struct http_options options = world_options();
    options.max_connections = 1;
    options.max_stream_bytes = 8U * 1024 * 1024;
    struct world *world = world_new(*state, options);
    struct client *client = open_stream(world);
    char *much = calloc(1, 8U * 1024 * 1024);
    client_deafen(client);
    assert_int_equal(http_stream_write(world->streams[0], much, 8U * 1024 * 1024), 0);
    free(much);
    http_stream_cut(world->streams[--world->n_streams]);
    get_hello(world, client_local(world));
    client_hear(client);
    until(world, client->ended);
    assert_false(has(client, "\r\n0\r\n\r\n"));
    world_free(world);
}

static void a_client_that_takes_nothing_for_send_ms_is_cut(void **state)
{
    struct http_options options = world_options();
    options.send_ms = 40;
    options.max_stream_bytes = 64U * 1024 * 1024;
    struct world *world = world_new(*state, options);
    struct client *client = open_stream(world);
    char *much = calloc(1, 8U * 1024 * 1024);
    client_deafen(client);
    assert_int_equal(http_stream_write(world->streams[0], much, 8U * 1024 * 1024), 0);
    until(world, http_stream_write(world->streams[0], "", 0) != 0);
    free(much);
    world_free(world);
}

static void a_closed_stream_that_nobody_takes_is_cut(void **state)
{
    struct http_options options = world_options();
    options.send_ms = 40;
    options.max_stream_bytes = 64U * 1024 * 1024;
    options.max_connections = 1;
    struct world *world = world_new(*state, options);
    struct client *client = open_stream(world);
    char *much = calloc(1, 8U * 1024 * 1024);
    client_deafen(client);
    http_stream_write(world->streams[0], much, 8U * 1024 * 1024);
    free(much);
    http_stream_close(world->streams[--world->n_streams]);
    get_hello(world, client_local(world)); /* it waited for the other to go */
    world_free(world);
}

/* Writes until the kernel takes no more: then libmicrohttpd sits on the last piece, and the stream's buffer is empty. */
static void fill(struct world *world, struct client *client)
{
    char event[1000];
    int before = -1, now = 0;
    memset(event, 'x', sizeof event);
    client_deafen(client);
    while (now > before) {
        before = now;
        assert_int_equal(http_stream_write(world->streams[0], event, sizeof event), 0);
        for (unsigned i = 0; i < 4; i++)
            uv_run(&world->loop, UV_RUN_NOWAIT);
        assert_int_equal(ioctl(client->fd, FIONREAD, &now), 0);
    }
}

static void a_client_that_does_not_take_the_last_piece_is_cut(void **state)
{
    for (unsigned closed = 0; closed < 2; closed++) {
        struct http_options options = world_options();
        options.send_ms = 40;
        options.max_connections = 1;
        struct world *world = world_new(*state, options);
        fill(world, open_stream(world));
        if (closed)
            http_stream_close(world->streams[--world->n_streams]);
        else
            assert_int_equal(http_stream_write(world->streams[0], ":\n\n", 3), 0);
        get_hello(world, client_local(world)); /* it waited for the other to go */
        world_free(world);
    }
}

static void a_silent_stream_is_not_cut(void **state)
{
    struct http_options options = world_options();
    options.idle_ms = options.request_ms = options.send_ms = 4;
    struct world *world = world_new(*state, options);
    struct client *client = open_stream(world), *idle = client_local(world);
    until(world, idle->ended); /* so long it lasted */
    idle = client_local(world);
    until(world, idle->ended);
    assert_false(client->ended);
    assert_int_equal(http_stream_write(world->streams[0], "still\n", 6), 0);
    until(world, has(client, "still\n"));
    world_free(world);
}

static void two_hundred_streams_get_every_event(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *clients[200];
    for (unsigned i = 0; i < 200; i++)
        clients[i] = open_stream(world);
    for (unsigned n = 0; n < 20; n++) {
        char event[32];
        snprintf(event, sizeof event, "data: %u.\n\n", n);
        for (unsigned i = 0; i < 200; i++)
            assert_int_equal(http_stream_write(world->streams[i], event, strlen(event)), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        until(world, has(clients[i], "data: 19.\n\n"));
        assert_int_equal(count(clients[i], "data: "), 20);
    }
    for (unsigned i = 0; i < 200; i += 2)
        client_hang_up(clients[i]);
    for (unsigned i = 0; i < 200; i += 2)
        until(world, http_stream_write(world->streams[i], ":\n\n", 3) == ERR_GONE);
    for (unsigned i = 1; i < 200; i += 2)
        assert_int_equal(http_stream_write(world->streams[i], "data: last\n\n", 12), 0);
    for (unsigned i = 1; i < 200; i += 2)
        until(world, has(clients[i], "data: last\n\n"));
    world_free(world);
}

static void streams_end_in_order_when_the_server_is_closed(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *quiet = open_stream(world), *busy = open_stream(world), *stalled = open_stream(world);
    char event[4000];
    memset(event, 'x', sizeof event);
    client_deafen(stalled);
    for (unsigned i = 0; i < 200 && http_stream_write(world->streams[2], event, sizeof event) == 0; i++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    http_stream_write(world->streams[1], "last words\n", 11);
    http_server_close(world->server, on_world_closed, world);
    world->server = NULL;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(http_stream_write(world->streams[i], "x", 1), ERR_GONE);
    until(world, quiet->ended && busy->ended && world->closed);
    assert_true(has(quiet, "\r\n\r\n0\r\n\r\n"));
    assert_true(has(busy, "last words\n\r\n0\r\n\r\n"));
    world_free(world);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_written_arrives_at_once_and_in_order),
        T(between_events_the_loop_sleeps),
        T(a_closed_stream_ends_after_what_was_written),
        T(an_old_client_gets_the_stream_without_chunks),
        T(head_of_a_stream_ends_it),
        T(a_client_that_has_gone_shows_at_the_writes_that_follow),
        T(a_client_that_takes_less_than_is_written_is_cut),
        T(a_write_that_never_fits_cuts_the_client),
        T(what_a_client_has_not_taken_is_known),
        T(a_stream_that_is_cut_frees_its_place_though_nobody_reads),
        T(a_client_that_takes_nothing_for_send_ms_is_cut),
        T(a_closed_stream_that_nobody_takes_is_cut),
        T(a_client_that_does_not_take_the_last_piece_is_cut),
        T(a_silent_stream_is_not_cut),
        T(two_hundred_streams_get_every_event),
        T(streams_end_in_order_when_the_server_is_closed),
    };
    return cmocka_run_group_tests_name("net/http_stream", tests, NULL, NULL);
}
