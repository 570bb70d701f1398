/* The fused loop under stats.py: histogram, moments and extremes of float32 in one pass.
 *
 * NumPy's path in stats.py is the definition of what this computes. Everything is called with the
 * GIL released on memory that the caller keeps alive; nothing is allocated that outlives a call.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BUCKETS 4096
#define SHIFT 20
#define INFINITE 0x7F8
#define NEGATIVE 0x800
#define TABLES 4
#define DRAIN_AFTER (INT64_C(1) << 31)
/* 16 KiB of weights: the second look at them, for the moments, finds them in the first-level
 * cache. */
#define CHUNK 4096
#define LANES 16
/* Whole rows where possible: narrower strips of them defeat the prefetcher, and took twice as
 * long. The sums of this many neurons stay in the second-level cache. */
#define WIDTH 8192

/* The moments vectorise well, and better with wider registers than a portable build may assume:
 * the loader picks the version for the processor it finds. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__)
#define DISPATCHED __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define DISPATCHED
#endif

typedef struct {
    const char *data;
    Py_ssize_t rows, columns, row_stride, column_stride;
    const double *pivot;
    double *first, *second, *low, *high;
    int64_t *count, *counts;
    int64_t zero_count, nan_count, posinf_count, neginf_count;
} Sums;

/* The padding keeps the tables' hot ends in different cache sets: without it, 16 KiB apart, eight
 * tables were seventeen times slower and four a third. */
typedef struct {
    uint32_t table[TABLES][BUCKETS + 272];
    int64_t pending, nonfinite_count, tiny_count;
} Tables;

/* Four tables in turn, because an increment that follows one of the same bucket waits for it. */
static void count_buckets(const float *restrict w, Py_ssize_t n, Tables *restrict tables)
{
    Py_ssize_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint64_t a, b;
        memcpy(&a, w + i, 8);
        memcpy(&b, w + i + 2, 8);
        tables->table[0][(a >> SHIFT) & (BUCKETS - 1)]++;
        tables->table[1][a >> (32 + SHIFT)]++;
        tables->table[2][(b >> SHIFT) & (BUCKETS - 1)]++;
        tables->table[3][b >> (32 + SHIFT)]++;
    }
    for (; i < n; i++) {
        uint32_t a;
        memcpy(&a, w + i, 4);
        tables->table[0][a >> SHIFT]++;
    }
    tables->pending += n;
}

static void drain(Tables *tables, int64_t *counts)
{
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        counts[bucket] += (int64_t)tables->table[0][bucket] + tables->table[1][bucket] +
                          tables->table[2][bucket] + tables->table[3][bucket];
    }
    memset(tables, 0, sizeof *tables);
}

/* What was counted since the last call that needs a closer look: NaN and infinity, and numbers so
 * small that they may be zero. */
static void inspect(Tables *tables, int *has_nonfinite, int *has_tiny)
{
    int64_t nonfinite_count = 0, tiny_count = 0;
    for (int k = 0; k < TABLES; k++) {
        for (int bucket = INFINITE; bucket < NEGATIVE; bucket++) {
            nonfinite_count += tables->table[k][bucket];
            nonfinite_count += tables->table[k][NEGATIVE + bucket];
        }
        tiny_count += (int64_t)tables->table[k][0] + tables->table[k][NEGATIVE];
    }
    *has_nonfinite = nonfinite_count != tables->nonfinite_count;
    *has_tiny = tiny_count != tables->tiny_count;
    tables->nonfinite_count = nonfinite_count;
    tables->tiny_count = tiny_count;
}

DISPATCHED static int64_t zeros(const float *restrict w, Py_ssize_t n)
{
    int32_t count = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, w + i, 4);
        count += (bits & 0x7fffffff) == 0;
    }
    return count;
}

static void add_one(Sums *sums, float w, Py_ssize_t neuron)
{
    if (isfinite(w)) {
        double d = (double)w - sums->pivot[neuron];
        sums->first[neuron] += d;
        sums->second[neuron] += d * d;
        sums->low[neuron] = w < sums->low[neuron] ? w : sums->low[neuron];
        sums->high[neuron] = w > sums->high[neuron] ? w : sums->high[neuron];
        sums->count[neuron]++;
    } else if (isnan(w)) {
        sums->nan_count++;
    } else if (w > 0) {
        sums->posinf_count++;
    } else {
        sums->neginf_count++;
    }
}

