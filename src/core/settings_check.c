/* settings_check.c: what must hold between keys. A fault goes to the key that somebody wrote, not to a default. */
#include <string.h>

#include "shunt/core/alarm.h"
#include "shunt/core/listen.h"
#include "shunt/core/report.h"
#include "shunt/core/task.h"
#include "shunt/core/units.h"

#include "settings_parts.h"

static void at_most(const struct settings_check *check, const char *section, const char *low_key, int64_t low,
                    const char *high_section, const char *high_key, int64_t high)
{
    if (low <= high) {
        return;
    }
    struct error e = {0};
    char low_text[UNITS_TEXT_MAX], high_text[UNITS_TEXT_MAX];
    units_ms_text(low, low_text);
    units_ms_text(high, high_text);
    if (settings_given(check, section, low_key) || !settings_given(check, high_section, high_key)) {
        error_set(&e, ERR_CONFIG, "%s is longer than %s = %s", low_text, high_key, high_text);
        settings_fault(check, section, low_key, e.text);
    } else {
        error_set(&e, ERR_CONFIG, "%s is shorter than %s = %s", high_text, low_key, low_text);
        settings_fault(check, high_section, high_key, e.text);
    }
}

/* "/a//b/./c/" -> "/a/b/c"; relative to data. As written: symbolic links and ".." are the service's to see. */
static void normal_path(const char *data, const char *path, struct str *out)
{
    const char *parts[] = {*path == '/' ? "" : data, path};
    if (*path == '/' || *data == '/') {
        str_putc(out, '/');
    }
    for (size_t i = 0; i < 2; i++) {
        for (const char *p = parts[i]; *p != '\0';) {
            size_t n = strcspn(p, "/");
            if (n > 0 && !(n == 1 && *p == '.')) {
                str_add(out, p, n);
                str_putc(out, '/');
            }
            p += n + (p[n] == '/' ? 1 : 0);
        }
    }
}

static bool is_in(const struct str *inner, const struct str *outer)
{
    return inner->len >= outer->len && memcmp(inner->bytes, outer->bytes, outer->len) == 0;
}

struct place {
    const char *key;
    const char *path;
    struct str normal;
};

static void two_places(const struct settings_check *check, const struct place *a, const struct place *b)
{
    bool a_in_b = is_in(&a->normal, &b->normal), b_in_a = is_in(&b->normal, &a->normal);
    if (!a_in_b && !b_in_a) {
        return;
    }
    const struct place *named = a, *other = b;
    if (!settings_given(check, "folders", a->key) && settings_given(check, "folders", b->key)) {
        named = b;
        other = a;
    }
    struct error e = {0};
    const char *how = a_in_b && b_in_a ? "is the same folder as" : (named == a) == a_in_b ? "lies inside" : "holds";
    error_set(&e, ERR_CONFIG, "%s %s %s = %s", named->path, how, other->key, other->path);
    settings_fault(check, "folders", named->key, e.text);
}

/* A hot root inside the archive, say, would feed on itself. */
static void places_apart(const struct settings_check *check)
{
    const struct settings *s = check->s;
    struct place places[] = {
        {.key = "hot", .path = s->hot, .normal = STR_INIT},
        {.key = "archive", .path = s->archive, .normal = STR_INIT},
        {.key = "failed", .path = s->failed, .normal = STR_INIT},
        {.key = "underprocess", .path = s->underprocess, .normal = STR_INIT},
        {.key = "logs", .path = s->logs, .normal = STR_INIT},
    };
    const size_t n = sizeof places / sizeof *places;
    bool failed = false;
    for (size_t i = 0; i < n; i++) {
        normal_path(s->data, places[i].path, &places[i].normal);
        failed = failed || str_failed(&places[i].normal);
    }
    for (size_t i = 0; i < n && !failed; i++) {
        for (size_t k = i + 1; k < n; k++) {
            two_places(check, &places[i], &places[k]);
        }
    }
    if (failed) {
        settings_fault(check, "folders", "hot", "no memory to check it");
    }
    for (size_t i = 0; i < n; i++) {
        str_fini(&places[i].normal);
    }
}

/* The C library takes what it does not understand for UTC without a word; at least rubbish is seen here. */
static void zone_name(const struct settings_check *check)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/";
    const char *zone = check->s->timezone;
    if (*zone == '/' || zone[strspn(zone, allowed)] != '\0') {
        settings_fault(check, "report", "timezone", "not a zone's name such as Europe/Berlin");
    }
}

