/* settings_kinds.c: the tables of the sections that have a name. The order here is that of print-outs and the reference.
 */
#include <limits.h>

#include "shunt/core/expect.h"
#include "shunt/core/task.h"

#define SECOND INT64_C(1000)
#define DAY    (86400 * SECOND)

const char *const task_run_words[] = {"program", "scan", "retention", "stuck", NULL};

#define TASK(key_, type_, field_, default_, ...)                                                                       \
    {                                                                                                                  \
        .section = "task", .key = key_, .type = type_, .offset = offsetof(struct task, field_),                        \
        .default_text = default_, .max = PATH_MAX - 1, .reloadable = true, __VA_ARGS__                                 \
    }
#define TASK_TIME(key_, field_, default_, min_, max_, help_)                                                           \
    {                                                                                                                  \
        .section = "task", .key = key_, .type = SETTING_MS, .offset = offsetof(struct task, field_),                   \
        .default_text = default_, .min = min_, .max = max_, .reloadable = true, .help = help_                          \
    }

/* clang-format off */
static const struct setting task_keys[] = {
    TASK_TIME("every", every_ms, "0", 0, 366 * DAY,
              "From one run to the next, in real time. One of `every`, `at` and `cron` must be given."),
    TASK("at", SETTING_LIST, at, "",
         .help = "Local times at which it runs, as 07:00, 19:00. One that a change to summer time leaves out is made up "
                 "for right after it; one that comes twice counts once."),
    TASK("on", SETTING_LIST, on, "",
         .help = "Days on which `at` holds, as mon-fri or sat, sun. Empty: every day."),
    TASK("cron", SETTING_TEXT, cron, "",
         .help = "Local times in the five fields of crontab(5), as */5 8-18 * * mon-fri."),
    TASK("run", SETTING_ENUM, run, "program", .words = task_run_words,
         .help = "program: what `program` says; scan: a scan of the hot folders; retention: old jobs leave the store; "
                 "stuck: a mail of what failed and was not put back, and of what waits."),
    TASK("program", SETTING_TEXT, program, "",
         .help = "An absolute path and arguments, split at spaces; what stands between double quotes is kept together. No "
                 "shell reads it. [schedule] programs must allow it."),
    TASK_TIME("timeout", timeout_ms, "10m", 100, 7 * DAY,
              "A program that runs for longer is ended, with all that it began."),
    TASK("catch_up", SETTING_BOOL, catch_up, "no",
         .help = "Whether a time that was missed while the service was down is made up for, once, when it starts."),
    TASK("exempt", SETTING_BOOL, exempt, "no", .help = "Whether [schedule] off_cadence does not hold for it."),
    {.section = NULL},
};

#define EXPECT(key_, type_, field_, default_, min_, max_, help_)                                                       \
    {                                                                                                                  \
        .section = "expect", .key = key_, .type = type_, .offset = offsetof(struct expect, field_),                    \
        .default_text = default_, .min = min_, .max = max_, .help = help_                                              \
    }
static const struct setting expect_keys[] = {
    EXPECT("client", SETTING_TEXT, client, "", 0, 255, "The hot folder whose tickets are counted, also those in hand."),
    EXPECT("by", SETTING_TEXT, by, "", 0, 5, "Local time by which they should have come, as 10:00."),
    EXPECT("min", SETTING_COUNT, min, "1", 1, 1000000000, "How many."),
    EXPECT("days", SETTING_LIST, days, "", 0, PATH_MAX - 1,
           "Days on which they are expected, as mon-fri or sat, sun. Empty: every day."),
    {.section = NULL},
};

const struct section_kind settings_kinds[] = {
    {.word = "task", .keys = task_keys, .size = sizeof(struct task), .offset = offsetof(struct settings, tasks),
     .most = TASKS_MAX, .check = task_check, .help = "A program, or a piece of our own work, that is run at its times."},
    {.word = "expect", .keys = expect_keys, .size = sizeof(struct expect), .offset = offsetof(struct settings, expects),
     .most = EXPECTS_MAX, .check = expected_check,
     .help = "Tickets that should have come by a time of the day; where they have not, people are told."},
    {.word = NULL},
};
/* clang-format on */
