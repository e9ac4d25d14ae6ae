#include "sim/run.h"

#include <stdio.h>

/* Verdicts are our own text, but ids and names of statuses may hold quotes one day. */
static void print_json_text(FILE *to, const char *text)
{
    (void)fputc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', to);
        (void)fputc((unsigned char)*text < 0x20 ? ' ' : *text, to);
    }
    (void)fputc('"', to);
}

void sim_print(FILE *to, const struct sim_verdict *v, bool json)
{
    if (!json) {
        (void)fprintf(to, "%s %-10s seed %-6llu %4u nodes %7.1f s virtual %6.2f s real  %s\n",
                      v->passed ? "ok  " : "FAIL", v->scenario->name,
                      (unsigned long long)v->seed, v->nodes, v->virtual_s, v->real_s, v->text);
    } else {
        (void)fprintf(to,
                      "{\"scenario\":\"%s\",\"seed\":%llu,\"nodes\":%u,\"passed\":%s,"
                      "\"hash\":\"%016llx\",\"steps\":%llu,\"virtual_s\":%.3f,\"real_s\":%.3f,"
                      "\"text\":",
                      v->scenario->name, (unsigned long long)v->seed, v->nodes,
                      v->passed ? "true" : "false", (unsigned long long)v->hash,
                      (unsigned long long)v->steps, v->virtual_s, v->real_s);
        print_json_text(to, v->text);
        (void)fprintf(to, "}\n");
    }
    (void)fflush(to);
}

void sim_print_list(FILE *to, bool json)
{
    for (size_t i = 0; i < scenarios_len; i++) {
        const struct scenario *s = &scenarios[i];
        if (json)
            (void)fprintf(to,
                          "{\"name\":\"%s\",\"nodes\":%u,\"nodes_min\":%u,\"nodes_max\":%u,"
                          "\"seconds\":%u,\"on_request\":%s,\"help\":\"%s\"}\n",
                          s->name, s->nodes, s->nodes_min, s->nodes_max, s->seconds,
                          s->on_request ? "true" : "false", s->help);
        else
            (void)fprintf(to, "%-10s %5u nodes (%u to %u)  %s%s\n", s->name, s->nodes,
                          s->nodes_min, s->nodes_max, s->help,
                          s->on_request ? "; only by its name" : "");
    }
}
