/* reload.c: see reload.h. */
#include "shunt/service/reload.h"

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/work.h"
#include "shunt/service/control.h"
#include "shunt/service/lane.h"
#include "shunt/service/scheduler.h"

struct reload {
    struct work work; /* first */
    struct service *service;
    const char *file;
    struct settings *last;     /* what shunt.ini said at the last reload; NULL: there was none */
    struct settings *settings; /* the results */
    struct routes *routes;
    struct faults faults;
    struct access *access; /* the same */
    struct faults access_faults;
    bool busy, again;
};

static void run(struct work *work)
{
    struct reload *r = (struct reload *)work;
    r->settings = config_load_settings(r->service->config, &r->faults);
    r->routes = config_load_routes(r->service->config, &r->faults);
    if (r->service->control && r->service->config->settings->http_access[0] != '\0')
        access_load(r->service->config, &r->access, &r->access_faults);
}

static void log_change(void *user, const char *text)
{
    (void)user;
    log_info("reload_change", "Reload: %s", text);
}

static void tell(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        log_error("reload_fault", "%s", faults->texts[i]);
    if (faults->more > 0)
        log_error("reload_fault", "and %zu more", faults->more);
}

static void refuse(const struct reload *r)
{
    tell(&r->faults);
    log_error("reload_refused", "%s and %s are not taken over, what they said before stays in force",
              r->service->config->file, r->file);
}

static void log_setting(void *user, const char *section, const struct setting *x, const char *value)
{
    (void)user;
    if (!value)
        log_info("reload_change", "Reload: [%s] is gone%s", section, x->reloadable ? "" : " at the next start");
    else if (x->reloadable)
        log_info("reload_change", "Reload: [%s] %s = %s", section, x->key, value);
    else
        log_warn("reload_later", "[%s] %s = %s is taken over at the next start", section, x->key, value);
}

static void log_advice(void *user, const char *text)
{
    (void)user;
    log_warn("settings", "%s", text);
}

/* The few settings that are not of what was made at the start. */
static void take_settings(struct reload *r)
{
    struct runtime *rt = &r->service->rt;
    settings_diff(r->last ? r->last : rt->config->settings, r->settings, log_setting, NULL);
    settings_advice(r->settings, log_advice, NULL);
    rt->duplicates = (struct duplicate_rule){r->settings->duplicate_window_ms, r->settings->duplicate};
    if (scheduler_adopt(r->service->scheduler, r->settings) != 0) {
        log_error("reload_refused", "out of memory: tasks stay as they were");
        return;
    }
    settings_free(r->last);
    r->last = r->settings;
    r->settings = NULL;
}

static void take_access(struct reload *r)
{
    const char *file = r->service->config->settings->http_access;
    if (r->access) {
        log_info("access_reloaded", "Reloaded %s: %zu tokens and passwords", file, r->access->count);
        control_adopt_access(r->service->control, r->access);
    } else if (faults_any(&r->access_faults)) {
        tell(&r->access_faults);
        log_error("access_refused", "%s is not taken over: who could come in before still can, and nobody else", file);
    }
    r->access = NULL;
}

static void swap(struct reload *r)
{
    struct runtime *rt = &r->service->rt;
    struct error e = {0};
    if (lanes_adopt(&r->service->lanes, r->routes, &e) != 0) {
        log_write(LOG_EVENT(LOG_ERROR, "reload_refused", .error = e.text), "%s is not taken over", r->file);
        return;
    }
    take_settings(r);
    struct routes *before = rt->routes;
    rt->routes = routes_ref(r->routes);
    routes_diff(before, rt->routes, log_change, NULL);
    routes_unref(before);
    lanes_retire(&r->service->lanes);
    log_info("reloaded", "Reloaded %s: %zu routes, %zu destinations", r->file, rt->routes->n_routes,
             rt->routes->n_destinations);
}

static void on_read(struct work *work)
{
    struct reload *r = (struct reload *)work;
    r->busy = false;
    if (r->routes && r->settings)
        swap(r);
    else
        refuse(r);
    routes_unref(r->routes);
    r->routes = NULL;
    settings_free(r->settings);
    r->settings = NULL;
    take_access(r);
    faults_fini(&r->faults);
    faults_fini(&r->access_faults);
    if (r->again)
        reload_request(r);
}

void reload_request(struct reload *r)
{
    struct error e = {0};
    if (log_reopen(&e) != 0)
        log_write(LOG_EVENT(LOG_ERROR, "log_reopen", .error = e.text),
                  "The log file cannot be opened anew, the old one stays in use");
    r->again = r->busy;
    if (r->busy || r->service->rt.draining)
        return;
    faults_init(&r->faults);
    faults_init(&r->access_faults);
    r->busy = work_submit(r->service->rt.loop, &r->work, run, on_read) == 0;
    if (!r->busy)
        log_error("reload_refused", "%s cannot be read now, what it said before stays in force", r->file);
}

struct reload *reload_new(struct service *s)
{
    struct reload *r = mem_zalloc(sizeof *r);
    if (!r)
        return NULL;
    r->service = s;
    r->file = s->config->routes_file;
    return r;
}

const struct settings *reload_last(const struct reload *r)
{
    return r->last ? r->last : r->service->config->settings;
}

bool reload_idle(const struct reload *r)
{
    return !r->busy;
}

void reload_free(struct reload *r)
{
    if (r)
        settings_free(r->last);
    mem_free(r);
}
