/* The compiled loops under nnviz_tb.statistics, as Python calls them.
 *
 * NumPy's path in the Python files beside this one is the definition of what they compute.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_stats.h"

#define MOST_VIEWS 8
/* More than there are buckets and gaps between them. */
#define MOST_INTERVALS (2 * BUCKETS)
/* So little work is done with the GIL held: another thread would keep it for milliseconds. */
#define LITTLE_WORK 32768

typedef struct {
    Py_buffer view[MOST_VIEWS];
    int taken;
} Views;

static void release(Views *views)
{
    while (views->taken > 0) {
        PyBuffer_Release(&views->view[--views->taken]);
    }
}

static Py_buffer *take(Views *views, PyObject *object, int flags)
{
    Py_buffer *view = &views->view[views->taken];
    if (PyObject_GetBuffer(object, view, flags) < 0) {
        return NULL;
    }
    views->taken++;
    return view;
}

/* A contiguous vector of `size` items of eight bytes, or NULL with an exception. */
static void *vector(Views *views, PyObject *object, Py_ssize_t size, int flags)
{
    Py_buffer *view = take(views, object, flags);
    if (view && view->len != size * 8) {
        PyErr_Format(PyExc_ValueError, "a vector of %zd bytes where %zd are needed", view->len,
                     size * 8);
        return NULL;
    }
    return view ? view->buf : NULL;
}

static int is_float32(const Py_buffer *view)
{
    /* The format tells byte-swapped numbers apart. */
    return view->itemsize == 4 && view->format && !strcmp(view->format, "f") &&
           !((uintptr_t)view->buf & 3);
}

/* float32[fan_in, neurons] of any strides; `near` asks for one contiguous axis. */
static int block_of(Views *views, PyObject *object, Sums *sums, int near)
{
    Py_buffer *view = take(views, object, PyBUF_STRIDES | PyBUF_FORMAT);
    if (!view) {
        return -1;
    }
    if (view->ndim != 2 || !is_float32(view) || ((view->strides[0] | view->strides[1]) & 3)) {
        PyErr_SetString(PyExc_ValueError, "block must be aligned float32[fan_in, neurons]");
        return -1;
    }
    sums->data = view->buf;
    sums->rows = view->shape[0];
    sums->columns = view->shape[1];
    sums->row_stride = view->strides[0];
    sums->column_stride = view->strides[1];
    if (near && near_axis(sums) == NEITHER) {
        PyErr_SetString(PyExc_ValueError, "one axis of block must be contiguous");
        return -1;
    }
    return 0;
}

/* float32[rows, columns] in one stretch of memory. */
static int stretch_of(Views *views, PyObject *object, Stretch *block)
{
    Py_buffer *view = take(views, object, PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT);
    if (!view) {
        return -1;
    }
    if (view->ndim != 2 || !is_float32(view)) {
        PyErr_SetString(PyExc_ValueError, "block must be aligned float32[rows, columns]");
        return -1;
    }
    block->data = view->buf;
    block->rows = view->shape[0];
    block->columns = view->shape[1];
    block->column_after_column = !PyBuffer_IsContiguous(view, 'C');
    return 0;
}

/* float32 of any shape in one stretch of memory. */
static Py_buffer *samples_of(Views *views, PyObject *object)
{
    Py_buffer *view = take(views, object, PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT);
    if (view && !is_float32(view)) {
        PyErr_SetString(PyExc_ValueError, "samples must be aligned float32");
        return NULL;
    }
    return view;
}

static int has_arguments(const char *name, Py_ssize_t given, Py_ssize_t needed)
{
    if (given != needed) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", name, needed, given);
    }
    return given == needed;
}

static PyThreadState *let_others_run(ptrdiff_t size)
{
    return size > LITTLE_WORK ? PyEval_SaveThread() : NULL;
}

static void go_on(PyThreadState *state)
{
    if (state) {
        PyEval_RestoreThread(state);
    }
}

PyDoc_STRVAR(reduce_doc,
"reduce(block, pivot, first, second, low, high, count, counts) -> (zero, nan, posinf, neginf)\n\n"
"Adds a float32[fan_in, neurons] block to the sums of its neurons and to the bucket counts. One of\n"
"the block's axes must be contiguous. Buckets of what is not finite are left as the bits say.");

static PyObject *reduce(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    Sums sums = {0};
    void *fields[7];
    (void)module;
    if (!has_arguments("reduce", nargs, 8) || block_of(&views, args[0], &sums, 1) < 0) {
        goto done;
    }
    for (int k = 0; k < 7; k++) {
        fields[k] = vector(&views, args[k + 1], k == 6 ? BUCKETS : sums.columns,
                           k ? PyBUF_WRITABLE : PyBUF_SIMPLE);
        if (!fields[k]) {
            goto done;
        }
    }
    sums.pivot = fields[0];
    sums.first = fields[1];
    sums.second = fields[2];
    sums.low = fields[3];
    sums.high = fields[4];
    sums.count = fields[5];
    sums.counts = fields[6];
    PyThreadState *state = let_others_run(sums.rows * sums.columns);
    int status = nnviz_reduce(&sums);
    go_on(state);
    result = status < 0 ? PyErr_NoMemory()
                        : Py_BuildValue("LLLL", (long long)sums.zero_count,
                                        (long long)sums.nan_count, (long long)sums.posinf_count,
                                        (long long)sums.neginf_count);
done:
    release(&views);
    return result;
}

