/* program.c: see program.h. Standard output and error are one pipe, so that lines keep their order. When the process has
 * ended, what lies in the pipe is read at once; who still has its other end open is not waited for. */
#include "shunt/service/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/task.h"

#define CHILD_NAME    "shunt-task"
#define CHILD_EXIT    127 /* as a shell's where there is no such program */
#define SELF          "/proc/self/exe"
#define PATH_GIVEN    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LAST_READS    64 /* of what lies in the pipe at the end: more than a pipe holds */
#define GROUP_LOOK_MS 50
#define READ_BYTES    4096

struct program {
    struct runtime *rt;
    uv_process_t process;
    uv_pipe_t output;
    unsigned open; /* handles */
    struct wait deadline;
    struct program_end end;
    bool stopping;
    int64_t kill_at_ms; /* where it is */
    program_ended_cb ended;
    void *user;
    size_t lines;
    size_t len; /* of the line that is not whole yet */
    char line[PROGRAM_LINE_MAX];
    char buffer[READ_BYTES];
    char name[];
};

/* --- the child --- */

void program_child(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[0], CHILD_NAME) != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    umask(022);
    execv(argv[1], argv + 1);
    perror(argv[1]);
    _exit(CHILD_EXIT);
}

/* --- its output --- */

static void put_line(struct program *p)
{
    if (p->lines++ < PROGRAM_LINES_MAX)
        log_write(LOG_EVENT(LOG_INFO, "task_output"), "%s: %.*s", p->name, (int)p->len, p->line);
    else
        p->end.lines_left_out++;
    p->len = 0;
}

static void take(struct program *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            put_line(p);
            continue;
        }
        if (p->len == sizeof p->line)
            put_line(p);
        p->line[p->len++] = bytes[i];
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct program *p = handle->data;
    *out = uv_buf_init(p->buffer, sizeof p->buffer);
}

static void on_closed(uv_handle_t *handle)
{
    struct program *p = handle->data;
    if (--p->open == 0)
        mem_free(p);
}

static void close_output(struct program *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->output))
        uv_close((uv_handle_t *)&p->output, on_closed);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct program *p = stream->data;
    if (n > 0)
        take(p, buffer->base, (size_t)n);
    else if (n < 0)
        close_output(p);
}

static void read_rest(struct program *p)
{
    uv_os_fd_t fd;
    ssize_t n = 1;
    if (uv_is_closing((uv_handle_t *)&p->output) || uv_fileno((uv_handle_t *)&p->output, &fd) != 0)
        return;
    for (unsigned i = 0; i < LAST_READS && n > 0; i++)
        if ((n = read(fd, p->buffer, sizeof p->buffer)) > 0)
            take(p, p->buffer, (size_t)n);
}

/* --- its end --- */

static void finish(struct program *p)
{
    read_rest(p);
    if (p->len > 0)
        put_line(p);
    wait_cancel(p->rt, &p->deadline);
    p->ended(p->user, &p->end);
    close_output(p);
    uv_close((uv_handle_t *)&p->process, on_closed);
}

/* It was stopped and has ended; what it began may take as long as it could have. */
static void on_look_at_group(struct wait *wait)
{
    struct program *p = (struct program *)((char *)wait - offsetof(struct program, deadline));
    bool left = kill(-p->process.pid, 0) == 0;
    if (left && runtime_now(p->rt) < p->kill_at_ms && wait_set(p->rt, wait, GROUP_LOOK_MS, on_look_at_group) == 0)
        return;
    if (left)
        kill(-p->process.pid, SIGKILL);
    finish(p);
}

static void on_exit_(uv_process_t *process, int64_t status, int signal)
{
    struct program *p = process->data;
    p->end.exit_status = (int)status;
    p->end.signal = signal;
    if (p->stopping)
        on_look_at_group(&p->deadline);
    else
        finish(p);
}

static void on_grace_over(struct wait *wait)
{
    const struct program *p = (struct program *)((char *)wait - offsetof(struct program, deadline));
    kill(-p->process.pid, SIGKILL);
}

