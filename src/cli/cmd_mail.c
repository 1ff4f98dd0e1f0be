/* cmd_mail.c: `shunt mail test|list`: is mail sent as it should be, and what waits to be sent. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/table.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"
#include "shunt/io/files.h"
#include "shunt/net/mail.h"
#include "shunt/service/service.h"

/* --- test --- */

/* Of a random number: a test is a mail of its own. */
static int make_id(const char *from, char out[MAIL_ID_MAX], struct error *e)
{
    uint8_t random[16];
    char hex[2 * sizeof random + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_set(e, ERR_IO, "no random numbers");
    files_hex(random, sizeof random, hex);
    mail_message_id(hex, from, out);
    return 0;
}

static int deliver(const struct config *c, const struct mail_server *server, const struct mail_address *to,
                   struct mail_result *result, struct error *e)
{
    const struct settings *s = c->settings;
    char id[MAIL_ID_MAX];
    struct mail mail = {
        .to = to,
        .n_to = 1,
        .subject = "Test mail of shunt",
        .text = "This is a test, asked for by `shunt mail test`. Mails of this service arrive here.\n",
        .html = "<p>This is a test, asked for by <code>shunt mail test</code>. Mails of this service arrive "
                "here.</p>\n",
        .auto_submitted = true,
        .message_id = id,
        .date_ms = clock_real.wall_ms(&clock_real)};
    char *ca = s->mail_ca[0] != '\0' ? files_join(c->data, s->mail_ca) : mem_strdup("");
    int rc = ca ? mail_address_parse(s->mail_from, &mail.from, e) : error_set(e, ERR_NOMEM, "out of memory");
    rc = rc ? rc : make_id(mail.from.address, id, e);
    const struct mail_account account = {.host = server->host,
                                         .port = server->port,
                                         .tls = s->mail_tls,
                                         .ca = ca,
                                         .user = s->mail_user,
                                         .password = s->mail_password,
                                         .timeout_ms = (unsigned)s->mail_timeout_ms};
    rc = rc ? rc : mail_deliver(&account, &mail, NULL, result, e);
    mem_free(ca);
    return rc;
}

/* NULL: what went wrong says it by itself. */
static const char *advice_of(const struct mail_result *r, const struct settings *s)
{
    static const char *const advice[] = {
        [MAIL_NO_NAME] = "Is it spelt right in [mail] server, and does the name service of this machine work?",
        [MAIL_NO_CONNECTION] =
            "Is the server up, and is the port right (mostly 587, or 465 with tls = tls)? Does a firewall let us out?",
        [MAIL_NO_ANSWER] =
            "Does a firewall swallow it, is the server busy? A port that is encrypted from the first byte "
            "(465) needs [mail] tls = tls, any other starttls. For a slow server raise [mail] timeout.",
        [MAIL_CUT_OFF] =
            "Is it the port of a mail server, and may this machine use it? A port that is encrypted from the "
            "first byte (465) needs [mail] tls = tls.",
        [MAIL_NO_STARTTLS] =
            "Nothing is sent unencrypted. Take another port of it (mostly 587, or 465 with [mail] tls = "
            "tls); tls = none is for a server on this machine.",
        [MAIL_NO_TLS] = "[mail] tls = starttls is for ports as 587 and 25, tls = tls for 465.",
        [MAIL_CERTIFICATE] = "Write [mail] server with the name that is in the certificate. Where it is of your own "
                             "authority, name that one's certificate in [mail] ca.",
        [MAIL_CA_FILE] = "[mail] ca must name a file of certificates (PEM) that this user may read.",
        [MAIL_REFUSED] =
            "The server's words say why: the recipient, the sender ([mail] from), or what it lets us send."};
    if (r->trouble == MAIL_LOG_IN && s->mail_user[0] == '\0')
        return s->mail_tls == MAIL_PLAIN
                   ? "The server wants encryption ([mail] tls = starttls), or a log-in ([mail] user)."
                   : "The server wants a log-in: set [mail] user, and SHUNT_MAIL_PASSWORD or "
                     "SHUNT_MAIL_PASSWORD_FILE.";
    if (r->trouble == MAIL_LOG_IN)
        return s->mail_tls == MAIL_PLAIN
                   ? "The server wants encryption ([mail] tls = starttls), or another user or password."
                   : "Are [mail] user and SHUNT_MAIL_PASSWORD (or SHUNT_MAIL_PASSWORD_FILE) right? Some "
                     "servers want a password of its own for each program.";
    if (r->trouble == MAIL_CA_FILE && s->mail_ca[0] == '\0')
        return "Install them (the package ca-certificates), or name a file of certificates (PEM) in [mail] ca.";
    if (r->trouble == MAIL_REFUSED && r->code < 500)
        return "Only for now: it is busy, or lets whoever it does not know wait. If it goes on, its words say why.";
    return (size_t)r->trouble < sizeof advice / sizeof *advice ? advice[r->trouble] : NULL;
}

static int tell(const struct settings *s, const struct mail_server *server, const struct mail_address *to,
                const struct mail_result *r)
{
    struct str out = STR_INIT;
    const char *advice = advice_of(r, s);
    if (r->outcome == MAIL_DELIVERED)
        str_printf(&out, "%s:%u took the mail for %s: %s\n", server->host, server->port, to->address, r->text);
    else
        fprintf(stderr, "shunt: %s:%u did not take the mail for %s: %s\n%s%s%s\n", server->host, server->port,
                to->address, r->text, advice ? advice : "", advice ? "\n" : "",
                r->outcome == MAIL_PERMANENT ? "The service would not try this mail again."
                                             : "The service would try again, until [mail] expire.");
    int code = r->outcome == MAIL_DELIVERED ? cli_print(&out) : EXIT_FAILED;
    str_fini(&out);
    return code;
}

static int test(const struct cli *cli, const struct config *c, struct error *e)
{
    const struct settings *s = c->settings;
    struct mail_server server;
    struct mail_address to;
    struct mail_result result;
    if (cli->n_args < 2)
        return error_set(e, ERR_USAGE, "mail test needs an address");
    if (mail_address_parse(cli->args[1], &to, e) != 0)
        return e->code;
    if (s->mail_server[0] == '\0')
        return error_set(e, ERR_CONFIG, "[mail] server is not set: no mail is sent");
    if (s->mail_user[0] != '\0' && s->mail_password[0] == '\0')
        return error_set(e, ERR_CONFIG,
                         "[mail] user is set, but neither SHUNT_MAIL_PASSWORD nor SHUNT_MAIL_PASSWORD_FILE");
    signal(SIGPIPE, SIG_IGN); /* a server that goes away */
    int rc = mail_server_parse(s->mail_server, s->mail_tls, &server, e);
    rc = rc ? rc : deliver(c, &server, &to, &result, e);
    if (rc != 0)
        return rc;
    int code = tell(s, &server, &to, &result);
    mail_result_fini(&result);
    return code;
}

/* --- list --- */

static void put_recipients(struct str *out, const json_t *to)
{
    size_t i;
    const json_t *one;
    json_array_foreach (to, i, one)
        str_printf(out, "%s%s", i > 0 ? ", " : "", json_string_value(one) ? json_string_value(one) : "");
}

static enum paint paint_of(const char *state)
{
    return !state || strcmp(state, "waiting") == 0 ? PAINT_WARN : strcmp(state, "sent") == 0 ? PAINT_GOOD : PAINT_BAD;
}

/* What names nobody itself is for those of the settings. */
static void put_default_recipients(struct str *out, const struct text_list *to)
{
    for (size_t i = 0; i < to->count; i++)
        str_printf(out, "%s%s", i > 0 ? ", " : "", to->items[i]);
}

static void add_row(struct table *t, const struct settings *s, const json_t *message)
{
    char created[WHEN_TEXT_MAX], due[WHEN_TEXT_MAX];
    const char *subject = text_in(message, "subject"), *error = text_in(message, "error");
    struct str what = STR_INIT;
    when_local(text_in(message, "created_at"), created);
    when_local(text_in(message, "due_at"), due);
    if (json_is_array(json_object_get(message, "to")))
        put_recipients(&what, json_object_get(message, "to"));
    else if (text_in(message, "kind") && strcmp(text_in(message, "kind"), "mail") == 0)
        put_default_recipients(&what, &s->mail_to);
    table_cell(t, created, PAINT_NONE);
    table_cell(t, text_in(message, "state"), paint_of(text_in(message, "state")));
    table_cell(t, text_in(message, "kind"), PAINT_NONE);
    table_cell(t, subject ? subject : text_in(message, "key"), PAINT_NONE);
    table_cell(t, what.bytes, PAINT_NONE);
    table_number(t, json_number_of(message, "attempts"));
    table_cell(t, due, PAINT_NONE);
    table_cell(t, error, PAINT_NONE);
    t->failed = t->failed || str_failed(&what);
    str_fini(&what);
}

static int print(const struct cli *cli, const struct settings *s, const json_t *messages)
{
    static const struct column columns[] = {{.head = "CREATED"},        {.head = "STATE"},
                                            {.head = "KIND"},           {.head = "SUBJECT", .most = 40},
                                            {.head = "TO", .most = 40}, {.head = "TRIES", .right = true},
                                            {.head = "NEXT"},           {.head = "ERROR"}};
    struct look look;
    struct table t;
    struct str out = STR_INIT;
    size_t i;
    const json_t *message;
    look_at_output(&look);
    table_init(&t, columns, sizeof columns / sizeof *columns);
    if (cli->json) {
        put_json(&out, &look, messages, JSON_INDENT(2));
        str_putc(&out, '\n');
    } else {
        json_array_foreach (messages, i, message)
            add_row(&t, s, message);
        table_print(&t, &look, 0, &out);
    }
    if (json_array_size(messages) == 0 && !cli->json)
        fprintf(stderr, "nothing was to be sent\n");
    int code = cli_print(&out);
    table_fini(&t);
    str_fini(&out);
    return code;
}

static int list(const struct cli *cli, const struct config *c, struct error *e)
{
    struct ask a;
    json_t *messages = NULL;
    if (cli->n_args > 1)
        return error_set(e, ERR_USAGE, "mail list takes no address");
    ask_begin(&a, c);
    int rc = ask_mail(&a, &messages, e);
    int code = rc ? rc : print(cli, c->settings, messages);
    json_decref(messages);
    ask_end(&a);
    return code;
}

static int run(const struct cli *cli)
{
    return cli_with_config(cli, strcmp(cli->args[0], "test") == 0 ? test : list);
}

static const char *const words[] = {"test", "list", NULL};

static const struct cli_option options[] = {
    OPTION_JSON("the list as JSON"),
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt mail test ops@example.com", "Sends a mail there now, and says what the server answered."},
    {.line = NULL},
};

const struct cli_command cmd_mail = {
    .name = "mail",
    .summary = "send a test mail; what waits to be sent",
    .description =
        "`test` sends a mail to the address now, by the settings of `[mail]`, and prints what the server answered; the "
        "service need not run. `list` shows mails and webhooks, the newest first: what waits and until when, what was sent, "
        "what was given up and why. It asks the running service, or reads the store where none runs.",
    .options = options,
    .operands = {{.name = "WHAT", .value = VALUE_WORD, .words = words},
                 {.name = "ADDRESS", .value = VALUE_TEXT, .optional = true}},
    .examples = examples,
    .run = run,
};
