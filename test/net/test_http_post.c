/* test_http_post.c: documents posted through the loop's multi handle, to a server on the same loop. */
#include "shunt/net/http_post.h"

#include "http_world.h"

struct sent {
    struct post_result result;
    unsigned heard;
    bool again; /* posts once more from inside its end */
    struct curl_loop *curl;
    const struct http_post *post;
};

static unsigned status_wanted;
static char got[1024], got_signature[128];

static void on_hook(struct http_request *request, void *context)
{
    size_t len;
    const char *body = http_request_body(request, &len);
    const char *signature = http_request_header(request, "shunt-signature");
    snprintf(got, sizeof got, "%.*s", (int)len, body);
    snprintf(got_signature, sizeof got_signature, "%s", signature ? signature : "");
    ((struct world *)context)->called++;
    http_respond_text(request, status_wanted, "what the server says\n");
}

static const struct http_route routes[] = {
    {.method = "POST", .path = "/hook", .handler = on_hook, .max_body_bytes = 1000},
    {.method = "POST", .path = "/later", .handler = on_later, .max_body_bytes = 1000},
};

struct bench {
    struct world *world;
    struct curl_loop *curl;
    unsigned port;
    unsigned closed;
};

static void on_closed(void *user)
{
    ++*(unsigned *)user;
}

static struct bench bench_new(void **state)
{
    struct http_options options = {HTTP_OPTIONS_DEFAULT, .routes = routes, .n_routes = 2, .trust_loopback = true};
    struct bench b = {.world = world_new(*state, options)};
    struct error e = {0};
    assert_int_equal(http_server_listen_tcp(b.world->server, "127.0.0.1", 0, &b.port, &e), 0);
    b.curl = curl_loop_new(&b.world->loop);
    assert_non_null(b.curl);
    status_wanted = 200;
    return b;
}

/* Nothing may be left in the loop. */
static void bench_free(struct bench *b)
{
    curl_loop_close(b->curl, on_closed, &b->closed);
    world_free(b->world);
    assert_int_equal(b->closed, 1);
}

static const char *url(const struct bench *b, const char *path)
{
    static char text[80];
    snprintf(text, sizeof text, "http://127.0.0.1:%u%s", b->port, path);
    return text;
}

static void on_sent(void *user, const struct post_result *result)
{
    struct sent *s = user;
    struct error e = {0};
    s->result = *result;
    s->heard++;
    if (s->again) {
        s->again = false;
        assert_int_equal(http_post_send(s->curl, s->post, on_sent, s, &e), 0);
    }
}

static const char *const no_headers[] = {NULL};

static void begin(const struct bench *b, const char *to, struct sent *s)
{
    struct error e = {0};
    const struct http_post post = {.url = to, .headers = no_headers, .body = "{\"a\":1}", .timeout_ms = 20000};
    assert_int_equal(http_post_send(b->curl, &post, on_sent, s, &e), 0);
    assert_int_equal(s->heard, 0); /* never from inside */
}

static void a_document_arrives_with_its_headers(void **state)
{
    struct bench b = bench_new(state);
    struct sent s = {.heard = 0};
    struct error e = {0};
    static const char *const headers[] = {"Content-Type: application/json", "Shunt-Signature: t=1, v1=00", NULL};
    const struct http_post post = {
        .url = url(&b, "/hook"), .headers = headers, .body = "{\"a\":\"\\r\\n\"}", .timeout_ms = 20000};
    assert_int_equal(http_post_send(b.curl, &post, on_sent, &s, &e), 0);
    until(b.world, s.heard > 0);
    assert_int_equal(s.result.outcome, POST_DELIVERED);
    assert_int_equal(s.result.status, 200);
    assert_string_equal(got, "{\"a\":\"\\r\\n\"}");
    assert_string_equal(got_signature, "t=1, v1=00");
    bench_free(&b);
}

