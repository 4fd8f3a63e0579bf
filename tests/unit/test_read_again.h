/* test_read_again.h - for tests of what readers remember: documents made at random of few pieces, read with what is
** remembered and by way of the tape. */
#ifndef PYTHIA_TEST_READ_AGAIN_H
#define PYTHIA_TEST_READ_AGAIN_H

#include "tests/unit/test_read.h"

static uint64_t state;

/* One of n. */
static size_t pick(size_t n) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (size_t)(state >> 11) % n;
}

#define PICK(array) ((array)[pick(sizeof(array) / sizeof *(array))])
/* Most often the first. */
#define PREFER(array) ((array)[pick(4) ? 0 : pick(sizeof(array) / sizeof *(array))])

/* So many documents, one a line; odd: with pieces that the quick way leaves to the other. */
typedef PythiaBuf (*AgainMake)(size_t documents, int odd);

enum { AGAIN_DOCUMENTS = 20 };

/* Both ways find the same. Of the documents of a file without odd pieces at least so many are read the quick way, and so
** many of all. */
static void again_alike(AgainMake make, const char *format, int files, int of_file, int of_all) {
    int kept, all = 0;
    state = 88172645463325252u;
    for (int i = 0; i < files; i++) {
        PythiaBuf text = make(AGAIN_DOCUMENTS, i % 2);
        CU_ASSERT_FATAL(seen_alike((char *)text.data, text.n, format, &kept));
        all += kept;
        if (i % 2 == 0 && kept < of_file) CU_FAIL("few were read the quick way");
        pythia_buf_clear(&text);
    }
    CU_ASSERT(all > of_all);
}

/* The same where what is remembered was not damaged, and what is compared with it is: the last of two documents comes
** again, with a byte changed or cut off. */
static void again_damaged(AgainMake make, const char *format, int files, int of_all) {
    static const char bytes[] = "{}[]\":,\\0129-.e \n\x80\xff\x01";
    int kept, all = 0;
    state = 4101842887655102017u;
    for (int i = 0; i < files; i++) {
        PythiaBuf text = make(2, 0), last = {0};
        size_t begin = (size_t)((unsigned char *)strchr((char *)text.data, '\n') - text.data) + 1;
        pythia_buf_bytes(&last, text.data + begin, text.n - begin);
        pythia_buf_bytes(&text, last.data, last.n);
        CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
        size_t at = text.n - 1 - pick(last.n);
        if (i % 4)
            text.data[at] = (unsigned char)bytes[pick(sizeof bytes - 1)];
        else
            text.n = at;
        if (!seen_alike((char *)text.data, text.n, format, &kept)) CU_FAIL("the two ways differ");
        all += kept;
        pythia_buf_clear(&text);
        pythia_buf_clear(&last);
    }
    CU_ASSERT(all > of_all);
}

#endif
