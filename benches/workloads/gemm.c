/* Memory: matrix product, a stencil and shortest paths on 512 x 512, N rounds. */
#include <stdio.h>
#include <stdlib.h>
#define N 512
static double A[N][N], B[N][N], C[N][N];
static int P[N][N];
int main(int c, char **v) {
    int r = c > 1 ? atoi(v[1]) : 3;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            A[i][j] = (double)(i * j % N) / N;
            B[i][j] = (double)((i * (j + 1)) % N) / N;
            C[i][j] = (double)((i * (j + 2)) % N) / N;
            P[i][j] = i * j % 7 + 1;
            if ((i + j) % 13 == 0 || (i + j) % 7 == 0 || (i + j) % 11 == 0)
                P[i][j] = 999;
        }
    for (int q = 0; q < r; q++) {
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++)
                C[i][j] *= 1.2;
            for (int k = 0; k < N; k++)
                for (int j = 0; j < N; j++)
                    C[i][j] += 1.5 * A[i][k] * B[k][j];
        }
        for (int t = 0; t < 50; t++) {
            for (int i = 1; i < N - 1; i++)
                for (int j = 1; j < N - 1; j++)
                    B[i][j] = .2 * (A[i][j] + A[i][j - 1] + A[i][1 + j] + A[1 + i][j] + A[i - 1][j]);
            for (int i = 1; i < N - 1; i++)
                for (int j = 1; j < N - 1; j++)
                    A[i][j] = .2 * (B[i][j] + B[i][j - 1] + B[i][1 + j] + B[1 + i][j] + B[i - 1][j]);
        }
        for (int k = 0; k < N; k++)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++) {
                    int d = P[i][k] + P[k][j];
                    if (d < P[i][j])
                        P[i][j] = d;
                }
    }
    double s = 0;
    long long t = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            s += C[i][j] + A[i][j];
            t += P[i][j];
        }
    printf("%.6e %lld\n", s, t);
}
