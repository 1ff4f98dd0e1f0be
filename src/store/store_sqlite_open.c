/* store_sqlite_open.c: a database is found or made, known as ours, brought up to date; a damaged one is set aside.
 *
 * A writer opens with the folder locked (flock): two processes that start together neither make the same database twice
 * nor set a new one aside in place of the damaged. Damage is looked for in what opening reads anyway; in every page where
 * the database is small or damage was met before (PATH.suspect). Set aside means renamed, its companions first: a log
 * left behind would be played into the new database. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "store_json.h"
#include "store_sqlite.h"

#define APPLICATION_ID   0x73687574 /* "shut" in the file's head */
#define BUSY_MS          5000
#define LOOK_MAX_BYTES   (16 * 1024 * 1024)
#define DAMAGED_MAX      1000
#define CHECKPOINT_PAGES "4000"

static const char *const companions[] = {"-wal", "-shm", ""}; /* in the order of renaming */

static char *joined(const char *a, const char *b, const char *c)
{
    struct str s = STR_INIT;
    str_puts(&s, a);
    str_puts(&s, b);
    str_puts(&s, c);
    return str_take(&s);
}

/* ---- the connection ---- */

static void holds(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    const char *text = (const char *)sqlite3_value_text(values[0]), *part = (const char *)sqlite3_value_text(values[1]);
    sqlite3_result_int(context, text && part && strcasestr(text, part) != NULL);
}

static void disconnect(struct sqlite_store *s)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        (void)sqlite3_finalize(s->statements[i]);
        s->statements[i] = NULL;
    }
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

static int connect_to(struct sqlite_store *s, const char *path, int flags, struct error *e)
{
    int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK) {
        return sql_error(s, rc, e);
    }
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    /* what turns out to be damaged stays as it is: its log is not played into it when we let go */
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    rc = sqlite3_create_function_v2(s->db, "holds", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                    holds, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_error(s, rc, e);
}

/* ---- whose and of which version ---- */

static int known_version(void)
{
    return (int)sqlite_migrations_count;
}

static int know_it(struct sqlite_store *s, int64_t *version, struct error *e)
{
    int64_t application = 0, tables = 0;
    int rc = sql_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
    rc = rc ? rc : sql_number(s, "PRAGMA application_id", &application, e);
    rc = rc ? rc : sql_number(s, "PRAGMA user_version", version, e);
    if (rc) {
        return rc;
    }
    if (application != APPLICATION_ID && (application != 0 || *version != 0 || tables != 0)) {
        return error_set(e, ERR_CONFIG, "%s is the database of another program; name another file in [store] url",
                         s->path);
    }
    if (*version > known_version()) {
        return error_set(
            e, ERR_CONFIG,
            "%s is of version %d, this program knows %d: install the program that made it, or name another "
            "file in [store] url",
            s->path, (int)*version, known_version());
    }
    return 0;
}

static int step_up(struct sqlite_store *s, int64_t version, struct error *e)
{
    char mark[80];
    (void)snprintf(mark, sizeof mark, "PRAGMA user_version = %d; PRAGMA application_id = %d", (int)version + 1,
                   APPLICATION_ID);
    int rc = sql_exec(s, sqlite_migrations[version].bytes, e);
    rc = rc ? rc : sql_exec(s, mark, e);
    if (rc) {
        (void)error_context(e, "migration %s", sqlite_migrations[version].name);
    }
    return rc;
}

static int migrate(struct sqlite_store *s, struct error *e)
{
    int64_t version = 0;
    int rc = sql_begin(s, true, e);
    if (rc) {
        return rc;
    }
    rc = know_it(s, &version, e); /* again: it may have changed before we had the lock */
    for (; rc == 0 && version < known_version(); version++) {
        rc = step_up(s, version, e);
    }
    return sql_end(s, rc, e);
}

/* ---- damage ---- */

/* A page that no memory could be had for is told like a damaged one: "...: unable to get the page. error code=7" */
static bool wants_memory(const char *found)
{
    const char *code = strstr(found, "error code=");
    return code && (atoi(code + strlen("error code=")) & 0xff) == SQLITE_NOMEM;
}

static int look_closely(struct sqlite_store *s, struct error *e)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    rc = rc == SQLITE_OK ? sql_step(s, statement, e) : sql_error(s, rc, e);
    const char *found = rc == 1 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (rc == 1) {
        rc = !found || wants_memory(found) ? store_no_memory(e)
             : strcmp(found, "ok") == 0    ? 0
                                           : error_set(e, ERR_SYNTAX, "the store %s: %s", s->path, found);
    }
    (void)sqlite3_finalize(statement);
    return rc;
}

