/* What the files of the compiled loops share: NumPy's path beside them is their definition.
 *
 * Everything may be called with the GIL released, on memory that the caller keeps alive. Nothing
 * that is allocated outlives a call.
 */
#ifndef NNVIZ_STATS_H
#define NNVIZ_STATS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Buckets of FloatHistogram: the leading bits of a float32, see histogram.py. */
#define BUCKETS 4096
#define SHIFT 20
#define POSITIVE_INFINITY_BUCKET 0x7F8
#define NAN_BUCKET 0x7FC
#define NEGATIVE_BUCKETS 0x800
#define NEGATIVE_INFINITY_BUCKET 0xFF8

/* Buckets of both signs of buckets.py, and then NaN and the infinities. */
#define PLACES 512
#define ALL_PLACES (PLACES + 3)

/* Of sketch.py. */
#define SKETCH_DIMENSIONS 8

/* These loops vectorise well, and better with wider registers than a portable build may assume:
 * the loader picks the version for the processor it finds. Versions are named by what they need:
 * those named after Intel's processors are never chosen on others. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__)
#define DISPATCHED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DISPATCHED
#endif

#if defined(_MSC_VER)
#define restrict __restrict /* its C is older; below the system's headers, which use the word */
#endif

#if defined(__GNUC__)
#define INTERNAL __attribute__((visibility("hidden")))
#else
#define INTERNAL
#endif

/* float32[rows, columns] by its strides in bytes, one of which is 4, and sums over its columns. */
typedef struct {
    const char *data;
    ptrdiff_t rows, columns, row_stride, column_stride;
    const double *pivot;
    double *first, *second, *low, *high;
    int64_t *count, *counts;
    int64_t zero_count, nan_count, posinf_count, neginf_count;
    double minimum, maximum;
} Sums;

/* float32[rows, columns] in one stretch of memory, row after row or column after column, and
 * another one like it where two are compared. */
typedef struct {
    const float *data, *other;
    ptrdiff_t rows, columns;
    int column_after_column;
} Stretch;

/* One axis is contiguous, and which: rows when the weights of one neuron are neighbours. */
typedef enum { NEITHER, ROWS, COLUMNS } Near;

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline Near near_axis(const Sums *sums)
{
    if (sums->columns > 1 && sums->column_stride == 4) {
        return COLUMNS;
    }
    if (sums->row_stride == 4 || sums->rows == 1) {
        return ROWS;
    }
    return sums->columns == 1 ? COLUMNS : NEITHER;
}

/* _kernels.c. Zero for success, -1 when there is no memory. */
INTERNAL int nnviz_reduce(Sums *sums);

/* _summaries.c. */
INTERNAL int nnviz_describe(Sums *sums, const double *ranks, ptrdiff_t rank_count,
                            ptrdiff_t exact_up_to, double *neurons, double *summary);
INTERNAL ptrdiff_t nnviz_intervals(const int64_t *counts, double minimum, double maximum,
                                   ptrdiff_t limit, double *table);

/* _samples.c. */
INTERNAL void nnviz_density(const float *x, ptrdiff_t n, int64_t *counts);
INTERNAL void nnviz_tails(const Stretch *block, float below, float above, double *inside,
                          double *nan);
INTERNAL void nnviz_magnitudes(const Stretch *block, double *total, double *count);
INTERNAL void nnviz_moments(const float *x, ptrdiff_t n, double pivot, double *first,
                            double *second, int64_t *count);
INTERNAL void nnviz_changes(const Stretch *block, double *moved, double *length);
INTERNAL void nnviz_sketch(const Sums *kernel, uint64_t seed, double *projected);

#endif
