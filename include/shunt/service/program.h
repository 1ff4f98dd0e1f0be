/* program.h: a program that runs beside us: no shell, its own process group, what it prints in the log.
 *
 * Happy way: program_start -> its lines become log lines (event task_output) -> it ends -> `ended`, once, on the loop, after
 * which the program is no more. At its time-out, or when it is stopped, its group gets TERM and after PROGRAM_GRACE_MS
 * KILL. It has the standard input of /dev/null, a small environment, the folder /, and the umask 022; it gets TERM when
 * the service dies. At most PROGRAM_LINES_MAX lines of a run are logged, the rest is read and counted. What it leaves
 * behind in its group when it ends goes on.
 *
 * The loop starts ourselves anew and waits until that has begun, which is on its way to be the program (program_child): so a
 * program on a file system that hangs costs a process and not the loop. Thread: loop.
 */
#ifndef SHUNT_SERVICE_PROGRAM_H
#define SHUNT_SERVICE_PROGRAM_H

#include "shunt/service/runtime.h"

#define PROGRAM_GRACE_MS  5000
#define PROGRAM_LINES_MAX 1000
#define PROGRAM_LINE_MAX  2000 /* bytes; a longer one is told in parts */

struct program;

struct program_end {
    int exit_status;
    int signal; /* 0: none */
    bool timed_out;
    size_t lines_left_out;
};

typedef void (*program_ended_cb)(void *user, const struct program_end *end);

/* name: of the task, for the log; copied. line: as task_command takes it. */
int program_start(struct runtime *rt, const char *name, const char *line, int64_t timeout_ms, program_ended_cb ended,
                  void *user, struct program **out, struct error *e);
void program_stop(struct program *p);
int program_pid(const struct program *p);

/* First thing in main: where we were started to become a program, does so and does not return. */
void program_child(int argc, char **argv);

#endif