static int check_pages(struct sqlite_store *s, struct error *e)
{
    struct stat st;
    char *mark = joined(s->path, SUSPECT, "");
    if (!mark) {
        return store_no_memory(e);
    }
    bool suspect = access(mark, F_OK) == 0;
    int rc = 0;
    if (suspect || (stat(s->path, &st) == 0 && st.st_size <= LOOK_MAX_BYTES)) {
        rc = look_closely(s, e);
    }
    if (suspect && (rc == 0 || rc == ERR_SYNTAX)) {
        (void)unlink(mark); /* sound, or about to be set aside */
    }
    mem_free(mark);
    return rc;
}

static bool any_exists(const char *path)
{
    for (size_t i = 0; i < 3; i++) {
        char name[PATH_MAX + 8];
        struct stat st;
        (void)snprintf(name, sizeof name, "%s%s", path, companions[i]);
        if (lstat(name, &st) == 0 || errno != ENOENT) {
            return true;
        }
    }
    return false;
}

static int rename_all(const char *from, const char *to, struct error *e)
{
    for (size_t i = 0; i < 3; i++) {
        char old[PATH_MAX + 8], new[PATH_MAX + 8];
        (void)snprintf(old, sizeof old, "%s%s", from, companions[i]);
        (void)snprintf(new, sizeof new, "%s%s", to, companions[i]);
        if (rename(old, new) != 0 && errno != ENOENT) {
            int errnum = errno;
            return error_errno(e, errnum, "set %s aside", old);
        }
    }
    return 0;
}

/* why: what is wrong with it; told of it in *e with ERR_SYNTAX where 0 is returned. */
static int set_aside(const struct sqlite_store *s, int folder, const struct error *why, struct error *e)
{
    char aside[PATH_MAX];
    for (int i = 1; i <= DAMAGED_MAX; i++) {
        if (snprintf(aside, sizeof aside, "%s.damaged-%d", s->path, i) >= (int)sizeof aside) {
            return error_set(e, ERR_CONFIG, "the store's name is too long: %s", s->path);
        }
        if (!any_exists(aside)) {
            int rc = rename_all(s->path, aside, e);
            if (rc == 0) {
                (void)fsync(folder); /* at worst it is found damaged once more */
                (void)error_set(e, ERR_SYNTAX, "set aside as %s: %.200s", aside, why->text);
            }
            return rc;
        }
    }
    return error_set(e, ERR_CONFIG, "the store %s is damaged, and so were %d before; remove some", s->path,
                     DAMAGED_MAX);
}

/* ---- opening ---- */

