/* Who is let in, what every answer carries, and answers made smaller. */
#define ZLIB_CONST
#include <zlib.h>

#include "../scarce.h"
#include "http_world.h"

#define LARGE_BYTES 10000

static unsigned over_count, over_status;
static char over_path[64], over_who[HTTP_WHO_MAX];

/* Whoever says so in a header is kept out, before the body is read. */
static bool admit(struct http_request *request, void *context)
{
    (void)context;
    const char *says = http_request_header(request, "X-Who");
    size_t len;
    http_request_body(request, &len);
    assert_int_equal(len, 0);
    http_request_set_who(request, says ? says : "nobody");
    if (says && strcmp(says, "thief") == 0) {
        http_respond_problem(request, 401, "not you");
        return false;
    }
    return true;
}

static void over(const struct http_request *request, unsigned status, double ms, void *context)
{
    (void)context;
    assert_true(ms >= 0);
    over_count++;
    over_status = status;
    snprintf(over_path, sizeof over_path, "%s", http_request_path(request));
    snprintf(over_who, sizeof over_who, "%s", http_request_who(request));
}

static const struct http_field fields[] = {{"X-Everywhere", "yes"}, {"X-Own", "default"}};

static void on_text(struct http_request *request, void *context)
{
    char text[LARGE_BYTES];
    ((struct world *)context)->called++;
    memset(text, 'a', sizeof text);
    http_request_set_header(request, "x-own", "mine");
    http_respond(request, 200, "text/plain; charset=utf-8", text, sizeof text);
}

/* So long that the pool makes it smaller. */
static void on_long(struct http_request *request, void *context)
{
    static char text[2 * HTTP_GZIP_LOOP_BYTES];
    (void)context;
    memset(text, 'l', sizeof text);
    http_respond(request, 200, "text/plain", text, sizeof text);
}

static struct http_content *shared;

static void on_shared(struct http_request *request, void *context)
{
    ((struct world *)context)->called++;
    http_respond_content(request, "text/plain", shared);
}

static void on_picture(struct http_request *request, void *context)
{
    char bytes[LARGE_BYTES] = {0};
    (void)context;
    http_respond(request, 200, "image/png", bytes, sizeof bytes);
}

static void on_hello_too(struct http_request *request, void *context)
{
    on_hello(request, context);
}

static void on_made(struct http_request *request, void *context)
{
    (void)context;
    http_respond_text(request, 201, "made\n");
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/hello", .handler = on_hello_too},
    {.method = "GET", .path = "/text", .handler = on_text},
    {.method = "GET", .path = "/long", .handler = on_long},
    {.method = "GET", .path = "/shared", .handler = on_shared},
    {.method = "GET", .path = "/picture", .handler = on_picture},
    {.method = "GET", .path = "/stream", .handler = on_stream},
    {.method = "POST", .path = "/made", .handler = on_made, .max_body_bytes = 100},
};

static struct world *gate_new(struct scratch *s)
{
    struct http_options options = {
        HTTP_OPTIONS_DEFAULT, .routes = routes, .n_routes = sizeof routes / sizeof *routes, .admit = admit,
        .over = over,         .fields = fields, .n_fields = sizeof fields / sizeof *fields};
    over_count = 0;
    return world_new(s, options);
}

static const char *ask_for(struct world *world, struct client *client, const char *target, const char *headers)
{
    char request[1024];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, headers);
    unsigned before = over_count;
    str_clear(&client->in);
    say(client, request);
    until(world, over_count > before);
    until(world, has(client, "\r\n\r\n"));
    return client->in.bytes;
}

/* The value of a header of the last answer. */
static void header_of(const struct client *client, const char *name, char out[128])
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strstr(client->in.bytes, line);
    if (!at)
        fail_msg("no %s in %s", name, client->in.bytes);
    at += strlen(line);
    snprintf(out, 128, "%.*s", (int)strcspn(at, "\r"), at);
}

static size_t length_of(const struct client *client)
{
    char text[128];
    header_of(client, "Content-Length", text);
    return strtoul(text, NULL, 10);
}

static void who_is_not_let_in_gets_the_gates_answer_and_no_handler(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    ask_for(world, client, "/hello", "X-Who: thief\r\n");
    assert_true(has(client, "HTTP/1.1 401 ") && has(client, "not you"));
    assert_int_equal(world->called, 0);
    ask_for(world, client, "/hello", "X-Who: anna\r\n");
    assert_true(has(client, "HTTP/1.1 200 "));
    assert_int_equal(world->called, 1);
    world_free(world);
}

