/* gate.c: see gate.h. */
#include "gate.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

#include "acceptance.h"

#define BEARER     "Bearer "
#define API        "/api/"
#define LOGIN      "/login"
#define ANYBODY    "loopback" /* who comes in where nobody is named */
#define CORS_MAX_S "600"
#define PAGE_POLICY                                                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "              \
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const struct http_field gate_fields[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "same-origin"}, /* with none at all a browser sends the form's Origin as "null" */
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", PAGE_POLICY},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};
const size_t gate_n_fields = sizeof gate_fields / sizeof *gate_fields;

/* --- where a request comes from --- */

/* "localhost:8001", "127.0.0.1", "[::1]:8001": no name that somebody else could have pointed here. */
static bool is_own_host(const char *host)
{
    char name[LISTEN_HOST_MAX];
    unsigned char address[sizeof(struct in6_addr)];
    bool v6 = *host == '[';
    size_t len = strcspn(host + v6, v6 ? "]" : ":");
    if (len >= sizeof name)
        return false;
    memcpy(name, host + v6, len);
    name[len] = '\0';
    if (v6)
        return inet_pton(AF_INET6, name, address) == 1;
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, address) == 1;
}

static bool is_forwarded(const struct http_request *request)
{
    return http_request_header(request, "X-Forwarded-For") || http_request_header(request, "Forwarded");
}

static bool is_allowed_origin(const struct control *c, const char *origin)
{
    const struct text_list *origins = &c->service->config->settings->http_origins;
    for (size_t i = 0; i < origins->count; i++)
        if (strcasecmp(origins->items[i], origin) == 0)
            return true;
    return false;
}

static bool is_own_origin(const char *origin, const char *host)
{
    const char *behind = strstr(origin, "://");
    return behind && host && strcasecmp(behind + 3, host) == 0;
}

