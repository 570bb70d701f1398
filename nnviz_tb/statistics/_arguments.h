/* What Python passes to the compiled loops, checked. */
#ifndef NNVIZ_ARGUMENTS_H
#define NNVIZ_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>

#include "_stats.h"

#define MOST_VIEWS 8

/* Memory of Python objects that is held during a call. */
typedef struct {
    Py_buffer view[MOST_VIEWS];
    int taken;
} Views;

/* Contiguous numbers of one kind. */
typedef struct {
    const void *data;
    ptrdiff_t count;
} Numbers;

/* Reads the arguments of a call, one letter of `kinds` for each, into what follows them:
 *
 *   b  Sums *             float32[fan_in, neurons] of any strides
 *   B  Sums *             the same with one contiguous axis
 *   s  Stretch *          float32[rows, columns] in one stretch of memory
 *   f  Numbers *          float32 of any shape in one stretch of memory
 *   r  Numbers *          eight-byte numbers, contiguous
 *   v  void *, int times, const ptrdiff_t *of, int plus
 *                         times * *of + plus eight-byte numbers, contiguous; times + plus where of
 *                         is NULL. The first is the address of a pointer to them
 *   w  the same           to be written to
 *   d  double *
 *   n  ptrdiff_t *, const char *name, int least, int most
 *   u  uint64_t *         any integer, by its lowest bits
 *
 * An argument's size may depend on those before it. Returns 0, or -1 with an exception; what was
 * taken is to be released in either case. */
INTERNAL int read_arguments(Views *views, const char *method, PyObject *const *args,
                            Py_ssize_t given, const char *kinds, ...);

INTERNAL void release(Views *views);

#endif
