/* Histogram, moments and extremes of float32 in one pass over a kernel. */
#include "_stats.h"

#define TABLES 4
/* The padding keeps the tables' hot ends in different cache sets: without it, 16 KiB apart, eight
 * tables were seventeen times slower and four a third. */
#define TABLE_SIZE (BUCKETS + 272)
#define DRAIN_AFTER (INT64_C(1) << 31)
/* Clearing and draining four tables costs as much as this many weights. */
#define FEW_WEIGHTS 16384
/* 16 KiB of weights: the second look at them, for the moments, finds them in the first-level
 * cache. */
#define CHUNK 4096
#define LANES 16
/* Whole rows where possible: narrower strips of them defeat the prefetcher, and took twice as
 * long. The sums of this many neurons stay in the second-level cache. */
#define WIDTH 8192

/* Increments go to the tables in turn, because one that follows another of the same bucket waits
 * for it. Few weights share a single table. */
typedef struct {
    uint32_t *table[TABLES];
    int count;
    int64_t pending, nonfinite_count, tiny_count;
} Tables;

static void count_buckets(const float *restrict w, ptrdiff_t n, Tables *tables)
{
    uint32_t *first = tables->table[0], *second = tables->table[1];
    uint32_t *third = tables->table[2], *fourth = tables->table[3];
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint64_t a, b;
        memcpy(&a, w + i, 8);
        memcpy(&b, w + i + 2, 8);
        first[(a >> SHIFT) & (BUCKETS - 1)]++;
        second[a >> (32 + SHIFT)]++;
        third[(b >> SHIFT) & (BUCKETS - 1)]++;
        fourth[b >> (32 + SHIFT)]++;
    }
    for (; i < n; i++) {
        first[bits_of(w[i]) >> SHIFT]++;
    }
    tables->pending += n;
}

static void drain(Tables *tables, int64_t *restrict counts)
{
    for (int k = 0; k < tables->count; k++) {
        uint32_t *restrict table = tables->table[k];
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            counts[bucket] += table[bucket];
        }
        memset(table, 0, BUCKETS * sizeof *table);
    }
    tables->pending = tables->nonfinite_count = tables->tiny_count = 0;
}

/* What was counted since the last call that needs a closer look: NaN and infinity, and numbers so
 * small that they may be zero. */
static void inspect(Tables *tables, int *has_nonfinite, int *has_tiny)
{
    int64_t nonfinite_count = 0, tiny_count = 0;
    for (int k = 0; k < tables->count; k++) {
        const uint32_t *table = tables->table[k];
        for (int bucket = POSITIVE_INFINITY_BUCKET; bucket < NEGATIVE_BUCKETS; bucket++) {
            nonfinite_count += table[bucket];
            nonfinite_count += table[NEGATIVE_BUCKETS + bucket];
        }
        tiny_count += (int64_t)table[0] + table[NEGATIVE_BUCKETS];
    }
    *has_nonfinite = nonfinite_count != tables->nonfinite_count;
    *has_tiny = tiny_count != tables->tiny_count;
    tables->nonfinite_count = nonfinite_count;
    tables->tiny_count = tiny_count;
}

DISPATCHED static int64_t zeros(const float *restrict w, ptrdiff_t n)
{
    int32_t count = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        count += (bits_of(w[i]) & 0x7fffffff) == 0;
    }
    return count;
}

