/* What follows from the sums: figures of each neuron, of them all, and quantiles. */
#include "_stats.h"

typedef struct {
    double left[BUCKETS], right[BUCKETS];
    int64_t count[BUCKETS];
    ptrdiff_t size;
} Occupied;

static double clipped(double value, double minimum, double maximum)
{
    value = value > minimum ? value : minimum;
    return value < maximum ? value : maximum;
}

/* Lower border of a bucket of positive numbers; that of infinity is 2**128. */
static double border(int bucket)
{
    uint32_t bits = (uint32_t)bucket << SHIFT;
    float value;
    memcpy(&value, &bits, sizeof value);
    return bucket < POSITIVE_INFINITY_BUCKET ? (double)value : 0x1p128;
}

static void take(Occupied *found, int bucket, int64_t count, double minimum, double maximum)
{
    int magnitude = bucket & (NEGATIVE_BUCKETS - 1), negative = bucket >= NEGATIVE_BUCKETS;
    double near = border(magnitude), far = border(magnitude + 1);
    double left = clipped(negative ? -far : near, minimum, maximum);
    double right = clipped(negative ? -near : far, minimum, maximum);
    ptrdiff_t k = found->size;
    found->left[k] = left;
    found->right[k] = right;
    found->count[k] = count;
    found->size = k + 1;
}

/* Borders and counts of the finite buckets that hold a number, ascending. */
static void find_occupied(Occupied *found, const int64_t *counts, double minimum, double maximum)
{
    found->size = 0;
    for (int top = NEGATIVE_INFINITY_BUCKET; top > NEGATIVE_BUCKETS; top -= 8) {
        int64_t any = 0;
        for (int k = 1; k <= 8; k++) {
            any |= counts[top - k];
        }
        for (int k = 1; any && k <= 8; k++) {
            if (counts[top - k]) {
                take(found, top - k, counts[top - k], minimum, maximum);
            }
        }
    }
    for (int low = 0; low < POSITIVE_INFINITY_BUCKET; low += 8) {
        int64_t any = 0;
        for (int k = 0; k < 8; k++) {
            any |= counts[low + k];
        }
        for (int k = 0; any && k < 8; k++) {
            if (counts[low + k]) {
                take(found, low + k, counts[low + k], minimum, maximum);
            }
        }
    }
    if (found->size) {
        found->left[0] = minimum;
        found->right[found->size - 1] = maximum;
    }
}

ptrdiff_t nnviz_intervals(const int64_t *counts, double minimum, double maximum, ptrdiff_t limit,
                          double *table)
{
    Occupied *found = malloc(sizeof *found);
    if (!found) {
        return -1;
    }
    find_occupied(found, counts, minimum, maximum);
    ptrdiff_t gaps = 0, rows = 0;
    double total = 0;
    for (ptrdiff_t k = 0; k < found->size; k++) {
        gaps += k && found->left[k] > found->right[k - 1];
        total += (double)found->count[k];
    }
    int joined = found->size + gaps > limit;
    double span = maximum - minimum > 0 ? maximum - minimum : 1.0, score = 0, part = -1;
    for (ptrdiff_t k = 0; k < found->size; k++) {
        int gap = k && found->left[k] > found->right[k - 1];
        for (int inside = !gap; inside < 2; inside++) {
            double left = inside ? found->left[k] : found->right[k - 1];
            double right = inside ? found->right[k] : found->left[k];
            double count = inside ? (double)found->count[k] : 0.0;
            if (joined) {
                score += count / total + (right - left) / span;
                double next = ceil(score * ((double)limit / 2.0) - 1e-9);
                next = clipped(next, 1.0, (double)limit);
                if (next == part) {
                    table[3 * rows - 2] = right;
                    table[3 * rows - 1] += count;
                    continue;
                }
                part = next;
            }
            table[3 * rows] = left;
            table[3 * rows + 1] = right;
            table[3 * rows + 2] = count;
            rows++;
        }
    }
    free(found);
    return rows;
}

