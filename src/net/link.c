#include "net/link.h"

const char *link_reason_text(enum link_reason reason)
{
    switch (reason) {
#define X(name, text) case LINK_REASON_##name: return text;
        LINK_REASON_MAP(X)
#undef X
    }
    return "an unknown reason";
}