PyDoc_STRVAR(describe_doc,
"describe(kernel, ranks, exact_up_to, counts, neurons, summary)\n"
"    -> (zero, nan, posinf, neginf, minimum, maximum)\n\n"
"All statistics of a float32[fan_in, neurons] kernel, one axis of which must be contiguous:\n"
"int64[4096] bucket counts, which must be 0 before; float64[5, neurons] norm, mean, standard\n"
"deviation, minimum and maximum; float64[ranks + 8] quantiles at the ascending ranks, mean,\n"
"standard deviation, norm and the counts of all, of zeros, NaN, infinity and minus infinity.\n"
"Quantiles are exact for kernels of at most `exact_up_to` weights.");

static PyObject *describe(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    Sums sums = {0};
    (void)module;
    if (!has_arguments("describe", nargs, 6) || block_of(&views, args[0], &sums, 1) < 0) {
        goto done;
    }
    Py_buffer *ranks = take(&views, args[1], PyBUF_SIMPLE);
    Py_ssize_t exact_up_to = ranks ? PyLong_AsSsize_t(args[2]) : -1;
    if (!ranks || (exact_up_to == -1 && PyErr_Occurred())) {
        goto done;
    }
    Py_ssize_t rank_count = ranks->len / 8;
    sums.counts = vector(&views, args[3], BUCKETS, PyBUF_WRITABLE);
    double *neurons = sums.counts ? vector(&views, args[4], 5 * sums.columns, PyBUF_WRITABLE) : NULL;
    double *summary = neurons ? vector(&views, args[5], rank_count + 8, PyBUF_WRITABLE) : NULL;
    if (!summary) {
        goto done;
    }
    PyThreadState *state = let_others_run(sums.rows * sums.columns);
    int status = nnviz_describe(&sums, ranks->buf, rank_count, exact_up_to, neurons, summary);
    go_on(state);
    result = status < 0
                 ? PyErr_NoMemory()
                 : Py_BuildValue("LLLLdd", (long long)sums.zero_count, (long long)sums.nan_count,
                                 (long long)sums.posinf_count, (long long)sums.neginf_count,
                                 sums.minimum, sums.maximum);
done:
    release(&views);
    return result;
}

PyDoc_STRVAR(intervals_doc,
"intervals(counts, minimum, maximum, limit, table) -> rows\n\n"
"Writes left, right and count of at most `limit` intervals to float64[limit, 3].");

