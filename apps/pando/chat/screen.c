#include "apps/pando/chat/fronts.h"

enum pando_status chat_screen(struct chat_options *options, struct pando_err *reterr)
{
    return chat_lines(options, reterr);
}
