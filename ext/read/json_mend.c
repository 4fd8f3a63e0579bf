/* json_mend.c - pythia_json_mend() of json.h: documents that a strict parser refuses for one value.
**
** The strict parser holds integers in 64 bits and numbers in a double, and refuses the whole document
** when one does not fit. Writers do produce such values: JavaScript prints 2^80 as
** 1208925819614629174706176, Python prints NaN and Infinity, and a text cut in the middle of a
** surrogate pair leaves "\ud800". A string keeps what was written; whoever wants a number converts it.
** One pass, outside and inside of strings; only text that the parser has refused comes here. */
#include "ext/read/json.h"

#include <math.h>

typedef struct Mend {
    PythiaBuf *out;
    const unsigned char *p;
    size_t n, i;
    size_t plain; /* start of the run not yet copied */
    int changed;
} Mend;

static void mend_flush(Mend *m) {
    pythia_buf_bytes(m->out, m->p + m->plain, m->i - m->plain);
}

static int hex4(const unsigned char *p) {
    int v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = p[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* At a backslash inside a string. A whole pair is passed over, a half replaced. */
static void mend_escape(Mend *m) {
    if (m->n - m->i < 6 || m->p[m->i + 1] != 'u') {
        m->i += m->n - m->i < 2 ? 1 : 2;
        return;
    }
    int unit = hex4(m->p + m->i + 2);
    if (unit < 0xd800 || unit > 0xdfff) {
        m->i += 2;
        return;
    }
    if (unit < 0xdc00 && m->n - m->i >= 12 && m->p[m->i + 6] == '\\' && m->p[m->i + 7] == 'u') {
        int low = hex4(m->p + m->i + 8);
        if (low >= 0xdc00 && low <= 0xdfff) {
            m->i += 12;
            return;
        }
    }
    mend_flush(m);
    pythia_buf_str(m->out, "\\ufffd");
    m->i += 6;
    m->plain = m->i;
    m->changed = 1;
}

static void mend_string(Mend *m) {
    m->i++;
    while (m->i < m->n && m->p[m->i] != '"') {
        if (m->p[m->i] == '\\')
            mend_escape(m);
        else
            m->i++;
    }
    if (m->i < m->n) m->i++;
}

/* A bare word: a number, true, null, NaN, -Infinity ... up to punctuation or space. */
static int is_word(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '-' || c == '.';
}

static int number_fits(PythiaText word) {
    int64_t whole;
    double real;
    if (word.n < 19) {
        if (!memchr(word.p, 'e', word.n) && !memchr(word.p, 'E', word.n)) return 1;
    } else if (pythia_text_int64(word, &whole)) {
        return 1;
    }
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '.' || word.p[i] == 'e' || word.p[i] == 'E')
            return !pythia_text_double(word, &real) || isfinite(real);
    return 0; /* an integer beyond int64; those up to uint64 fit, but a string serves as well */
}

static void mend_word(Mend *m) {
    size_t start = m->i;
    while (m->i < m->n && is_word(m->p[m->i]))
        m->i++;
    PythiaText word = {(const char *)m->p + start, m->i - start};
    size_t sign = word.p[0] == '-';
    PythiaText bare = {word.p + sign, word.n - sign};
    int number = bare.n && bare.p[0] >= '0' && bare.p[0] <= '9';
    int special = PYTHIA_TEXT_IS(bare, "NaN") || PYTHIA_TEXT_IS(bare, "nan") ||
                  PYTHIA_TEXT_IS(bare, "Infinity") || PYTHIA_TEXT_IS(bare, "inf");
    if (special ? 0 : !number || number_fits(word)) return;
    size_t end = m->i;
    m->i = start;
    mend_flush(m);
    pythia_buf_byte(m->out, '"');
    pythia_buf_text(m->out, word);
    pythia_buf_byte(m->out, '"');
    m->i = m->plain = end;
    m->changed = 1;
}

void pythia_json_mend(PythiaBuf *out, const unsigned char *bytes, size_t n, int *changed) {
    Mend m = {out, bytes, n, 0, 0, 0};
    while (m.i < n) {
        if (bytes[m.i] == '"')
            mend_string(&m);
        else if (is_word(bytes[m.i]))
            mend_word(&m);
        else
            m.i++;
    }
    mend_flush(&m);
    *changed = m.changed;
}
