/* cmd_verify.c: `shunt verify`: what was delivered is read again and its hash compared with the store's. Only reads.
 *
 * Completed jobs are looked at a page at a time, the newest first, so that a store of any size takes bounded memory. The
 * archive must have every one. A destination's file that is gone was taken by its consumer; one with other bytes is fine
 * where a newer ticket of that name was delivered over it. Findings are printed as they are met. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/cli/copies.h"
#include "shunt/cli/filter.h"
#include "shunt/cli/table.h"
#include "shunt/core/name.h"
#include "shunt/io/source.h"
#include "shunt/service/service.h"
#include "shunt/store/store.h"

#define PAGE_JOBS   100
#define NEWER_JOBS  100 /* of the same name that are looked at */
#define PROGRESS_MS 200

enum found {
    FOUND_OK,
    FOUND_TAKEN,
    FOUND_REPLACED,
    FOUND_UNKNOWN,
    FOUND_MISSING,
    FOUND_DIFFERS,
    FOUND_UNREADABLE,
    FOUNDS
};

static const char *const words[FOUNDS] = {"ok",      "taken",   "replaced",  "not_looked_at",
                                          "missing", "differs", "unreadable"};

struct verifying {
    const struct config *config;
    struct store *store;
    bool json, progress;
    struct look look;
    size_t jobs, found[FOUNDS], told;
    int64_t next_progress_ms;
    int printed; /* an exit code */
};

/* ---- one copy ---- */

/* FOUND_OK, MISSING, DIFFERS, UNREADABLE, or negative: no memory. */
static int compare(const char *path, const char *sha256)
{
    struct source source = {.fd = -1};
    struct source_content content = {0};
    struct error e = {0};
    char text[2 * SHA256_SIZE + 1];
    const char *slash = strrchr(path, '/');
    char *folder_path = mem_strndup(path, (size_t)(slash - path) + 1);
    int folder = folder_path ? files_open_folder(folder_path, &e) : ERR_NOMEM;
    mem_free(folder_path);
    int rc = folder < 0 ? folder : source_open(&source, folder, slash + 1, &e);
    if (folder >= 0)
        close(folder);
    rc = rc ? rc : source_read(&source, NULL, UINT64_MAX, 0, &content, &e);
    source_close(&source);
    if (rc == 0)
        files_hex(content.sha256, SHA256_SIZE, text);
    source_content_fini(&content);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc == ERR_GONE || rc == ERR_NOPLACE)
        return FOUND_MISSING;
    if (rc == ERR_NOT_OURS)
        return FOUND_DIFFERS;
    return rc ? FOUND_UNREADABLE : strcmp(text, sha256) == 0 ? FOUND_OK : FOUND_DIFFERS;
}

