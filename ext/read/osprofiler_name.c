/* osprofiler_name.c - what an OSProfiler span does, in a few words (osprofiler.h).
**
** OSProfiler names a span after the kind of its wrapper: wsgi, db, rpc. What tells spans apart stands
** in the attributes: a request line, an SQL text, the dotted name of a function with the repr() of its
** arguments. Three functions say nothing by their names:
**   - object_action and its like carry a method call on an object over the bus: object and method are
**     in kwargs, as in {'objinst': Instance(...), 'objmethod': 'save', ...};
**   - a function defined inside another (`<locals>` in its name) is a decorator's shell. Called by
**     another process's stub it has the stub's method, on the class of its first argument.
** Here the texts are only taken apart; folding ids out of paths and SQL comes later and elsewhere. */
#include "ext/read/osprofiler.h"

static PythiaText text_from(PythiaText text, size_t i) {
    return (PythiaText){text.p + i, text.n - i};
}

/* Where `needle` first stands in a text at or after `from`; text.n when nowhere. */
static size_t text_search(PythiaText text, size_t from, PythiaText needle) {
    while (from + needle.n <= text.n) {
        const char *hit = memchr(text.p + from, needle.p[0], text.n - from - needle.n + 1);
        if (!hit) break;
        from = (size_t)(hit - text.p);
        if (memcmp(hit, needle.p, needle.n) == 0) return from;
        from++;
    }
    return text.n;
}

static int text_has(PythiaText text, PythiaText needle) {
    return text_search(text, 0, needle) < text.n;
}

static int text_ends(PythiaText text, PythiaText end) {
    return text.n >= end.n && memcmp(text.p + text.n - end.n, end.p, end.n) == 0;
}

/* The last `n` components of a dotted name. */
static PythiaText dotted_tail(PythiaText name, int n) {
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '.' && --n == 0) return text_from(name, i);
    return name;
}

/* A dotted name without its last component. */
static PythiaText dotted_head(PythiaText name) {
    PythiaText tail = dotted_tail(name, 1);
    return (PythiaText){name.p, tail.n < name.n ? name.n - tail.n - 1 : 0};
}

static int is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* ---- Python's repr() ---- */

/* The offset behind a string literal that begins at i. */
static size_t repr_string_end(PythiaText text, size_t i) {
    char quote = text.p[i++];
    while (i < text.n && text.p[i] != quote)
        i += text.p[i] == '\\' ? 2 : 1;
    return i < text.n ? i + 1 : text.n;
}

/* The value of a key of the outermost dict, up to the end of the text; empty when there is none. Keys
** are strings; a repr() that is not Python (quotes that do not match) may hide keys, nothing worse. */
static PythiaText repr_find(PythiaText text, PythiaText key) {
    size_t depth = 0;
    int key_next = 0; /* the next string is a key of the outermost dict */
    for (size_t i = 0; i < text.n;) {
        char c = text.p[i];
        if (c == '\'' || c == '"') {
            size_t end = repr_string_end(text, i);
            int hit = key_next && end - i == key.n + 2 && memcmp(text.p + i + 1, key.p, key.n) == 0;
            key_next = 0;
            if (hit && end + 1 < text.n && text.p[end] == ':' && text.p[end + 1] == ' ')
                return text_from(text, end + 2);
            i = end;
            continue;
        }
        if (c == '{' || c == '(' || c == '[')
            depth++;
        else if ((c == '}' || c == ')' || c == ']') && depth)
            depth--;
        if (c == '{' || c == ',')
            key_next = depth == 1;
        else if (c != ' ')
            key_next = 0;
        i++;
    }
    return (PythiaText){"", 0};
}

/* The contents of a string literal at the start of a text, when they are one word. */
static PythiaText repr_word(PythiaText text) {
    if (text.n < 2 || (text.p[0] != '\'' && text.p[0] != '"')) return (PythiaText){"", 0};
    size_t i = 1;
    while (i < text.n && is_word(text.p[i]))
        i++;
    if (i == text.n || text.p[i] != text.p[0]) return (PythiaText){"", 0};
    return (PythiaText){text.p + 1, i - 1};
}

/* The class in `Class(...)` or `<module.Class object at 0x...>` at the start of a text. */
static PythiaText repr_class(PythiaText text) {
    size_t i = 0;
    int angle = text.n && text.p[0] == '<';
    if (angle) text = text_from(text, 1);
    while (i < text.n && (is_word(text.p[i]) || (angle && text.p[i] == '.')))
        i++;
    if (i == 0 || i == text.n || text.p[i] != (angle ? ' ' : '(')) return (PythiaText){"", 0};
    if (angle && !(text.n - i > 8 && memcmp(text.p + i, " object ", 8) == 0))
        return (PythiaText){"", 0};
    return dotted_tail((PythiaText){text.p, i}, 1);
}

