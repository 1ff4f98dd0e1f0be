/* api_login.c: logging in and out with a browser. A password is checked in a work request, one at a time, since that
 * takes long on purpose; who has no name here waits as long as who has one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

#include "control_inner.h"

#define HTML         "text/html; charset=utf-8"
#define HOME         "/"
#define MARK         "<!--message-->"
#define PASSWORD_MAX 512
#define COOKIE_MAX   192
#define WRONG        "name and password, or token, are not known here"

struct login {
    struct call call; /* first */
    char name[ACCESS_NAME_MAX + 1];
    char password[PASSWORD_MAX + 1];
    char *hash; /* NULL: nobody of this name has a password */
    bool right;
};

static bool wants_html(const struct http_request *request)
{
    const char *accept = http_request_header(request, "Accept");
    return accept && strstr(accept, "text/html");
}

/* message: our own words, HTML already; NULL: none. */
static void answer_page(struct http_request *request, unsigned status, const char *message)
{
    const char *page = page_file("login.html")->bytes, *mark = strstr(page, MARK);
    struct str out = STR_INIT;
    str_add(&out, page, mark ? (size_t)(mark - page) : strlen(page));
    if (mark && message)
        str_printf(&out, "<p class=\"message\" role=\"alert\">%s</p>", message);
    str_puts(&out, mark ? mark + strlen(MARK) : "");
    if (str_failed(&out))
        http_respond_problem(request, 503, "out of memory");
    else
        http_respond(request, status, HTML, out.bytes, out.len);
    str_fini(&out);
}

static void refuse(struct http_request *request, unsigned status, const char *why)
{
    if (wants_html(request))
        answer_page(request, status, why);
    else
        http_respond_problem(request, status, "%s", why);
}

static void go_to(struct http_request *request, const char *path)
{
    http_request_set_header(request, "Location", path);
    http_respond_text(request, 303, "see there\n");
}

/* value "": it is taken back. */
static void set_cookie(struct http_request *request, const char *value, int64_t for_ms)
{
    const char *proto = http_request_header(request, "X-Forwarded-Proto");
    bool tls = http_request_peer(request)->tls || (proto && strcasecmp(proto, "https") == 0);
    char cookie[COOKIE_MAX];
    snprintf(cookie, sizeof cookie, GATE_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", value,
             (long long)(for_ms / 1000), tls ? "; Secure" : "");
    http_request_set_header(request, "Set-Cookie", cookie);
    secret_wipe(cookie, sizeof cookie);
}

static void let_in(struct control *c, struct http_request *request, const struct access_entry *entry)
{
    char cookie[SECRET_TOKEN_MAX];
    struct error e = {0};
    if (sessions_begin(&c->gate.sessions, entry, runtime_now(&c->service->rt), cookie, &e) != 0) {
        http_respond_problem(request, 503, "%s", e.text);
        return;
    }
    log_info("login", "%s has logged in from %s", entry->name, http_request_peer(request)->address);
    http_request_set_who(request, entry->name);
    set_cookie(request, cookie, SESSION_MS);
    secret_wipe(cookie, sizeof cookie);
    go_to(request, HOME);
}

/* The name is not told: it may be a password in the wrong field. */
static void turn_away(struct http_request *request)
{
    log_warn("login_failed", "A log-in from %s failed", http_request_peer(request)->address);
    refuse(request, 401, WRONG);
}

static int check_password(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    struct login *login = (struct login *)call;
    return secret_check(login->password, login->hash, &login->right, e);
}

static void on_checked(struct call *call)
{
    struct login *login = (struct login *)call;
    struct control *c = call->control;
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    /* the access file may have been read again meanwhile */
    const struct access_entry *entry = login->right ? access_by_name(c->gate.access, login->name) : NULL;
    if (entry && strcmp(entry->password, login->hash) == 0)
        let_in(c, call->request, entry);
    else
        turn_away(call->request);
    call_free(call);
}

static void wipe(struct call *call)
{
    struct login *login = (struct login *)call;
    secret_wipe(login->password, sizeof login->password);
    mem_free(login->hash);
}

static void begin_check(struct control *c, struct http_request *request, const char *name, const char *password)
{
    struct login *login = call_new(c, request, sizeof *login);
    if (!login)
        return;
    login->call.run = check_password;
    login->call.done = on_checked;
    login->call.fini = wipe;
    snprintf(login->name, sizeof login->name, "%s", name);
    snprintf(login->password, sizeof login->password, "%s", password);
    const struct access_entry *entry = strlen(name) <= ACCESS_NAME_MAX && strlen(password) <= PASSWORD_MAX
                                           ? access_by_name(c->gate.access, name)
                                           : NULL;
    login->hash = entry ? mem_strdup(entry->password) : NULL;
    if (entry && !login->hash) {
        http_respond_problem(request, 503, "out of memory");
        call_free(&login->call);
        return;
    }
    call_begin_or_refuse(&login->call, &c->logins);
}

void api_login(struct http_request *request, void *context)
{
    struct control *c = context;
    const char *name = http_request_form(request, "name"), *password = http_request_form(request, "password");
    const char *token = http_request_form(request, "token");
    if (!token && !(name && password)) {
        refuse(request, 400, "a form with name and password, or with a token, is wanted");
        return;
    }
    int64_t pause_ms = tries_ask(&c->gate.tries, http_request_peer(request)->address, runtime_now(&c->service->rt));
    if (pause_ms > 0) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%lld", (long long)((pause_ms + 999) / 1000));
        http_request_set_header(request, "Retry-After", seconds);
        refuse(request, 429, "too many tries from this address; wait a minute");
        return;
    }
    if (!token) {
        begin_check(c, request, name, password);
        return;
    }
    const struct access_entry *entry = access_by_token(c->gate.access, token);
    if (entry)
        let_in(c, request, entry);
    else
        turn_away(request);
}

void api_login_page(struct http_request *request, void *context)
{
    const struct control *c = context;
    if (c->gate.access->open)
        go_to(request, HOME);
    else
        answer_page(request, 200, NULL);
}

void api_logout(struct http_request *request, void *context)
{
    struct control *c = context;
    char *cookie = gate_cookie(request);
    if (cookie)
        sessions_end(&c->gate.sessions, cookie);
    mem_free(cookie);
    set_cookie(request, "", 0);
    go_to(request, "/login");
}

void api_me(struct http_request *request, void *context)
{
    struct control *c = context;
    struct identity who = gate_identity(c, request);
    api_answer(request, 200,
               json_pack("{s:s?, s:s?, s:b, s:b, s:s}", "name", who.name, "role",
                         who.name ? access_role_word(who.rights) : NULL, "open", (int)c->gate.access->open, "session",
                         (int)who.session, "brand", c->service->config->settings->brand_name));
}
