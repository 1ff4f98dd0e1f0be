/* settings_schema.c: the table of every key of shunt.ini. The order here is that of print-outs and the reference. */
#include <limits.h>

#include "shunt/core/settings.h"

#define KIB    INT64_C(1024)
#define GIB    (KIB * KIB * KIB)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const char *const mismatch_words[] = {"fail", "folder", "ticket", NULL};
static const char *const poison_words[] = {"fail", "retry", NULL};
static const char *const duplicate_words[] = {"deliver", "skip", "fail", NULL};
static const char *const durability_words[] = {"full", "none", NULL};
static const char *const alerts_failed_words[] = {"digest", "each", "off", NULL};
static const char *const tls_words[] = {"starttls", "tls", "none", NULL};
static const char *const format_words[] = {"json", "text", NULL};

#define AT(field) offsetof(struct settings, field)
#define PATH(section_, key_, field_, default_, help_)                                                                  \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = SETTING_PATH, .offset = AT(field_), .default_text = default_,        \
        .min = 1, .max = PATH_MAX - 1, .help = help_                                                                   \
    }
#define NUMBER_(section_, key_, type_, field_, default_, min_, max_, help_, reloadable_)                               \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = type_, .offset = AT(field_), .default_text = default_, .min = min_,  \
        .max = max_, .help = help_, .reloadable = reloadable_                                                          \
    }
#define NUMBER(...)          NUMBER_(__VA_ARGS__, false)
#define RELOADED_NUMBER(...) NUMBER_(__VA_ARGS__, true)
#define OTHER(section_, key_, type_, field_, default_, help_)                                                          \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = type_, .offset = AT(field_), .default_text = default_,               \
        .max = PATH_MAX - 1, .help = help_                                                                             \
    }
#define SCHEDULE(key_, type_, field_, default_, help_)                                                                 \
    {                                                                                                                  \
        .section = "schedule", .key = key_, .type = type_, .offset = AT(field_), .default_text = default_,             \
        .max = PATH_MAX - 1, .help = help_, .reloadable = true                                                         \
    }
#define WORD_(section_, key_, field_, default_, words_, help_, reloadable_)                                            \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = SETTING_ENUM, .offset = AT(field_), .default_text = default_,        \
        .words = words_, .help = help_, .reloadable = reloadable_                                                      \
    }
#define WORD(...)          WORD_(__VA_ARGS__, false)
#define RELOADED_WORD(...) WORD_(__VA_ARGS__, true)

