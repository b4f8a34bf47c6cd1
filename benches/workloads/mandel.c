/* Float: the Mandelbrot set, N x N points. One loop in main, nothing in memory. */
#include <stdio.h>
#include <stdlib.h>
int main(int c, char **v) {
    int n = c > 1 ? atoi(v[1]) : 1000, it = 200;
    unsigned long long s = 0;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            double cr = 2.0 * x / n - 1.5, ci = 2.0 * y / n - 1.0, zr = 0, zi = 0;
            int k = 0;
            for (; k < it; k++) {
                double r = zr * zr, i = zi * zi;
                if (r + i > 4)
                    break;
                zi = 2 * zr * zi + ci;
                zr = r - i + cr;
            }
            s = s * 31 + k;
        }
    printf("%llu\n", s);
}
