/* http_listen.c: listening sockets, and connections handed to libmicrohttpd.
 *
 * A UNIX socket gets its mode before it has a name (Linux makes the name with the socket's own mode, and nobody can
 * connect before listen()). Where the name is taken, a connection tells a living owner from what a dead one left.
 * While a listener has as many connections as it may, or the process is out of descriptors or memory, it is not
 * polled; clients wait in its queue. A connection that ends, or the sweep, resumes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

#define BACKLOG       128
#define ACCEPT_A_TURN 64

union address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void on_listener_ready(uv_poll_t *poll, int status, int events);

void http_listener_resume(struct http_listener *listener)
{
    if (listener->polling || listener->n_connections >= listener->server->options.max_connections)
        return;
    listener->polling = uv_poll_start(&listener->poll, UV_READABLE, on_listener_ready) == 0;
}

static void pause_listener(struct http_listener *listener)
{
    uv_poll_stop(&listener->poll);
    listener->polling = false;
    http_server_sweep(listener->server);
}

static void set_peer(struct http_peer *peer, int fd, const union address *address)
{
    if (address->any.sa_family == AF_INET) {
        uv_ip4_name(&address->v4, peer->address, sizeof peer->address);
        peer->port = ntohs(address->v4.sin_port);
    } else if (address->any.sa_family == AF_INET6) {
        uv_ip6_name(&address->v6, peer->address, sizeof peer->address);
        peer->port = ntohs(address->v6.sin6_port);
    } else {
        struct ucred who = {.pid = 0, .uid = (uid_t)-1};
        socklen_t len = sizeof who;
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
        peer->local = true;
        peer->uid = who.uid;
        peer->pid = who.pid;
    }
}

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static bool is_one_too_many(const struct http_connection *connection, const union address *address)
{
    const struct http_server *server = connection->server;
    const struct http_connection *other;
    unsigned n = 0;
    if (connection->peer.local || (server->options.trust_loopback && is_loopback(address)))
        return false;
    DL_FOREACH (server->connections, other)
        n += !other->peer.local && strcmp(other->peer.address, connection->peer.address) == 0;
    return n >= server->options.max_per_address;
}

static void hand_over(struct http_listener *listener, struct http_connection *connection, const union address *address,
                      socklen_t len)
{
    struct http_server *server = listener->server;
    connection->server = server;
    connection->listener = listener;
    set_peer(&connection->peer, connection->fd, address);
    connection->peer.tls = server->tls;
    if (is_one_too_many(connection, address)) {
        close(connection->fd);
        mem_free(connection);
        return;
    }
    server->accepting = connection;
    /* closes the socket where it fails */
    if (MHD_add_connection(server->daemon, connection->fd, &address->any, len) != MHD_YES && server->accepting)
        mem_free(connection);
    server->accepting = NULL;
    http_server_sweep(server);
}

/* False: enough for this turn. */
static bool accept_one(struct http_listener *listener)
{
    struct http_connection *connection = mem_zalloc(sizeof *connection);
    if (!connection) {
        pause_listener(listener);
        return false;
    }
    union address address = {.any = {.sa_family = AF_UNIX}};
    socklen_t len = sizeof address;
    connection->fd = accept4(listener->fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection->fd >= 0) {
        hand_over(listener, connection, &address, len);
        return true;
    }
    int why = errno;
    mem_free(connection);
    if (why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOBUFS)
        pause_listener(listener);
    return why == ECONNABORTED || why == EINTR;
}

static void on_listener_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct http_listener *listener = poll->data;
    for (unsigned i = 0; i < ACCEPT_A_TURN; i++) {
        if (listener->n_connections >= listener->server->options.max_connections) {
            pause_listener(listener);
            break;
        }
        if (!accept_one(listener))
            break;
    }
    http_server_again(listener->server);
}