void program_stop(struct program *p)
{
    if (p->stopping)
        return;
    p->stopping = true;
    p->kill_at_ms = runtime_now(p->rt) + PROGRAM_GRACE_MS;
    kill(-p->process.pid, SIGTERM);
    if (wait_set(p->rt, &p->deadline, PROGRAM_GRACE_MS, on_grace_over) != 0)
        kill(-p->process.pid, SIGKILL);
}

static void on_timeout(struct wait *wait)
{
    struct program *p = (struct program *)((char *)wait - offsetof(struct program, deadline));
    p->end.timed_out = true;
    program_stop(p);
}

int program_pid(const struct program *p)
{
    return p->process.pid;
}

/* --- its start --- */

/* argv behind our own name for it. */
static int child_command(const char *line, char ***out, struct error *e)
{
    struct str whole = STR_INIT;
    str_printf(&whole, CHILD_NAME " %s", line);
    int rc = str_failed(&whole) ? error_set(e, ERR_NOMEM, "out of memory") : task_command(whole.bytes, out, e);
    str_fini(&whole);
    return rc;
}

static int spawn(struct program *p, char **argv, int output, struct error *e)
{
    char path[] = PATH_GIVEN, lang[] = "LANG=C.UTF-8", zone[256], *env[] = {path, lang, NULL, NULL};
    const char *tz = getenv("TZ");
    if (tz && (size_t)snprintf(zone, sizeof zone, "TZ=%s", tz) < sizeof zone)
        env[2] = zone;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = output}, {.flags = UV_INHERIT_FD, .data.fd = output}};
    uv_process_options_t how = {.exit_cb = on_exit_,
                                .file = SELF,
                                .args = argv,
                                .env = env,
                                .cwd = "/",
                                .flags = UV_PROCESS_DETACHED, /* a group of its own */
                                .stdio_count = 3,
                                .stdio = stdio};
    int rc = uv_spawn(p->rt->loop, &p->process, &how);
    p->open++; /* also where it failed */
    return rc == 0 ? 0 : error_set(e, ERR_NOFILES, "%s cannot be started: %s", argv[1], uv_strerror(rc));
}

static int open_and_spawn(struct program *p, char **argv, struct error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(e, errno, "no pipe");
    int rc = uv_pipe_open(&p->output, ends[0]);
    if (rc != 0) {
        close(ends[0]);
        error_set(e, ERR_NOFILES, "no pipe: %s", uv_strerror(rc));
    } else if ((rc = spawn(p, argv, ends[1], e)) == 0) {
        uv_read_start((uv_stream_t *)&p->output, on_alloc, on_output);
    }
    close(ends[1]);
    return rc == 0 ? 0 : e->code;
}

int program_start(struct runtime *rt, const char *name, const char *line, int64_t timeout_ms, program_ended_cb ended,
                  void *user, struct program **out, struct error *e)
{
    char **argv = NULL;
    struct program *p = mem_zalloc(sizeof *p + strlen(name) + 1);
    if (!p || child_command(line, &argv, e) != 0) {
        mem_free(p);
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    p->rt = rt;
    p->ended = ended;
    p->user = user;
    strcpy(p->name, name);
    int rc = wait_set(rt, &p->deadline, timeout_ms, on_timeout); /* it can fail, so it comes before */
    if (rc != 0) {
        mem_free(argv);
        mem_free(p);
        return error_set(e, rc, "out of memory");
    }
    uv_pipe_init(rt->loop, &p->output, 0);
    p->process.data = p->output.data = p;
    p->open = 1;
    rc = open_and_spawn(p, argv, e);
    mem_free(argv);
    if (rc == 0) {
        *out = p;
        return 0;
    }
    wait_cancel(rt, &p->deadline);
    close_output(p);
    if (p->open > 1)
        uv_close((uv_handle_t *)&p->process, on_closed);
    return rc;
}
