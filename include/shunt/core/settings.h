/* settings.h: shunt.ini and the environment, checked against one schema table.
 *
 * The table (settings_schema) is the only place that knows a key's section, name, type, default, bounds and meaning; it
 * fills struct settings, prints `shunt check --print-config`, and makes the reference in doc/settings.md.
 *
 * Order: default < shunt.ini < SHUNT_<SECTION>_<KEY> < (secrets) SHUNT_<SECTION>_<KEY>_FILE, both of the last two set
 * is a fault. An unknown or repeated key, unknown section, bad unit, out of bounds: a fault with its line (or the
 * variable's name), never a warning. An unknown SHUNT_ variable is not a fault (Kubernetes makes SHUNT_SERVICE_HOST and
 * such): it is named in `unknown_env`. In values other than paths, secrets and colours " ;" and " #" are refused with
 * the advice that comments go on a line of their own. Checked across keys: settle_complete <= settle, first <= max,
 * breaker_pause <= breaker_max, [mail] pause <= expire, duplicate_window <= keep_jobs (where that is not 0), tickets or
 * files not empty, and that none of hot, archive, failed, underprocess and logs is, or lies in, another (as written,
 * without looking at the disk).
 *
 * A section [KIND NAME], as [task nightly], may stand there any number of times under different names, each with the keys
 * of its kind (settings_kinds). A name has 1 to 64 letters, digits, '.', '_' or '-'; a repeated one is a fault. Such keys
 * stand in the file only: no variable sets them.
 *
 * Ownership: settings_new returns an immutable snapshot; settings_free. Pure: files are read through the caller's
 * `read_secret`.
 */
#ifndef SHUNT_CORE_SETTINGS_H
#define SHUNT_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"
#include "shunt/base/log.h"
#include "shunt/base/str.h"
#include "shunt/core/faults.h"
#include "shunt/core/mail_text.h"

#define SETTINGS_TOKEN_MIN 20 /* bytes of [http] token */

enum client_mismatch { MISMATCH_FAIL, MISMATCH_FOLDER, MISMATCH_TICKET };
enum poison { POISON_FAIL, POISON_RETRY };
enum duplicate_action { DUPLICATE_DELIVER, DUPLICATE_SKIP, DUPLICATE_FAIL };
enum alerts_failed { ALERTS_DIGEST, ALERTS_EACH, ALERTS_OFF };
enum durability { DURABILITY_FULL, DURABILITY_NONE };

/* A list setting: values separated by commas, trimmed, empty ones dropped. */
struct text_list {
    char **items;
    size_t count;
};

/* What every section with a name begins with. */
struct section {
    const struct section_kind *kind;
    char *title;      /* "task nightly" */
    const char *name; /* "nightly", in title */
    unsigned line;    /* of its header */
    unsigned *lines;  /* of its keys, by the kind's table; 0: by default */
};

/* In the order of the file. */
struct section_list {
    struct section **items;
    size_t count;
};

