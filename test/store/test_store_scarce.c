/* No memory: the n-th allocation of a whole life fails, alone or with all after it. */
#include <fcntl.h>

#include "contract.h"

static long countdown;
static bool lasting, hit;

static bool refused(void)
{
    if (countdown != 0) {
        countdown -= countdown > 0;
        return false;
    }
    countdown = lasting ? 0 : -1;
    hit = true;
    return true;
}

static void *scarce_alloc(size_t size)
{
    return refused() ? NULL : malloc(size);
}

static void *scarce_resize(void *p, size_t size)
{
    return refused() ? NULL : realloc(p, size);
}

static const struct mem_functions scarce = {.alloc = scarce_alloc, .resize = scarce_resize, .free = free};

static void let_go(json_t **out)
{
    json_decref(*out);
    *out = NULL;
}

static int note_jobs(struct store *s, struct error *e)
{
    struct sample m[4];
    struct store_job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = ended(&m[i], i, 0, (uint64_t)i);
    }
    jobs[3].status = STATUS_PENDING;
    jobs[3].client = "\xff a client whose name is longer than what is remembered of words";
    int rc = store_record(s, jobs, 4, e);
    return rc ? rc : store_record(s, jobs, 4, e);
}

static int look(struct store *s, struct error *e)
{
    json_t *out = NULL;
    struct found f = {0};
    struct store_seen seen;
    struct sample m;
    const struct store_job first = ended(&m, 0, 0, 0);
    int rc = store_unfinished(s, note, &f, e);
    rc = rc ? rc : store_last(s, "RANK", "t1.json", NULL, note, &f, e);
    rc = rc ? rc : store_uncounted(s, 0, note, &f, e);
    rc = rc ? rc : store_seen(s, &first, 0, &seen, e);
    rc = rc ? rc : store_list(s, &(struct store_filter){.client = "rank", .destination = "monday"}, &out, e);
    let_go(&out);
    rc = rc ? rc : store_list(s, &(struct store_filter){.statuses = 1u << STATUS_PENDING}, &out, e);
    let_go(&out);
    rc = rc ? rc : store_show(s, "t3.json", &out, e);
    let_go(&out);
    rc = rc ? rc : store_show(s, "01990000-0000-7000-8000-000000000001", &out, e);
    let_go(&out);
    return rc;
}

static int keep(struct store *s, struct error *e)
{
    const struct store_alert alert = {"kind", "subject", NOON, "text"};
    json_t *counts = NULL, *out = NULL, *report = json_object();
    int rc = store_totals(s, &counts, e);
    rc = rc || report ? rc : ERR_NOMEM;
    rc = rc || !counts || json_object_set_new(counts, "counted", json_pack("{s:i, s:[i]}", "to", 2, "but", 1)) == 0
             ? rc
             : ERR_NOMEM;
    rc = rc ? rc : store_save_snapshot(s, 0, counts, e);
    rc = rc ? rc : store_save_day(s, 0, 20260921, counts, e);
    let_go(&counts);
    rc = rc ? rc : store_load_snapshot(s, 0, &out, e);
    let_go(&out);
    rc = rc ? rc : store_load_day(s, 20260921, &out, e);
    let_go(&out);
    rc = rc ? rc : store_save_report(s, 20260921, report, e);
    let_go(&report);
    rc = rc ? rc : store_load_report(s, 20260921, &out, e);
    let_go(&out);
    rc = rc ? rc : store_reports(s, &out, e);
    let_go(&out);
    rc = rc ? rc : store_alert(s, &alert, true, e);
    rc = rc ? rc : store_alert(s, &alert, true, e);
    rc = rc ? rc : store_alerts(s, false, 0, &out, e);
    let_go(&out);
    return rc;
}

static int send(struct store *s, struct error *e)
{
    const struct store_taking taking = {.now_ms = 1, .until_ms = 2, .most = 2};
    json_t *document = json_pack("{s:s, s:[s]}", "subject", "A day", "to", "a@example.com"), *out = NULL;
    const struct store_message m = {.kind = "mail", .key = "a", .document = document, .due_ms = 1};
    int rc = document ? store_outbox_put(s, &m, e) : ERR_NOMEM;
    rc = rc ? rc : store_outbox_take(s, &taking, &out, e);
    let_go(&out);
    struct store_sent sent = {
        .key = "a", .attempt = 1, .state = OUTBOX_WAITING, .error = "later", .document = document};
    rc = rc ? rc : store_outbox_release(s, 0, 1, e);
    rc = rc ? rc : store_outbox_record(s, &sent, e);
    sent.state = OUTBOX_SENT;
    rc = rc ? rc : store_outbox_record(s, &sent, e);
    rc = rc ? rc : store_outbox_list(s, 0, 0, &out, e);
    let_go(&out);
    json_decref(document);
    return rc;
}

static int tidy(struct store *s, struct error *e)
{
    json_t *out = NULL;
    int rc = store_check(s, &out, e);
    rc = rc || json_array_size(out) == 0 ? rc : ERR_INTERNAL;
    let_go(&out);
    size_t removed;
    return rc ? rc : store_retain(s, &(struct store_retention){.keep_rows = 3, .most = 10}, &removed, e);
}

/* Of a life, each from what those before it left. */
static int (*const parts[])(struct store *s, struct error *e) = {note_jobs, look, keep, send, tidy};
#define PARTS (sizeof parts / sizeof *parts)