/* Quantiles as histogram.py's: cells of equal width inside a bucket. */
static int quantiles_of_buckets(const Sums *sums, double minimum, double maximum,
                                const double *ranks, ptrdiff_t rank_count, double *quantiles)
{
    Occupied *found = malloc(sizeof *found);
    if (!found) {
        return -1;
    }
    find_occupied(found, sums->counts, minimum, maximum);
    double total = 0;
    for (ptrdiff_t k = 0; k < found->size; k++) {
        total += (double)found->count[k];
    }
    double below = 0;
    ptrdiff_t bucket = 0;
    for (ptrdiff_t r = 0; r < rank_count; r++) {
        double rank = ranks[r] * (total - 1.0);
        while (bucket + 1 < found->size && below + (double)found->count[bucket] <= rank) {
            below += (double)found->count[bucket++];
        }
        double inside = (rank - below + 0.5) / (double)found->count[bucket];
        inside = inside < 1.0 ? inside : 1.0;
        double value = found->left[bucket] + inside * (found->right[bucket] - found->left[bucket]);
        quantiles[r] = ranks[r] <= 0.0 ? minimum : ranks[r] >= 1.0 ? maximum : value;
    }
    free(found);
    return 0;
}

/* Bits in the order of the numbers, for a sort that needs no comparisons. */
static uint32_t key_of(float value)
{
    uint32_t bits = bits_of(value);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static double value_of(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value + 0.0;
}

/* Exact quantiles, linear between neighbours as np.quantile has them: a radix sort byte by byte. */
static int quantiles_of_weights(const Sums *sums, const double *ranks, ptrdiff_t rank_count,
                                double *quantiles)
{
    size_t size = (size_t)(sums->rows * sums->columns);
    uint32_t *keys = malloc(2 * size * sizeof *keys), *sorted;
    if (!keys) {
        return -1;
    }
    ptrdiff_t n = 0;
    for (ptrdiff_t row = 0; row < sums->rows; row++) {
        const char *start = sums->data + row * sums->row_stride;
        for (ptrdiff_t column = 0; column < sums->columns; column++) {
            float value;
            memcpy(&value, start + column * sums->column_stride, sizeof value);
            keys[n] = key_of(value);
            n += isfinite(value) != 0;
        }
    }
    uint32_t *from = keys, *to = keys + size;
    for (int shift = 0; shift < 32; shift += 8) {
        ptrdiff_t place[256] = {0}, sum = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            place[(from[i] >> shift) & 255]++;
        }
        for (int byte = 0; byte < 256; byte++) {
            ptrdiff_t count = place[byte];
            place[byte] = sum;
            sum += count;
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            to[place[(from[i] >> shift) & 255]++] = from[i];
        }
        sorted = to;
        to = from;
        from = sorted;
    }
    for (ptrdiff_t r = 0; r < rank_count; r++) {
        double rank = ranks[r] * (double)(n - 1);
        ptrdiff_t low = (ptrdiff_t)rank;
        double value = value_of(from[low]), next = low + 1 < n ? value_of(from[low + 1]) : value;
        quantiles[r] = value + (rank - (double)low) * (next - value);
    }
    free(keys);
    return 0;
}

/* First finite weight of a neuron, 0 where there is none. */
static double pivot_of(const Sums *sums, ptrdiff_t neuron)
{
    const char *weight = sums->data + neuron * sums->column_stride;
    for (ptrdiff_t row = 0; row < sums->rows; row++, weight += sums->row_stride) {
        float value;
        memcpy(&value, weight, sizeof value);
        if (isfinite(value)) {
            return value;
        }
    }
    return 0.0;
}

/* Every NaN, whatever its payload, in one bucket. */
static void sort_out_nonfinite(Sums *sums)
{
    for (int bucket = POSITIVE_INFINITY_BUCKET; bucket < NEGATIVE_BUCKETS; bucket++) {
        sums->counts[bucket] = sums->counts[NEGATIVE_BUCKETS + bucket] = 0;
    }
    sums->counts[NAN_BUCKET] = sums->nan_count;
    sums->counts[POSITIVE_INFINITY_BUCKET] = sums->posinf_count;
    sums->counts[NEGATIVE_INFINITY_BUCKET] = sums->neginf_count;
}

