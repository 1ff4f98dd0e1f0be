/* cmd_top.c: `shunt top`: the service's state on the terminal, asked once a second. Escape sequences that every terminal
 * knows, nothing else; the terminal is as it was when we leave, also by a signal (they come by a descriptor, so that
 * nothing runs in a handler). A service that goes away is asked again until it is back. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "shunt/base/clock.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/table.h"
#include "shunt/cli/top_screen.h"
#include "shunt/core/json_get.h"
#include "shunt/service/service.h"

#define PAUSE_MS   1000
#define TIMEOUT_MS 2000
#define ENTER      "\x1b[?1049h\x1b[?25l" /* the other screen, no cursor */
#define LEAVE      "\x1b[0m\x1b[?25h\x1b[?1049l"
#define HOME       "\x1b[H"
#define TO_EOL     "\x1b[K"
#define TO_END     "\x1b[J"

struct top {
    struct ask ask;
    struct top_view view;
    json_t *status;
    struct error trouble;
    int64_t asked_ms, ended_at_ms; /* mono */
    json_int_t ended;              /* tickets, when last asked; -1: not yet */
    int signals;
    struct termios before;
    bool keyboard; /* standard input is the terminal */
    int last_signal;
};

static json_int_t ended_of(const json_t *status)
{
    const json_t *l = json_object_get(json_object_get(status, "snapshot"), "ledger");
    return json_number_of(l, "delivered") + json_number_of(l, "archived_only") + json_number_of(l, "failed");
}

static void measure(struct top *t)
{
    int64_t now_ms = clock_real.mono_ms(&clock_real);
    json_int_t ended = ended_of(t->status);
    t->view.per_s = -1;
    if (t->ended >= 0 && ended >= t->ended && now_ms > t->ended_at_ms)
        t->view.per_s = (double)(ended - t->ended) * 1000 / (double)(now_ms - t->ended_at_ms);
    t->ended = ended;
    t->ended_at_ms = now_ms;
}

static void ask(struct top *t)
{
    json_t *status = NULL;
    t->asked_ms = clock_real.mono_ms(&clock_real);
    error_clear(&t->trouble);
    if (ask_get(&t->ask, "/api/v1/status", &status, &t->trouble) == 0) {
        json_decref(t->status);
        t->status = status;
        measure(t);
    } else { /* from the first instance again */
        ask_end(&t->ask);
        t->ask.instance = 0;
        t->ended = -1;
    }
    t->view.status = t->status;
    t->view.trouble = t->trouble.code ? t->trouble.text : NULL;
}

/* Each line is written over the one before and cleared behind: nothing flickers. */
static bool draw(struct top *t)
{
    struct str lines = STR_INIT, out = STR_INIT;
    look_at_output(&t->view.look);
    t->view.now_ms = clock_real.wall_ms(&clock_real);
    top_screen(&t->view, &lines);
    str_puts(&out, HOME);
    for (const char *at = lines.bytes;;) {
        size_t len = strcspn(at, "\n");
        str_add(&out, at, len);
        str_puts(&out, TO_EOL);
        if (at[len] == '\0')
            break;
        str_puts(&out, "\r\n");
        at += len + 1;
    }
    str_puts(&out, TO_END);
    bool written = !str_failed(&lines) && cli_print(&out) == EXIT_DONE;
    str_fini(&lines);
    str_fini(&out);
    return written;
}

static bool wants_to_quit(void)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    for (ssize_t i = 0; i < n; i++)
        if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == '\x03')
            return true;
    return n <= 0;
}

static void set_keyboard(const struct top *t)
{
    struct termios raw = t->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (t->keyboard)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* False: it is the end. */
static bool on_signal(struct top *t)
{
    struct signalfd_siginfo info;
    if (read(t->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    if (info.ssi_signo == SIGCONT) { /* somebody else had the terminal */
        set_keyboard(t);
        fputs(ENTER, stdout);
    }
    if (info.ssi_signo == SIGCONT || info.ssi_signo == SIGWINCH)
        return true;
    t->last_signal = (int)info.ssi_signo;
    return false;
}

static int turn(struct top *t)
{
    ask(t);
    while (draw(t)) {
        int64_t left_ms = t->asked_ms + PAUSE_MS - clock_real.mono_ms(&clock_real);
        struct pollfd polled[] = {{.fd = t->signals, .events = POLLIN},
                                  {.fd = t->keyboard ? STDIN_FILENO : -1, .events = POLLIN}};
        int n = left_ms > 0 ? poll(polled, 2, (int)left_ms) : 0;
        if (n > 0 && ((polled[0].revents && !on_signal(t)) || (polled[1].revents && wants_to_quit())))
            return EXIT_DONE;
        if (n == 0)
            ask(t);
    }
    return EXIT_FAILED; /* the terminal is gone */
}

static int show(const struct config *c, sigset_t *ours)
{
    struct top t = {.view = {.per_s = -1}, .ended = -1};
    ask_begin(&t.ask, c);
    t.ask.timeout_ms = TIMEOUT_MS;
    t.signals = signalfd(-1, ours, SFD_CLOEXEC);
    if (t.signals < 0) {
        perror("shunt: signalfd");
        return EXIT_FAILED;
    }
    t.keyboard = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &t.before) == 0;
    set_keyboard(&t);
    fputs(ENTER, stdout);
    int code = turn(&t);
    fputs(LEAVE, stdout);
    fflush(stdout);
    if (t.keyboard)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &t.before);
    close(t.signals);
    ask_end(&t.ask);
    json_decref(t.status);
    return t.last_signal && t.last_signal != SIGINT ? EXIT_UNFINISHED : code;
}

static int run(const struct cli *cli)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT};
    sigset_t ours, before;
    if (isatty(STDOUT_FILENO) != 1) {
        fputs("shunt: top needs a terminal; for programs there is `shunt status --json`\n", stderr);
        return EXIT_CONFIG;
    }
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_CONFIG;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        sigaddset(&ours, wanted[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    int code = show(c, &ours);
    sigprocmask(SIG_SETMASK, &before, NULL);
    config_free(c);
    return code;
}

const struct cli_command cmd_top = {
    .name = "top",
    .summary = "the service's state, live",
    .description =
        "Shows on the terminal, renewed once a second, what waits, what is in work, how fast it goes, how the "
        "destinations do, and the last errors. `q` ends it. The service may come and go meanwhile.",
    .run = run,
};