static void live(struct store *s, size_t from, size_t until)
{
    struct error e = {0};
    for (size_t i = from; i < until; i++) {
        if (parts[i](s, &e) != 0) {
            fail_msg("part %zu of a life: %s", i, e.text);
        }
    }
}

/* All or none, whatever failed. */
static void assert_sound(struct store *s)
{
    assert_no_findings(s);
    json_t *page = list(s, (struct store_filter){0});
    size_t n = json_array_size(json_object_get(page, "jobs"));
    json_decref(page);
    assert_true(n == 0 || n == 4 || n == 3);
    assert_int_equal(total_of(s, "completed") + total_of(s, "pending"), n);
}

static void copy_file(const char *from, const char *to)
{
    unlink(in_folder(to));
    int in = open(in_folder(from), O_RDONLY); /* the driver in memory has none */
    if (in < 0)
        return;
    int out = open(in_folder(to), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char bytes[65536];
    for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

static void begin_scarcity(long n, bool lasts)
{
    countdown = n;
    lasting = lasts;
    hit = false;
    json_set_alloc_funcs(scarce_alloc, free);
    mem_set(&scarce);
}

static void end_scarcity(long n, int rc, const struct error *e)
{
    countdown = -1;
    mem_set(NULL);
    json_set_alloc_funcs(malloc, free);
    if (rc != 0 && rc != ERR_NOMEM)
        fail_msg("allocation %ld: %d, %s", n, rc, e->text);
    assert_true(rc == 0 || hit);
}

/* FNV-1a of a file's bytes; 0: there is none. */
static uint64_t print_of(const char *name)
{
    int in = open(in_folder(name), O_RDONLY);
    uint64_t print = in < 0 ? 0 : 14695981039346656037u;
    char bytes[65536];
    for (ssize_t n; in >= 0 && (n = read(in, bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < n; i++)
            print = (print ^ (unsigned char)bytes[i]) * 1099511628211u;
    if (in >= 0)
        close(in);
    return print;
}

static const char *const files[] = {"shunt.db", "shunt.db-wal", "shunt.db.suspect", "shunt.db-shm"};
#define FILES_TOLD 3 /* of them; the last is made anew whatever it holds */

/* Whether what a failed opening left is, byte for byte, what the one before left: then it is known to be sound. */
static bool is_left_as_before(void)
{
    static uint64_t before[FILES_TOLD];
    uint64_t now[FILES_TOLD];
    for (size_t i = 0; i < FILES_TOLD; i++)
        now[i] = print_of(files[i]);
    bool same = memcmp(before, now, sizeof now) == 0 && now[0] != 0;
    memcpy(before, now, sizeof now);
    return same;
}

/* The n-th allocation of an opening fails; what is opened then is lived in. file: what is there, NULL: nothing yet. */
static bool one_opening(const char *file, long n, bool lasts)
{
    struct error e = {0};
    struct store *s = NULL;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(in_folder(files[i]));
    if (file)
        copy_file(file, "shunt.db");
    begin_scarcity(n, lasts);
    int rc = store_open(&s, url, folder, STORE_WRITE_UNFLUSHED, &e);
    end_scarcity(n, rc, &e);
    assert_true(rc == 0 || !s);
    if (!s && is_left_as_before())
        return hit;
    bool failed = !s;
    s = failed ? opened() : s;
    assert_sound(s);
    if (!failed)
        live(s, 0, PARTS);
    store_close(s);
    return hit;
}

/* A store as the part finds it. Where it is a file a copy is kept, so that the parts before are lived once and not for
 * each allocation. */
static struct store *before_part(size_t part)
{
    char kept[32];
    snprintf(kept, sizeof kept, "part-%zu.db", part);
    bool known = access(in_folder(kept), F_OK) == 0;
    copy_file(kept, "shunt.db");
    struct store *s = opened();
    if (known)
        return s;
    live(s, 0, part);
    if (access(in_folder("shunt.db"), F_OK) != 0)
        return s;
    store_close(s);
    copy_file("shunt.db", kept);
    return opened();
}

static bool one_part(size_t part, long n, bool lasts)
{
    struct error e = {0};
    struct store *s = before_part(part);
    begin_scarcity(n, lasts);
    int rc = parts[part](s, &e);
    end_scarcity(n, rc, &e);
    assert_sound(s);
    store_close(s);
    return hit;
}

#ifdef __SANITIZE_THREAD__
#define STEP 5 /* what leaks or crashes is the other sanitizers' to find */
#else
#define STEP 1
#endif

static void without_memory_it_fails_and_stays_whole(void **state)
{
    (void)state;
    struct store *empty = opened();
    store_close(empty);
    copy_file("shunt.db", "empty.db");
    for (int lasts = 0; lasts < 2; lasts++) {
        const long step = STEP * (lasts ? 7 : 1); /* the second round is much like the first */
        long n = 0;
        while (one_opening(NULL, n, lasts))
            n += step;
        assert_true(n > 0);
        for (n = 0; one_opening("empty.db", n, lasts);)
            n += step;
        assert_true(n > 0);
        for (size_t part = 0; part < PARTS; part++) {
            for (n = 0; one_part(part, n, lasts);)
                n += step;
            assert_true(n > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_DRIVER(without_memory_it_fails_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