static bool is_change(const struct http_request *request)
{
    const char *method = http_request_method(request);
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/* A page of another site may make a browser send this, with our cookie or from our own machine. */
static bool is_foreign_change(const struct control *c, const struct http_request *request)
{
    const char *origin = http_request_header(request, "Origin");
    const char *site = http_request_header(request, "Sec-Fetch-Site");
    if (!is_change(request) || (origin && is_allowed_origin(c, origin)))
        return false;
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return true;
    return origin && !is_own_origin(origin, http_request_header(request, "Host"));
}

/* --- who it is --- */

char *gate_cookie(const struct http_request *request)
{
    const char *at = http_request_header(request, "Cookie");
    size_t name = strlen(GATE_COOKIE);
    while (at && *at) {
        at += strspn(at, " ;");
        size_t len = strcspn(at, ";");
        if (len > name && strncmp(at, GATE_COOKIE, name) == 0 && at[name] == '=')
            return mem_strndup(at + name + 1, len - name - 1);
        at += len;
    }
    return NULL;
}

static struct identity by_cookie(struct control *c, const struct http_request *request)
{
    char *cookie = gate_cookie(request);
    const struct session *session =
        cookie ? sessions_find(&c->gate.sessions, cookie, runtime_now(&c->service->rt)) : NULL;
    mem_free(cookie);
    return session ? (struct identity){.name = session->name, .rights = session->rights, .session = true}
                   : (struct identity){0};
}

/* The settings name nobody: whoever is on this machine. */
static struct identity by_place(const struct http_request *request)
{
    const char *host = http_request_header(request, "Host");
    if (!listen_is_loopback(http_request_peer(request)->address))
        return (struct identity){0};
    if (host && !is_own_host(host))
        return (struct identity){.refused = "by this host name only who is named in [http] access may come in"};
    if (is_forwarded(request))
        return (struct identity){.refused = "through a proxy only who is named in [http] access may come in"};
    return (struct identity){.name = ANYBODY, .rights = ROLE_OPERATE};
}

struct identity gate_identity(struct control *c, const struct http_request *request)
{
    const struct http_peer *peer = http_request_peer(request);
    if (peer->local) {
        bool ours = peer->uid == geteuid() || peer->uid == 0;
        return (struct identity){.name = ours ? "control socket" : NULL, .rights = ours ? ROLE_OPERATE : 0};
    }
    const char *says = http_request_header(request, "Authorization");
    if (c->gate.access->open)
        return by_place(request);
    if (says && strncasecmp(says, BEARER, strlen(BEARER)) == 0) {
        const struct access_entry *entry = access_by_token(c->gate.access, says + strlen(BEARER));
        return entry ? (struct identity){.name = entry->name, .rights = entry->rights} : (struct identity){0};
    }
    return by_cookie(c, request);
}

/* --- the gate --- */

static void set_who(struct http_request *request, const struct identity *who)
{
    const struct http_peer *peer = http_request_peer(request);
    char text[HTTP_WHO_MAX];
    if (peer->local)
        snprintf(text, sizeof text, "uid %lld, pid %lld", (long long)peer->uid, (long long)peer->pid);
    http_request_set_who(request, peer->local ? text : who->name ? who->name : "");
}

/* A browser asks whether a page of another origin may send what it wants to. */
static void answer_preflight(struct http_request *request)
{
    http_request_set_header(request, "Access-Control-Allow-Methods", "GET, HEAD, POST");
    http_request_set_header(request, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type, Idempotency-Key, Last-Event-ID");
    http_request_set_header(request, "Access-Control-Max-Age", CORS_MAX_S);
    http_respond(request, 204, "text/plain; charset=utf-8", "", 0);
}

static void tell_origin(struct http_request *request, const char *origin)
{
    http_request_set_header(request, "Access-Control-Allow-Origin", origin);
    http_request_set_header(request, "Access-Control-Expose-Headers", "ETag, Retry-After");
    http_request_set_header(request, "Cross-Origin-Resource-Policy", "cross-origin");
    http_request_set_header(request, "Vary", "Origin");
}

static bool wants_page(const struct http_request *request)
{
    const char *accept = http_request_header(request, "Accept");
    return !is_change(request) && accept && strstr(accept, "text/html") &&
           strncmp(http_request_path(request), API, strlen(API)) != 0;
}

static void send_away(struct http_request *request, const struct identity *who)
{
    if (who->refused) {
        http_respond_problem(request, 403, "%s", who->refused);
    } else if (wants_page(request)) {
        http_request_set_header(request, "Location", LOGIN);
        http_respond_text(request, 303, "log in at " LOGIN "\n");
    } else {
        http_request_set_header(request, "WWW-Authenticate", "Bearer realm=\"shunt\"");
        http_respond_problem(request, 401, "a token is needed: Authorization: Bearer TOKEN");
    }
}

/* False: answered. */
static bool is_query_known(struct http_request *request, const struct http_route *route)
{
    const char *asked;
    for (size_t i = 0; (asked = http_request_query_name(request, i)); i++) {
        const struct http_parameter *known = route->query;
        while (known && known->name && strcmp(known->name, asked) != 0)
            known++;
        if (!known || !known->name) {
            http_respond_problem(request, 400, "%s: no such parameter", asked);
            return false;
        }
    }
    return true;
}

static bool takes_in(const struct http_request *request, const struct http_route *route)
{
    return is_change(request) && strcmp(route->role, "submit") == 0;
}

bool gate_admit(struct http_request *request, void *context)
{
    struct control *c = context;
    const struct http_route *route = http_request_route(request);
    const char *origin = http_request_header(request, "Origin");
    struct identity who = gate_identity(c, request);
    set_who(request, &who);
    if (origin && is_allowed_origin(c, origin)) {
        tell_origin(request, origin);
        if (strcmp(http_request_method(request), "OPTIONS") == 0) {
            answer_preflight(request);
            return false;
        }
    }
    if (!route)
        return true;
    if (is_foreign_change(c, request)) {
        http_respond_problem(request, 403, "a page of another site asks for this; its origin is not in [http] origins");
        return false;
    }
    if (access_allows(who.rights, route->role))
        return is_query_known(request, route) && (!takes_in(request, route) || acceptance_admit(c, request));
    if (who.name)
        http_respond_problem(request, 403, "%s has the role %s, this needs %s", who.name, access_role_word(who.rights),
                             route->role);
    else
        send_away(request, &who);
    return false;
}

void gate_over(const struct http_request *request, unsigned status, double ms, void *context)
{
    const struct control *c = context;
    metrics_http(c->service->rt.metrics, status);
    const struct http_peer *peer = http_request_peer(request);
    const char *who = http_request_who(request);
    enum log_level level = is_change(request) && status >= 200 && status < 400 ? LOG_INFO : LOG_DEBUG;
    log_write(LOG_EVENT(level, "http_request", .ms = ms), "%s %s: %u, for %s%s%s", http_request_method(request),
              http_request_path(request) ? http_request_path(request) : "", status, *who ? who : "nobody",
              peer->local ? "" : ", ", peer->address);
}

void gate_adopt(struct gate *g, struct access *access)
{
    access_free(g->access);
    g->access = access;
    sessions_keep(&g->sessions, access);
}

void gate_fini(struct gate *g)
{
    access_free(g->access);
    sessions_fini(&g->sessions);
    tries_fini(&g->tries);
}