/* Norm, mean, standard deviation, minimum and maximum: a row of `neurons` each. */
static void moments(const Sums *sums, double *neurons)
{
    double *norm = neurons, *mean = norm + sums->columns, *std = mean + sums->columns;
    double *low = std + sums->columns, *high = low + sums->columns;
    for (ptrdiff_t j = 0; j < sums->columns; j++) {
        if (!sums->count[j]) {
            norm[j] = mean[j] = std[j] = low[j] = high[j] = NAN;
            continue;
        }
        double n = (double)sums->count[j], pivot = sums->pivot[j];
        double shift = sums->first[j] / n;
        double variance = sums->second[j] / n - shift * shift;
        double square = sums->second[j] + pivot * (2.0 * sums->first[j] + n * pivot);
        norm[j] = sqrt(square > 0.0 ? square : 0.0);
        mean[j] = pivot + shift;
        std[j] = sqrt(variance > 0.0 ? variance : 0.0);
        low[j] = sums->low[j];
        high[j] = sums->high[j];
    }
}

/* Mean, standard deviation and norm over all neurons. Squares of float32 fit in double. */
static int64_t totals(const Sums *sums, const double *neurons, double *summary)
{
    const double *norm = neurons, *mean = norm + sums->columns, *std = mean + sums->columns;
    int64_t finite = 0;
    for (ptrdiff_t j = 0; j < sums->columns; j++) {
        finite += sums->count[j];
    }
    if (!finite) {
        summary[0] = summary[1] = summary[2] = NAN;
        return 0;
    }
    double overall = 0.0, spread = 0.0, square = 0.0;
    for (ptrdiff_t j = 0; j < sums->columns; j++) {
        overall += sums->count[j] ? mean[j] * ((double)sums->count[j] / (double)finite) : 0.0;
    }
    for (ptrdiff_t j = 0; j < sums->columns; j++) {
        if (sums->count[j]) {
            double away = mean[j] - overall;
            spread += (std[j] * std[j] + away * away) * ((double)sums->count[j] / (double)finite);
            square += norm[j] * norm[j];
        }
    }
    summary[0] = overall;
    summary[1] = sqrt(spread);
    summary[2] = sqrt(square);
    return finite;
}

int nnviz_describe(Sums *sums, const double *ranks, ptrdiff_t rank_count, ptrdiff_t exact_up_to,
                   double *neurons, double *summary)
{
    ptrdiff_t columns = sums->columns;
    double *memory = malloc(((size_t)columns * 6 + 1) * sizeof *memory);
    if (!memory) {
        return -1;
    }
    double *pivot = memory;
    sums->pivot = pivot;
    sums->first = pivot + columns;
    sums->second = sums->first + columns;
    sums->low = sums->second + columns;
    sums->high = sums->low + columns;
    sums->count = (int64_t *)(sums->high + columns);
    for (ptrdiff_t j = 0; j < columns; j++) {
        pivot[j] = pivot_of(sums, j);
        sums->first[j] = sums->second[j] = 0.0;
        sums->low[j] = INFINITY;
        sums->high[j] = -INFINITY;
        sums->count[j] = 0;
    }
    int status = nnviz_reduce(sums);
    if (!status && (sums->nan_count || sums->posinf_count || sums->neginf_count)) {
        sort_out_nonfinite(sums);
    }
    if (!status) {
        moments(sums, neurons);
        double *after = summary + rank_count;
        int64_t finite = totals(sums, neurons, after);
        ptrdiff_t size = sums->rows * columns;
        double minimum = INFINITY, maximum = -INFINITY;
        for (ptrdiff_t j = 0; j < columns; j++) {
            minimum = sums->low[j] < minimum ? sums->low[j] : minimum;
            maximum = sums->high[j] > maximum ? sums->high[j] : maximum;
        }
        if (!finite) {
            minimum = maximum = NAN;
            for (ptrdiff_t r = 0; r < rank_count; r++) {
                summary[r] = NAN;
            }
        } else if (size <= exact_up_to) {
            status = quantiles_of_weights(sums, ranks, rank_count, summary);
        } else {
            status = quantiles_of_buckets(sums, minimum + 0.0, maximum + 0.0, ranks, rank_count,
                                          summary);
        }
        after[3] = (double)size;
        after[4] = (double)sums->zero_count;
        after[5] = (double)sums->nan_count;
        after[6] = (double)sums->posinf_count;
        after[7] = (double)sums->neginf_count;
        sums->minimum = minimum + 0.0;
        sums->maximum = maximum + 0.0;
    }
    free(memory);
    return status;
}
