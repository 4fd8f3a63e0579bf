/* capability.h - kinds of back ends that a machine may offer and that this version does not drive.
**
** For each of them, what a glance at /proc and /sys says: whether the kernel has it, whether this process would be let.
** Nothing is opened for writing, mounted or attached. */
#ifndef PYTHIA_CONTROL_CAPABILITY_H
#define PYTHIA_CONTROL_CAPABILITY_H

/* The name of the kind with that index, from 0; NULL past the last. *detail (sqlite3_free()) says what was found; NULL
** when there is no memory. root is put before all paths: "" but in tests. */
const char *pythia_capability(const char *root, int index, char **detail);

#endif