static void add_one(Sums *sums, float w, ptrdiff_t neuron)
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
DISPATCHED static void add_neuron(Sums *sums, const float *restrict w, ptrdiff_t n,
                                  ptrdiff_t neuron)
{
    const double pivot = sums->pivot[neuron];
    double first[LANES] = {0}, second[LANES] = {0};
    float low[LANES], high[LANES];
    ptrdiff_t i = 0;
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
                                     ptrdiff_t n, const double *restrict pivot,
                                     double *restrict first, double *restrict second,
                                     double *restrict low, double *restrict high)
{
    for (ptrdiff_t j = 0; j < n; j++) {
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

static void add_run(Sums *sums, const float *w, ptrdiff_t n, ptrdiff_t neuron, int nonfinite)
{
    if (!nonfinite) {
        add_neuron(sums, w, n, neuron);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        add_one(sums, w[i], neuron);
    }
}

static void reduce_near_rows(Sums *sums, Tables *tables)
{
    /* Neurons with few weights are looked at several at a time. */
    ptrdiff_t together = sums->rows < CHUNK ? CHUNK / (sums->rows > 0 ? sums->rows : 1) : 1;
    for (ptrdiff_t neuron = 0; neuron < sums->columns; neuron += together) {
        ptrdiff_t left = sums->columns - neuron;
        ptrdiff_t stop = neuron + (left < together ? left : together);
        for (ptrdiff_t start = 0; start < sums->rows; start += CHUNK) {
            ptrdiff_t n = sums->rows - start < CHUNK ? sums->rows - start : CHUNK;
            int nonfinite, tiny;
            for (ptrdiff_t j = neuron; j < stop; j++) {
                count_buckets((const float *)(sums->data + j * sums->column_stride) + start, n,
                              tables);
            }
            inspect(tables, &nonfinite, &tiny);
            for (ptrdiff_t j = neuron; j < stop; j++) {
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

static const float *row_of(const Sums *sums, ptrdiff_t row, ptrdiff_t start)
{
    return (const float *)(sums->data + row * sums->row_stride) + start;
}

static void reduce_near_columns(Sums *sums, Tables *tables)
{
    for (ptrdiff_t start = 0; start < sums->columns; start += WIDTH) {
        ptrdiff_t n = sums->columns - start < WIDTH ? sums->columns - start : WIDTH;
        /* Rows with few weights are looked at several at a time. */
        ptrdiff_t together = n < CHUNK / 4 ? CHUNK / n & ~(ptrdiff_t)3 : 4;
        int64_t plain_rows = 0;
        for (ptrdiff_t row = 0; row < sums->rows; row += together) {
            ptrdiff_t left = sums->rows - row;
            ptrdiff_t stop = row + (left < together ? left : together);
            int nonfinite, tiny;
            for (ptrdiff_t k = row; k < stop; k++) {
                count_buckets(row_of(sums, k, start), n, tables);
            }
            inspect(tables, &nonfinite, &tiny);
            for (ptrdiff_t k = row; tiny && k < stop; k++) {
                sums->zero_count += zeros(row_of(sums, k, start), n);
            }
            ptrdiff_t k = row;
            for (; !nonfinite && k + 4 <= stop; k += 4) {
                add_four_rows(row_of(sums, k, start), row_of(sums, k + 1, start),
                              row_of(sums, k + 2, start), row_of(sums, k + 3, start), n,
                              sums->pivot + start, sums->first + start, sums->second + start,
                              sums->low + start, sums->high + start);
                plain_rows += 4;
            }
            for (; k < stop; k++) {
                const float *w = row_of(sums, k, start);
                for (ptrdiff_t j = 0; j < n; j++) {
                    add_one(sums, w[j], start + j);
                }
            }
            if (tables->pending > DRAIN_AFTER) {
                drain(tables, sums->counts);
            }
        }
        for (ptrdiff_t j = 0; j < n; j++) {
            sums->count[start + j] += plain_rows;
        }
    }
}

int nnviz_reduce(Sums *sums)
{
    Tables tables = {.count = sums->rows * sums->columns < FEW_WEIGHTS ? 1 : TABLES};
    uint32_t *memory = calloc((size_t)tables.count * TABLE_SIZE, sizeof *memory);
    if (!memory) {
        return -1;
    }
    for (int k = 0; k < TABLES; k++) {
        tables.table[k] = memory + k % tables.count * TABLE_SIZE;
    }
    if (near_axis(sums) == COLUMNS) {
        reduce_near_columns(sums, &tables);
    } else {
        reduce_near_rows(sums, &tables);
    }
    drain(&tables, sums->counts);
    free(memory);
    return 0;
}
