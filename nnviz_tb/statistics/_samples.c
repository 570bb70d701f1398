/* Bucket counts of samples, sums over the columns of samples or weights, and projections. */
#include "_stats.h"

/* Places of this many samples stay in the first-level cache with the samples themselves. */
#define CHUNK 4096
/* Rectified samples are zeros mostly: with fewer tables, each would wait for the one before. */
#define TABLES 8
#define LANES 16
#define SPARE 16 /* keeps the tables' hot middles in different cache sets */
#define LINEAR_BITS 0x3e000000u /* 2**-3, below which buckets are of one width */
#define LINEAR_SCALE 128.0f
#define OCTAVE_SHIFT 19
#define FIRST_NORMAL (((127 - 3) << 4) - 16)
#define LAST_BUCKET 255
#define INFINITE_BITS 0x7f800000u
#define ONE_BITS 0x3f800000u
#define MINUS_INFINITE_BITS 0xff800000u
/* A table entry holds so many samples. */
#define DRAIN_AFTER (INT64_C(1) << 31)

/* All ones where the condition holds: compilers turn conditions on floats into branches, which
 * cannot be vectors. */
static inline uint32_t mask(int condition)
{
    return 0u - (uint32_t)condition;
}

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The number, or zero where it is not finite. */
static inline float finite_or_zero(float value)
{
    uint32_t bits = bits_of(value);
    return float_of(bits & mask((bits & 0x7fffffffu) < INFINITE_BITS));
}

DISPATCHED static void find_places(const float *restrict x, ptrdiff_t n, uint16_t *restrict place)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(x[i]), magnitude = bits & 0x7fffffffu;
        uint32_t small = mask(magnitude < LINEAR_BITS), negative = mask(bits > 0x80000000u);
        uint32_t finite = mask(magnitude < INFINITE_BITS);
        uint32_t linear = (uint32_t)(int32_t)(float_of(magnitude & small) * LINEAR_SCALE);
        uint32_t normal = ((magnitude >> OCTAVE_SHIFT) - FIRST_NORMAL) & ~small;
        uint32_t bucket = linear | normal;
        bucket = bucket < LAST_BUCKET ? bucket : LAST_BUCKET;
        /* 255 - bucket for negative numbers, 256 + bucket for others. */
        bucket = LAST_BUCKET + 1 + (bucket ^ negative);
        uint32_t kind = PLACES + (magnitude == INFINITE_BITS) + (bits == MINUS_INFINITE_BITS);
        place[i] = (uint16_t)((bucket & finite) | (kind & ~finite));
    }
}

void nnviz_density(const float *x, ptrdiff_t n, int64_t *counts)
{
    uint32_t tables[TABLES][ALL_PLACES + SPARE] = {{0}};
    uint16_t place[CHUNK];
    int64_t pending = 0;
    for (ptrdiff_t start = 0; start < n; start += CHUNK) {
        ptrdiff_t size = n - start < CHUNK ? n - start : CHUNK, i = 0;
        find_places(x + start, size, place);
        for (; i + TABLES <= size; i += TABLES) {
            for (int k = 0; k < TABLES; k++) {
                tables[k][place[i + k]]++;
            }
        }
        for (; i < size; i++) {
            tables[0][place[i]]++;
        }
        pending += size;
        if (start + CHUNK >= n || pending > DRAIN_AFTER) {
            for (int bucket = 0; bucket < ALL_PLACES; bucket++) {
                for (int k = 0; k < TABLES; k++) {
                    counts[bucket] += tables[k][bucket];
                }
            }
            memset(tables, 0, sizeof tables);
            pending = 0;
        }
    }
}

/* What is summed, twice for every column. Rows follow one another in memory. */
typedef struct {
    float below, above;
} Limits;
typedef void (*Pass)(const float *restrict a, const float *restrict b, ptrdiff_t rows,
                     ptrdiff_t columns, Limits limits, double *restrict first,
                     double *restrict second);