/* The class of the first argument in a repr() of a tuple. */
static PythiaText repr_first_class(PythiaText args) {
    if (!args.n || args.p[0] != '(') return (PythiaText){"", 0};
    return repr_class(text_from(args, 1));
}

/* ---- names ---- */

static PythiaText name_join(PythiaReader *r, PythiaText a, PythiaText b) {
    pythia_buf_text(&r->scratch, a);
    pythia_buf_byte(&r->scratch, '.');
    pythia_buf_text(&r->scratch, b);
    return pythia_reader_scratch(r);
}

/* Object and method of a call that only carries them; empty when they cannot be read. */
static PythiaText name_of_action(PythiaReader *r, PythiaText method) {
    PythiaText kwargs = pythia_attributes_find(&r->attributes, PYTHIA_TEXT("function.kwargs"));
    PythiaText object = {"", 0};
    if (PYTHIA_TEXT_IS(method, "object_action"))
        object = repr_class(repr_find(kwargs, PYTHIA_TEXT("objinst")));
    else if (PYTHIA_TEXT_IS(method, "object_class_action_versions") ||
             PYTHIA_TEXT_IS(method, "object_class_action"))
        object = repr_word(repr_find(kwargs, PYTHIA_TEXT("objname")));
    if (!object.n) return object;
    PythiaText name = repr_word(repr_find(kwargs, PYTHIA_TEXT("objmethod")));
    return name.n ? name_join(r, object, name) : name;
}

static PythiaText name_of_local(PythiaReader *r, PythiaText function, PythiaText stub) {
    PythiaText args = pythia_attributes_find(&r->attributes, PYTHIA_TEXT("function.args"));
    PythiaText class = repr_first_class(args);
    if (stub.n && class.n) return name_join(r, class, stub);
    size_t at = text_search(function, 0, PYTHIA_TEXT(".<locals>"));
    PythiaText outer = {function.p, at};
    return name_join(r, dotted_tail(outer, 1), dotted_tail(function, 1));
}

static PythiaText name_of_function(PythiaReader *r, PythiaText function, PythiaText stub) {
    if (pythia_osp_is_local(function)) return name_of_local(r, function, stub);
    PythiaText action = name_of_action(r, dotted_tail(function, 1));
    return action.n ? action : dotted_tail(function, 2);
}

int pythia_osp_is_local(PythiaText function_name) {
    return text_has(function_name, PYTHIA_TEXT(".<locals>"));
}

/* Stubs live in modules named rpcapi. get_client() only makes ready for a call. */
PythiaText pythia_osp_stub(PythiaText function_name) {
    PythiaText method = dotted_tail(function_name, 1);
    if (!text_has(function_name, PYTHIA_TEXT(".rpcapi.")) || PYTHIA_TEXT_IS(method, "get_client"))
        return (PythiaText){"", 0};
    return method;
}

PythiaText pythia_osp_operation(PythiaReader *reader, PythiaText name, PythiaText stub) {
    const PythiaAttributes *list = &reader->attributes;
    PythiaText path = pythia_attributes_find(list, PYTHIA_TEXT("request.path"));
    PythiaText method = pythia_attributes_find(list, PYTHIA_TEXT("request.method"));
    if (path.n && method.n) {
        pythia_buf_text(&reader->scratch, method);
        pythia_buf_byte(&reader->scratch, ' ');
        pythia_buf_text(&reader->scratch, path);
        return pythia_reader_scratch(reader);
    }
    if (path.n) return path;
    PythiaText statement = pythia_attributes_find(list, PYTHIA_TEXT("db.statement"));
    if (statement.n) return statement;
    PythiaText function = pythia_attributes_find(list, PYTHIA_TEXT("function.name"));
    return function.n ? name_of_function(reader, function, stub) : name;
}

int pythia_osp_kind(PythiaReader *reader, PythiaText name) {
    if (PYTHIA_TEXT_IS(name, "wsgi")) return PYTHIA_KIND_SERVER;
    if (!PYTHIA_TEXT_IS(name, "rpc")) return PYTHIA_KIND_INTERNAL;
    const PythiaAttributes *list = &reader->attributes;
    PythiaText function = pythia_attributes_find(list, PYTHIA_TEXT("function.name"));
    if (text_has(function, PYTHIA_TEXT(".rpcapi."))) return PYTHIA_KIND_CLIENT;
    PythiaText class = dotted_tail(dotted_head(function), 1);
    if (pythia_osp_is_local(function))
        class = repr_first_class(pythia_attributes_find(list, PYTHIA_TEXT("function.args")));
    return text_ends(class, PYTHIA_TEXT("Manager")) ? PYTHIA_KIND_SERVER : PYTHIA_KIND_INTERNAL;
}
