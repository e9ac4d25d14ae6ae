/* templates.h - the example capsules, put into the binary by CMakeLists.txt. */
#ifndef APPS_PANDO_TEMPLATES_H
#define APPS_PANDO_TEMPLATES_H

#include <stddef.h>

struct template_file {
    const char *name; /* "hello.c" */
    const unsigned char *bytes;
    size_t len;
};

extern const struct template_file template_files[];
extern const size_t template_files_len;

#endif
