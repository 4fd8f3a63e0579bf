/* presence.h - which traces the index of a store may have, for whoever asks about many that it does not have.
**
** An import asks for each trace whether it is stored already; most are new, and to learn that from the table takes
** SQLite some microseconds each. So after a number of questions in proportion to the size of the table its hashes are
** read once, into a Bloom filter (filter.h), which then answers most questions in its place. Rows that are written
** are added to it. What is deleted stays in it, which costs a look at the table and nothing else.
**
** It is the state of one cookie of the store: this connection's own writes carry it along, and after anything else -
** another connection's write, a rollback - it is not believed but made anew.
**
** 12 bits for a trace, and half as much room again as there are traces; there is none for a store of very many. */
#ifndef PYTHIA_STORE_PRESENCE_H
#define PYTHIA_STORE_PRESENCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct PythiaPresence {
    unsigned char *filter; /* NULL: there is none (yet) */
    size_t bytes;
    uint32_t n, most; /* hashes in it, and how many it is made for */
    uint32_t asked;   /* questions while there was none */
    uint32_t worth;   /* after so many it is made */
    int64_t cookie;   /* of the store, when it was right */
} PythiaPresence;

/* A zeroed PythiaPresence is empty. Takes note of a row that was written to the index. */
void pythia_presence_add(PythiaPresence *presence, int64_t hash);
/* The store's cookie was changed by its own connection. */
void pythia_presence_carry(PythiaPresence *presence, int64_t before, int64_t cookie);
void pythia_presence_clear(PythiaPresence *presence);

#endif