static int start_writing(struct sqlite_store *s, struct error *e)
{
    int64_t version = 0;
    int rc = connect_to(s, s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, e);
    rc = rc ? rc : know_it(s, &version, e);
    rc = rc ? rc : sql_exec(s, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL", e);
    rc = rc ? rc : check_pages(s, e);
    rc = rc ? rc
            : sql_exec(s,
                       "PRAGMA wal_autocheckpoint = " CHECKPOINT_PAGES ";"
                       "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -500; PRAGMA secure_delete = OFF",
                       e);
    rc = rc ? rc : sql_exec(s, s->unflushed ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = FULL", e);
    sqlite3_stmt *rollback;
    rc = rc ? rc : sql_get(s, SQL_ROLLBACK, &rollback, e);
    rc = rc ? rc : migrate(s, e);
    return rc ? rc : sql_exec(s, "PRAGMA foreign_keys = ON", e);
}

static int lock_folder(const char *path, int *folder, struct error *e)
{
    const char *slash = strrchr(path, '/');
    char *name = slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
    if (!name) {
        return store_no_memory(e);
    }
    int rc = 0;
    *folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0) {
        int errnum = errno;
        rc = error_errno(NULL, errnum, "x");
        rc = error_set(e, rc == ERR_NOPLACE ? ERR_CONFIG : rc, "folder of the store %s: %s", path,
                       strerrordesc_np(errnum));
    }
    mem_free(name);
    for (int waited = 0; rc == 0 && flock(*folder, LOCK_EX | LOCK_NB) != 0; waited += 20) {
        if (waited >= BUSY_MS) {
            close(*folder);
            return error_set(e, ERR_BUSY, "another process has been opening the store %s for too long", path);
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return rc;
}

static int open_to_write(struct sqlite_store *s, struct error *e)
{
    int folder = -1;
    int rc = lock_folder(s->path, &folder, e);
    if (rc) {
        return rc;
    }
    struct error why = {0};
    rc = start_writing(s, &why);
    if (rc == ERR_SYNTAX) {
        disconnect(s);
        rc = set_aside(s, folder, &why, e);
        error_clear(&why);
        rc = rc ? rc : start_writing(s, &why);
    }
    if (rc && why.code) {
        if (e) {
            error_clear(e);
        }
        (void)error_set(e, why.code, "%s", why.text);
    }
    close(folder); /* and with it the lock */
    return rc;
}

/* A database that nobody has open has no log; where we may not make one either, it is read as it lies. */
static int open_unshared(struct sqlite_store *s, struct error *e)
{
    struct str uri = STR_INIT;
    str_puts(&uri, "file:");
    for (const char *c = s->path; *c; c++) {
        if (strchr("%?#", *c)) {
            str_printf(&uri, "%%%02x", (unsigned char)*c);
        } else {
            str_putc(&uri, *c);
        }
    }
    str_puts(&uri, "?immutable=1");
    int rc =
        str_failed(&uri) ? store_no_memory(e) : connect_to(s, uri.bytes, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
    str_fini(&uri);
    return rc;
}

static int start_reading(struct sqlite_store *s, int64_t *version, struct error *e)
{
    struct error first = {0};
    int rc = connect_to(s, s->path, SQLITE_OPEN_READONLY, &first);
    rc = rc ? rc : know_it(s, version, &first);
    char *log = joined(s->path, "-wal", "");
    int why = s->db ? sqlite3_errcode(s->db) & 0xff : SQLITE_OK;
    if (rc && log && (why == SQLITE_CANTOPEN || why == SQLITE_READONLY) && access(log, F_OK) != 0) {
        disconnect(s);
        error_clear(&first);
        rc = open_unshared(s, &first);
        rc = rc ? rc : know_it(s, version, &first);
    }
    mem_free(log);
    return rc ? error_set(e, rc, "%s", first.text) : 0;
}

static int open_to_read(struct sqlite_store *s, struct error *e)
{
    int64_t version = 0;
    sqlite3_stmt *rollback;
    int rc = start_reading(s, &version, e);
    if (rc == 0 && version == 0) {
        rc = error_set(e, ERR_GONE, "there is no store %s yet: it is being made", s->path);
    } else if (rc == 0 && version < known_version()) {
        rc = error_set(e, ERR_CONFIG, "%s is of version %d; the service makes it version %d when it starts", s->path,
                       (int)version, known_version());
    }
    return rc ? rc : sql_get(s, SQL_ROLLBACK, &rollback, e);
}

static int check_place(const struct sqlite_store *s, struct error *e)
{
    struct stat st;
    if (stat(s->path, &st) == 0) {
        return S_ISREG(st.st_mode) ? 0 : error_set(e, ERR_CONFIG, "the store %s is not a regular file", s->path);
    }
    int errnum = errno;
    if (errnum != ENOENT) {
        return error_errno(e, errnum, "the store %s", s->path);
    }
    return s->mode == STORE_WRITE ? 0 : error_set(e, ERR_GONE, "there is no store %s yet", s->path);
}

int sqlite_store_open(struct store **out, const char *rest, const char *base, enum store_mode mode, struct error *e)
{
    size_t n = strlen(rest);
    if (n == 0 || rest[n - 1] == '/') {
        return error_set(e, ERR_CONFIG, "sqlite:%s names no file for the store", rest);
    }
    int rc = sqlite_memory_start(e);
    if (rc) {
        return rc;
    }
    struct sqlite_store *s = mem_zalloc(sizeof *s);
    if (!s) {
        return store_no_memory(e);
    }
    s->store.driver = &store_sqlite;
    s->unflushed = mode == STORE_WRITE_UNFLUSHED;
    s->mode = mode == STORE_READ ? STORE_READ : STORE_WRITE;
    s->path = *rest == '/' ? mem_strdup(rest) : joined(base, "/", rest);
    rc = s->path ? check_place(s, e) : store_no_memory(e);
    rc = rc ? rc : s->mode == STORE_WRITE ? open_to_write(s, e) : open_to_read(s, e);
    if (rc) {
        sqlite_store_close(&s->store);
        return rc;
    }
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    s->open = true;
    *out = &s->store;
    return 0;
}

void sqlite_store_close(struct store *store)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    disconnect(s);
    mem_free(s->seen);
    mem_free(s->path);
    mem_free(s);
}