static void the_status_decides(void **state)
{
    struct bench b = bench_new(state);
    static const struct {
        unsigned status;
        enum post_outcome outcome;
    } cases[] = {{200, POST_DELIVERED}, {202, POST_DELIVERED}, {302, POST_PERMANENT}, {400, POST_PERMANENT},
                 {404, POST_PERMANENT}, {408, POST_TRANSIENT}, {425, POST_TRANSIENT}, {429, POST_TRANSIENT},
                 {500, POST_TRANSIENT}, {503, POST_TRANSIENT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sent s = {.heard = 0};
        status_wanted = cases[i].status;
        begin(&b, url(&b, "/hook"), &s);
        until(b.world, s.heard > 0);
        assert_int_equal(s.result.status, cases[i].status);
        assert_int_equal(s.result.outcome, cases[i].outcome);
        if (cases[i].status >= 400)
            assert_non_null(strstr(s.result.text, "what the server says"));
    }
    bench_free(&b);
}

static void a_server_that_is_not_there_is_tried_again(void **state)
{
    struct bench b = bench_new(state);
    struct sent s = {.heard = 0};
    begin(&b, "http://127.0.0.1:1/hook", &s);
    until(b.world, s.heard > 0);
    assert_int_equal(s.result.outcome, POST_TRANSIENT);
    assert_int_equal(s.result.status, 0);
    assert_true(strlen(s.result.text) > 0);
    bench_free(&b);
}

static void other_schemes_are_not_spoken(void **state)
{
    struct bench b = bench_new(state);
    struct sent s = {.heard = 0};
    begin(&b, "file:///etc/passwd", &s);
    until(b.world, s.heard > 0);
    assert_int_equal(s.result.outcome, POST_TRANSIENT);
    assert_int_equal(s.result.status, 0);
    bench_free(&b);
}

static void a_server_that_hangs_is_given_up_in_time(void **state)
{
    struct bench b = bench_new(state);
    struct sent s = {.heard = 0};
    struct error e = {0};
    const struct http_post post = {.url = url(&b, "/later"), .headers = no_headers, .body = "x", .timeout_ms = 50};
    assert_int_equal(http_post_send(b.curl, &post, on_sent, &s, &e), 0);
    until(b.world, s.heard > 0);
    assert_int_equal(s.result.outcome, POST_TRANSIENT);
    bench_free(&b);
}

static void many_go_at_once_and_an_end_may_begin_another(void **state)
{
    struct bench b = bench_new(state);
    struct sent s[20];
    char to[80];
    snprintf(to, sizeof to, "%s", url(&b, "/hook"));
    const struct http_post post = {.url = to, .headers = no_headers, .body = "x", .timeout_ms = 20000};
    for (size_t i = 0; i < 20; i++) {
        s[i] = (struct sent){.again = i % 2 == 0, .curl = b.curl, .post = &post};
        begin(&b, to, &s[i]);
    }
    for (size_t i = 0; i < 20; i++) {
        until(b.world, s[i].heard == (i % 2 == 0 ? 2 : 1));
        assert_int_equal(s[i].result.outcome, POST_DELIVERED);
    }
    assert_int_equal(b.world->called, 30);
    bench_free(&b);
}

static void closing_ends_what_is_under_way(void **state)
{
    struct bench b = bench_new(state);
    struct sent s[3] = {{.heard = 0}};
    for (size_t i = 0; i < 3; i++)
        begin(&b, url(&b, "/later"), &s[i]);
    until(b.world, b.world->n_held == 3);
    curl_loop_close(b.curl, on_closed, &b.closed);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s[i].heard, 1);
        assert_int_equal(s[i].result.outcome, POST_TRANSIENT);
    }
    b.curl = NULL;
    world_free(b.world);
    assert_int_equal(b.closed, 1);
}

static void one_that_was_never_used_closes_at_once(void **state)
{
    (void)state;
    uv_loop_t loop;
    unsigned closed = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    curl_loop_close(curl_loop_new(&loop), on_closed, &closed);
    curl_loop_close(NULL, on_closed, &closed);
    assert_int_equal(closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void without_memory_it_is_told_or_ends(void **state)
{
    SCARCE_SWEEP (n) {
        struct bench b = bench_new(state);
        struct sent s = {.heard = 0};
        struct error e = {0};
        const struct http_post post = {.url = url(&b, "/hook"), .headers = no_headers, .body = "x", .timeout_ms = 300};
        scarce_begin(n, 1);
        int rc = http_post_send(b.curl, &post, on_sent, &s, &e);
        assert_true(rc == 0 || rc == ERR_NOMEM);
        until(b.world, rc != 0 || s.heard > 0);
        scarce_end();
        bench_free(&b);
        unlink(in(*state, "sock"));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_document_arrives_with_its_headers),
        T(the_status_decides),
        T(a_server_that_is_not_there_is_tried_again),
        T(other_schemes_are_not_spoken),
        T(a_server_that_hangs_is_given_up_in_time),
        T(many_go_at_once_and_an_end_may_begin_another),
        T(closing_ends_what_is_under_way),
        T(one_that_was_never_used_closes_at_once),
        T(without_memory_it_is_told_or_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
