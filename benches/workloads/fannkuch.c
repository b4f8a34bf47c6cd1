/* Integer: every permutation of N numbers, turned over until a 1 is in front. One function, arrays in memory.
 */
#include <stdio.h>
#include <stdlib.h>
int main(int c, char **v) {
    int n = c > 1 ? atoi(v[1]) : 10;
    int p[16], q[16], s[16];
    int sign = 1, maxf = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        p[i] = q[i] = s[i] = i;
    }
    for (;;) {
        int q0 = p[0];
        if (q0 != 0) {
            for (int i = 1; i < n; i++)
                q[i] = p[i];
            int f = 1;
            for (;;) {
                int qq = q[q0];
                if (qq == 0) {
                    sum += sign * f;
                    if (f > maxf)
                        maxf = f;
                    break;
                }
                q[q0] = q0;
                if (q0 >= 3) {
                    int i = 1, j = q0 - 1;
                    do {
                        int t = q[i];
                        q[i] = q[j];
                        q[j] = t;
                        i++;
                        j--;
                    } while (i < j);
                }
                q0 = qq;
                f++;
            }
        }
        if (sign == 1) {
            int t = p[0];
            p[0] = p[1];
            p[1] = t;
            sign = -1;
        } else {
            int t = p[1];
            p[1] = p[2];
            p[2] = t;
            sign = 1;
            for (int i = 2; i < n; i++) {
                int sx = s[i];
                if (sx != 0) {
                    s[i] = sx - 1;
                    break;
                }
                if (i == n - 1) {
                    printf("%d\nPfannkuchen(%d) = %d\n", sum, n, maxf);
                    return 0;
                }
                s[i] = i;
                t = p[0];
                for (int j = 0; j <= i; j++)
                    p[j] = p[j + 1];
                p[i + 1] = t;
            }
        }
    }
}