struct settings {
    /* [service] */
    char *data; /* the root that relative paths start from; relative itself: to the folder of shunt.ini (made absolute
                   by the caller) */
    int64_t workers;          /* requests of intake at once */
    int64_t drain_timeout_ms; /* how long TERM waits for what is in hand */
    char *control;            /* path of the control socket, relative to data; "no": none */
    /* [folders]; relative: to data; routes: to the folder of shunt.ini */
    char *hot, *archive, *failed, *underprocess, *logs, *routes;
    bool reason_files;
    /* [intake] */
    int64_t scan_interval_ms, scan_timeout_ms, slow_scan_ms;
    int64_t settle_ms;          /* an incomplete document is invalid after keeping still for so long */
    int64_t settle_complete_ms; /* a complete one is ready after this, where the kernel cannot be asked */
    int64_t batch_size, batch_wait_ms;
    int64_t max_ticket_bytes, max_depth;
    enum client_mismatch client_mismatch;
    enum poison poison;
    int64_t duplicate_window_ms;
    enum duplicate_action duplicate;
    struct text_list tickets; /* globs of names that are JSON tickets */
    struct text_list files;   /* globs of names that are taken as they are, without being parsed */
    int64_t queue_limit;      /* names waiting between listing and work */
    int64_t in_work_limit;    /* tickets claimed and not yet settled or waiting */
    /* [delivery] */
    unsigned mode, folder_mode; /* permission bits of files and folders that are made */
    enum durability durability;
    int64_t concurrency;      /* requests of one destination at once, unless it says otherwise */
    int64_t breaker_failures; /* in a row that open a destination's breaker */
    int64_t breaker_pause_ms, breaker_max_ms;
    int64_t hang_ms; /* a delivery in hand for longer marks its destination as hanging */
    /* [retry] */
    int64_t attempts, first_ms, max_ms, again_after_ms;
    double factor;
    /* [alerts] */
    enum alerts_failed alerts_failed;
    int64_t alerts_digest_ms, alerts_wait_ms, alerts_calm_ms, alerts_per_hour, alerts_min_free_bytes;
    struct text_list alerts_remind; /* times; see alarm_policy_of */
    struct text_list alerts_to;     /* empty: [mail] to */
    bool alerts_attempts;
    /* [store] */
    char *store_url; /* key "url" */
    int64_t keep_jobs_ms, keep_rows;
    /* [log] */
    enum log_level log_level;   /* key "level" */
    enum log_format log_format; /* key "format" */
    char *log_file;             /* key "file"; "" none; relative: to the logs folder */
    bool log_stdout;            /* key "stdout" */
    /* [report] */
    char *timezone; /* IANA name; "" the system's */
    bool report_enabled;
    char *report_at;            /* key "at": HH:MM, see report_at_minutes */
    struct text_list report_to; /* key "to"; none: those of [mail] */
    char *report_templates;     /* key "templates"; "": the program's own; relative: to the folder of shunt.ini */
    /* [http] */
    char *http_listen;             /* key "listen"; see listen_parse */
    char *http_access;             /* key "access"; "" none; relative to data */
    char *http_token;              /* key "token"; "" none */
    char *http_certificate;        /* key "certificate"; "" none; relative to data */
    char *http_key;                /* key "key" */
    struct text_list http_origins; /* key "origins" */
    char *http_files;              /* key "files"; "" none; relative to data */
    int64_t max_upload_bytes;      /* of one request's body */
    int64_t max_memory_percent;    /* nothing is accepted beyond */
    int64_t min_free_bytes;        /* nothing is accepted below */
    int64_t max_streams;
    int64_t ready_oldest_ms; /* a ticket that waits for longer makes /readyz answer 503 */
    /* [schedule]; see task.h */
    bool off_cadence;
    char *off_hours;
    struct text_list off_days, off_minutes;
    int64_t off_add_ms;
    struct text_list programs; /* absolute paths of programs, or of folders of them, that tasks may run */
    /* [mail] */
    char *mail_server; /* key "server"; see mail_server_parse; "" none */
    enum mail_tls mail_tls;
    char *mail_from;          /* see mail_address_parse */
    struct text_list mail_to; /* likewise */
    char *mail_user;          /* "" no AUTH */
    char *mail_password;      /* from the environment alone */
    char *mail_ca;            /* relative: to data; "" the system's */
    int64_t mail_timeout_ms, mail_pause_ms, mail_expire_ms;
    /* [webhook] */
    char *webhook_url;    /* "" none */
    char *webhook_secret; /* from the environment alone; "": what is posted is not signed */
    /* [brand] */
    char *brand_name, *brand_colour;     /* keys "name", "colour": #RRGGBB */
    char *brand_background, *brand_font; /* of the report's head; of the report */
    struct section_list tasks;           /* [task NAME]: struct task (task.h) */
    struct section_list expects;         /* [expect NAME]: struct expect (expect.h) */
    /* Not settings: names of SHUNT_ variables that fit no key, to be warned about */
    struct text_list unknown_env;
    const struct setting *schema; /* it was read by */
    bool *given;                  /* by its keys: in the file or the environment, not by default */
};

