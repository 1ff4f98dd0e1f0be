/* test_control_gate.c: who is let in over TCP, and who is not: without memory, and while the access file is read anew. */
#include "shunt/service/reload.h"

#include "control.h"

#define GUARDED  FAST "[http]\nlisten = 127.0.0.1:0\naccess = access\n"
#define TOKEN    "a-token-that-is-long-enough"
#define PASSWORD "password"
#define HASH     "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
#define FORM     "Content-Type: application/x-www-form-urlencoded\r\n"

static void put_access(struct scratch *s, const char *more)
{
    char text[1024], hex[2 * SHA256_SIZE + 1];
    uint8_t hash[SHA256_SIZE];
    files_sha256(TOKEN, strlen(TOKEN), hash);
    files_hex(hash, sizeof hash, hex);
    snprintf(text, sizeof text, "ci operate sha256:%s\nanna operate " HASH "\n%s", hex, more);
    put(in(s, "access"), text);
    assert_int_equal(chmod(in(s, "access"), 0600), 0);
}

static struct world guarded_new(struct scratch *s)
{
    put_access(s, "");
    return world_with(s, GUARDED);
}

static uint16_t port_of(struct world *w)
{
    char *text;
    size_t len;
    log_flush();
    assert_int_equal(files_read(in(w->s, "log"), 1 << 24, &text, &len, NULL), 0);
    const char *at = strstr(text, "http://127.0.0.1:");
    assert_non_null(at);
    unsigned long port = strtoul(at + strlen("http://127.0.0.1:"), NULL, 10);
    mem_free(text);
    return (uint16_t)port;
}

/* Each from an address of its own, so that no try is one too many. */
static struct client ask_from(struct world *w, uint16_t port, const char *line, const char *headers, const char *body)
{
    static unsigned addresses;
    char text[2048];
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000U + ++addresses)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client client = {.in = STR_INIT};
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(client.fd, (struct sockaddr *)&from, sizeof from), 0);
    connect(client.fd, (struct sockaddr *)&to, sizeof to);
    struct pollfd ready = {.fd = client.fd, .events = POLLOUT};
    assert_int_equal(poll(&ready, 1, -1), 1);
    int len = snprintf(text, sizeof text,
                       "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s", line,
                       strlen(body), headers, body);
    assert_int_equal(send(client.fd, text, (size_t)len, MSG_NOSIGNAL), len);
    answer_of(w, &client);
    return client;
}

static int status_from(struct world *w, uint16_t port, const char *line, const char *headers, const char *body)
{
    struct client client = ask_from(w, port, line, headers, body);
    int status = status_of(&client);
    hang_up(&client);
    return status;
}

/* Logs in; the header that a browser sends from then on. */
static void log_in(struct world *w, uint16_t port, char header[256])
{
    struct client client = ask_from(w, port, "POST /login", FORM, "token=" TOKEN);
    const char *cookie = strstr(client.in.bytes, "Set-Cookie: ");
    assert_non_null(cookie);
    cookie += strlen("Set-Cookie: ");
    snprintf(header, 256, "Cookie: %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
    hang_up(&client);
}

/* Without memory nobody is let in who should not be, and the service lives. */
static void short_of_memory(struct world *w, uint16_t port, const char *line, const char *headers, const char *body,
                            int wanted)
{
    SCARCE_SWEEP (n) {
        rest(w);
        scarce_begin(n, 1);
        int status = status_from(w, port, line, headers, body);
        bool hit = scarce_end();
        if (status != wanted && !(hit && (status >= 400 || status == 0)))
            fail_msg("%s, allocation %zu: %d", line, n, status);
    }
    assert_int_equal(status_from(w, port, line, headers, body), wanted);
}

static void no_memory_at_the_gate_keeps_people_out_and_the_next_one_comes_in(void **state)
{
    struct world w = guarded_new(*state);
    char cookie[256];
    uint16_t port = port_of(&w);
    log_in(&w, port, cookie);
    short_of_memory(&w, port, "GET /api/v1/me", "Authorization: Bearer " TOKEN "\r\n", "", 200);
    short_of_memory(&w, port, "GET /metrics", "Authorization: Bearer " TOKEN "\r\n", "", 200);
    short_of_memory(&w, port, "GET /healthz", "", "", 200);
    short_of_memory(&w, port, "GET /readyz", "", "", 503); /* there was no start-up scan */
    short_of_memory(&w, port, "GET /api/v1/destinations", cookie, "", 200);
    short_of_memory(&w, port, "GET /openapi.json", "", "", 200);
    short_of_memory(&w, port, "GET /api/v1/destinations", "Authorization: Bearer " TOKEN "x\r\n", "", 401);
    short_of_memory(&w, port, "POST /api/v1/scan", "Sec-Fetch-Site: cross-site\r\n", "", 403);
    short_of_memory(&w, port, "POST /login", FORM, "token=" TOKEN, 303);
    short_of_memory(&w, port, "POST /login", FORM, "name=anna&password=" PASSWORD, 303);
    short_of_memory(&w, port, "POST /login", FORM "Accept: text/html\r\n", "name=anna&password=wrong", 401);
    short_of_memory(&w, port, "POST /logout", cookie, "", 303);
    assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 401);
    world_free(&w);
}

static void read_again(struct world *w)
{
    reload_request(w->service->reload);
    while (!reload_idle(w->service->reload))
        turn(w, NULL);
}

static void an_access_file_that_cannot_be_taken_over_changes_nothing(void **state)
{
    struct world w = guarded_new(*state);
    char cookie[256];
    uint16_t port = port_of(&w);
    log_in(&w, port, cookie);
    SCARCE_SWEEP (n) {
        put_access(w.s, n % 2 ? "# one\n" : "# two\n");
        rest(&w);
        scarce_begin(n, 1);
        read_again(&w);
        scarce_end();
        assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 200);
    }
    put(in(w.s, "access"), "nonsense\n");
    read_again(&w);
    assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 200);
    assert_true(logged(w.s, "access_refused") > 0);
    put(in(w.s, "access"), "anna operate " HASH "\n");
    read_again(&w);
    assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 401);
    world_free(&w);
}

int main(void)
{
    make_pool_of_one();
    const struct CMUnitTest tests[] = {
        T(no_memory_at_the_gate_keeps_people_out_and_the_next_one_comes_in),
        T(an_access_file_that_cannot_be_taken_over_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