static void web(const struct settings_check *check)
{
    const struct settings *s = check->s;
    struct listen_address address;
    struct error e = {0};
    if (listen_parse(s->http_listen, &address, &e) != 0)
        settings_fault(check, "http", "listen", e.text);
    if (s->http_token[0] != '\0' && strlen(s->http_token) < SETTINGS_TOKEN_MIN)
        settings_fault(check, "http", "token", "a token has at least 20 characters; `shunt token` makes one");
    for (size_t i = 0; i < s->http_origins.count; i++) {
        const char *origin = s->http_origins.items[i];
        size_t scheme = strncmp(origin, "https://", 8) == 0 ? 8 : strncmp(origin, "http://", 7) == 0 ? 7 : 0;
        if (scheme == 0 || origin[scheme] == '\0' || strpbrk(origin + scheme, "/?#@* ")) {
            settings_fault(check, "http", "origins", "an origin is a scheme and a host, as https://desk.example.com");
            break;
        }
    }
}

static void address(const struct settings_check *check, const char *section, const char *key, const char *text)
{
    struct mail_address parsed;
    struct error e = {0};
    if (mail_address_parse(text, &parsed, &e) != 0)
        settings_fault(check, section, key, e.text);
}

static void addresses(const struct settings_check *check, const char *section, const struct text_list *to)
{
    for (size_t i = 0; i < to->count; i++)
        address(check, section, "to", to->items[i]);
}

static void alerts(const struct settings_check *check)
{
    struct alarm_policy policy;
    struct error e = {0};
    if (alarm_policy_of(check->s, &policy, &e) != 0)
        settings_fault(check, "alerts", "remind", e.text);
    addresses(check, "alerts", &check->s->alerts_to);
}

static void off_hours(const struct settings_check *check)
{
    struct off_hours off;
    const char *key;
    struct error e = {0};
    if (task_off_hours(check->s, &off, &key, &e) != 0)
        settings_fault(check, "schedule", key, e.text);
    for (size_t i = 0; i < check->s->programs.count; i++)
        if (check->s->programs.items[i][0] != '/')
            settings_fault(check, "schedule", "programs", "each must be an absolute path");
}

static void report(const struct settings_check *check)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,-";
    const struct settings *s = check->s;
    if (report_at_minutes(s->report_at) < 0)
        settings_fault(check, "report", "at", "not a time of day such as 06:30");
    if (s->brand_font[strspn(s->brand_font, allowed)] != '\0')
        settings_fault(check, "brand", "font",
                       "names of fonts hold letters, digits, spaces and '-'; commas between them");
    addresses(check, "report", &s->report_to);
}

static void mail_server(const struct settings_check *check)
{
    const struct settings *s = check->s;
    struct mail_server server;
    struct error e = {0};
    if (mail_server_parse(s->mail_server, s->mail_tls, &server, &e) != 0)
        settings_fault(check, "mail", "server", e.text);
    else if (s->mail_tls == MAIL_PLAIN && s->mail_user[0] != '\0' && !server.loopback)
        settings_fault(check, "mail", "tls", "the password for `user` would cross the network for everybody to read");
    if (s->mail_from[0] == '\0')
        settings_fault(check, "mail", "from", "there is a server, but nobody whom mails are from");
    if (s->mail_to.count == 0)
        settings_fault(check, "mail", "to", "there is a server, but nobody to get mails");
}

static void mail(const struct settings_check *check)
{
    const struct settings *s = check->s;
    if (s->mail_server[0] != '\0')
        mail_server(check);
    if (s->mail_from[0] != '\0')
        address(check, "mail", "from", s->mail_from);
    addresses(check, "mail", &s->mail_to);
    if (text_has_control(s->mail_user, strlen(s->mail_user)))
        settings_fault(check, "mail", "user", "holds a control character");
    if (text_has_control(s->mail_password, strlen(s->mail_password)))
        settings_fault(check, "mail", "password", "holds a control character");
}

static void webhook(const struct settings_check *check)
{
    const char *url = check->s->webhook_url;
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    bool right = scheme > 0 && url[scheme] != '\0' && !strchr(url, ' ') && !text_has_control(url, strlen(url));
    if (url[0] != '\0' && !right)
        settings_fault(check, "webhook", "url", "not an address as https://ops.example.com/shunt");
}

void settings_cross_check(const struct settings_check *check)
{
    const struct settings *s = check->s;
    at_most(check, "intake", "settle_complete", s->settle_complete_ms, "intake", "settle", s->settle_ms);
    at_most(check, "delivery", "breaker_pause", s->breaker_pause_ms, "delivery", "breaker_max", s->breaker_max_ms);
    at_most(check, "retry", "first", s->first_ms, "retry", "max", s->max_ms);
    if (s->keep_jobs_ms > 0) {
        at_most(check, "intake", "duplicate_window", s->duplicate_window_ms, "store", "keep_jobs", s->keep_jobs_ms);
    }
    if (s->tickets.count == 0 && s->files.count == 0) {
        settings_fault(check, "intake", "tickets", "neither tickets nor files names any file to take in");
    }
    places_apart(check);
    zone_name(check);
    at_most(check, "mail", "pause", s->mail_pause_ms, "mail", "expire", s->mail_expire_ms);
    report(check);
    web(check);
    alerts(check);
    off_hours(check);
    mail(check);
    webhook(check);
}
