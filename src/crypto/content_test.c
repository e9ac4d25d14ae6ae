/* Content and its CID: where the hash of this folder and the ids of codec/ meet. */
#include "base/slice.h"
#include "codec/cid.h"
#include "crypto/sign.h"
#include "vectors.h"

static void content_has_the_cid_that_other_tools_give_it(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "content");
    while (vectors_next(&v)) {
        struct cid cid;
        struct pando_id want;
        char text[CID_SHA256_TEXT_SIZE];
        CHECK_NOTE("%s\n", v.columns[0]);
        CHECK_OK(cid_parse(v.columns[2], &cid));
        CHECK_OK(cid_sha256(&cid, &want));
        const struct pando_id got = crypto_sha256(vectors_bytes(&v, 1));
        CHECK(id_equal(&got, &want));
        cid_text_sha256((enum cid_codec)cid.codec, &got, text);
        CHECK_STR(text, v.columns[2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(
        content_has_the_cid_that_other_tools_give_it) };
    return CHECK_RUN(tests);
}
