/* Sort: numbers by the C library's qsort with a comparator (indirect calls), and by a quicksort of our own; N rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 200000

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void quick(uint32_t *a, int from, int to) {
    while (from < to) {
        uint32_t middle = a[from + (to - from) / 2];
        int i = from, j = to;
        while (i <= j) {
            while (a[i] < middle)
                i++;
            while (a[j] > middle)
                j--;
            if (i <= j) {
                uint32_t kept = a[i];
                a[i++] = a[j], a[j--] = kept;
            }
        }
        if (j - from < to - i)
            quick(a, from, j), from = i;
        else
            quick(a, i, to), to = j;
    }
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 3;
    static uint32_t first[LENGTH], second[LENGTH];
    uint64_t state = 88172645463325252, sum = 0;
    for (int n = 0; n < rounds; n++) {
        for (int i = 0; i < LENGTH; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            first[i] = second[i] = (uint32_t)state;
        }
        qsort(first, LENGTH, sizeof *first, by_value);
        quick(second, 0, LENGTH - 1);
        if (memcmp(first, second, sizeof first))
            return 1;
        for (int i = 0; i < LENGTH; i += 97)
            sum = sum * 31 + first[i];
    }
    printf("%llu\n", (unsigned long long)sum);
}