/* Takes fd and path, also where it fails. */
static int add_listener(struct http_server *server, int fd, char *path, struct error *e)
{
    struct http_listener *listener = mem_zalloc(sizeof *listener);
    int rc = listener ? uv_poll_init(server->loop, &listener->poll, fd) : UV_ENOMEM;
    if (rc != 0) {
        mem_free(listener);
        if (path)
            unlink(path);
        mem_free(path);
        close(fd);
        return error_errno(e, -rc, "cannot listen");
    }
    struct stat st = {.st_ino = 0};
    if (path)
        lstat(path, &st);
    listener->server = server;
    listener->fd = fd;
    listener->path = path;
    listener->dev = st.st_dev;
    listener->ino = st.st_ino;
    listener->poll.data = listener;
    DL_APPEND(server->listeners, listener);
    server->n_handles++;
    http_listener_resume(listener);
    return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    struct http_server *server = listener->server;
    mem_free(listener);
    http_server_handle_closed(server);
}

void http_listener_close(struct http_listener *listener)
{
    struct stat st;
    uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
    /* not one that another process has put there meanwhile */
    if (listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->dev && st.st_ino == listener->ino)
        unlink(listener->path);
    mem_free(listener->path);
    close(listener->fd);
    DL_DELETE(listener->server->listeners, listener);
}

/* 0: what is there was left by a dead process, and is removed. */
static int replace_stale(const union address *address, struct error *e)
{
    const char *path = address->local.sun_path;
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return error_set(e, ERR_NOT_OURS, "%s is there and is no socket; it is left alone", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(e, errno, "cannot make a socket");
    int rc = connect(fd, &address->any, sizeof address->local);
    int why = errno;
    close(fd);
    if (rc == 0 || why == EAGAIN)
        return error_set(e, ERR_BUSY, "another process listens on %s", path);
    if (why != ECONNREFUSED && why != ENOENT)
        return error_errno(e, why, "cannot tell whether another process listens on %s", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return error_errno(e, errno, "cannot remove %s, which a dead process left", path);
    return 0;
}

static int bind_local(int fd, const union address *address, struct error *e)
{
    const char *path = address->local.sun_path;
    if (fchmod(fd, 0600) != 0)
        return error_errno(e, errno, "cannot set the mode of %s", path);
    int rc = bind(fd, &address->any, sizeof address->local);
    if (rc != 0 && errno == EADDRINUSE) {
        int stale = replace_stale(address, e);
        if (stale != 0)
            return stale;
        rc = bind(fd, &address->any, sizeof address->local);
    }
    if (rc != 0)
        return error_errno(e, errno, "cannot make the socket %s", path);
    if (listen(fd, BACKLOG) != 0) {
        unlink(path);
        return error_errno(e, errno, "cannot listen on %s", path);
    }
    return 0;
}

int http_server_listen_unix(struct http_server *server, const char *path, struct error *e)
{
    union address address = {.local = {.sun_family = AF_UNIX}};
    size_t len = strlen(path);
    if (len > HTTP_SOCKET_PATH_MAX)
        return error_set(e, ERR_CONFIG, "the socket's path has %zu bytes, at most %zu can be: %s", len,
                         HTTP_SOCKET_PATH_MAX, path);
    memcpy(address.local.sun_path, path, len + 1);
    char *copy = mem_strdup(path);
    if (!copy)
        return error_set(e, ERR_NOMEM, "out of memory");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? error_errno(e, errno, "cannot make a socket") : bind_local(fd, &address, e);
    if (rc == 0)
        return add_listener(server, fd, copy, e);
    mem_free(copy);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int bind_tcp(int fd, union address *address, socklen_t len, unsigned *bound)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &address->any, len) != 0 || listen(fd, BACKLOG) != 0 || getsockname(fd, &address->any, &len) != 0)
        return errno;
    if (bound)
        *bound = ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
    return 0;
}

int http_server_listen_tcp(struct http_server *server, const char *address, unsigned port, unsigned *bound,
                           struct error *e)
{
    union address to;
    socklen_t len = sizeof to.v4;
    memset(&to, 0, sizeof to);
    if (port > UINT16_MAX)
        return error_set(e, ERR_CONFIG, "%u is no port", port);
    if (uv_ip4_addr(address, (int)port, &to.v4) != 0) {
        len = sizeof to.v6;
        if (uv_ip6_addr(address, (int)port, &to.v6) != 0)
            return error_set(e, ERR_CONFIG, "%s is no numeric IP address", address);
    }
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? errno : bind_tcp(fd, &to, len, bound);
    if (rc == 0)
        return add_listener(server, fd, NULL, e);
    if (fd >= 0)
        close(fd);
    return error_errno(e, rc, "cannot listen on %s port %u", address, port);
}