static PyObject *intervals(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    (void)module;
    if (!has_arguments("intervals", nargs, 5)) {
        return NULL;
    }
    double minimum = PyFloat_AsDouble(args[1]), maximum = PyFloat_AsDouble(args[2]);
    Py_ssize_t limit = PyLong_AsSsize_t(args[3]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (limit < 1 || limit > MOST_INTERVALS) {
        PyErr_Format(PyExc_ValueError, "limit must be 1 to %d, got %zd", MOST_INTERVALS, limit);
        return NULL;
    }
    int64_t *counts = vector(&views, args[0], BUCKETS, PyBUF_SIMPLE);
    double *table = counts ? vector(&views, args[4], 3 * limit, PyBUF_WRITABLE) : NULL;
    if (table) {
        ptrdiff_t rows = nnviz_intervals(counts, minimum, maximum, limit, table);
        result = rows < 0 ? PyErr_NoMemory() : PyLong_FromSsize_t(rows);
    }
    release(&views);
    return result;
}

PyDoc_STRVAR(density_doc,
"density(samples, counts)\n\n"
"Adds contiguous float32 samples of any shape to int64[515]: the buckets, NaN, infinity, minus\n"
"infinity.");

static PyObject *density(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    int64_t *counts = NULL;
    (void)module;
    if (!has_arguments("density", nargs, 2)) {
        return NULL;
    }
    Py_buffer *samples = samples_of(&views, args[0]);
    if (samples) {
        counts = vector(&views, args[1], ALL_PLACES, PyBUF_WRITABLE);
    }
    if (counts) {
        PyThreadState *state = let_others_run(samples->len / 4);
        nnviz_density(samples->buf, samples->len / 4, counts);
        go_on(state);
    }
    release(&views);
    return counts ? Py_NewRef(Py_None) : NULL;
}

/* The two float64[columns] that a pass over a stretch of memory adds to. */
static int columns_of(Views *views, PyObject *const *args, const Stretch *block, double *sums[2])
{
    for (int k = 0; k < 2; k++) {
        sums[k] = vector(views, args[k], block->columns, PyBUF_WRITABLE);
        if (!sums[k]) {
            return -1;
        }
    }
    return 0;
}

PyDoc_STRVAR(tails_doc,
"tails(samples, below, above, inside, nan)\n\n"
"Adds how many of each column of contiguous float32[samples, neurons] are <= below or >= above,\n"
"and how many are NaN, to float64[neurons].");

static PyObject *tails(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    Stretch block = {0};
    double *sums[2];
    int done = 0;
    (void)module;
    if (!has_arguments("tails", nargs, 5)) {
        return NULL;
    }
    double below = PyFloat_AsDouble(args[1]), above = PyFloat_AsDouble(args[2]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (!stretch_of(&views, args[0], &block) && !columns_of(&views, args + 3, &block, sums)) {
        PyThreadState *state = let_others_run(block.rows * block.columns);
        nnviz_tails(&block, (float)below, (float)above, sums[0], sums[1]);
        go_on(state);
        done = 1;
    }
    release(&views);
    return done ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(magnitudes_doc,
"magnitudes(samples, total, count)\n\n"
"Adds the finite magnitudes in each column of contiguous float32[samples, neurons], and how many\n"
"they are, to float64[neurons].");

static PyObject *magnitudes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    Stretch block = {0};
    double *sums[2];
    int done = 0;
    (void)module;
    if (has_arguments("magnitudes", nargs, 3) && !stretch_of(&views, args[0], &block) &&
        !columns_of(&views, args + 1, &block, sums)) {
        PyThreadState *state = let_others_run(block.rows * block.columns);
        nnviz_magnitudes(&block, sums[0], sums[1]);
        go_on(state);
        done = 1;
    }
    release(&views);
    return done ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(moments_doc,
"moments(samples, pivot) -> (sum, sum of squares, count)\n\n"
"Of the finite numbers in contiguous float32 samples of any shape, less the pivot.");

static PyObject *moments(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    (void)module;
    if (!has_arguments("moments", nargs, 2)) {
        return NULL;
    }
    double pivot = PyFloat_AsDouble(args[1]), first = 0.0, second = 0.0;
    int64_t count = 0;
    Py_buffer *samples = PyErr_Occurred() ? NULL : samples_of(&views, args[0]);
    if (samples) {
        PyThreadState *state = let_others_run(samples->len / 4);
        nnviz_moments(samples->buf, samples->len / 4, pivot, &first, &second, &count);
        go_on(state);
        result = Py_BuildValue("ddL", first, second, (long long)count);
    }
    release(&views);
    return result;
}

PyDoc_STRVAR(changes_doc,
"changes(new, old, moved, length)\n\n"
"Adds the squares of new - old and of old in each column of two float32[fan_in, neurons], both\n"
"contiguous in the same order, to float64[neurons].");

static PyObject *changes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    Stretch block = {0}, other = {0};
    double *sums[2];
    int done = 0;
    (void)module;
    if (!has_arguments("changes", nargs, 4) || stretch_of(&views, args[0], &block) < 0 ||
        stretch_of(&views, args[1], &other) < 0) {
        goto done;
    }
    if (block.rows != other.rows || block.columns != other.columns ||
        block.column_after_column != other.column_after_column) {
        PyErr_SetString(PyExc_ValueError, "both blocks must have one shape and order");
        goto done;
    }
    block.other = other.data;
    if (columns_of(&views, args + 2, &block, sums) == 0) {
        PyThreadState *state = let_others_run(block.rows * block.columns);
        nnviz_changes(&block, sums[0], sums[1]);
        go_on(state);
        done = 1;
    }
done:
    release(&views);
    return done ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(sketch_doc,
"sketch(kernel, seed, projected)\n\n"
"Adds each neuron's finite weights under the signs of each row to float64[neurons, 8].");

static PyObject *sketch(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Views views = {.taken = 0};
    Sums kernel = {0};
    double *projected = NULL;
    (void)module;
    if (has_arguments("sketch", nargs, 3) && !block_of(&views, args[0], &kernel, 0)) {
        unsigned long long seed = PyLong_AsUnsignedLongLongMask(args[1]);
        if (!PyErr_Occurred()) {
            projected = vector(&views, args[2], SKETCH_DIMENSIONS * kernel.columns, PyBUF_WRITABLE);
        }
        if (projected) {
            PyThreadState *state = let_others_run(kernel.rows * kernel.columns);
            nnviz_sketch(&kernel, seed, projected);
            go_on(state);
        }
    }
    release(&views);
    return projected ? Py_NewRef(Py_None) : NULL;
}

#define METHOD(name) \
    {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, name##_doc}

static PyMethodDef methods[] = {
    METHOD(reduce),  METHOD(describe), METHOD(intervals), METHOD(density), METHOD(tails),
    METHOD(magnitudes), METHOD(moments), METHOD(changes), METHOD(sketch), {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_stats", "The compiled loops under nnviz_tb.statistics.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__stats(void)
{
    return PyModule_Create(&definition);
}
