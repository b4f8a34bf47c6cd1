// Divides, in functions of which one is inlined into another: for backtraces with source lines.

static inline __attribute__((always_inline)) int checked(int a, int b) {
    if (a < 0)
        return 0;
    return a / b;
}

__attribute__((noinline)) int divide(int a, int b) {
    return checked(a + 1, b);
}

__attribute__((export_name("run"))) int run(int b) {
    int sum = 0;
    for (int a = 3; a > 0; a--)
        sum += divide(a, b);
    return sum;
}
