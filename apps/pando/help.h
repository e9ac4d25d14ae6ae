/* help.h - the table of commands, said to people. */
#ifndef APPS_PANDO_HELP_H
#define APPS_PANDO_HELP_H

#include <stdio.h>

void help_all(FILE *to);
void help_group(FILE *to, const char *group);
/* docs/guide/commands.md, whole. */
void help_markdown(FILE *to);

#endif
