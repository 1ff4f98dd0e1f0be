/* alerts.c: see alerts.h. */
#include "shunt/service/alerts.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/embedded.h"
#include "shunt/base/log.h"
#include "shunt/core/alarm_text.h"
#include "shunt/core/json_get.h"
#include "shunt/core/mustache.h"
#include "shunt/core/when.h"
#include "shunt/service/outbox.h"
#include "shunt/service/upkeep.h"

#define KEY_SIZE 200

extern const struct embedded alert_templates[];

void alerts_command(const struct config *config, struct str *out)
{
    str_puts(out, "shunt");
    if (strcmp(config->file, CONFIG_DEFAULT) == 0)
        return;
    str_puts(out, " -c ");
    str_shell(out, config->file);
}

/* A mail in all its forms. */
struct letter {
    struct str subject, text, html;
    json_t *mail, *event; /* documents of the outbox */
};

static void letter_fini(struct letter *l)
{
    str_fini(&l->subject);
    str_fini(&l->text);
    str_fini(&l->html);
    json_decref(l->mail);
    json_decref(l->event);
}

static int render_page(const json_t *parts, const struct settings *set, struct letter *l)
{
    const struct mustache_text page = {alert_templates[0].name, alert_templates[0].bytes, alert_templates[0].size};
    json_t *data = json_pack("{s:s, s:s, s:s, s:O}", "subject", l->subject.bytes, "brand", set->brand_name, "colour",
                             set->brand_colour, "parts", parts);
    int rc = data ? mustache_render(&page, NULL, 0, data, &l->html, NULL) : ERR_NOMEM;
    json_decref(data);
    return rc;
}

static json_t *event_of(const struct service *s, const json_t *mail, const struct letter *l)
{
    char at[WHEN_TEXT_MAX];
    when_utc(s->rt.clock->wall_ms(s->rt.clock), at);
    return json_pack("{s:s, s:O, s:s, s:i, s:s, s:s, s:s, s:O}", "event", "alert", "key", json_object_get(mail, "key"),
                     "brand", s->config->settings->brand_name, "instance", (int)s->instance.number, "at", at, "subject",
                     l->subject.bytes, "text", l->text.bytes, "items", json_object_get(mail, "items"));
}

/* False: no memory. Begun in any case: letter_fini. */
static bool write_letter(const struct service *s, const json_t *mail, struct letter *l)
{
    const struct settings *set = s->config->settings;
    struct str command = STR_INIT, brand = STR_INIT;
    *l = (struct letter){STR_INIT, STR_INIT, STR_INIT, NULL, NULL};
    alerts_command(s->config, &command);
    str_puts(&brand, set->brand_name);
    if (s->instance.number > 0)
        str_printf(&brand, " (instance %u)", s->instance.number);
    const struct alarm_words words = {
        .brand = brand.bytes, .command = command.bytes, .now_ms = s->rt.clock->wall_ms(s->rt.clock)};
    json_t *parts = str_failed(&command) || str_failed(&brand) ? NULL : alarm_parts(mail, &words);
    if (parts) {
        alarm_subject(mail, &words, &l->subject);
        alarm_text(parts, &words, &l->text);
    }
    bool fine = parts && !str_failed(&l->subject) && !str_failed(&l->text) && render_page(parts, set, l) == 0;
    if (fine) {
        l->mail =
            json_pack("{s:s, s:s, s:s}", "subject", l->subject.bytes, "text", l->text.bytes, "html", l->html.bytes);
        l->event = event_of(s, mail, l);
        fine = l->mail && l->event &&
               (set->alerts_to.count == 0 ||
                json_object_set_new(l->mail, "to", json_texts(set->alerts_to.items, set->alerts_to.count)) == 0);
    }
    json_decref(parts);
    str_fini(&command);
    str_fini(&brand);
    return fine;
}

static void forget(struct alerts *a)
{
    json_decref(a->sending);
    a->sending = NULL;
}

static void told(struct alerts *a)
{
    struct service *s = a->service;
    alarm_mailed(s->rt.alarm, a->sending, s->rt.clock->wall_ms(s->rt.clock));
    forget(a);
}

/* The store has it. That it is told is saved at once: a crash before tells it again, under the same key. */
static void on_saved(void *user)
{
    struct alerts *a = user;
    told(a);
    upkeep_save_now(a->service->upkeep);
}

static bool put(struct alerts *a, struct letter *l)
{
    struct service *s = a->service;
    char key[KEY_SIZE];
    bool mails = outbox_reaches(s->outbox, OUTBOX_MAIL), posts = outbox_reaches(s->outbox, OUTBOX_WEBHOOK);
    const char *of_mail = json_string_value(json_object_get(a->sending, "key"));
    snprintf(key, sizeof key, "webhook:%u:%s", s->instance.number, of_mail);
    if (posts &&
        !outbox_put_urgent(s->outbox, OUTBOX_WEBHOOK, key, l->event, mails ? NULL : on_saved, mails ? NULL : a))
        return false;
    snprintf(key, sizeof key, "alert:%u:%s", s->instance.number, of_mail);
    return !mails || outbox_put_urgent(s->outbox, OUTBOX_MAIL, key, l->mail, on_saved, a);
}

/* False: nothing more can be told now. That the store cannot be written needs nobody's memory. */
static bool tell_next(struct alerts *a, bool known)
{
    struct service *s = a->service;
    bool anybody = outbox_reaches(s->outbox, OUTBOX_MAIL) || outbox_reaches(s->outbox, OUTBOX_WEBHOOK);
    const char *only = known ? NULL : "store_degraded";
    if (a->sending || !(a->sending = alarm_mail_of(s->rt.alarm, only, s->rt.clock->wall_ms(s->rt.clock))))
        return false;
    if (!anybody) {
        told(a);
        return true;
    }
    struct letter l;
    bool sent = write_letter(s, a->sending, &l) && put(a, &l);
    if (sent)
        log_info("alert", "Alert: %s", l.subject.bytes);
    letter_fini(&l);
    if (sent)
        return true;
    forget(a);
    return false;
}

void alerts_init(struct alerts *a, struct service *s)
{
    *a = (struct alerts){.service = s};
}

void alerts_tick(struct alerts *a, bool known)
{
    while (a->service->outbox && tell_next(a, known))
        continue;
}

void alerts_fini(struct alerts *a)
{
    stuck_fini(&a->stuck);
    forget(a);
}
