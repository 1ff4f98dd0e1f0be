/* task.c: see task.h. */
#include "shunt/core/task.h"

#include <string.h>

#include "shunt/base/mem.h"

#define EVERY_MIN_MS 100

int task_schedule(const struct task *t, struct schedule *out, const char **key, struct error *e)
{
    if (t->every_ms > 0) {
        schedule_every(out, t->every_ms);
        return 0;
    }
    if (t->cron[0] != '\0') {
        *key = "cron";
        return schedule_cron(out, t->cron, e);
    }
    *key = "at";
    if (schedule_at(out, t->at.items, t->at.count, e) != 0)
        return ERR_CONFIG;
    *key = "on";
    return schedule_on(out, t->on.items, t->on.count, e);
}

int task_off_hours(const struct settings *s, struct off_hours *out, const char **key, struct error *e)
{
    *out = (struct off_hours){.on = s->off_cadence, .add_ms = s->off_add_ms};
    *key = "off_hours";
    if (off_hours_span(out, s->off_hours, e) != 0)
        return ERR_CONFIG;
    *key = "off_days";
    if (off_hours_days(out, s->off_days.items, s->off_days.count, e) != 0)
        return ERR_CONFIG;
    *key = "off_minutes";
    return off_hours_minutes(out, s->off_minutes.items, s->off_minutes.count, e);
}

/* Words of `text` into out, each with its NUL, and their count; a quote keeps what stands before the next together. */
static int split(const char *text, char *out, size_t *count, struct error *e)
{
    *count = 0;
    for (const char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
        bool quoted = false;
        for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
            if (*p == '"')
                quoted = !quoted;
            else
                *out++ = *p;
        }
        if (quoted)
            return error_set(e, ERR_CONFIG, "a double quote is not closed");
        *out++ = '\0';
        ++*count;
    }
    return 0;
}

int task_command(const char *program, char ***argv, struct error *e)
{
    size_t len = strlen(program), most = len / 2 + 2; /* words, each with a space, and NULL */
    char **words = mem_zalloc(most * sizeof *words + len + 2);
    if (!words)
        return error_set(e, ERR_NOMEM, "out of memory");
    char *bytes = (char *)(words + most);
    size_t count;
    int rc = split(program, bytes, &count, e);
    if (rc != 0) {
        mem_free(words);
        return rc;
    }
    for (size_t i = 0; i < count; i++, bytes += strlen(bytes) + 1)
        words[i] = bytes;
    *argv = words;
    return 0;
}

/* Absolute, and without parts that lead elsewhere than it reads. */
static bool is_plain_path(const char *path)
{
    if (*path != '/')
        return false;
    for (const char *p = path; *p == '/';) {
        size_t n = strcspn(++p, "/");
        if (n == 0 || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
    }
    return true;
}

static bool is_allowed(const struct settings *s, const char *path)
{
    for (size_t i = 0; i < s->programs.count; i++) {
        const char *item = s->programs.items[i];
        size_t n = strlen(item);
        while (n > 0 && item[n - 1] == '/')
            n--;
        if (strncmp(path, item, n) == 0 && (path[n] == '/' || path[n] == '\0'))
            return true;
    }
    return false;
}

static int check_program(const struct task *t, const struct settings *s, struct error *e)
{
    if (t->run != TASK_PROGRAM)
        return t->program[0] == '\0' ? 0 : error_set(e, ERR_CONFIG, "run = %s runs no program", task_run_words[t->run]);
    if (t->program[0] == '\0')
        return error_set(e, ERR_CONFIG, "must be given, or `run` must say something else");
    char **argv;
    int rc = task_command(t->program, &argv, e);
    if (rc != 0)
        return rc;
    if (!argv[0] || !is_plain_path(argv[0]))
        rc = error_set(e, ERR_CONFIG, "a program is named by its absolute path, without `.`, `..` and `//`");
    else if (!is_allowed(s, argv[0]))
        rc = error_set(e, ERR_CONFIG, "%s is not among [schedule] programs", argv[0]);
    mem_free(argv);
    return rc;
}

static int check_times(const struct task *t, const char **key, struct error *e)
{
    int ways = (t->every_ms > 0) + (t->at.count > 0) + (t->cron[0] != '\0');
    struct schedule schedule;
    *key = NULL;
    if (ways != 1)
        return error_set(e, ERR_CONFIG, "says %s of every, at and cron; it must be one", ways ? "several" : "none");
    if (t->every_ms > 0 && t->every_ms < EVERY_MIN_MS) {
        *key = "every";
        return error_set(e, ERR_CONFIG, "must be at least %d ms", EVERY_MIN_MS);
    }
    if (t->on.count > 0 && t->at.count == 0) {
        *key = "on";
        return error_set(e, ERR_CONFIG, "goes with at only");
    }
    int rc = task_schedule(t, &schedule, key, e);
    if (rc == 0 && schedule_next(&schedule, NULL, 0, 0) == SCHEDULE_NEVER)
        rc = error_set(e, ERR_CONFIG, "there is no such day");
    return rc;
}

void task_check(const struct section *section, const struct settings *s, const char *file, struct faults *faults)
{
    const struct task *t = (const struct task *)section;
    const char *key = NULL;
    struct error e = {0};
    bool is_own = strcmp(section->name, TASK_REPORT_NAME) == 0;
    for (size_t i = TASK_PROGRAM + 1; task_run_words[i]; i++)
        is_own = is_own || strcmp(section->name, task_run_words[i]) == 0;
    if (is_own)
        section_fault(section, file, faults, NULL, "the name is that of a task of our own");
    if (check_times(t, &key, &e) != 0)
        section_fault(section, file, faults, key, e.text);
    error_clear(&e);
    if (check_program(t, s, &e) != 0)
        section_fault(section, file, faults, "program", e.text);
}