/* Finite weights of one neuron. Lanes are summed apart, which is what lets them be vectors. */
DISPATCHED static void add_neuron(Sums *sums, const float *restrict w, Py_ssize_t n,
                                  Py_ssize_t neuron)
{
    const double pivot = sums->pivot[neuron];
    double first[LANES] = {0}, second[LANES] = {0};
    float low[LANES], high[LANES];
    Py_ssize_t i = 0;
    if (n >= LANES) {
        memcpy(low, w, sizeof low);
        memcpy(high, w, sizeof high);
        for (; i + LANES <= n; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                float value = w[i + lane];
                double d = (double)value - pivot;
                first[lane] += d;
                second[lane] += d * d;
                low[lane] = value < low[lane] ? value : low[lane];
                high[lane] = value > high[lane] ? value : high[lane];
            }
        }
        for (int lane = 0; lane < LANES; lane++) {
            sums->first[neuron] += first[lane];
            sums->second[neuron] += second[lane];
            sums->low[neuron] = low[lane] < sums->low[neuron] ? low[lane] : sums->low[neuron];
            sums->high[neuron] = high[lane] > sums->high[neuron] ? high[lane] : sums->high[neuron];
        }
        sums->count[neuron] += i;
    }
    for (; i < n; i++) {
        add_one(sums, w[i], neuron);
    }
}

/* Finite weights of neighbouring neurons from four fan-ins, so that sums are loaded and stored
 * once for the four. */
DISPATCHED static void add_four_rows(const float *restrict a, const float *restrict b,
                                     const float *restrict c, const float *restrict d,
                                     Py_ssize_t n, const double *restrict pivot,
                                     double *restrict first, double *restrict second,
                                     double *restrict low, double *restrict high)
{
    for (Py_ssize_t j = 0; j < n; j++) {
        double p = pivot[j];
        double wa = a[j] - p, wb = b[j] - p, wc = c[j] - p, wd = d[j] - p;
        float low_ab = a[j] < b[j] ? a[j] : b[j], low_cd = c[j] < d[j] ? c[j] : d[j];
        float high_ab = a[j] > b[j] ? a[j] : b[j], high_cd = c[j] > d[j] ? c[j] : d[j];
        double least = low_ab < low_cd ? low_ab : low_cd;
        double most = high_ab > high_cd ? high_ab : high_cd;
        first[j] += (wa + wb) + (wc + wd);
        second[j] += (wa * wa + wb * wb) + (wc * wc + wd * wd);
        low[j] = least < low[j] ? least : low[j];
        high[j] = most > high[j] ? most : high[j];
    }
}

static void add_run(Sums *sums, const float *w, Py_ssize_t n, Py_ssize_t neuron, int nonfinite)
{
    if (!nonfinite) {
        add_neuron(sums, w, n, neuron);
        return;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        add_one(sums, w[i], neuron);
    }
}

static void reduce_near_rows(Sums *sums, Tables *tables)
{
    /* Neurons with few weights are looked at several at a time. */
    Py_ssize_t together = sums->rows < CHUNK ? CHUNK / (sums->rows > 0 ? sums->rows : 1) : 1;
    for (Py_ssize_t neuron = 0; neuron < sums->columns; neuron += together) {
        Py_ssize_t left = sums->columns - neuron;
        Py_ssize_t stop = neuron + (left < together ? left : together);
        for (Py_ssize_t start = 0; start < sums->rows; start += CHUNK) {
            Py_ssize_t n = sums->rows - start < CHUNK ? sums->rows - start : CHUNK;
            int nonfinite, tiny;
            for (Py_ssize_t j = neuron; j < stop; j++) {
                count_buckets((const float *)(sums->data + j * sums->column_stride) + start, n,
                              tables);
            }
            inspect(tables, &nonfinite, &tiny);
            for (Py_ssize_t j = neuron; j < stop; j++) {
                const float *w = (const float *)(sums->data + j * sums->column_stride) + start;
                sums->zero_count += tiny ? zeros(w, n) : 0;
                add_run(sums, w, n, j, nonfinite);
            }
            if (tables->pending > DRAIN_AFTER) {
                drain(tables, sums->counts);
            }
        }
    }
}

static const float *row_of(const Sums *sums, Py_ssize_t row, Py_ssize_t start)
{
    return (const float *)(sums->data + row * sums->row_stride) + start;
}