/* Rows are gathered to at least so many columns, because a loop over few is mostly beginnings. */
#define WIDE 64
#define FEW_ROWS (1 << 20)

/* Column j of `columns` is also every column j + k·columns of rows k times as wide. */
static void over_rows(Pass pass, const float *a, const float *b, ptrdiff_t rows, ptrdiff_t columns,
                      Limits limits, double *first, double *second)
{
    if (columns >= WIDE || columns == 0 || rows < 2) {
        pass(a, b, rows, columns, limits, first, second);
        return;
    }
    double sums[2][2 * WIDE] = {{0}};
    ptrdiff_t together = (WIDE + columns - 1) / columns, width = together * columns;
    ptrdiff_t tall = rows / together, done = tall * width;
    pass(a, b, tall, width, limits, sums[0], sums[1]);
    for (ptrdiff_t k = 0; k < width; k += columns) {
        for (ptrdiff_t j = 0; j < columns; j++) {
            first[j] += sums[0][k + j];
            second[j] += sums[1][k + j];
        }
    }
    pass(a + done, b ? b + done : NULL, rows - tall * together, columns, limits, first, second);
}

static void over_columns(Pass pass, const Stretch *block, Limits limits, double *first,
                         double *second)
{
    const float *a = block->data, *b = block->other;
    if (!block->column_after_column) {
        over_rows(pass, a, b, block->rows, block->columns, limits, first, second);
        return;
    }
    for (ptrdiff_t j = 0; j < block->columns; j++, a += block->rows) {
        over_rows(pass, a, b, block->rows, 1, limits, first + j, second + j);
        b = b ? b + block->rows : NULL;
    }
}

/* Counts are taken in int32, which is as wide as the samples, strip by strip of the columns. */
DISPATCHED static void count_tails(const float *restrict a, const float *restrict b, ptrdiff_t rows,
                                   ptrdiff_t columns, Limits limits, double *restrict inside,
                                   double *restrict nan)
{
    const float below = limits.below, above = limits.above;
    (void)b;
    for (ptrdiff_t start = 0; start < columns; start += 2 * WIDE) {
        ptrdiff_t n = columns - start < 2 * WIDE ? columns - start : 2 * WIDE;
        for (ptrdiff_t from = 0; from < rows; from += FEW_ROWS) {
            ptrdiff_t stop = rows - from < FEW_ROWS ? rows : from + FEW_ROWS;
            int32_t inside_count[2 * WIDE] = {0}, nan_count[2 * WIDE] = {0};
            for (ptrdiff_t row = from; row < stop; row++) {
                const float *restrict x = a + row * columns + start;
                for (ptrdiff_t j = 0; j < n; j++) {
                    inside_count[j] += (x[j] <= below) | (x[j] >= above);
                    nan_count[j] += (bits_of(x[j]) & 0x7fffffffu) > INFINITE_BITS;
                }
            }
            for (ptrdiff_t j = 0; j < n; j++) {
                inside[start + j] += inside_count[j];
                nan[start + j] += nan_count[j];
            }
        }
    }
}

DISPATCHED static void add_magnitudes(const float *restrict a, const float *restrict b,
                                      ptrdiff_t rows, ptrdiff_t columns, Limits limits,
                                      double *restrict total, double *restrict count)
{
    (void)b;
    (void)limits;
    for (ptrdiff_t row = 0; row < rows; row++, a += columns) {
        for (ptrdiff_t j = 0; j < columns; j++) {
            int finite = (bits_of(a[j]) & 0x7fffffffu) < INFINITE_BITS;
            total[j] += fabsf(finite_or_zero(a[j]));
            count[j] += float_of(mask(finite) & ONE_BITS);
        }
    }
}

