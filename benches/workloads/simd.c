/* Vectors: loops over float, u8 and i16 that the compiler vectorizes (-msimd128), N rounds over 64 Ki
 * elements. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#define N 65536
static float x[N], y[N];
static uint8_t p[N], q[N];
static int16_t u[N], w[N];
int main(int c, char **v) {
    int n = c > 1 ? atoi(v[1]) : 20000;
    for (int i = 0; i < N; i++) {
        x[i] = i % 17;
        y[i] = i % 13;
        p[i] = i * 7;
        q[i] = i * 11;
        u[i] = i % 101;
        w[i] = i % 97;
    }
    uint64_t h = 0;
    float f = 0;
    for (int k = 0; k < n; k++) {
        float a = 1.0f / (k + 1);
        for (int i = 0; i < N; i++)
            y[i] = y[i] * 0.5f + a * x[i];
        for (int i = 0; i < N; i++)
            p[i] = (p[i] * 3 + q[i] * 5 + k) >> 3;
        int s = 0;
        for (int i = 0; i < N; i++)
            s += u[i] * w[i];
        h = h * 31 + s + p[k & (N - 1)];
        u[k & (N - 1)] ^= k;
        f += y[k & (N - 1)];
    }
    printf("%llu %.3f\n", (unsigned long long)h, (double)f);
}
