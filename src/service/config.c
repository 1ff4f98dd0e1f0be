/* config.c: both INI files from disk to snapshots. Everything that is wrong is told at once, with its place. */
#include "shunt/service/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/core/ini.h"
#include "shunt/io/files.h"
#include "shunt/service/destination.h"
#include "shunt/service/report_make.h"

#define SECRET_MAX    65536
#define ID_NONE       4294967295 /* (uid_t)-1: "not changed" */
#define LOOKUP_BUFFER 16384

static int read_secret(void *user, const char *path, char **out, struct error *e)
{
    (void)user;
    size_t len;
    int rc = files_read(path, SECRET_MAX, out, &len, e);
    if (rc != 0)
        return rc;
    while (len > 0 && ((*out)[len - 1] == '\n' || (*out)[len - 1] == '\r'))
        (*out)[--len] = '\0';
    return 0;
}

/* Links are not resolved: the folder of a mounted ConfigMap stays, what its links point to does not. */
static char *absolute(const char *path)
{
    char *here = getcwd(NULL, 0);
    char *joined = here ? files_join(here, path) : mem_strdup(path);
    free(here);
    return joined;
}

static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (!slash)
        return mem_strdup(".");
    return slash == file ? mem_strdup("/") : mem_strndup(file, (size_t)(slash - file));
}

/* A number, or a name that `find` knows. */
static bool look_up(const char *text, long *out, long (*find)(const char *))
{
    if (text[0] == '\0') {
        *out = -1;
        return true;
    }
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (*end == '\0' && errno == 0 && n >= 0 && n < ID_NONE) {
        *out = n;
        return true;
    }
    *out = find(text);
    return *out >= 0;
}

static long find_user(const char *name)
{
    struct passwd pw, *found = NULL;
    char buffer[LOOKUP_BUFFER];
    return getpwnam_r(name, &pw, buffer, sizeof buffer, &found) == 0 && found ? (long)pw.pw_uid : -1;
}

static long find_group(const char *name)
{
    struct group gr, *found = NULL;
    char buffer[LOOKUP_BUFFER];
    return getgrnam_r(name, &gr, buffer, sizeof buffer, &found) == 0 && found ? (long)gr.gr_gid : -1;
}

static void resolve_destination(const char *file, struct destination *d, struct faults *faults)
{
    if (!look_up(d->owner, &d->uid, find_user))
        faults_add(faults, file, d->line, "destination %s: no user named %s on this machine", d->name, d->owner);
    if (!look_up(d->group, &d->gid, find_group))
        faults_add(faults, file, d->line, "destination %s: no group named %s on this machine", d->name, d->group);
    if (!destination_driver_find(d->driver))
        faults_add(faults, file, d->line, "destination %s: unknown driver %s (known: dir)", d->name, d->driver);
}

static const char *next_part(const char *p, size_t *len)
{
    do {
        p += strspn(p, "/");
        *len = strcspn(p, "/");
    } while (*len == 1 && *p == '.' && p++);
    return p;
}

static bool lies_in(const char *inner, const char *outer)
{
    size_t a, b;
    for (;;) {
        inner = next_part(inner, &a);
        outer = next_part(outer, &b);
        if (b == 0)
            return true;
        if (a != b || memcmp(inner, outer, a) != 0)
            return false;
        inner += a;
        outer += b;
    }
}

/* The settings were checked as written; some may be absolute and others not. */
static void check_apart(const struct config *c, struct faults *faults)
{
    const char *const folders[] = {c->hot, c->archive, c->failed, c->underprocess, c->logs};
    static const char *const keys[] = {"hot", "archive", "failed", "underprocess", "logs"};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 5; k++)
            if (i != k && lies_in(folders[i], folders[k]) && (i > k || !lies_in(folders[k], folders[i])))
                faults_add(faults, c->file, 0, "[folders] %s (%s) lies inside %s (%s), or is the same folder", keys[i],
                           folders[i], keys[k], folders[k]);
}

/* What is delivered into a folder of ours would be taken up again, or taken for ours. */
static void check_place(const struct config *c, const struct destination *d, struct faults *faults)
{
    const char *const folders[] = {c->hot, c->archive, c->failed, c->underprocess};
    static const char *const keys[] = {"hot", "archive", "failed", "underprocess"};
    if (!c->data) /* shunt.ini is refused anyway */
        return;
    char *path = config_destination_path(c, d);
    if (!path)
        faults_add(faults, c->routes_file, d->line, "out of memory");
    for (size_t i = 0; path && i < sizeof folders / sizeof folders[0]; i++)
        if (folders[i] && lies_in(path, folders[i]))
            faults_add(faults, c->routes_file, d->line, "[destination %s] path lies inside [folders] %s (%s)", d->name,
                       keys[i], folders[i]);
    mem_free(path);
}

struct routes *config_load_routes(const struct config *c, struct faults *faults)
{
    const char *routes_file = c->routes_file;
    char *text;
    size_t len;
    struct error e = {0};
    if (files_read(routes_file, INI_FILE_MAX, &text, &len, &e) != 0) {
        faults_add(faults, c->file, 0, "[folders] routes: %s", e.text);
        return NULL;
    }
    struct routes *r = routes_new(routes_file, text, len, faults);
    mem_free(text);
    if (!r)
        return NULL;
    for (size_t i = 0; i < r->n_destinations; i++) {
        resolve_destination(routes_file, &r->destinations[i], faults);
        check_place(c, &r->destinations[i], faults);
    }
    if (faults_any(faults)) {
        routes_unref(r);
        return NULL;
    }
    return r;
}