static void reduce_near_columns(Sums *sums, Tables *tables)
{
    for (Py_ssize_t start = 0; start < sums->columns; start += WIDTH) {
        Py_ssize_t n = sums->columns - start < WIDTH ? sums->columns - start : WIDTH;
        /* Rows with few weights are looked at several at a time. */
        Py_ssize_t together = n < CHUNK / 4 ? CHUNK / n & ~(Py_ssize_t)3 : 4;
        int64_t plain_rows = 0;
        for (Py_ssize_t row = 0; row < sums->rows; row += together) {
            Py_ssize_t left = sums->rows - row;
            Py_ssize_t stop = row + (left < together ? left : together);
            int nonfinite, tiny;
            for (Py_ssize_t k = row; k < stop; k++) {
                count_buckets(row_of(sums, k, start), n, tables);
            }
            inspect(tables, &nonfinite, &tiny);
            for (Py_ssize_t k = row; tiny && k < stop; k++) {
                sums->zero_count += zeros(row_of(sums, k, start), n);
            }
            Py_ssize_t k = row;
            for (; !nonfinite && k + 4 <= stop; k += 4) {
                add_four_rows(row_of(sums, k, start), row_of(sums, k + 1, start),
                              row_of(sums, k + 2, start), row_of(sums, k + 3, start), n,
                              sums->pivot + start, sums->first + start, sums->second + start,
                              sums->low + start, sums->high + start);
                plain_rows += 4;
            }
            for (; k < stop; k++) {
                const float *w = row_of(sums, k, start);
                for (Py_ssize_t j = 0; j < n; j++) {
                    add_one(sums, w[j], start + j);
                }
            }
            if (tables->pending > DRAIN_AFTER) {
                drain(tables, sums->counts);
            }
        }
        for (Py_ssize_t j = 0; j < n; j++) {
            sums->count[start + j] += plain_rows;
        }
    }
}

/* A contiguous vector of `size` items, or NULL with an exception. */
static void *vector(PyObject *object, Py_buffer *view, Py_ssize_t size, int writable)
{
    if (PyObject_GetBuffer(object, view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (view->len != size * 8) {
        PyErr_Format(PyExc_ValueError, "a vector of %zd bytes where %zd are needed", view->len,
                     size * 8);
        return NULL;
    }
    return view->buf;
}

PyDoc_STRVAR(reduce_doc,
"reduce(block, pivot, first, second, low, high, count, counts) -> (zero, nan, posinf, neginf)\n\n"
"Adds a float32[fan_in, neurons] block to the sums of its neurons and to the bucket counts. One of\n"
"the block's axes must be contiguous. Buckets of what is not finite are left as the bits say.");

static PyObject *reduce(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Py_buffer block, views[7];
    int taken = 0;
    PyObject *result = NULL;
    Sums sums = {0};
    void *fields[7];
    (void)module;
    memset(views, 0, sizeof views);
    if (nargs != 8) {
        PyErr_Format(PyExc_TypeError, "reduce takes 8 arguments, got %zd", nargs);
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &block, PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
        return NULL;
    }
    if (block.ndim != 2 || block.itemsize != 4 || !block.format || strcmp(block.format, "f") ||
        ((uintptr_t)block.buf & 3) || ((block.strides[0] | block.strides[1]) & 3)) {
        PyErr_SetString(PyExc_ValueError, "block must be aligned float32[fan_in, neurons]");
        goto done;
    }
    sums.data = block.buf;
    sums.rows = block.shape[0];
    sums.columns = block.shape[1];
    sums.row_stride = block.strides[0];
    sums.column_stride = block.strides[1];
    int rows_are_near = sums.row_stride == 4 || sums.rows == 1;
    int columns_are_near = sums.column_stride == 4 || sums.columns == 1;
    if (sums.rows == 1 && sums.column_stride == 4) {
        rows_are_near = 0;
    } else if (sums.columns == 1 && sums.row_stride == 4) {
        columns_are_near = 0;
    }
    if (!rows_are_near && !columns_are_near) {
        PyErr_SetString(PyExc_ValueError, "one axis of block must be contiguous");
        goto done;
    }
    for (; taken < 7; taken++) {
        Py_ssize_t size = taken == 6 ? BUCKETS : sums.columns;
        fields[taken] = vector(args[taken + 1], &views[taken], size, taken > 0);
        if (!fields[taken]) {
            taken += views[taken].obj != NULL;
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
    Tables *tables = PyMem_RawCalloc(1, sizeof(Tables));
    if (!tables) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    if (columns_are_near && !(rows_are_near && sums.rows > 1)) {
        reduce_near_columns(&sums, tables);
    } else {
        reduce_near_rows(&sums, tables);
    }
    drain(tables, sums.counts);
    PyMem_RawFree(tables);
    Py_END_ALLOW_THREADS
    result = Py_BuildValue("LLLL", (long long)sums.zero_count, (long long)sums.nan_count,
                           (long long)sums.posinf_count, (long long)sums.neginf_count);
done:
    while (taken > 0) {
        PyBuffer_Release(&views[--taken]);
    }
    PyBuffer_Release(&block);
    return result;
}

static PyMethodDef methods[] = {
    {"reduce", (PyCFunction)(void (*)(void))reduce, METH_FASTCALL, reduce_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_stats", "The fused loop under nnviz_tb.statistics.stats.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__stats(void)
{
    return PyModule_Create(&definition);
}
