/* The compiled loops under nnviz_tb.statistics, as Python calls them.
 *
 * NumPy's path in the Python files beside this one is the definition of what they compute.
 */
#include "_arguments.h"

/* More than there are buckets and gaps between them. */
#define MOST_INTERVALS (2 * BUCKETS)
/* So little work is done with the GIL held: another thread would keep it for milliseconds. */
#define LITTLE_WORK 32768

#define NOTHING ((const ptrdiff_t *)NULL)
/* A vector of so many numbers, or of so many for each column. */
#define OF_SIZE(pointer, size) (void *)&(pointer), (int)(size), NOTHING, 0
#define OF_COLUMNS(pointer, times, block) (void *)&(pointer), (int)(times), &(block).columns, 0

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

/* None, or NULL where an exception is set; what was held is released. */
static PyObject *ended(Views *views, int status)
{
    release(views);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(reduce_doc,
"reduce(block, pivot, first, second, low, high, count, counts) -> (zero, nan, posinf, neginf)\n\n"
"Adds a float32[fan_in, neurons] block to the sums of its neurons and to the bucket counts. One of\n"
"the block's axes must be contiguous. Buckets of what is not finite are left as the bits say.");

static PyObject *reduce(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    Sums sums = {0};
    (void)module;
    if (!read_arguments(&views, "reduce", args, given, "Bvwwwwww", &sums,
                        OF_COLUMNS(sums.pivot, 1, sums), OF_COLUMNS(sums.first, 1, sums),
                        OF_COLUMNS(sums.second, 1, sums), OF_COLUMNS(sums.low, 1, sums),
                        OF_COLUMNS(sums.high, 1, sums), OF_COLUMNS(sums.count, 1, sums),
                        OF_SIZE(sums.counts, BUCKETS))) {
        PyThreadState *state = let_others_run(sums.rows * sums.columns);
        int status = nnviz_reduce(&sums);
        go_on(state);
        result = status < 0 ? PyErr_NoMemory()
                            : Py_BuildValue("LLLL", (long long)sums.zero_count,
                                            (long long)sums.nan_count, (long long)sums.posinf_count,
                                            (long long)sums.neginf_count);
    }
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

static PyObject *describe(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    Sums sums = {0};
    Numbers ranks = {0};
    ptrdiff_t exact_up_to = 0;
    double *neurons = NULL, *summary = NULL;
    (void)module;
    if (!read_arguments(&views, "describe", args, given, "Brnwww", &sums, &ranks, &exact_up_to,
                        "exact_up_to", 0, INT_MAX, OF_SIZE(sums.counts, BUCKETS),
                        OF_COLUMNS(neurons, 5, sums), (void *)&summary, 1, &ranks.count, 8)) {
        PyThreadState *state = let_others_run(sums.rows * sums.columns);
        int status =
            nnviz_describe(&sums, ranks.data, ranks.count, exact_up_to, neurons, summary);
        go_on(state);
        result = status < 0 ? PyErr_NoMemory()
                            : Py_BuildValue("LLLLdd", (long long)sums.zero_count,
                                            (long long)sums.nan_count, (long long)sums.posinf_count,
                                            (long long)sums.neginf_count, sums.minimum,
                                            sums.maximum);
    }
    release(&views);
    return result;
}

PyDoc_STRVAR(intervals_doc,
"intervals(counts, minimum, maximum, limit, table) -> rows\n\n"
"Writes left, right and count of at most `limit` intervals to float64[limit, 3].");

static PyObject *intervals(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    const int64_t *counts = NULL;
    double minimum = 0.0, maximum = 0.0, *table = NULL;
    ptrdiff_t limit = 0;
    (void)module;
    if (!read_arguments(&views, "intervals", args, given, "vddnw", OF_SIZE(counts, BUCKETS),
                        &minimum, &maximum, &limit, "limit", 1, MOST_INTERVALS, (void *)&table, 3,
                        &limit, 0)) {
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

static PyObject *density(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    Numbers samples = {0};
    int64_t *counts = NULL;
    (void)module;
    int status = read_arguments(&views, "density", args, given, "fw", &samples,
                                OF_SIZE(counts, ALL_PLACES));
    if (!status) {
        PyThreadState *state = let_others_run(samples.count);
        nnviz_density(samples.data, samples.count, counts);
        go_on(state);
    }
    return ended(&views, status);
}

PyDoc_STRVAR(tails_doc,
"tails(samples, below, above, inside, nan)\n\n"
"Adds how many of each column of contiguous float32[samples, neurons] are <= below or >= above,\n"
"and how many are NaN, to float64[neurons].");

static PyObject *tails(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    Stretch block = {0};
    double below = 0.0, above = 0.0, *inside = NULL, *nan = NULL;
    (void)module;
    int status = read_arguments(&views, "tails", args, given, "sddww", &block, &below, &above,
                                OF_COLUMNS(inside, 1, block), OF_COLUMNS(nan, 1, block));
    if (!status) {
        PyThreadState *state = let_others_run(block.rows * block.columns);
        nnviz_tails(&block, (float)below, (float)above, inside, nan);
        go_on(state);
    }
    return ended(&views, status);
}

PyDoc_STRVAR(magnitudes_doc,
"magnitudes(samples, total, count)\n\n"
"Adds the finite magnitudes in each column of contiguous float32[samples, neurons], and how many\n"
"they are, to float64[neurons].");

static PyObject *magnitudes(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    Stretch block = {0};
    double *total = NULL, *count = NULL;
    (void)module;
    int status = read_arguments(&views, "magnitudes", args, given, "sww", &block,
                                OF_COLUMNS(total, 1, block), OF_COLUMNS(count, 1, block));
    if (!status) {
        PyThreadState *state = let_others_run(block.rows * block.columns);
        nnviz_magnitudes(&block, total, count);
        go_on(state);
    }
    return ended(&views, status);
}

PyDoc_STRVAR(moments_doc,
"moments(samples, pivot) -> (sum, sum of squares, count)\n\n"
"Of the finite numbers in contiguous float32 samples of any shape, less the pivot.");

static PyObject *moments(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    PyObject *result = NULL;
    Numbers samples = {0};
    double pivot = 0.0, first = 0.0, second = 0.0;
    int64_t count = 0;
    (void)module;
    if (!read_arguments(&views, "moments", args, given, "fd", &samples, &pivot)) {
        PyThreadState *state = let_others_run(samples.count);
        nnviz_moments(samples.data, samples.count, pivot, &first, &second, &count);
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

static PyObject *changes(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    Stretch block = {0}, other = {0};
    double *moved = NULL, *length = NULL;
    (void)module;
    int status = read_arguments(&views, "changes", args, given, "ssww", &block, &other,
                                OF_COLUMNS(moved, 1, block), OF_COLUMNS(length, 1, block));
    if (!status && (block.rows != other.rows || block.columns != other.columns ||
                    block.column_after_column != other.column_after_column)) {
        PyErr_SetString(PyExc_ValueError, "both blocks must have one shape and order");
        status = -1;
    }
    if (!status) {
        block.other = other.data;
        PyThreadState *state = let_others_run(block.rows * block.columns);
        nnviz_changes(&block, moved, length);
        go_on(state);
    }
    return ended(&views, status);
}

PyDoc_STRVAR(sketch_doc,
"sketch(kernel, seed, projected)\n\n"
"Adds each neuron's finite weights under the signs of each row to float64[neurons, 8].");

static PyObject *sketch(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Views views = {.taken = 0};
    Sums kernel = {0};
    uint64_t seed = 0;
    double *projected = NULL;
    (void)module;
    int status = read_arguments(&views, "sketch", args, given, "buw", &kernel, &seed,
                                OF_COLUMNS(projected, SKETCH_DIMENSIONS, kernel));
    if (!status) {
        PyThreadState *state = let_others_run(kernel.rows * kernel.columns);
        nnviz_sketch(&kernel, seed, projected);
        go_on(state);
    }
    return ended(&views, status);
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