/* The next part of an absolute path; *len 0: there is none. "." and "//" are passed over. */
static bool resolve_paths(struct config *c, struct faults *faults)
{
    const struct settings *s = c->settings;
    char *here = folder_of(c->file);
    if (!here)
        return false;
    c->data = files_join(here, s->data);
    c->routes_file = files_join(here, s->routes);
    bool templates = s->report_templates[0] == '\0' || (c->templates = files_join(here, s->report_templates));
    mem_free(here);
    if (!c->data || !templates)
        return false;
    c->hot = files_join(c->data, s->hot);
    c->archive = files_join(c->data, s->archive);
    c->failed = files_join(c->data, s->failed);
    c->underprocess = files_join(c->data, s->underprocess);
    c->logs = files_join(c->data, s->logs);
    if (!c->hot || !c->archive || !c->failed || !c->underprocess || !c->logs || !c->routes_file)
        return false;
    if (s->log_file[0] != '\0' && !(c->log_file = files_join(c->logs, s->log_file)))
        return false;
    if (strcmp(s->control, "no") != 0 && !(c->control = files_join(c->data, s->control)))
        return false;
    if (s->http_files[0] != '\0' && !(c->files = files_join(c->data, s->http_files)))
        return false;
    check_apart(c, faults);
    return true;
}

static void on_entry(void *user, const struct ini_entry *entry)
{
    char **routes = user;
    if (!entry->key || strcmp(entry->section, "folders") != 0 || strcmp(entry->key, "routes") != 0)
        return;
    mem_free(*routes);
    *routes = mem_strdup(entry->value);
}

/* Where routes.ini would lie by a shunt.ini that is refused. NULL: no memory. */
static char *guess_routes_file(const struct settings_source *source)
{
    static const char name[] = "SHUNT_FOLDERS_ROUTES=";
    struct faults ignored;
    char *written = NULL;
    const char *routes = NULL;
    faults_init(&ignored);
    ini_read(source->file, source->text, source->len, on_entry, &written, &ignored);
    faults_fini(&ignored);
    for (const char *const *v = source->env; v && *v; v++)
        if (strncmp(*v, name, sizeof name - 1) == 0)
            routes = *v + sizeof name - 1;
    if (!routes)
        routes = written ? written : "routes.ini";
    char *here = folder_of(source->file);
    char *path = here ? files_join(here, routes) : NULL;
    mem_free(here);
    mem_free(written);
    return path;
}

/* NULL: there are faults; *routes_file says where routes.ini would lie, if that is known. */
static struct settings *load_settings(const char *file, const char *const *env, char **routes_file,
                                      struct faults *faults)
{
    char *text;
    size_t len;
    struct error e = {0};
    if (files_read(file, INI_FILE_MAX, &text, &len, &e) != 0) {
        faults_add(faults, "settings", 0, "%s", e.text);
        return NULL;
    }
    struct settings_source source = {.file = file, .text = text, .len = len, .env = env, .read_secret = read_secret};
    struct settings *s = settings_new(&source, faults);
    if (!s)
        *routes_file = guess_routes_file(&source);
    mem_free(text);
    return s;
}

struct settings *config_load_settings(const struct config *c, struct faults *faults)
{
    char *routes_file = NULL; /* the one of the start stays */
    struct settings *s = load_settings(c->file, c->env, &routes_file, faults);
    mem_free(routes_file);
    return s;
}

struct config *config_load_lax(const char *file, const char *const *env, struct faults *faults,
                               struct faults *of_routes)
{
    struct config *c = mem_zalloc(sizeof *c);
    if (!c || !(c->file = absolute(file))) {
        faults_add(faults, file, 0, "out of memory");
        config_free(c);
        return NULL;
    }
    c->env = env;
    c->settings = load_settings(c->file, env, &c->routes_file, faults);
    if (c->settings && !resolve_paths(c, faults))
        faults_add(faults, file, 0, "out of memory");
    if (c->settings && c->data)
        report_check_templates(c, faults);
    /* Faults of shunt.ini do not hide those of routes.ini. */
    if (c->routes_file)
        c->routes = config_load_routes(c, of_routes);
    if (faults_any(faults)) {
        config_free(c);
        return NULL;
    }
    return c;
}

struct config *config_load(const char *file, const char *const *env, struct faults *faults)
{
    return config_load_lax(file, env, faults, faults);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    routes_unref(c->routes);
    settings_free(c->settings);
    char *const owned[] = {c->file, c->data,        c->hot,      c->archive, c->failed, c->underprocess,
                           c->logs, c->routes_file, c->log_file, c->control, c->files,  c->templates};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        mem_free(owned[i]);
    mem_free(c);
}

char *config_control(const struct config *c, unsigned instance)
{
    struct str path = STR_INIT;
    str_puts(&path, c->control);
    if (instance > 0)
        str_printf(&path, ".%u", instance);
    return str_take(&path);
}

char *config_destination_path(const struct config *c, const struct destination *d)
{
    return files_join(c->data, d->path);
}
