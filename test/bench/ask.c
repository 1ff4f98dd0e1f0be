/* ask.c: asks a service over HTTP at a steady rate, and tells how long the answers took.
 *
 *   ask PORT SECONDS [PATH RATE CONNECTIONS]...
 *
 * Each PATH is asked RATE times a second, over CONNECTIONS that stay open, one request at a time on each; what is due while
 * all are busy waits, and its time runs from when it was due. An answer is read to its end; gzip is accepted, as
 * Prometheus does. What is not answered in time is left, SECONDS after the start.
 * Prints for each PATH {"asked", "failed", "bytes" (of the last answer), "p50", "p99", "max" (ms)}. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tickets.h"

#define NS          INT64_C(1000000000)
#define PATHS_MAX   4
#define BUFFER      (4 * 1024 * 1024)
#define REQUEST_MAX 512

struct path {
    const char *text;
    char request[REQUEST_MAX];
    size_t request_len;
    int64_t rate;
    uint64_t begun, answered, failed; /* requests by their order: begun is the next that is due */
    double *ms;
    uint64_t room;
    size_t bytes;
    struct connection *idle;
};

struct connection {
    struct path *path;
    struct connection *next; /* idle */
    int fd;
    int64_t due_ns;
    size_t used, left; /* left: of the body, once the head is there */
    bool headed;
};

static int epoll;
static int64_t start_ns;
static char
    *buffer; /* all read into it: only heads matter, and those come in one piece with what was asked before them */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

static void go_idle(struct connection *c)
{
    c->next = c->path->idle;
    c->path->idle = c;
}

static void ask(struct connection *c)
{
    struct path *p = c->path;
    c->due_ns = start_ns + (int64_t)p->begun++ * NS / p->rate;
    c->used = 0;
    c->headed = false;
    if (send(c->fd, p->request, p->request_len, MSG_NOSIGNAL) != (ssize_t)p->request_len)
        die("cannot ask", p->text);
}

static void ask_due(struct path *p, int64_t now)
{
    while (p->idle && start_ns + (int64_t)p->begun * NS / p->rate <= now) {
        struct connection *c = p->idle;
        p->idle = c->next;
        ask(c);
    }
}

static void on_answered(struct connection *c, bool fine)
{
    struct path *p = c->path;
    if (p->answered < p->room)
        p->ms[p->answered] = (double)(now_ns() - c->due_ns) / 1e6;
    p->answered++;
    p->failed += !fine;
    go_idle(c);
}

/* The head is small and comes whole; else this is no service to be measured. */
static void read_head(struct connection *c, size_t n)
{
    buffer[n] = '\0';
    const char *end = strstr(buffer, "\r\n\r\n");
    const char *length = strcasestr(buffer, "\r\ncontent-length:");
    if (!end || !length || length > end)
        die("this is no answer with a length:", c->path->text);
    size_t head = (size_t)(end + 4 - buffer), body = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
    c->headed = true;
    c->path->bytes = body;
    c->left = body - (n - head);
    c->path->failed += strncmp(buffer, "HTTP/1.1 200", 12) != 0;
}

static void on_readable(struct connection *c)
{
    ssize_t n;
    while ((n = recv(c->fd, buffer, BUFFER - 1, MSG_DONTWAIT)) > 0) {
        if (c->headed)
            c->left -= (size_t)n;
        else
            read_head(c, (size_t)n);
        if (c->left == 0) {
            on_answered(c, true);
            return;
        }
    }
    if (n == 0 || errno != EAGAIN)
        die("the service closed a connection of", c->path->text);
}

static void open_connections(struct path *p, unsigned port, unsigned count)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (unsigned i = 0; i < count; i++) {
        struct connection *c = calloc(1, sizeof *c);
        int yes = 1;
        if (!c || (c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
            connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
            die("cannot connect to", p->text);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        c->path = p;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
            die("cannot watch", p->text);
        go_idle(c);
    }
}

static void open_path(struct path *p, char **args, unsigned port, unsigned seconds)
{
    p->text = args[0];
    p->rate = atoll(args[1]);
    p->room = (uint64_t)p->rate * seconds;
    p->ms = calloc(p->room, sizeof *p->ms);
    int len = snprintf(p->request, sizeof p->request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept-Encoding: gzip\r\n\r\n", p->text, port);
    if (p->rate <= 0 || !p->ms || len >= REQUEST_MAX)
        die("cannot ask", p->text);
    p->request_len = (size_t)len;
    open_connections(p, port, (unsigned)atoi(args[2]));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const struct path *p, bool last)
{
    uint64_t n = p->answered < p->room ? p->answered : p->room;
    qsort(p->ms, n, sizeof *p->ms, compare);
    printf("\"%s\": {\"asked\": %llu, \"failed\": %llu, \"bytes\": %zu", p->text, (unsigned long long)p->answered,
           (unsigned long long)p->failed, p->bytes);
    if (n > 0)
        printf(", \"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f", p->ms[(n - 1) / 2], p->ms[(n - 1) * 99 / 100],
               p->ms[n - 1]);
    printf("}%s", last ? "" : ", ");
}

int main(int argc, char **argv)
{
    struct path paths[PATHS_MAX] = {0};
    int n_paths = (argc - 3) / 3;
    if (argc < 6 || (argc - 3) % 3 != 0 || n_paths > PATHS_MAX)
        die("usage:", "ask PORT SECONDS [PATH RATE CONNECTIONS]...");
    unsigned port = (unsigned)atoi(argv[1]), seconds = (unsigned)atoi(argv[2]);
    buffer = malloc(BUFFER);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!buffer || epoll < 0)
        die("cannot begin:", "no memory or descriptors");
    for (int i = 0; i < n_paths; i++)
        open_path(&paths[i], argv + 3 + 3 * i, port, seconds);
    start_ns = now_ns();
    for (int64_t now = start_ns; now < start_ns + seconds * NS; now = now_ns()) {
        struct epoll_event events[64];
        for (int i = 0; i < n_paths; i++)
            ask_due(&paths[i], now);
        int n = epoll_wait(epoll, events, 64, 1);
        for (int i = 0; i < n; i++)
            on_readable(events[i].data.ptr);
    }
    printf("{");
    for (int i = 0; i < n_paths; i++)
        report(&paths[i], i == n_paths - 1);
    printf("}\n");
    return 0;
}