static void a_body_of_who_is_not_let_in_is_thrown_away(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    say(client, "POST /made HTTP/1.1\r\nHost: x\r\nX-Who: thief\r\nContent-Length: 50000\r\n\r\n");
    char bytes[50000];
    memset(bytes, 'x', sizeof bytes);
    say_bytes(client, bytes, sizeof bytes);
    until(world, has(client, "not you"));
    assert_true(has(client, "HTTP/1.1 401 "));
    ask(world, client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "hello\n"); /* the connection goes on */
    client = client_local(world);
    ask(world, client,
        "POST /made HTTP/1.1\r\nHost: x\r\nX-Who: thief\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 401 ");
    assert_false(has(client, "100 Continue"));
    world_free(world);
}

static void the_gate_sees_also_what_has_no_route(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    ask_for(world, client, "/nothing", "X-Who: thief\r\n");
    assert_true(has(client, "HTTP/1.1 401 "));
    ask_for(world, client, "/nothing", "");
    assert_true(has(client, "HTTP/1.1 404 "));
    world_free(world);
}

static void what_is_over_is_told_with_who_and_status(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    ask_for(world, client, "/text?token=secret", "X-Who: anna\r\n");
    assert_int_equal(over_status, 200);
    assert_string_equal(over_path, "/text");
    assert_string_equal(over_who, "anna");
    ask_for(world, client, "/nothing", "");
    assert_int_equal(over_status, 404);
    assert_string_equal(over_who, "nobody");
    assert_int_equal(over_count, 2);
    world_free(world);
    assert_int_equal(over_count, 2);
}

static void every_answer_carries_the_fields_unless_its_handler_says_otherwise(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    static const char *const targets[] = {"/hello", "/nothing", "/picture"};
    for (size_t i = 0; i < 3; i++) {
        ask_for(world, client, targets[i], "");
        assert_true(has(client, "X-Everywhere: yes") && has(client, "X-Own: default"));
    }
    ask_for(world, client, "/text", "");
    assert_true(has(client, "X-Everywhere: yes") && has(client, "x-own: mine") && !has(client, "X-Own: default"));
    world_free(world);
}

static void who_has_an_answer_already_is_told_so(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    char tag[128], again[128], headers[512];
    ask_for(world, client, "/text", "");
    header_of(client, "ETag", tag);
    assert_true(tag[0] == '"' && tag[strlen(tag) - 1] == '"');
    static const char *const forms[] = {"%s", "W/%s", "\"x\", %s", "\"x\" ,W/%s,\"y\""};
    for (size_t i = 0; i < 4; i++) {
        char list[256];
        snprintf(list, sizeof list, forms[i], tag);
        snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", list);
        ask_for(world, client, "/text", headers);
        assert_true(has(client, "HTTP/1.1 304 ") && !has(client, "aaaa"));
        header_of(client, "ETag", again);
        assert_string_equal(again, tag);
    }
    ask_for(world, client, "/text", "If-None-Match: *\r\n");
    assert_true(has(client, "HTTP/1.1 304 "));
    ask_for(world, client, "/text", "If-None-Match: \"other\"\r\n");
    until(world, count(client, "a") >= LARGE_BYTES);
    assert_true(has(client, "HTTP/1.1 200 "));
    ask_for(world, client, "/hello", headers);
    assert_true(has(client, "HTTP/1.1 200 "));
    world_free(world);
}

static void what_was_made_or_refused_has_no_tag(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    ask(world, client, "POST /made HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nContent-Length: 0\r\n\r\n", "made\n");
    assert_true(has(client, "HTTP/1.1 201 ") && !has(client, "ETag"));
    ask_for(world, client, "/nothing", "If-None-Match: *\r\n");
    assert_true(has(client, "HTTP/1.1 404 ") && !has(client, "ETag"));
    world_free(world);
}