/* clang-format off */
const struct setting settings_schema[] = {
    PATH("service", "data", data, "/data/PRODUCTION",
         "The root that relative paths start from. Relative itself: to the folder of shunt.ini."),
    NUMBER("service", "workers", SETTING_COUNT, workers, "10", 1, 256, "Tickets that are read and checked at once."),
    NUMBER("service", "drain_timeout", SETTING_MS, drain_timeout_ms, "30s", 0, HOUR,
           "How long a stop waits for what is in hand."),
    PATH("service", "control", control, "shunt.sock",
         "The socket on which commands and programs ask the running service, relative to data; further instances add "
         ".1, .2 ... `no`: none."),

    PATH("folders", "hot", hot, "JSON", "The hot root: one folder a client below it."),
    PATH("folders", "archive", archive, "JSON_STORE", "Where a copy of every valid ticket is kept for ever."),
    PATH("folders", "failed", failed, "JSON_FAILED", "Where tickets are set aside that cannot be delivered."),
    PATH("folders", "underprocess", underprocess, "underprocess",
         "Where tickets are while they are in work. Must be on the file system of the hot root."),
    PATH("folders", "logs", logs, "JSON_PARSER_LOGS", "Where the log file is."),
    PATH("folders", "routes", routes, "routes.ini", "The routing table. Relative: to the folder of shunt.ini."),
    OTHER("folders", "reason_files", SETTING_BOOL, reason_files, "yes",
          "Whether a failed ticket gets a .reason.txt beside it."),

    NUMBER("intake", "scan_interval", SETTING_MS, scan_interval_ms, "60s", 100, DAY,
           "From one scan of the hot folders to the next."),
    NUMBER("intake", "scan_timeout", SETTING_MS, scan_timeout_ms, "120s", 100, DAY,
           "A scan that takes longer stops; the next goes on where it stopped."),
    NUMBER("intake", "slow_scan", SETTING_MS, slow_scan_ms, "30s", 1, DAY, "A scan that takes longer is warned about."),
    NUMBER("intake", "settle", SETTING_MS, settle_ms, "2s", 10, HOUR,
           "An incomplete document is invalid after keeping still for so long."),
    NUMBER("intake", "settle_complete", SETTING_MS, settle_complete_ms, "250ms", 10, HOUR,
           "A complete document is ready after keeping still for so long, where writers cannot be seen."),
    NUMBER("intake", "batch_size", SETTING_COUNT, batch_size, "64", 1, 4096, "Tickets handed to work at once."),
    NUMBER("intake", "batch_wait", SETTING_MS, batch_wait_ms, "0", 0, MINUTE, "How long a batch waits to fill."),
    NUMBER("intake", "max_ticket_size", SETTING_BYTES, max_ticket_bytes, "1GiB", KIB, 1024 * GIB,
           "A larger ticket is invalid."),
    NUMBER("intake", "max_depth", SETTING_COUNT, max_depth, "512", 3, 65536, "A document nested deeper is invalid."),
    WORD("intake", "client_mismatch", client_mismatch, "fail", mismatch_words,
         "When ClientCode differs from the client's folder: the ticket fails, or the folder, or the ticket is right."),
    WORD("intake", "poison", poison, "fail", poison_words,
         "What a crash left in work is taken up one by one; what was alone in work in a second crash fails, or is tried for ever."),
    RELOADED_NUMBER("intake", "duplicate_window", SETTING_MS, duplicate_window_ms, "0", 0, 365 * DAY,
           "The same name and bytes as what that hot folder delivered last, no longer ago than this, is a duplicate. 0: nothing is. Reloaded by HUP."),
    RELOADED_WORD("intake", "duplicate", duplicate, "deliver", duplicate_words,
         "A duplicate is delivered all the same, only archived, or fails. Reloaded by HUP."),
    OTHER("intake", "tickets", SETTING_LIST, tickets, "*.json", "Names of files that are JSON tickets."),
    OTHER("intake", "files", SETTING_LIST, files, "",
          "Names of files that are delivered as they are, without being parsed."),
    NUMBER("intake", "queue_limit", SETTING_COUNT, queue_limit, "4096", 1, 100000,
           "Names that wait to be looked at; listing pauses at a quarter of it."),
    NUMBER("intake", "in_work_limit", SETTING_COUNT, in_work_limit, "256", 1, 100000, "Tickets in work at once."),

    OTHER("delivery", "mode", SETTING_MODE, mode, "0664", "Permission bits of the files that are made."),
    OTHER("delivery", "folder_mode", SETTING_MODE, folder_mode, "0775",
          "Permission bits of the folders that are made."),
    WORD("delivery", "durability", durability, "full", durability_words,
         "full: on the disk, safe from a power cut, before the original is removed; none: left to the system."),
    NUMBER("delivery", "concurrency", SETTING_COUNT, concurrency, "4", 1, 256,
           "Deliveries to one destination at once, unless it says otherwise."),
    NUMBER("delivery", "breaker_failures", SETTING_COUNT, breaker_failures, "5", 1, 1000,
           "Failures in a row after which a destination is left in peace for a while."),
    NUMBER("delivery", "breaker_pause", SETTING_MS, breaker_pause_ms, "10s", 10, DAY, "How long at first."),
    NUMBER("delivery", "breaker_max", SETTING_MS, breaker_max_ms, "2m", 10, DAY, "How long at most."),
    NUMBER("delivery", "hang", SETTING_MS, hang_ms, "30s", 100, DAY,
           "A delivery in hand for longer marks its destination as hanging."),

    NUMBER("retry", "attempts", SETTING_COUNT, attempts, "3", 1, 1000, "Tries of a delivery, the first among them."),
    NUMBER("retry", "first", SETTING_MS, first_ms, "10s", 10, DAY, "Pause after the first failed try."),
    NUMBER("retry", "factor", SETTING_FACTOR, factor, "6", 1, 100, "Each further pause is so many times as long."),
    NUMBER("retry", "max", SETTING_MS, max_ms, "10m", 10, 7 * DAY, "Longest pause."),
    NUMBER("retry", "again_after", SETTING_MS, again_after_ms, "0", 0, 366 * DAY,
           "What failed for so long is put back by itself, once, unless somebody did before. 0: not."),

    NUMBER("store", "url", SETTING_TEXT, store_url, "sqlite:shunt.db", 1, PATH_MAX - 1,
           "Where state outlives the process. sqlite:PATH, relative: to data."),
    NUMBER("store", "keep_jobs", SETTING_MS, keep_jobs_ms, "90d", 0, 36500 * DAY,
           "Finished jobs older than this are removed from the store. 0: never."),
    NUMBER("store", "keep_rows", SETTING_COUNT, keep_rows, "0", 0, 1000000000,
           "At most so many jobs stay in the store; the oldest finished ones go. 0: any number."),

    WORD("alerts", "failed", alerts_failed, "digest", alerts_failed_words,
         "Mails about failed tickets. digest: gathered for [alerts] digest and told by client, destination and error; "
         "each: at once; off: none."),
    NUMBER("alerts", "digest", SETTING_MS, alerts_digest_ms, "15m", SECOND, DAY, "How long failed tickets are gathered."),
    NUMBER("alerts", "wait", SETTING_MS, alerts_wait_ms, "1m", 0, DAY, "What is over again sooner is not mailed."),
    NUMBER("alerts", "calm", SETTING_MS, alerts_calm_ms, "5m", 0, DAY,
           "What has been over for so long has recovered, which is mailed; what comes back before is the same incident."),
    OTHER("alerts", "remind", SETTING_LIST, alerts_remind, "1h, 4h, 12h, 24h",
          "Pauses from one mail about what lasts to the next; the last one again and again. Empty: no reminders."),
    NUMBER("alerts", "mails_per_hour", SETTING_COUNT, alerts_per_hour, "10", 2, 1000,
           "Never more alerts are mailed in an hour; what does not fit is put together in one mail."),
    OTHER("alerts", "to", SETTING_LIST, alerts_to, "", "Whom alerts are mailed to. Empty: [mail] to."),
    OTHER("alerts", "attempts", SETTING_BOOL, alerts_attempts, "no",
          "Whether each failed attempt is mailed, and a last mail with the command that puts the ticket back; "
          "a destination's `alerts` goes before."),
    NUMBER("alerts", "min_free", SETTING_BYTES, alerts_min_free_bytes, "1GiB", 0, 1024 * 1024 * GIB,
           "A disk of ours with less free than this is low. 0: none is."),

    WORD("log", "level", log_level, "info", log_level_words, "Lines below this level are left out."),
    WORD("log", "format", log_format, "json", format_words, "json: one object a line; text: lines for people."),
    OTHER("log", "file", SETTING_PATH, log_file, "shunt.log", "Relative: to the logs folder. Empty: none."),
    OTHER("log", "stdout", SETTING_BOOL, log_stdout, "yes", "Whether lines go to standard output."),

    OTHER("report", "timezone", SETTING_TEXT, timezone, "",
          "Zone of the local day and of times in the log, as Europe/Berlin. Empty: the system's."),
    OTHER("report", "enabled", SETTING_BOOL, report_enabled, "yes",
          "Whether a report is made of each local day that ended: kept in the logs folder, and mailed where [mail] is set."),
    NUMBER("report", "at", SETTING_TEXT, report_at, "00:00", 1, 5,
           "When, by the local clock of the day after, as 06:30."),
    OTHER("report", "to", SETTING_LIST, report_to, "", "Addresses that get it. Empty: those of [mail]."),
    OTHER("report", "templates", SETTING_PATH, report_templates, "",
          "Folder with a report.html or report.txt (mustache) of your own. Relative: to the folder of shunt.ini. Empty: none."),

    SCHEDULE("programs", SETTING_LIST, programs, "",
             "Programs that tasks may run, and folders of such programs, by their absolute paths. Empty: none."),
    SCHEDULE("off_cadence", SETTING_BOOL, off_cadence, "no",
             "Whether tasks run less often in the off hours. Our own scan, retention and report never do."),
    SCHEDULE("off_hours", SETTING_TEXT, off_hours, "22:00-05:00", "The off hours of every day. Empty: none."),
    SCHEDULE("off_days", SETTING_LIST, off_days, "sat, sun", "Days that are off hours from beginning to end."),
    RELOADED_NUMBER("schedule", "off_add", SETTING_MS, off_add_ms, "30m", 0, DAY,
                    "What is added to `every` in off hours."),
    SCHEDULE("off_minutes", SETTING_LIST, off_minutes, "0, 30",
             "Minutes of the hour in which alone tasks start in off hours. Empty: all."),

    OTHER("mail", "server", SETTING_TEXT, mail_server, "",
          "Server that takes mails, as mail.example.com or smtp://mail.example.com:2525; the port is 587, 465 or 25, by "
          "`tls`, unless said. Empty: no mail is sent."),
    WORD("mail", "tls", mail_tls, "starttls", tls_words,
         "starttls: encrypted by STARTTLS, which the server must offer; tls: from the first byte; none: not at all, for a "
         "server on this machine; to another one no password is sent then. The server's certificate is verified."),
    OTHER("mail", "ca", SETTING_PATH, mail_ca, "",
          "File of the certificates that are trusted; relative to data. Empty: the system's."),
    OTHER("mail", "from", SETTING_TEXT, mail_from, "",
          "Who mails are from, as shunt@example.com or Shunt <shunt@example.com>."),
    OTHER("mail", "to", SETTING_LIST, mail_to, "", "Who gets mails."),
    OTHER("mail", "user", SETTING_TEXT, mail_user, "", "Name to log in to the server with. Empty: no log-in."),
    {.section = "mail", .key = "password", .type = SETTING_SECRET, .offset = AT(mail_password), .default_text = "",
     .max = 1000, .environment_only = true,
     .help = "Password to log in with. From SHUNT_MAIL_PASSWORD or SHUNT_MAIL_PASSWORD_FILE, never from the file."},
    NUMBER("mail", "timeout", SETTING_MS, mail_timeout_ms, "1m", 100, 10 * MINUTE,
           "How long a server may take to connect, and for each answer; for a whole mail five times as long."),
    NUMBER("mail", "pause", SETTING_MS, mail_pause_ms, "1m", 100, HOUR,
           "Pause after the first try of a mail or webhook that failed for now; each further is twice as long, 1h at most."),
    NUMBER("mail", "expire", SETTING_MS, mail_expire_ms, "5d", SECOND, 365 * DAY,
           "What could not be sent for so long is given up."),

    OTHER("webhook", "url", SETTING_TEXT, webhook_url, "",
          "Where events are posted as JSON, as https://ops.example.com/shunt. Empty: nowhere."),
    {.section = "webhook", .key = "secret", .type = SETTING_SECRET, .offset = AT(webhook_secret), .default_text = "",
     .max = 1000, .environment_only = true,
     .help = "It signs what is posted. SHUNT_WEBHOOK_SECRET or SHUNT_WEBHOOK_SECRET_FILE, never in the file."},

    NUMBER("http", "listen", SETTING_TEXT, http_listen, "127.0.0.1:8001", 1, 80,
           "Address and port of the dashboard and the API, as 127.0.0.1:8001 or [::1]:8001. `no`: none. Another address "
           "than loopback needs `access` or `token`."),
    OTHER("http", "access", SETTING_PATH, http_access, "",
          "File with a line `NAME ROLE HASH` for each who may come in, as `shunt token` makes them; relative to data; "
          "HUP reads it again. Without it and without `token`: everybody on this machine may do everything."),
    OTHER("http", "token", SETTING_SECRET, http_token, "",
          "A token that may do everything, for containers: SHUNT_HTTP_TOKEN or SHUNT_HTTP_TOKEN_FILE."),
    OTHER("http", "certificate", SETTING_PATH, http_certificate, "",
          "Certificate in PEM, with its chain, relative to data: then `listen` speaks TLS, and nothing else. Needs `key`."),
    OTHER("http", "key", SETTING_PATH, http_key, "",
          "Its private key in PEM, without a password, which others may not read; relative to data."),
    OTHER("http", "origins", SETTING_LIST, http_origins, "",
          "Other origins, as https://desk.example.com, whose pages may use the API in a browser (CORS)."),
    OTHER("http", "files", SETTING_PATH, http_files, "",
          "Folder of tickets that jobs may name by their path below it instead of bringing them along; relative to data. "
          "Empty: none."),
    NUMBER("http", "max_upload", SETTING_BYTES, max_upload_bytes, "16MiB", KIB, GIB,
           "A file or job that is sent may be so large."),
    NUMBER("http", "max_memory_percent", SETTING_COUNT, max_memory_percent, "80", 1, 100,
           "Files and jobs that are sent are refused for a while when more of the memory is in use, of the container's "
           "where it has a limit, else of the host's."),
    NUMBER("http", "min_free", SETTING_BYTES, min_free_bytes, "64MiB", 0, 1024 * 1024 * GIB,
           "They are refused when less than this is free on the disk of the hot root or of data."),
    NUMBER("http", "max_streams", SETTING_COUNT, max_streams, "500", 0, 10000,
           "Readers of /api/v1/events at once; further ones are refused."),
    NUMBER("http", "ready_oldest", SETTING_MS, ready_oldest_ms, "15m", 100, 30 * DAY,
           "A ticket that has waited for longer makes /readyz answer 503; what waits for a "
           "destination that is held does not count."),

    NUMBER("brand", "name", SETTING_TEXT, brand_name, "shunt", 1, 60, "The name that the pages show."),
    OTHER("brand", "colour", SETTING_COLOUR, brand_colour, "#1F6FEB", "The pages' own colour, as #1F6FEB."),
    OTHER("brand", "background", SETTING_COLOUR, brand_background, "#000000", "What is behind it in the report's head."),
    NUMBER("brand", "font", SETTING_TEXT, brand_font, "Montserrat, Segoe UI, Helvetica, Arial, sans-serif", 1, 200,
           "Fonts of the report, the first that the reader has."),
    {.section = NULL},
};
/* clang-format on */
