/* cmd_token.c: `shunt token NAME ROLE`: what a line of the access file is made of. Writes no file. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "shunt/cli/cli.h"
#include "shunt/io/secret.h"
#include "shunt/service/access.h"
#include "shunt/service/service.h"

#define PASSWORD_MAX 512 /* bytes; as much as a log-in takes */
#define PASSWORD_MIN 8

static void wake(int number)
{
    (void)number; /* the wait ends */
}

/* A terminal that does not show what is typed. A signal is waited for together with the line, so that none leaves the
 * terminal so. */
struct hidden {
    struct termios before;
    sigset_t mask;
};

static bool hide(struct hidden *h)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = wake};
    sigset_t held;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &h->before) != 0)
        return false;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaddset(&held, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &held, &h->mask);
    struct termios quiet = h->before;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
}

static void show(const struct hidden *h)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &h->before);
    fputc('\n', stderr);
    sigprocmask(SIG_SETMASK, &h->mask, NULL);
}

/* One line of standard input. */
static int read_line(const char *prompt, char out[PASSWORD_MAX + 2], struct error *e)
{
    struct hidden h;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    bool hidden = hide(&h), comes = true;
    if (hidden) {
        fputs(prompt, stderr);
        comes = ppoll(&input, 1, NULL, &h.mask) > 0;
    }
    char *line = comes ? fgets(out, PASSWORD_MAX + 2, stdin) : NULL;
    if (hidden)
        show(&h);
    if (!line)
        return error_set(e, ERR_USAGE, "there is no password on standard input");
    size_t len = strcspn(out, "\n");
    if (len > PASSWORD_MAX)
        return error_set(e, ERR_USAGE, "the password is longer than %d bytes", PASSWORD_MAX);
    out[len] = '\0';
    return 0;
}

static int read_password(char out[PASSWORD_MAX + 2], struct error *e)
{
    char again[PASSWORD_MAX + 2];
    int rc = read_line("Password: ", out, e);
    if (rc == 0 && strlen(out) < PASSWORD_MIN)
        rc = error_set(e, ERR_USAGE, "the password is shorter than %d characters", PASSWORD_MIN);
    if (rc == 0 && !utf8_valid(out, strlen(out)))
        rc = error_set(e, ERR_USAGE, "the password is not UTF-8");
    if (rc == 0 && isatty(STDIN_FILENO)) {
        rc = read_line("Once more: ", again, e);
        if (rc == 0 && strcmp(out, again) != 0)
            rc = error_set(e, ERR_USAGE, "the two differ");
        secret_wipe(again, sizeof again);
    }
    return rc;
}

static int put_password(const struct cli *cli, struct str *out, struct error *e)
{
    char password[PASSWORD_MAX + 2], hash[SECRET_HASH_MAX];
    int rc = read_password(password, e);
    if (rc == 0)
        rc = secret_hash(password, hash, e);
    secret_wipe(password, sizeof password);
    if (rc == 0)
        str_printf(out, "%s %s %s\n", cli->args[0], cli->args[1], hash);
    return rc;
}

static int put_token(const struct cli *cli, struct str *out, struct error *e)
{
    char token[SECRET_TOKEN_MAX], hex[2 * SHA256_SIZE + 1];
    uint8_t hash[SHA256_SIZE];
    int rc = secret_token(token, e);
    if (rc != 0)
        return rc;
    files_sha256(token, strlen(token), hash);
    files_hex(hash, sizeof hash, hex);
    fprintf(stderr, "The token, shown this once: %s\n", token); /* so that >> takes the line alone */
    secret_wipe(token, sizeof token);
    str_printf(out, "%s %s sha256:%s\n", cli->args[0], cli->args[1], hex);
    return 0;
}

static int run(const struct cli *cli)
{
    struct error e = {0};
    struct str out = STR_INIT;
    const char *name = cli->args[0];
    int rc = access_name_valid(name, strlen(name))
                 ? 0
                 : error_set(&e, ERR_USAGE, "a name has at most %d letters, digits and . _ @ -", ACCESS_NAME_MAX);
    if (rc == 0)
        rc = cli->password ? put_password(cli, &out, &e) : put_token(cli, &out, &e);
    int code = rc == 0 ? cli_print(&out) : cli_fail(&e);
    str_fini(&out);
    return code;
}

static const char *const role_words[] = {"read", "submit", "operate", NULL};

static const struct cli_option options[] = {
    OPTION_FLAG("password", password, "read a password and print its line, for logging in with a browser"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt token ci submit >> access", "A new token; the file gets the line by which it is known."},
    {"shunt token --password anna operate >> access", "Asks for a password and adds its line."},
    {.line = NULL},
};

const struct cli_command cmd_token = {
    .name = "token",
    .summary = "make a token or a password for the access file",
    .description =
        "Prints a new token on standard error, where it is seen once and kept nowhere, and on standard output the line "
        "`NAME ROLE HASH` for the file that `[http] access` names. With `--password` it reads a password, from the terminal "
        "without showing it or from standard input, and prints its line. Roles: `read` sees everything; `submit` hands in tickets and sees what became of them; "
        "`operate` may do everything. HUP makes the service read the file again.",
    .options = options,
    .operands = {{.name = "NAME", .value = VALUE_TEXT}, {.name = "ROLE", .value = VALUE_WORD, .words = role_words}},
    .examples = examples,
    .run = run,
};
