/* acceptance.h: what all calls share that take something in: whether more is accepted at all, whether the names may be used,
 * and how what they refuse is told. */
#ifndef SHUNT_SERVICE_ACCEPTANCE_H
#define SHUNT_SERVICE_ACCEPTANCE_H

#include "shunt/service/pressure.h"

#include "control_inner.h"

struct acceptance {
    struct pressure pressure;
    enum pressure_limit limit;
    char why[PRESSURE_TEXT_MAX];
};

/* Loop, before the body is read: false: nothing more is accepted, answered. The disk is as it was seen last, and what is
 * let in is looked at again when the body is there. */
bool acceptance_admit(struct control *c, struct http_request *request);

/* Loop: how full the queue is, and how much is to be added. */
void acceptance_begin(struct acceptance *acceptance, const struct service *s, size_t more);
/* In a work request. False: nothing more is accepted for now. */
bool acceptance_open(struct acceptance *acceptance, const struct config *c);
/* 503 with Retry-After, which says what the limit is. Takes the request. */
void acceptance_refuse(const struct acceptance *acceptance, struct http_request *request);

/* What a call of this kind ended in, as a problem: 400, 404, 409, 422 or 503. Frees the call. */
void acceptance_fail(struct call *call);

/* A client's folder and a name in it that the intake takes up. ERR_BAD_NAME. Does not look whether the folder is there. */
int acceptance_names(const struct settings *s, const char *client, const char *name, struct error *e);
/* The client's hot folder, opened: one that is there, no link. ERR_GONE: there is none. In a work request. */
int acceptance_client(const struct config *c, const char *client, struct error *e);

#endif