static void text_is_sent_gzipped_to_who_takes_it(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    char plain_tag[128], tag[128], out[2 * LARGE_BYTES];
    ask_for(world, client, "/text", "");
    assert_true(has(client, "Vary: Accept-Encoding"));
    header_of(client, "ETag", plain_tag);
    until(world, count(client, "a") >= LARGE_BYTES);
    ask_for(world, client, "/text", "Accept-Encoding: deflate, GZIP;q=0.5\r\n");
    assert_true(has(client, "Content-Encoding: gzip") && has(client, "Vary: Accept-Encoding"));
    header_of(client, "ETag", tag);
    assert_string_not_equal(tag, plain_tag);
    size_t len = length_of(client), head = (size_t)(strstr(client->in.bytes, "\r\n\r\n") - client->in.bytes) + 4;
    assert_true(len < 1000);
    until(world, client->in.len == head + len);
    z_stream z = {.next_in = (const Bytef *)client->in.bytes + head,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)out,
                  .avail_out = sizeof out};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, LARGE_BYTES);
    inflateEnd(&z);
    world_free(world);
}

static void long_text_is_gzipped_off_the_loop(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world), *leaving = client_local(world), *other = client_local(world);
    say(leaving, "GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    client_hang_up(leaving);
    ask_for(world, client, "/long", "Accept-Encoding: gzip\r\n");
    assert_true(has(client, "HTTP/1.1 200 ") && has(client, "Content-Encoding: gzip") && has(client, "-gz\""));
    assert_true(length_of(client) < 1000);
    char tag[128], headers[256];
    header_of(client, "ETag", tag);
    snprintf(headers, sizeof headers, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", tag);
    ask_for(world, other, "/long", headers);
    assert_true(has(other, "HTTP/1.1 304 "));
    say(other, "GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    turn(world);
    world_free(world); /* whether it is in work by now or not */
}

#define POOL_THREADS 4 /* libuv's default */

struct idlers {
    uv_work_t works[POOL_THREADS];
    uv_sem_t go;
    unsigned ended;
};

static void idle(uv_work_t *work)
{
    struct idlers *idlers = work->data;
    uv_sem_wait(&idlers->go);
}

static void on_idled(uv_work_t *work, int status)
{
    (void)status;
    ((struct idlers *)work->data)->ended++;
}

/* Until it is let go the pool does nothing. */
static void keep_pool(struct world *world, struct idlers *idlers)
{
    *idlers = (struct idlers){.ended = 0};
    assert_int_equal(uv_sem_init(&idlers->go, 0), 0);
    for (size_t i = 0; i < POOL_THREADS; i++) {
        idlers->works[i].data = idlers;
        assert_int_equal(uv_queue_work(&world->loop, &idlers->works[i], idle, on_idled), 0);
    }
}

static void let_pool_go(struct world *world, struct idlers *idlers)
{
    for (size_t i = 0; i < POOL_THREADS; i++)
        uv_sem_post(&idlers->go);
    until(world, idlers->ended == POOL_THREADS);
    uv_sem_destroy(&idlers->go);
}

static void what_many_ask_for_is_gzipped_once_and_sent_as_it_is_meanwhile(void **state)
{
    struct world *world = gate_new(*state);
    struct client *first = client_local(world), *second = client_local(world), *third = client_local(world);
    struct idlers idlers;
    char text[2 * HTTP_GZIP_LOOP_BYTES];
    memset(text, 's', sizeof text);
    assert_non_null(shared = http_content_new(text, sizeof text));
    keep_pool(world, &idlers);
    say(first, "GET /shared HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    until(world, world->called == 1);
    ask_for(world, second, "/shared", "Accept-Encoding: gzip\r\n");
    assert_true(has(second, "HTTP/1.1 200 ") && !has(second, "Content-Encoding"));
    assert_int_equal(length_of(second), sizeof text);
    assert_int_equal(first->in.len, 0);
    let_pool_go(world, &idlers);
    until(world, has(first, "\r\n\r\n"));
    assert_true(has(first, "Content-Encoding: gzip") && length_of(first) < 1000);

    keep_pool(world, &idlers);
    ask_for(world, third, "/shared", "Accept-Encoding: gzip\r\n");
    assert_true(has(third, "Content-Encoding: gzip") && length_of(third) < 1000);
    let_pool_go(world, &idlers);

    say(second, "GET /shared HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, over_count == 4);
    http_content_unref(shared); /* what is still to be sent of it goes on */
    until(world, count(second, "HTTP/1.1 200 ") == 2 && count(second, "s") >= 2 * sizeof text);
    world_free(world);
}

static void what_does_not_shrink_or_is_not_wanted_so_stays_as_it_is(void **state)
{
    static const char *const cases[][2] = {{"/hello", "Accept-Encoding: gzip\r\n"},
                                           {"/picture", "Accept-Encoding: gzip\r\n"},
                                           {"/text", "Accept-Encoding: gzip;q=0\r\n"},
                                           {"/text", "Accept-Encoding: gzip; q=0.000 , br\r\n"},
                                           {"/text", "Accept-Encoding: gzipper, br\r\n"}};
    struct world *world = gate_new(*state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *client = client_local(world);
        ask_for(world, client, cases[i][0], cases[i][1]);
        assert_true(has(client, "HTTP/1.1 200 ") && !has(client, "Content-Encoding"));
    }
    world_free(world);
}

static void head_tells_what_get_would(void **state)
{
    static const char *const targets[] = {"/hello", "/text", "/picture"};
    struct world *world = gate_new(*state);
    for (size_t i = 0; i < 3; i++) {
        struct client *client = client_local(world);
        char tag[128], head_tag[128], request[256];
        ask_for(world, client, targets[i], "");
        header_of(client, "ETag", tag);
        size_t len = length_of(client);
        client = client_local(world);
        snprintf(request, sizeof request,
                 "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 targets[i]);
        say(client, request);
        until(world, client->ended);
        header_of(client, "ETag", head_tag);
        assert_string_equal(tag, head_tag);
        assert_int_equal(length_of(client), len);
        const char *behind = strstr(client->in.bytes, "\r\n\r\n") + 4;
        assert_memory_equal(behind, "HTTP/1.1 404 ", 13); /* no byte of a body between the two */
    }
    world_free(world);
}

static void head_of_a_stream_ends_at_once(void **state)
{
    struct world *world = gate_new(*state);
    struct client *client = client_local(world);
    ask(world, client, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n");
    assert_int_equal(world->n_streams, 1);
    until(world, over_count == 1);
    assert_int_equal(http_stream_write(world->streams[0], "x", 1), ERR_GONE);
    assert_true(has(client, "text/event-stream"));
    world_free(world);
}

static void sweep(void **state, const char *line)
{
    struct world *world = gate_new(*state);
    SCARCE_SWEEP (n) {
        struct client *client = client_local(world);
        say(client, line);
        say(client, "Host: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n");
        scarce_begin(n, 1);
        scarce_spare_json();
        until(world, client->ended);
        scarce_end();
        assert_true(client->in.len == 0 || has(client, "HTTP/1.1 200 ") || has(client, "HTTP/1.1 50"));
        bool zipped = has(client, "-gz\"");
        assert_true(zipped == has(client, "Content-Encoding: gzip"));
        client_hang_up(client);
        str_fini(&client->in);
        free(client);
        world->n_clients--;
        turn(world);
    }
    world_free(world);
}

static void without_memory_an_answer_is_plain_or_fails_and_the_server_lives(void **state)
{
    sweep(state, "GET /text HTTP/1.1\r\n");
}

static void without_memory_a_long_answer_is_plain_or_fails_and_the_server_lives(void **state)
{
    sweep(state, "GET /long HTTP/1.1\r\n");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(who_is_not_let_in_gets_the_gates_answer_and_no_handler),
        T(a_body_of_who_is_not_let_in_is_thrown_away),
        T(the_gate_sees_also_what_has_no_route),
        T(what_is_over_is_told_with_who_and_status),
        T(every_answer_carries_the_fields_unless_its_handler_says_otherwise),
        T(who_has_an_answer_already_is_told_so),
        T(what_was_made_or_refused_has_no_tag),
        T(text_is_sent_gzipped_to_who_takes_it),
        T(long_text_is_gzipped_off_the_loop),
        T(what_many_ask_for_is_gzipped_once_and_sent_as_it_is_meanwhile),
        T(what_does_not_shrink_or_is_not_wanted_so_stays_as_it_is),
        T(head_tells_what_get_would),
        T(head_of_a_stream_ends_at_once),
        T(without_memory_an_answer_is_plain_or_fails_and_the_server_lives),
        T(without_memory_a_long_answer_is_plain_or_fails_and_the_server_lives),
    };
    return cmocka_run_group_tests_name("net/http_admit", tests, NULL, NULL);
}