enum setting_type {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_SECRET,
    SETTING_COLOUR, /* #RRGGBB */
    SETTING_COUNT,
    SETTING_BYTES,
    SETTING_MS,
    SETTING_BOOL,
    SETTING_MODE,
    SETTING_FACTOR,
    SETTING_LIST,
    SETTING_ENUM,
};

struct setting {
    const char *section, *key;
    enum setting_type type;
    size_t offset;            /* into struct settings */
    const char *default_text; /* as it would stand in the file */
    int64_t min,
        max; /* COUNT, BYTES, MS, FACTOR; TEXT, PATH and SECRET: bytes of text, so that min 1 is "must not be empty" */
    const char *const *words; /* ENUM: NULL-terminated, index = value */
    const char *help;         /* one sentence for the reference */
    bool environment_only;    /* a secret that may not stand in the file */
    bool reloadable;          /* HUP takes a new value on, else it waits for the next start */
};
extern const struct setting settings_schema[]; /* ends with section NULL */

/* Sections that have a name and their own struct, which begins with struct section and into which the keys' offsets go. */
struct section_kind {
    const char *word; /* "task"; also the keys' `section` */
    const char *help; /* one sentence for the reference */
    const struct setting *keys;
    size_t size;   /* of the struct */
    size_t offset; /* of the section_list in struct settings */
    size_t most;
    /* When all is read without a fault: what must hold between keys. May be NULL. */
    void (*check)(const struct section *section, const struct settings *s, const char *file, struct faults *faults);
};
extern const struct section_kind settings_kinds[]; /* ends with word NULL */

const struct section_list *settings_sections(const struct settings *s, const struct section_kind *kind);
/* A fault of the section's key, at its line; where the key is not there, at the header's. key NULL: of the section. */
void section_fault(const struct section *section, const char *file, struct faults *faults, const char *key,
                   const char *text);
/* As settings_value_text. */
void section_value_text(const struct section *section, const struct setting *x, struct str *out);

struct settings_source {
    const char *file; /* shown in faults */
    const char *text; /* NULL: no file, defaults and environment only */
    size_t len;
    const char *const *env; /* "NAME=value" ..., NULL-terminated; may be NULL */
    /* Contents of a secret's file without its last line break, freed by mem_free. May be NULL where no secret has a
     * file. */
    int (*read_secret)(void *user, const char *path, char **out, struct error *e);
    void *user;
};

/* NULL where there are faults or no memory (then it is a fault too). */
struct settings *settings_new(const struct settings_source *source, struct faults *faults);
/* The same by another table (for tests). */
struct settings *settings_new_by(const struct setting *schema, const struct settings_source *source,
                                 struct faults *faults);
void settings_free(struct settings *s);

/* shunt.ini in force, every key with its value, secrets as "(set)" or "". */
void settings_print(const struct settings *s, struct str *out);
/* Each key whose value is another one in after; of a section with a name that is new, each that is written there. section:
 * what stands between the brackets. value NULL: the section is gone, x is its first key. ERR_NOMEM. */
typedef void (*settings_change_cb)(void *user, const char *section, const struct setting *x, const char *value);
int settings_diff(const struct settings *before, const struct settings *after, settings_change_cb change, void *user);
/* What a key takes, in words: "time, 100ms to 1d"; literal words between backquotes. */
void settings_values(const struct setting *x, struct str *out);
/* A key's value as it would stand in the file; a secret's as "(set)" or "". */
void settings_value_text(const struct settings *s, const struct setting *x, struct str *out);
/* What is no fault, but hardly what was meant: a sentence each, as "[alerts] to is set, but ...". */
void settings_advice(const struct settings *s, void (*tell)(void *user, const char *text), void *user);
/* The reference in doc/settings.md: a Markdown table a section. */
void settings_reference(struct str *out);

#endif
