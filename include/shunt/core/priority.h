/* priority.h: in which order what waits is taken up: high before normal before low, each in the order in which it came.
 * None waits for ever: of PRIORITY_NORMAL_EACH that are taken one is normal, of PRIORITY_LOW_EACH one is low, where any
 * waits. Pure.
 */
#ifndef SHUNT_CORE_PRIORITY_H
#define SHUNT_CORE_PRIORITY_H

#include <stdbool.h>

#define PRIORITY_NORMAL_EACH 8
#define PRIORITY_LOW_EACH    32

enum priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITIES };

const char *priority_word(enum priority priority);
bool priority_from(const char *text, enum priority *out); /* false: no such word */
/* Whose turn it is among those that wait; PRIORITIES: none does. *turn: kept by the caller, at first 0. */
enum priority priority_next(unsigned *turn, const bool waits[PRIORITIES]);

#endif