/* Lanes are summed apart, which is what lets them be vectors. */
DISPATCHED void nnviz_moments(const float *restrict x, ptrdiff_t n, double pivot, double *first,
                              double *second, int64_t *count)
{
    double firsts[LANES] = {0}, seconds[LANES] = {0};
    const float near = (float)pivot;
    for (ptrdiff_t start = 0; start < n; start += CHUNK) {
        ptrdiff_t size = n - start < CHUNK ? n - start : CHUNK;
        int32_t finite_count = 0;
        for (ptrdiff_t i = 0; i < size; i++) {
            finite_count += (bits_of(x[start + i]) & 0x7fffffffu) < INFINITE_BITS;
        }
        for (ptrdiff_t i = 0; i < size; i += LANES) {
            ptrdiff_t lanes = size - i < LANES ? size - i : LANES;
            for (ptrdiff_t lane = 0; lane < LANES; lane++) {
                float value = lane < lanes ? x[start + i + lane] : near;
                uint32_t bits = bits_of(value);
                uint32_t finite = mask((bits & 0x7fffffffu) < INFINITE_BITS);
                /* What is not finite is taken for the pivot, which adds nothing. */
                double d = (double)float_of((bits & finite) | (bits_of(near) & ~finite)) - pivot;
                firsts[lane] += d;
                seconds[lane] += d * d;
            }
        }
        *count += finite_count;
    }
    for (int lane = 0; lane < LANES; lane++) {
        *first += firsts[lane];
        *second += seconds[lane];
    }
}

DISPATCHED static void add_changes(const float *restrict a, const float *restrict b, ptrdiff_t rows,
                                   ptrdiff_t columns, Limits limits, double *restrict moved,
                                   double *restrict length)
{
    (void)limits;
    for (ptrdiff_t row = 0; row < rows; row++, a += columns, b += columns) {
        for (ptrdiff_t j = 0; j < columns; j++) {
            double before = b[j], change = (double)a[j] - before;
            moved[j] += change * change;
            length[j] += before * before;
        }
    }
}

void nnviz_tails(const Stretch *block, float below, float above, double *inside, double *nan)
{
    over_columns(count_tails, block, (Limits){below, above}, inside, nan);
}

void nnviz_magnitudes(const Stretch *block, double *total, double *count)
{
    over_columns(add_magnitudes, block, (Limits){0}, total, count);
}

void nnviz_changes(const Stretch *block, double *moved, double *length)
{
    over_columns(add_changes, block, (Limits){0}, moved, length);
}

/* A sign of each dimension from the low byte of sampling.hash64. */
static void find_signs(uint64_t row, uint64_t seed, double signs[SKETCH_DIMENSIONS])
{
    const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = (row + seed + 1) * golden;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    for (int k = 0; k < SKETCH_DIMENSIONS; k++) {
        signs[k] = z >> k & 1 ? 1.0 : -1.0;
    }
}

#define ROWS_TOGETHER 8 /* more of them would evict one another where rows are 2**k long */

DISPATCHED void nnviz_sketch(const Sums *kernel, uint64_t seed, double *restrict projected)
{
    for (ptrdiff_t start = 0; start < kernel->rows; start += ROWS_TOGETHER) {
        double signs[ROWS_TOGETHER][SKETCH_DIMENSIONS];
        ptrdiff_t left = kernel->rows - start, rows = left < ROWS_TOGETHER ? left : ROWS_TOGETHER;
        for (ptrdiff_t i = 0; i < rows; i++) {
            find_signs((uint64_t)(start + i), seed, signs[i]);
        }
        const char *top = kernel->data + start * kernel->row_stride;
        for (ptrdiff_t j = 0; j < kernel->columns; j++, top += kernel->column_stride) {
            double sums[SKETCH_DIMENSIONS] = {0};
            const char *weight = top;
            for (ptrdiff_t i = 0; i < rows; i++, weight += kernel->row_stride) {
                float w;
                memcpy(&w, weight, sizeof w);
                w = finite_or_zero(w);
                for (int k = 0; k < SKETCH_DIMENSIONS; k++) {
                    sums[k] += (double)w * signs[i][k];
                }
            }
            for (int k = 0; k < SKETCH_DIMENSIONS; k++) {
                projected[j * SKETCH_DIMENSIONS + k] += sums[k];
            }
        }
    }
}