static bool read_hash(const char *text, uint8_t out[SHA256_SIZE])
{
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        unsigned byte;
        if (!text || sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* An older version lies beside the newer ones, under a name of its own. */
static int compare_archived(const char *path, const char *sha256)
{
    uint8_t hash[SHA256_SIZE];
    char name[NAME_SIZE];
    int found = compare(path, sha256);
    if ((found != FOUND_MISSING && found != FOUND_DIFFERS) || !read_hash(sha256, hash))
        return found;
    const char *slash = strrchr(path, '/');
    name_version(slash + 1, hash, name);
    struct str version = STR_INIT;
    str_add(&version, path, (size_t)(slash - path) + 1);
    str_puts(&version, name);
    int as_version = str_failed(&version) ? ERR_NOMEM : compare(version.bytes, sha256);
    str_fini(&version);
    return as_version == FOUND_MISSING ? found : as_version;
}

static bool delivered_as(const json_t *job, const char *destination, const char *final_name)
{
    size_t i;
    const json_t *d;
    json_array_foreach (json_object_get(job, "deliveries"), i, d) {
        const char *name = text_in(d, "name"), *as = text_in(d, "final_name"), *state = text_in(d, "state");
        if (name && as && state && strcmp(name, destination) == 0 && strcmp(as, final_name) == 0 &&
            strcmp(state, "queued") != 0)
            return true;
    }
    return false;
}

/* Did a newer ticket of that name go to the same place under the same name? 0, 1, or negative. */
static int is_replaced(struct verifying *v, const json_t *job, const json_t *delivery, struct error *e)
{
    const char *id = text_in(job, "id"), *as = text_in(delivery, "final_name"), *to = text_in(delivery, "name");
    struct store_filter filter = {
        .folder = text_in(job, "folder"), .name = text_in(job, "file"), .destination = to, .limit = NEWER_JOBS};
    json_t *page = NULL;
    size_t i;
    const json_t *one;
    int replaced = 0, rc = as && filter.name ? store_list(v->store, &filter, &page, e) : 0;
    json_array_foreach (json_object_get(page, "jobs"), i, one) {
        json_t *whole = NULL;
        if (rc || replaced || strcmp(text_in(one, "id"), id) == 0)
            break;
        rc = store_show(v->store, text_in(one, "id"), &whole, e);
        replaced = rc == 0 && delivered_as(whole, to, as);
        json_decref(whole);
    }
    json_decref(page);
    return rc ? rc : replaced;
}

/* ---- what is told ---- */

static int tell(struct verifying *v, enum found found, const json_t *job, const char *destination, const char *path)
{
    struct str out = STR_INIT;
    if (v->json) {
        json_t *one = json_pack("{s:s, s:O?, s:O?, s:O?, s:s, s:s}", "result", words[found], "id",
                                json_object_get(job, "id"), "client", json_object_get(job, "client"), "file",
                                json_object_get(job, "file"), "destination", destination, "path", path);
        str_puts(&out, v->told > 0 ? ",\n" : "\n");
        put_json(&out, &v->look, one, JSON_COMPACT);
        json_decref(one);
    } else {
        str_puts(&out, v->progress ? "\r\x1b[K" : "");
        put_painted(&out, &v->look, PAINT_BAD, words[found]);
        str_printf(&out, " %s ", destination);
        str_plain(&out, path, strlen(path));
        str_printf(&out, " (job %s)\n", text_in(job, "id"));
    }
    v->told++;
    v->printed = cli_print(&out);
    str_fini(&out);
    return v->printed == EXIT_DONE ? 0 : ERR_IO;
}

static void show_progress(struct verifying *v, bool last)
{
    int64_t now_ms = clock_real.mono_ms(&clock_real);
    if (!v->progress || (!last && now_ms < v->next_progress_ms))
        return;
    v->next_progress_ms = now_ms + PROGRESS_MS;
    if (last)
        fputs("\r\x1b[K", stderr);
    else
        fprintf(stderr, "\r%zu jobs, %zu files ok, %zu not as they should be\x1b[K", v->jobs, v->found[FOUND_OK],
                v->told);
}

/* ---- jobs ---- */

static int verify_copy(struct verifying *v, const json_t *job, const json_t *delivery, struct error *e)
{
    const char *sha256 = text_in(job, "sha256"), *destination = text_in(delivery, "name");
    bool archive = destination && strcmp(destination, COPIES_ARCHIVE) == 0;
    char *path;
    if (copies_path(v->config, job, delivery, &path) != 0)
        return error_set(e, ERR_NOMEM, "out of memory");
    int found = !path || !sha256 ? FOUND_UNKNOWN : archive ? compare_archived(path, sha256) : compare(path, sha256);
    if (found == FOUND_MISSING && !archive)
        found = FOUND_TAKEN;
    if (found == FOUND_DIFFERS && !archive) {
        int replaced = is_replaced(v, job, delivery, e);
        found = replaced < 0 ? replaced : replaced ? FOUND_REPLACED : FOUND_DIFFERS;
    }
    int rc = found < 0 ? error_set(e, found, "out of memory") : 0;
    if (rc == 0)
        v->found[found]++;
    if (rc == 0 && found >= FOUND_MISSING && tell(v, (enum found)found, job, destination, path) != 0)
        rc = error_set(e, ERR_IO, "cannot write to standard output");
    mem_free(path);
    return rc;
}

static int verify_job(struct verifying *v, const char *id, struct error *e)
{
    json_t *job = NULL;
    size_t i;
    const json_t *d;
    struct error why = {0};
    int rc = store_show(v->store, id, &job, &why);
    if (rc == ERR_GONE) /* retention took it meanwhile */
        return 0;
    if (rc)
        return error_set(e, rc, "%s", why.text);
    v->jobs++;
    json_array_foreach (json_object_get(job, "deliveries"), i, d) {
        rc = rc ? rc : verify_copy(v, job, d, e);
        show_progress(v, false);
    }
    json_decref(job);
    return rc;
}

static int verify_all(struct verifying *v, struct store_filter *filter, struct error *e)
{
    json_t *next = NULL;
    int rc = 0;
    filter->statuses = 1u << STATUS_COMPLETED;
    filter->limit = PAGE_JOBS;
    do {
        json_t *page = NULL;
        size_t i;
        const json_t *job;
        filter->before = json_string_value(next);
        rc = store_list(v->store, filter, &page, e);
        json_array_foreach (json_object_get(page, "jobs"), i, job)
            rc = rc ? rc : verify_job(v, text_in(job, "id"), e);
        json_decref(next);
        next = json_incref(json_object_get(page, "next"));
        json_decref(page);
    } while (rc == 0 && json_is_string(next));
    json_decref(next);
    return rc;
}

static int summarize(struct verifying *v)
{
    struct str out = STR_INIT;
    const size_t *n = v->found;
    bool good = n[FOUND_MISSING] + n[FOUND_DIFFERS] + n[FOUND_UNREADABLE] == 0;
    if (v->json) {
        str_printf(&out, "\n], \"jobs\": %zu", v->jobs);
        for (size_t i = 0; i < FOUNDS; i++)
            str_printf(&out, ", \"%s\": %zu", words[i], n[i]);
        str_puts(&out, "}\n");
    } else {
        str_printf(&out, "%zu jobs: %zu files ok, %zu taken by their consumers, %zu replaced by newer ones", v->jobs,
                   n[FOUND_OK], n[FOUND_TAKEN], n[FOUND_REPLACED]);
        if (n[FOUND_UNKNOWN] > 0)
            str_printf(&out, ", %zu not looked at (no hash, or a destination that is no more)", n[FOUND_UNKNOWN]);
        str_printf(&out, "; %zu differ, the archive lacks %zu, %zu unreadable\n", n[FOUND_DIFFERS], n[FOUND_MISSING],
                   n[FOUND_UNREADABLE]);
    }
    int code = cli_print(&out);
    str_fini(&out);
    return code != EXIT_DONE ? code : good ? EXIT_DONE : EXIT_FAILED;
}

static int verify(const struct cli *cli, const struct config *c, struct error *e)
{
    struct verifying v = {.config = c, .json = cli->json};
    struct store_filter filter;
    int code = EXIT_FAILED, rc = filter_read(cli, clock_real.wall_ms(&clock_real), 0, &filter, e);
    rc = rc ? rc : store_open(&v.store, c->settings->store_url, c->data, STORE_READ, e);
    if (rc)
        return rc;
    look_at_output(&v.look);
    v.progress = isatty(STDERR_FILENO) == 1;
    if (v.json)
        fputs("{\"findings\": [", stdout);
    rc = verify_all(&v, &filter, e);
    show_progress(&v, true);
    if (rc == 0)
        code = summarize(&v);
    store_close(v.store);
    return rc ? rc : code;
}

static int run(const struct cli *cli)
{
    return cli_with_config(cli, verify);
}

static const struct cli_option options[] = {
    OPTION_TEXT("since", since, "TIME", "only jobs created from then on: 2026-02-06, or an age as 2h or 3d"),
    OPTION_CLIENT("only of this client, as it is routed"),
    OPTION_JSON("the findings as JSON"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt verify --since 1d", "Is everything of the last day whole?"},
    {.line = NULL},
};

const struct cli_command cmd_verify = {
    .name = "verify",
    .summary = "compare delivered files with the store",
    .description =
        "Reads the files of completed jobs again, in the archive and where they were delivered, and compares their "
        "hashes with the store's. A file that is missing from a destination was taken by its consumer and is fine; "
        "the archive must have all. Changes nothing. The exit code is 1 where a file differs or cannot be read, or "
        "the archive lacks it.",
    .options = options,
    .examples = examples,
    .needs_routes = true,
    .run = run,
};
