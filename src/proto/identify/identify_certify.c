#include "base/slice.h"
#include "crypto/envelope.h"
#include "proto/identify/identify.h"

enum pando_status identify_certify(struct identify_info *info, const struct peer_id *peer,
                                   uint64_t *ret_seq)
{
    if (info->record_len == 0)
        return PANDO_NOT_FOUND;
    struct peer_record record;
    const enum pando_status st =
        peer_record_open(slice_of(info->record, info->record_len), &record);
    if (st != PANDO_OK)
        return st;
    if (!peer_id_equal(&record.peer, peer))
        return PANDO_FORGED;
    size_t len = record.addresses_len;
    if (len > IDENTIFY_ADDRESSES_MAX)
        len = IDENTIFY_ADDRESSES_MAX;
    for (size_t i = 0; i < len; i++)
        info->addresses[i] = record.addresses[i];
    info->addresses_len = (uint16_t)len;
    *ret_seq = record.seq;
    return PANDO_OK;
}
