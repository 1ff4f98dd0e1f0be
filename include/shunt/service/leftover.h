/* leftover.h: the temporaries that a crash left of a ticket which lies in underprocess. The next try overwrites those
 * of the same instance at the places where the ticket still goes; here go the others: of an instance that we adopted
 * the ticket from, or at a place where it no longer goes. Blocking; in a look's work request. What cannot be removed
 * stays: a dot file, harmless. */
#ifndef SHUNT_SERVICE_LEFTOVER_H
#define SHUNT_SERVICE_LEFTOVER_H

#include "shunt/service/take.h"

void leftover_sweep(const struct take_batch *batch, const struct take_item *item);

#endif
