/* roff.h: the few man(7) macros that the manual is made of. Texts are escaped; between backquotes they are bold. */
#ifndef SHUNT_CLI_ROFF_H
#define SHUNT_CLI_ROFF_H

#include "shunt/base/str.h"

void roff_title(struct str *out, const char *page, int section, const char *summary); /* and the section NAME */
void roff_section(struct str *out, const char *heading);
void roff_subsection(struct str *out, const char *heading);
void roff_paragraph(struct str *out, const char *text);
/* A label and what belongs to it. placeholder: italic, behind the label; may be NULL. */
void roff_item(struct str *out, const char *label, const char *placeholder, const char *text);
/* A key of a settings file; takes: its values, in a line of its own. */
void roff_key(struct str *out, const char *name, const char *help, const char *takes);
void roff_text(struct str *out, const char *text); /* goes on in the paragraph or item */
void roff_example(struct str *out, const char *lines);
void roff_escaped(struct str *out, const char *text, size_t n); /* in a line of the caller's own */

#endif
