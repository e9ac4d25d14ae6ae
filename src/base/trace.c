#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>

void trace(const struct tracer *t, enum trace_module module, enum trace_level level,
           const char *format, ...)
{
    if (t == NULL || t->emit == NULL || (uint8_t)level < t->levels[module])
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->emit(t->ctx, &(struct trace_record){ module, level, text });
}

const char *trace_module_name(enum trace_module module)
{
    static const char *const names[] = {
#define X(name, text) text,
        TRACE_MODULE_MAP(X)
#undef X
    };
    return (unsigned)module < TRACE_MODULES ? names[module] : "?";
}

const char *trace_level_name(enum trace_level level)
{
    static const char *const names[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };
    return (unsigned)level < 5 ? names[level] : "?";
}
